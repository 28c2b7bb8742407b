"""The websocket of Polygon: one connection at a time, opened once; whoever opened it begins again.

The vendor's client is run for its protocol only. It is told to make no second attempt, its
answers are taken raw, and what it swallows (a close that it takes for an end, a refused handshake
that it repeats for ever) is turned into an error here.
"""

import asyncio
import json
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog

from core.adapters.polygon.decoding import Unreadable
from core.adapters.polygon.frames import frame
from core.adapters.polygon.rest import key_refused
from core.adapters.polygon.values import Frame, Status
from core.clock import Clock
from core.domain.credentials import PolygonKey
from core.errors import BrokerUnavailable, ConnectionLimit, NotEntitled
from core.tasks import Tasks

if TYPE_CHECKING:
    from polygon import WebSocketClient
    from websockets.asyncio.client import ClientConnection

OPEN_WITHIN_S = 10.0
CLOSE_WITHIN_S = 1
CHANNELS = ("Q", "T")
_KEEPALIVE_S = 20
_CANCEL_AGAIN_S = 0.1
_CHANNELS_A_MESSAGE = 500
_MOST_TOLD = 5  # a refusal may come for each of a thousand channels
_PORTS = {"ws": 80, "wss": 443}

_log = structlog.get_logger("polygon")


class PolygonStream:
    """One connection. Used on the core loop.

    Args:
        address: `wss://host/market`.
        take: called with every frame that came, in its order; must not wait.
        lose: called once, with what ended an open connection.
        tell: called with words for the person.
    """

    def __init__(
        self,
        address: str,
        key: PolygonKey,
        clock: Clock,
        tasks: Tasks,
        take: Callable[[Frame], None],
        lose: Callable[[BrokerUnavailable], None],
        tell: Callable[[str], None],
    ) -> None:
        self._address = urlsplit(address)
        self._key = key
        self._clock = clock
        self._tasks = tasks
        self._take = take
        self._lose = lose
        self._tell = tell
        self._client: WebSocketClient | None = None
        self._running: asyncio.Task[None] | None = None
        self._ended = False
        self._refused: set[str] = set()
        self._asked: dict[str, None] = {}
        self._told: set[str] = set()
        self._complained = False

    async def open(self) -> None:
        """Connect and authenticate.

        Raises:
            CredentialsRefused: the key is not taken.
            NotEntitled: the plan has no stream.
            ConnectionLimit: another program uses the key.
            BrokerUnavailable: there is no connection, or no answer in time.
        """
        await asyncio.to_thread(_import_vendor)
        late = self._tasks.spawn(self._clock.sleep(OPEN_WITHIN_S), "polygon-open")
        opening = self._tasks.spawn(self._connected(), "polygon-connect")
        try:
            await _first(opening, late)
            if not opening.done():
                raise BrokerUnavailable(f"the Polygon stream: no connection within {OPEN_WITHIN_S:.0f} s")
            await self._authenticated(opening.result(), late)
        except OSError as error:
            raise BrokerUnavailable(
                f"the Polygon stream cannot be reached: {error.strerror or error}"
            ) from error
        finally:
            opening.cancel()
            late.cancel()

    async def _connected(self) -> socket.socket:
        # A connection of ours: the vendor's client would repeat a refused one for ever, and follow
        # a redirect to another host, where it would send the key.
        host, port = self._address.hostname or "", self._address.port or _PORTS[self._address.scheme]
        loop = asyncio.get_running_loop()
        failure = OSError(f"no address of {host}")
        for family, kind, protocol, _, place in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            opened = socket.socket(family, kind, protocol)
            opened.setblocking(False)
            try:
                await loop.sock_connect(opened, place)
            except OSError as error:
                opened.close()
                failure = error
                continue
            except asyncio.CancelledError:
                opened.close()
                raise
            return opened
        raise failure

    async def _authenticated(self, opened: socket.socket, late: asyncio.Task[None]) -> None:
        from polygon import WebSocketClient

        handshake = _Handshake()
        path = self._address.path.strip("/")
        self._client = WebSocketClient(
            self._key.key,
            feed=self._address.netloc,
            market=path,
            raw=True,
            max_reconnects=0,
            secure=self._address.scheme == "wss",
            custom_json=handshake,
        )
        work = self._client.connect(
            self._on_text,
            close_timeout=CLOSE_WITHIN_S,
            sock=opened,
            open_timeout=OPEN_WITHIN_S,
            ping_interval=_KEEPALIVE_S,
            ping_timeout=_KEEPALIVE_S,
            create_connection=_watched(handshake),
        )
        running = self._running = self._tasks.spawn(work, "polygon-stream")
        known = self._tasks.spawn(handshake.done.wait(), "polygon-handshake")
        failure: BrokerUnavailable | None = None
        try:
            await _first(running, known, late)
            if self._ended:
                failure = BrokerUnavailable("the Polygon stream: the feed was closed")
            elif not handshake.is_known or running.done():
                failure = handshake.failure or _end_of(running)
        finally:
            known.cancel()
            if failure is not None or not handshake.is_known:
                await self.close()
        if failure is not None:
            raise failure
        running.add_done_callback(self._on_end)

    def want(self, symbols: Iterable[str]) -> None:
        """Subscribe to exactly these, at once."""
        wanted = {f"{kind}.{symbol}": None for symbol in symbols for kind in CHANNELS}
        changes = (
            ("unsubscribe", [each for each in self._asked if each not in wanted]),
            ("subscribe", [each for each in wanted if each not in self._asked]),
        )
        self._asked = wanted
        for action, channels in changes:
            for start in range(0, len(channels), _CHANNELS_A_MESSAGE):
                params = ",".join(channels[start : start + _CHANNELS_A_MESSAGE])
                self._tasks.spawn(self._send({"action": action, "params": params}), "polygon-subscribe")

    async def _send(self, message: dict[str, str]) -> None:
        # The vendor's client would look for changes once a second only.
        from websockets.exceptions import ConnectionClosed

        connection = None if self._client is None else self._client.websocket
        if connection is not None:
            with suppress(ConnectionClosed):  # its end is told by the one who reads
                await connection.send(json.dumps(message))

    async def close(self) -> None:
        """End the connection; `lose` is not called any more."""
        self._ended = True
        await self._hang_up()

    async def _hang_up(self) -> None:
        running, self._running = self._running, None
        if running is None:
            return
        if self._client is not None and self._client.websocket is not None:
            await self._client.websocket.close()
        while not running.done():
            # The vendor's client waits by wait_for, which loses a cancel that meets a frame (Python 3.11).
            running.cancel()
            await asyncio.wait({running}, timeout=_CANCEL_AGAIN_S)

    async def _on_text(self, text: str | bytes) -> None:
        try:
            found = frame(text)
        except Unreadable as error:
            self._complain(str(error))
            return
        if found.unreadable:
            self._complain("an event that is not what the documents describe")
        for status in found.statuses:
            self._on_status(status)
        self._take(found)

    def _complain(self, words: str) -> None:
        if not self._complained:
            self._complained = True
            _log.warning("stream.unreadable", reason=words)

    def _on_status(self, status: Status) -> None:
        match status.word:
            case "success" | "connected" | "auth_success":
                return
            case "max_connections" | "auth_failed" | "auth_timeout":
                self._end(_refusal(status))
            case _:
                self._on_complaint(status)

    def _on_complaint(self, status: Status) -> None:
        words = status.text.lower()
        if _is_about_the_plan(words):
            # Channels are refused one by one; with neither quotes nor trades nothing would ever come.
            named = {each for each in CHANNELS if f"{each.lower()}." in words} or set(CHANNELS)
            self._refused |= named
            if self._refused >= set(CHANNELS):
                self._end(NotEntitled(f"The Polygon plan has no stream of quotes or trades: {status.text}"))
                return
        words = status.text or status.word
        if words not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(words)
            _log.warning("stream.status", word=status.word, text=status.text)
            self._tell(f"Polygon's stream says: {words}")

    def _on_end(self, running: asyncio.Task[None]) -> None:
        if not running.cancelled():
            self._end(_end_of(running))

    def _end(self, error: BrokerUnavailable) -> None:
        if not self._ended:
            self._ended = True
            self._lose(error)


class _Handshake:
    """Reads the answer to the key in the vendor's client's place, as the JSON module that it is given."""

    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.is_known = False
        self.failure: BrokerUnavailable | None = None

    def loads(self, text: str | bytes) -> list[dict[str, str]]:
        """Take the one message that the vendor's client reads by itself."""
        try:
            statuses = frame(text).statuses
        except Unreadable as error:
            return self.fail(BrokerUnavailable(f"the Polygon stream: {error}"))
        words = {status.word for status in statuses}
        if "auth_success" in words:
            self.is_known = True
            self.done.set()
        elif statuses:
            return self.fail(_refusal(statuses[-1]))
        else:
            return self.fail(BrokerUnavailable("the Polygon stream: no answer to the key"))
        return [{"status": "auth_success"}]

    def dumps(self, message: object) -> str:
        """Write a message."""
        return json.dumps(message)

    def fail(self, error: BrokerUnavailable) -> list[dict[str, str]]:
        self.failure = error
        self.done.set()
        raise error


def _refusal(status: Status) -> BrokerUnavailable:
    words = status.text or status.word
    if status.word == "max_connections":
        return ConnectionLimit(
            "Another program uses the Polygon key, and a key may have one stream only. "
            "Close the other program, then connect again."
        )
    if _is_about_the_plan(words.lower()):
        return NotEntitled(f"The Polygon plan has no stream: {words}")
    if status.word in ("auth_failed", "auth_timeout"):
        return key_refused(words)
    return BrokerUnavailable(f"the Polygon stream: {words}")


def _is_about_the_plan(words: str) -> bool:
    return any(each in words for each in ("plan", "entitled", "not authorized", "don't have access"))


def _end_of(running: "asyncio.Task[None]") -> BrokerUnavailable:
    error = None if not running.done() or running.cancelled() else running.exception()
    if isinstance(error, BrokerUnavailable):
        return error
    if not running.done():
        return BrokerUnavailable(f"the Polygon stream: it was not open within {OPEN_WITHIN_S:.0f} s")
    # The vendor's client returns in silence where the server closed in good order.
    how = "the server closed it" if error is None else f"{type(error).__name__}: {error}"
    return BrokerUnavailable(f"the Polygon stream was lost: {how}")


def _watched(handshake: _Handshake) -> "type[ClientConnection]":
    from websockets.asyncio.client import ClientConnection
    from websockets.exceptions import WebSocketException

    class Watched(ClientConnection):
        async def handshake(self, *arguments: Any) -> None:
            try:
                await super().handshake(*arguments)
            except (WebSocketException, OSError, EOFError) as error:
                text = f"the Polygon stream: the server refused it ({type(error).__name__}: {error})"
                handshake.failure = BrokerUnavailable(text)
                handshake.done.set()
                raise

    return Watched


def _import_vendor() -> None:
    from core.adapters.polygon.client import quieten

    quieten()


async def _first(*tasks: "asyncio.Task[Any]") -> None:
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
