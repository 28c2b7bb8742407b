"""What a fault rule does to the frames of a websocket; every server sends through `FaultySocket`."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSCloseCode, web

from tests.servers.faults import FRAME, Faults, Rule
from tests.servers.http_faults import DROP, change

Encode = Callable[[Any], str | bytes]


class FaultySocket:
    """A websocket of the server whose outgoing frames pass the fault rules.

    Args:
        encode: Turns a message into the text or the bytes of one frame.
    """

    def __init__(
        self, ws: web.WebSocketResponse, request: web.Request, faults: Faults, encode: Encode
    ) -> None:
        self.ws = ws
        self.request = request
        self.faults = faults
        self.path = request.path
        self.encode = encode
        self.muted = False
        self._late: list[Any] = []

    async def send(self, message: Any, word: str) -> None:
        """Send one frame, about `word`, unless a rule has other plans; to a gone client, nothing."""
        if self.muted:
            return
        rule = self.faults.take(FRAME, "*", self.path, word)
        if rule is None:
            await self.put(message)
        else:
            await FRAME_ACTIONS[rule.action](self, rule, message)
        if self._late and (rule is None or rule.action != "reorder"):
            late, self._late = self._late, []
            for frame in late:
                await self.put(frame)

    async def put(self, message: Any) -> None:
        """Send one frame past the rules."""
        await self.put_raw(self.encode(message))

    async def put_raw(self, frame: str | bytes) -> None:
        if self.ws.closed:
            return
        try:
            await (self.ws.send_str(frame) if isinstance(frame, str) else self.ws.send_bytes(frame))
        except ConnectionError:
            return

    def hold_back(self, message: Any) -> None:
        self._late.append(message)

    async def close(self, code: int, reason: str = "") -> None:
        """Close with a code; 1006 means that the connection breaks without a close frame."""
        if code == WSCloseCode.ABNORMAL_CLOSURE:
            self.abort()
        else:
            await self.ws.close(code=code, message=reason.encode())

    def abort(self) -> None:
        if self.request.transport is not None:
            self.request.transport.abort()

    def half_close(self) -> None:
        """End our direction only: the client reads the end, its own frames still arrive."""
        sock: socket.socket | None = self.ws.get_extra_info("socket")
        if sock is not None:
            sock.shutdown(socket.SHUT_WR)


async def lose(sock: FaultySocket, rule: Rule, message: Any) -> None:
    """Send nothing in place of this frame."""


async def mute(sock: FaultySocket, rule: Rule, message: Any) -> None:
    """Say nothing more on this connection; it stays open and answers pings."""
    sock.muted = True


async def duplicate(sock: FaultySocket, rule: Rule, message: Any) -> None:
    """Send the frame `copies` (2) times."""
    for _ in range(int(rule.option("copies", 2))):
        await sock.put(message)


async def reorder(sock: FaultySocket, rule: Rule, message: Any) -> None:
    """Send the frame after the next one."""
    sock.hold_back(message)


async def close(sock: FaultySocket, rule: Rule, message: Any) -> None:
    """Close with `code` (1006 breaks the connection); `after` true sends the frame first."""
    if rule.option("after"):
        await sock.put(message)
    await sock.close(int(rule.option("code", 1000)), str(rule.option("reason", "")))


async def half_close(sock: FaultySocket, rule: Rule, message: Any) -> None:
    sock.half_close()


async def replace(sock: FaultySocket, rule: Rule, message: Any) -> None:
    """Send `message` in its place (an error, a refused `auth`), then close with `code` if given."""
    await sock.put(rule.option("message"))
    if rule.option("code") is not None:
        await sock.close(int(rule.option("code")))


async def data_null(sock: FaultySocket, rule: Rule, message: Any) -> None:
    """Send `{"stream": ..., "data": null}`, or `[null]` where frames are lists."""
    await sock.put([None] if isinstance(message, list) else {**message, "data": None})


async def edit(sock: FaultySocket, rule: Rule, message: Any) -> None:
    """Change fields as the request action does: `set`, `null`, `drop`, with dotted paths from the frame."""
    changed = json.loads(json.dumps(message))
    for field, value in rule.option("set", {}).items():
        change(changed, field, value)
    for field in rule.option("null", ()):
        change(changed, field, None)
    for field in rule.option("drop", ()):
        change(changed, field, DROP)
    await sock.put(changed)


async def oversized(sock: FaultySocket, rule: Rule, message: Any) -> None:
    """Send `bytes` (20 MB) of blanks in one text frame."""
    await sock.put_raw(" " * int(rule.option("bytes", 20_000_000)))


async def garbage(sock: FaultySocket, rule: Rule, message: Any) -> None:
    """Send a frame that is neither JSON nor msgpack; `text` true sends it as text."""
    await sock.put_raw("}{ not json" if rule.option("text") else b"\xc1\xff\x00 not json")


async def delay(sock: FaultySocket, rule: Rule, message: Any) -> None:
    """Hold this frame and those after it for `s` seconds of real time, or until released."""
    wait = rule.option("s")
    await (sock.faults.hold() if wait is None else asyncio.sleep(float(wait)))
    await sock.put(message)


async def no_pong(sock: FaultySocket, rule: Rule, message: Any) -> None:
    """Leave the client's pings unanswered on this connection from now on."""
    sock.ws._autoping = False
    await sock.put(message)


FRAME_ACTIONS: dict[str, Callable[[FaultySocket, Rule, Any], Awaitable[None]]] = {
    action.__name__: action
    for action in (
        lose, mute, duplicate, reorder, close, half_close, replace, data_null, edit, oversized, garbage,
        delay, no_pong,
    )
}  # fmt: skip
