"""Bars and snapshots of Alpaca's data API, with the real client."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from core.adapters.alpaca.fields import FieldUnreadableError
from core.adapters.alpaca.history import History, reach
from core.adapters.alpaca.lanes import open_lanes
from core.adapters.alpaca.limiter import Limiter
from core.adapters.alpaca.sockets import Peer
from core.clock import SystemClock
from core.domain.credentials import SecretName
from core.domain.market import Timeframe
from core.errors import BrokerUnavailable, NotEntitled
from core.ids import Symbol
from core.settings import AlpacaAddresses
from tests.builders import AAPL, dec
from tests.fakes.tiny_alpaca import KEYS, MODE
from tests.servers.faults import Faults
from tests.servers.http_faults import fault_middleware
from tests.servers.listener import Listener

START = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


class Prices:
    """Minutes of AAPL, newest first and two a page; the queries that came."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.queries: list[dict[str, str]] = []
        self.snapshots: dict[str, object] = {}
        self.count = 5
        app = web.Application(middlewares=[fault_middleware(self.faults)])
        app.add_routes([web.get("/v2/stocks/bars", self.bars), web.get("/v2/stocks/snapshots", self.snap)])
        self.listener = Listener(app)

    async def bars(self, request: web.Request) -> web.Response:
        self.queries.append(dict(request.query))
        first = int(request.query.get("page_token", "0"))
        size = min(int(request.query["limit"]), 2)
        rows = [
            {"t": (START - timedelta(minutes=n)).isoformat().replace("+00:00", "Z")}
            | {"o": 99.1, "h": 99.30000000000001, "l": 99, "c": 99.2, "v": 100 + n}
            for n in range(first, min(first + size, self.count))
        ]
        token = str(first + size) if first + size < self.count else None
        return web.json_response({"bars": {"AAPL": rows} if rows else {}, "next_page_token": token})

    async def snap(self, request: web.Request) -> web.Response:
        self.queries.append(dict(request.query))
        wanted = request.query["symbols"].split(",")
        return web.json_response({name: self.snapshots[name] for name in wanted if name in self.snapshots})


@pytest.fixture
async def prices() -> AsyncIterator[Prices]:
    server = Prices()
    await server.listener.start()
    yield server
    server.faults.clear()
    await server.listener.stop()


@pytest.fixture
async def history(prices) -> AsyncIterator[History]:
    http, ws = f"http://{prices.listener.address}", f"ws://{prices.listener.address}"
    clock = SystemClock()
    lanes = open_lanes(MODE, AlpacaAddresses(http, f"{ws}/stream", http, f"{ws}/v2/iex"), KEYS, clock)
    peer = Peer("Alpaca's prices", SecretName.ALPACA_PAPER)
    yield History(lanes.history, Limiter(clock), peer, clock, "iex")
    await lanes.close()


async def test_bars_come_over_pages_oldest_first_and_exact(history, prices):
    bars = await history.bars(AAPL, Timeframe.M1, 4)

    assert [bar.time for bar in bars] == [START - timedelta(minutes=n) for n in (3, 2, 1, 0)]
    assert (bars[0].open, bars[0].high, bars[0].volume) == (dec("99.1"), dec("99.30000000000001"), 103)
    assert [query["limit"] for query in prices.queries] == ["4", "2"]
    assert (prices.queries[0]["feed"], prices.queries[0]["timeframe"]) == ("iex", "1Min")


async def test_bars_fewer_than_wanted_are_all_there_are(history, prices):
    assert len(await history.bars(AAPL, Timeframe.M1, 100)) == 5
    prices.count = 0
    assert await history.bars(AAPL, Timeframe.D1, 100) == ()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 403, "body": '{"message": "subscription does not permit it"}'}, NotEntitled),
        ({"status": 422, "body": '{"message": "invalid symbol"}'}, BrokerUnavailable),
        ({"status": 200, "body": '{"bars": [1]}'}, FieldUnreadableError),
        ({"status": 200, "body": "[]"}, FieldUnreadableError),
    ],
)  # fmt: skip
async def test_bars_that_cannot_be_had_are_an_error_and_not_none(history, prices, fault, kind):
    prices.faults.http("reply_status", times=None, **fault)

    with pytest.raises(kind):
        await history.bars(AAPL, Timeframe.M1, 4)


@pytest.mark.parametrize(
    ("timeframe", "limit", "least"),
    [
        (Timeframe.M1, 390, timedelta(days=6)),
        (Timeframe.H1, 65, timedelta(days=14)),
        (Timeframe.D1, 250, timedelta(days=350)),
        (Timeframe.W1, 52, timedelta(weeks=52)),
    ],
)
def test_reach_goes_far_enough_back(timeframe, limit, least):
    assert least <= reach(timeframe, limit) <= least * 3


async def test_snapshots_leave_out_what_is_unknown(history, prices):
    prices.snapshots = {
        "AAPL": {
            "latestQuote": {"t": "2026-11-24T15:00:00.000000009Z", "bp": 99.1, "bs": 300, "ap": 0, "as": 0},
            "latestTrade": {"t": "2026-11-24T15:00:01Z", "p": 99.2, "s": 100},
            "dailyBar": {"t": "2026-11-24T05:00:00Z", "v": 5000},
            "prevDailyBar": {"t": "2026-11-23T05:00:00Z", "c": 98},
        },
        "GONE": None,
        "BARE": {},
    }

    [quote] = await history.snapshots([AAPL, Symbol("GONE"), Symbol("BARE"), Symbol("NONE")])

    assert (quote.bid, quote.ask, quote.last, quote.prev_close) == (dec("99.1"), None, dec("99.2"), 98)
    assert (quote.bid_size, quote.volume, quote.time) == (300, 5000, START + timedelta(seconds=1))


async def test_snapshots_of_many_symbols_are_asked_for_in_parts(history, prices):
    await history.snapshots([Symbol(f"S{number}") for number in range(250)])

    assert [len(query["symbols"].split(",")) for query in prices.queries] == [100, 100, 50]
