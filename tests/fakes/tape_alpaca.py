"""Alpaca's market data over a tape that a test moves: snapshots and bars by REST, the stream beside them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from aiohttp import web
from websockets.exceptions import ConnectionClosed

from core.adapters.alpaca.feed import AlpacaFeed
from core.adapters.calendar import NEW_YORK, MarketCalendar, MarketDay
from core.clock import ManualClock, settle
from core.domain.access import Mode
from core.domain.credentials import AlpacaCredentials
from core.domain.instrument import Instrument
from core.ids import Symbol
from core.settings import AlpacaAddresses
from tests.fakes.scripted_stream import Line, scripted
from tests.servers.listener import Listener

KEY = AlpacaCredentials("PKTESTKEYID00001", "sEcReTsEcReTsEcReT000001")
OPENS = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
START = OPENS + timedelta(hours=1)
MINUTES = {"1Min": 1, "5Min": 5, "15Min": 15, "1Hour": 60}
Tape = list[tuple[datetime, int, int]]


class HandCalendar(MarketCalendar):
    """Weekdays from 9:30 to 16:00, without reading any library."""

    async def prepare(self, now: datetime) -> None:
        first = now.date() - timedelta(days=150)
        days = (first + timedelta(days=number) for number in range(200))
        self._days = tuple(
            MarketDay(day, at(day, 9, 30), at(day, 16, 0)) for day in days if day.weekday() < 5
        )


def at(day: date, hour: int, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


class TapeAlpaca:
    """Two symbols that trade; prices are cents. `most` is how many symbols a subscription may hold."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.most = 1000
        self.refusal: dict[str, Any] | None = None
        self.failing = 0
        self.packed = True
        self.subscribed: set[str] = set()
        self.lines: list[Line] = []
        self.asked: list[str] = []
        self.tapes: dict[str, Tape] = {symbol: self._past(symbol) for symbol in ("AAPL", "MSFT")}
        self.stream_url = self.rest_url = ""

    def _past(self, symbol: str) -> Tape:
        tape = []
        first = START.date() - timedelta(days=100)
        for number in range(100):
            day = first + timedelta(days=number)
            if day.weekday() < 5:
                opens = at(day, 9, 30)
                tape += [
                    (opens + timedelta(minutes=13 * k), 20_000 + (number * 7 + k * 3) % 90, 100)
                    for k in range(30)
                ]
        return tape + [(OPENS + timedelta(minutes=k), 20_000 + k % 50, 10) for k in range(60)]

    def bars(self, symbol: str, frame: str) -> list[dict[str, Any]]:
        found: dict[datetime, list[tuple[int, int]]] = {}
        for time, price, size in self.tapes.get(symbol, []):
            found.setdefault(self._start(time, frame), []).append((price, size))
        rows = []
        for start, trades in sorted(found.items()):
            prices = [price / 100 for price, _ in trades]
            ends = {"o": prices[0], "h": max(prices), "l": min(prices), "c": prices[-1]}
            rows.append({"t": start.isoformat(), **ends, "v": sum(size for _, size in trades)})
        return rows

    def _start(self, time: datetime, frame: str) -> datetime:
        if frame in MINUTES:
            length = timedelta(minutes=MINUTES[frame])
            return time - (time - datetime(2020, 1, 1, tzinfo=UTC)) % length
        day = time.astimezone(NEW_YORK).date()
        return at(day if frame == "1Day" else day - timedelta(days=day.weekday()), 0, 0)

    async def handle_bars(self, request: web.Request) -> web.Response:
        if self.failing:
            self.failing -= 1
            raise web.HTTPNotFound(text='{"message": "no"}')
        symbol, limit = request.query["symbols"], int(request.query["limit"])
        rows = self.bars(symbol, request.query["timeframe"])[::-1][:limit]
        return web.json_response({"bars": {symbol: rows}, "next_page_token": None})

    async def handle_snapshots(self, request: web.Request) -> web.Response:
        names = request.query["symbols"].split(",")
        self.asked += names
        return web.json_response({name: self.snapshot(name) for name in names if name in self.tapes})

    def snapshot(self, symbol: str) -> dict[str, Any]:
        time, price, size = self.tapes[symbol][-1]
        days = self.bars(symbol, "1Day")
        quote = {
            "t": time.isoformat(),
            "bp": price / 100 - 0.01,
            "ap": price / 100 + 0.01,
            "bs": 100,
            "as": 200,
        }
        trade = {"t": time.isoformat(), "p": price / 100, "s": size}
        return {"latestQuote": quote, "latestTrade": trade, "dailyBar": days[-1], "prevDailyBar": days[-2]}

    async def serve_stream(self, line: Line) -> None:
        self.lines.append(line)
        await self.put(line, {"T": "success", "msg": "connected"})
        await line.hear()
        if self.refusal is not None:
            await self.put(line, self.refusal)
            await line.stay()
            return
        self.subscribed = set()
        await self.put(line, {"T": "success", "msg": "authenticated"})
        try:
            while True:
                await self.answer(line, await line.hear())
        except ConnectionClosed:
            return

    async def answer(self, line: Line, asked: dict[str, Any]) -> None:
        names = set(asked["quotes"])
        wanted = self.subscribed - names if asked["action"] == "unsubscribe" else self.subscribed | names
        if len(wanted) > self.most:
            await self.put(line, {"T": "error", "code": 405, "msg": "symbol limit exceeded"})
            return
        self.subscribed = wanted
        channels = dict.fromkeys(("trades", "quotes", "bars"), sorted(wanted))
        await self.put(line, {"T": "subscription", **channels})

    async def put(self, line: Line, *messages: dict[str, Any]) -> None:
        if self.packed:
            await line.connection.send(msgspec.msgpack.encode(messages))
        else:
            await line.connection.send(msgspec.json.encode(messages).decode())

    async def send(self, *messages: dict[str, Any]) -> None:
        """Send one frame, and return when the client has taken it in."""
        await self.put(self.lines[-1], *messages)
        await (await self.lines[-1].connection.ping())
        await settle()

    def quote(self, symbol: str, bid: float, ask: float, **changes: Any) -> dict[str, Any]:
        sizes = {"bs": 100, "as": 200, "ax": "V", "bx": "V", "c": ["R"], "z": "C"}
        return {"T": "q", "S": symbol, "t": self.clock.now(), "bp": bid, "ap": ask, **sizes, **changes}

    def trade(self, symbol: str, cents: int, size: int = 10, **changes: Any) -> dict[str, Any]:
        self.tapes[symbol].append((self.clock.now(), cents, size))
        number = len(self.tapes[symbol])
        facts = {"i": number, "x": "V", "p": cents / 100, "s": size, "t": self.clock.now()}
        return {"T": "t", "S": symbol, **facts, "c": ["@"], "z": "C", **changes}

    def feed(self, **changes: Any) -> AlpacaFeed:
        async def instruments() -> tuple[Instrument, ...]:
            return tuple(Instrument(Symbol(symbol), symbol, "NASDAQ") for symbol in self.tapes)

        local = AlpacaAddresses(self.rest_url, self.stream_url, self.rest_url, self.stream_url)
        arguments = {"calendar": HandCalendar(), "instruments": instruments, **changes}
        return AlpacaFeed(Mode.PAPER, local, KEY, self.clock, **arguments)


@asynccontextmanager
async def tape_alpaca() -> AsyncIterator[TapeAlpaca]:
    tape = TapeAlpaca(ManualClock(START))
    app = web.Application()
    app.router.add_get("/v2/stocks/bars", tape.handle_bars)
    app.router.add_get("/v2/stocks/snapshots", tape.handle_snapshots)
    listener = Listener(app)
    await listener.start()
    async with scripted(tape.serve_stream) as stream:
        tape.stream_url = stream.url.replace("/stream", "/v2/iex")
        tape.rest_url = f"http://{listener.address}"
        yield tape
    await listener.stop()


async def turned(clock: ManualClock, work: asyncio.Future[Any], seconds: float) -> None:
    """Turn the clock in small steps while sockets do theirs, until the work is done or time is over."""
    for _ in range(int(seconds * 2)):
        if work.done():
            return
        await asyncio.sleep(0.001)
        await clock.advance(0.5)
