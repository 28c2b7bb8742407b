"""Proposals: what a program would do, kept until a person decides, time runs out or the price runs away.

A proposal is data. It can ask for nothing but a person's look: approving it takes the way of every order,
by the agent's limits, on facts of now.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import structlog

from core.agent.pace import Pace, refuse_surplus
from core.bus import Bus
from core.clock import Clock
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.messages import (
    LoadProposals,
    ProposalChanged,
    ProposeOrder,
    Reviewed,
    ReviewProposal,
)
from core.domain.money import Price
from core.domain.proposals import Proposal, ProposalState
from core.domain.risk import Outcome, Verdict
from core.domain.terms import OrderTerms
from core.errors import RefusalCode, Refused, StorageError
from core.ids import IdempotencyKey, IdSource, Symbol
from core.orders.bodies import in_words
from core.orders.desk import Desk
from core.orders.entry import OrderEntry
from core.orders.gather import Gatherer, LiveState
from core.orders.judging import Case, judge
from core.orders.keys import Keys
from core.orders.throttle import Throttle
from core.ports.journal import Journal, Record
from core.ports.storage import Store, UnitOfWork
from core.risk.engine import refuse
from core.risk.parse import parse_draft
from core.risk.pricing import HUNDRED, mark_price

LONGEST_THESIS = 500
LONGEST_SOURCE = 60
LONGEST_REASON = 500
SWEEP_EVERY_S = 1.0
# More than the agent may send within the time in which a thesis is remembered.
_REMEMBERED = 500
_S = ProposalState
_DESK = Actor("desk", "admin", Origin.DESK, "")

_log = structlog.get_logger("agent")


@dataclass(frozen=True, slots=True)
class OrderPath:
    """What of the order path the proposals use; the broker is not among it."""

    state: LiveState
    gatherer: Gatherer
    throttle: Throttle
    entry: OrderEntry
    keys: Keys


class Proposals:
    """Takes proposals and the decisions on them. Runs on the core loop."""

    def __init__(
        self, path: OrderPath, store: Store, journal: Journal, clock: Clock, bus: Bus, ids: IdSource
    ) -> None:
        self._path = path
        self._state = path.state
        self._store = store
        self._journal = journal
        self._clock = clock
        self._bus = bus
        self._ids = ids
        self._pace = Pace(clock)
        self._is_paced = False
        self._pending: dict[str, Proposal] = {}
        self._deciding: set[str] = set()

    def join(self, desk: Desk) -> None:
        """Carry out the commands about proposals."""
        desk.route(ProposeOrder, self.propose)
        desk.route(ReviewProposal, self.review)
        desk.route(LoadProposals, self.load)

    async def restore(self) -> None:
        """Begin with what is stored; an approval that was cut off is what its order says it was.

        Raises:
            StorageError: the proposals cannot be read.
        """
        for each in await self._store.read(lambda reader: reader.pending_proposals()):
            self._pending[each.proposal_id] = each
            await self._was_sent(each)
        now, automation = self._clock.now(), self._path.gatherer.automation
        for each in reversed(await self._store.read(lambda reader: reader.proposals(_REMEMBERED))):
            if each.state is _S.APPROVED and each.decided_at is not None:
                automation.remember(each, (now - each.decided_at).total_seconds())

    async def propose(self, command: ProposeOrder, actor: Actor) -> Proposal:
        """Take a proposal, if the agent's rules would let it through now; nothing is sent.

        Raises:
            Refused: `MALFORMED`; `THROTTLED`: too many, or this thesis waits already; `RISK` with the
                verdict as `cause`.
            StorageError: it could not be recorded, so it does not exist.
        """
        source, thesis = _line(command.source, LONGEST_SOURCE), _line(command.thesis, LONGEST_THESIS)
        if not source or not thesis:
            field = "thesis" if source else "source"
            raise Refused(
                RefusalCode.MALFORMED, f"A proposal needs a {field}, on one line.", {"field": field}
            )
        try:
            self._pace.take(source)
            proposal = self._read(command, source, thesis)
            refuse_surplus(proposal, self._pending.values())
        except Refused as refusal:
            await self._note(refusal, source, actor)
            raise
        self._is_paced = False
        self._refuse_hard(self._judge(proposal))
        # It waits from now on, so that no second one of its thesis comes in while it is written.
        self._pending[proposal.proposal_id] = proposal
        draft = _draft(AuditAction.PROPOSAL_MADE, proposal, actor, {"thesis": thesis, "source": source})
        try:
            await self._write(proposal, draft)
        except StorageError:
            self._pending.pop(proposal.proposal_id, None)
            raise
        self._bus.publish(ProposalChanged(proposal))
        return proposal

    async def load(self, command: LoadProposals, actor: Actor) -> tuple[Proposal, ...]:
        """List proposals, newest first."""
        del actor
        return await self._store.read(lambda reader: reader.proposals(command.limit))

    async def review(self, command: ReviewProposal, actor: Actor) -> Reviewed:
        """Decide: an approval sends the order once, by every rule of now; whatever fails leaves it pending.

        Raises:
            Refused: `NOT_FOUND`, `PROPOSAL_DECIDED`, `IN_FLIGHT` (somebody else decides now),
                `REASON_MISSING`, or why the order was refused; it then waits on.
            StorageError: it could not be recorded.
        """
        reason = _line(command.reason, LONGEST_REASON)
        if not reason:
            raise Refused(RefusalCode.REASON_MISSING, "A decision needs a reason; it is kept in the record.")
        proposal = await self._to_decide(command.proposal_id)
        self._deciding.add(proposal.proposal_id)
        try:
            if not command.approve:
                if await self._was_sent(proposal):
                    raise Refused(
                        RefusalCode.PROPOSAL_DECIDED, "The order of this proposal was sent already."
                    )
                ended = self._decided(proposal, _S.REJECTED, actor, reason)
                await self._end(ended, actor)
                return Reviewed(ended, None)
            submitted = await self._path.entry.approve(proposal, _key(proposal), actor)
            ended = self._decided(proposal, _S.APPROVED, actor, reason)
            ended = replace(ended, cl_ord_id=submitted.order.cl_ord_id)
            await self._end_anyway(ended, actor)
            return Reviewed(ended, submitted)
        finally:
            self._deciding.discard(proposal.proposal_id)

    async def sweep(self) -> None:
        """End what ran out of time, and what the price ran away from."""
        for proposal in tuple(self._pending.values()):
            if proposal.proposal_id in self._deciding or await self._was_sent(proposal):
                continue
            ended = self._run_out(proposal)
            if ended is not None:
                await self._end_anyway(ended, _DESK)

    async def run(self) -> None:
        """Sweep again and again."""
        while True:
            await self._clock.sleep(SWEEP_EVERY_S)
            await self.sweep()

    def _read(self, command: ProposeOrder, source: str, thesis: str) -> Proposal:
        quote = self._state.quotes.get(Symbol(command.draft.symbol.strip().upper()))
        terms = parse_draft(command.draft, quote)
        if not isinstance(terms, OrderTerms):
            verdict = refuse(terms)
            raise Refused(RefusalCode.RISK, verdict.breaches[0].text, cause=verdict)
        price = mark_price(terms.side, quote)
        if price is None:
            raise Refused(
                RefusalCode.RISK, f"The price of {terms.symbol} is not known, so nothing is proposed."
            )
        now = self._clock.now()
        expires = now + timedelta(seconds=self._state.agent_limits.proposal_s)
        return Proposal(self._ids.unique(), source, terms, thesis, Price(price), now, expires)

    def _judge(self, proposal: Proposal) -> Verdict:
        figures = self._path.throttle.figures(self._state.limits)
        case = Case(proposal.terms, Origin.AGENT, proposal=proposal)
        return judge(self._state, self._path.gatherer, case, figures).verdict

    def _refuse_hard(self, verdict: Verdict) -> None:
        hard = [each for each in verdict.breaches if each.outcome is Outcome.HARD]
        if hard:
            rules = {"rules": ",".join(each.code.value for each in hard)}
            raise Refused(RefusalCode.RISK, hard[0].text, rules, verdict)

    async def _to_decide(self, proposal_id: str) -> Proposal:
        if proposal_id in self._deciding:
            raise Refused(RefusalCode.IN_FLIGHT, "Somebody decides on this proposal right now.")
        proposal = self._pending.get(proposal_id)
        if proposal is not None and not await self._was_sent(proposal):
            ended = self._run_out(proposal)
            if ended is None:
                return proposal
            await self._end_anyway(ended, _DESK)
        stored = await self._store.read(lambda reader: reader.proposal(proposal_id))
        if stored is None:
            raise Refused(RefusalCode.NOT_FOUND, f"There is no proposal {proposal_id}.")
        who = f" by {stored.decided_by}" if stored.decided_by != "desk" else ""
        text = f"This proposal is {stored.state.value}{who}: {stored.reason}."
        raise Refused(RefusalCode.PROPOSAL_DECIDED, text)

    async def _was_sent(self, proposal: Proposal) -> bool:
        # An approval may have been cut off between its order and its own record: the order tells.
        order = await self._path.keys.order_of(_key(proposal))
        if order is not None:
            ended = self._decided(
                proposal, _S.APPROVED, _DESK, "its order was sent; the decision was cut off"
            )
            await self._end_anyway(replace(ended, cl_ord_id=order.cl_ord_id), _DESK)
        return order is not None

    def _run_out(self, proposal: Proposal) -> Proposal | None:
        if self._clock.now() >= proposal.expires_at:
            return self._decided(proposal, _S.EXPIRED, _DESK, "nobody decided in time")
        price = mark_price(proposal.terms.side, self._state.quotes.get(proposal.terms.symbol))
        if price is None:
            return None
        moved = abs(price - proposal.decision_px) * HUNDRED / proposal.decision_px
        if moved <= self._state.agent_limits.proposal_move_pct:
            return None
        words = f"the price moved by {moved.quantize(Decimal('0.01'))} % since it was made"
        return self._decided(proposal, _S.VOID, _DESK, words)

    def _decided(self, proposal: Proposal, state: ProposalState, actor: Actor, reason: str) -> Proposal:
        now = self._clock.now()
        return replace(proposal, state=state, decided_by=actor.user, decided_at=now, reason=reason)

    async def _end(self, ended: Proposal, actor: Actor) -> None:
        by_person = ended.decided_by != "desk"
        action = AuditAction.PROPOSAL_REVIEWED if by_person else AuditAction.PROPOSAL_ENDED
        await self._write(ended, _draft(action, ended, actor, {"reason": ended.reason}))
        self._pending.pop(ended.proposal_id, None)
        self._bus.publish(ProposalChanged(ended))

    async def _end_anyway(self, ended: Proposal, actor: Actor) -> None:
        try:
            await self._end(ended, actor)
        except StorageError as error:
            # It waits on: what was sent stands under its key, so that approving it again sends nothing.
            _log.error("proposal.unwritable", proposal_id=ended.proposal_id, reason=str(error))

    async def _write(self, proposal: Proposal, draft: AuditDraft) -> None:
        def work(uow: UnitOfWork, record: Record) -> None:
            uow.save_proposal(proposal)
            record(draft)

        await self._journal.write(work)

    async def _note(self, refusal: Refused, source: str, actor: Actor) -> None:
        # The first of a run is recorded: a loop that is refused must not fill the record instead.
        is_first, self._is_paced = not self._is_paced, refusal.code is RefusalCode.THROTTLED
        if is_first:
            facts = payload_of({"code": refusal.code.value, "reason": refusal.message, "source": source})
            await self._journal.record_anyway(
                AuditDraft(AuditAction.ORDER_REFUSED, actor, f"proposal of {source}", facts)
            )


def _draft(action: AuditAction, proposal: Proposal, actor: Actor, more: dict[str, object]) -> AuditDraft:
    facts = {"proposal": proposal.proposal_id, "state": proposal.state.value, **more}
    words = in_words(proposal.terms)
    return AuditDraft(action, actor, words, payload_of(facts), cl_ord_id=proposal.cl_ord_id or "")


def _key(proposal: Proposal) -> IdempotencyKey:
    return IdempotencyKey(f"proposal-{proposal.proposal_id}")


def _line(text: str, longest: int) -> str:
    words = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(words.split())[:longest]
