"""A18 and A19: the same order again, and too many orders."""

from decimal import Decimal

from core.domain.limits import Limits
from core.domain.money import Qty
from core.domain.risk import Outcome, RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms
from core.risk.facts import Facts
from core.risk.pricing import is_exit
from core.risk.results import Outside, breached, capped, passed, refused
from core.risk.words import seconds

_ONCE = passed(RuleCode.DUPLICATE, "It repeats no order of the last minute.", Decimal(1), None, Unit.COUNT)


def duplicate(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Ask about a repeat within seconds, and refuse the third within a minute; a proven exit is asked about.

    What the agent proposed on a thesis that was traded already within its time is refused.
    """
    thesis_age_s = None if facts.proposed is None else facts.proposed.thesis_age_s
    if thesis_age_s is not None and not thesis_age_s > limits.thesis_s:
        return _same_thesis(thesis_age_s, limits.thesis_s)
    # A market order is the same again at whatever limit it goes out.
    asked = terms if facts.asked is None else facts.asked
    ages = [recent.age_s for recent in facts.recent if _is_same(asked, terms.order_qty, recent.terms)]
    ages = [age for age in ages if age <= limits.duplicate_hard_s]
    count = Decimal(len(ages) + 1)
    if count >= limits.duplicate_hard_count:
        text = f"The same order was sent {len(ages)} times in {seconds(limits.duplicate_hard_s)}: wait."
        figures = (count, Decimal(limits.duplicate_hard_count - 1), Unit.COUNT)
        # What is held bounds how often it can be sold: a repeat is asked about, and never held back.
        outcome = capped(Outcome.HARD, terms, facts)
        return breached(outcome, RuleCode.DUPLICATE, text, TicketField.NONE, figures)
    if ages and min(ages) <= limits.duplicate_soft_s:
        text = f"The same order was sent {seconds(min(ages))} ago."
        figures = (Decimal(str(min(ages))), Decimal(str(limits.duplicate_soft_s)), Unit.SECONDS)
        return breached(Outcome.SOFT, RuleCode.DUPLICATE, text, TicketField.NONE, figures)
    return _ONCE


def throttle(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse what is over the pace, a proven exit aside; the figures are those from before this order."""
    everybody, own = limits if facts.common is None else facts.common, facts.own
    paces: tuple[tuple[int, int, str], ...] = (
        (facts.sent_today, everybody.per_day, "today"),
        (facts.sent_last_minute, everybody.per_minute, "in the last minute"),
    )
    if own is not None:
        paces += (
            (own.sent_today, limits.per_day, "by the agent today"),
            (own.sent_last_minute, limits.per_minute, "by the agent in the last minute"),
        )
    for sent, limit, span in paces:
        if sent >= limit:
            text = f"{sent} orders were sent {span}, and {limit} is the limit."
            return _too_fast(text, (Decimal(sent + 1), Decimal(limit), Unit.COUNT), terms, facts)
    if facts.burst_left < 1:
        text = f"Orders come faster than {limits.per_second:g} a second."
        figures = (Decimal(limits.burst + 1), Decimal(limits.burst), Unit.COUNT)
        return _too_fast(text, figures, terms, facts)
    text = "The pace of orders is within the limit."
    sent, limit, _ = paces[-1]
    return passed(RuleCode.THROTTLE, text, Decimal(sent + 1), Decimal(limit), Unit.COUNT)


def _too_fast(text: str, figures: Outside, terms: OrderTerms, facts: Facts) -> RuleResult:
    if is_exit(terms, facts):
        text += " This one only lessens the position, so it may go."
        return breached(Outcome.NOT_EVALUATED, RuleCode.THROTTLE, text, TicketField.NONE, figures)
    text += " Cancels, and what only lessens a position, still go out."
    return refused(RuleCode.THROTTLE, text, TicketField.NONE, figures)


def _same_thesis(age_s: float, limit: float) -> RuleResult:
    text = f"An order on the same thesis was sent {seconds(age_s)} ago"
    text += f"; it may be traded once in {seconds(limit)}."
    figures = (Decimal(str(age_s)), Decimal(str(limit)), Unit.SECONDS)
    return refused(RuleCode.DUPLICATE, text, TicketField.NONE, figures)


def _is_same(one: OrderTerms, qty: Qty, other: OrderTerms) -> bool:
    return (
        one.symbol == other.symbol
        and one.side is other.side
        and qty == other.order_qty
        and one.price == other.price
        and one.stop_px == other.stop_px
    )
