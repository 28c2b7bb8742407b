"""A13 and A14: how much all positions together, and those of one sector, may come to."""

from decimal import Decimal

from core.domain.limits import Limits
from core.domain.risk import Outcome, RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms
from core.risk.checks.position import worst_holding_price
from core.risk.facts import Facts
from core.risk.pricing import HUNDRED, before_and_after
from core.risk.results import breached, not_judged, passed, refused, unknown
from core.risk.words import percent


def gross_exposure(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Hold all positions, signs dropped, working orders and this one against the day's first equity.

    It applies only where the order makes its position larger.
    """
    if not _may_grow(terms, facts):
        return None
    code, limit = RuleCode.GROSS_EXPOSURE, limits.gross_limit(is_margin=facts.is_margin)
    share = share_after(facts.gross_exposure, terms, facts)
    if share is None:
        return unknown(code, _missing(terms, facts, "the value of all positions"), terms, facts)
    if share <= limit:
        return passed(code, "All positions together stay within the limit.", share, limit, Unit.PERCENT)
    text = f"All positions together would be {percent(share)} of equity; {percent(limit)} is the limit."
    return refused(code, text, TicketField.ORDER_QTY, (share, limit, Unit.PERCENT))


def sector(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Ask where one sector would have more than its share; n/a for a symbol without a sector."""
    if not _may_grow(terms, facts):
        return None
    code, limit = RuleCode.SECTOR, limits.sector_pct
    name = None if facts.instrument is None else facts.instrument.sector
    if name is None:
        return not_judged(code, f"the sector of {terms.symbol}")
    share = share_after(facts.sector_exposure, terms, facts)
    if share is None:
        return unknown(code, _missing(terms, facts, f"the value of {name}"), terms, facts)
    if share <= limit:
        return passed(code, f"{name} stays within the limit.", share, limit, Unit.PERCENT)
    text = f"{name} would be {percent(share)} of equity; more than {percent(limit)} is asked about."
    return breached(Outcome.SOFT, code, text, TicketField.ORDER_QTY, (share, limit, Unit.PERCENT))


def share_after(exposure: Decimal | None, terms: OrderTerms, facts: Facts) -> Decimal | None:
    """Return the percent of the day's first equity that dollars come to with this order; None if unknown.

    What it adds is valued at the worst price, or at the market if that is higher. What it takes away is
    not counted.
    """
    moved, price = before_and_after(terms, facts), worst_holding_price(terms, facts)
    equity = facts.start_equity
    if exposure is None or moved is None or price is None or equity is None or equity <= 0:
        return None
    added = max(abs(moved[1]) - abs(moved[0]), Decimal(0)) * price
    return (exposure + added) * HUNDRED / equity


def _may_grow(terms: OrderTerms, facts: Facts) -> bool:
    moved = before_and_after(terms, facts)
    return moved is None or abs(moved[1]) > abs(moved[0])


def _missing(terms: OrderTerms, facts: Facts, exposure: str) -> str:
    if before_and_after(terms, facts) is None:
        return f"the position in {terms.symbol}"
    if worst_holding_price(terms, facts) is None:
        return f"the quote of {terms.symbol}"
    if facts.start_equity is None or facts.start_equity <= 0:
        return "the equity at the start of the day"
    return exposure
