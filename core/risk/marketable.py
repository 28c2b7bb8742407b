"""A9: what is sent where a market order was asked for: a limit order that the market fills at once."""

from dataclasses import replace
from decimal import Decimal

from core.domain.limits import Limits
from core.domain.market import SessionPhase
from core.domain.money import Price
from core.domain.terms import OrderTerms, OrdType, Side
from core.risk import ticks
from core.risk.facts import Facts
from core.risk.pricing import HUNDRED, far_touch, is_quote_fresh, spread_pct

# How far through the market it may fill: so far that it fills like a market order, and no further in a flash
# move. At low prices the percentage is less than a step or two.
RUN_PCT = Decimal(1)
_RUN_TICKS = 2


def as_sent(terms: OrderTerms, limits: Limits, facts: Facts) -> OrderTerms:
    """Return the order that goes out: for a market order in regular hours its marketable limit.

    Everything else is sent as it is, and so is a market order that cannot be capped: other rules refuse it,
    or it is a proven exit, which must not fail for the want of a good price.
    """
    if terms.ord_type is not OrdType.MARKET or terms.time_in_force.is_auction:
        return terms
    price = _cap(terms.side, limits, facts) if _is_trustworthy(limits, facts) else None
    return terms if price is None else replace(terms, ord_type=OrdType.LIMIT, price=price)


def _is_trustworthy(limits: Limits, facts: Facts) -> bool:
    if facts.session is None or facts.session.phase is not SessionPhase.REGULAR:
        return False
    if facts.quote is None or facts.quote.halted or not is_quote_fresh(limits, facts):
        return False
    pct = spread_pct(facts.quote)
    return pct is not None and pct <= limits.spread_pct


def _cap(side: Side, limits: Limits, facts: Facts) -> Price | None:
    touch, on = far_touch(side, facts.quote), ticks.market_date(facts)
    if touch is None or on is None or not ticks.around(touch, facts) or facts.instrument is None:
        return None
    tick = facts.instrument.tick_at(touch, on)
    # A collar that is tighter still holds for our own limit too, or nothing could be sold at the market.
    run = min(RUN_PCT, limits.collar_hard_pct)
    furthest = touch + max(touch * run / HUNDRED, tick * _RUN_TICKS) * side.sign
    if side is Side.BUY:
        return ticks.at_most(furthest, facts)
    return ticks.at_least(max(furthest, tick), facts)
