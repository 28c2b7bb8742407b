"""The embedded exchange without a tape: the market is moved by hand."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.adapters.simulator import Call, Exchange, ExchangeSettings, Faults
from core.adapters.simulator.broker import SimulatedBroker
from core.adapters.simulator.ledger import Ledger
from core.adapters.simulator.tape import Bell, Tick
from core.clock import Clock, ManualClock
from core.domain.execution import ExecutionReport
from core.domain.instrument import Instrument
from core.domain.money import Price, Qty
from core.domain.terms import OrderTerms
from core.ids import OrderId
from tests.builders import AAPL

OPENS = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
INSTRUMENTS = (Instrument(AAPL, "Apple Inc.", "NASDAQ"),)


class ExchangeHarness:
    """A `BrokerHarness` of the embedded exchange; each event is a second of market time after the last."""

    def __init__(self, path: Path, clock: Clock | None = None, **settings: object) -> None:
        self.settings = replace(ExchangeSettings(fees=False, fsync=False), **settings)
        self.exchange = Exchange(INSTRUMENTS, Ledger(path, fsync=False), self.settings)
        self.faults = Faults()
        self.broker = SimulatedBroker(self.exchange, self.faults, clock or ManualClock())
        self.path = path
        self._time = OPENS
        self._stream: AsyncIterator[ExecutionReport] | None = None
        self._tick = Tick(
            AAPL, Price("100.00"), Price("100.02"), Qty(1000), Qty(1000), Price("100.01"), Qty(0), Qty(0),
            halted=False, prev_close=Price("99.50"), time=OPENS,
        )  # fmt: skip

    async def open(self) -> "ExchangeHarness":
        self.exchange.on_bell(Bell(self._time.date(), self._time, opens=True))
        self.show(self._tick)
        await self.broker.connect()
        return self

    def show(self, tick: Tick) -> None:
        self._time += timedelta(seconds=1)
        self._tick = replace(tick, time=self._time)
        self.exchange.on_tick(self._tick)

    async def quote(self, bid: str, ask: str, bid_size: int = 1000, ask_size: int = 1000) -> None:
        self.show(
            replace(
                self._tick, bid=Price(bid), ask=Price(ask), bid_size=Qty(bid_size), ask_size=Qty(ask_size),
                last_size=Qty(0), halted=False,
            )
        )  # fmt: skip

    async def trade(self, px: str, size: int = 100) -> None:
        volume = Qty(self._tick.volume + size)
        self.show(replace(self._tick, last=Price(px), last_size=Qty(size), volume=volume))

    async def halt(self) -> None:
        self.show(
            replace(
                self._tick,
                bid=None,
                ask=None,
                bid_size=Qty(0),
                ask_size=Qty(0),
                last_size=Qty(0),
                halted=True,
            )
        )

    async def close_market(self) -> None:
        self._time = self._time.replace(hour=21, minute=0, second=0)
        self.exchange.on_bell(Bell(self._time.date(), self._time, opens=False))

    async def open_market(self) -> None:
        self._time = self._time.replace(hour=14, minute=30) + timedelta(days=1)
        self.exchange.on_bell(Bell(self._time.date(), self._time, opens=True))

    async def external(self, body: OrderTerms) -> OrderId:
        return self.exchange.place_external(body)

    async def lose_answer(self) -> None:
        self.faults.lose_answer(Call.SUBMIT)

    async def lose_request(self) -> None:
        self.faults.lose_request(Call.SUBMIT)

    async def disconnect(self) -> None:
        self.faults.disconnect()

    async def next_report(self) -> ExecutionReport:
        if self._stream is None:
            self._stream = self.broker.reports()
        async with asyncio.timeout(5):
            return await anext(self._stream)

    def now(self) -> datetime:
        return self._time
