"""A local Alpaca in a process of its own whose market data comes in a burst; orders rest until cancelled.

Frames of ten quotes in MessagePack, all encoded before the first leaves: `--burst` quotes over all symbols
within a second, then `--rate` a second of one symbol. The last quote of that symbol bids 999.99. Prints
its port; the stream begins when a line comes in on the standard input. After a second line it says in JSON
how far behind it was, and when the last byte left and each cancel came in: nanoseconds of the monotonic
clock, which all processes of a computer share.
"""

import argparse
import asyncio
import json
import os
import select
import socket
import struct
import sys
from datetime import UTC, datetime, timedelta
from time import monotonic, perf_counter_ns, sleep
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from benchmarks.peers.quote_source import symbols
from tests.fakes.tiny_alpaca import TinyAlpaca

PER_FRAME, STEP_S = 10, 0.005
BURST_S = 1.0
LAST_BID = 999.99
SLOW_AFTER_S = 60.0  # so long that a slow reader is measured instead of being thrown out


def frames(names: list[str], count: int, begin: datetime, spacing_s: float) -> list[bytes]:
    """Return websocket frames of ten quotes each, going round the symbols."""
    encoder, found = msgspec.msgpack.Encoder(), []
    for start in range(0, count, PER_FRAME):
        rows = [
            {
                "T": "q", "S": names[number % len(names)],
                "bx": "V", "bp": 100.0 + number % 50 / 100, "bs": number % 30 + 1,
                "ax": "V", "ap": 100.02 + number % 50 / 100, "as": 200, "c": ["R"], "z": "C",
                "t": begin + timedelta(seconds=number * spacing_s),
            }
            for number in range(start, start + PER_FRAME)
        ]  # fmt: skip
        found.append(framed(encoder.encode(rows)))
    return found


def framed(body: bytes) -> bytes:
    size = len(body)
    head = struct.pack(">BBH", 0x82, 126, size) if size > 125 else struct.pack(">BB", 0x82, size)
    return head + body


class BurstServer(TinyAlpaca):
    """Every symbol stands at a hundred dollars until the burst."""

    def __init__(self, count: int) -> None:
        super().__init__()
        rich = {"cash": "100000000", "equity": "100000000", "buying_power": "400000000"}
        self.account |= rich
        self.names = symbols(count)
        self.assets = [
            {"symbol": name, "name": name, "exchange": "NASDAQ", "class": "us_equity", "status": "active"}
            | {"tradable": True, "fractionable": True, "shortable": True, "marginable": True}
            for name in self.names
        ]
        self.lines: list[socket.socket] = []
        app = self.listener._runner.app
        app.router.add_get("/v2/iex", self._data)
        app.router.add_get("/v2/stocks/snapshots", self._snapshots)

    async def _snapshots(self, request: web.Request) -> web.Response:
        at = datetime.now(UTC).isoformat()
        day = {"t": at, "o": 100, "h": 101, "l": 99, "c": 100, "v": 1000}
        quote = {"t": at, "bp": 100.0, "ap": 100.02, "bs": 100, "as": 100}
        standing = {"latestQuote": quote, "latestTrade": {"t": at, "p": 100.01, "s": 1}}
        standing |= {"dailyBar": day, "prevDailyBar": day}
        return web.json_response(dict.fromkeys(request.query["symbols"].split(","), standing))

    async def _data(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        await ws.send_bytes(msgspec.msgpack.encode([{"T": "success", "msg": "connected"}]))
        async for message in ws:
            is_text = isinstance(message.data, str)
            asked = json.loads(message.data) if is_text else msgspec.msgpack.decode(message.data)
            if asked["action"] == "auth":
                answer: dict[str, Any] = {"T": "success", "msg": "authenticated"}
            else:
                answer = {"T": "subscription", "trades": asked.get("trades"), "quotes": asked.get("quotes")}
            await ws.send_bytes(msgspec.msgpack.encode([answer]))
            if asked["action"] == "subscribe" and request.transport is not None:
                plain = request.transport.get_extra_info("socket")
                self.lines.append(socket.socket(fileno=os.dup(plain.fileno())))
        return ws


def pump(line: socket.socket, steps: list[tuple[float, bytes]]) -> dict[str, Any]:
    """Send each chunk when it is due; the socket stays non-blocking, as its twin's loop wants it."""
    behind_s, begin, slow = 0.0, monotonic(), False
    for due, chunk in steps:
        sleep(max(0.0, begin + due - monotonic()))
        left = memoryview(chunk)
        while left:
            try:
                left = left[line.send(left) :]
            except BlockingIOError:
                select.select([], [line], [], 1.0)
        behind_s = max(behind_s, monotonic() - begin - due)
        if behind_s > SLOW_AFTER_S:
            line.send(framed(msgspec.msgpack.encode([{"T": "error", "code": 407, "msg": "slow client"}])))
            line.shutdown(socket.SHUT_RDWR)
            slow = True
            break
    return {"behind_s": behind_s, "last_ns": perf_counter_ns(), "slow": slow}


def steps_of(parts: list[tuple[float, float, list[bytes]]]) -> list[tuple[float, bytes]]:
    """Cut each part (begin, length, frames) into chunks of five milliseconds."""
    found = []
    for begin, length, ready in parts:
        count = round(length / STEP_S)
        for number in range(count):
            some = ready[number * len(ready) // count : (number + 1) * len(ready) // count]
            found.append((begin + number * STEP_S, b"".join(some)))
    return found


def note_cancels() -> list[int]:
    """Return the list to which every cancel's first byte adds its time."""
    found: list[int] = []
    received = RequestHandler.data_received

    def data_received(self: RequestHandler, data: bytes) -> None:
        if data.startswith(b"DELETE /v2/orders"):
            found.append(perf_counter_ns())
        received(self, data)

    RequestHandler.data_received = data_received
    return found


def stream(names: list[str], asked: argparse.Namespace) -> list[tuple[float, bytes]]:
    """Return the whole stream in chunks, each with the second at which it is due."""
    begin, one = datetime.now(UTC) + timedelta(minutes=1), names[:1]
    count, after = int(asked.rate * asked.seconds), timedelta(seconds=BURST_S)
    last = {"T": "q", "S": names[0], "bp": LAST_BID, "ap": 1000.0, "bs": 1, "as": 1, "c": ["R"], "z": "C"}
    ended = framed(msgspec.msgpack.encode([last | {"t": begin + timedelta(hours=1)}]))
    parts = [
        (0.0, BURST_S, frames(names, asked.burst, begin, BURST_S / asked.burst)),
        (BURST_S, asked.seconds, frames(one, count, begin + after, 1 / asked.rate)),
    ]
    return [*steps_of(parts), (BURST_S + asked.seconds, ended)]


async def serve(asked: argparse.Namespace) -> None:
    cancels, server = note_cancels(), BurstServer(asked.symbols)
    steps = stream(server.names, asked)
    await server.listener.start()
    print(server.listener.port, flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    found = await asyncio.to_thread(pump, server.lines[-1], steps)
    await asyncio.to_thread(sys.stdin.readline)
    sent = asked.burst + int(asked.rate * asked.seconds)
    print(json.dumps({**found, "cancels": cancels, "sent": sent}), flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--symbols", type=int, default=200)
    options.add_argument("--burst", type=int, default=150_000)
    options.add_argument("--rate", type=int, default=20_000)
    options.add_argument("--seconds", type=float, default=5.0)
    asyncio.run(serve(options.parse_args()))
