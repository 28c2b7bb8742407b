"""An order that is sent again: judged on the facts of now, and confirmed anew where a yes is due."""

import json

from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.order import Order
from core.domain.risk import Outcome, RuleResult, Verdict
from core.errors import RefusalCode, Refused
from core.orders.bodies import in_words, refusal_body
from core.orders.gate import Gate
from core.orders.gather import Gatherer, LiveState
from core.orders.judging import Case, judge
from core.orders.throttle import Throttle
from core.ports.journal import Journal
from core.ports.storage import Store


class SendingAgain:
    """Judges what a person sends again: the decision may be long ago. Runs on the core loop.

    The order itself is left out of all sums: it counts as live since it was decided.
    """

    def __init__(
        self,
        state: LiveState,
        gatherer: Gatherer,
        throttle: Throttle,
        gate: Gate,
        store: Store,
        journal: Journal,
    ) -> None:
        self._state = state
        self._gatherer = gatherer
        self._throttle = throttle
        self._gate = gate
        self._store = store
        self._journal = journal

    async def pass_or_refuse(self, order: Order, actor: Actor) -> None:
        """Return when the order may be sent again.

        What a rule asks about was answered with the first decision, or refuses: there is no ticket here.

        Raises:
            Refused: `RISK` with the verdict, or as the gate refuses.
            StorageError: the first judgement cannot be read, or an answer not be recorded.
        """
        answered = _soft(await self._store.read(lambda reader: reader.verdict(order.cl_ord_id)))
        quote = self._state.quotes.get(order.symbol)
        await self._gate.pass_or_refuse(order.terms, await self._judged(order, answered, actor), quote, actor)
        try:
            self._gate.refuse_if_moved(order.terms.side, quote, self._state.quotes.get(order.symbol))
        except Refused as refusal:
            facts = payload_of({"reason": refusal.message, "code": refusal.code.value})
            await self._journal.record_anyway(self._draft(order, facts, actor))
            raise
        await self._judged(order, answered, actor)

    async def _judged(self, order: Order, answered: frozenset[str], actor: Actor) -> Verdict:
        origin = actor.origin if order.origin is None else order.origin
        figures = self._throttle.figures(self._state.limits)
        case = Case(order.terms, origin, replaces=order, sent=order.terms)
        verdict = judge(self._state, self._gatherer, case, figures).verdict
        breaches = tuple(each for each in verdict.breaches if not _is_answered(each, answered))
        if not breaches:
            return verdict
        await self._journal.record_anyway(self._draft(order, refusal_body(verdict), actor))
        raise Refused(
            RefusalCode.RISK,
            f"Not sent again: {breaches[0].text} Give it up, and order anew if you still want it.",
            {"rules": ",".join(each.code.value for each in breaches)},
            verdict,
        )

    def _draft(self, order: Order, payload: str, actor: Actor) -> AuditDraft:
        return AuditDraft(
            AuditAction.ORDER_REFUSED,
            actor,
            in_words(order.terms),
            payload,
            order_id=order.order_id or "",
            cl_ord_id=order.cl_ord_id,
        )


def _is_answered(result: RuleResult, answered: frozenset[str]) -> bool:
    return result.outcome is Outcome.SOFT and result.code.value in answered


def _soft(stored: str | None) -> frozenset[str]:
    results = json.loads(stored or "{}").get("results", ())
    return frozenset(each["code"] for each in results if each["outcome"] == Outcome.SOFT.value)
