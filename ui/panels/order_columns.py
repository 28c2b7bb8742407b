"""The orders' and fills' columns as data."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from core.domain.execution import Fill
from core.domain.order import Order
from core.domain.terms import OrdStatus, Side
from ui import format as fmt
from ui.models.columns import Align, BarFill, Column, Ink, Kind, Mark, RowState
from ui.panels.risk_words import trail_words

_BAD = (OrdStatus.REJECTED,)


class OrderTimes:
    """Tells how long an order's outcome has been unknown.

    Args:
        now: our time, UTC.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def status(self, order: Order) -> str:
        """Return the state in words, with what makes it plain: shares filled, seconds, the reason."""
        status = order.ord_status
        if status is OrdStatus.UNKNOWN:
            since = order.sent_at or order.created_at
            return f"Unknown, {fmt.span((self._now() - since).total_seconds())}"
        if status is OrdStatus.PARTIALLY_FILLED:
            return f"{fmt.qty(order.cum_qty)} filled"
        if status in _BAD and order.text:
            return f"{fmt.word(status)}: {order.text}"
        if order.cum_qty and not order.is_open and status is not OrdStatus.FILLED:
            return f"{fmt.word(status)}, {fmt.qty(order.cum_qty)} filled"
        return fmt.word(status)


def state(order: Order) -> RowState:
    """Return what holds for the whole row."""
    return RowState.WARN if order.ord_status is OrdStatus.UNKNOWN else RowState.NORMAL


def reason(order: Order) -> str:
    """Return the whole words behind a row, for its tool tip."""
    return f"{fmt.word(order.ord_status)}: {order.text}" if order.text else ""


def side_ink(side: Side) -> Ink:
    """Return the colour of a side's word."""
    return Ink.GAIN if side is Side.BUY else Ink.LOSS


def side_mark(side: Side) -> Mark:
    """Return the arrow of a side."""
    return Mark.UP if side is Side.BUY else Mark.DOWN


def _mark(order: Order) -> Mark | None:
    status = order.ord_status
    if status is OrdStatus.UNKNOWN:
        return Mark.QUESTION
    return Mark.STOP if status in _BAD else None


def _bar(order: Order) -> BarFill | None:
    if order.ord_status is not OrdStatus.PARTIALLY_FILLED:
        return None
    return BarFill(float(order.cum_qty / order.order_qty))


def _price(value: Decimal | None) -> str:
    return "" if value is None else fmt.price(value)


def _size(order: Order) -> str:
    cash = order.terms.cash_order_qty
    return fmt.qty(order.order_qty) if cash is None else f"${fmt.money(cash, 0 if cash % 1 == 0 else 2)}"


def _kind(order: Order) -> str:
    if order.list_id is not None:
        return "Stop leg" if order.ord_type.waits else "Profit leg"
    said = "Trailing" if order.ord_type.has_trail else fmt.word(order.ord_type)
    return f"{said} + exits" if order.terms.legs is not None else said


def _trigger(order: Order) -> str:
    if order.ord_type.has_trail:
        return f"by {trail_words(order.terms)}"
    return _price(order.terms.stop_px)


def _until(order: Order) -> str:
    return fmt.word(order.time_in_force) + ("+" if order.terms.extended_hours else "")


def order_columns(times: OrderTimes) -> list[Column[Order]]:
    """Return the columns of the orders."""
    right, number = Align.RIGHT, Kind.NUMBER
    return [
        Column[Order](
            "symbol", "Symbol", 60, lambda o: o.symbol, weight=500, sort_key=lambda o: o.symbol, frozen=True
        ),
        Column[Order](
            "side", "Side", 52, lambda o: fmt.word(o.side), ink=lambda o: side_ink(o.side),
            mark=lambda o: side_mark(o.side), sort_key=lambda o: o.side.value,
        ),
        Column[Order]("qty", "Qty", 40, _size, right, number),
        Column[Order]("type", "Type", 80, _kind, default_ink=Ink.TEXT2, pad_left=12),
        Column[Order]("price", "Limit", 54, lambda o: _price(o.terms.price), right, number),
        Column[Order]("stop_px", "Stop", 54, _trigger, right, number),
        Column[Order](
            "tif", "TIF", 46, _until, default_ink=Ink.TEXT2, pad_left=12,
            tooltip="Time in force; + is before and after regular hours too",
        ),
        Column[Order](
            "status", "Status", 122, times.status, kind=Kind.BAR, bar=_bar, mark=_mark,
            strong=lambda o: o.ord_status is OrdStatus.UNKNOWN, sort_key=lambda o: o.ord_status.value,
            ink=lambda o: None if o.is_open else Ink.TEXT2,
        ),
    ]  # fmt: skip


def fill_columns() -> list[Column[Fill]]:
    """Return the columns of the fills."""
    right, number = Align.RIGHT, Kind.NUMBER
    return [
        Column[Fill](
            "symbol", "Symbol", 60, lambda f: f.symbol, weight=500, sort_key=lambda f: f.symbol, frozen=True
        ),
        Column[Fill](
            "side", "Side", 52, lambda f: fmt.word(f.side), ink=lambda f: side_ink(f.side),
            mark=lambda f: side_mark(f.side), sort_key=lambda f: f.side.value,
        ),
        Column[Fill]("qty", "Qty", 48, lambda f: fmt.qty(f.last_qty), right, number),
        Column[Fill]("price", "Price", 68, lambda f: fmt.price(f.last_px), right, number, weight=500),
        Column[Fill]("value", "Value", 80, lambda f: fmt.money(f.value), right, number),
        Column[Fill]("fee", "Fee", 52, lambda f: fmt.money(f.fee), right, number, default_ink=Ink.TEXT2),
        Column[Fill](
            "time", "Time", 110, lambda f: fmt.clock(f.transact_time), default_ink=Ink.TEXT2, pad_left=20,
            value=lambda f: f.transact_time, sort_key=lambda f: f.transact_time,
            tooltip="Market time of the fill",
        ),
    ]  # fmt: skip
