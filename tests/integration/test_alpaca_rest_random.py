"""Whatever is sent, lost and doubled: what Alpaca's adapter has told adds up to what the server knows."""

import asyncio
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from core.adapters.alpaca.broker import AlpacaBroker
from core.clock import SystemClock
from core.domain.access import Mode
from core.domain.credentials import AlpacaCredentials
from core.domain.execution import ExecutionReport, Fill
from core.domain.order import Order, apply_report
from core.domain.terms import (
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    OrdStatus,
    Side,
)
from core.errors import BrokerError
from core.ids import ClOrdId, ExecId
from core.settings import AlpacaAddresses
from tests.builders import AAPL, NOON, single, terms
from tests.scale import examples
from tests.servers.alpaca.server import AlpacaServer

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
HTTP = ["drop_after", "drop_before", "truncate", "html_200", "throttle"]
PRICES = [None, "229", "231"]
FRAMES = ["lose", "duplicate", "reorder"]
ENDED = {
    "filled": OrdStatus.FILLED,
    "canceled": OrdStatus.CANCELED,
    "expired": OrdStatus.EXPIRED,
    "rejected": OrdStatus.REJECTED,
    "replaced": OrdStatus.REPLACED,
}
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("submit"), st.sampled_from(Side), st.integers(1, 300), st.sampled_from(PRICES)
        ),
        st.tuples(st.just("cancel"), st.integers(0, 5)),
        st.tuples(st.just("replace"), st.integers(0, 5), st.sampled_from(["228", "232"])),
        st.tuples(st.just("quote"), st.integers(22_700, 23_300), st.integers(1, 200)),
        st.tuples(st.just("http"), st.sampled_from(HTTP)),
        st.tuples(st.just("frame"), st.sampled_from(FRAMES)),
    ),
    min_size=1,
    max_size=12,
)  # fmt: skip


class Folder:
    """Folds reports into orders and fills, each fact once."""

    def __init__(self) -> None:
        self.orders: dict[ClOrdId, Order] = {}
        self.fills: dict[ExecId, Fill] = {}
        self._seen: set[ExecId] = set()

    def take(self, report: ExecutionReport) -> None:
        if report.exec_id in self._seen:
            return
        self._seen.add(report.exec_id)
        known = self.orders.get(report.cl_ord_id) or Order(report.cl_ord_id, report.terms, NOON, NOON)
        self.orders[report.cl_ord_id] = apply_report(known, report, NOON)
        if report.fill is not None:
            self.fills[report.exec_id] = report.fill


class Run:
    """One broker and one server, and what was told so far."""

    def __init__(self, server: AlpacaServer, broker: AlpacaBroker) -> None:
        self.server = server
        self.broker = broker
        self.told = Folder()
        self._count = 0

    def _name(self) -> ClOrdId:
        self._count += 1
        return ClOrdId(f"IQ-{self._count}")

    async def read(self) -> None:
        with suppress(BrokerError):
            async for report in self.broker.reports():
                self.told.take(report)

    async def step(self, word: str, *rest: object) -> None:
        exchange, faults = self.server.exchange, self.server.faults
        old = ClOrdId(f"IQ-{rest[0]}")
        if word == "quote":
            cents, size = int(str(rest[0])), int(str(rest[1]))
            exchange.quote(AAPL, Decimal(cents) / 100, Decimal(cents + 2) / 100, size, size)
        elif word == "http":
            faults.http(str(rest[0]), "*", "/v2/orders*", retry_after=1)
        elif word == "frame":
            faults.frame(str(rest[0]), word="*")
        elif word == "cancel":
            await self.broker.cancel(OrderCancelRequest(old, None))
        elif word == "replace":
            new = OrderCancelReplaceRequest(self._name(), old, None, terms(Side.BUY, 100, str(rest[1])))
            await self.broker.replace(new)
        else:
            side, qty, price = rest
            self.told.take(await self.broker.submit(single(self._name(), terms(side, qty, price))))  # type: ignore[arg-type]

    async def settle(self) -> None:
        """Connect again and ask for everything, as reconciliation does."""
        self.server.faults.clear()
        await self.broker.connect()
        for report in (*await self.broker.activities(BEGINNING), *await self.broker.open_orders()):
            self.told.take(report)
        for cl_ord_id in tuple(self.told.orders):
            report = await self.broker.order(cl_ord_id)
            if report is not None:
                self.told.take(report)


async def run(plan: list[tuple[object, ...]], folder: Path) -> Run:
    server = AlpacaServer()
    server.exchange.settings.limited_size = True
    await server.start()
    addresses = AlpacaAddresses(
        server.trading_url, server.trade_stream_url, server.data_url, server.data_stream_url
    )
    keys = AlpacaCredentials(server.key_id, server.secret)
    broker = AlpacaBroker(Mode.PAPER, addresses, keys, SystemClock(), folder)
    await broker.connect()
    made = Run(server, broker)
    reading = asyncio.get_running_loop().create_task(made.read())
    for word, *rest in plan:
        with suppress(BrokerError):
            await made.step(str(word), *rest)
    await made.settle()
    reading.cancel()
    await asyncio.wait({reading})
    await broker.close()
    await server.stop()
    return made


@given(steps)
@settings(max_examples=examples(25))
def test_what_was_told_adds_up_to_what_the_server_knows(plan):
    with tempfile.TemporaryDirectory() as folder:
        made = asyncio.run(run(plan, Path(folder)))

    exchange, told = made.server.exchange, made.told
    theirs = {order.client_order_id: order for order in exchange.book.orders.values()}
    assert told.orders.keys() == theirs.keys()
    for name, order in theirs.items():
        ours = told.orders[ClOrdId(name)]
        assert ours.cum_qty == order.filled_qty
        assert ours.is_open is order.is_open
        if not order.is_open:
            assert ours.ord_status is ENDED[order.status]
        booked = [fill for fill in told.fills.values() if fill.cl_ord_id == name]
        assert sum(fill.last_qty for fill in booked) == order.filled_qty
        assert sum(fill.value for fill in booked) == order.notional_filled
    assert sum(fill.signed_qty for fill in told.fills.values()) == exchange.account.qty(AAPL)
    assert all(count == 1 for count in made.server.journal.posts_by_id().values())
    assert exchange.check() == []
