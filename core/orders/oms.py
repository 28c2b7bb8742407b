"""The order management: every order's book-keeping, one unit of work a report."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from structlog.contextvars import bind_contextvars

from core.bus import Bus
from core.clock import Clock
from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.execution import ExecType, ExecutionReport
from core.domain.messages import FillBooked, Notice, OrderChanged, Severity
from core.domain.order import Order, Pending
from core.domain.outcomes import TradeOutcome
from core.domain.terms import OrdStatus
from core.errors import RefusalCode, Refused
from core.failpoints import failpoint
from core.ids import ClOrdId
from core.orders.bodies import (
    archived_words,
    inferred_facts,
    order_body,
    order_in_words,
    order_message,
    report_facts,
)
from core.orders.booking import Booked, book, moves_shares, new_execution, take_missing, without_void
from core.orders.folding import fold, warning
from core.orders.gather import LiveState
from core.orders.patience import Patience
from core.orders.recollection import remember
from core.orders.refusals import ACTION_OF
from core.orders.tally import Tally
from core.ports.journal import Journal, Record
from core.ports.storage import Store, UnitOfWork
from core.tasks import Tasks


class OrderManagement:
    """Owns every order's state from intent to its end. Runs on the core loop.

    Reports are applied one at a time: row, fills, position, lots and audit records are one unit of
    work each. What was begun is seen through, whoever stops waiting: else the database would know what
    memory does not.
    """

    def __init__(
        self,
        state: LiveState,
        store: Store,
        journal: Journal,
        clock: Clock,
        bus: Bus,
        desk: Actor,
        tasks: Tasks,
    ) -> None:
        self._state = state
        self._store = store
        self._journal = journal
        self._clock = clock
        self._bus = bus
        self._desk = desk
        self._tasks = tasks
        self.patience = Patience(state, journal, clock, bus, tasks)
        self.tally = Tally(state)
        self.on_unknown: Callable[[Order], None] = _to_nobody
        self.on_sighted: Callable[[Order], None] = _to_nobody
        self.on_wish: Callable[[Order], None] = _to_nobody
        self.on_overfill: Callable[[Order], None] = _to_nobody
        self.on_outcome: Callable[[TradeOutcome], None] = _to_nobody

    async def free_replaced(self, order: Order, reason: str) -> None:
        """Let the order that this one was to replace work on."""
        async with self.patience.applying:
            orig = order.orig_cl_ord_id
            old = None if orig is None else self._state.orders.get(orig)
            if old is None or old.pending is not Pending.REPLACE:
                return
            draft = self.draft(AuditAction.REPLACE_REFUSED, old, {"reason": reason})
            await self._persist(replace(old, pending=None, updated_at=self._clock.now()), [draft])

    async def mark_unknown(self, cl_ord_id: ClOrdId, reason: str) -> None:
        """Say that nobody can prove whether the broker has an order; it counts as live."""
        async with self.patience.applying:
            order = self._state.orders.get(cl_ord_id)
            if order is None or not order.is_open or order.acked or order.unknown:
                return
            changed = replace(order, unknown=True, text=reason, updated_at=self._clock.now())
            draft = self.draft(AuditAction.ORDER_UNKNOWN, changed, {"reason": reason})
            await self._persist(changed, [draft])
        self._bus.publish(Notice(Severity.ALARM, f"Outcome unknown: {order_in_words(changed)}", cl_ord_id))
        self.on_unknown(changed)

    async def change(
        self, cl_ord_id: ClOrdId, edit: Callable[[Order], Order], drafts: Sequence[AuditDraft]
    ) -> Order:
        """Change our own facts about an order (pending, given up), with their records.

        Raises:
            Refused: `UNKNOWN_ORDER`.
            StorageError: nothing was changed.
        """
        return await self._tasks.see_through(self._change(cl_ord_id, edit, drafts), "change")

    async def _change(
        self, cl_ord_id: ClOrdId, edit: Callable[[Order], Order], drafts: Sequence[AuditDraft]
    ) -> Order:
        async with self.patience.turn():
            order = self._state.orders.get(cl_ord_id)
            if order is None:
                raise Refused(RefusalCode.UNKNOWN_ORDER, f"There is no order {cl_ord_id}.")
            changed = replace(edit(order), updated_at=self._clock.now())

            def work(uow: UnitOfWork, record: Record) -> None:
                uow.update_order(changed)
                for draft in drafts:
                    record(draft)

            await self._journal.write(work)
            changed = self._with_wish(order, changed)
            self._publish(changed)
            return changed

    def hold(self, order: Order) -> None:
        """Keep a state in memory only, when the database refuses it (a cancel goes out all the same)."""
        self._publish(order)

    async def apply(self, report: ExecutionReport) -> Order | None:
        """Book one report: order, fills, position, lots and audit in one unit of work.

        A report that was booked before changes nothing. If the database refuses, an alarm is
        raised and the same unit is tried again; later reports wait, none is lost.

        Returns:
            The order after it; None where it told nothing new.
        """
        return await self._tasks.see_through(self._apply(report), "report")

    async def _apply(self, report: ExecutionReport) -> Order | None:
        bind_contextvars(cl_ord_id=report.cl_ord_id)  # of the task that sees it through
        async with self.patience.applying:
            failpoint("oms.before_report")
            order = await self._find(report)
            known = order or self._adopt(report)
            folded = fold(known, report, self._clock.now())
            is_same = order is not None and replace(folded, updated_at=order.updated_at) == order
            if is_same and not moves_shares(report):
                return None
            after = await self._book(known, folded, report, is_new=order is None)
            failpoint("oms.after_report")
        if after is not None:
            self._judge(order, after, report)
            if after.ord_status is OrdStatus.REJECTED:
                await self.free_replaced(after, report.text)
        return after

    async def _find(self, report: ExecutionReport) -> Order | None:
        found = self._state.orders.get(report.cl_ord_id)
        return found or await remember(self._store, self.tally, report)

    def _adopt(self, report: ExecutionReport) -> Order:
        now = self._clock.now()
        return Order(report.cl_ord_id, report.terms, now, now, report.orig_cl_ord_id, external=True)

    async def _book(
        self, known: Order, folded: Order, report: ExecutionReport, *, is_new: bool
    ) -> Order | None:
        action = ACTION_OF.get(report.exec_type, AuditAction.ORDER_CHANGED)
        draft = self.draft(action, folded, report_facts(report))
        own, inherited = self.tally.own(known), self.tally.inherited(folded)

        def work(uow: UnitOfWork, record: Record) -> tuple[Order, Booked] | None:
            told = report if report.exec_type is ExecType.ORDER_STATUS else new_execution(uow, report)
            if told is None:
                return None
            after = without_void(uow, known, folded, told)
            if is_new:
                uow.insert_order(after, order_body(order_message(after)), "{}")
            else:
                uow.update_order(after)
            record(draft)
            return after, book(uow, after, told, self._state.positions.get(after.symbol), own, inherited)

        booked = await self.patience.until_written(work)
        if booked is None:
            return None
        await self._keep(known, *booked)
        return booked[0]

    async def _keep(self, known: Order, after: Order, booked: Booked) -> None:
        told, after = after, self._with_wish(known, after)
        self._state.orders.put(after)
        if after is not told:
            await self.patience.until_written(lambda uow, _: uow.update_order(after))
        self._take(after, booked)
        self._bus.publish(OrderChanged(after))
        if booked.is_of_archived:
            self._bus.publish(Notice(Severity.ALARM, archived_words(after), f"archived:{after.cl_ord_id}"))

    def _with_wish(self, known: Order, after: Order) -> Order:
        # A cancel went out while this waited for the database; it is not forgotten over it.
        now = self._state.orders.get(after.cl_ord_id)
        is_asked = now is not None and now is not known and now.pending is Pending.CANCEL
        is_due = is_asked and after.is_open and after.pending is not Pending.CANCEL
        return replace(after, pending=Pending.CANCEL) if is_due else after

    def _take(self, order: Order, booked: Booked) -> None:
        for fill, position in booked.steps:
            self._state.positions.put(position)
            self._state.account.book(fill.cash_flow)
            self.tally.note(fill)
            self._bus.publish(FillBooked(fill, position))
        self.tally.count(order, booked.own)
        for outcome in booked.outcomes:
            self.on_outcome(outcome)

    async def infer(self, cl_ord_id: ClOrdId, at: datetime) -> bool:
        """Book what an order has filled by its own word and no fill explains, as one inferred fill.

        Args:
            cl_ord_id: an order that is behind.
            at: market time, UTC, that the fill gets.

        Returns:
            Whether the order is explained now; if not, an alarm was raised.
        """
        return await self._tasks.see_through(self._infer(cl_ord_id, at), "inferred fill")

    async def _infer(self, cl_ord_id: ClOrdId, at: datetime) -> bool:
        async with self.patience.applying:
            order = self._state.orders.get(cl_ord_id)
            if order is None:
                return False
            chain = self.tally.chain(order)

            def work(uow: UnitOfWork, record: Record) -> Booked | str:
                made = take_missing(uow, order, chain, self._state.positions.get(order.symbol), at)
                if isinstance(made, Booked):
                    for fill, _ in made.steps:
                        record(self.draft(AuditAction.ORDER_FILLED, order, inferred_facts(fill)))
                return made

            made = await self.patience.until_written(work)
            if isinstance(made, str):
                self._bus.publish(Notice(Severity.ALARM, made, f"missing:{cl_ord_id}"))
                return False
            self._take(order, made)
            return True

    async def _persist(self, order: Order, drafts: Sequence[AuditDraft]) -> None:
        def work(uow: UnitOfWork, record: Record) -> None:
            uow.update_order(order)
            for draft in drafts:
                record(draft)

        # In memory first: what is unknown counts as live from now on, written or not.
        self._publish(order)
        await self.patience.until_written(work)

    def _judge(self, before: Order | None, after: Order, report: ExecutionReport) -> None:
        words = warning(before, after, report)
        if words:
            self._bus.publish(Notice(Severity.ALARM, words, after.cl_ord_id))
        if after.is_overfilled:
            self.on_overfill(after)
        if before is not None and before.gave_up and not after.gave_up:
            self.on_sighted(after)
        elif before is not None and before.unknown and not after.unknown and _wants_its_end(after):
            self.on_wish(after)

    def draft(
        self, action: AuditAction, order: Order, facts: dict[str, object], actor: Actor | None = None
    ) -> AuditDraft:
        """Draft an audit record about an order."""
        return AuditDraft(
            action,
            actor or self._desk,
            order_in_words(order),
            payload_of(facts),
            order_id=order.order_id or "",
            cl_ord_id=order.cl_ord_id,
        )

    def _publish(self, order: Order) -> None:
        self._state.orders.put(order)
        self._bus.publish(OrderChanged(order))


def _to_nobody(_: object) -> None:
    return


def _wants_its_end(order: Order) -> bool:
    return order.is_open and order.pending is Pending.CANCEL
