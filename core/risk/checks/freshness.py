"""A4: whether what the other rules judge on is known and fresh."""

from decimal import Decimal
from math import isfinite

from core.domain.limits import Limits
from core.domain.risk import Outcome, RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms
from core.risk.facts import Facts
from core.risk.pricing import is_exit, is_quote_fresh, quote_limit_s
from core.risk.results import Outside, breached, passed, unknown
from core.risk.words import seconds

_CODE = RuleCode.FACTS
_FRESH = passed(_CODE, "Account, position, quote, session and clock are known and fresh.")


def freshness(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse where an input is missing or old; a proven exit goes on without it."""
    missing = _missing(terms, facts)
    if missing is not None:
        return unknown(_CODE, missing, terms, facts)
    old = _old(terms, limits, facts)
    if old is None:
        return _FRESH
    text, figures = old
    if is_exit(terms, facts):
        return breached(
            Outcome.NOT_EVALUATED,
            _CODE,
            f"{text}; the order only lessens the position, so it may go.",
            TicketField.NONE,
            figures,
        )
    return breached(Outcome.HARD, _CODE, f"{text}; nothing is opened on it.", TicketField.NONE, figures)


def _missing(terms: OrderTerms, facts: Facts) -> str | None:
    if facts.position_qty is None or facts.working_buy_qty is None or facts.working_sell_qty is None:
        return f"the position in {terms.symbol}"
    if facts.positions_age_s is None:
        return "what the broker holds for the account"
    if facts.session is None:
        return "the market session"
    if facts.account_age_s is None or facts.cash is None or facts.start_equity is None:
        return "the account"
    if facts.quote is None or facts.quote_age_s is None:
        return f"the quote of {terms.symbol}"
    return None


def _old(terms: OrderTerms, limits: Limits, facts: Facts) -> tuple[str, Outside | None] | None:
    if facts.ready is not True:
        return "The order stream is down or not yet reconciled", None
    if facts.blocked:
        return f"The broker takes no orders for this account: {facts.blocked}", None
    if facts.unreadable:
        return f"The broker's last answer cannot be read: {facts.unreadable}", None
    age = facts.account_age_s
    if age is None or not age <= limits.account_age_s:
        return _aged("The account", age, limits.account_age_s)
    age = facts.positions_age_s
    if age is None or not age <= limits.positions_age_s:
        return _aged("What the broker said is held", age, limits.positions_age_s)
    off_s = None if facts.session is None else facts.session.clock_off_s
    if off_s is not None and not abs(off_s) < limits.clock_skew_s:
        return _off(off_s, limits.clock_skew_s)
    if not is_quote_fresh(limits, facts):
        return _aged(f"The quote of {terms.symbol}", facts.quote_age_s, quote_limit_s(limits, facts))
    return None


def _aged(what: str, age: float | None, limit: float) -> tuple[str, Outside | None]:
    if age is None or not isfinite(age):
        return f"{what} is of unknown age", None
    text = f"{what} is {seconds(age)} old, at most {seconds(limit)} is allowed"
    return text, (Decimal(str(age)), Decimal(str(limit)), Unit.SECONDS)


def _off(off_s: float, limit: float) -> tuple[str, Outside | None]:
    if not isfinite(off_s):
        return "By how much this computer's clock is off is not known", None
    text = f"This computer's clock is off by {seconds(abs(off_s))}, less than {seconds(limit)} is allowed"
    return text, (Decimal(str(abs(off_s))), Decimal(str(limit)), Unit.SECONDS)
