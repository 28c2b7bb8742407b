"""A10 and A11: how large one order may be, in shares, as a part of the market and in dollars."""

from core.domain.limits import Limits
from core.domain.risk import Outcome, RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms
from core.risk.facts import Facts
from core.risk.pricing import HUNDRED, value_price
from core.risk.results import breached, capped, not_judged, passed, size_limit, unknown
from core.risk.words import DOWN, UP, dollars, percent, shares


def order_qty(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Hold the quantity against the shares that one order may have."""
    qty = terms.order_qty
    found, limit = size_limit(qty, limits.order_qty_soft, limits.order_qty_hard)
    if found is Outcome.PASS:
        return passed(RuleCode.ORDER_QTY, "The quantity is within the limit.", qty, limit, Unit.SHARES)
    text = f"{shares(qty)} shares are more than the {shares(limit)} that one order may have."
    outcome = capped(found, terms, facts)
    return breached(outcome, RuleCode.ORDER_QTY, text, TicketField.ORDER_QTY, (qty, limit, Unit.SHARES))


def order_volume(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Hold the quantity against the usual volume of a day; n/a where that is not known."""
    volume = facts.usual_volume
    if volume is None or volume <= 0:
        return not_judged(RuleCode.ORDER_VOLUME, f"the usual volume of {terms.symbol}")
    share = terms.order_qty * HUNDRED / volume
    figures = (share, limits.volume_pct, Unit.PERCENT)
    if share <= limits.volume_pct:
        return passed(RuleCode.ORDER_VOLUME, "The order is a small part of the usual volume.", *figures)
    text = f"The order is {percent(share)} of the usual volume; {percent(limits.volume_pct)} is the limit."
    outcome = capped(Outcome.HARD, terms, facts)
    return breached(outcome, RuleCode.ORDER_VOLUME, text, TicketField.ORDER_QTY, figures)


def order_notional(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Hold the value against dollars and percent of the day's first equity, whichever is less."""
    price = value_price(terms, facts.quote)
    if price is None:
        return unknown(RuleCode.ORDER_NOTIONAL, f"the quote of {terms.symbol}", terms, facts)
    equity = facts.start_equity
    if equity is None:
        return unknown(RuleCode.ORDER_NOTIONAL, "the equity at the start of the day", terms, facts)
    value = terms.order_qty * price
    soft = min(limits.notional_soft, equity * limits.notional_soft_pct / HUNDRED)
    hard = min(limits.notional_hard, equity * limits.notional_hard_pct / HUNDRED)
    found, limit = size_limit(value, soft, hard)
    if found is Outcome.PASS:
        return passed(RuleCode.ORDER_NOTIONAL, "The value is within the limit.", value, limit, Unit.DOLLARS)
    text = f"The order is worth {dollars(value, UP)}; one order may be worth {dollars(limit, DOWN)}."
    outcome = capped(found, terms, facts)
    return breached(
        outcome, RuleCode.ORDER_NOTIONAL, text, TicketField.ORDER_QTY, (value, limit, Unit.DOLLARS)
    )
