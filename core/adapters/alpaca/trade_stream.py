"""Alpaca's order stream (`trade_updates`): its events in order of arrival, and none lost in silence."""

import asyncio
import json
from collections import Counter, deque
from collections.abc import AsyncIterator
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

import structlog

from core.adapters.alpaca.sockets import Deadlines, Peer, Socket, deadline, open_socket, trading_key
from core.clock import Clock
from core.domain.credentials import AlpacaCredentials
from core.errors import BrokerUnavailable
from core.tasks import Tasks

MOST_UNREAD = 10_000
TRADE_UPDATES = "trade_updates"

_log = structlog.get_logger("alpaca.orders")


class TradeStream:
    """Reads the stream from `connect` on, so that nothing is missed while the orders are reconciled.

    Args:
        url: the complete address, `wss://…/stream`.
        credentials: the account's key pair.
        clock: for the deadlines.
        deadlines: how long to wait.
    """

    def __init__(
        self, url: str, credentials: AlpacaCredentials, clock: Clock, deadlines: Deadlines | None = None
    ) -> None:
        self._url = url
        self._credentials = credentials
        self._clock = clock
        self._deadlines = deadlines or Deadlines()
        self._peer = Peer("Alpaca's order stream", trading_key(url))
        self._tasks = Tasks()
        self._socket: Socket | None = None
        self._reader: asyncio.Task[None] | None = None
        self._unread: deque[dict[str, Any]] = deque()
        self._skipped: Counter[str] = Counter()
        self._wake = asyncio.Event()

    async def connect(self) -> None:
        """Make one attempt: connect, log in, and have the listening acknowledged.

        Raises:
            CredentialsRefused: the key does not open the stream.
            ConnectionLimit: another program listens with this key.
            BrokerUnavailable: there is no stream for another reason.
        """
        await self.close()
        self._unread.clear()
        self._skipped.clear()
        self._socket = socket = await open_socket(self._url, self._peer, self._clock, self._deadlines)
        is_listening = False
        try:
            async with deadline(self._clock, self._deadlines.open_s):
                await self._log_in(socket)
            is_listening = True
        except TimeoutError as error:
            raise BrokerUnavailable(
                f"{self._peer.what}: the login was not answered within {self._deadlines.open_s:g} s"
            ) from error
        finally:
            if not is_listening:
                await self.close()
        self._wake = wake = asyncio.Event()
        self._reader = self._tasks.spawn(self._read(socket), "orders")
        self._reader.add_done_callback(lambda _: wake.set())

    async def close(self) -> None:
        """End the connection; an iterator of `events` ends."""
        await self._tasks.close()
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Deliver the `data` of every trade update, in order of arrival; for one reader.

        Numbers without quotes are Decimals. Events of unknown kinds come as they are.

        Raises:
            BrokerUnavailable: the stream was lost, closed by the server, or could not be read.
        """
        reader, wake = self._reader, self._wake
        if reader is None:
            raise BrokerUnavailable(f"{self._peer.what}: not connected")
        while True:
            while self._unread:
                yield self._unread.popleft()
            if reader.cancelled():
                return
            if reader.done():
                await reader
            wake.clear()
            await wake.wait()

    async def _log_in(self, socket: Socket) -> None:
        key = {"key_id": self._credentials.key_id, "secret_key": self._credentials.secret}
        await socket.send(json.dumps({"action": "authenticate", "data": key}))
        answer = await self._answer(socket, "authorization")
        if answer.get("status") != "authorized":
            self._refuse(str(answer.get("status") or answer.get("error")))
        await socket.send(json.dumps({"action": "listen", "data": {"streams": [TRADE_UPDATES]}}))
        streams = (await self._answer(socket, "listening")).get("streams")
        if not isinstance(streams, list) or TRADE_UPDATES not in streams:
            raise BrokerUnavailable(f"{self._peer.what}: Alpaca does not listen for {TRADE_UPDATES}")

    async def _answer(self, socket: Socket, word: str) -> dict[str, Any]:
        while True:
            message = self._decode(await socket.receive())
            stream, data = message.get("stream"), message.get("data")
            if stream == word and isinstance(data, dict):
                return data
            if "error" in (message.get("T"), message.get("action"), stream):
                said = data if isinstance(data, dict) else message
                self._refuse(str(said.get("msg") or said.get("error") or said.get("error_message")), said)
            self._take(message)

    def _refuse(self, why: str, said: dict[str, Any] | None = None) -> NoReturn:
        code = str((said or {}).get("code", ""))
        if code in ("406", "429") or "connection limit" in why:
            raise self._peer.occupied(why)
        if code in ("401", "402", "403") or why == "unauthorized" or "auth" in why:
            raise self._peer.refused(why)
        raise BrokerUnavailable(f"{self._peer.what}: {why} {code}".rstrip())

    async def _read(self, socket: Socket) -> None:
        while True:
            self._take(self._decode(await socket.receive()))
            self._wake.set()

    def _take(self, message: dict[str, Any]) -> None:
        stream, data = message.get("stream"), message.get("data")
        if stream != TRADE_UPDATES:
            self._skip("stream", str(stream))
        elif not isinstance(data, dict):
            self._skip("data", type(data).__name__)  # null was seen after a reconnect
        elif len(self._unread) >= MOST_UNREAD:
            raise BrokerUnavailable(f"{self._peer.what}: {MOST_UNREAD} events were not read in time")
        else:
            self._unread.append(data)

    def _skip(self, what: str, found: str) -> None:
        self._skipped[what] += 1
        if self._skipped[what] == 1:
            _log.warning("frame.skipped", what=what, found=found[:40])

    def _decode(self, frame: str | bytes) -> dict[str, Any]:
        try:
            message = decode(frame)
        except ValueError as error:
            # It may have been a fill: only a new connection, and the comparison after it, can tell.
            raise BrokerUnavailable(f"{self._peer.what}: a frame could not be read: {error}") from error
        return message


def decode(frame: str | bytes) -> dict[str, Any]:
    """Read one frame: JSON, as text or as bytes.

    Raises:
        ValueError: it is not a JSON object; says how long it was and never what it held.
    """
    try:
        message = json.loads(frame, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, InvalidOperation, RecursionError) as error:
        raise ValueError(f"{len(frame)} characters that are no JSON") from error
    if isinstance(message, dict):
        return message
    raise ValueError(f"a {type(message).__name__} where an object was expected")


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")
