"""The stock data websocket, `/v2/{iex,sip,test}`: arrays of messages as JSON or msgpack."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import msgpack
from aiohttp import WSMsgType, web

from tests.servers.alpaca.clock import SECOND, rfc3339
from tests.servers.alpaca.market import Market
from tests.servers.faults import Faults
from tests.servers.frame_faults import FaultySocket
from tests.servers.listener import Tasks

Json = dict[str, Any]
FEEDS = ("/v2/iex", "/v2/sip", "/v2/test")
CHANNELS = ("trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds")
FOLLOWERS = ("corrections", "cancelErrors")
CHANNEL_OF = {
    "t": "trades", "q": "quotes", "b": "bars", "u": "updatedBars", "d": "dailyBars", "s": "statuses",
    "l": "lulds", "c": "trades", "x": "trades",
}  # fmt: skip
# Frames between two turns of the loop.
SLICE = 100
COUNTED = ("trades", "quotes")
ERRORS = {
    400: "invalid syntax", 401: "not authenticated", 402: "auth failed", 403: "already authenticated",
    404: "auth timeout", 405: "symbol limit exceeded", 406: "connection limit exceeded", 407: "slow client",
    409: "insufficient subscription", 410: "invalid subscribe action for this feed", 500: "internal error",
}  # fmt: skip


def encode_json(messages: Any) -> str:
    rows = [_timed(m, rfc3339) for m in messages]
    return json.dumps(rows)


def encode_msgpack(messages: Any) -> bytes:
    return msgpack.packb([_timed(m, _timestamp) for m in messages])


def _timed(message: Any, shape: Any) -> Any:
    if isinstance(message, dict) and isinstance(message.get("t"), int):
        return {**message, "t": shape(message["t"])}
    return message


def _timestamp(ns: int) -> msgpack.Timestamp:
    return msgpack.Timestamp(ns // SECOND, ns % SECOND)


def error(code: int) -> list[Json]:
    return [{"T": "error", "code": code, "msg": ERRORS[code]}]


class Client:
    """One connection: what it may hear and what waits for it."""

    def __init__(self, sock: FaultySocket, feed: str) -> None:
        self.sock = sock
        self.feed = feed
        self.authenticated = False
        self.symbols: dict[str, set[str]] = {channel: set() for channel in CHANNELS}
        self.queue: asyncio.Queue[list[Json]] = asyncio.Queue()

    def wants(self, message: Json) -> bool:
        wanted = self.symbols[CHANNEL_OF[message["T"]]]
        return message["S"] in wanted or "*" in wanted

    def state(self) -> list[Json]:
        lists = {channel: sorted(symbols) for channel, symbols in self.symbols.items()}
        return [{"T": "subscription", **lists, **dict.fromkeys(FOLLOWERS, lists["trades"])}]


class DataStream:
    """Every client of the data websockets.

    `limit` connections per feed, the newcomer is refused with 406 (None: any). `ghosts` are connections that
    the server still counts. `symbol_limit` over trades and quotes: 405. `auth_timeout_s` of real time: 404.
    """

    def __init__(self, market: Market, faults: Faults, keys: dict[str, str]) -> None:
        self.market = market
        self.faults = faults
        self.keys = keys
        self.limit: int | None = 1
        self.ghosts = 0
        self.symbol_limit: int | None = None
        self.auth_timeout_s = 10.0
        self.clients: list[Client] = []
        self._tasks = Tasks()
        market.listeners.append(self._on_message)

    def routes(self) -> list[web.RouteDef]:
        return [web.get(feed, self.handle) for feed in FEEDS]

    def send(self, messages: list[Json]) -> None:
        """Send one frame of messages (each with `T`, `S` and `t` in ns) to those who subscribe to them."""
        for client in self.clients:
            wanted = [message for message in messages if client.wants(message)]
            if client.authenticated and wanted:
                client.queue.put_nowait(wanted)

    def error(self, code: int) -> None:
        """Send an error frame to every client (407 is followed by the end of the connection)."""
        for client in self.clients:
            client.queue.put_nowait(error(code))

    async def burst(
        self, symbols: Iterable[str], count: int, per_frame: int = 10, *, over_s: float = 0.0
    ) -> int:
        """Send `count` quotes, `per_frame` in a frame, past the fault rules: at once or over `over_s` s.

        The bid size counts up from 1: the receiver sees what is missing. Returns the frames per client.
        """
        names, rows = list(symbols), []
        for number in range(count):
            row = self.market.quote_message(names[number % len(names)])
            rows.append(row | {"bs": number + 1, "t": row["t"] + number})
        frames = [rows[start : start + per_frame] for start in range(0, count, per_frame)]
        for client in [c for c in self.clients if c.authenticated]:
            packed = []
            for number, frame in enumerate(frames):
                packed.append(client.sock.encode(frame))
                if number % SLICE == 0:
                    await asyncio.sleep(0)
            await self._flood(client, packed, over_s)
        return len(frames)

    async def _flood(self, client: Client, packed: list[str | bytes], over_s: float) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number, frame in enumerate(packed):
            await client.sock.put_raw(frame)
            if number % SLICE == 0:
                due = begun + over_s * number / len(packed)
                await asyncio.sleep(max(0.0, due - loop.time()))

    async def settle(self) -> None:
        for client in self.clients:
            await client.queue.join()

    async def close_all(self, code: int = 1000) -> None:
        """Close every connection; 1006 breaks them."""
        for client in list(self.clients):
            await client.sock.close(code)

    async def stop(self) -> None:
        await self.close_all(1006)
        await self._tasks.stop()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(timeout=1.0)
        await ws.prepare(request)
        packed = request.headers.get("Content-Type", "") == "application/msgpack"
        sock = FaultySocket(ws, request, self.faults, encode_msgpack if packed else encode_json)
        client = Client(sock, request.path)
        self.clients.append(client)
        writer = self._tasks.start(self._write(client))
        try:
            await self._greet(client, request)
            await self._read(client)
        finally:
            self.clients.remove(client)
            writer.cancel()
            self._tasks.done(writer)
        return ws

    async def _greet(self, client: Client, request: web.Request) -> None:
        await client.sock.send([{"T": "success", "msg": "connected"}], "connect")
        if "APCA-API-KEY-ID" in request.headers:
            key, secret = (request.headers.get(f"APCA-API-{part}", "") for part in ("KEY-ID", "SECRET-KEY"))
            await self._authenticate(client, {"key": key, "secret": secret})

    async def _read(self, client: Client) -> None:
        while True:
            try:
                frame = await client.sock.ws.receive(None if client.authenticated else self.auth_timeout_s)
            except TimeoutError:
                await client.sock.send(error(404), "auth")
                await client.sock.ws.close()
                return
            if frame.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                await self._on_frame(client, frame.data)
            elif frame.type not in (WSMsgType.PING, WSMsgType.PONG):
                return

    async def _write(self, client: Client) -> None:
        while True:
            messages = await client.queue.get()
            try:
                await client.sock.send(messages, messages[0]["T"])
                if messages[0].get("code") == 407:
                    await client.sock.ws.close()
            finally:
                client.queue.task_done()

    async def _on_frame(self, client: Client, frame: str | bytes) -> None:
        try:
            message = msgpack.unpackb(frame) if isinstance(frame, bytes) else json.loads(frame)
            action = message.get("action")
        except (ValueError, AttributeError, msgpack.UnpackException):
            await client.sock.send(error(400), "error")
            return
        if action == "auth":
            await self._authenticate(client, message)
        elif not client.authenticated:
            await client.sock.send(error(401), "auth")
        elif action in ("subscribe", "unsubscribe"):
            await self._subscribe(client, message, add=action == "subscribe")
        else:
            await client.sock.send(error(400), "error")

    async def _authenticate(self, client: Client, message: Json) -> None:
        refusal = None
        others = sum(c.authenticated and c.feed == client.feed for c in self.clients if c is not client)
        if client.authenticated:
            refusal = 403
        elif message.get("secret") is None or self.keys.get(str(message.get("key"))) != message["secret"]:
            refusal = 402
        elif self.limit is not None and others + self.ghosts >= self.limit:
            refusal = 406
        if refusal is not None:
            await client.sock.send(error(refusal), "auth")
            if refusal != 403:
                await client.sock.ws.close()
            return
        client.authenticated = True
        await client.sock.send([{"T": "success", "msg": "authenticated"}], "auth")

    async def _subscribe(self, client: Client, message: Json, *, add: bool) -> None:
        wanted = {channel: set(message.get(channel) or ()) for channel in CHANNELS}
        after = {c: (s | wanted[c]) if add else (s - wanted[c]) for c, s in client.symbols.items()}
        if self.symbol_limit is not None and sum(len(after[c]) for c in COUNTED) > self.symbol_limit:
            await client.sock.send(error(405), "subscribe")
            return
        client.symbols = after
        await client.sock.send(client.state(), "subscribe")

    def _on_message(self, message: Json) -> None:
        self.send([message])
