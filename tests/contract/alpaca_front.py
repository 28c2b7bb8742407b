"""Alpaca's REST and order stream in front of the embedded exchange: its matching, Alpaca's words.

It says nothing about Alpaca; it lets the adapter go through every numbered case with an engine that is known
to keep them, so that what fails is the adapter.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from aiohttp import web

from core.adapters.simulator import Exchange
from core.domain.execution import ExecType, ExecutionReport
from core.domain.money import Money, Price, Qty
from core.domain.terms import (
    Contingency,
    Legs,
    NewOrderList,
    NewOrderSingle,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    OrderTerms,
    OrdStatus,
    OrdType,
    Side,
    TimeInForce,
)
from core.errors import BrokerRejected, OutcomeUnknown
from core.ids import ClOrdId, ExecId, OrderId, Symbol
from tests.servers.faults import Faults
from tests.servers.http_faults import fault_middleware
from tests.servers.listener import Listener

WORDS = {each: each.value.lower() for each in OrdStatus} | {OrdStatus.SUSPENDED: "held"}
EVENTS = {
    ExecType.NEW: "new", ExecType.CANCELED: "canceled", ExecType.EXPIRED: "expired",
    ExecType.SUSPENDED: "held",
    ExecType.RESTATED: "new", ExecType.TRADE_CANCEL: "trade_bust", ExecType.TRADE_CORRECT: "trade_correct",
    ExecType.REPLACE_REJECTED: "order_replace_rejected", ExecType.CANCEL_REJECTED: "order_cancel_rejected",
}  # fmt: skip
KINDS = {"limit_price": Price, "stop_price": Price, "trail_price": Price, "trail_percent": Decimal}
NAMES = {
    "limit_price": "price",
    "stop_price": "stop_px",
    "trail_price": "trail_px",
    "trail_percent": "trail_pct",
}


class AlpacaFront:
    """Serves one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.faults = Faults()
        self._queues: dict[web.WebSocketResponse, asyncio.Queue[str | None]] = {}
        app = web.Application(middlewares=[fault_middleware(self.faults), refusing])
        shown: dict[str, Callable[[], Any]] = {
            "/v2/account": self._account,
            "/v2/positions": self._positions,
            "/v2/clock": lambda: {"timestamp": "2026-11-20T15:00:00Z", "is_open": True},
        }
        app.add_routes([web.get(path, showing(show)) for path, show in shown.items()])
        app.add_routes(
            [
                web.get("/stream", self._stream),
                web.get("/v2/account/activities", self._activities),
                web.get("/v2/orders:by_client_order_id", self._by_client_id),
                web.get("/v2/orders", self._list),
                web.post("/v2/orders", self._post),
                web.get("/v2/orders/{id}", self._get),
                web.patch("/v2/orders/{id}", self._patch),
                web.delete("/v2/orders/{id}", self._delete),
            ]
        )
        self.listener = Listener(app)
        exchange.listen(self._tell)

    def drop_streams(self) -> None:
        """Cut every order stream."""
        for queue in self._queues.values():
            queue.put_nowait(None)
        self._queues.clear()

    def exec_id(self, ours: ExecId) -> ExecId:
        """Return the exchange's name of a fill."""
        order_id, _, cum = ours.rpartition(":")
        return next(r.exec_id for r in self._fills() if (r.order_id, r.cum_qty) == (order_id, Decimal(cum)))

    # What the exchange knows, as Alpaca says it

    @property
    def _reports(self) -> list[ExecutionReport]:
        return self.exchange._books.orders.reports

    def _fills(self) -> list[ExecutionReport]:
        return [report for report in self._reports if report.fill is not None]

    def _orders(self) -> dict[OrderId, ExecutionReport]:
        """Every order as it stands, in the order of arrival."""
        known = {r.order_id: r for r in self._reports if r.order_id is not None}
        orders = self.exchange._books.orders
        return {each: orders.status(orders.by_order_id(each)) for each in known}

    def _json(self, report: ExecutionReport, *, nested: bool = True) -> dict[str, Any]:
        terms, orders = report.terms, self._orders()
        by_client = {each.cl_ord_id: each for each in orders.values()}
        old = by_client.get(report.orig_cl_ord_id or ClOrdId(""))
        legs = [each for each in orders.values() if each.list_id == report.cl_ord_id]
        first = next(r for r in self._reports if r.order_id == report.order_id)
        listed = by_client.get(report.list_id) if report.list_id else report
        kind = listed.terms.legs.contingency.value if listed and listed.terms.legs else ""
        texts = {name: getattr(terms, NAMES[name]) for name in NAMES}
        return {
            "id": report.order_id, "client_order_id": report.cl_ord_id, "symbol": terms.symbol,
            "asset_class": "us_equity", "created_at": stamp(first), "submitted_at": stamp(first),
            "updated_at": stamp(report), "qty": None if terms.is_cash else str(terms.order_qty),
            "notional": None if terms.cash_order_qty is None else str(terms.cash_order_qty),
            "filled_qty": str(report.cum_qty), "side": terms.side.value, "type": terms.ord_type.value,
            "filled_avg_price": None if report.avg_px is None else str(report.avg_px),
            "time_in_force": terms.time_in_force.value, "extended_hours": terms.extended_hours,
            "status": WORDS[report.ord_status], "order_class": kind, "replaces": old and old.order_id,
            "legs": [self._json(leg, nested=False) for leg in legs] if nested and legs else None,
            **{name: None if value is None else str(value) for name, value in texts.items()},
        }  # fmt: skip

    def _account(self) -> dict[str, Any]:
        account = self.exchange.account()
        return {
            "id": "a", "account_number": "PA0001234", "status": "ACTIVE", "cash": str(account.cash),
            "equity": str(account.equity), "last_equity": str(account.start_equity),
            "buying_power": str(account.buying_power), "shorting_enabled": account.may_short,
        }  # fmt: skip

    def _positions(self) -> list[dict[str, Any]]:
        return [
            {"symbol": each.symbol, "qty": str(each.qty), "side": "long" if each.qty > 0 else "short"}
            | {"avg_entry_price": str(each.avg_px)}
            for each in self.exchange.positions()
        ]

    # Requests

    async def _list(self, request: web.Request) -> web.Response:
        nested = request.query["nested"] == "true"
        after = datetime.fromisoformat(request.query.get("after", "2000-01-01T00:00:00+00:00"))
        rows = [
            self._json(each, nested=nested)
            for each in self._orders().values()
            if (request.query["status"] == "all" or WORDS[each.ord_status] not in ENDED)
            and not (nested and each.list_id is not None)
        ]
        found = [row for row in rows if moment(row["submitted_at"]) > after]
        return web.json_response(found[: int(request.query["limit"])])

    async def _by_client_id(self, request: web.Request) -> web.Response:
        wanted = request.query["client_order_id"]
        found = [each for each in self._orders().values() if each.cl_ord_id == wanted]
        if not found:
            raise BrokerRejected("order not found", "404")
        return web.json_response(self._json(found[0]))

    async def _get(self, request: web.Request) -> web.Response:
        found = self._orders().get(OrderId(request.match_info["id"]))
        if found is None:
            raise BrokerRejected("order not found", "404")
        return web.json_response(self._json(found))

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.json()
        terms = read_terms(body)
        kind = NewOrderSingle if terms.legs is None else NewOrderList
        ack = self.exchange.submit(kind(ClOrdId(body["client_order_id"]), terms))
        return web.json_response(self._json(ack))

    async def _patch(self, request: web.Request) -> web.Response:
        body, old = await request.json(), self._orders()[OrderId(request.match_info["id"])]
        changes = {NAMES[name]: KINDS[name](body[name]) for name in NAMES if name in body}
        if "trail" in body:
            name = "trail_px" if old.terms.trail_px is not None else "trail_pct"
            changes[name] = Price(body["trail"])
        if "qty" in body:
            changes["order_qty"] = Qty(body["qty"])
        new = ClOrdId(body["client_order_id"])
        terms = replace(old.terms, **changes)
        self.exchange.replace(OrderCancelReplaceRequest(new, old.cl_ord_id, old.order_id, terms))
        made = next(each for each in self._orders().values() if each.cl_ord_id == new)
        return web.json_response(self._json(made))

    async def _delete(self, request: web.Request) -> web.Response:
        order_id = request.match_info["id"]
        if OrderId(order_id) not in self._orders():
            raise BrokerRejected("order not found", "404")
        self.exchange.cancel(OrderCancelRequest(ClOrdId(""), order_id))
        return web.Response(status=204)

    async def _activities(self, request: web.Request) -> web.Response:
        after = datetime.fromisoformat(request.query.get("after", "2000-01-01T00:00:00+00:00"))
        rows = [
            {"id": f"{each.exec_id}", "activity_type": "FILL", "transaction_time": stamp(each)}
            | {"price": str(each.last_px), "qty": str(each.last_qty), "cum_qty": str(each.cum_qty)}
            | {"order_id": each.order_id, "symbol": each.terms.symbol}
            for each in self._fills()
            if each.transact_time > after
            and request.query.get("order_id", each.order_id) == each.order_id
            and each.exec_id > request.query.get("page_token", "")
        ]
        return web.json_response(rows[: int(request.query["page_size"])])

    # The stream

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        sending = asyncio.get_running_loop().create_task(send_all(ws, queue))
        async for message in ws:
            if json.loads(message.data)["action"] == "authenticate":
                queue.put_nowait('{"stream": "authorization", "data": {"status": "authorized"}}')
            else:
                queue.put_nowait('{"stream": "listening", "data": {"streams": ["trade_updates"]}}')
                self._queues[ws] = queue
        self._queues.pop(ws, None)
        queue.put_nowait(None)
        await sending
        return ws

    def _tell(self, report: ExecutionReport) -> None:
        if report.order_id is None:
            return  # what is refused at the door has no event
        event = EVENTS.get(report.exec_type, "")
        if report.exec_type is ExecType.TRADE:
            event = "fill" if report.ord_status is OrdStatus.FILLED else "partial_fill"
        if report.exec_type is ExecType.REPLACED:
            event = "replaced" if report.ord_status is OrdStatus.REPLACED else "new"
        data: dict[str, Any] = {"event": event, "order": self._json(report), "timestamp": stamp(report)}
        if report.last_qty is not None:
            about = report.exec_ref_id or report.exec_id
            data |= {"qty": str(report.last_qty), "price": str(report.last_px), "execution_id": about}
        for queue in self._queues.values():
            queue.put_nowait(json.dumps({"stream": "trade_updates", "data": data}))


ENDED = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})


@web.middleware
async def refusing(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        return await handler(request)
    except OutcomeUnknown:
        status, code, text = 422, 40010001, "client_order_id must be unique"
    except (BrokerRejected, ValueError) as error:
        status, code, text = 422, 42210000, str(error)
        if isinstance(error, BrokerRejected) and error.code == "404":
            status, code = 404, 40410000
    return web.json_response({"code": code, "message": text}, status=status)


def showing(show: Callable[[], Any]) -> Any:
    async def handler(_request: web.Request) -> web.Response:
        return web.json_response(show())

    return handler


async def send_all(ws: web.WebSocketResponse, queue: "asyncio.Queue[str | None]") -> None:
    while (text := await queue.get()) is not None:
        if not ws.closed:
            await ws.send_bytes(text.encode())
    await ws.close()


def stamp(report: ExecutionReport) -> str:
    """Market time with the number of the report as nanoseconds, so that no two facts have one time."""
    number = int(report.exec_id.rpartition("-")[2]) % 1000
    return f"{report.transact_time:%Y-%m-%dT%H:%M:%S.%f}{number:03d}Z"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"{text[:-4]}+00:00")


def read_terms(body: dict[str, Any]) -> OrderTerms:
    prices = {NAMES[name]: KINDS[name](body[name]) for name in NAMES if name in body}
    legs = None
    if "order_class" in body:
        stop = body["stop_loss"]
        limit = Price(stop["limit_price"]) if "limit_price" in stop else None
        takes = Price(body["take_profit"]["limit_price"])
        legs = Legs(Contingency(body["order_class"]), takes, Price(stop["stop_price"]), limit)
    cash = Money(body["notional"]) if "notional" in body else None
    return OrderTerms(
        symbol=Symbol(body["symbol"]),
        side=Side(body["side"]),
        ord_type=OrdType(body["type"]),
        time_in_force=TimeInForce(body["time_in_force"]),
        order_qty=Qty(body["qty"]) if cash is None else Qty(1),
        extended_hours=bool(body.get("extended_hours")),
        cash_order_qty=cash,
        legs=legs,
        **prices,
    )
