"""The market data API over HTTP."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from aiohttp import web

from tests.servers.alpaca import history, listing
from tests.servers.alpaca.clock import SECOND, rfc3339
from tests.servers.alpaca.market import Market
from tests.servers.alpaca.refusals import Refusal, malformed

Json = dict[str, Any]
USUAL, MOST = 1000, 10_000
FRESH_NS = 15 * 60 * SECOND
Rows = Callable[[str, int, int], Iterable[tuple[int, Json]]]


class DataApi:
    """Bars, quotes, trades, snapshots.

    `free_plan`: refuse recent data of the SIP. `own` bars of a (symbol, timeframe) replace the made ones.
    """

    def __init__(self, market: Market, seed: int) -> None:
        self.market = market
        self.seed = seed
        self.free_plan = False
        self.own: dict[tuple[str, str], list[Json]] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v2/stocks/bars", self.bars),
            web.get("/v2/stocks/trades", self.trades),
            web.get("/v2/stocks/quotes", self.quotes),
            web.get("/v2/stocks/{kind:bars|trades|quotes}/latest", self.latest),
            web.get("/v2/stocks/snapshots", self.snapshots),
        ]

    async def bars(self, request: web.Request) -> web.Response:
        timeframe = request.query.get("timeframe", "1Min")
        history.seconds_of(timeframe)

        def rows(symbol: str, start: int, end: int) -> Iterable[tuple[int, Json]]:
            own = self.own.get((symbol, timeframe))
            if own is not None:
                timed = ((listing.parse_time(bar["t"]), bar) for bar in own)
                return ((at, bar) for at, bar in timed if start <= at <= end)
            price = self._close(symbol)
            return (
                (at, history.bar(symbol, at, price, self.seed))
                for at in history.starts(timeframe, start, end)
            )

        return self._page(request, "bars", rows)

    async def trades(self, request: web.Request) -> web.Response:
        return self._page(request, "trades", self._ticks(history.trade))

    async def quotes(self, request: web.Request) -> web.Response:
        return self._page(request, "quotes", self._ticks(history.quote))

    async def latest(self, request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        show = {"bars": self._minute, "trades": self._trade, "quotes": self._quote}[kind]
        return web.json_response({kind: {symbol: show(symbol) for symbol in self._symbols(request)}})

    async def snapshots(self, request: web.Request) -> web.Response:
        return web.json_response({symbol: self.snapshot(symbol) for symbol in self._symbols(request)})

    def snapshot(self, symbol: str) -> Json:
        now = self.market.clock.now_ns()
        days = list(history.starts("1Day", now - 8 * 86_400 * SECOND, now))
        price = self._close(symbol)
        daily = [history.bar(symbol, at, price, self.seed) for at in days[-2:]]
        before = daily[0] | {"c": price}
        today = daily[-1] | {"c": float(self.market.mark(symbol))}
        shown = {"latestTrade": self._trade(symbol), "latestQuote": self._quote(symbol)}
        return shown | {"minuteBar": self._minute(symbol), "dailyBar": today, "prevDailyBar": before}

    def _close(self, symbol: str) -> float:
        return float(self.market.last_close[symbol])

    def _ticks(self, make: Callable[[str, int, float, int], Json]) -> Rows:
        def rows(symbol: str, start: int, end: int) -> Iterable[tuple[int, Json]]:
            price = self._close(symbol)
            return ((at, make(symbol, at, price, self.seed)) for at in history.tick_times(start, end))

        return rows

    def _symbols(self, request: web.Request) -> list[str]:
        names = [name for name in request.query.get("symbols", "").split(",") if name]
        if not names:
            raise malformed("symbols is required")
        return [name for name in names if name in self.market.assets]

    def _minute(self, symbol: str) -> Json:
        now = self.market.clock.now_ns()
        return history.bar(symbol, now - now % (60 * SECOND), float(self.market.mark(symbol)), self.seed)

    def _trade(self, symbol: str) -> Json:
        printed = self.market.trades.get(symbol)
        if printed:
            message = self.market.trade_message(symbol, printed[-1])
            return {k: v for k, v in message.items() if k not in "TS"} | {"t": rfc3339(message["t"])}
        return history.trade(symbol, self.market.quotes[symbol].at_ns, self._close(symbol), self.seed)

    def _quote(self, symbol: str) -> Json:
        message = self.market.quote_message(symbol)
        return {k: v for k, v in message.items() if k not in "TS"} | {"t": rfc3339(message["t"])}

    def _page(self, request: web.Request, kind: str, rows: Rows) -> web.Response:
        """One page: `limit` rows over all symbols, by symbol and then by time; the token is `symbol|time`."""
        query, now = request.query, self.market.clock.now_ns()
        limit = listing.count_of(query, "limit", USUAL, MOST)
        end = listing.moment_of(query, "end")
        start = listing.moment_of(query, "start")
        self._check_plan(query.get("feed", "sip"), end, now)
        last = now if end is None else min(end, now)
        names = sorted(self._symbols(request))
        walk = self._back if query.get("sort") == "desc" else self._from
        found = walk(names, query.get("page_token"), first_of(start, now), last, rows)
        page = list(islice(found, limit + 1))
        shown: dict[str, list[Json]] = {}
        for symbol, _at, row in page[:limit]:
            shown.setdefault(symbol, []).append(row)
        token = f"{page[limit][0]}|{page[limit][1]}" if len(page) > limit else None
        return web.json_response({kind: shown, "next_page_token": token})

    def _from(
        self, names: list[str], token: str | None, start: int, end: int, rows: Rows
    ) -> Iterator[tuple[str, int, Json]]:
        first, _, at = (token or "").partition("|")
        for symbol in names:
            if symbol >= first:
                begin = int(at) if symbol == first and at else start
                yield from ((symbol, at_ns, row) for at_ns, row in rows(symbol, begin, end))

    def _back(
        self, names: list[str], token: str | None, start: int, end: int, rows: Rows
    ) -> Iterator[tuple[str, int, Json]]:
        first, _, at = (token or "").partition("|")
        for symbol in names:
            if symbol >= first:
                last = int(at) if symbol == first and at else end
                yield from ((symbol, at_ns, row) for at_ns, row in reversed(list(rows(symbol, start, last))))

    def _check_plan(self, feed: str, end: int | None, now: int) -> None:
        if self.free_plan and feed == "sip" and (end is None or end > now - FRESH_NS):
            raise Refusal(403, 42210000, "subscription does not permit querying recent SIP data")


def first_of(start: int | None, now: int) -> int:
    """The beginning of the current day when the request names none."""
    return now - now % (86_400 * SECOND) if start is None else max(start, history.beginning())
