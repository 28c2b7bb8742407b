"""Cancelling: no throttle, no confirmation, and it goes out even when it cannot be recorded."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import structlog
from structlog.contextvars import bound_contextvars

from core.clock import Clock
from core.domain.access import Actor
from core.domain.audit import AuditAction
from core.domain.execution import ExecutionReport
from core.domain.messages import CancelOrder, CancelOrders
from core.domain.order import Order, Pending
from core.domain.terms import OrderCancelRequest
from core.errors import BrokerRejected, BrokerUnavailable, OutcomeUnknown, RefusalCode, Refused, StorageError
from core.ids import ClOrdId
from core.orders.gather import LiveState
from core.orders.oms import OrderManagement
from core.orders.sending import Sending
from core.ports.broker import Broker
from core.ports.journal import Journal

_log = structlog.get_logger("orders")


class Exits:
    """Asks the broker for the end of orders; only its report ends one."""

    def __init__(
        self,
        state: LiveState,
        broker: Broker,
        oms: OrderManagement,
        sending: Sending,
        journal: Journal,
        clock: Clock,
        desk: Actor,
    ) -> None:
        self._state = state
        self._broker = broker
        self._oms = oms
        self._sending = sending
        self._journal = journal
        self._clock = clock
        self._desk = desk

    async def cancel(self, command: CancelOrder, actor: Actor) -> None:
        """Ask for one order's end.

        Raises:
            Refused: `UNKNOWN_ORDER`, `ORDER_NOT_OPEN`, or the broker's own words.
        """
        order = self._state.orders.get(command.cl_ord_id)
        if order is None:
            raise Refused(RefusalCode.UNKNOWN_ORDER, f"There is no order {command.cl_ord_id}.")
        if not order.is_open:
            raise Refused(RefusalCode.ORDER_NOT_OPEN, f"The order has ended: {order.ord_status}.")
        await self._ask(order, actor)

    async def cancel_all(self, command: CancelOrders, actor: Actor) -> int:
        """Ask for the end of every open order of ours, of one symbol or of all.

        Returns:
            How many requests arrived at the broker.
        """
        ours = [order for order in self._state.orders.open(command.symbol) if not order.external]
        answers = await asyncio.gather(*(self._ask(order, actor) for order in ours), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, Refused):
                raise answer
        return sum(answer is None for answer in answers)

    async def cancel_sighted(self, order: Order) -> None:
        """End an order that was given up as not received, and was seen at the broker after all."""
        try:
            await self._ask(order, self._desk)
        except Refused:
            known = self._state.orders.get(order.cl_ord_id)
            if known is not None and known.is_open:
                await self._note(known, self._desk)  # each comparison with the broker asks again
            raise

    async def carry_out_wish(self, order: Order) -> None:
        """End an order that was to be cancelled before anybody could say whether the broker has it."""
        # Where this does not get through, each comparison with the broker asks again.
        with suppress(BrokerRejected, BrokerUnavailable, OutcomeUnknown):
            await self._request(order)

    async def _ask(self, order: Order, actor: Actor) -> None:
        with bound_contextvars(cl_ord_id=order.cl_ord_id):
            await self._note_and_request(order, actor)

    async def _note_and_request(self, order: Order, actor: Actor) -> None:
        await self._note(order, actor)
        try:
            await self._request(order)
        except OutcomeUnknown as error:
            # It stays PENDING_CANCEL, and live, until a report or a look-up tells.
            _log.warning("cancel.unknown", cl_ord_id=order.cl_ord_id, reason=str(error))
        except (BrokerRejected, BrokerUnavailable) as error:
            if not self._is_unproven(order.cl_ord_id):
                await self._undo(order.cl_ord_id, actor, str(error))
            elif isinstance(error, BrokerRejected):
                # It may arrive later; the wish stays, and is carried out as soon as it is sighted.
                _log.info("cancel.waits", cl_ord_id=order.cl_ord_id, reason=str(error))
                return
            raise Refused(RefusalCode.BROKER_REFUSED, f"The broker did not cancel it: {error}") from error

    async def _request(self, order: Order) -> None:
        request = OrderCancelRequest(order.cl_ord_id, order.order_id)
        try:
            await self._broker.cancel(request)
        except BrokerRejected:
            # A cancel may overtake the order that it is to end; "unknown" then proves nothing.
            if not await self._sending.wait_for(order.cl_ord_id):
                raise
            known = self._state.orders.get(order.cl_ord_id)
            if known is None or not known.is_open:
                raise
            await self._broker.cancel(request)

    def _is_unproven(self, cl_ord_id: ClOrdId) -> bool:
        # That the broker did not cancel it proves nothing about an order that it has never shown.
        order = self._state.orders.get(cl_ord_id)
        return order is not None and order.is_open and not order.acked

    async def _note(self, order: Order, actor: Actor) -> None:
        draft = self._oms.draft(AuditAction.CANCEL_REQUESTED, order, {}, actor)
        try:
            await self._oms.change(
                order.cl_ord_id, lambda known: replace(known, pending=Pending.CANCEL), [draft]
            )
        except StorageError as error:
            _log.error("cancel.unwritable", cl_ord_id=order.cl_ord_id, reason=str(error))
            self._journal.note(draft)
            self._hold(order.cl_ord_id, Pending.CANCEL)

    def _hold(self, cl_ord_id: ClOrdId, pending: Pending | None) -> None:
        # As it is by now: it may have filled, or ended, while the database was waited for.
        order = self._state.orders.get(cl_ord_id)
        if order is not None and order.is_open:
            self._oms.hold(replace(order, pending=pending, updated_at=self._clock.now()))

    async def _undo(self, cl_ord_id: ClOrdId, actor: Actor, reason: str) -> None:
        order = self._state.orders.get(cl_ord_id)
        if order is None:
            return
        draft = self._oms.draft(AuditAction.CANCEL_REFUSED, order, {"reason": reason}, actor)
        try:
            await self._oms.change(cl_ord_id, lambda known: replace(known, pending=None), [draft])
        except StorageError:
            self._journal.note(draft)
            self._hold(cl_ord_id, None)
        report = await self._look_up(cl_ord_id)
        if report is not None and self._state.book_writable:
            await self._oms.apply(report)

    async def _look_up(self, cl_ord_id: ClOrdId) -> ExecutionReport | None:
        try:
            return await self._broker.order(cl_ord_id)
        except (BrokerUnavailable, OutcomeUnknown, BrokerRejected):
            return None
