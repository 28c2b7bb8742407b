"""A20: how many orders may work at a time."""

from decimal import Decimal

from core.domain.limits import Limits
from core.domain.risk import Outcome, RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms
from core.risk.facts import Facts
from core.risk.results import breached, capped, passed

_CODE = RuleCode.WORKING_ORDERS


def working_orders(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse one order too many, in a symbol or in all; an order and its legs count once.

    Those of everybody are held against the common numbers, those of the agent against its own too.
    """
    everybody = limits if facts.common is None else facts.common
    for count, limit, where in (
        (facts.working_in_symbol, everybody.working_per_symbol, f" in {terms.symbol}"),
        (facts.working_total, everybody.working_total, ""),
        *_own(terms, limits, facts),
    ):
        if count >= limit:
            text = f"{count} orders work{where}, and {limit} is the limit: cancel one first."
            figures = (Decimal(count + 1), Decimal(limit), Unit.COUNT)
            return breached(capped(Outcome.HARD, terms, facts), _CODE, text, TicketField.NONE, figures)
    text = "The number of working orders is within the limit."
    count, limit = facts.working_total, everybody.working_total
    if facts.own is not None:
        count, limit = facts.own.working_total, limits.working_total
    return passed(_CODE, text, Decimal(count + 1), Decimal(limit), Unit.COUNT)


def _own(terms: OrderTerms, limits: Limits, facts: Facts) -> tuple[tuple[int, int, str], ...]:
    own = facts.own
    if own is None:
        return ()
    return (
        (own.working_in_symbol, limits.working_per_symbol, f" for the agent in {terms.symbol}"),
        (own.working_total, limits.working_total, " for the agent"),
    )
