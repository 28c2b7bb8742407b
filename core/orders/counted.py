"""Orders out against orders in: what reaches the broker must have been written ahead, once each (B11).

The counter stands at the broker's door and knows nothing of the path that leads there, so it also sees what a
bug sends past it.
"""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from decimal import Decimal

from core.clock import Clock
from core.domain.breakers import BreakerName, BreakerRecord
from core.domain.execution import ExecutionReport, UnreadableOrder
from core.domain.outcomes import CashFlow
from core.domain.portfolio import Account, BrokerPosition, ShareMove
from core.domain.terms import NewOrderList, NewOrderSingle, OrderCancelReplaceRequest, OrderCancelRequest
from core.errors import BrokerUnavailable
from core.ids import ClOrdId
from core.orders.gather import LiveState
from core.orders.watching import Reading
from core.ports.broker import Broker

# From the book to the door it is no further than this, however busy the loop is.
PATIENCE_S = 5.0


class OrderCount:
    """Counts both sides by `cl_ord_id`. Lives on the core loop.

    Attributes:
        on_mismatch: told at once of an order that nobody asked for.
    """

    def __init__(self, state: LiveState, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._asked: dict[ClOrdId, tuple[int, float]] = {}
        self._unasked: list[ClOrdId] = []
        self.on_mismatch: Callable[[], None] = lambda: None

    def asked(self, cl_ord_id: ClOrdId) -> None:
        """Count a decision that is durable and is to be sent once."""
        owed, _ = self._asked.get(cl_ord_id, (0, 0.0))
        self._asked[cl_ord_id] = (owed + 1, self._clock.monotonic())

    def called_off(self, cl_ord_id: ClOrdId) -> None:
        """Forget a decision that was held back before the door; one that is sent again stays UNKNOWN."""
        self._asked.pop(cl_ord_id, None)

    def out(self, cl_ord_id: ClOrdId) -> None:
        """Count an order at the broker's door.

        Raises:
            BrokerUnavailable: nobody asked for it, so it is not let out.
        """
        owed, at = self._asked.pop(cl_ord_id, (0, 0.0))
        if owed > 1:
            self._asked[cl_ord_id] = (owed - 1, at)
        elif not owed:
            self._unasked.append(cl_ord_id)
            self.on_mismatch()
            raise BrokerUnavailable(f"{cl_ord_id} was not written ahead, so it is not let out")

    def _is_stuck(self, cl_ord_id: ClOrdId, at: float) -> bool:
        # Open in our book, not being sent, and never at the door.
        order = self._state.orders.get(cl_ord_id)
        is_left = order is not None and order.is_open and cl_ord_id not in self._state.in_flight
        return is_left and self._clock.monotonic() - at >= PATIENCE_S

    def readings(self) -> tuple[Reading, ...]:
        """Return the orders by which the two sides differ, since the last acknowledgement."""
        stuck = [each for each, (_, at) in self._asked.items() if self._is_stuck(each, at)]
        differ = (*self._unasked, *stuck)
        names = ", ".join(differ[:3])
        text = f"Orders that reached the broker's door and decisions in the book are not the same: {names}."
        return (Reading(BreakerName.ORDERS_OUT, Decimal(len(differ)), text),)

    def follow(self) -> None:
        """Forget the decisions that were called off at the last moment: nothing is owed of them."""
        for cl_ord_id in tuple(self._asked):
            order = self._state.orders.get(cl_ord_id)
            if order is not None and not order.is_open:
                del self._asked[cl_ord_id]

    def forget(self, record: BreakerRecord) -> None:
        """Begin anew."""
        if record.name is BreakerName.ORDERS_OUT:
            self._unasked.clear()
            self._asked.clear()


class CountedBroker:
    """The broker port, with the counter at its door."""

    def __init__(self, broker: Broker, count: OrderCount) -> None:
        self._broker = broker
        self._count = count

    async def connect(self) -> None:
        """Open the connection."""
        await self._broker.connect()

    async def close(self) -> None:
        """Close the connection."""
        await self._broker.close()

    async def submit(self, order: NewOrderSingle | NewOrderList) -> ExecutionReport:
        """Send an order that was asked for."""
        self._count.out(order.cl_ord_id)
        return await self._broker.submit(order)

    async def cancel(self, request: OrderCancelRequest) -> None:
        """Ask for an order's end; never counted, never held up."""
        await self._broker.cancel(request)

    async def cancel_all(self) -> bool:
        """Ask for the end of every order."""
        return await self._broker.cancel_all()

    async def replace(self, request: OrderCancelReplaceRequest) -> None:
        """Ask for a replacement that was asked for."""
        self._count.out(request.cl_ord_id)
        await self._broker.replace(request)

    async def order(self, cl_ord_id: ClOrdId) -> ExecutionReport | None:
        """Look one order up."""
        return await self._broker.order(cl_ord_id)

    async def open_orders(self) -> tuple[ExecutionReport, ...]:
        """List every order that works."""
        return await self._broker.open_orders()

    @property
    def unreadable(self) -> tuple[UnreadableOrder, ...]:
        """The orders that the newest list could only name."""
        return self._broker.unreadable

    async def positions(self) -> tuple[BrokerPosition, ...]:
        """List what is held."""
        return await self._broker.positions()

    async def account(self) -> Account:
        """Return the account."""
        return await self._broker.account()

    async def activities(self, since: datetime) -> tuple[ExecutionReport, ...]:
        """List reports at or after a market time."""
        return await self._broker.activities(since)

    async def cash_flows(self, since: datetime) -> tuple[CashFlow, ...]:
        """List the money that moved without a trade."""
        return await self._broker.cash_flows(since)

    async def share_moves(self, since: datetime) -> tuple[ShareMove, ...]:
        """List the shares that moved without a trade."""
        return await self._broker.share_moves(since)

    def reports(self) -> AsyncIterator[ExecutionReport]:
        """Deliver reports as they happen."""
        return self._broker.reports()
