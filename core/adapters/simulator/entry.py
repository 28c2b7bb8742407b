"""What the exchange refuses at its door, in which words, and what it sets aside for what it takes."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.adapters.simulator.conditions import is_part, misfit
from core.adapters.simulator.hours import auction_refusal
from core.adapters.simulator.matching import Depth
from core.adapters.simulator.working import shares_for, trailed
from core.domain.instrument import Instrument
from core.domain.money import ZERO, Price
from core.domain.terms import Contingency, OrderTerms, OrdType, Side, TimeInForce

# Alpaca: a short sale binds its limit, or the ask and three percent, whichever is more.
SHORT_RESERVE = Decimal("1.03")
_AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)


@dataclass(frozen=True, slots=True)
class DoorView:
    """What is known when an order arrives.

    Attributes:
        instrument: None where the symbol is unknown.
        now: market time, UTC.
        held_qty: shares held, negative if owed.
        free_cash: dollars, holds of other orders and of short positions taken off.
        free_qty: shares held, working sales taken off.
        owed_qty: shares owed, working purchases that give them back taken off.
        filled_qty: shares that the order being replaced has filled.
        may_short: whether this account may sell what it does not hold.
    """

    instrument: Instrument | None
    depth: Depth | None
    is_open: bool
    now: datetime
    held_qty: Decimal
    free_cash: Decimal
    free_qty: Decimal
    owed_qty: Decimal
    filled_qty: Decimal = ZERO
    may_short: bool = False

    def touch(self, side: Side) -> Decimal | None:
        """Return what a purchase would pay, or a sale bring, now; else the last trade."""
        if self.depth is None:
            return None
        px = self.depth.price_for(side)
        return self.depth.tick.last if px is None else px


def refusal(terms: OrderTerms, view: DoorView) -> str | None:
    """Return why an order is refused, or None where it is taken."""
    if view.instrument is None or not view.instrument.tradable:
        return f"unknown symbol {terms.symbol}"
    return (
        misfit(terms, view.instrument, view.now.date(), view.touch(terms.side))
        or _bad_moment(terms, view)
        or _too_much(terms, view)
    )


def hold_price(terms: OrderTerms, view: DoorView) -> Price | None:
    """Return the dollars a share that are held for an order; None where nothing is, or nobody can say."""
    if terms.is_cash or (terms.side is Side.SELL and not _is_short(terms, view)) or _covers(terms, view):
        return None
    px = _short_reserve(terms, view) if terms.side is Side.SELL else _worst_price(terms, view)
    return None if px is None else Price(px)


def hold_shares(terms: OrderTerms, view: DoorView) -> Decimal | None:
    """Return the shares that are set aside for a cash sale: what its worst price would take."""
    cash = terms.cash_order_qty
    if cash is None or terms.side is Side.BUY:
        return None
    px = terms.price or terms.stop_px or view.touch(Side.SELL)
    return None if px is None else shares_for(cash, px)


def _bad_moment(terms: OrderTerms, view: DoorView) -> str | None:
    if terms.time_in_force.is_auction:
        return auction_refusal(terms.time_in_force, view.now)
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
    if terms.legs is not None and terms.legs.contingency is Contingency.OCO:
        return _no_exit(terms, view)
    if terms.side is Side.SELL:
        return _too_many_shares(terms, view)
    return None if _covers(terms, view) else _too_much_cash(terms, view)


def _no_exit(terms: OrderTerms, view: DoorView) -> str | None:
    most = view.free_qty if terms.side is Side.SELL else view.owed_qty
    leaves = terms.order_qty - view.filled_qty
    return None if leaves <= most else f"a pair closes what is held: {max(most, ZERO)} can be closed"


def _too_many_shares(terms: OrderTerms, view: DoorView) -> str | None:
    needed = hold_shares(terms, view) if terms.is_cash else terms.order_qty - view.filled_qty
    if needed is None:
        return f"{terms.symbol} has no bid"
    if needed <= view.free_qty:
        return None
    if not _is_short(terms, view):
        return f"insufficient shares: {max(view.free_qty, ZERO)} can be sold, no shorts"
    reserve = _short_reserve(terms, view)
    if reserve is None:
        return f"{terms.symbol} has no offer"
    return _beyond(reserve * needed, view)


def _is_short(terms: OrderTerms, view: DoorView) -> bool:
    # Sold short is what is not held at all; a sale never takes a position from one side to the other.
    beyond = terms.order_qty - view.filled_qty > view.free_qty
    shortable = view.instrument is not None and view.instrument.shortable
    return beyond and view.may_short and shortable and view.held_qty <= 0 and not is_part(terms)


def _short_reserve(terms: OrderTerms, view: DoorView) -> Decimal | None:
    ask = view.touch(Side.BUY)
    return None if ask is None else max(terms.price or ZERO, ask * SHORT_RESERVE)


def _covers(terms: OrderTerms, view: DoorView) -> bool:
    is_purchase = terms.side is Side.BUY and not terms.is_cash
    return is_purchase and terms.order_qty - view.filled_qty <= view.owed_qty


def _too_much_cash(terms: OrderTerms, view: DoorView) -> str | None:
    px = _worst_price(terms, view)
    if px is None:
        return f"{terms.symbol} has no offer"
    cash = terms.cash_order_qty
    return _beyond(px * (terms.order_qty - view.filled_qty) if cash is None else cash, view)


def _beyond(needed: Decimal, view: DoorView) -> str | None:
    if needed <= view.free_cash:
        return None
    return f"insufficient buying power: {needed} needed, {view.free_cash} available"


def _worst_price(terms: OrderTerms, view: DoorView) -> Decimal | None:
    """Return the worst dollars a share of a purchase.

    A market order is held at the offer; what it cannot pay later is canceled then.
    """
    if terms.ord_type.has_price:
        return terms.price
    ask = None if view.depth is None else view.depth.tick.ask
    last = None if view.depth is None else view.depth.tick.last
    trigger = terms.stop_px
    if terms.ord_type.has_trail:
        start = last if ask is None else ask if last is None else max(ask, last)
        trigger = None if start is None else Price(trailed(terms, start))
    if trigger is not None:
        return trigger if ask is None else max(trigger, ask)
    return ask
