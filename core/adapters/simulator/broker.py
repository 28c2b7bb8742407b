"""The embedded exchange behind the broker port: latency, faults, and the stream of reports."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime

from core.adapters.simulator.exchange import Exchange
from core.adapters.simulator.faults import Call, Faults
from core.adapters.simulator.wire import Wire
from core.clock import Clock
from core.domain.execution import ExecutionReport, UnreadableOrder
from core.domain.outcomes import CashFlow
from core.domain.portfolio import Account, BrokerPosition, ShareMove
from core.domain.terms import NewOrderList, NewOrderSingle, OrderCancelReplaceRequest, OrderCancelRequest
from core.errors import BrokerUnavailable, OutcomeUnknown
from core.ids import ClOrdId

_MOST_UNREAD = 10_000


class SimulatedBroker:
    """The broker port on an `Exchange`; without latency and faults it is also the port's fake."""

    def __init__(self, exchange: Exchange, faults: Faults, clock: Clock) -> None:
        self._exchange = exchange
        self._faults = faults
        self._wire = Wire(exchange, faults, clock)
        self._unread: deque[ExecutionReport] = deque()
        self._held: list[ExecutionReport] = []
        self._wake = asyncio.Event()
        self._connected = False
        self._lost = False
        exchange.listen(self._deliver)
        faults.when_disconnected(self.drop_stream)

    async def connect(self) -> None:
        """Open the connection; what is not delivered from an earlier one stays with `activities`."""
        await self._wire.travel()
        if self._faults.refuses(Call.CONNECT):
            raise BrokerUnavailable("the exchange does not answer")
        self._unread.clear()
        self._held.clear()
        self._connected, self._lost = True, False
        self._wake = asyncio.Event()

    async def close(self) -> None:
        """End the report stream; working orders stay."""
        self._connected = False
        self._wake.set()

    async def submit(self, order: NewOrderSingle | NewOrderList) -> ExecutionReport:
        """Send an order."""
        await self._wire.arrive(Call.SUBMIT)
        with _knowing():
            ack = self._exchange.submit(order)
        await self._wire.bring_back(Call.SUBMIT)
        return ack

    async def cancel(self, request: OrderCancelRequest) -> None:
        """Ask for an order's end."""
        await self._wire.arrive(Call.CANCEL)
        with _knowing():
            self._exchange.cancel(request)
        await self._wire.bring_back(Call.CANCEL)

    async def cancel_all(self) -> bool:
        """Ask for the end of every order."""
        await self._wire.arrive(Call.CANCEL)
        with _knowing():
            for report in self._exchange.open_orders():
                self._exchange.cancel(OrderCancelRequest(report.cl_ord_id, report.order_id))
        await self._wire.bring_back(Call.CANCEL)
        return True

    async def replace(self, request: OrderCancelReplaceRequest) -> None:
        """Ask for a replacement."""
        await self._wire.arrive(Call.REPLACE)
        with _knowing():
            self._exchange.replace(request)
        await self._wire.bring_back(Call.REPLACE)

    async def order(self, cl_ord_id: ClOrdId) -> ExecutionReport | None:
        """Look one order up."""
        await self._wire.query(Call.ORDER)
        return self._exchange.order(cl_ord_id)

    async def open_orders(self) -> tuple[ExecutionReport, ...]:
        """List all that works."""
        await self._wire.query(Call.OPEN_ORDERS)
        return self._exchange.open_orders()

    @property
    def unreadable(self) -> tuple[UnreadableOrder, ...]:
        """Name no order: the exchange speaks our words."""
        return ()

    async def positions(self) -> tuple[BrokerPosition, ...]:
        """List what is held."""
        await self._wire.query(Call.POSITIONS)
        return self._exchange.positions()

    async def account(self) -> Account:
        """Return cash, equity and buying power."""
        await self._wire.query(Call.ACCOUNT)
        return self._exchange.account()

    async def activities(self, since: datetime) -> tuple[ExecutionReport, ...]:
        """List reports at or after a market time."""
        await self._wire.query(Call.ACTIVITIES)
        return self._exchange.activities(since)

    async def share_moves(self, since: datetime) -> tuple[ShareMove, ...]:
        """List nothing: no company of this exchange changes its symbol."""
        del since
        return ()

    async def cash_flows(self, since: datetime) -> tuple[CashFlow, ...]:
        """List what was paid in and out."""
        await self._wire.query(Call.ACTIVITIES)
        return self._exchange.cashier.flows(since)

    async def reports(self) -> AsyncIterator[ExecutionReport]:
        """Deliver reports as they happen; for one reader."""
        while True:
            while self._unread:
                yield self._unread.popleft()
            if self._lost:
                raise BrokerUnavailable("the report stream was lost")
            if not self._connected:
                return
            self._wake.clear()
            await self._wake.wait()

    def drop_stream(self) -> None:
        """Lose the report stream with all that was not read yet."""
        self._lost = True
        self._unread.clear()
        self._held.clear()
        self._wake.set()

    def _deliver(self, report: ExecutionReport) -> None:
        if not self._connected or self._lost:
            return
        if self._faults.cuts_stream():
            self.drop_stream()
            return
        copies = [report] * self._faults.copies_of_report()
        held = self._faults.held_size()
        if held:
            self._held.extend(copies)
            if len(self._held) < held:
                return
            copies = self._held[::-1]
            self._held.clear()
            self._faults.release_hold()
        if len(self._unread) + len(copies) > _MOST_UNREAD:
            # Nobody reads: cut the stream rather than grow; a reader reconnects and asks `activities`.
            self.drop_stream()
            return
        self._unread.extend(copies)
        self._wake.set()


@contextmanager
def _knowing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutcomeUnknown("the exchange cannot write its ledger") from error
