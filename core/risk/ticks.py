"""Valid prices around a wanted one; the tick table is the instrument's, its date the market day's."""

from datetime import date
from decimal import Decimal

from core.domain.money import Price
from core.risk.facts import Facts


def market_date(facts: Facts) -> date | None:
    """Return the date of the market day; None while the session is not known.

    Regular hours open and close on one UTC date, so the opening names the day for the evening too.
    """
    return None if facts.session is None else facts.session.opens.date()


def around(price: Decimal, facts: Facts) -> tuple[Price, ...]:
    """Return the valid prices at or below, and at or above; the price itself alone if it is valid.

    Empty where no tick is known, or the instrument or the day is not.
    """
    on = market_date(facts)
    if facts.instrument is None or on is None or price <= 0:
        return ()
    try:
        below, above = facts.instrument.nearest_prices(price, on)
    except ValueError:  # the table has no line for this price on this date
        return ()
    if below == above:
        return (below,)
    return (below, above) if below > 0 else (above,)


def at_most(price: Decimal, facts: Facts) -> Price | None:
    """Return the highest valid price that is not above the given one; None if unknown."""
    return next((each for each in around(price, facts) if each <= price), None)


def at_least(price: Decimal, facts: Facts) -> Price | None:
    """Return the lowest valid price that is not below the given one; None if unknown."""
    return next((each for each in around(price, facts) if each >= price), None)


def beyond(price: Decimal, facts: Facts, sign: int) -> Price | None:
    """Return the next valid price strictly above (sign 1) or below (sign -1); None if unknown."""
    on = market_date(facts)
    near = around(price, facts)
    if not near or facts.instrument is None or on is None:
        return None
    if sign > 0:
        found: Decimal = near[-1] if near[-1] > price else price + facts.instrument.tick_at(price, on)
    else:
        found = near[0] if near[0] < price else price - facts.instrument.tick_at(price, on)
    return Price(found) if found > 0 else None
