"""A17: that an order does not trade with another of the same account."""

from decimal import Decimal

from core.domain.limits import Limits
from core.domain.money import Price
from core.domain.order import Resting
from core.domain.risk import Outcome, RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms, Side
from core.risk import ticks
from core.risk.facts import Facts
from core.risk.marketable import RUN_PCT
from core.risk.pricing import HUNDRED, is_capped, worst_price
from core.risk.results import Outside, breached, capped, passed, unknown
from core.risk.words import price as written
from core.risk.words import shares

_CODE = RuleCode.SELF_TRADE
_ALONE = passed(_CODE, "It meets no working order of the other side.")


def self_trade(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse what would meet an order of ours, or of this account, that works on the other side.

    A trailing stop waits away from the market at a price that nobody knows yet, so it is not judged.
    """
    other = facts.opposite
    if other is None or terms.ord_type.has_trail:
        return _ALONE
    reach = _reach(terms, facts)
    if reach is None:
        return unknown(_CODE, f"the quote of {terms.symbol}", terms, facts)
    figures: Outside | None = None
    if other.price is not None:
        if (reach - other.price) * terms.side.sign < 0:
            return _ALONE
        figures = (reach, other.price, Unit.DOLLARS)
    has_price = terms.price is not None and not is_capped(terms, facts)
    field = TicketField.PRICE if has_price else TicketField.ORD_TYPE
    outcome = capped(Outcome.HARD, terms, facts)
    return breached(outcome, _CODE, _text(terms, other), field, figures)


def crossing_bound(terms: OrderTerms, facts: Facts) -> Price | None:
    """Return the valid limit price furthest through the market that stops short of the other order."""
    other = facts.opposite
    if other is None or other.price is None:
        return None
    return ticks.beyond(other.price, facts, -terms.side.sign)


def _reach(terms: OrderTerms, facts: Facts) -> Decimal | None:
    worst = worst_price(terms, facts.quote)
    if worst is None or terms.price is not None:
        return worst
    return worst * (HUNDRED + RUN_PCT * terms.side.sign) / HUNDRED


def _text(terms: OrderTerms, other: Resting) -> str:
    whose = "a" if other.external else "your own"
    what = "purchase" if terms.side is Side.SELL else "sale"
    at = "at market" if other.price is None else f"at {written(other.price)}"
    name = "" if other.cl_ord_id is None else f", order {other.cl_ord_id}"
    text = f"It would trade with {whose} working {what} of {shares(other.qty)} {terms.symbol} {at}{name}"
    return f"{text}: cancel that one first."
