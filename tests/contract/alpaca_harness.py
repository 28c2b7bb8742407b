"""AlpacaBroker and the real client, on the local Alpaca server and its own exchange."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from core.adapters.alpaca.bodies import order_body
from core.adapters.alpaca.broker import AlpacaBroker
from core.clock import SystemClock
from core.domain.access import Mode
from core.domain.credentials import AlpacaCredentials
from core.domain.execution import ExecutionReport
from core.domain.terms import NewOrderSingle, OrderTerms
from core.ids import ClOrdId, ExecId, OrderId, Symbol
from core.settings import AlpacaAddresses
from tests.builders import AAPL
from tests.contract.broker_harness import MSFT
from tests.servers.alpaca.market import asset
from tests.servers.alpaca.server import AlpacaServer
from tests.servers.alpaca.sessions import NEW_YORK

OPENS = datetime(2026, 11, 23, 14, 30, 1, tzinfo=UTC)
START = Decimal("100.01")


class AlpacaHarness:
    """A `BrokerHarness`: an account without margin, and a market that shows no more than its size."""

    def __init__(self, folder: Path) -> None:
        self.server = AlpacaServer(clock=OPENS)
        self.exchange = self.server.exchange
        self.exchange.settings.limited_size = True
        self.exchange.account.multiplier = 1
        self.exchange.market.list(asset(AAPL, fractionable=False, shortable=False), START)
        self.exchange.market.list(asset(MSFT), START)
        self._folder = folder
        self._stream: AsyncIterator[ExecutionReport] | None = None

    async def open(self) -> "AlpacaHarness":
        await self.server.start()
        server = self.server
        addresses = AlpacaAddresses(
            server.trading_url, server.trade_stream_url, server.data_url, server.data_stream_url
        )
        keys = AlpacaCredentials(server.key_id, server.secret)
        self.broker = AlpacaBroker(Mode.PAPER, addresses, keys, SystemClock(), self._folder)
        await self.broker.connect()
        return self

    async def close(self) -> None:
        await self.broker.close()
        await self.server.stop()
        assert self.exchange.check() == []
        assert self.server.journal.problems() == []

    async def quote(
        self, bid: str, ask: str, bid_size: int = 1000, ask_size: int = 1000, symbol: Symbol = AAPL
    ) -> None:
        self.server.clock.advance(1)
        self.exchange.quote(symbol, bid, ask, bid_size, ask_size)

    async def trade(self, px: str, size: int = 100, symbol: Symbol = AAPL) -> None:
        self.server.clock.advance(1)
        self.exchange.trade(symbol, px, size)

    async def close_market(self, px: str | None = None) -> None:
        self._show(px)
        await self.turn_to(16, 0)

    async def open_market(self, px: str | None = None) -> None:
        self._show(px)
        local = self.now().astimezone(NEW_YORK)
        opens = local.replace(hour=9, minute=30, second=0, microsecond=0)
        self._step(opens if opens > local else opens + timedelta(days=1))

    async def turn_to(self, hour: int, minute: int) -> None:
        local = self.now().astimezone(NEW_YORK)
        self._step(local.replace(hour=hour, minute=minute, second=0, microsecond=0))

    def _show(self, px: str | None) -> None:
        if px is not None:  # an auction has one price
            self.exchange.market.show_quote(AAPL, Decimal(px), Decimal(px), 1000, 1000)

    def _step(self, at: datetime) -> None:
        self.server.clock.set(at.astimezone(UTC))
        self.exchange.step()

    async def permit_short(self) -> None:
        self.exchange.account.multiplier = 2

    async def bust(self, exec_id: ExecId) -> None:
        self.exchange.bust(self._execution(exec_id))

    async def correct(self, exec_id: ExecId, px: str) -> None:
        self.exchange.correct(self._execution(exec_id), px)

    async def move_cash(self, amount: str) -> None:
        self.exchange.pay("CSW" if amount.startswith("-") else "CSD", amount)

    def _execution(self, exec_id: ExecId) -> str:
        order_id, _, cum = exec_id.rpartition(":")
        found = self.exchange.book.executions.values()
        return next(e.id for e in found if (e.order_id, e.cum_qty) == (order_id, Decimal(cum)))

    async def external(self, body: OrderTerms) -> OrderId:
        sent = order_body(NewOrderSingle(ClOrdId(""), body))
        del sent["client_order_id"]
        return OrderId(self.exchange.external_order(**sent)["id"])

    async def lose_answer(self) -> None:
        self.server.faults.http("drop_after", "POST", "/v2/orders")

    async def lose_request(self) -> None:
        self.server.faults.http("drop_before", "POST", "/v2/orders")

    async def disconnect(self) -> None:
        await self.server.trade_stream.close_all(1006)

    async def next_report(self) -> ExecutionReport:
        if self._stream is None:
            self._stream = self.broker.reports()
        async with asyncio.timeout(5):
            return await anext(self._stream)

    def now(self) -> datetime:
        return self.server.clock.now()
