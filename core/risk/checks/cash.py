"""A15: that a purchase can be paid for whatever else fills."""

from core.domain.limits import Limits
from core.domain.risk import RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms, Side
from core.risk.facts import Facts
from core.risk.pricing import is_exit, open_qty, sellable, worst_cost
from core.risk.results import passed, refused, unknown
from core.risk.words import DOWN, UP, dollars

_CODE = RuleCode.BUYING_POWER


def buying_power(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse what may cost more, fees included, than cash less what working orders may cost.

    That is a purchase at its worst price, and what a broker holds back for a short sale. A purchase that is
    proven to only buy back what is owed binds nothing more, and is let through.
    """
    if is_exit(terms, facts):
        return None
    if terms.side is Side.SELL and not _is_short(terms, limits, facts):
        return None
    if facts.cash is None or facts.reserved_cash is None:
        return unknown(_CODE, "the buying power", terms, facts)
    cost = worst_cost(terms, facts)
    if cost is None:
        return unknown(_CODE, f"the quote of {terms.symbol}", terms, facts)
    room = facts.cash - facts.reserved_cash
    if cost <= room:
        return passed(_CODE, "The account can pay for it.", cost, room, Unit.DOLLARS)
    text = (
        f"The order may cost {dollars(cost, UP)} with fees, and {dollars(room, DOWN)} of buying power is left"
    )
    text += f" after {dollars(facts.reserved_cash)} for working orders." if facts.reserved_cash else "."
    return refused(_CODE, text, TicketField.ORDER_QTY, (cost, room, Unit.DOLLARS))


def _is_short(terms: OrderTerms, limits: Limits, facts: Facts) -> bool:
    left = sellable(facts)
    return limits.short_sales and (left is None or open_qty(terms, facts) > left)
