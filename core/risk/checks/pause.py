"""A22, B6 and B7: whether a breaker has paused the way in that the order took."""

from core.domain.limits import Limits
from core.domain.risk import RuleCode, RuleResult, TicketField
from core.domain.terms import OrderTerms
from core.risk.facts import Facts
from core.risk.pricing import is_exit
from core.risk.results import passed, refused

_CODE = RuleCode.PAUSED
_FREE = passed(_CODE, "No breaker has paused this way in.")


def paused(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse all but proven exits while a breaker pauses whoever orders; time alone ends no pause."""
    if not facts.paused:
        return _FREE
    if is_exit(terms, facts):
        return None
    first = facts.paused[0]
    figures = None if first.value is None or first.limit is None else (first.value, first.limit, first.unit)
    text = f"A breaker has paused this way in, until an admin acknowledges it: {first.text}"
    return refused(_CODE, text if text.endswith(".") else f"{text}.", TicketField.NONE, figures)
