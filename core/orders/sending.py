"""The one door out: each written order is sent once, and its answer, or the lack of one, is booked."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import TypeVar

import structlog
from structlog.contextvars import bind_contextvars

from core.bus import Bus
from core.clock import Clock
from core.domain.access import TradingState
from core.domain.breakers import BreakerRecord
from core.domain.messages import AckMeasured
from core.domain.order import Order, Pending
from core.domain.terms import OrderCancelReplaceRequest
from core.errors import BrokerRejected, BrokerUnavailable, StorageError
from core.failpoints import failpoint
from core.ids import ClOrdId
from core.orders.bodies import order_message
from core.orders.gather import LiveState
from core.orders.latency import AckTimes
from core.orders.oms import OrderManagement
from core.orders.reducing import is_proven_exit
from core.orders.refusals import NOT_SENT, refusal
from core.ports.broker import Broker
from core.tasks import Tasks

T = TypeVar("T")

_log = structlog.get_logger("orders")


class Sending:
    """Calls the broker with orders. Runs on the core loop."""

    def __init__(
        self, state: LiveState, broker: Broker, oms: OrderManagement, clock: Clock, bus: Bus, tasks: Tasks
    ) -> None:
        self._state = state
        self._broker = broker
        self._oms = oms
        self._clock = clock
        self._bus = bus
        self._tasks = tasks
        self._acks = AckTimes()
        self._sending: dict[ClOrdId, asyncio.Task[Order]] = {}
        self._closing: set[ClOrdId] = set()
        self.on_error: Callable[[Exception], None] = lambda _: None
        self.on_held_back: Callable[[ClOrdId], None] = lambda _: None

    async def carry_out(self, order: Order, *, closes: bool = False) -> Order:
        """Send to the end, whoever stops waiting: a decision that is written is carried out.

        Args:
            order: as it was written ahead.
            closes: it belongs to the kill switch: a halt lets it pass while it provably lessens a position.
        """
        if closes:
            self._closing.add(order.cl_ord_id)
        self._state.in_flight.add(order.cl_ord_id)
        sending = self._tasks.spawn(self.send(order), "send")
        self._sending[order.cl_ord_id] = sending
        sending.add_done_callback(lambda _: self._landed(order.cl_ord_id))
        return await asyncio.shield(sending)

    def _landed(self, cl_ord_id: ClOrdId) -> None:
        self._state.in_flight.discard(cl_ord_id)
        self._closing.discard(cl_ord_id)
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
        bind_contextvars(
            cl_ord_id=order.cl_ord_id
        )  # of this task: whatever is logged on the way names the order
        failpoint("oms.before_send")
        begun = self._clock.monotonic()
        try:
            self._refuse_if_stopped(order)
            if order.orig_cl_ord_id is None:
                report = await self._broker.submit(order_message(order))
                self._measure(begun)
                failpoint("oms.after_send")
                await self._oms.apply(report)
            else:
                await self._begin_replacing(order)
                self._refuse_if_stopped(order)
                await self._broker.replace(self._replace_request(order))
                failpoint("oms.after_send")
        except BrokerRejected as error:
            if order.unknown:  # refused, maybe, for what the first one holds: of that nobody knows still
                await self._oms.mark_unknown(order.cl_ord_id, f"Refused when sent again: {error.text}")
            else:
                await self._oms.apply(refusal(order, error.text, self._clock.now()))
        except BrokerUnavailable as error:
            self.on_error(error)
            if order.unknown:  # this time it did not leave; of the first time nobody knows
                await self._oms.mark_unknown(order.cl_ord_id, f"Not sent again: {error}")
            else:
                await self._oms.apply(refusal(order, f"{NOT_SENT}{error}", self._clock.now()))
        except Exception as error:  # bytes may have left, so a bug proves as little as a time-out
            await self._oms.mark_unknown(order.cl_ord_id, str(error))
        return self._state.orders.get(order.cl_ord_id) or order

    def _refuse_if_stopped(self, order: Order) -> None:
        # Asked again at the last moment: the state may have changed while the order was written.
        reason = self._why_held_back(order)
        if reason:
            self.on_held_back(order.cl_ord_id)
            raise BrokerUnavailable(reason)

    def _why_held_back(self, order: Order) -> str:
        state, pause = self._state.in_force, self._pause(order)
        if state is TradingState.ACTIVE and self._state.ready and pause is None:
            return ""
        is_halted = state is None or state is TradingState.HALTED
        if is_halted and order.cl_ord_id not in self._closing:
            return "trading was halted meanwhile"
        if is_proven_exit(self._state, order):
            return ""
        if pause is not None:
            return f"the way that it came is paused: {pause.text}"
        if state is TradingState.ACTIVE:
            return "the order stream was lost meanwhile, and nothing is opened without it"
        return "positions may only be reduced now, and this order might not"

    def _pause(self, order: Order) -> BreakerRecord | None:
        found = (
            each for each in self._state.tripped if order.origin is not None and each.pauses(order.origin)
        )
        return next(found, None)

    async def _begin_replacing(self, order: Order) -> None:
        old = self._state.orders.get(ClOrdId(order.orig_cl_ord_id or ""))
        if old is None or not old.is_open:
            return
        try:
            await self._oms.change(old.cl_ord_id, lambda known: replace(known, pending=Pending.REPLACE), [])
        except StorageError as error:
            _log.error("replace.unwritable", cl_ord_id=old.cl_ord_id, reason=str(error))
            self._oms.hold(replace(old, pending=Pending.REPLACE, updated_at=self._clock.now()))

    def _replace_request(self, order: Order) -> OrderCancelReplaceRequest:
        original = ClOrdId(order.orig_cl_ord_id or "")
        known = self._state.orders.get(original)
        order_id = None if known is None else known.order_id
        return OrderCancelReplaceRequest(order.cl_ord_id, original, order_id, order.terms)

    def _measure(self, begun: float) -> None:
        elapsed = (self._clock.monotonic() - begun) * 1000.0
        self._bus.publish(AckMeasured(elapsed, self._acks.add(elapsed)))
