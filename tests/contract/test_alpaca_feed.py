"""AlpacaFeed keeps the feed's contract, on the vendor's protocol and the real REST client."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.clock import settle
from core.domain.market import Quote
from core.ids import Symbol
from tests.contract.feed_contract import FeedContract
from tests.fakes.tape_alpaca import TapeAlpaca, tape_alpaca

STEP_S = 5.0


class AlpacaFeedHarness:
    """Each step of the market is read before the next, since a feed keeps the newest quote only."""

    def __init__(self, tape: TapeAlpaca) -> None:
        self.tape = tape
        self.feed = tape.feed()
        self.symbols = (Symbol("AAPL"), Symbol("MSFT"))
        self._seen: list[Quote] = []
        self._stream: AsyncIterator[tuple[Quote, ...]] | None = None
        self._count = 0

    async def advance(self, seconds: float) -> None:
        while seconds > 0:
            step = min(STEP_S, seconds)
            seconds -= step
            await self.tape.clock.advance(step)
            if not self.tape.lines:
                continue
            self._count += 1
            for symbol in self.symbols:
                cents = 20_000 + self._count % 40
                trade = self.tape.trade(symbol, cents)
                if symbol in self.tape.subscribed:
                    await self.tape.send(trade, self.tape.quote(symbol, cents / 100, cents / 100 + 0.02))
            if self.tape.subscribed and seconds > 0:
                self._seen += await self._read()

    async def next_batch(self) -> tuple[Quote, ...]:
        seen, self._seen = self._seen, []
        return (*seen, *await self._read())

    async def _read(self) -> tuple[Quote, ...]:
        self._stream = self._stream or self.feed.quotes()
        async with asyncio.timeout(5):
            try:
                return await anext(self._stream)
            except BaseException:
                self._stream = None
                raise

    async def fail_next_query(self) -> None:
        self.tape.failing = 1

    async def lose_stream(self) -> None:
        await self.tape.lines[-1].connection.close(1001)
        await settle()

    def monotonic(self) -> float:
        return self.tape.clock.monotonic()


class TestAlpacaFeed(FeedContract):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[AlpacaFeedHarness]:
        async with tape_alpaca() as tape:
            harness = AlpacaFeedHarness(tape)
            yield harness
            await harness.feed.close()
