"""The embedded exchange without a tape: the market is moved by hand."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.adapters.simulator import Call, Exchange, ExchangeSettings, Faults
from core.adapters.simulator.broker import SimulatedBroker
from core.adapters.simulator.hours import NEW_YORK
from core.adapters.simulator.ledger import Ledger
from core.adapters.simulator.tape import Bell, Tick
from core.clock import Clock, ManualClock
from core.domain.execution import ExecutionReport
from core.domain.instrument import Instrument
from core.domain.money import Money, Price, Qty
from core.domain.terms import OrderTerms
from core.ids import ExecId, OrderId, Symbol
from tests.builders import AAPL
from tests.contract.broker_harness import MSFT

OPENS = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
INSTRUMENTS = (
    Instrument(AAPL, "Apple Inc.", "NASDAQ"),
    Instrument(MSFT, "Microsoft Corporation", "NASDAQ", fractionable=True, shortable=True),
)


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
        self._ticks = {
            each.symbol: Tick(
                each.symbol, Price("100.00"), Price("100.02"), Qty(1000), Qty(1000), Price("100.01"), Qty(0),
                Qty(0), halted=False, prev_close=Price("99.50"), time=OPENS,
            )
            for each in INSTRUMENTS
        }  # fmt: skip

    async def open(self) -> "ExchangeHarness":
        self.exchange.on_bell(Bell(self._time.date(), self._time, opens=True))
        for symbol in self._ticks:
            self.show(symbol)
        await self.broker.connect()
        return self

    def show(self, symbol: Symbol = AAPL, **changes: object) -> None:
        self._time += timedelta(seconds=1)
        self._ticks[symbol] = replace(
            self._ticks[symbol], **{"last_size": Qty(0), **changes}, time=self._time
        )
        self.exchange.on_tick(self._ticks[symbol])

    async def quote(
        self, bid: str, ask: str, bid_size: int = 1000, ask_size: int = 1000, symbol: Symbol = AAPL
    ) -> None:
        self.show(
            symbol,
            bid=Price(bid),
            ask=Price(ask),
            bid_size=Qty(bid_size),
            ask_size=Qty(ask_size),
            halted=False,
        )

    async def trade(self, px: str, size: int = 100, symbol: Symbol = AAPL) -> None:
        volume = Qty(self._ticks[symbol].volume + size)
        self.show(symbol, last=Price(px), last_size=Qty(size), volume=volume)

    async def halt(self) -> None:
        self.show(bid=None, ask=None, bid_size=Qty(0), ask_size=Qty(0), halted=True)

    async def close_market(self, px: str | None = None) -> None:
        if px is not None:
            self.show(bid=Price("0.01"), ask=Price("999.99"), last=Price(px), last_size=Qty(1))
        self._time = self._at(16, 0)
        self.exchange.on_bell(Bell(self._time.date(), self._time, opens=False))

    async def open_market(self, px: str | None = None) -> None:
        opens = self._at(9, 30)
        self._time = opens if opens > self._time else opens + timedelta(days=1)
        self.exchange.on_bell(Bell(self._time.date(), self._time, opens=True))
        if px is not None:
            self.show(bid=Price("0.01"), ask=Price("999.99"), last=Price(px), last_size=Qty(1))

    async def turn_to(self, hour: int, minute: int) -> None:
        self._time = self._at(hour, minute)
        self.exchange.turn(self._time)

    async def permit_short(self) -> None:
        self.exchange.settings = replace(self.exchange.settings, may_short=True)

    async def bust(self, exec_id: ExecId) -> None:
        self.exchange.amendments.bust(exec_id)

    async def correct(self, exec_id: ExecId, px: str) -> None:
        self.exchange.amendments.correct(exec_id, Price(px))

    async def move_cash(self, amount: str) -> None:
        self.exchange.cashier.move_cash(Money(amount))

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

    def _at(self, hour: int, minute: int) -> datetime:
        local = self._time.astimezone(NEW_YORK)
        return local.replace(hour=hour, minute=minute, second=0).astimezone(UTC)
