"""A9: whether a market order can be trusted to the market, and at which limit it goes out."""

from decimal import Decimal

from core.domain.limits import Limits
from core.domain.risk import Outcome, RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms, OrdType
from core.risk import ticks
from core.risk.facts import Facts
from core.risk.pricing import far_touch, is_capped, spread_pct
from core.risk.results import breached, capped, passed, unknown
from core.risk.words import percent
from core.risk.words import price as written

_CODE = RuleCode.SPREAD


def spread(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse a market order without a bid and an ask, or where they stand too far apart.

    In percent of the middle. An auction has no spread, so its orders are not judged by one.
    """
    is_limited = is_capped(terms, facts)
    if not is_limited and (terms.ord_type is not OrdType.MARKET or terms.time_in_force.is_auction):
        return None
    pct = spread_pct(facts.quote)
    if pct is None:
        return unknown(_CODE, f"a bid and an ask of {terms.symbol}", terms, facts)
    figures = (pct, limits.spread_pct, Unit.PERCENT)
    if pct <= limits.spread_pct:
        return _close(terms, facts, figures, is_limited=is_limited)
    text = f"Bid and ask stand {percent(pct)} apart, and a market order needs {percent(limits.spread_pct)}"
    text += " or less: a limit order would pass."
    return breached(capped(Outcome.HARD, terms, facts), _CODE, text, TicketField.ORD_TYPE, figures)


def _close(
    terms: OrderTerms, facts: Facts, figures: tuple[Decimal, Decimal, Unit], *, is_limited: bool
) -> RuleResult:
    text = "Bid and ask stand close together"
    if is_limited and terms.price is not None:
        return passed(_CODE, f"{text}; it goes out as a limit order at {written(terms.price)}.", *figures)
    touch = far_touch(terms.side, facts.quote)
    if touch is not None and not ticks.around(touch, facts):
        return unknown(_CODE, f"the price step of {terms.symbol}", terms, facts)
    return passed(_CODE, f"{text}.", *figures)
