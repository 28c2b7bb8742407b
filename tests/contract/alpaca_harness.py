"""AlpacaBroker and the real client, on Alpaca's protocol in front of the embedded exchange."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

from core.adapters.alpaca.broker import AlpacaBroker
from core.adapters.alpaca.limiter import Limiter
from core.clock import SystemClock
from core.domain.access import Mode
from core.domain.credentials import AlpacaCredentials
from core.domain.execution import ExecutionReport
from core.domain.terms import OrderTerms
from core.ids import ExecId, OrderId, Symbol
from core.settings import AlpacaAddresses
from tests.builders import AAPL
from tests.contract.alpaca_front import AlpacaFront
from tests.contract.exchange_harness import ExchangeHarness


class AlpacaHarness:
    """A `BrokerHarness`: the market is the exchange's, moved by hand; the broker is Alpaca's adapter."""

    def __init__(self, folder: Path) -> None:
        self._market = ExchangeHarness(folder / "exchange.jsonl")
        self.front = AlpacaFront(self._market.exchange)
        self._folder = folder
        self._stream: AsyncIterator[ExecutionReport] | None = None

    async def open(self) -> "AlpacaHarness":
        await self._market.open()
        await self.front.listener.start()
        http, ws = f"http://{self.front.listener.address}", f"ws://{self.front.listener.address}"
        clock = SystemClock()
        self.broker = AlpacaBroker(
            Mode.PAPER,
            AlpacaAddresses(http, f"{ws}/stream", http, f"{ws}/v2/iex"),
            AlpacaCredentials("PKTEST", "hush-hush"),
            clock,
            self._folder,
            Limiter(clock, 10_000),
        )
        await self.broker.connect()
        return self

    async def close(self) -> None:
        await self.broker.close()
        self.front.drop_streams()
        await self.front.listener.stop()
        self._market.exchange.close()

    async def quote(
        self, bid: str, ask: str, bid_size: int = 1000, ask_size: int = 1000, symbol: Symbol = AAPL
    ) -> None:
        await self._market.quote(bid, ask, bid_size, ask_size, symbol)

    async def trade(self, px: str, size: int = 100, symbol: Symbol = AAPL) -> None:
        await self._market.trade(px, size, symbol)

    async def close_market(self, px: str | None = None) -> None:
        await self._market.close_market(px)

    async def open_market(self, px: str | None = None) -> None:
        await self._market.open_market(px)

    async def turn_to(self, hour: int, minute: int) -> None:
        await self._market.turn_to(hour, minute)

    async def permit_short(self) -> None:
        await self._market.permit_short()

    async def bust(self, exec_id: ExecId) -> None:
        await self._market.bust(self.front.exec_id(exec_id))

    async def correct(self, exec_id: ExecId, px: str) -> None:
        await self._market.correct(self.front.exec_id(exec_id), px)

    async def external(self, body: OrderTerms) -> OrderId:
        return await self._market.external(body)

    async def lose_answer(self) -> None:
        self.front.faults.http("drop_after", "POST")

    async def lose_request(self) -> None:
        self.front.faults.http("drop_before", "POST")

    async def disconnect(self) -> None:
        self.front.drop_streams()

    async def next_report(self) -> ExecutionReport:
        if self._stream is None:
            self._stream = self.broker.reports()
        async with asyncio.timeout(5):
            return await anext(self._stream)

    def now(self) -> datetime:
        return self._market.now()
