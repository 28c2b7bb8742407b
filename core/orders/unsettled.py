"""UNKNOWN orders: asked for by their id until there is proof, or a person decides."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from core.bus import Bus
from core.clock import Clock
from core.domain.access import Actor, TradingState
from core.domain.audit import AuditAction
from core.domain.messages import CheckOrder, GiveUpOrder, OrderLookedUp, ResendOrder
from core.domain.order import Order
from core.domain.terms import OrdStatus
from core.errors import BrokerError, RefusalCode, Refused, StorageError
from core.ids import ClOrdId
from core.orders.again import SendingAgain
from core.orders.gather import LiveState
from core.orders.oms import OrderManagement
from core.orders.sending import Sending
from core.ports.broker import Broker
from core.tasks import Tasks

# Seconds between look-ups; afterwards every 20 s.
SCHEDULE_S = (0.5, 0.5, 1.0, 3.0, 5.0, 10.0, 10.0)
_SLOW_S = 20.0
# The broker must not have known it for this long, with the order stream up, before a person may settle it.
ASKING_S = 30.0
NOT_RECEIVED = "NOT_RECEIVED"

_log = structlog.get_logger("orders")


@dataclass(slots=True)
class Asking:
    """What was learned about one UNKNOWN order since asking began.

    Attributes:
        absent: answers "no such order" in a row.
        absent_since: monotonic seconds of the first of them; None before it.
    """

    tries: int = 0
    absent: int = 0
    absent_since: float | None = None


class Unsettled:
    """Watches each UNKNOWN order. Runs on the core loop."""

    def __init__(
        self,
        state: LiveState,
        broker: Broker,
        oms: OrderManagement,
        sending: Sending,
        again: SendingAgain,
        clock: Clock,
        bus: Bus,
        tasks: Tasks,
    ) -> None:
        self._state = state
        self._broker = broker
        self._oms = oms
        self._sending = sending
        self._again = again
        self._clock = clock
        self._bus = bus
        self._tasks = tasks
        self._asking: dict[ClOrdId, Asking] = {}
        self.on_resent: Callable[[ClOrdId], None] = lambda _: None
        oms.on_unknown = self.watch

    def watch(self, order: Order) -> None:
        """Begin to ask for an order, unless that is under way."""
        if order.cl_ord_id in self._asking:
            return
        self._asking[order.cl_ord_id] = Asking()
        self._tasks.spawn(self._watch(order.cl_ord_id), "unsettled")

    def stream_lost(self) -> None:
        """Start the count of absence anew: without the stream an absence proves nothing."""
        for asking in self._asking.values():
            asking.absent, asking.absent_since = 0, None

    async def _watch(self, cl_ord_id: ClOrdId) -> None:
        asking = self._asking[cl_ord_id]
        try:
            while self._is_unknown(cl_ord_id):
                wait = SCHEDULE_S[asking.tries] if asking.tries < len(SCHEDULE_S) else _SLOW_S
                await self._clock.sleep(wait)
                if self._is_unknown(cl_ord_id):
                    await self._look(cl_ord_id, asking)
        finally:
            self._asking.pop(cl_ord_id, None)

    def _is_unknown(self, cl_ord_id: ClOrdId) -> bool:
        order = self._state.orders.get(cl_ord_id)
        return order is not None and order.ord_status is OrdStatus.UNKNOWN

    async def _look(self, cl_ord_id: ClOrdId, asking: Asking) -> None:
        asking.tries += 1
        try:
            report = await self._broker.order(cl_ord_id)
        except BrokerError as error:
            await self._record(cl_ord_id, asking, f"no answer: {error}")
            return
        if report is not None:
            await self._oms.apply(report)
            await self._record(cl_ord_id, asking, f"found: {report.ord_status}")
            return
        if self._state.ready:
            asking.absent += 1
            if asking.absent_since is None:
                asking.absent_since = self._clock.monotonic()
        await self._record(cl_ord_id, asking, "the broker knows no such order")

    async def _record(self, cl_ord_id: ClOrdId, asking: Asking, answer: str) -> None:
        order = self._state.orders.get(cl_ord_id)
        if order is None:
            return
        draft = self._oms.draft(AuditAction.ORDER_LOOKED_UP, order, {"try": asking.tries, "answer": answer})
        try:
            await self._oms.change(cl_ord_id, lambda known: known, [draft])
        except StorageError as error:
            _log.error("look_up.unwritable", cl_ord_id=cl_ord_id, reason=str(error))
        following = SCHEDULE_S[asking.tries] if asking.tries < len(SCHEDULE_S) else _SLOW_S
        still = self._is_unknown(cl_ord_id)
        event = OrderLookedUp(order, asking.tries, following if still else None, self.may_settle(cl_ord_id))
        self._bus.publish(event)

    def may_settle(self, cl_ord_id: ClOrdId) -> bool:
        """Say whether the broker was asked for long enough, in vain, with the order stream up."""
        asking = self._asking.get(cl_ord_id)
        if asking is None or asking.absent_since is None or asking.absent < 2 or not self._state.ready:
            return False
        return self._clock.monotonic() - asking.absent_since >= ASKING_S

    async def check(self, command: CheckOrder, actor: Actor) -> Order:
        """Ask for an UNKNOWN order now."""
        del actor
        order = self._unknown(command.cl_ord_id)
        self.watch(order)
        await self._look(order.cl_ord_id, self._asking[order.cl_ord_id])
        return self._state.orders.get(order.cl_ord_id) or order

    async def resend(self, command: ResendOrder, actor: Actor) -> Order:
        """Send the same id and body again: it cannot double, for the broker takes an id once.

        Raises:
            Refused: `ORDER_NOT_UNKNOWN`, `STILL_ASKING` while the broker was not asked for long enough,
                `HALTED`: unless trading is active, nothing leaves that may open a position; or as the rules
                and the gate refuse by the facts of now.
        """
        await self._again.pass_or_refuse(self._sendable(command.cl_ord_id), actor)
        order = self._sendable(command.cl_ord_id)
        # That it was not known before proves nothing about what is sent now.
        asking = self._asking[order.cl_ord_id]
        asking.absent, asking.absent_since = 0, None
        draft = self._oms.draft(AuditAction.ORDER_RESENT, order, {}, actor)

        def edit(known: Order) -> Order:
            self._demand_unknown(known)
            # Whoever sends it again wants it after all, whatever was asked for before.
            return replace(known, unknown=False, pending=None, sent_at=self._clock.now())

        await self._oms.change(order.cl_ord_id, edit, [draft])
        self.on_resent(order.cl_ord_id)
        sent = await self._sending.carry_out(order)
        if self._is_unknown(order.cl_ord_id):
            await self._look(order.cl_ord_id, asking)
        return self._state.orders.get(order.cl_ord_id) or sent

    async def give_up(self, command: GiveUpOrder, actor: Actor) -> Order:
        """End the waiting: REJECTED, reason NOT_RECEIVED, with what was asked and answered as evidence."""
        order = self._settleable(command.cl_ord_id)
        asking = self._asking[order.cl_ord_id]
        evidence = f"{NOT_RECEIVED}: asked {asking.tries} times, {asking.absent} times not known"
        draft = self._oms.draft(AuditAction.ORDER_GIVEN_UP, order, {"evidence": evidence}, actor)

        def edit(known: Order) -> Order:
            self._demand_unknown(known)
            return replace(
                known, ended=OrdStatus.REJECTED, unknown=False, pending=None, gave_up=True, text=evidence
            )

        ended = await self._oms.change(order.cl_ord_id, edit, [draft])
        await self._oms.free_replaced(ended, evidence)
        return ended

    def _unknown(self, cl_ord_id: ClOrdId) -> Order:
        order = self._state.orders.get(cl_ord_id)
        if order is None:
            raise Refused(RefusalCode.UNKNOWN_ORDER, f"There is no order {cl_ord_id}.")
        self._demand_unknown(order)
        return order

    def _demand_unknown(self, order: Order) -> None:
        # Asked again when the change is made: a report may have told meanwhile.
        if order.ord_status is not OrdStatus.UNKNOWN:
            raise Refused(RefusalCode.ORDER_NOT_UNKNOWN, f"The order's state is known: {order.ord_status}.")

    def _sendable(self, cl_ord_id: ClOrdId) -> Order:
        order = self._settleable(cl_ord_id)
        if self._state.in_force is not TradingState.ACTIVE:
            raise Refused(RefusalCode.HALTED, "Trading is not active, so nothing is sent again.")
        return order

    def _settleable(self, cl_ord_id: ClOrdId) -> Order:
        order = self._unknown(cl_ord_id)
        if not self.may_settle(cl_ord_id):
            text = f"The broker must be asked for {ASKING_S:.0f} s first, with the order stream up."
            raise Refused(RefusalCode.STILL_ASKING, text)
        return order
