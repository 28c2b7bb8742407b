"""The trading API over HTTP: paths, queries and status codes; what happens is the exchange's."""

import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from aiohttp import web

from tests.servers.alpaca import intake, listing, wire
from tests.servers.alpaca.exchange import Exchange
from tests.servers.alpaca.refusals import Refusal, invalid, malformed, not_found
from tests.servers.alpaca.trade_stream import TradeStream

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
KNOBS = frozenset(
    {
        "trade_confirm_email", "suspend_trade", "no_shorting", "fractional_trading", "max_margin_multiplier",
        "max_options_trading_level", "ptp_no_exception_entry", "disable_overnight_trading",
    }
)  # fmt: skip


def refusal_middleware() -> Any:
    """Turn a refusal of the exchange into its reply."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refusal as refusal:
            return web.json_response(refusal.body, status=refusal.status)

    return answer


async def body_of(request: web.Request) -> Any:
    try:
        return await request.json()
    except json.JSONDecodeError:
        raise malformed("request body format is invalid") from None


class Orders:
    """`/v2/orders` and what hangs below it."""

    def __init__(self, ex: Exchange) -> None:
        self.ex = ex

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v2/orders", self.submit),
            web.get("/v2/orders", self.list),
            web.delete("/v2/orders", self.cancel_all),
            web.get("/v2/orders:by_client_order_id", self.by_client_order_id),
            web.get("/v2/orders/{order_id}", self.get),
            web.patch("/v2/orders/{order_id}", self.replace),
            web.delete("/v2/orders/{order_id}", self.cancel),
        ]

    async def submit(self, request: web.Request) -> web.Response:
        return web.json_response(self.ex.submit(await body_of(request)))

    async def list(self, request: web.Request) -> web.Response:
        return web.json_response(listing.orders(self.ex.book, request.query))

    async def by_client_order_id(self, request: web.Request) -> web.Response:
        order = self.ex.book.by_client.get(request.query.get("client_order_id", ""))
        if order is None:
            raise not_found("order not found")
        return web.json_response(self.ex.show(order.id))

    async def get(self, request: web.Request) -> web.Response:
        nested = request.query.get("nested", "").lower() == "true"
        return web.json_response(self.ex.show(self._id(request), nested=nested))

    async def replace(self, request: web.Request) -> web.Response:
        return web.json_response(self.ex.replace(self._id(request), await body_of(request)))

    async def cancel(self, request: web.Request) -> web.Response:
        self.ex.cancel(self._id(request))
        return web.Response(status=204)

    async def cancel_all(self, _request: web.Request) -> web.Response:
        return web.json_response(cancel_orders(self.ex), status=207)

    def _id(self, request: web.Request) -> str:
        order_id = request.match_info["order_id"]
        if order_id not in self.ex.book.orders:
            raise not_found(f"order not found for {order_id}")
        return order_id


def cancel_orders(ex: Exchange) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for order in ex.book.open():
        if not order.is_open:
            rows.append({"id": order.id, "status": 200})
            continue
        try:
            ex.cancel(order.id)
            rows.append({"id": order.id, "status": 200})
        except Refusal as refusal:
            rows.append({"id": order.id, "status": 500, "body": refusal.body})
    return rows


class Positions:
    """`/v2/positions`."""

    def __init__(self, ex: Exchange) -> None:
        self.ex = ex

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v2/positions", self.list),
            web.delete("/v2/positions", self.close_all),
            web.get("/v2/positions/{symbol}", self.get),
            web.delete("/v2/positions/{symbol}", self.close),
        ]

    def _shown(self, symbol: str) -> dict[str, Any]:
        return wire.position_json(symbol, self.ex.account, self.ex.book, self.ex.market)

    def _symbol(self, request: web.Request) -> str:
        asset = self.ex.market.find(request.match_info["symbol"])
        if asset is None or asset["symbol"] not in self.ex.account.positions:
            raise not_found("position does not exist")
        return str(asset["symbol"])

    async def list(self, _request: web.Request) -> web.Response:
        return web.json_response([self._shown(symbol) for symbol in sorted(self.ex.account.positions)])

    async def get(self, request: web.Request) -> web.Response:
        return web.json_response(self._shown(self._symbol(request)))

    async def close(self, request: web.Request) -> web.Response:
        symbol, query = self._symbol(request), request.query
        held = abs(self.ex.account.qty(symbol))
        if "qty" in query and "percentage" in query:
            raise invalid("qty and percentage are exclusive")
        qty = Decimal(query["qty"]) if "qty" in query else held
        if "percentage" in query:
            qty = (held * Decimal(query["percentage"]) / 100).quantize(Decimal("0.000000001"))
        return web.json_response(intake.close_position(self.ex, symbol, qty))

    async def close_all(self, request: web.Request) -> web.Response:
        if request.query.get("cancel_orders", "").lower() == "true":
            cancel_orders(self.ex)
        rows = []
        for symbol in sorted(self.ex.account.positions):
            try:
                body = intake.close_position(self.ex, symbol, abs(self.ex.account.qty(symbol)))
                rows.append({"symbol": symbol, "status": 200, "body": body})
            except Refusal as refusal:
                rows.append({"symbol": symbol, "status": refusal.status, "body": refusal.body})
        return web.json_response(rows, status=207)


class AccountApi:
    """The account, its activities and what else may be looked up."""

    def __init__(self, ex: Exchange) -> None:
        self.ex = ex

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v2/account", self.account),
            web.get("/v2/account/configurations", self.configuration),
            web.patch("/v2/account/configurations", self.configure),
            web.get("/v2/account/activities", self.activities),
            web.get("/v2/account/activities/{type}", self.activities),
            web.get("/v2/account/portfolio/history", self.history),
            web.get("/v2/assets", self.assets),
            web.get("/v2/assets/{symbol}", self.asset),
            web.get("/v2/clock", self.clock),
            web.get("/v2/calendar", self.calendar),
        ]

    async def account(self, _request: web.Request) -> web.Response:
        ex = self.ex
        return web.json_response(wire.account_json(ex.account, ex.book, ex.market, ex.clock.now_ns()))

    async def configuration(self, _request: web.Request) -> web.Response:
        account = self.ex.account
        fixed = {"trade_confirm_email": "all", "suspend_trade": False, "no_shorting": False}
        fixed |= {"fractional_trading": True, "max_margin_multiplier": str(account.multiplier)}
        fixed |= {"max_options_trading_level": 0, "ptp_no_exception_entry": False}
        return web.json_response(fixed | {"disable_overnight_trading": False} | account.configuration)

    async def configure(self, request: web.Request) -> web.Response:
        changes = await body_of(request)
        unknown = set(changes) - KNOBS
        if unknown:
            raise invalid(f"unknown configuration: {sorted(unknown)}")
        self.ex.account.configuration |= {name: value for name, value in changes.items() if value is not None}
        self.ex.account.multiplier = int(changes.get("max_margin_multiplier") or self.ex.account.multiplier)
        return await self.configuration(request)

    async def activities(self, request: web.Request) -> web.Response:
        return web.json_response(listing.activities(self.ex, request.query, request.match_info.get("type")))

    async def history(self, request: web.Request) -> web.Response:
        return web.json_response(listing.portfolio_history(self.ex, request.query))

    async def assets(self, request: web.Request) -> web.Response:
        query = request.query
        wanted = {key: query[name] for name, key in FILTERS if name in query}
        rows = [
            a for a in self.ex.market.assets.values() if all(a[key] == value for key, value in wanted.items())
        ]
        return web.json_response(rows)

    async def asset(self, request: web.Request) -> web.Response:
        found = self.ex.market.find(request.match_info["symbol"])
        if found is None:
            raise not_found(f"asset not found for {request.match_info['symbol']}")
        return web.json_response(found)

    async def clock(self, _request: web.Request) -> web.Response:
        return web.json_response(listing.clock(self.ex))

    async def calendar(self, request: web.Request) -> web.Response:
        return web.json_response(listing.calendar(request.query))


FILTERS = (("status", "status"), ("asset_class", "class"), ("exchange", "exchange"))


def trading_routes(ex: Exchange, stream: TradeStream) -> list[web.RouteDef]:
    parts = (Orders(ex), Positions(ex), AccountApi(ex))
    return [*(route for part in parts for route in part.routes()), web.get("/stream", stream.handle)]
