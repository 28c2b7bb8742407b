"""The order management: write ahead, send once, apply what comes back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

import structlog

from core.bus import Bus
from core.clock import Clock
from core.domain.access import Actor, TradingState
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.execution import ExecType, ExecutionReport, Fill
from core.domain.messages import AckMeasured, FillBooked, Notice, OrderChanged, Severity
from core.domain.order import Order, Pending, apply_report, is_legal
from core.domain.portfolio import Position
from core.domain.terms import NewOrderSingle, OrderCancelReplaceRequest, OrdStatus
from core.errors import (
    BrokerRejected,
    BrokerUnavailable,
    RefusalCode,
    Refused,
    StorageError,
    StorageUnwritable,
)
from core.failpoints import failpoint
from core.ids import ClOrdId
from core.orders.bodies import order_body, order_in_words, report_facts
from core.orders.gather import LiveState
from core.orders.latency import AckTimes
from core.orders.refusals import ACTION_OF, refusal
from core.portfolio.lots import apply_fill
from core.ports.broker import Broker
from core.ports.journal import Journal, Record
from core.ports.storage import Store, UnitOfWork
from core.tasks import Tasks

_RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
T = TypeVar("T")

_log = structlog.get_logger("orders")


class OrderManagement:
    """Owns every order's way from intent to its end. Runs on the core loop.

    Reports are applied one at a time: row, fill, position, lots and audit records are one unit of
    work each. `behind` names orders of which a status told more shares than the fills that came.
    """

    def __init__(
        self,
        state: LiveState,
        broker: Broker,
        store: Store,
        journal: Journal,
        clock: Clock,
        bus: Bus,
        desk: Actor,
        tasks: Tasks,
    ) -> None:
        self._state = state
        self._broker = broker
        self._store = store
        self._journal = journal
        self._clock = clock
        self._bus = bus
        self._desk = desk
        self._tasks = tasks
        self._applying = asyncio.Lock()
        self._is_refused = asyncio.Event()
        self._acks = AckTimes()
        self.behind: set[ClOrdId] = state.behind
        self.in_flight: set[ClOrdId] = set()
        self._sending: dict[ClOrdId, asyncio.Task[Order]] = {}
        self.on_unknown: Callable[[Order], None] = lambda _: None
        self.on_sighted: Callable[[Order], None] = lambda _: None
        self.on_overfill: Callable[[Order], None] = lambda _: None

    async def carry_out(self, order: Order) -> Order:
        """Send to the end, whoever stops waiting: a decision that is written is carried out."""
        self.in_flight.add(order.cl_ord_id)
        sending = self._tasks.spawn(self.send(order), "send")
        self._sending[order.cl_ord_id] = sending
        sending.add_done_callback(lambda _: self._landed(order.cl_ord_id))
        return await asyncio.shield(sending)

    def _landed(self, cl_ord_id: ClOrdId) -> None:
        self.in_flight.discard(cl_ord_id)
        self._sending.pop(cl_ord_id, None)

    async def wait_for(self, cl_ord_id: ClOrdId) -> bool:
        """Wait until an order's sending has ended; False if it was not being sent."""
        sending = self._sending.get(cl_ord_id)
        if sending is not None:
            await asyncio.wait({sending})
        return sending is not None

    async def see_through(self, work: Coroutine[object, object, T], name: str) -> T:
        """Do to the end what was begun, whoever stops waiting."""
        return await asyncio.shield(self._tasks.spawn(work, name))

    async def send(self, order: Order) -> Order:
        """Call the broker, once, and book its answer, or UNKNOWN for the lack of one."""
        failpoint("oms.before_send")
        begun = self._clock.monotonic()
        try:
            self._refuse_if_halted()
            if order.orig_cl_ord_id is None:
                report = await self._broker.submit(NewOrderSingle(order.cl_ord_id, order.terms))
                self._measure(begun)
                failpoint("oms.after_send")
                await self.apply(report)
            else:
                await self._begin_replacing(order)
                self._refuse_if_halted()
                await self._broker.replace(self._replace_request(order))
                failpoint("oms.after_send")
        except BrokerRejected as error:
            await self.apply(refusal(order, error.text, self._clock.now()))
        except BrokerUnavailable as error:
            if order.unknown:  # this time it did not leave; of the first time nobody knows
                await self.mark_unknown(order.cl_ord_id, f"Not sent again: {error}")
            else:
                await self.apply(refusal(order, f"Not sent: {error}", self._clock.now()))
        except Exception as error:  # bytes may have left, so a bug proves as little as a time-out
            await self.mark_unknown(order.cl_ord_id, str(error))
        return self._state.orders.get(order.cl_ord_id) or order

    def _refuse_if_halted(self) -> None:
        if self._state.trading_state is TradingState.HALTED:
            raise BrokerUnavailable("trading was halted meanwhile")

    async def _begin_replacing(self, order: Order) -> None:
        old = self._state.orders.get(ClOrdId(order.orig_cl_ord_id or ""))
        if old is None or not old.is_open:
            return
        try:
            await self.change(old.cl_ord_id, lambda known: replace(known, pending=Pending.REPLACE), [])
        except StorageError as error:
            _log.error("replace.unwritable", cl_ord_id=old.cl_ord_id, reason=str(error))
            self.hold(replace(old, pending=Pending.REPLACE, updated_at=self._clock.now()))

    async def free_replaced(self, order: Order, reason: str) -> None:
        """Let the order that this one was to replace work on."""
        async with self._applying:
            old = self._state.orders.get(ClOrdId(order.orig_cl_ord_id or ""))
            if old is None or old.pending is not Pending.REPLACE:
                return
            draft = self.draft(AuditAction.REPLACE_REFUSED, old, {"reason": reason})
            await self._persist(replace(old, pending=None, updated_at=self._clock.now()), [draft])

    def _replace_request(self, order: Order) -> OrderCancelReplaceRequest:
        original = ClOrdId(order.orig_cl_ord_id or "")
        known = self._state.orders.get(original)
        order_id = None if known is None else known.order_id
        return OrderCancelReplaceRequest(order.cl_ord_id, original, order_id, order.terms)

    def _measure(self, begun: float) -> None:
        elapsed = (self._clock.monotonic() - begun) * 1000.0
        self._bus.publish(AckMeasured(elapsed, self._acks.add(elapsed)))

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
                uow.insert_order(after, order_body(NewOrderSingle(after.cl_ord_id, after.terms)), "{}")
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
