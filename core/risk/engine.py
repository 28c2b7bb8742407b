"""The judgement on an order: a pure function of (order, limits, facts)."""

from core.domain.limits import Limits
from core.domain.risk import Outcome, RuleCode, RuleResult, Verdict
from core.domain.terms import OrderTerms
from core.risk.effect import effect
from core.risk.facts import Facts
from core.risk.nearest import nearest
from core.risk.pricing import worst_cost
from core.risk.rules import judge

# What neither a price nor a quantity can cure.
_ONLY_TIME = frozenset({RuleCode.DUPLICATE, RuleCode.THROTTLE, RuleCode.SESSION, RuleCode.PROPOSAL})


def evaluate(terms: OrderTerms, limits: Limits, facts: Facts) -> Verdict:
    """Judge an order by every rule, with before and after; look for what would pass if it is refused.

    Never raises for any order and any facts that are finite, and changes nothing. The throttle and the
    recent orders in `facts` are those from before this order.
    """
    results = judge(terms, limits, facts)
    hard = {result.code for result in results if result.outcome is Outcome.HARD}
    if RuleCode.NUMBERS in hard:
        return Verdict(results)
    near = nearest(terms, limits, facts, results) if hard and not hard & _ONLY_TIME else None
    return Verdict(results, effect(terms, limits, facts), near, worst_cost(terms, facts))


def refuse(results: tuple[RuleResult, ...]) -> Verdict:
    """Return the verdict on a draft that could not be read as an order."""
    return Verdict(results)
