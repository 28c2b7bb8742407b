"""A few hundred lines less than an exchange: Alpaca's REST and order stream over orders that a test writes.

It matches nothing. What happens to an order is said by the test; what the broker makes of it is the subject.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import WSMsgType, web

from core.domain.access import Mode
from core.domain.credentials import AlpacaCredentials
from core.settings import AlpacaAddresses
from tests.servers.faults import Faults
from tests.servers.http_faults import fault_middleware
from tests.servers.journal import Journal, journal_middleware
from tests.servers.listener import Listener

START = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
ENDED = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})
KEYS = AlpacaCredentials("PKTEST", "hush-hush")
MODE = Mode.PAPER
PAGE = 500


class TinyAlpaca:
    """Orders as JSON, in the order of arrival; `status` is what a new order gets."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.journal = Journal(now=lambda: "now", secrets=(KEYS.secret,))
        self.orders: dict[str, dict[str, Any]] = {}
        self.rows: list[dict[str, Any]] = []
        self.positions: list[dict[str, Any]] = []
        self.assets: list[dict[str, Any]] = []
        self.account: dict[str, Any] = {"account_number": "PA0001234", "status": "ACTIVE", "cash": "1000"}
        self.account |= {"equity": "1000", "last_equity": "1000", "buying_power": "4000"}
        self.status = "new"
        self.page = PAGE
        self.now = START
        self.sockets: list[web.WebSocketResponse] = []
        app = web.Application(
            middlewares=[
                journal_middleware(self.journal, streams=("/stream",)),
                fault_middleware(self.faults),
            ]
        )
        app.add_routes(
            [
                web.get("/stream", self._stream),
                web.get("/v2/account", self._shows("account")),
                web.get("/v2/positions", self._shows("positions")),
                web.get("/v2/assets", self._shows("assets")),
                web.get("/v2/clock", self._clock),
                web.get("/v2/calendar", self._calendar),
                web.get("/v2/account/activities", self._activities),
                web.get("/v2/orders:by_client_order_id", self._by_client_id),
                web.get("/v2/orders", self._list),
                web.post("/v2/orders", self._post),
                web.delete("/v2/orders", self._delete_all),
                web.get("/v2/orders/{id}", self._get),
                web.patch("/v2/orders/{id}", self._patch),
                web.delete("/v2/orders/{id}", self._delete),
            ]
        )
        self.listener = Listener(app)
        self.faults.refuse_connections = self.listener.refuse

    @property
    def addresses(self) -> AlpacaAddresses:
        http, ws = f"http://{self.listener.address}", f"ws://{self.listener.address}"
        return AlpacaAddresses(http, f"{ws}/stream", http, f"{ws}/v2/iex")

    def tick(self, seconds: float = 1.0) -> str:
        self.now += timedelta(seconds=seconds)
        return self.text()

    def text(self) -> str:
        return self.now.isoformat(timespec="microseconds").replace("+00:00", "123Z")

    def add(self, client_order_id: str, **fields: Any) -> dict[str, Any]:
        """Have an order, as if it had been sent."""
        at = self.tick()
        order = {
            "id": f"o-{len(self.orders) + 1}", "client_order_id": client_order_id, "created_at": at,
            "submitted_at": at, "updated_at": at, "symbol": "AAPL", "qty": "100", "filled_qty": "0",
            "filled_avg_price": None, "order_class": "", "type": "limit", "limit_price": "99", "side": "buy",
            "status": self.status, "time_in_force": "day", "legs": None,
            "extended_hours": False, "notional": None,
        } | fields  # fmt: skip
        self.orders[order["id"]] = order
        return order

    def change(self, order: dict[str, Any], **fields: Any) -> dict[str, Any]:
        order.update(fields, updated_at=self.tick())
        return order

    async def tell(self, event: str, order: dict[str, Any], **fields: Any) -> None:
        """Send an event about an order as it stands."""
        data = {"event": event, "order": order, "timestamp": self.text(), **fields}
        for socket in self.sockets:
            await socket.send_bytes(json.dumps({"stream": "trade_updates", "data": data}).encode())

    def fill(self, order: dict[str, Any], qty: int, px: str, average: str) -> dict[str, Any]:
        """Fill a part of an order, in the order and in the list of activities."""
        cum = int(order["filled_qty"]) + qty
        status = "filled" if cum == int(order["qty"]) else "partially_filled"
        self.change(order, filled_qty=str(cum), filled_avg_price=average, status=status)
        self.rows.append(
            {"id": f"row::{len(self.rows):06d}", "activity_type": "FILL", "transaction_time": self.text()}
            | {"price": px, "qty": str(qty), "cum_qty": str(cum), "order_id": order["id"], "symbol": "AAPL"}
        )
        return {"price": px, "qty": str(qty), "execution_id": f"e-{len(self.rows)}"}

    def _shows(self, name: str) -> Any:
        async def show(_request: web.Request) -> web.Response:
            return web.json_response(getattr(self, name))

        return show

    @staticmethod
    def _refuse(status: int, code: int, message: str) -> web.Response:
        return web.json_response({"code": code, "message": message}, status=status)

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        async for message in ws:
            if message.type is not WSMsgType.TEXT:
                continue
            if json.loads(message.data)["action"] == "authenticate":
                answer = {"stream": "authorization", "data": {"status": "authorized"}}
            else:
                answer = {"stream": "listening", "data": {"streams": ["trade_updates"]}}
                self.sockets.append(ws)
            await ws.send_bytes(json.dumps(answer).encode())
        if ws in self.sockets:
            self.sockets.remove(ws)
        return ws

    async def _clock(self, _request: web.Request) -> web.Response:
        day = self.now + timedelta(days=1)
        clock = {"timestamp": self.text(), "is_open": True}
        return web.json_response(
            clock | {"next_open": day.isoformat(), "next_close": (day + timedelta(hours=6)).isoformat()}
        )

    async def _calendar(self, request: web.Request) -> web.Response:
        days = [request.query["start"], request.query["end"]]
        return web.json_response([{"date": day, "open": "09:30", "close": "16:00"} for day in days])

    async def _activities(self, request: web.Request) -> web.Response:
        after = _when(request.query.get("after", "2000-01-01T00:00:00+00:00"))
        rows = [row for row in self.rows if _when(row["transaction_time"]) > after]
        wanted = request.query.get("order_id")
        rows = [row for row in rows if wanted in (None, row["order_id"])]
        token = request.query.get("page_token", "")
        rows = [row for row in rows if row["id"] > token]
        return web.json_response(rows[: int(request.query["page_size"])])

    async def _by_client_id(self, request: web.Request) -> web.Response:
        wanted = request.query["client_order_id"]
        found = [order for order in self.orders.values() if order["client_order_id"] == wanted]
        return web.json_response(found[0]) if found else self._refuse(404, 40410000, "order not found")

    async def _list(self, request: web.Request) -> web.Response:
        query = request.query
        legs = {leg["id"] for order in self.orders.values() for leg in order["legs"] or ()}
        is_nested = query.get("nested", "").lower() == "true"
        rows = [
            order if is_nested else order | {"legs": None}
            for order in self.orders.values()
            if (query.get("status") == "all" or order["status"] not in ENDED)
            and not (is_nested and order["id"] in legs)
            and _when(order["submitted_at"]) > _when(query.get("after", "2000-01-01T00:00:00+00:00"))
        ]
        if query.get("direction", "desc") == "desc":
            rows.reverse()
        return web.json_response(rows[: min(int(query["limit"]), self.page)])

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.json()
        if any(order["client_order_id"] == body["client_order_id"] for order in self.orders.values()):
            return self._refuse(422, 40010001, "client_order_id must be unique")
        return web.json_response(self.add(**body))

    async def _get(self, request: web.Request) -> web.Response:
        found = self.orders.get(request.match_info["id"])
        return web.json_response(found) if found else self._refuse(404, 40410000, "order not found")

    async def _patch(self, request: web.Request) -> web.Response:
        old, body = self.orders[request.match_info["id"]], await request.json()
        if any(order["client_order_id"] == body["client_order_id"] for order in self.orders.values()):
            return self._refuse(422, 40010001, "client_order_id must be unique")
        kept = {name: old[name] for name in ("symbol", "side", "type", "qty", "time_in_force", "limit_price")}
        new = self.add(**kept | body, replaces=old["id"])
        self.change(old, status="replaced", replaced_by=new["id"])
        return web.json_response(new)

    async def _delete(self, request: web.Request) -> web.Response:
        order = self.orders.get(request.match_info["id"])
        if order is None:
            return self._refuse(404, 40410000, "order not found")
        if order["status"] in ENDED:
            return self._refuse(422, 42210000, f'order is already in "{order["status"]}" state')
        self.change(order, status="canceled")
        return web.Response(status=204)

    async def _delete_all(self, _request: web.Request) -> web.Response:
        rows = []
        for order in self.orders.values():
            if order["status"] not in ENDED:
                self.change(order, status="canceled")
                rows.append({"id": order["id"], "status": 200})
        if rows:
            rows[-1] |= {"status": 500, "body": {"message": "try again"}}
        return web.json_response(rows, status=207)


def _when(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("123Z", "+00:00").replace(" ", "+"))


@asynccontextmanager
async def tiny_alpaca() -> AsyncIterator[TinyAlpaca]:
    server = TinyAlpaca()
    await server.listener.start()
    try:
        yield server
    finally:
        server.faults.clear()
        for socket in list(server.sockets):
            await socket.close()
        await server.listener.stop()
