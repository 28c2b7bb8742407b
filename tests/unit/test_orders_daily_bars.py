"""Daily bars in the background: what is asked for, when again, in which order, and what is said meanwhile."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from core.clock import ManualClock, settle
from core.domain.market import Bar, MarketSession, SessionPhase, Timeframe
from core.domain.money import Price, Qty
from core.errors import BrokerUnavailable, RateLimited
from core.ids import Symbol
from core.orders import daily_bars
from core.orders.daily_bars import MOST_DAYS, RETRY_AFTER_S, DailyBars, history
from tests.builders import AAPL
from tests.guards import heard

MSFT, NONE = Symbol("MSFT"), Symbol("NONE")
OPENS = datetime(2026, 1, 6, 14, 30, tzinfo=UTC)
TODAY = OPENS.date()


def bar(days: int, close: str = "10", volume: int = 5, symbol: Symbol = AAPL) -> Bar:
    low, high = Price(Decimal(close) / 2), Price(Decimal(close) + 2)
    at = OPENS - timedelta(days=days)
    return Bar(symbol, at, Price(close), high, low, Price(close), Qty(volume))


class Feed:
    """Answers with what a test has laid out; waits where it is held back."""

    def __init__(self) -> None:
        self.asked: list[tuple[Symbol, Timeframe, int]] = []
        self.answer: Sequence[Bar] | Exception = (bar(1),)
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def bars(self, symbol: Symbol, timeframe: Timeframe, limit: int) -> tuple[Bar, ...]:
        self.asked.append((symbol, timeframe, limit))
        await self.may_answer.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return tuple(self.answer)


class Room:
    """Daily bars of two symbols, whose work runs."""

    def __init__(self) -> None:
        self.clock, self.feed = ManualClock(), Feed()
        self.state: Any = SimpleNamespace(session=None, instruments={AAPL: None, MSFT: None})
        self.bars = DailyBars(self.state, self.feed, self.clock)  # type: ignore[arg-type]
        self.opens(OPENS)
        self.work = asyncio.get_running_loop().create_task(self.bars.run())

    def opens(self, at: datetime) -> None:
        self.state.session = MarketSession(at, SessionPhase.REGULAR, at, at + timedelta(hours=6))

    @property
    def asked(self) -> list[Symbol]:
        return [symbol for symbol, _, _ in self.feed.asked]


@pytest.fixture
async def room():
    made = Room()
    yield made
    made.work.cancel()


async def test_a_symbol_is_fetched_once_a_market_day(room: Room) -> None:
    first, words = room.bars.get(AAPL), room.bars.missing(AAPL)
    await settle()
    known = room.bars.get(AAPL)
    await settle()
    room.opens(OPENS + timedelta(days=1))
    still = room.bars.get(AAPL)
    await settle()

    assert (first, words) == (None, "Daily bars of AAPL are on their way.")
    assert known is still
    assert known is not None
    assert (known.market_date, known.closes) == (TODAY, ((TODAY - timedelta(days=1), Decimal(10)),))
    assert room.feed.asked == [(AAPL, Timeframe.D1, MOST_DAYS + 1)] * 2
    again = room.bars.get(AAPL)
    assert again is not None
    assert again.market_date == TODAY + timedelta(days=1)


async def test_what_is_not_known_here_is_never_asked_for_nor_anything_without_market_time(room: Room) -> None:
    unknown = room.bars.get(NONE)
    room.state.session = None
    waiting = room.bars.get(AAPL)
    await room.bars.settled((AAPL, NONE), 1.0)
    await settle()

    assert (unknown, waiting, room.asked) == (None, None, [])
    assert room.bars.missing(NONE) == "NONE is not known here."
    assert room.bars.usual_volume(NONE) is None


async def test_the_newest_wish_comes_first_and_one_request_goes_out_at_a_time(room: Room) -> None:
    room.feed.may_answer.clear()
    room.bars.get(AAPL)
    await settle()
    third = Symbol("IBM")
    room.state.instruments[third] = None
    room.bars.get(MSFT)
    room.bars.get(third)
    room.bars.get(AAPL)
    await settle()
    before = room.asked
    room.feed.may_answer.set()
    await settle()

    assert (before, room.asked) == ([AAPL], [AAPL, third, MSFT])


@pytest.mark.parametrize("text", ["the feed is down.", "the feed is down", "the feed is down..."])
async def test_what_cannot_be_had_is_said_and_tried_again_after_a_minute(room: Room, text: str) -> None:
    room.feed.answer = BrokerUnavailable(text)
    room.bars.get(AAPL)
    await settle()
    words = room.bars.missing(AAPL)
    room.clock.turn(RETRY_AFTER_S - 1)
    room.bars.get(AAPL)
    await settle()
    early = len(room.asked)
    room.clock.turn(1)
    room.feed.answer = ()
    room.bars.get(AAPL)
    await settle()

    assert words == "Daily bars of AAPL cannot be had: the feed is down."
    assert (early, len(room.asked)) == (1, 2)
    assert room.bars.missing(AAPL) == "Daily bars of AAPL are on their way."
    assert heard()[-1] == ("daily_bars.unavailable", {"symbol": AAPL, "reason": text})


async def test_a_reason_keeps_the_letters_at_its_ends(room: Room) -> None:
    room.feed.answer = BrokerUnavailable("no plan XX")
    room.bars.get(AAPL)
    await settle()

    assert room.bars.missing(AAPL) == "Daily bars of AAPL cannot be had: no plan XX."


@pytest.mark.parametrize(("retry", "pause"), [(5.0, 5.0), (None, RETRY_AFTER_S)])
async def test_a_feed_that_takes_no_more_is_left_alone_for_as_long_as_it_says(
    room: Room, retry: float | None, pause: float
) -> None:
    room.feed.answer = RateLimited("slow down", retry)
    room.bars.get(MSFT)
    room.bars.get(AAPL)
    await settle()
    await room.clock.advance(pause - 0.5)
    before = room.asked
    await room.clock.advance(0.5)

    assert (before, room.asked) == ([AAPL], [AAPL, MSFT])
    assert room.bars.missing(AAPL) == "Daily bars of AAPL cannot be had: slow down."


async def test_an_answer_that_does_not_come_is_given_up(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daily_bars, "FETCH_WITHIN_S", 0.0)
    room.feed.may_answer.clear()
    room.bars.get(AAPL)
    await settle()
    await settle(100)

    assert room.bars.missing(AAPL) == "Daily bars of AAPL cannot be had: no answer within 0 s."


async def test_whoever_waits_goes_on_when_all_were_fetched_or_time_is_up(room: Room) -> None:
    room.feed.may_answer.clear()
    await room.bars.settled([AAPL, MSFT], 0.0)
    early = room.bars.get(AAPL)
    waiting = asyncio.get_running_loop().create_task(room.bars.settled([AAPL, MSFT], 30.0))
    await settle()
    is_waiting = not waiting.done()
    room.feed.may_answer.set()
    await waiting

    assert (early, is_waiting) == (None, True)
    assert None not in (room.bars.get(AAPL), room.bars.get(MSFT))
    await room.bars.settled([AAPL], 30.0)


async def test_the_usual_volume_is_that_of_the_last_twenty_days(room: Room) -> None:
    room.feed.answer = [bar(days, volume=days) for days in range(1, 22)]
    room.bars.usual_volume(AAPL)
    await settle()

    assert room.bars.usual_volume(AAPL) == Decimal("10.5")


def test_a_history_is_of_whole_days_each_once_the_oldest_first() -> None:
    bars = (bar(0, "9"), bar(1, "11"), bar(3, "10"), bar(2, "0"), bar(1, "12"), bar(-1, "8"))

    found = history(bars, TODAY)

    days = [TODAY - timedelta(days=3), TODAY - timedelta(days=1)]
    assert found.closes == tuple(zip(days, (Decimal(10), Decimal(12)), strict=True))
    assert found.returns == {days[1]: pytest.approx(0.2)}
    assert (found.usual_volume, found.true_range) == (None, None)


def test_a_history_is_of_a_year_at_most() -> None:
    found = history(tuple(bar(days) for days in range(MOST_DAYS + 5)), TODAY)

    assert len(found.closes) == MOST_DAYS
    assert found.closes[-1][0] == TODAY - timedelta(days=1)
    assert (found.usual_volume, found.true_range) == (5, 7)
    assert isinstance(found.market_date, date)
