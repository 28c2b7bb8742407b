"""What the agent, or another program, proposes and a person decides."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.domain.money import Price
from core.domain.terms import OrderTerms, Side
from core.ids import ClOrdId, Symbol

Thesis = tuple[Symbol, Side, str]


class ProposalState(StrEnum):
    """PENDING until a person decides, time runs out or the price runs away; then one of the others, once."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Proposal:
    """An order that somebody proposes.

    Attributes:
        proposal_id: ours, unique.
        source: who proposes: a strategy's name, or the name of the other program's key.
        thesis: why, in one sentence; untrusted plain text. The same words on the same symbol and side are
            the same thesis (A18).
        decision_px: dollars; the last price when it was proposed, from which its drift is measured (A24).
        made_at: our time, UTC.
        expires_at: our time, UTC.
        decided_by: who decided; empty while pending.
        decided_at: our time, UTC.
        reason: of the decision, or why it ended by itself.
        cl_ord_id: the order that came of it.
    """

    proposal_id: str
    source: str
    terms: OrderTerms
    thesis: str
    decision_px: Price
    made_at: datetime
    expires_at: datetime
    state: ProposalState = ProposalState.PENDING
    decided_by: str = ""
    decided_at: datetime | None = None
    reason: str = ""
    cl_ord_id: ClOrdId | None = None

    @property
    def thesis_key(self) -> Thesis:
        """What makes two proposals one thesis: symbol, side and words, however spaced or capitalised."""
        return self.terms.symbol, self.terms.side, " ".join(self.thesis.casefold().split())
