"""The synthetic session and the replay keep the feed contract."""

import asyncio
import csv
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from core.adapters.simulator import Call, ExchangeSettings, Simulator, replay, synthetic
from core.clock import ManualClock
from core.domain.market import Quote
from core.ids import Symbol
from tests.contract.feed_contract import FeedContract

SETTINGS = ExchangeSettings(fsync=False)


class SimulatedFeedHarness:
    def __init__(self, simulator: Simulator, clock: ManualClock, symbols: tuple[Symbol, Symbol]) -> None:
        self.simulator = simulator
        self.feed = simulator.feed
        self.symbols = symbols
        self._clock = clock
        self._stream: AsyncIterator[tuple[Quote, ...]] | None = None

    async def advance(self, seconds: float) -> None:
        self.simulator.step(seconds)
        self._clock.turn(seconds)

    async def next_batch(self) -> tuple[Quote, ...]:
        self._stream = self._stream or self.feed.quotes()
        async with asyncio.timeout(5):
            try:
                return await anext(self._stream)
            except BaseException:
                self._stream = None
                raise

    async def fail_next_query(self) -> None:
        self.simulator.faults.be_unavailable(Call.BARS)

    async def lose_stream(self) -> None:
        self.simulator.faults.lose_feed()

    def monotonic(self) -> float:
        return self._clock.monotonic()


class TestSyntheticFeed(FeedContract):
    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[SimulatedFeedHarness]:
        clock = ManualClock()
        simulator = synthetic(clock, tmp_path / "exchange.jsonl", settings=SETTINGS)
        yield SimulatedFeedHarness(simulator, clock, (Symbol("AAPL"), Symbol("MSFT")))
        simulator.exchange.close()


class TestReplayFeed(FeedContract):
    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[SimulatedFeedHarness]:
        clock = ManualClock()
        folder = tmp_path / "bars"
        folder.mkdir()
        for symbol in ("AAA", "BBB"):
            write_days(folder / f"{symbol}.csv", 80)
        simulator = replay(clock, tmp_path / "exchange.jsonl", folder, settings=SETTINGS)
        yield SimulatedFeedHarness(simulator, clock, (Symbol("AAA"), Symbol("BBB")))
        simulator.exchange.close()


def write_days(path: Path, count: int) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["Date", "Open", "High", "Low", "Close", "Volume"])
        for number in range(count):
            base = 50 + number % 7
            day = date(2020, 1, 1) + timedelta(days=number)
            rows.writerow(
                [day, f"{base}.10", f"{base + 1}.30", f"{base - 1}.20", f"{base}.55", 2_000_000 + number]
            )
