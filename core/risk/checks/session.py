"""A6: whether the market takes this kind of order now."""

from core.domain.market import SessionPhase
from core.domain.risk import Limits, RuleCode, RuleResult, TicketField
from core.domain.terms import OrderTerms, OrdType, TimeInForce
from core.risk.facts import Facts
from core.risk.results import passed, refused, unknown

_CODE = RuleCode.SESSION
_OPEN = passed(_CODE, "The market takes this kind of order now.")
_AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)


def session(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse market orders in a halt, and outside regular hours what has no limit price, ioc and fok."""
    if facts.session is None:
        return unknown(_CODE, "the market session", terms, facts)
    if facts.session.phase is not SessionPhase.REGULAR:
        if not terms.ord_type.has_price:
            text = "Outside regular hours an order needs a limit price: limit or stop limit would pass."
            return refused(_CODE, text, TicketField.ORD_TYPE)
        if terms.time_in_force in _AT_ONCE:
            text = "An order that fills at once or not at all needs regular hours: day or gtc would pass."
            return refused(_CODE, text, TicketField.TIME_IN_FORCE)
    if terms.ord_type is not OrdType.MARKET:
        return _OPEN
    if facts.quote is None:
        return unknown(_CODE, f"the quote of {terms.symbol}", terms, facts)
    if facts.quote.halted:
        text = f"Trading in {terms.symbol} is halted: a limit order may wait for it, a market order may not."
        return refused(_CODE, text, TicketField.ORD_TYPE)
    return _OPEN
