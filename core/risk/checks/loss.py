"""A22: what may still be opened after a loss, on the day or since the peak."""

from core.domain.limits import Limits
from core.domain.risk import RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms
from core.risk.facts import Facts
from core.risk.pricing import HUNDRED, is_exit
from core.risk.results import not_judged, passed, refused, unknown
from core.risk.words import percent


def daily_loss(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse all but proven exits once the day's loss has reached its limit.

    The loss is what equity lacks to that of the start of the day: realised, unrealised and fees. What the
    owner put in or took out since is neither loss nor gain.
    """
    if is_exit(terms, facts):
        return None
    start = facts.start_equity
    if start is None or start <= 0:
        return unknown(RuleCode.DAILY_LOSS, "the equity at the start of the day", terms, facts)
    if facts.equity is None:
        return unknown(RuleCode.DAILY_LOSS, "the equity", terms, facts)
    loss = max((start + facts.day_flows - facts.equity) * HUNDRED / start, start * 0)
    figures = (loss, limits.daily_loss_pct, Unit.PERCENT)
    if loss < limits.daily_loss_pct:
        return passed(RuleCode.DAILY_LOSS, "The loss of the day is below the limit.", *figures)
    text = f"The day has lost {percent(loss)} of its first equity, and {percent(limits.daily_loss_pct)}"
    text += " is the limit: positions may only be reduced."
    return refused(RuleCode.DAILY_LOSS, text, TicketField.NONE, figures)


def drawdown(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse all but proven exits once equity stands too far below its peak; n/a before there is one."""
    if is_exit(terms, facts):
        return None
    code, peak = RuleCode.DRAWDOWN, facts.peak_equity
    if peak is None or peak <= 0:
        return not_judged(code, "the peak of equity")
    if facts.equity is None:
        return unknown(code, "the equity", terms, facts)
    below = max((peak - facts.equity) * HUNDRED / peak, peak * 0)
    figures = (below, limits.drawdown_pct, Unit.PERCENT)
    if below < limits.drawdown_pct:
        return passed(code, "Equity stands near enough to its peak.", *figures)
    text = f"Equity stands {percent(below)} below its peak, and {percent(limits.drawdown_pct)}"
    text += " is the limit: positions may only be reduced."
    return refused(code, text, TicketField.NONE, figures)
