"""What a broker and its market must be able to do, so that the broker contract can be held against it."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from core.domain.execution import ExecType, ExecutionReport
from core.domain.terms import OrderCancelReplaceRequest, OrderCancelRequest, OrderTerms, OrdStatus, Side
from core.ids import ClOrdId, ExecId, OrderId, Symbol
from core.ports.broker import Broker
from tests.builders import AAPL, single, terms

MSFT = Symbol("MSFT")
BUY, SELL = Side.BUY, Side.SELL


class BrokerHarness(Protocol):
    """A broker and its market, moved by hand.

    Two symbols are known, both in cents: AAPL in whole shares, which nobody lends; MSFT also in parts of a
    share, and to be sold short where the account may. AAPL stands at 100.00 to 100.02 at first, MSFT at the
    same. The market day is 09:30 to 16:00 in New York, and it has just begun.
    """

    broker: Broker

    async def quote(
        self, bid: str, ask: str, bid_size: int = 1000, ask_size: int = 1000, symbol: Symbol = AAPL
    ) -> None:
        """Show a new quote without a trade; in a closed market it is one of extended hours."""
        ...

    async def trade(self, px: str, size: int = 100, symbol: Symbol = AAPL) -> None:
        """Let others trade at a price; the quote stands as it was."""
        ...

    async def close_market(self, px: str | None = None) -> None:
        """Ring the closing bell; with a price, AAPL's closing auction is at it."""
        ...

    async def open_market(self, px: str | None = None) -> None:
        """Ring the opening bell of the next day; with a price, AAPL's opening auction is at it."""
        ...

    async def turn_to(self, hour: int, minute: int) -> None:
        """Let market time pass to a time in New York, later on the same day; no bell is rung on the way."""
        ...

    async def permit_short(self) -> None:
        """Let the account sell what it does not hold."""
        ...

    async def bust(self, exec_id: ExecId) -> None:
        """Take a fill back."""
        ...

    async def correct(self, exec_id: ExecId, px: str) -> None:
        """Correct the price of a fill."""
        ...

    async def move_cash(self, amount: str) -> None:
        """Pay dollars in, or out where it is negative, as the owner does."""
        ...

    async def external(self, body: OrderTerms) -> OrderId:
        """Place an order from elsewhere."""
        ...

    async def lose_answer(self) -> None:
        """Let the next submit arrive, and its answer get lost."""
        ...

    async def lose_request(self) -> None:
        """Let the next submit get lost on its way."""
        ...

    async def disconnect(self) -> None:
        """Cut the report stream."""
        ...

    async def next_report(self) -> ExecutionReport:
        """Return the next report of the stream; raises what the stream raises."""
        ...

    def now(self) -> datetime:
        """Return market time."""
        ...


async def state(harness: BrokerHarness, cl_ord_id: str) -> tuple[OrdStatus, Decimal]:
    report = await harness.broker.order(ClOrdId(cl_ord_id))
    assert report is not None
    assert report.exec_type is ExecType.ORDER_STATUS
    return report.ord_status, report.cum_qty


async def fills(harness: BrokerHarness, cl_ord_id: str) -> list[tuple[Decimal, Decimal]]:
    reports = await harness.broker.activities(harness.now() - timedelta(days=30))
    found = [report.fill for report in reports if report.cl_ord_id == cl_ord_id]
    return [(fill.last_qty, fill.last_px) for fill in found if fill is not None]


async def position(harness: BrokerHarness, symbol: Symbol = AAPL) -> Decimal:
    return next((held.qty for held in await harness.broker.positions() if held.symbol == symbol), Decimal(0))


async def working(harness: BrokerHarness) -> dict[ClOrdId, ExecutionReport]:
    return {report.cl_ord_id: report for report in await harness.broker.open_orders()}


async def hold(harness: BrokerHarness, qty: int) -> None:
    await harness.quote("100.00", "100.02", ask_size=qty)
    await harness.broker.submit(single("IQ-hold", terms(BUY, qty)))


def cancel(cl_ord_id: str, order_id: str | None = None) -> OrderCancelRequest:
    return OrderCancelRequest(ClOrdId(cl_ord_id), order_id)


def swap(new: str, old: str, body: OrderTerms) -> OrderCancelReplaceRequest:
    return OrderCancelReplaceRequest(ClOrdId(new), ClOrdId(old), None, body)
