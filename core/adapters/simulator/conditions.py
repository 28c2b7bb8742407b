"""Which parts of an order go together, whatever the market does."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from core.domain.instrument import Instrument
from core.domain.money import ZERO
from core.domain.terms import Contingency, Legs, OrderTerms, OrdType, TimeInForce

LEAST_CASH = Decimal(1)
_LEAST_GAP = Decimal("0.01")
_MOST_DECIMALS = Decimal("0.000000001")
_CENT = Decimal("0.01")
_HUNDRED = Decimal(100)
_LASTING = (TimeInForce.DAY, TimeInForce.GTC)
_SIMPLE = (OrdType.MARKET, OrdType.LIMIT)


def misfit(terms: OrderTerms, instrument: Instrument, today: date, base: Decimal | None) -> str | None:
    """Return why an order is none, or None where it is one.

    Args:
        terms: the order.
        instrument: what it is for.
        today: the market day, for the tick.
        base: dollars; where the order would trade now, None where nobody can say.
    """
    return (
        _bad_quantity(terms, instrument)
        or _bad_prices(terms, instrument, today)
        or _bad_trail(terms)
        or _bad_time_in_force(terms)
        or _bad_part(terms)
        or (None if terms.legs is None else _bad_legs(terms, terms.legs, base))
    )


def is_part(terms: OrderTerms) -> bool:
    """Say whether an order may come to parts of a share."""
    return terms.is_cash or terms.order_qty % 1 != 0


def _bad_quantity(terms: OrderTerms, instrument: Instrument) -> str | None:
    if terms.order_qty <= 0 and not terms.is_cash:
        return "order quantity must be above zero"
    if is_part(terms) and not instrument.fractionable:
        return f"{terms.symbol} trades in whole shares only"
    if not terms.is_cash and terms.order_qty % _MOST_DECIMALS:
        return "a quantity has at most nine decimals"
    cash = terms.cash_order_qty
    if cash is not None and (cash < LEAST_CASH or cash % _CENT):
        return f"an amount is in dollars and cents, and at least {LEAST_CASH}"
    return None


def _bad_prices(terms: OrderTerms, instrument: Instrument, today: date) -> str | None:
    for name, px, wanted in (
        ("limit", terms.price, terms.ord_type.has_price),
        ("stop", terms.stop_px, terms.ord_type.has_stop),
    ):
        if (px is not None) is not wanted:
            return f"a {terms.ord_type.value} order has {'a' if wanted else 'no'} {name} price"
    for name, price in _named_prices(terms):
        if price <= 0:
            return f"{name} price must be above zero"
        if not instrument.is_on_tick(price, today):
            return f"{name} price {price} is not on a tick of {instrument.tick_at(price, today)}"
    return None


def _named_prices(terms: OrderTerms) -> Iterator[tuple[str, Decimal]]:
    legs = terms.legs
    named = (
        ("limit", terms.price),
        ("stop", terms.stop_px),
        ("take-profit", None if legs is None else legs.take_profit),
        ("stop-loss", None if legs is None else legs.stop_px),
        ("stop-loss limit", None if legs is None else legs.stop_limit),
    )
    return ((name, px) for name, px in named if px is not None)


def _bad_trail(terms: OrderTerms) -> str | None:
    given = [trail for trail in (terms.trail_px, terms.trail_pct) if trail is not None]
    if not terms.ord_type.has_trail:
        return f"a {terms.ord_type.value} order does not trail" if given else None
    if len(given) != 1:
        return "a trailing stop has a distance in dollars or in percent: one of the two"
    if given[0] <= 0 or (terms.trail_pct is not None and terms.trail_pct >= _HUNDRED):
        return "the distance of a trailing stop is above zero, and below 100 percent"
    return None


def _bad_time_in_force(terms: OrderTerms) -> str | None:
    in_force, kind = terms.time_in_force, terms.ord_type
    if kind.waits and in_force not in _LASTING:
        return "a stop order works for the day or until canceled"
    if terms.extended_hours and (kind is not OrdType.LIMIT or in_force not in _LASTING):
        return "outside regular hours a limit order works, for the day or until canceled"
    return None


def _bad_part(terms: OrderTerms) -> str | None:
    if not is_part(terms):
        return None
    if terms.ord_type.has_trail:
        return "parts of a share cannot trail"
    if terms.time_in_force is not TimeInForce.DAY:
        return "parts of a share are ordered for the day"
    return None


def _bad_legs(terms: OrderTerms, legs: Legs, base: Decimal | None) -> str | None:
    if is_part(terms):
        return "take profit and stop loss are for whole shares"
    if terms.time_in_force not in _LASTING or terms.extended_hours:
        return "take profit and stop loss work for the day or until canceled, in regular hours"
    if legs.contingency is Contingency.OCO:
        if terms.ord_type is not OrdType.LIMIT or terms.price != legs.take_profit:
            return "the order that takes the profit is a limit order at that price"
        sign, begins = -terms.side.sign, None
    else:
        if terms.ord_type not in _SIMPLE:
            return "a bracket begins with a market or a limit order"
        sign, begins = terms.side.sign, terms.price if terms.price is not None else base
    return leg_prices_refusal(legs, sign, begins)


def leg_prices_refusal(legs: Legs, sign: int, base: Decimal | None) -> str | None:
    """Return why the prices of two legs do not go together, or None.

    Args:
        legs: their prices.
        sign: plus one where the legs close shares that are held.
        base: dollars at which the entry begins; None where there is none, or it is not known.
    """
    if (legs.take_profit - legs.stop_px) * sign <= 0:
        return f"take profit {legs.take_profit} must be beyond the stop loss {legs.stop_px}"
    if legs.stop_limit is not None and (legs.stop_px - legs.stop_limit) * sign < ZERO:
        return f"the limit of the stop loss {legs.stop_limit} is on the wrong side of its trigger"
    if base is not None and (base - legs.stop_px) * sign < _LEAST_GAP:
        return f"stop loss {legs.stop_px} must be at least {_LEAST_GAP} from {base}, where the order begins"
    if base is not None and (legs.take_profit - base) * sign <= 0:
        return f"take profit {legs.take_profit} must be beyond {base}, where the order begins"
    return None
