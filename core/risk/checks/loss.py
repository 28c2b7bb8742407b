"""A22, its first part: what may still be opened after a loss on the day."""

from core.domain.limits import Limits
from core.domain.risk import RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms
from core.risk.facts import Facts
from core.risk.pricing import HUNDRED, is_exit
from core.risk.results import passed, refused, unknown
from core.risk.words import percent

_CODE = RuleCode.DAILY_LOSS


def daily_loss(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse all but proven exits once the day's loss has reached its limit.

    The loss is what equity lacks to that of the start of the day: realised, unrealised and fees.
    """
    if is_exit(terms, facts):
        return None
    start = facts.start_equity
    if start is None or start <= 0:
        return unknown(_CODE, "the equity at the start of the day", terms, facts)
    if facts.equity is None:
        return unknown(_CODE, "the equity", terms, facts)
    loss = max((start - facts.equity) * HUNDRED / start, start * 0)
    figures = (loss, limits.daily_loss_pct, Unit.PERCENT)
    if loss < limits.daily_loss_pct:
        return passed(_CODE, "The loss of the day is below the limit.", *figures)
    text = f"The day has lost {percent(loss)} of its first equity, and {percent(limits.daily_loss_pct)}"
    text += " is the limit: positions may only be reduced."
    return refused(_CODE, text, TicketField.NONE, figures)
