"""A18 and A19: the same order again, and too many orders."""

from decimal import Decimal

from core.domain.limits import Limits
from core.domain.risk import Outcome, RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms
from core.risk.facts import Facts
from core.risk.results import breached, passed, refused
from core.risk.words import seconds

_ONCE = passed(RuleCode.DUPLICATE, "It repeats no order of the last minute.", Decimal(1), None, Unit.COUNT)


def duplicate(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Ask about a repeat within seconds, and refuse the third within a minute."""
    ages = [recent.age_s for recent in facts.recent if _is_same(terms, recent.terms)]
    ages = [age for age in ages if age <= limits.duplicate_hard_s]
    count = Decimal(len(ages) + 1)
    if count >= limits.duplicate_hard_count:
        text = f"The same order was sent {len(ages)} times in {seconds(limits.duplicate_hard_s)}: wait."
        figures = (count, Decimal(limits.duplicate_hard_count - 1), Unit.COUNT)
        return refused(RuleCode.DUPLICATE, text, TicketField.NONE, figures)
    if ages and min(ages) <= limits.duplicate_soft_s:
        text = f"The same order was sent {seconds(min(ages))} ago."
        figures = (Decimal(str(min(ages))), Decimal(str(limits.duplicate_soft_s)), Unit.SECONDS)
        return breached(Outcome.SOFT, RuleCode.DUPLICATE, text, TicketField.NONE, figures)
    return _ONCE


def throttle(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse what is over the pace; the figures are those from before this order."""
    for sent, limit, span in (
        (facts.sent_today, limits.per_day, "today"),
        (facts.sent_last_minute, limits.per_minute, "in the last minute"),
    ):
        if sent >= limit:
            text = f"{sent} orders were sent {span}, and {limit} is the limit. Cancels still go out."
            return refused(
                RuleCode.THROTTLE, text, TicketField.NONE, (Decimal(sent + 1), Decimal(limit), Unit.COUNT)
            )
    if facts.burst_left < 1:
        text = f"Orders come faster than {limits.per_second:g} a second: the next can go in a moment."
        return refused(
            RuleCode.THROTTLE,
            text,
            TicketField.NONE,
            (Decimal(limits.burst + 1), Decimal(limits.burst), Unit.COUNT),
        )
    text = "The pace of orders is within the limit."
    return passed(
        RuleCode.THROTTLE, text, Decimal(facts.sent_last_minute + 1), Decimal(limits.per_minute), Unit.COUNT
    )


def _is_same(one: OrderTerms, other: OrderTerms) -> bool:
    return (
        one.symbol == other.symbol
        and one.side is other.side
        and one.order_qty == other.order_qty
        and one.price == other.price
        and one.stop_px == other.stop_px
    )
