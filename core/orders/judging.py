"""One judgement of the desk: by whose limits, on the facts of now, and what is sent of what was asked for."""

from dataclasses import dataclass

from core.domain.access import Origin
from core.domain.order import Order
from core.domain.proposals import Proposal
from core.domain.risk import Verdict
from core.domain.terms import OrderTerms
from core.orders.gather import Gatherer, LiveState, Source
from core.orders.throttle import Figures
from core.risk.engine import evaluate
from core.risk.marketable import as_sent
from core.risk.pricing import is_exit


@dataclass(frozen=True, slots=True)
class Case:
    """What is judged.

    Attributes:
        asked: what was asked for.
        origin: the way in.
        replaces: the order whose place it takes; None for a new one.
        proposal: what it came of, for an order of the agent.
        sent: what goes out, once that is settled: a yes is given to one limit, and to no other (A9, A23).
    """

    asked: OrderTerms
    origin: Origin
    replaces: Order | None = None
    proposal: Proposal | None = None
    sent: OrderTerms | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of it.

    Attributes:
        sent: the order that goes out, which the verdict is about.
        opens: it is not proven to lessen a position.
    """

    sent: OrderTerms
    verdict: Verdict
    opens: bool


def judge(state: LiveState, gatherer: Gatherer, case: Case, figures: Figures) -> Judgement:
    """Judge an order as it would go out now; nothing is counted or changed."""
    limits = state.limits_for(case.origin)
    facts = gatherer.facts(case.asked, figures, case.replaces, Source(case.origin, case.proposal))
    sent = as_sent(case.asked, limits, facts) if case.sent is None else case.sent
    return Judgement(sent, evaluate(sent, limits, facts), opens=not is_exit(sent, facts))
