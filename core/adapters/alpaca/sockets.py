"""One websocket of Alpaca: opened within a deadline, watched for life, and its ends told apart."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NoReturn
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from core.clock import Clock
from core.domain.credentials import SecretName
from core.errors import BrokerUnavailable, ConnectionLimit, CredentialsRefused
from core.tasks import Tasks

# A frame of news or of a wide subscription passes 1 MB, the library's own limit: it would reconnect for ever.
MOST_BYTES = 16 * 2**20
_CLOSE_WITHIN_S = 1.0
_LONGEST_REASON = 200

_LIVE_HOST = "api.alpaca.markets"
_TOO_BIG = 1009
_NORMAL = {1000: "normally", 1001: "as it is going away"}

# The library writes every frame it sends into its debug log, the key among them.
_quiet = logging.getLogger("websockets.alpaca")
_quiet.setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long to wait, in seconds of our clock.

    Attributes:
        open_s: for the connection, and for each answer while logging in.
        idle_s: without a frame, before the server is asked whether it lives.
        pong_s: for that answer.
    """

    open_s: float = 10.0
    idle_s: float = 20.0
    pong_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end.

    Attributes:
        what: for people, such as "Alpaca's order stream".
        name: the stored credential that logs in there.
    """

    what: str
    name: SecretName

    def refused(self, why: str) -> CredentialsRefused:
        """Say that the key does not open this stream; the key itself is never named."""
        return CredentialsRefused(
            f"{self.what}: the key {self.name} was refused ({why}). Renew it at Alpaca, store it with"
            f" `investiq secrets set {self.name}` and connect again"
        )

    def occupied(self, why: str) -> ConnectionLimit:
        """Say that another program has the connection."""
        return ConnectionLimit(
            f"{self.what}: the key {self.name} has no connection left ({why}). Alpaca takes one per key:"
            f" close the other program, then connect again"
        )


class _OneHost(connect):
    # The library follows redirects, other hosts included; what answers there would be sent the key.
    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


@asynccontextmanager
async def deadline(clock: Clock, seconds: float) -> AsyncIterator[None]:
    """Let a block take that many seconds of a clock.

    Raises:
        TimeoutError: they are over; the block was cancelled.
    """
    loop, tasks = asyncio.get_running_loop(), Tasks()
    async with asyncio.timeout(None) as limit:

        async def ring() -> None:
            await clock.sleep(seconds)
            limit.reschedule(loop.time())

        ringing = tasks.spawn(ring(), "deadline")
        try:
            yield
        finally:
            ringing.cancel()


def trading_key(url: str) -> SecretName:
    """Name the key pair that belongs to the address of an order stream."""
    return SecretName.ALPACA_LIVE if urlsplit(url).hostname == _LIVE_HOST else SecretName.ALPACA_PAPER


async def open_socket(
    url: str, peer: Peer, clock: Clock, deadlines: Deadlines, headers: Mapping[str, str] | None = None
) -> "Socket":
    """Make one attempt to connect.

    Raises:
        CredentialsRefused: the answer was 401 or 403.
        ConnectionLimit: it was 406 or 429.
        BrokerUnavailable: anything else that is not a websocket, a redirect included.
    """
    try:
        async with deadline(clock, deadlines.open_s):
            connection = await _OneHost(
                url,
                additional_headers=headers,
                max_size=MOST_BYTES,
                open_timeout=None,
                ping_interval=None,
                close_timeout=_CLOSE_WITHIN_S,
                proxy=None if _is_local(url) else True,
                logger=_quiet,
            )
    except InvalidStatus as error:
        _refuse(peer, error)
    except TimeoutError as error:
        raise BrokerUnavailable(f"{peer.what}: no answer within {deadlines.open_s:g} s") from error
    # A proxy that needs a package of its own is an ImportError, an address that is none a ValueError.
    except (WebSocketException, OSError, EOFError, ImportError, ValueError) as error:
        raise BrokerUnavailable(f"{peer.what}: {type(error).__name__}: {error}") from error
    return Socket(connection, peer, clock, deadlines)


def _refuse(peer: Peer, error: InvalidStatus) -> NoReturn:
    status = error.response.status_code
    if status in (401, 403):
        raise peer.refused(f"HTTP {status}") from error
    if status in (406, 429):
        raise peer.occupied(f"HTTP {status}") from error
    ending = ", which is not followed" if 300 <= status < 400 else ""
    raise BrokerUnavailable(f"{peer.what}: the answer to the handshake was HTTP {status}{ending}") from error


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Socket:
    """A connection that is open. It ends by `close`, or by an error out of `receive`; never in silence."""

    def __init__(self, connection: ClientConnection, peer: Peer, clock: Clock, deadlines: Deadlines) -> None:
        self.peer = peer
        self._connection = connection
        self._clock = clock
        self._deadlines = deadlines
        self._heard = clock.monotonic()
        self._dead = ""
        self._tasks = Tasks()
        self._tasks.spawn(self._watch(), "watch")

    async def receive(self) -> str | bytes:
        """Return the next message, whole: text or bytes.

        Raises:
            BrokerUnavailable: there is no more, whoever ended it and however politely.
        """
        try:
            message = await self._connection.recv()
        except ConnectionClosed as error:
            raise BrokerUnavailable(f"{self.peer.what}: {self._dead or _end(error)}") from error
        self._heard = self._clock.monotonic()
        return message

    async def send(self, text: str) -> None:
        """Send one message.

        Raises:
            BrokerUnavailable: the connection has ended, or the server does not read.
        """
        try:
            async with deadline(self._clock, self._deadlines.open_s):
                await self._connection.send(text)
        except ConnectionClosed as error:
            raise BrokerUnavailable(f"{self.peer.what}: {self._dead or _end(error)}") from error
        except TimeoutError as error:
            raise BrokerUnavailable(f"{self.peer.what}: the server does not read") from error

    def cut(self) -> None:
        """Break the connection off without a word, as a dead path does."""
        self._connection.transport.abort()

    async def close(self) -> None:
        """End the connection; waits no more than a second for the server's consent."""
        await self._tasks.close()
        await self._connection.close()

    async def _watch(self) -> None:
        wait = self._deadlines
        try:
            while True:
                quiet_s = self._clock.monotonic() - self._heard
                if quiet_s < wait.idle_s:
                    await self._clock.sleep(wait.idle_s - quiet_s)
                    continue
                async with deadline(self._clock, wait.pong_s):
                    await (await self._connection.ping())
                self._heard = self._clock.monotonic()
        except TimeoutError:
            self._dead = (
                f"nothing came for {wait.idle_s:g} s, nor an answer to a ping within {wait.pong_s:g} s"
            )
            self.cut()
        except ConnectionClosed:
            return  # the reader is told


def _end(error: ConnectionClosed) -> str:
    if error.rcvd is not None:
        code, reason = error.rcvd.code, error.rcvd.reason[:_LONGEST_REASON]
        said = f": {reason}" if reason else ""
        return f"the server closed the connection {_NORMAL.get(code, 'with an error')} ({code}){said}"
    if error.sent is not None and error.sent.code == _TOO_BIG:
        return f"a message was larger than {MOST_BYTES // 2**20} MB, and the connection was given up"
    if error.sent is not None:
        return f"the server broke the protocol ({error.sent.code} {error.sent.reason[:_LONGEST_REASON]})"
    return "the connection broke off"
