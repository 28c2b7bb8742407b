"""A websocket server on loopback that does, on each connection, what a test wrote down."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Response, ServerConnection, serve
from websockets.http11 import Request

Script = Callable[["Line"], Awaitable[None]]


class Line:
    """One connection, seen from the server."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.heard: list[dict[str, Any]] = []

    async def say(self, message: Any, *, binary: bool = True) -> None:
        text = json.dumps(message)
        await self.connection.send(text.encode() if binary else text)

    async def hear(self) -> dict[str, Any]:
        self.heard.append(json.loads(await self.connection.recv()))
        return self.heard[-1]

    async def stay(self) -> None:
        """Keep the connection until the client ends it."""
        await self.connection.wait_closed()

    def stop_reading(self) -> None:
        """Take in nothing more, pings included; what is sent still goes out."""
        self.connection.transport.pause_reading()


class ScriptedStream:
    """Runs `script` on every connection; `answer` refuses the handshake with a status instead."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.answer: HTTPStatus | None = None
        self.location = ""
        self.requests: list[Request] = []
        self.lines: list[Line] = []
        self.url = ""

    async def _handle(self, connection: ServerConnection) -> None:
        line = Line(connection)
        self.lines.append(line)
        await self.script(line)

    def _process(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        if self.answer is None:
            return None
        response = connection.respond(self.answer, "no\n")
        if self.location:
            response.headers["Location"] = self.location
        return response


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[ScriptedStream]:
    """Serve while the block runs."""
    stream = ScriptedStream(script)
    server = await serve(
        stream._handle, "127.0.0.1", 0, process_request=stream._process, close_timeout=0.2, max_size=2**25
    )
    async with server:
        stream.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/stream"
        yield stream
