"""The `/stream` websocket: trade updates in binary frames of JSON."""

import asyncio
import json
from typing import Any

import msgpack
from aiohttp import WSMsgType, web

from tests.servers.alpaca.exchange import Exchange
from tests.servers.faults import Faults
from tests.servers.frame_faults import FaultySocket
from tests.servers.listener import Tasks

Json = dict[str, Any]
UPDATES = "trade_updates"


def encode(message: Any) -> bytes:
    return json.dumps(message).encode()


def encode_msgpack(message: Any) -> bytes:
    return bytes(msgpack.packb(message))


class Connection:
    """One client."""

    def __init__(self, sock: FaultySocket) -> None:
        self.sock = sock
        self.authorized = False
        self.listening = False
        self.queue: asyncio.Queue[tuple[Json, str]] = asyncio.Queue()


class TradeStream:
    """Every client of the stream.

    `limit`: how many connections the account may have; a newcomer beyond it is refused with 429 (None: any).
    `replay_new`: send `new` of each open order once more when a client begins to listen.
    `sent` is each update in order, whether somebody listened or not.
    """

    def __init__(self, ex: Exchange, faults: Faults, keys: dict[str, str]) -> None:
        self.ex = ex
        self.faults = faults
        self.keys = keys
        self.limit: int | None = None
        self.replay_new = False
        self.sent: list[Json] = []
        self.connections: list[Connection] = []
        self._tasks = Tasks()
        self._held: list[Json] | None = None
        ex.listeners.append(self._on_update)

    @property
    def listeners(self) -> int:
        """How many clients listen to trade updates."""
        return sum(connection.listening for connection in self.connections)

    def hold(self) -> None:
        """Keep the updates until `let_go`: they follow the reply of the request that causes them."""
        self._held = [] if self._held is None else self._held

    def let_go(self) -> None:
        held, self._held = self._held, None
        for update in held or ():
            self._queue(update)

    async def settle(self) -> None:
        """Send all that waits, and return when it is sent."""
        self.let_go()
        for connection in self.connections:
            await connection.queue.join()

    async def close_all(self, code: int = 1000) -> None:
        """Close every connection; 1006 breaks them."""
        for connection in list(self.connections):
            await connection.sock.close(code)

    def push(self, data: Any, word: str = "push") -> None:
        """Send any `data` under `trade_updates` to those who listen."""
        for connection in self.connections:
            if connection.listening:
                connection.queue.put_nowait(({"stream": UPDATES, "data": data}, word))

    async def stop(self) -> None:
        await self.close_all(1006)
        await self._tasks.stop()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.limit is not None and len(self.connections) >= self.limit:
            return web.json_response({"message": "connection limit exceeded"}, status=429)
        ws = web.WebSocketResponse(timeout=1.0)
        await ws.prepare(request)
        packed = request.headers.get("Content-Type") == "application/msgpack"
        shape = encode_msgpack if packed else encode
        connection = Connection(FaultySocket(ws, request, self.faults, shape))
        self.connections.append(connection)
        writer = self._tasks.start(self._write(connection))
        try:
            async for frame in ws:
                if frame.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    await self._on_frame(connection, frame.data)
        finally:
            self.connections.remove(connection)
            writer.cancel()
            self._tasks.done(writer)
        return ws

    async def _write(self, connection: Connection) -> None:
        while True:
            message, word = await connection.queue.get()
            try:
                await connection.sock.send(message, word)
            finally:
                connection.queue.task_done()

    async def _on_frame(self, connection: Connection, frame: str | bytes) -> None:
        try:
            message = self._decoded(frame)
        except ValueError:
            message = {}
        action = message.get("action")
        if action in ("authenticate", "auth"):
            await self._authenticate(connection, message)
        elif action == "listen":
            await self._listen(connection, message.get("data", {}).get("streams", []))
        else:
            error = {"stream": "error", "data": {"error": f"unknown action: {action}"}}
            await connection.sock.send(error, "error")

    def _decoded(self, frame: str | bytes) -> Json:
        packed = isinstance(frame, bytes) and not frame.lstrip().startswith(b"{")
        message = msgpack.unpackb(frame) if packed else json.loads(frame)
        return message if isinstance(message, dict) else {}

    async def _authenticate(self, connection: Connection, message: Json) -> None:
        data = message.get("data") or {}
        key = data.get("key_id") or message.get("key")
        secret = data.get("secret_key") or message.get("secret")
        connection.authorized = secret is not None and self.keys.get(str(key)) == secret
        status = "authorized" if connection.authorized else "unauthorized"
        answer = {"stream": "authorization", "data": {"status": status, "action": "authenticate"}}
        await connection.sock.send(answer, "auth")
        if not connection.authorized:
            await connection.sock.ws.close()

    async def _listen(self, connection: Connection, streams: list[str]) -> None:
        if not connection.authorized:
            answer = {"stream": "authorization", "data": {"status": "unauthorized", "action": "listen"}}
            await connection.sock.send(answer, "auth")
            return
        heard = [stream for stream in streams if stream == UPDATES]
        await connection.sock.send({"stream": "listening", "data": {"streams": heard}}, "listen")
        connection.listening = bool(heard)
        if self.replay_new and connection.listening:
            for order in self.ex.book.open():
                update = {"event": "new", "order": self.ex.show(order.id, nested=False)}
                update["timestamp"] = update["order"]["updated_at"]
                connection.queue.put_nowait(({"stream": UPDATES, "data": update}, "new"))

    def _on_update(self, update: Json) -> None:
        self.sent.append(update)
        if self._held is None:
            self._queue(update)
        else:
            self._held.append(update)

    def _queue(self, update: Json) -> None:
        self.push(update, update["event"])
