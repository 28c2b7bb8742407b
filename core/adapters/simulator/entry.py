"""What the exchange refuses at its door, and in which words."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.adapters.simulator.matching import Depth
from core.domain.instrument import Instrument
from core.domain.money import ZERO
from core.domain.terms import OrderTerms, OrdType, Side, TimeInForce

_AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)


@dataclass(frozen=True, slots=True)
class DoorView:
    """What is known when an order arrives.

    Attributes:
        instrument: None where the symbol is unknown.
        free_cash: dollars, holds of other working purchases taken off.
        free_qty: shares held, working sales taken off.
        filled_qty: shares that the order being replaced has filled.
    """

    instrument: Instrument | None
    depth: Depth | None
    is_open: bool
    today: date
    free_cash: Decimal
    free_qty: Decimal
    filled_qty: Decimal = ZERO


def refusal(terms: OrderTerms, view: DoorView) -> str | None:
    """Return why an order is refused, or None where it is taken."""
    if view.instrument is None or not view.instrument.tradable:
        return f"unknown symbol {terms.symbol}"
    return (
        _bad_numbers(terms, view.instrument, view.today) or _bad_moment(terms, view) or _too_much(terms, view)
    )


def hold_price(terms: OrderTerms, depth: Depth | None) -> Decimal | None:
    """Return the worst dollars a share that a purchase is held for; None where nobody can say.

    A market order is held at the offer; what it cannot pay later is canceled then.
    """
    if terms.ord_type.has_price:
        return terms.price
    ask = None if depth is None else depth.tick.ask
    if terms.stop_px is not None:
        return terms.stop_px if ask is None else max(terms.stop_px, ask)
    return ask


def _bad_numbers(terms: OrderTerms, instrument: Instrument, today: date) -> str | None:
    if terms.order_qty <= 0:
        return "order quantity must be above zero"
    if terms.order_qty % 1 and not instrument.fractionable:
        return f"{terms.symbol} trades in whole shares only"
    for name, px, wanted in (
        ("limit", terms.price, terms.ord_type.has_price),
        ("stop", terms.stop_px, terms.ord_type.has_stop),
    ):
        if (px is not None) is not wanted:
            return f"a {terms.ord_type.value} order has {'a' if wanted else 'no'} {name} price"
        if px is not None and px <= 0:
            return f"{name} price must be above zero"
        if px is not None and not instrument.is_on_tick(px, today):
            return f"{name} price {px} is not on a tick of {instrument.tick_at(px, today)}"
    if terms.ord_type.has_stop and terms.time_in_force in _AT_ONCE:
        return "a stop order works for the day or until canceled"
    return None


def _bad_moment(terms: OrderTerms, view: DoorView) -> str | None:
    now_or_never = terms.ord_type is OrdType.MARKET or terms.time_in_force in _AT_ONCE
    if not now_or_never:
        return None
    if not view.is_open:
        return "the market is closed: only day and gtc orders with a price wait for the open"
    if view.depth is not None and view.depth.tick.halted and terms.ord_type is OrdType.MARKET:
        return f"{terms.symbol} is halted: market orders are not taken"
    if view.depth is None and terms.ord_type is OrdType.MARKET:
        return f"{terms.symbol} has no quote"
    return None


def _too_much(terms: OrderTerms, view: DoorView) -> str | None:
    leaves = terms.order_qty - view.filled_qty
    if terms.side is Side.SELL:
        return (
            None
            if leaves <= view.free_qty
            else f"insufficient shares: {view.free_qty} can be sold, no shorts"
        )
    px = hold_price(terms, view.depth)
    if px is None:
        return f"{terms.symbol} has no offer"
    if px * leaves > view.free_cash:
        return f"insufficient buying power: {px * leaves} needed, {view.free_cash} available"
    return None
