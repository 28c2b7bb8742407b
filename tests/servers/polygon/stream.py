"""The websocket `/stocks` of the local Polygon server."""

import asyncio
import json
from typing import Any

from aiohttp import WSMsgType, web

from tests.servers.faults import Faults
from tests.servers.frame_faults import FaultySocket
from tests.servers.polygon.market import Market, Row


def encode(message: Any) -> str:
    return json.dumps(message)


def status(word: str, text: str) -> list[Row]:
    return [{"ev": "status", "status": word, "message": text}]


class Client:
    """One connection."""

    def __init__(self, socket: FaultySocket) -> None:
        self.socket = socket
        self.is_known = False
        self.channels: set[str] = set()
        self.outbox: asyncio.Queue[tuple[Any, str]] = asyncio.Queue()

    async def write(self) -> None:
        """Send what was put into the outbox, in order."""
        while True:
            message, word = await self.outbox.get()
            if isinstance(message, str):
                await self.socket.put_raw(message)
            else:
                await self.socket.send(message, word)
            self.outbox.task_done()


class Stream:
    """The connections of one key: a newcomer wins, the older one is told `max_connections` and closed."""

    def __init__(self, market: Market, faults: Faults, key: str) -> None:
        self.market = market
        self.faults = faults
        self.key = key
        self.clients: list[Client] = []
        self.actions: list[Row] = []
        self.refused: tuple[str, ...] = ()
        self._changed = asyncio.Event()
        market.watchers.append(self._on_event)

    @property
    def channels(self) -> set[str]:
        """What is subscribed to."""
        return {channel for client in self.clients for channel in client.channels}

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client = Client(FaultySocket(socket, request, self.faults, encode))
        self.clients.append(client)
        writing = asyncio.get_running_loop().create_task(client.write())
        try:
            self._put(client, status("connected", "Connected Successfully"), "connect")
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._act(client, json.loads(message.data))
        finally:
            writing.cancel()
            self.clients.remove(client)
        return socket

    async def _act(self, client: Client, message: Row) -> None:
        action, params = message["action"], str(message.get("params", ""))
        self.actions.append({"action": action, "params": "(key)" if action == "auth" else params})
        if action == "auth":
            await self._authenticate(client, params)
        elif not client.is_known:
            self._put(client, status("error", "not authorized"), action)
        else:
            for channel in params.split(","):
                self._change(client, action, channel)

    async def _authenticate(self, client: Client, key: str) -> None:
        if key != self.key:
            self._put(client, status("auth_failed", "authentication failed"), "auth")
            await client.outbox.join()
            await client.socket.close(1000)
            return
        for other in [each for each in self.clients if each is not client and each.is_known]:
            self._put(
                other,
                status("max_connections", "Maximum number of websocket connections exceeded."),
                "status",
            )
            await other.outbox.join()
            await other.socket.close(1008, "max_connections")
        client.is_known = True
        self._put(client, status("auth_success", "authenticated"), "auth")

    async def until_subscribed(self, *channels: str) -> None:
        """Wait until exactly these are subscribed to."""
        while self.channels != set(channels):
            self._changed.clear()
            await self._changed.wait()

    def _change(self, client: Client, action: str, channel: str) -> None:
        self._changed.set()
        if channel.partition(".")[0] in self.refused:
            text = f"not authorized for channel {channel}"
            self._put(client, status("error", text), action)
        elif action == "subscribe":
            client.channels.add(channel)
            self._put(client, status("success", f"subscribed to: {channel}"), action)
        else:
            client.channels.discard(channel)
            self._put(client, status("success", f"unsubscribed to: {channel}"), action)

    def _on_event(self, channel: str, event: Row) -> None:
        kind = channel.partition(".")[0]
        for client in self.clients:
            if client.channels & {channel, f"{kind}.*"}:
                self._put(client, [event], kind)

    def push(self, frame: Any, word: str = "raw") -> None:
        """Send any frame to everybody: an object, or a text as it stands."""
        for client in self.clients:
            self._put(client, frame, word)

    def say(self, word: str, text: str) -> None:
        """Send a status message to everybody."""
        self.push(status(word, text), "status")

    async def drop(self, code: int = 1006) -> None:
        """Close every connection with a code; 1006 breaks it."""
        for client in tuple(self.clients):
            await client.socket.close(code)

    async def settle(self) -> None:
        """Wait until everything was sent."""
        for client in tuple(self.clients):
            await client.outbox.join()

    @staticmethod
    def _put(client: Client, message: Any, word: str) -> None:
        client.outbox.put_nowait((message, word))
