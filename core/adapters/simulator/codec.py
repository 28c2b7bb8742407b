"""How orders and reports are written into the ledger, and read back."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from core.domain.execution import ExecType, ExecutionReport
from core.domain.money import Money, Price, Qty, plain
from core.domain.terms import Contingency, Legs, OrderTerms, OrdStatus, OrdType, Side, TimeInForce
from core.ids import ClOrdId, ExecId, OrderId, Symbol


def terms_to_json(terms: OrderTerms) -> dict[str, object]:
    """Write an order's body with FIX words and numbers as text; what is not used is left out."""
    legs = terms.legs
    added = {
        "trail_px": _text(terms.trail_px),
        "trail_pct": _text(terms.trail_pct),
        "extended_hours": terms.extended_hours or None,
        "cash_order_qty": _text(terms.cash_order_qty),
        "contingency": None if legs is None else legs.contingency.value,
        "take_profit": None if legs is None else plain(legs.take_profit),
        "leg_stop_px": None if legs is None else plain(legs.stop_px),
        "leg_stop_limit": None if legs is None else _text(legs.stop_limit),
    }
    return {
        "symbol": terms.symbol,
        "side": terms.side.value,
        "ord_type": terms.ord_type.value,
        "time_in_force": terms.time_in_force.value,
        "order_qty": plain(terms.order_qty),
        "price": _text(terms.price),
        "stop_px": _text(terms.stop_px),
        **{key: value for key, value in added.items() if value is not None},
    }


def terms_from_json(body: Mapping[str, object]) -> OrderTerms:
    """Read what `terms_to_json` wrote."""
    return OrderTerms(
        symbol=Symbol(str(body["symbol"])),
        side=Side(str(body["side"])),
        ord_type=OrdType(str(body["ord_type"])),
        time_in_force=TimeInForce(str(body["time_in_force"])),
        order_qty=Qty(str(body["order_qty"])),
        price=_price(body["price"]),
        stop_px=_price(body["stop_px"]),
        trail_px=_price(body.get("trail_px")),
        trail_pct=_decimal(body.get("trail_pct")),
        extended_hours=body.get("extended_hours") is True,
        cash_order_qty=_money(body.get("cash_order_qty")),
        legs=_legs(body),
    )


def _legs(body: Mapping[str, object]) -> Legs | None:
    if body.get("contingency") is None:
        return None
    return Legs(
        contingency=Contingency(str(body["contingency"])),
        take_profit=Price(str(body["take_profit"])),
        stop_px=Price(str(body["leg_stop_px"])),
        stop_limit=_price(body.get("leg_stop_limit")),
    )


def report_to_json(report: ExecutionReport) -> dict[str, object]:
    """Write a report."""
    return {
        "exec_id": report.exec_id,
        "exec_type": report.exec_type.value,
        "cl_ord_id": report.cl_ord_id,
        "order_id": report.order_id,
        "terms": terms_to_json(report.terms),
        "ord_status": report.ord_status.value,
        "cum_qty": plain(report.cum_qty),
        "leaves_qty": plain(report.leaves_qty),
        "avg_px": _text(report.avg_px),
        "transact_time": report.transact_time.isoformat(),
        "last_qty": _text(report.last_qty),
        "last_px": _text(report.last_px),
        "fee": plain(report.fee),
        "orig_cl_ord_id": report.orig_cl_ord_id,
        "text": report.text,
        "list_id": report.list_id,
        "exec_ref_id": report.exec_ref_id,
    }


def report_from_json(fact: Mapping[str, object]) -> ExecutionReport:
    """Read what `report_to_json` wrote."""
    terms, order_id, orig, last_qty = (
        fact[key] for key in ("terms", "order_id", "orig_cl_ord_id", "last_qty")
    )
    list_id, exec_ref_id = fact.get("list_id"), fact.get("exec_ref_id")
    if not isinstance(terms, Mapping):
        raise TypeError("the terms of a report are a mapping")
    return ExecutionReport(
        exec_id=ExecId(str(fact["exec_id"])),
        exec_type=ExecType(str(fact["exec_type"])),
        cl_ord_id=ClOrdId(str(fact["cl_ord_id"])),
        order_id=None if order_id is None else OrderId(str(order_id)),
        terms=terms_from_json(terms),
        ord_status=OrdStatus(str(fact["ord_status"])),
        cum_qty=Qty(str(fact["cum_qty"])),
        leaves_qty=Qty(str(fact["leaves_qty"])),
        avg_px=_price(fact["avg_px"]),
        transact_time=datetime.fromisoformat(str(fact["transact_time"])),
        last_qty=None if last_qty is None else Qty(str(last_qty)),
        last_px=_price(fact["last_px"]),
        fee=Money(str(fact["fee"])),
        orig_cl_ord_id=None if orig is None else ClOrdId(str(orig)),
        text=str(fact["text"]),
        list_id=None if list_id is None else ClOrdId(str(list_id)),
        exec_ref_id=None if exec_ref_id is None else ExecId(str(exec_ref_id)),
    )


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _price(value: object) -> Price | None:
    return None if value is None else Price(str(value))


def _money(value: object) -> Money | None:
    return None if value is None else Money(str(value))


def _decimal(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))
