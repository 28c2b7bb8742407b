"""A9: whether a market order can be trusted to the market, or would fill anywhere."""

from decimal import Decimal

from core.domain.limits import Limits
from core.domain.risk import Outcome, RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms, OrdType
from core.risk.facts import Facts
from core.risk.pricing import HUNDRED
from core.risk.results import breached, capped, passed, unknown
from core.risk.words import percent

_CODE = RuleCode.SPREAD


def spread(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse a market order without a bid and an ask, or where they stand too far apart.

    In percent of the middle. An auction has no spread, so its orders are not judged by one.
    """
    if terms.ord_type is not OrdType.MARKET or terms.time_in_force.is_auction:
        return None
    pct = _spread_pct(facts)
    if pct is None:
        return unknown(_CODE, f"a bid and an ask of {terms.symbol}", terms, facts)
    figures = (pct, limits.spread_pct, Unit.PERCENT)
    if pct <= limits.spread_pct:
        return passed(_CODE, "Bid and ask stand close together.", *figures)
    text = f"Bid and ask stand {percent(pct)} apart, and a market order needs {percent(limits.spread_pct)}"
    text += " or less: a limit order would pass."
    return breached(capped(Outcome.HARD, terms, facts), _CODE, text, TicketField.ORD_TYPE, figures)


def _spread_pct(facts: Facts) -> Decimal | None:
    quote = facts.quote
    if quote is None or quote.bid is None or quote.ask is None or not 0 < quote.bid <= quote.ask:
        return None
    return (quote.ask - quote.bid) * 2 * HUNDRED / (quote.ask + quote.bid)
