"""The REST side of the local Polygon server: paths, bodies and errors as the documents tell them."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from tests.servers.polygon.market import NEW_YORK, Market, Row, midnight_ms

# Pages point to the vendor's own host: a client that follows them there leaves this computer.
VENDOR = "https://api.polygon.io"
SNAPSHOTS = "/v2/snapshot/locale/us/markets/stocks"
BASE_MINUTES = {"minute": 1, "hour": 60, "day": 1, "week": 7}
REQUEST_ID = "6a7e466379af0a71039d60cc78e72282"


class Rest:
    """The handlers. `snapshots` and `last` say what the plan includes; `per_minute` limits requests."""

    def __init__(self, market: Market, key: str) -> None:
        self.market = market
        self.key = key
        self.status = "OK"
        self.snapshots = True
        self.last = True
        self.per_minute: int | None = None
        self.largest_page = 50_000
        self._times: list[datetime] = []

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{start}/{end}", self.aggregates),
            web.get("/v2/aggs/ticker/{ticker}/prev", self.previous),
            web.get(f"{SNAPSHOTS}/tickers", self.all_snapshots),
            web.get(f"{SNAPSHOTS}/tickers/{{ticker}}", self.one_snapshot),
            web.get(f"{SNAPSHOTS}/{{direction:gainers|losers}}", self.movers),
            web.get("/v2/last/trade/{ticker}", self.last_trade),
            web.get("/v2/last/nbbo/{ticker}", self.last_quote),
            web.get("/v3/reference/tickers", self.tickers),
            web.get("/v1/marketstatus/now", self.market_status),
        ]

    def guard(self) -> Any:
        """A middleware: the key, then the plan's rate."""

        @web.middleware
        async def check(request: web.Request, handler: Any) -> web.StreamResponse:
            if request.path.startswith("/_sim/") or request.path == "/stocks":
                return await handler(request)
            if request.headers.get("Authorization") != f"Bearer {self.key}":
                return failed(401, "ERROR", error="Unknown API Key")
            self._times = [each for each in self._times if self.market.now - each < timedelta(minutes=1)]
            if self.per_minute is not None and len(self._times) >= self.per_minute:
                text = "You've exceeded the maximum requests per minute, please wait or upgrade."
                return failed(429, "ERROR", error=text)
            self._times.append(self.market.now)
            return await handler(request)

        return check

    async def aggregates(self, request: web.Request) -> web.Response:
        info, query = request.match_info, dict(request.query)
        multiplier, timespan = int(info["multiplier"]), info["timespan"]
        if timespan not in BASE_MINUTES:
            return failed(400, "ERROR", error=f"'{timespan}' is not a valid timespan")
        query |= read_cursor(query.pop("cursor", ""))
        start, end = (moment_ms(info[name], is_end=name == "end") for name in ("start", "end"))
        rows = [
            row for row in self.market.bars(info["ticker"], multiplier, timespan) if start <= row["t"] <= end
        ]
        if query.get("sort") == "desc":
            rows.reverse()
        skip = int(query.get("skip", 0))
        # The limit counts base aggregates, so a page of long bars has fewer rows.
        size = max(1, int(query.get("limit", 5000)) // (multiplier * BASE_MINUTES[timespan]))
        size = min(size, self.largest_page)
        page = rows[skip : skip + size]
        body: Row = {
            "ticker": info["ticker"], "queryCount": len(page), "resultsCount": len(page),
            "adjusted": query.get("adjusted", "true") == "true",
        }  # fmt: skip
        if page:
            body["results"] = page
        if skip + size < len(rows):
            body["next_url"] = next_url(request, {**query, "skip": str(skip + size)})
        return self._ok(body)

    async def previous(self, request: web.Request) -> web.Response:
        listing = self.market.listings.get(request.match_info["ticker"])
        rows = [] if listing is None else [{"T": listing.symbol, **listing.days[-1]}]
        return self._ok({"ticker": request.match_info["ticker"], "resultsCount": len(rows), "results": rows})

    async def all_snapshots(self, request: web.Request) -> web.Response:
        if not self.snapshots:
            return not_entitled()
        wanted = request.query.get("tickers", "")
        symbols = wanted.split(",") if wanted else list(self.market.listings)
        rows = [self.market.snapshot(each) for each in symbols if each in self.market.listings]
        return self._ok({"count": len(rows), "tickers": rows})

    async def one_snapshot(self, request: web.Request) -> web.Response:
        if not self.snapshots:
            return not_entitled()
        symbol = request.match_info["ticker"]
        if symbol not in self.market.listings:
            return not_found(f"Ticker not found: {symbol}")
        return self._ok({"ticker": self.market.snapshot(symbol)})

    async def movers(self, request: web.Request) -> web.Response:
        if not self.snapshots:
            return not_entitled()
        rows = [self.market.snapshot(each) for each in self.market.listings]
        rows.sort(
            key=lambda row: row["todaysChangePerc"], reverse=request.match_info["direction"] == "gainers"
        )
        return self._ok({"tickers": rows[:20]})

    async def last_trade(self, request: web.Request) -> web.Response:
        return self._last(request, "trade", lambda e: {
            "T": e["sym"], "p": e["p"], "s": e["s"], "x": e["x"], "c": e["c"], "i": e["i"], "q": e["q"],
            "t": e["t"] * 1_000_000, "y": e["t"] * 1_000_000, "z": e["z"],
        })  # fmt: skip

    async def last_quote(self, request: web.Request) -> web.Response:
        return self._last(request, "quote", lambda e: {
            "T": e["sym"], "p": e["bp"], "s": e["bs"], "P": e["ap"], "S": e["as"], "x": e["bx"], "X": e["ax"],
            "q": e["q"], "t": e["t"] * 1_000_000, "y": e["t"] * 1_000_000, "z": e["z"],
        })  # fmt: skip

    def _last(self, request: web.Request, kind: str, shape: Callable[[Row], Row]) -> web.Response:
        if not self.last:
            return not_entitled()
        listing = self.market.listings.get(request.match_info["ticker"])
        event = getattr(listing, kind, None)
        if event is None:
            return not_found("Resource Not Found")
        return self._ok({"results": shape(event)})

    async def tickers(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        query |= read_cursor(query.pop("cursor", ""))
        rows = [
            {
                "ticker": each.symbol, "name": each.name, "market": "stocks", "locale": "us",
                "type": each.kind,
                "primary_exchange": each.exchange, "active": each.active, "currency_name": "usd",
                "last_updated_utc": "2026-11-24T00:00:00Z",
            }
            for each in sorted(self.market.listings.values(), key=lambda each: each.symbol)
        ]  # fmt: skip
        skip, size = int(query.get("skip", 0)), min(int(query.get("limit", 100)), self.largest_page)
        body: Row = {"results": rows[skip : skip + size], "count": len(rows[skip : skip + size])}
        if skip + size < len(rows):
            body["next_url"] = next_url(request, {**query, "skip": str(skip + size)})
        return self._ok(body)

    async def market_status(self, request: web.Request) -> web.Response:
        local = self.market.now.astimezone(NEW_YORK)
        minute = local.hour * 60 + local.minute
        is_day = local.weekday() < 5
        is_open = is_day and 570 <= minute < 960
        early, late = is_day and 240 <= minute < 570, is_day and 960 <= minute < 1200
        word = "open" if is_open else "extended-hours" if early or late else "closed"
        return self._ok(
            {
                "market": word, "earlyHours": early, "afterHours": late, "serverTime": local.isoformat(),
                "exchanges": {"nyse": word, "nasdaq": word, "otc": word},
                "currencies": {"fx": "open", "crypto": "open"},
            },
            bare=True,
        )  # fmt: skip

    def _ok(self, body: Row, *, bare: bool = False) -> web.Response:
        frame = {} if bare else {"status": self.status, "request_id": REQUEST_ID}
        return web.json_response({**frame, **body})


def failed(status: int, word: str, **fields: str) -> web.Response:
    return web.json_response({"status": word, "request_id": REQUEST_ID, **fields}, status=status)


def not_entitled() -> web.Response:
    text = "You are not entitled to this data. Please upgrade your plan at https://polygon.io/pricing"
    return failed(403, "NOT_AUTHORIZED", message=text)


def not_found(text: str) -> web.Response:
    return failed(404, "NOT_FOUND", message=text)


def moment_ms(text: str, *, is_end: bool) -> int:
    if text.isdecimal():
        return int(text)
    day = date.fromisoformat(text)
    return midnight_ms(day + timedelta(days=1)) - 1 if is_end else midnight_ms(day)


def next_url(request: web.Request, query: dict[str, str]) -> str:
    cursor = urlsafe_b64encode(json.dumps(query).encode()).decode()
    return f"{VENDOR}{quote(request.path)}?{urlencode({'cursor': cursor})}"


def read_cursor(cursor: str) -> dict[str, str]:
    return json.loads(urlsafe_b64decode(cursor)) if cursor else {}
