"""The shapes that the findings of all rules share."""

from decimal import Decimal

from core.domain.risk import Outcome, RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms
from core.risk.facts import Facts
from core.risk.pricing import is_exit

Outside = tuple[Decimal, Decimal, Unit]


def passed(
    code: RuleCode,
    text: str,
    value: Decimal | None = None,
    limit: Decimal | None = None,
    unit: Unit = Unit.NONE,
) -> RuleResult:
    """Report that a rule is content."""
    return RuleResult(code, Outcome.PASS, text, value, limit, unit)


def refused(
    code: RuleCode, text: str, field: TicketField = TicketField.NONE, figures: Outside | None = None
) -> RuleResult:
    """Report a hard breach; `figures` are value, limit and unit."""
    return breached(Outcome.HARD, code, text, field, figures)


def breached(
    outcome: Outcome, code: RuleCode, text: str, field: TicketField, figures: Outside | None = None
) -> RuleResult:
    """Report a breach, soft or hard; `figures` are value, limit and unit."""
    value, limit, unit = figures or (None, None, Unit.NONE)
    return RuleResult(code, outcome, text, value, limit, unit, field)


def unknown(code: RuleCode, what: str, terms: OrderTerms, facts: Facts) -> RuleResult:
    """Report that a needed fact is missing: that denies, unless the order is a proven exit.

    Args:
        code: the rule that cannot judge.
        what: the fact, as it stands in a sentence ("the quote of AAPL").
        terms: the order.
        facts: what is known.
    """
    if is_exit(terms, facts):
        text = f"Not judged, as {what} is not known; the order only lessens the position."
        return RuleResult(code, Outcome.NOT_EVALUATED, text)
    text = f"Refused, as {what} is not known; it can be judged as soon as it is."
    return RuleResult(code, Outcome.HARD, text)


def not_judged(code: RuleCode, what: str) -> RuleResult:
    """Report n/a: a fact is missing that the control list does not insist on."""
    return RuleResult(code, Outcome.NOT_EVALUATED, f"Not judged, as {what} is not known.")


def capped(outcome: Outcome, terms: OrderTerms, facts: Facts) -> Outcome:
    """Soften a limit on size for a proven exit: what may not be opened must still be closed."""
    return Outcome.SOFT if outcome is Outcome.HARD and is_exit(terms, facts) else outcome


def size_limit(value: Decimal, soft: Decimal, hard: Decimal) -> tuple[Outcome, Decimal]:
    """Hold a size against its two limits; a size at the limit passes."""
    if value > hard:
        return Outcome.HARD, hard
    return (Outcome.SOFT if value > soft else Outcome.PASS), soft
