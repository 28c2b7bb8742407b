"""Asking the broker for one order, and what follows from its answer."""

from contextlib import suppress
from dataclasses import replace

from core.bus import Bus
from core.domain.execution import ExecutionReport
from core.domain.messages import Notice, Severity
from core.domain.order import Order, Pending
from core.domain.terms import OrderCancelRequest
from core.errors import BrokerError
from core.ids import ClOrdId
from core.orders.gather import LiveState
from core.orders.oms import OrderManagement
from core.orders.unsettled import Unsettled
from core.ports.broker import Broker


class LookUps:
    """Draws the conclusions of a look-up or a listing. Runs on the core loop."""

    def __init__(
        self, state: LiveState, broker: Broker, oms: OrderManagement, unsettled: Unsettled, bus: Bus
    ) -> None:
        self._state = state
        self._broker = broker
        self._oms = oms
        self._unsettled = unsettled
        self._bus = bus

    async def ask(self, order: Order) -> ExecutionReport | None:
        """Ask for one order that we think is open, and book the answer.

        Returns:
            The answer; None where the broker knows no such order, from which nothing is concluded but that
            an order it never acknowledged is UNKNOWN.

        Raises:
            BrokerUnavailable, OutcomeUnknown: the query failed.
        """
        report = await self._broker.order(order.cl_ord_id)
        if report is not None:
            await self._oms.apply(report)
            await self.repeat_wish(report)
        elif order.unknown:
            self._unsettled.watch(order)
        elif not order.acked and order.cl_ord_id not in self._state.in_flight:
            await self._oms.mark_unknown(order.cl_ord_id, "not in the broker's book after a reconnect")
        elif order.acked:
            text = f"{order.symbol}: an accepted order is not in the broker's book; it still counts as live."
            self._bus.publish(Notice(Severity.ALARM, text, order.cl_ord_id))
        return report

    async def repeat_wish(self, report: ExecutionReport) -> None:
        """Ask again for what a person wanted of an order that the broker shows at work."""
        order = self._state.orders.get(report.cl_ord_id)
        if order is None or not order.is_open:
            return
        if order.pending is Pending.CANCEL:
            # The request may have been lost: asking twice does no harm. Where it does not get through, the
            # next comparison asks again, and this one goes on: other orders have fills to be found.
            with suppress(BrokerError):
                await self._broker.cancel(OrderCancelRequest(order.cl_ord_id, report.order_id))
        if order.pending is Pending.REPLACE and not self._has_open_replacement(order.cl_ord_id):
            await self._oms.change(order.cl_ord_id, lambda known: replace(known, pending=None), [])

    def _has_open_replacement(self, cl_ord_id: ClOrdId) -> bool:
        return any(order.orig_cl_ord_id == cl_ord_id for order in self._state.orders.open())
