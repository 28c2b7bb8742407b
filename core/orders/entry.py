"""The way of an opening order: preview, judge, confirm, judge again, write ahead, send."""

from dataclasses import dataclass, replace

from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.messages import (
    ClosePosition,
    Preview,
    PreviewOrder,
    ReplaceOrder,
    SubmitOrder,
    Submitted,
)
from core.domain.money import normal, plain
from core.domain.order import Order
from core.domain.proposals import Proposal
from core.domain.risk import Outcome, RuleCode, RuleResult, Verdict
from core.domain.terms import OrderDraft, OrderTerms, OrdType, Side, TimeInForce
from core.errors import RefusalCode, Refused, StorageError
from core.ids import ClOrdId, IdempotencyKey, Symbol
from core.metrics import Histogram, Lap, Stopwatch
from core.orders.bodies import draft_in_words, fingerprint, in_words, refusal_body
from core.orders.drafts import draft_of
from core.orders.gate import Gate
from core.orders.gather import Gatherer, LiveState
from core.orders.intents import Intent, Intents
from core.orders.judging import Case, Judgement, judge
from core.orders.keys import Keys
from core.orders.sending import Sending
from core.orders.throttle import Figures, Throttle
from core.ports.journal import Journal
from core.risk.engine import refuse
from core.risk.parse import parse_draft
from core.risk.pricing import is_exit
from core.state.orders import Reservation


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of a person on its way through the desk.

    Attributes:
        proposal: what it approves; None where the person made the order.
        closes: it was asked to close what is held, so it goes out only while it is proven to do no more.
    """

    draft: OrderDraft
    key: IdempotencyKey
    acknowledged: frozenset[RuleCode]
    actor: Actor
    replaces: ClOrdId | None = None
    proposal: Proposal | None = None
    closes: bool = False


class OrderEntry:
    """Takes decisions; there is no other path to the broker. Runs on the core loop."""

    def __init__(
        self,
        state: LiveState,
        gatherer: Gatherer,
        throttle: Throttle,
        gate: Gate,
        intents: Intents,
        keys: Keys,
        sending: Sending,
        journal: Journal,
    ) -> None:
        self._state = state
        self._gatherer = gatherer
        self._throttle = throttle
        self._gate = gate
        self._intents = intents
        self._keys = keys
        self._sending = sending
        self._journal = journal
        self._replacing: set[ClOrdId] = set()
        self._is_throttled = False
        self.writing = Stopwatch(Histogram("", ""), lambda: 0.0)

    async def preview(self, command: PreviewOrder, actor: Actor) -> Preview:
        """Judge what was typed so far; nothing is counted, stored or sent."""
        terms = self._read(command.draft)
        if not isinstance(terms, OrderTerms):
            return Preview(command.draft, refuse(terms), None)
        old = None if command.replaces is None else self._open_order(command.replaces)
        figures = self._throttle.figures(self._state.limits)
        judged = judge(self._state, self._gatherer, Case(terms, actor.origin, old), figures)
        return Preview(command.draft, judged.verdict, self._state.quotes.get(terms.symbol), judged.sent)

    async def submit(self, command: SubmitOrder, actor: Actor) -> Submitted:
        """Send an order, once for its key.

        Raises:
            Refused: with the verdict as `cause` where a rule said no.
            StorageError: the intent could not be written; nothing was sent.
        """
        return await self._decide(Decision(command.draft, command.key, command.acknowledged, actor))

    async def approve(self, proposal: Proposal, key: IdempotencyKey, actor: Actor) -> Submitted:
        """Send what the agent proposed and a person approved; every rule runs again, by the agent's limits.

        What a soft rule finds in a proven exit is approved with it; what opens is refused for it, because
        nobody was asked.

        Raises:
            Refused: as for any order; the proposal ran out or its price ran away (A24).
            StorageError: the intent could not be written; nothing was sent.
        """
        agent = replace(actor, origin=Origin.AGENT)
        return await self._decide(
            Decision(draft_of(proposal.terms), key, frozenset(), agent, proposal=proposal)
        )

    async def replace(self, command: ReplaceOrder, actor: Actor) -> Submitted:
        """Ask for new terms of an open order; judged like an order, the old one left out of the sums."""
        terms = self._order(command.cl_ord_id).terms
        if terms.legs is not None or terms.is_cash or terms.order_qty % 1:
            text = "An order with legs, for an amount or for a part of a share cannot be changed: cancel it."
            raise Refused(RefusalCode.NOT_PERMITTED, text)
        draft = OrderDraft(
            terms.symbol,
            terms.side,
            terms.ord_type,
            terms.time_in_force,
            command.order_qty,
            command.price,
            command.stop_px,
            command.trail_px,
            command.trail_pct,
            terms.extended_hours,
        )
        replaces = command.cl_ord_id
        return await self._decide(Decision(draft, command.key, command.acknowledged, actor, replaces))

    async def close(self, command: ClosePosition, actor: Actor) -> Submitted:
        """Close what is held by an ordinary market order of ours, which never opens the other way.

        Raises:
            Refused: `NO_POSITION`: nothing is held, or all of it is on its way out; else as for any order.
            StorageError: the intent could not be written; nothing was sent.
        """
        made = await self._keys.order_of(command.key)
        qty = self._state.positions.qty(command.symbol)
        if made is not None and not qty and made.symbol == command.symbol:
            return self._keys.again(made)
        if not qty:
            raise Refused(RefusalCode.NO_POSITION, f"Nothing is held of {command.symbol}.")
        side = Side.SELL if qty > 0 else Side.BUY
        shares = plain(normal(abs(qty)))
        draft = OrderDraft(command.symbol, side, OrdType.MARKET, TimeInForce.DAY, shares)
        return await self._decide(Decision(draft, command.key, command.acknowledged, actor, closes=True))

    def _read(self, draft: OrderDraft) -> OrderTerms | tuple[RuleResult, ...]:
        return parse_draft(draft, self._state.quotes.get(Symbol(draft.symbol.strip().upper())))

    def _order(self, cl_ord_id: ClOrdId) -> Order:
        order = self._state.orders.get(cl_ord_id)
        if order is None:
            raise Refused(RefusalCode.UNKNOWN_ORDER, f"There is no order {cl_ord_id}.")
        return order

    def _open_order(self, cl_ord_id: ClOrdId) -> Order:
        order = self._order(cl_ord_id)
        if not order.is_open:
            raise Refused(RefusalCode.ORDER_NOT_OPEN, f"The order has ended: {order.ord_status}.")
        if order.pending is not None or not order.acked or order.external or self._is_replaced(order):
            raise Refused(
                RefusalCode.ORDER_BUSY,
                "The order is being changed, or not ours, or not accepted yet; try again when it works.",
            )
        return order

    def _is_replaced(self, order: Order) -> bool:
        opened = self._state.orders.open(order.symbol)
        return order.cl_ord_id in self._replacing or any(
            each.orig_cl_ord_id == order.cl_ord_id for each in opened
        )

    def _old(self, decision: Decision) -> Order | None:
        return None if decision.replaces is None else self._open_order(decision.replaces)

    async def _decide(self, decision: Decision) -> Submitted:
        terms = self._read(decision.draft)
        mark = decision.draft.symbol if not isinstance(terms, OrderTerms) else fingerprint(terms)
        self._keys.take(decision.key, mark)
        try:
            if not isinstance(terms, OrderTerms):
                self._old(decision)
                raise await self._refusal(refuse(terms), draft_in_words(decision.draft), decision.actor)
            known = await self._keys.known(decision.key, mark)
            if known is not None:
                return _same_decision(known, decision)
            return await self._carry_out(decision, terms)
        finally:
            self._keys.give_back(decision.key)

    async def _carry_out(self, decision: Decision, terms: OrderTerms) -> Submitted:
        self._old(decision)
        lap = self.writing.begin()
        figures = await self._take_turn(decision, terms)
        judged = await self._pass_or_refuse(decision, terms, figures)
        quote = self._state.quotes.get(terms.symbol)
        lap.pause()
        await self._gate.pass_or_refuse(judged.sent, judged.verdict, quote, decision.actor)
        lap.go_on()
        try:
            self._gate.refuse_if_moved(terms.side, quote, self._state.quotes.get(terms.symbol))
        except Refused as refusal:
            await self._note(refusal, judged.sent, decision.actor)
            raise
        # Again, with the facts of now: the sheet may have stood for half a minute.
        judged = await self._pass_or_refuse(decision, terms, figures, judged.sent)
        verdict = judged.verdict
        intent = Intent(judged.sent, decision.key, verdict, decision.actor, self._old(decision), terms)
        reservation = self._reserve(intent, decision.proposal, opens=judged.opens)
        # Whoever waits may go away; a write that has begun cannot be called back, so it is seen through.
        outcome = await self._sending.see_through(
            self._write_and_send(intent, reservation, lap), "write-ahead"
        )
        if isinstance(outcome, Refused):
            raise outcome
        return Submitted(outcome, verdict)

    async def _take_turn(self, decision: Decision, terms: OrderTerms) -> Figures:
        own = self._state.agent_limits if decision.actor.origin is Origin.AGENT else None
        try:
            figures = self._throttle.take(self._state.limits, own)
        except Refused as refusal:
            if self._lessens(decision, terms):
                return self._throttle.take_anyway(self._state.limits, is_agents=own is not None)
            # The first of a run is recorded: a loop that is slowed must not fill the record instead.
            is_first, self._is_throttled = not self._is_throttled, True
            if is_first:
                await self._note(refusal, terms, decision.actor)
            raise
        self._is_throttled = False
        return figures

    def _lessens(self, decision: Decision, terms: OrderTerms) -> bool:
        figures = self._throttle.figures(self._state.limits)
        return is_exit(terms, self._gatherer.facts(terms, figures, self._old(decision)))

    async def _note(self, refusal: Refused, terms: OrderTerms, actor: Actor) -> None:
        facts = payload_of({"reason": refusal.message, "code": refusal.code.value})
        draft = AuditDraft(AuditAction.ORDER_REFUSED, actor, in_words(terms), facts)
        await self._journal.record_anyway(draft)

    def _reserve(self, intent: Intent, proposal: Proposal | None, *, opens: bool) -> Reservation:
        # At once after the judgement: nobody else may be judged before this order counts.
        if intent.replaces is not None:
            self._replacing.add(intent.replaces.cl_ord_id)
        self._gatherer.remember(intent.asked or intent.terms)
        reservation = self._state.orders.reserve(intent.terms)
        origin = intent.actor.origin
        self._gatherer.automation.sent(intent.terms, origin, proposal, reservation, opens=opens)
        return reservation

    async def _write_and_send(self, intent: Intent, reservation: Reservation, lap: Lap) -> Order | Refused:
        try:
            order = await self._intents.write_ahead(intent)
            lap.end()
        except Refused as refusal:
            return refusal
        except StorageError as error:
            text = f"Nothing was sent, because it could not be recorded: {error}"
            unwritable = Refused(RefusalCode.RECORD_UNWRITABLE, text)
            unwritable.__cause__ = error
            return unwritable
        finally:
            self._state.orders.release(reservation)
            self._gatherer.automation.landed(reservation)
            if intent.replaces is not None:
                self._replacing.discard(intent.replaces.cl_ord_id)
        return await self._sending.carry_out(order)

    async def _pass_or_refuse(
        self, decision: Decision, terms: OrderTerms, figures: Figures, sent: OrderTerms | None = None
    ) -> Judgement:
        case = Case(terms, decision.actor.origin, self._old(decision), decision.proposal, sent)
        judged = judge(self._state, self._gatherer, case, figures)
        # Whoever approves a proven exit has approved what it meets; of what opens, nobody was asked.
        approved = decision.proposal is not None and not judged.opens
        missing = () if approved else judged.verdict.missing_acknowledgements(decision.acknowledged)
        # Where the sheet stands before the order, it asks for the quantity to be typed instead.
        if judged.verdict.is_refused or (missing and not self._gate.is_required):
            raise await self._refusal(judged.verdict, in_words(judged.sent), decision.actor)
        if decision.closes and judged.opens:
            # What was held when it was asked for may have been closed, or be about to be, since then.
            text = f"{terms.symbol}: so much is not left to close; cancel the orders that close it first."
            raise Refused(RefusalCode.NO_POSITION, text)
        return judged

    async def _refusal(self, verdict: Verdict, words: str, actor: Actor) -> Refused:
        first = verdict.breaches[0]
        hard = first.outcome is Outcome.HARD
        draft = AuditDraft(AuditAction.ORDER_REFUSED, actor, words, refusal_body(verdict))
        await self._journal.record_anyway(draft)
        return Refused(
            RefusalCode.RISK if hard else RefusalCode.NEEDS_ACKNOWLEDGEMENT,
            first.text,
            {"rules": ",".join(result.code.value for result in verdict.breaches)},
            verdict,
        )


def _same_decision(known: Submitted, decision: Decision) -> Submitted:
    # Equal terms in the place of another order, or of none, are another decision.
    if known.order.orig_cl_ord_id != decision.replaces:
        raise Refused(RefusalCode.IDEMPOTENCY_CONFLICT, "This key was used for another order.")
    return known
