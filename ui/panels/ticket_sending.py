"""From the ticket to the desk: one key for one decision, and what each answer proves."""

from collections.abc import Hashable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from PySide6.QtCore import QObject, Signal

from core.domain.messages import ReplaceOrder, SubmitOrder, Submitted
from core.domain.order import Order
from core.domain.risk import RuleCode, Verdict
from core.domain.terms import OrderDraft, OrdStatus
from core.errors import BrokerRejected, BrokerUnavailable, RefusalCode, Refused
from core.ids import ClOrdId, IdempotencyKey, IdSource, new_idempotency_key
from ui import format as fmt
from ui.bridge import Bridge
from ui.models.columns import Mark


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of a decision.

    Attributes:
        is_definite: the desk or the broker has proved what became of it.
        verdict: the judgement that refused it, if one did.
    """

    mark: Mark | None
    title: str
    sentence: str = ""
    is_definite: bool = True
    verdict: Verdict | None = None


class Decisions:
    """Keys of the ticket's decisions.

    A key is made when the ticket opens. A definite answer makes a new one. Where nobody knows what became of
    a decision, the very same order keeps its key, whatever was on the ticket in between: it cannot double.
    """

    def __init__(self, ids: IdSource) -> None:
        self._ids = ids
        self._next = new_idempotency_key(ids)
        self._kept: dict[Hashable, IdempotencyKey] = {}
        self._waiting: dict[ClOrdId, Hashable] = {}

    def key(self, draft: OrderDraft, replaces: ClOrdId | None) -> IdempotencyKey:
        """Return the key of a decision."""
        return self._kept.get(_body(draft, replaces), self._next)

    def open_ticket(self) -> None:
        """Begin another decision; those without an answer keep their keys."""
        self._next = new_idempotency_key(self._ids)

    def answered(
        self, draft: OrderDraft, replaces: ClOrdId | None, answer: Answer, order: ClOrdId | None = None
    ) -> None:
        """Note what became of a decision; `order` is the one whose proof is awaited, if it is known."""
        body = _body(draft, replaces)
        if answer.is_definite:
            self._kept.pop(body, None)
        else:
            self._kept[body] = self.key(draft, replaces)
            if order is not None:
                self._waiting[order] = body
        self.open_ticket()

    def settled(self, order: ClOrdId) -> None:
        """Note that the outcome of an order is known now."""
        body = self._waiting.pop(order, None)
        if body is not None:
            self._kept.pop(body, None)


def _body(draft: OrderDraft, replaces: ClOrdId | None) -> Hashable:
    return (
        draft.symbol.strip().upper(),
        draft.side,
        draft.ord_type,
        draft.time_in_force,
        _number(draft.order_qty),
        _number(draft.price),
        _number(draft.stop_px),
        _number(draft.trail_px),
        _number(draft.trail_pct),
        draft.extended_hours,
        _number(draft.cash_order_qty),
        draft.contingency,
        _number(draft.take_profit),
        _number(draft.stop_loss),
        _number(draft.stop_loss_limit),
        replaces,
    )


def _number(typed: str) -> Decimal | str:
    # 10 and 10.0 are the same order to the desk, so they have the same key here.
    try:
        found = Decimal(typed.strip())
    except InvalidOperation:
        return typed.strip()
    return found if found.is_finite() else typed.strip()


class TicketSender(QObject):
    """Sends one decision at a time, and follows the order that came of the last one.

    Attributes:
        answered: the draft and the Answer; the decision is no longer on its way.
        replaced: the Order that has taken the place of the one that was to be changed.
        moved: an Answer; the order of the last decision stands otherwise now.
    """

    answered = Signal(object, object)
    replaced = Signal(object)
    moved = Signal(object)

    def __init__(self, bridge: Bridge, ids: IdSource, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._decisions = Decisions(ids)
        self._watched: tuple[ClOrdId, str] | None = None

    def open_ticket(self) -> None:
        """Begin another decision."""
        self._decisions.open_ticket()

    def forget(self) -> None:
        """Follow no order any more."""
        self._watched = None

    def send(
        self, draft: OrderDraft, replaces: Order | None, acknowledged: frozenset[RuleCode], words: str
    ) -> None:
        """Send a new order, or ask for new terms of a working one; `words` name it in the answer."""
        original = None if replaces is None else replaces.cl_ord_id
        key = self._decisions.key(draft, original)
        self._watched = None

        def done(submitted: Submitted) -> None:
            order, answer = submitted.order, of_submitted(submitted, words)
            self._decisions.answered(draft, original, answer, order.cl_ord_id)
            self._watched = (order.cl_ord_id, words)
            if original is not None:
                self.replaced.emit(order)
            self.answered.emit(draft, answer)

        def failed(error: Exception) -> bool:
            answer = of_error(error, words)
            self._decisions.answered(draft, original, answer)
            self.answered.emit(draft, answer)
            return True

        if original is None:
            self._bridge.send(SubmitOrder(draft, key, acknowledged), done, failed)
            return
        change = ReplaceOrder(
            original,
            key,
            draft.order_qty,
            draft.price,
            draft.stop_px,
            acknowledged,
            draft.trail_px,
            draft.trail_pct,
        )
        self._bridge.send(change, done, failed)

    def on_order(self, order: Order) -> None:
        """Take note of an order's new state."""
        if order.ord_status is not OrdStatus.UNKNOWN:
            self._decisions.settled(order.cl_ord_id)
        if self._watched is not None and self._watched[0] == order.cl_ord_id:
            self.moved.emit(of_submitted(Submitted(order, Verdict(())), self._watched[1]))


def of_submitted(submitted: Submitted, words: str) -> Answer:
    """Say what became of an order that was written down."""
    order = submitted.order
    if order.ord_status is OrdStatus.UNKNOWN:
        return unknown(words)
    if submitted.repeated:
        state = fmt.word(order.ord_status).lower()
        return Answer(Mark.CHECK, f"{words}: sent before", f"It is {state}; nothing was sent twice.")
    if order.ord_status is OrdStatus.REJECTED:
        return Answer(Mark.STOP, f"{words}: rejected", order.text or "The broker gave no reason.")
    state = fmt.word(order.ord_status).lower()
    if order.cum_qty and order.avg_px is not None:
        state = f"{fmt.qty(order.cum_qty)} filled at {fmt.price(order.avg_px)}"
    return Answer(Mark.CHECK, f"{words}: {state}")


def of_error(error: Exception, words: str) -> Answer:
    """Say what an error proves of the order that was to be sent."""
    if isinstance(error, Refused):
        verdict = error.cause if isinstance(error.cause, Verdict) else None
        if error.code is RefusalCode.IN_FLIGHT:
            return Answer(Mark.QUESTION, f"{words}: on its way", error.message, is_definite=False)
        return Answer(Mark.STOP, "Refused; nothing was sent", error.message, verdict=verdict)
    if isinstance(error, BrokerRejected):
        return Answer(Mark.STOP, f"{words}: rejected", f"The broker refused it: {error.text}")
    if isinstance(error, BrokerUnavailable):
        return Answer(Mark.STOP, f"{words}: not sent", f"The broker was not reached: {error}")
    return unknown(words, str(error))


def unknown(words: str, reason: str = "") -> Answer:
    """Say that nobody knows yet."""
    sentence = "It counts as live in every limit and will not be sent twice."
    if reason:
        sentence = f"{reason[0].upper()}{reason[1:].rstrip('.')}. {sentence}"
    return Answer(Mark.QUESTION, f"{words}: at the broker? checking", sentence, is_definite=False)
