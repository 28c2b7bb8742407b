"""Alpaca's market-data stream: one connection, read at once, and held against what is wanted."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import structlog

from core.adapters.alpaca.market_book import MarketBook
from core.adapters.alpaca.market_frames import Control, Failure, FrameReader, Subscription, Success
from core.adapters.alpaca.sockets import Deadlines, Peer, Socket, deadline, open_socket
from core.clock import Clock
from core.domain.credentials import AlpacaCredentials
from core.errors import BrokerUnavailable, NotEntitled
from core.tasks import Tasks

# Trades and quotes of so many symbols on the free plan (IEX); bars are not counted.
FREE_SYMBOLS = 30
CHANNELS = ("trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses")
_MESSAGEPACK = {"Content-Type": "application/msgpack"}

_LIMIT, _BUSY, _SLOW = 405, 406, 407
_REFUSED = frozenset({401, 402, 403, 404})
# 408 v2 not enabled, 409 insufficient subscription, 410 invalid for this feed, 411 insufficient scope.
_NOT_IN_PLAN = frozenset({408, 409, 410, 411})

_log = structlog.get_logger("alpaca.feed")


class DataStream:
    """Reads into a book from `connect` on; a reader of the book that is slow holds nothing up.

    Args:
        url: the complete address, feed included: `wss://…/v2/iex`.
        credentials: a key pair.
        peer: who is there, and the name of the key pair.
        book: takes in what comes.
        clock: for the deadlines.
        deadlines: how long to wait.
    """

    def __init__(
        self,
        url: str,
        credentials: AlpacaCredentials,
        peer: Peer,
        book: MarketBook,
        clock: Clock,
        deadlines: Deadlines | None = None,
    ) -> None:
        self._url = url
        self._credentials = credentials
        self._peer = peer
        self._book = book
        self._clock = clock
        self._deadlines = deadlines or Deadlines()
        self._frames = FrameReader()
        self._tasks = Tasks()
        self._socket: Socket | None = None
        self._reader: asyncio.Task[None] | None = None
        self._lost: BrokerUnavailable | None = None
        self._delivered: frozenset[str] = frozenset()
        self._answer: asyncio.Future[Subscription] | None = None
        self._asking = asyncio.Lock()
        self.wake = asyncio.Event()
        self.ended = asyncio.Event()

    async def connect(self) -> None:
        """Make one attempt: connect and log in. Nothing is subscribed afterwards.

        Raises:
            CredentialsRefused: the key does not open the stream.
            ConnectionLimit: another program reads with this key.
            NotEntitled: the plan does not include this feed.
            BrokerUnavailable: there is no stream for another reason.
        """
        await self.close()
        self._delivered, self._lost = frozenset(), None
        self._frames = FrameReader()
        self._socket = socket = await open_socket(
            self._url, self._peer, self._clock, self._deadlines, _MESSAGEPACK
        )
        is_open = False
        try:
            async with deadline(self._clock, self._deadlines.open_s):
                await self._log_in(socket)
            is_open = True
        except TimeoutError as error:
            raise BrokerUnavailable(
                f"{self._peer.what}: the login was not answered within {self._deadlines.open_s:g} s"
            ) from error
        finally:
            if not is_open:
                await self.close()
        self._book.begin()
        self.wake, self.ended = asyncio.Event(), asyncio.Event()
        self._reader = self._tasks.spawn(self._read(socket), "quotes")
        self._reader.add_done_callback(self._when_ended(self.wake, self.ended))

    async def close(self) -> None:
        """End the connection."""
        await self._tasks.close()
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()
            _log.info("stream.closed", old_quotes=self._book.dropped, skipped=dict(self._frames.skipped))

    async def check(self) -> bool:
        """Say whether more may come; False once it was closed here.

        Raises:
            BrokerUnavailable: the stream was lost, and why.
        """
        if self._lost is not None:
            raise self._lost
        if self._reader is None:
            raise BrokerUnavailable(f"{self._peer.what}: not connected")
        if self._reader.cancelled():
            return False
        if self._reader.done():
            await self._reader
        return True

    def lose(self, why: str) -> None:
        """Give the connection up."""
        self._lost = BrokerUnavailable(f"{self._peer.what}: {why}")
        if self._reader is not None:
            self._reader.cancel()

    async def subscribe(self, symbols: Sequence[str]) -> tuple[str, ...]:
        """Have exactly these delivered, as many as the plan allows, the first ones first.

        Returns:
            The symbols that are not delivered.

        Raises:
            NotEntitled: the plan does not include this feed.
            BrokerUnavailable: there was no answer, or there is no stream.
        """
        async with self._asking:
            gone = self._delivered.difference(symbols)
            if gone:
                await self._ask("unsubscribe", sorted(gone))
            added = [symbol for symbol in symbols if symbol not in self._delivered]
            most = len(added)
            while most and not await self._ask("subscribe", added[:most]):
                # Whether a symbol's trades and quotes count as one or as two is not documented: it is tried.
                free = FREE_SYMBOLS - len(self._delivered)
                most = free if 0 < free < most else most // 2
            return tuple(symbol for symbol in symbols if symbol not in self._delivered)

    async def _ask(self, action: str, symbols: list[str]) -> bool:
        if self._socket is None or self._reader is None or self._reader.done():
            await self.check()
            raise BrokerUnavailable(f"{self._peer.what}: not connected")
        self._answer = answer = asyncio.get_running_loop().create_future()
        message = {"action": action, **dict.fromkeys(CHANNELS, symbols)}
        await self._socket.send(msgspec.json.encode(message).decode())
        ended = self._tasks.spawn(self.ended.wait(), "ended")
        try:
            async with deadline(self._clock, self._deadlines.open_s):
                await asyncio.wait((answer, ended), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError as error:
            raise BrokerUnavailable(f"{self._peer.what}: no answer to a subscription") from error
        finally:
            self._answer = None
            ended.cancel()
        if not answer.done():
            await self.check()
            raise BrokerUnavailable(f"{self._peer.what}: closed")
        return self._acknowledged(answer)

    def _acknowledged(self, answer: "asyncio.Future[Subscription]") -> bool:
        try:
            state = answer.result()
        except _OverLimitError:
            return False
        self._delivered = frozenset(state.quotes or ()).intersection(state.trades or ())
        return True

    async def _log_in(self, socket: Socket) -> None:
        # Alpaca greets first; a server that waits for us instead is not kept waiting.
        login = {"action": "auth", "key": self._credentials.key_id, "secret": self._credentials.secret}
        await socket.send(msgspec.json.encode(login).decode())
        while True:
            for message in self._book.take(self._frames.read(await socket.receive())):
                if isinstance(message, Failure):
                    raise self._error(message)
                if isinstance(message, Success) and message.msg == "authenticated":
                    return

    async def _read(self, socket: Socket) -> None:
        receive, read, take, wake = socket.receive, self._frames.read, self._book.take, self.wake
        skipped = self._frames.skipped
        while True:
            for message in take(read(await receive())):
                self._control(message)
            wake.set()
            if skipped and not skipped["told"]:
                skipped["told"] = 1
                _log.warning("frame.unreadable", **skipped)

    def _control(self, message: Control) -> None:
        answer = self._answer
        if isinstance(message, Subscription):
            if answer is not None and not answer.done():
                answer.set_result(message)
            else:
                self._delivered = frozenset(message.quotes or ()).intersection(message.trades or ())
        elif isinstance(message, Failure):
            error = self._error(message)
            if message.code in (_BUSY, _SLOW) or answer is None or answer.done():
                raise error
            answer.set_exception(error)

    def _error(self, failure: Failure) -> BrokerUnavailable:
        code, why = failure.code, f"{failure.code} {failure.msg[:200]}".strip()
        if code == _BUSY:
            return self._peer.occupied(why)
        if code in _REFUSED:
            return self._peer.refused(why)
        if code in _NOT_IN_PLAN:
            return NotEntitled(
                f"{self._peer.what}: the plan of the key {self._peer.name} does not include it ({why})"
            )
        if code == _LIMIT:
            return _OverLimitError(f"{self._peer.what}: {why}")
        if code == _SLOW:
            return BrokerUnavailable(f"{self._peer.what}: this computer reads too slowly for it ({why})")
        return BrokerUnavailable(f"{self._peer.what}: {why}")

    @staticmethod
    def _when_ended(wake: asyncio.Event, ended: asyncio.Event) -> "Callable[[object], None]":
        def tell(_: object) -> None:
            ended.set()
            wake.set()

        return tell


class _OverLimitError(BrokerUnavailable):
    pass
