"""A20: how many orders may work at a time."""

from decimal import Decimal

from core.domain.limits import Limits
from core.domain.risk import Outcome, RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms
from core.risk.facts import Facts
from core.risk.results import breached, capped, passed

_CODE = RuleCode.WORKING_ORDERS


def working_orders(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse one order too many, in a symbol or in all; an order and its legs count once."""
    for count, limit, where in (
        (facts.working_in_symbol, limits.working_per_symbol, f" in {terms.symbol}"),
        (facts.working_total, limits.working_total, ""),
    ):
        if count >= limit:
            text = f"{count} orders work{where}, and {limit} is the limit: cancel one first."
            figures = (Decimal(count + 1), Decimal(limit), Unit.COUNT)
            return breached(capped(Outcome.HARD, terms, facts), _CODE, text, TicketField.NONE, figures)
    text = "The number of working orders is within the limit."
    count, limit = facts.working_total + 1, limits.working_total
    return passed(_CODE, text, Decimal(count), Decimal(limit), Unit.COUNT)
