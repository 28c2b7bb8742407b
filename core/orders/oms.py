"""The order management: every order's book-keeping, one unit of work a report."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

import structlog

from core.bus import Bus
from core.clock import Clock
from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.execution import ExecType, ExecutionReport, Fill
from core.domain.messages import FillBooked, Notice, OrderChanged, Severity
from core.domain.order import Order, Pending, apply_report, is_legal
from core.domain.portfolio import Position
from core.domain.terms import OrdStatus
from core.errors import (
    RefusalCode,
    Refused,
    StorageError,
    StorageUnwritable,
)
from core.failpoints import failpoint
from core.ids import ClOrdId
from core.orders.bodies import order_body, order_in_words, order_message, report_facts
from core.orders.gather import LiveState
from core.orders.refusals import ACTION_OF
from core.portfolio.lots import apply_fill
from core.ports.journal import Journal, Record
from core.ports.storage import Store, UnitOfWork
from core.tasks import Tasks

_RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
T = TypeVar("T")

_log = structlog.get_logger("orders")


class OrderManagement:
    """Owns every order's state from intent to its end. Runs on the core loop.

    Reports are applied one at a time: row, fill, position, lots and audit records are one unit of
    work each. `behind` names orders of which a status told more shares than the fills that came.
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
        self._applying = asyncio.Lock()
        self._is_refused = asyncio.Event()
        self.behind: set[ClOrdId] = state.behind
        self.on_unknown: Callable[[Order], None] = lambda _: None
        self.on_sighted: Callable[[Order], None] = lambda _: None
        self.on_overfill: Callable[[Order], None] = lambda _: None

    async def free_replaced(self, order: Order, reason: str) -> None:
        """Let the order that this one was to replace work on."""
        async with self._applying:
            old = self._state.orders.get(ClOrdId(order.orig_cl_ord_id or ""))
            if old is None or old.pending is not Pending.REPLACE:
                return
            draft = self.draft(AuditAction.REPLACE_REFUSED, old, {"reason": reason})
            await self._persist(replace(old, pending=None, updated_at=self._clock.now()), [draft])

    async def mark_unknown(self, cl_ord_id: ClOrdId, reason: str) -> None:
        """Say that nobody can prove whether the broker has an order; it counts as live."""
        async with self._applying:
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
        async with self._turn():
            order = self._state.orders.get(cl_ord_id)
            if order is None:
                raise Refused(RefusalCode.UNKNOWN_ORDER, f"There is no order {cl_ord_id}.")
            changed = replace(edit(order), updated_at=self._clock.now())

            def work(uow: UnitOfWork, record: Record) -> None:
                uow.update_order(changed)
                for draft in drafts:
                    record(draft)

            await self._journal.write(work)
            self._publish(changed)
            return changed

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        # A cancel must not stand behind a report that the database refuses, which may be for ever.
        taking = self._tasks.spawn(self._applying.acquire(), "turn")
        refused = self._tasks.spawn(self._is_refused.wait(), "refusal")
        try:
            await asyncio.wait({taking, refused}, return_when=asyncio.FIRST_COMPLETED)
            if not taking.done() or taking.cancelled():
                raise StorageUnwritable("a report waits to be written")
            yield
        finally:
            refused.cancel()
            if not taking.cancel() and not taking.cancelled():
                self._applying.release()

    def hold(self, order: Order) -> None:
        """Keep a state in memory only, when the database refuses it (a cancel goes out all the same)."""
        self._publish(order)

    async def apply(self, report: ExecutionReport) -> None:
        """Book one report: order, fill, position, lots and audit in one unit of work.

        A report that was booked before changes nothing. If the database refuses, an alarm is
        raised and the same unit is tried again; later reports wait, none is lost.
        """
        async with self._applying:
            failpoint("oms.before_report")
            order = await self._find(report)
            before = order.ord_status if order is not None else None
            known = order or self._adopt(report)
            after = apply_report(known, report, self._clock.now())
            is_same = order is not None and replace(after, updated_at=order.updated_at) == order
            if is_same and report.fill is None:
                return
            booked = await self._book(known, after, report, is_new=order is None)
            failpoint("oms.after_report")
        if report.exec_type is ExecType.ORDER_STATUS and after.cum_qty > known.cum_qty:
            self.behind.add(after.cl_ord_id)
        if booked:
            self._judge(before, after, known, report)
            if after.ord_status is OrdStatus.REJECTED:
                await self.free_replaced(after, report.text)

    async def _find(self, report: ExecutionReport) -> Order | None:
        cl_ord_id = report.cl_ord_id
        return self._state.orders.get(cl_ord_id) or await self._store.read(lambda r: r.order(cl_ord_id))

    def _adopt(self, report: ExecutionReport) -> Order:
        now = self._clock.now()
        return Order(report.cl_ord_id, report.terms, now, now, order_id=report.order_id, external=True)

    async def _book(self, known: Order, after: Order, report: ExecutionReport, *, is_new: bool) -> bool:
        fill = report.fill
        action = ACTION_OF.get(report.exec_type, AuditAction.ORDER_CHANGED)
        draft = self.draft(action, after, report_facts(report))

        def work(uow: UnitOfWork, record: Record) -> Position | bool | None:
            if report.exec_type is not ExecType.ORDER_STATUS and not uow.insert_execution(report):
                return False
            if is_new:
                uow.insert_order(after, order_body(order_message(after)), "{}")
            else:
                uow.update_order(after)
            record(draft)
            return None if fill is None else self._book_fill(uow, fill)

        result = await self._until_written(work)
        if result is False:
            return False
        self._state.orders.put(after)
        if fill is not None and isinstance(result, Position):
            self._state.positions.put(result)
            self._state.account.book(fill.cash_flow)
            self._bus.publish(FillBooked(fill, result))
        self._bus.publish(OrderChanged(after))
        return True

    def _book_fill(self, uow: UnitOfWork, fill: Fill) -> Position:
        position, closes = apply_fill(self._state.positions.get(fill.symbol), fill)
        uow.insert_fill(fill)
        uow.save_position(position, closes)
        return position

    async def _until_written(self, work: Callable[[UnitOfWork, Record], T]) -> T:
        attempt = 0
        while True:
            try:
                result = await self._journal.write(work)
            except StorageError as error:
                self._state.book_writable = False
                self._is_refused.set()
                _log.error("report.unwritable", attempt=attempt, reason=str(error))
                text = f"The book cannot be written, so no order is let out; trying again. {error}"
                self._bus.publish(Notice(Severity.ALARM, text, "book"))
                await self._clock.sleep(_RETRY_S[min(attempt, len(_RETRY_S) - 1)])
                attempt += 1
            else:
                self._state.book_writable = True
                self._is_refused.clear()
                return result

    async def _persist(self, order: Order, drafts: Sequence[AuditDraft]) -> None:
        def work(uow: UnitOfWork, record: Record) -> None:
            uow.update_order(order)
            for draft in drafts:
                record(draft)

        # In memory first: what is unknown counts as live from now on, written or not.
        self._publish(order)
        await self._until_written(work)

    def _judge(self, before: OrdStatus | None, after: Order, known: Order, report: ExecutionReport) -> None:
        if before is not None and not is_legal(before, after.ord_status):
            words = order_in_words(after)
            text = f"{words} went from {before} to {after.ord_status}, which should not happen."
            self._bus.publish(Notice(Severity.ALARM, text, after.cl_ord_id))
        if after.is_overfilled:
            self.on_overfill(after)
        if known.gave_up and report.proves_acceptance and not after.gave_up:
            self.on_sighted(after)

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
