"""A21: how much is traded on one day, and how often automation opens one symbol."""

from decimal import Decimal

from core.domain.limits import Limits
from core.domain.risk import RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms
from core.risk.facts import Facts
from core.risk.pricing import HUNDRED, is_exit, open_qty, value_price
from core.risk.results import passed, refused, unknown
from core.risk.words import percent

_MINUTES = 10


def turnover(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Hold what was bought and sold on this day, and may yet be, against the day's first equity.

    A proven exit is let through whatever was traded before.
    """
    if is_exit(terms, facts):
        return None
    code, limit, start = RuleCode.TURNOVER, limits.turnover_pct, facts.start_equity
    if facts.turnover is None:
        return unknown(code, "what was traded today", terms, facts)
    if start is None or start <= 0:
        return unknown(code, "the equity at the start of the day", terms, facts)
    price = value_price(terms, facts.quote)
    if price is None:
        return unknown(code, f"the quote of {terms.symbol}", terms, facts)
    share = (facts.turnover + open_qty(terms, facts) * price) * HUNDRED / start
    figures = (share, limit, Unit.PERCENT)
    if share <= limit:
        return passed(code, "What is traded today stays within the limit.", *figures)
    text = (
        f"With it {percent(share)} of the day's first equity would be traded; {percent(limit)} is the limit."
    )
    return refused(code, text, TicketField.ORDER_QTY, figures)


def entries(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse one opening order too many by automation in one symbol; a person is not counted."""
    if facts.entries is None or is_exit(terms, facts):
        return None
    figures = (Decimal(facts.entries + 1), Decimal(limits.entries_max), Unit.COUNT)
    if facts.entries < limits.entries_max:
        return passed(RuleCode.ENTRIES, "Automation does not open the symbol too often.", *figures)
    text = f"Automation has opened {terms.symbol} {facts.entries} times in {_MINUTES} minutes, "
    text += f"and {limits.entries_max} is the limit: wait, or let a person decide."
    return refused(RuleCode.ENTRIES, text, TicketField.NONE, figures)
