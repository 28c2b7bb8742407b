"""Brackets, OCO and OTO: which leg works when, and what ends the others."""

from typing import TYPE_CHECKING

from tests.servers.alpaca import life
from tests.servers.alpaca.book import Order
from tests.servers.alpaca.entry import Legs

if TYPE_CHECKING:
    from tests.servers.alpaca.exchange import Exchange


def make_legs(ex: "Exchange", order: Order, legs: Legs) -> list[Order]:
    """The children of a complex order, before they are in the book."""
    opposite = "sell" if order.is_buy else "buy"
    side = order.side if order.order_class == "oco" else opposite
    made = []
    if order.order_class == "oco":
        order.limit_price = legs.take_profit
    elif legs.take_profit is not None:
        made.append(leg(ex, order, side, type="limit", limit_price=legs.take_profit))
    if legs.stop is not None:
        kind = "stop" if legs.stop_limit is None else "stop_limit"
        made.append(leg(ex, order, side, type=kind, stop_price=legs.stop, limit_price=legs.stop_limit))
    order.legs = [each.id for each in made]
    return made


def leg(ex: "Exchange", parent: Order, side: str, **terms: object) -> Order:
    return Order(
        id=ex.new_id(),
        client_order_id=ex.new_id(),
        symbol=parent.symbol,
        asset_id=parent.asset_id,
        side=side,
        qty=parent.qty,
        time_in_force=parent.time_in_force,
        order_class=parent.order_class,
        source=parent.source,
        parent=parent.id,
        status="held",
        created_ns=parent.created_ns,
        submitted_ns=parent.submitted_ns,
        updated_ns=parent.updated_ns,
        expires_ns=parent.expires_ns,
        **terms,
    )


def is_armed(ex: "Exchange", order: Order) -> bool:
    """Whether a held stop may be triggered: the entry is filled, or there is none."""
    if order.status != "held" or order.parent is None:
        return False
    parent = ex.book.orders[order.parent]
    return parent.order_class == "oco" or parent.status == "filled"


def after_fill(ex: "Exchange", order: Order) -> None:
    """A full entry sets its exits to work; an exit takes from its sibling what it has filled."""
    if order.parent is None and order.order_class in ("bracket", "oto"):
        if order.status == "filled":
            release(ex, order)
        return
    if not order.order_class:
        return
    for other in ex.book.family(order):
        if not other.is_open or is_entry(other):
            continue
        if order.status == "filled":
            life.cancel(ex, other)
        elif other.qty is not None and order.qty is not None:
            other.qty = order.leaves + other.filled_qty
            other.updated_ns = ex.clock.now_ns()


def is_entry(order: Order) -> bool:
    return order.parent is None and order.order_class in ("bracket", "oto")


def release(ex: "Exchange", entry: Order) -> None:
    """Let the exits work: of two, the take-profit; the stop stays held until its price is traded."""
    exits = [leg for leg in ex.book.legs(entry) if leg.is_open]
    for each in exits:
        if len(exits) == 1 or each.type == "limit":
            life.start(ex, each)


def after_end(ex: "Exchange", order: Order) -> None:
    """When one order of the group is canceled, expires or is rejected, so are the others."""
    if order.order_class:
        for other in ex.book.family(order):
            life.cancel(ex, other)


def trigger(ex: "Exchange", stop: Order) -> None:
    """A held stop begins to work and ends its sibling."""
    for other in ex.book.family(stop):
        if other.is_open and not is_entry(other):
            other_class, other.order_class = other.order_class, ""
            life.cancel(ex, other)
            other.order_class = other_class
    if stop.is_open:
        life.start(ex, stop)
