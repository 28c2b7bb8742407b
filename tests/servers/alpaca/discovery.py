"""What the data API finds for a person: movers, the most active, news, corporate actions."""

from typing import Any

from aiohttp import web

from tests.servers.alpaca import listing
from tests.servers.alpaca.clock import rfc3339
from tests.servers.alpaca.market import Market

Json = dict[str, Any]


class DiscoveryApi:
    """Movers are counted from the marks; `articles` and `actions` hold what a test has put there.

    `articles` are news as on the wire, the newest first; `actions` are lists by kind (`cash_dividends`).
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self.articles: list[Json] = []
        self.actions: dict[str, list[Json]] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1beta1/screener/stocks/movers", self.movers),
            web.get("/v1beta1/screener/stocks/most-actives", self.most_actives),
            web.get("/v1beta1/news", self.news),
            web.get("/v1/corporate-actions", self.corporate_actions),
        ]

    def _mover(self, symbol: str) -> Json:
        close, price = self.market.last_close[symbol], self.market.mark(symbol)
        change = price - close
        percent = round(float(change / close * 100), 2)
        return {"symbol": symbol, "percent_change": percent, "change": float(change), "price": float(price)}

    def _now(self) -> str | None:
        return rfc3339(self.market.clock.now_ns())

    async def movers(self, request: web.Request) -> web.Response:
        top = listing.count_of(request.query, "top", 10, 50)
        rows = sorted(map(self._mover, self.market.assets), key=lambda row: -row["percent_change"])
        gainers = [row for row in rows if row["percent_change"] > 0][:top]
        losers = [row for row in reversed(rows) if row["percent_change"] < 0][:top]
        facts = {"market_type": "stocks", "last_updated": self._now()}
        return web.json_response({"gainers": gainers, "losers": losers, **facts})

    async def most_actives(self, request: web.Request) -> web.Response:
        top, by = listing.count_of(request.query, "top", 10, 100), request.query.get("by", "volume")
        rows = [
            {"symbol": symbol, "volume": int(sum(trade.qty for trade in trades)), "trade_count": len(trades)}
            for symbol, trades in self.market.trades.items()
        ]
        rows.sort(key=lambda row: -row["trade_count" if by == "trades" else "volume"])
        return web.json_response({"most_actives": rows[:top], "last_updated": self._now()})

    async def news(self, request: web.Request) -> web.Response:
        limit, query = listing.count_of(request.query, "limit", 10, 50), request.query
        wanted = {symbol for symbol in query.get("symbols", "").split(",") if symbol}
        found = [row for row in self.articles if not wanted or wanted & set(row["symbols"])]
        start = int(query.get("page_token") or 0)
        token = str(start + limit) if len(found) > start + limit else None
        return web.json_response({"news": found[start : start + limit], "next_page_token": token})

    async def corporate_actions(self, request: web.Request) -> web.Response:
        wanted = {symbol for symbol in request.query.get("symbols", "").split(",") if symbol}
        shown = {
            kind: [row for row in rows if not wanted or row.get("symbol") in wanted]
            for kind, rows in self.actions.items()
        }
        return web.json_response({"corporate_actions": shown, "next_page_token": None})
