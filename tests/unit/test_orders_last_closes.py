"""Closes that were not seen: which days are missed, which symbols are asked for, and how often."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from core.domain.market import Bar, MarketSession, SessionPhase, Timeframe
from core.domain.money import Price, Qty
from core.errors import BrokerUnavailable, StorageUnwritable
from core.ids import Symbol
from core.orders.closing import Close
from core.orders.last_closes import LOOK_EVERY_S, LastCloses
from core.orders.portfolio import BENCHMARK
from tests.builders import AAPL
from tests.fakes.beats import Beats
from tests.guards import heard

MSFT = Symbol("MSFT")
OPENS = datetime(2026, 1, 6, 14, 30, tzinfo=UTC)
CLOSES = datetime(2026, 1, 6, 21, 0, tzinfo=UTC)
DAY = OPENS.date()


def day(ahead: int) -> date:
    return DAY + timedelta(days=ahead)


class Desk:
    """All that the room sees, in memory."""

    def __init__(self, beats: int = 1) -> None:
        self.clock = Beats(beats)
        self.asked: list[tuple[Symbol, Timeframe, int]] = []
        self.bars_of: list[int] = []
        self.error: Exception | None = None
        self.written: list[Close] = []
        self.taken: list[Bar] = []
        self.lacking: list[Symbol] = []
        self.last: list[date] = []
        self.held: list[Symbol] = []
        self.state: Any = SimpleNamespace(
            session=MarketSession(OPENS, SessionPhase.REGULAR, OPENS, CLOSES), ready=True,
            instruments={AAPL: None, MSFT: None},
            positions=SimpleNamespace(held=lambda: [SimpleNamespace(symbol=each) for each in self.held]),
        )  # fmt: skip
        self.expected = frozenset[date]()
        valuation: Any = SimpleNamespace(
            prices=SimpleNamespace(missing=lambda: self.lacking), take_close=self.taken.append
        )
        room: Any = self
        self.room = LastCloses(self.state, valuation, room, room, room, self.clock)

    async def bars(self, symbol: Symbol, timeframe: Timeframe, limit: int) -> tuple[Bar, ...]:
        self.asked.append((symbol, timeframe, limit))
        if self.error is not None:
            raise self.error
        days = [OPENS + timedelta(days=ahead) for ahead in self.bars_of]
        return tuple(Bar(symbol, each, *(Price("1"),) * 4, Qty(1)) for each in days)

    async def record(self, close: Close) -> None:
        self.written.append(close)

    async def read(self, query: Any) -> Any:
        return query(self)

    def snapshots(self, limit: int) -> Sequence[Any]:
        return [SimpleNamespace(market_date=each) for each in self.last][:limit]

    async def run(self) -> None:
        with pytest.raises(asyncio.CancelledError):
            await self.room.run()


def at(desk: Desk, now: datetime) -> None:
    desk.state.session = MarketSession(now, SessionPhase.REGULAR, OPENS, CLOSES)


async def test_days_after_the_last_close_are_missed_and_the_day_that_runs_is_not() -> None:
    desk = Desk()
    desk.last = [day(-9), day(-5), day(-7)]
    desk.bars_of = [0, -3, -5, -6, -2, -3]

    await desk.run()

    assert desk.written == [Close(day(-3), missed=True), Close(day(-2), missed=True)]
    assert desk.asked == [(AAPL, Timeframe.D1, 6)]


@pytest.mark.parametrize(("before_s", "missed"), [(1, []), (0, [0]), (-1, [0])])
async def test_the_day_that_runs_is_missed_once_it_is_over(before_s: int, missed: list[int]) -> None:
    desk = Desk()
    at(desk, CLOSES - timedelta(seconds=before_s))
    desk.last, desk.bars_of = [day(-1)], [-1, 0]

    await desk.run()

    assert [each.day for each in desk.written] == [day(each) for each in missed]


async def test_a_close_that_is_watched_for_is_left_to_the_watch() -> None:
    desk = Desk()
    desk.last, desk.bars_of, desk.expected = [day(-5)], [-3, -2], frozenset({day(-3)})

    await desk.run()

    assert [each.day for each in desk.written] == [day(-2)]


@pytest.mark.parametrize("last", [[], [0], [1]])
async def test_nothing_is_asked_where_no_day_can_be_missing(last: list[int]) -> None:
    desk = Desk()
    desk.last = [day(each) for each in last]

    await desk.run()

    assert (desk.asked, desk.written) == ([], [])


async def test_a_gap_is_looked_into_for_four_hundred_days_at_most() -> None:
    desk = Desk()
    desk.last = [day(-1_000)]

    await desk.run()

    assert desk.asked == [(AAPL, Timeframe.D1, 401)]


@pytest.mark.parametrize(("known", "held", "expected"), [
    ((AAPL, BENCHMARK), (AAPL,), BENCHMARK), ((AAPL, MSFT), (MSFT,), MSFT), ((MSFT, AAPL), (), MSFT),
])  # fmt: skip
async def test_the_days_are_those_of_what_trades_every_day(
    known: tuple[Symbol, ...], held: tuple[Symbol, ...], expected: Symbol
) -> None:
    desk = Desk()
    desk.state.instruments, desk.held, desk.last = dict.fromkeys(known), list(held), [day(-1)]

    await desk.run()

    assert desk.asked == [(expected, Timeframe.D1, 2)]


async def test_without_any_symbol_nothing_can_be_asked() -> None:
    desk = Desk()
    desk.state.instruments, desk.last = {}, [day(-1)]

    await desk.run()

    assert desk.asked == []


async def test_each_market_day_is_checked_once() -> None:
    desk = Desk(4)
    desk.last = [day(-1)]
    desk.clock.before = lambda count: at(desk, OPENS + timedelta(days=count // 3))

    await desk.run()

    assert desk.asked == [(AAPL, Timeframe.D1, 2), (AAPL, Timeframe.D1, 3)]
    assert desk.clock.slept == [LOOK_EVERY_S] * 4


async def test_nothing_is_asked_before_the_desk_is_ready_and_market_time_is_known() -> None:
    desk = Desk(3)
    desk.last, desk.lacking, desk.state.ready = [day(-1)], [AAPL], False

    def then(count: int) -> None:
        desk.state.ready, desk.state.session = True, None

    desk.clock.before = then
    await desk.run()

    assert desk.asked == []
    assert desk.clock.slept == [LOOK_EVERY_S] * 3


async def test_the_last_daily_close_is_taken_for_what_has_no_price_and_asked_for_now_and_then() -> None:
    desk = Desk(17)
    desk.lacking, desk.bars_of = [AAPL, Symbol("GONE"), MSFT], [-2, -1]

    await desk.run()

    assert desk.asked == [(AAPL, Timeframe.D1, 1), (MSFT, Timeframe.D1, 1)] * 2
    assert [(each.symbol, each.time) for each in desk.taken] == [
        (symbol, OPENS - timedelta(days=1)) for symbol in (AAPL, MSFT)
    ] * 2


async def test_a_symbol_without_bars_has_no_close() -> None:
    desk = Desk()
    desk.lacking = [AAPL]

    await desk.run()

    assert (len(desk.asked), desk.taken) == (1, [])


@pytest.mark.parametrize("error", [BrokerUnavailable("not now"), StorageUnwritable("not now")])
async def test_what_fails_is_tried_again_half_a_minute_later(error: Exception) -> None:
    desk = Desk(3)
    desk.last, desk.error = [day(-1)], error

    def then(count: int) -> None:
        desk.error = None if count == 2 else error

    desk.clock.before = then
    await desk.run()

    assert len(desk.asked) == 3
    assert desk.clock.slept == [30.0, 30.0, LOOK_EVERY_S]
    assert heard() == [("closes.unanswered", {"reason": "not now"})] * 2
