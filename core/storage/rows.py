"""Rows from values and values from rows. Only here are columns and attributes matched."""

from typing import Any

from sqlalchemy import RowMapping

from core.domain.access import Origin
from core.domain.audit import AuditRecord
from core.domain.execution import ExecType, ExecutionReport, Fill
from core.domain.order import Order, Pending
from core.domain.portfolio import Lot, LotClose, Position
from core.domain.terms import Contingency, Legs, OrderTerms, OrdStatus, OrdType, Side, TimeInForce

# What a driver takes and gives is of many types; the column types check each one.
Values = dict[str, Any]


def terms_values(terms: OrderTerms) -> Values:
    legs = terms.legs
    return {
        "symbol": terms.symbol,
        "side": terms.side.value,
        "ord_type": terms.ord_type.value,
        "time_in_force": terms.time_in_force.value,
        "order_qty": terms.order_qty,
        "price": terms.price,
        "stop_px": terms.stop_px,
        "trail_px": terms.trail_px,
        "trail_pct": terms.trail_pct,
        "extended_hours": terms.extended_hours,
        "cash_order_qty": terms.cash_order_qty,
        "contingency": None if legs is None else legs.contingency.value,
        "take_profit": None if legs is None else legs.take_profit,
        "leg_stop_px": None if legs is None else legs.stop_px,
        "leg_stop_limit": None if legs is None else legs.stop_limit,
    }


def terms_of(row: RowMapping) -> OrderTerms:
    return OrderTerms(
        symbol=row["symbol"],
        side=Side(row["side"]),
        ord_type=OrdType(row["ord_type"]),
        time_in_force=TimeInForce(row["time_in_force"]),
        order_qty=row["order_qty"],
        price=row["price"],
        stop_px=row["stop_px"],
        trail_px=row["trail_px"],
        trail_pct=row["trail_pct"],
        extended_hours=row["extended_hours"],
        cash_order_qty=row["cash_order_qty"],
        legs=_legs_of(row),
    )


def _legs_of(row: RowMapping) -> Legs | None:
    if row["contingency"] is None:
        return None
    return Legs(
        Contingency(row["contingency"]), row["take_profit"], row["leg_stop_px"], row["leg_stop_limit"]
    )


def order_values(order: Order) -> Values:
    return {
        **terms_values(order.terms),
        "cl_ord_id": order.cl_ord_id,
        "orig_cl_ord_id": order.orig_cl_ord_id,
        "order_id": order.order_id,
        "cum_qty": order.cum_qty,
        "avg_px": order.avg_px,
        "acked": order.acked,
        "ended": None if order.ended is None else order.ended.value,
        "pending": None if order.pending is None else order.pending.value,
        "suspended": order.suspended,
        "unknown": order.unknown,
        "gave_up": order.gave_up,
        "sent_at": order.sent_at,
        "text": order.text,
        "external": order.external,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
        "is_open": order.is_open,
        "list_id": order.list_id,
        "origin": None if order.origin is None else order.origin.value,
    }


def order_of(row: RowMapping) -> Order:
    return Order(
        cl_ord_id=row["cl_ord_id"],
        terms=terms_of(row),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        orig_cl_ord_id=row["orig_cl_ord_id"],
        order_id=row["order_id"],
        cum_qty=row["cum_qty"],
        avg_px=row["avg_px"],
        acked=row["acked"],
        ended=None if row["ended"] is None else OrdStatus(row["ended"]),
        pending=None if row["pending"] is None else Pending(row["pending"]),
        suspended=row["suspended"],
        unknown=row["unknown"],
        gave_up=row["gave_up"],
        sent_at=row["sent_at"],
        text=row["text"],
        external=row["external"],
        list_id=row["list_id"],
        origin=None if row["origin"] is None else Origin(row["origin"]),
    )


def report_values(report: ExecutionReport) -> Values:
    return {
        **terms_values(report.terms),
        "exec_id": report.exec_id,
        "exec_type": report.exec_type.value,
        "cl_ord_id": report.cl_ord_id,
        "orig_cl_ord_id": report.orig_cl_ord_id,
        "order_id": report.order_id,
        "ord_status": report.ord_status.value,
        "cum_qty": report.cum_qty,
        "leaves_qty": report.leaves_qty,
        "avg_px": report.avg_px,
        "last_qty": report.last_qty,
        "last_px": report.last_px,
        "fee": report.fee,
        "text": report.text,
        "transact_time": report.transact_time,
        "list_id": report.list_id,
        "exec_ref_id": report.exec_ref_id,
    }


def report_of(row: RowMapping) -> ExecutionReport:
    return ExecutionReport(
        exec_id=row["exec_id"],
        exec_type=ExecType(row["exec_type"]),
        cl_ord_id=row["cl_ord_id"],
        order_id=row["order_id"],
        terms=terms_of(row),
        ord_status=OrdStatus(row["ord_status"]),
        cum_qty=row["cum_qty"],
        leaves_qty=row["leaves_qty"],
        avg_px=row["avg_px"],
        transact_time=row["transact_time"],
        last_qty=row["last_qty"],
        last_px=row["last_px"],
        fee=row["fee"],
        orig_cl_ord_id=row["orig_cl_ord_id"],
        text=row["text"],
        list_id=row["list_id"],
        exec_ref_id=row["exec_ref_id"],
    )


def fill_values(fill: Fill) -> Values:
    return {
        "exec_id": fill.exec_id,
        "cl_ord_id": fill.cl_ord_id,
        "symbol": fill.symbol,
        "side": fill.side.value,
        "last_qty": fill.last_qty,
        "last_px": fill.last_px,
        "fee": fill.fee,
        "transact_time": fill.transact_time,
        "inferred": fill.inferred,
        "corrects": fill.corrects,
    }


def fill_of(row: RowMapping) -> Fill:
    return Fill(
        exec_id=row["exec_id"],
        cl_ord_id=row["cl_ord_id"],
        symbol=row["symbol"],
        side=Side(row["side"]),
        last_qty=row["last_qty"],
        last_px=row["last_px"],
        fee=row["fee"],
        transact_time=row["transact_time"],
        inferred=row["inferred"],
        corrects=row["corrects"],
    )


def lot_values(lot: Lot) -> Values:
    return {
        "exec_id": lot.exec_id,
        "symbol": lot.symbol,
        "side": lot.side.value,
        "opened_qty": lot.opened_qty,
        "open_qty": lot.open_qty,
        "price": lot.price,
        "fee": lot.fee,
        "opened_at": lot.opened_at,
    }


def lot_of(row: RowMapping) -> Lot:
    return Lot(
        exec_id=row["exec_id"],
        symbol=row["symbol"],
        side=Side(row["side"]),
        opened_qty=row["opened_qty"],
        open_qty=row["open_qty"],
        price=row["price"],
        fee=row["fee"],
        opened_at=row["opened_at"],
    )


def close_values(close: LotClose) -> Values:
    return {
        "open_exec_id": close.open_exec_id,
        "close_exec_id": close.close_exec_id,
        "symbol": close.symbol,
        "side": close.side.value,
        "qty": close.qty,
        "open_px": close.open_px,
        "close_px": close.close_px,
        "realised": close.realised,
        "closed_at": close.closed_at,
    }


def close_of(row: RowMapping) -> LotClose:
    return LotClose(
        open_exec_id=row["open_exec_id"],
        close_exec_id=row["close_exec_id"],
        symbol=row["symbol"],
        side=Side(row["side"]),
        qty=row["qty"],
        open_px=row["open_px"],
        close_px=row["close_px"],
        realised=row["realised"],
        closed_at=row["closed_at"],
    )


def position_values(position: Position) -> Values:
    return {
        "symbol": position.symbol,
        "qty": position.qty,
        "cost": position.cost,
        "realised": position.realised,
        "fees": position.fees,
    }


def position_of(row: RowMapping, lots: tuple[Lot, ...]) -> Position:
    return Position(
        symbol=row["symbol"],
        qty=row["qty"],
        cost=row["cost"],
        realised=row["realised"],
        fees=row["fees"],
        lots=lots,
    )


def audit_values(record: AuditRecord) -> Values:
    return {
        "seq": record.seq,
        "ts_utc_us": record.ts_utc_us,
        "actor": record.actor,
        "role": record.role,
        "session": record.session,
        "action": record.action,
        "entity": record.entity,
        "order_id": record.order_id,
        "cl_ord_id": record.cl_ord_id,
        "payload_hash": record.payload_hash,
        "prev_digest": record.prev_digest,
        "digest": record.digest,
    }
