"""A24: whether what was proposed still holds when it is approved, and when it is sent."""

from decimal import Decimal
from math import isfinite

from core.domain.access import Origin
from core.domain.limits import Limits
from core.domain.risk import RuleCode, RuleResult, TicketField, Unit
from core.domain.terms import OrderTerms
from core.risk.facts import Facts
from core.risk.pricing import HUNDRED, mark_price
from core.risk.results import passed, refused
from core.risk.words import percent, seconds
from core.risk.words import price as written

_CODE = RuleCode.PROPOSAL


def proposal(terms: OrderTerms, limits: Limits, facts: Facts) -> RuleResult | None:
    """Refuse what the agent did not propose, or proposed too long ago or at another price.

    That holds for exits too: a person who wants one can order it.
    """
    made = facts.proposed
    if made is None:
        if facts.origin is not Origin.AGENT:
            return None
        return refused(_CODE, "The agent may only propose: a person has to approve it.")
    if not (isfinite(made.age_s) and 0 <= made.age_s <= limits.proposal_s):
        return _old(made.age_s, limits.proposal_s)
    now = mark_price(terms.side, facts.quote)
    if now is None or made.decision_px <= 0:
        return refused(
            _CODE, f"Refused, as the price of {terms.symbol} is not known: the proposal cannot hold."
        )
    moved = abs(now - made.decision_px) * HUNDRED / made.decision_px
    figures = (moved, limits.proposal_move_pct, Unit.PERCENT)
    if moved <= limits.proposal_move_pct:
        return passed(_CODE, "The proposal is young, and the price stands where it was made.", *figures)
    text = f"The price moved by {percent(moved)} since it was proposed at {written(made.decision_px)}, "
    return refused(
        _CODE, f"{text}and {percent(limits.proposal_move_pct)} voids it.", TicketField.NONE, figures
    )


def _old(age_s: float, limit: float) -> RuleResult:
    if not isfinite(age_s) or age_s < 0:
        return refused(_CODE, "Refused, as the age of the proposal is not known.")
    text = f"The proposal is {seconds(age_s)} old, and it lives {seconds(limit)}."
    return refused(_CODE, text, TicketField.NONE, (Decimal(str(age_s)), Decimal(str(limit)), Unit.SECONDS))
