"""The life of an order: each change of its status happens here, and is told."""

from typing import TYPE_CHECKING, Any

from tests.servers.alpaca import classes, matching, sessions
from tests.servers.alpaca.book import Order

if TYPE_CHECKING:
    from tests.servers.alpaca.exchange import Exchange

STAMPS = {
    "filled": "filled_ns",
    "canceled": "canceled_ns",
    "expired": "expired_ns",
    "rejected": "failed_ns",
    "replaced": "replaced_ns",
}
EXTENDED = ("pre", "regular", "post")
ENDS_FAMILY = ("canceled", "expired", "rejected")


class TerminalLeftError(AssertionError):
    """The exchange itself tried to wake an order that had ended."""


def move(ex: "Exchange", order: Order, status: str, event: str | None = None, **facts: Any) -> None:
    """Give the order a status, and tell it as `event` (the status itself when none is named)."""
    if not order.is_open:
        raise TerminalLeftError(f"{order.client_order_id}: {order.status} -> {status}")
    now = ex.clock.now_ns()
    order.status = status
    order.updated_ns = now
    if status in STAMPS:
        setattr(order, STAMPS[status], now)
    if not order.history or order.history[-1] != status:
        order.history.append(status)
    ex.book.note(order)
    ex.emit(event or status, order, **facts)
    if status in ENDS_FAMILY:
        classes.after_end(ex, order)


def may_trade_now(ex: "Exchange", order: Order) -> bool:
    """Whether the order trades in the session that is on."""
    session = ex.session()
    if session == "regular":
        return order.time_in_force not in ("opg", "cls")
    return order.extended_hours and session in EXTENDED


def admit(ex: "Exchange", order: Order) -> None:
    """Take an order in: it stays pending_new until it is acknowledged."""
    order.history.append("pending_new")
    ex.emit("pending_new", order)
    if ex.settings.auto_ack:
        acknowledge(ex, order)


def acknowledge(ex: "Exchange", order: Order) -> None:
    """Let a pending order work, or wait for its session."""
    if ex.rejections:
        ex.rejections.popleft()
        move(ex, order, "rejected")
    elif may_trade_now(ex, order):
        start(ex, order)
    else:
        move(ex, order, "accepted")


def start(ex: "Exchange", order: Order) -> None:
    """Let the order work: it may trade from now on."""
    if order.type == "trailing_stop" and order.hwm is None:
        matching.trail(order, ex.market.mark(order.symbol))
    move(ex, order, "new")
    matching.attempt(ex, order, fresh=True)


def cancel(ex: "Exchange", order: Order) -> None:
    if order.is_open:
        move(ex, order, "canceled")


def roll(ex: "Exchange") -> None:
    """Do what the time has brought: sessions begin and end, orders expire."""
    now = ex.clock.now_ns()
    for order in ex.book.open():
        if not order.is_open or order.status == "held":
            continue
        if order.expires_ns is not None and now >= order.expires_ns:
            expire(ex, order)
        elif order.status == "accepted" and may_trade_now(ex, order):
            start(ex, order)


def expire(ex: "Exchange", order: Order) -> None:
    if order.time_in_force in ("opg", "cls"):
        matching.auction(ex, order)
        cancel(ex, order)
    else:
        move(ex, order, "expired")


def expiry(ex: "Exchange", order: Order) -> int | None:
    """When the order ends by itself; while a session is forced no day ends."""
    now = ex.clock.now_ns()
    if order.time_in_force == "gtc":
        return now + 90 * 86_400 * 1_000_000_000
    if ex.settings.session is not None or order.time_in_force in ("ioc", "fok"):
        return None
    day = sessions.trading_day(now, extended=order.extended_hours)
    if order.time_in_force == "opg":
        return sessions.opens(day if now < sessions.opens(day) else sessions.next_trading_day(day))
    return sessions.ends(day) if order.extended_hours else sessions.closes(day)
