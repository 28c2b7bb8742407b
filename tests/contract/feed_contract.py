"""What every feed behind `core.ports.market_data` does: 12 numbered cases.

A test class inherits from `FeedContract` and gives a `harness`: a feed that is not connected
yet, in an open market with at least two symbols and a history of days.
"""

from datetime import timedelta
from typing import Protocol

import pytest

from core.domain.market import Quote, SessionPhase, Timeframe
from core.domain.money import CENT
from core.errors import BrokerUnavailable
from core.ids import Symbol
from core.ports.market_data import MarketDataFeed


class FeedHarness(Protocol):
    """A feed and its market, moved by hand."""

    feed: MarketDataFeed
    symbols: tuple[Symbol, Symbol]

    async def advance(self, seconds: float) -> None:
        """Let market time pass."""
        ...

    async def next_batch(self) -> tuple[Quote, ...]:
        """Return the next batch of quotes; raises what the stream raises."""
        ...

    async def fail_next_query(self) -> None:
        """Let the next call of `bars` fail."""
        ...

    async def lose_stream(self) -> None:
        """Cut the quote stream."""
        ...

    def monotonic(self) -> float:
        """Return seconds of our clock."""
        ...


async def watch(harness: FeedHarness, *symbols: Symbol) -> None:
    await harness.feed.connect()
    await harness.feed.subscribe(symbols)


class FeedContract:
    """The cases; `FC-nn` in a name is its number."""

    async def test_fc_01_instruments_are_listed_once_in_upper_case(self, harness: FeedHarness) -> None:
        await harness.feed.connect()

        symbols = [instrument.symbol for instrument in await harness.feed.instruments()]

        assert set(harness.symbols) <= set(symbols)
        assert len(set(symbols)) == len(symbols)
        assert all(symbol == symbol.upper() for symbol in symbols)

    async def test_fc_02_standing_quote_of_a_new_subscription_comes_at_once(
        self, harness: FeedHarness
    ) -> None:
        await watch(harness, *harness.symbols)

        batch = await harness.next_batch()

        assert {quote.symbol for quote in batch} == set(harness.symbols)

    async def test_fc_03_only_subscribed_symbols_are_delivered(self, harness: FeedHarness) -> None:
        await watch(harness, *harness.symbols)
        await harness.feed.subscribe(harness.symbols[:1])

        await harness.advance(5)

        assert {quote.symbol for quote in await harness.next_batch()} == {harness.symbols[0]}

    async def test_fc_04_quotes_come_in_time_order_with_the_offer_above_the_bid(
        self, harness: FeedHarness
    ) -> None:
        await watch(harness, *harness.symbols)

        await harness.advance(60)
        batch = await harness.next_batch()

        assert len(batch) > 5
        assert [quote.time for quote in batch] == sorted(quote.time for quote in batch)
        for quote in batch:
            assert quote.bid is not None
            assert quote.ask is not None
            assert quote.bid < quote.ask
            assert quote.bid % CENT == 0

    async def test_fc_05_quote_carries_the_moment_of_its_delivery(self, harness: FeedHarness) -> None:
        await watch(harness, harness.symbols[0])

        await harness.advance(3)

        assert {quote.received for quote in await harness.next_batch()} == {harness.monotonic()}

    async def test_fc_06_volume_never_falls_within_a_day(self, harness: FeedHarness) -> None:
        await watch(harness, harness.symbols[0])

        await harness.advance(120)
        volumes = [quote.volume for quote in await harness.next_batch()]

        assert volumes == sorted(volumes)
        assert volumes[-1] > volumes[0]

    async def test_fc_07_market_time_moves(self, harness: FeedHarness) -> None:
        await harness.feed.connect()
        before = harness.feed.session()

        await harness.advance(60)
        after = harness.feed.session()

        assert after.phase is SessionPhase.REGULAR
        assert after.now - before.now == timedelta(seconds=60)
        assert after.opens <= after.now < after.closes

    @pytest.mark.parametrize("timeframe", list(Timeframe))
    async def test_fc_08_bars_are_the_newest_oldest_first(
        self, harness: FeedHarness, timeframe: Timeframe
    ) -> None:
        await harness.feed.connect()
        await harness.advance(90)

        many = await harness.feed.bars(harness.symbols[0], timeframe, 8)
        few = await harness.feed.bars(harness.symbols[0], timeframe, 3)

        assert many[-3:] == few
        assert [bar.time for bar in many] == sorted({bar.time for bar in many})
        for bar in many:
            assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert many[-1].time <= harness.feed.session().now

    async def test_fc_09_running_bar_ends_at_the_last_trade(self, harness: FeedHarness) -> None:
        await watch(harness, harness.symbols[0])
        await harness.advance(95)
        quote = (await harness.next_batch())[-1]

        for timeframe in Timeframe:
            assert (await harness.feed.bars(harness.symbols[0], timeframe, 1))[-1].close == quote.last

    async def test_fc_10_longer_bars_are_made_of_shorter_ones(self, harness: FeedHarness) -> None:
        await harness.feed.connect()
        await harness.advance(7 * 60 + 20)
        opens = harness.feed.session().opens

        minutes = await harness.feed.bars(harness.symbols[0], Timeframe.M1, 400)
        today = [bar for bar in minutes if bar.time >= opens]
        fives = [
            bar for bar in await harness.feed.bars(harness.symbols[0], Timeframe.M5, 400) if bar.time >= opens
        ]
        day = (await harness.feed.bars(harness.symbols[0], Timeframe.D1, 1))[0]

        assert sum(bar.volume for bar in today) == sum(bar.volume for bar in fives) == day.volume
        assert max(bar.high for bar in today) == max(bar.high for bar in fives) == day.high
        assert min(bar.low for bar in today) == min(bar.low for bar in fives) == day.low
        assert all((bar.time - opens) % timedelta(minutes=5) == timedelta(0) for bar in fives)

    async def test_fc_11_failed_query_raises_and_is_never_empty(self, harness: FeedHarness) -> None:
        await harness.feed.connect()
        await harness.fail_next_query()

        with pytest.raises(BrokerUnavailable):
            await harness.feed.bars(harness.symbols[0], Timeframe.M1, 5)

        assert await harness.feed.bars(harness.symbols[0], Timeframe.M1, 5)

    async def test_fc_12_lost_stream_raises_and_connecting_again_brings_it_back(
        self, harness: FeedHarness
    ) -> None:
        await watch(harness, harness.symbols[0])
        await harness.next_batch()
        await harness.lose_stream()
        with pytest.raises(BrokerUnavailable):
            await harness.next_batch()

        await harness.feed.connect()

        assert {quote.symbol for quote in await harness.next_batch()} == {harness.symbols[0]}
