"""Quotes, trades and snapshots merged: whatever comes twice, late or from the future changes nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.polygon.lines import Lines
from core.adapters.polygon.values import BestQuote, DaySnapshot, Trade
from core.domain.money import Price, Qty
from core.ids import Symbol

NOW = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
A, B = Symbol("A"), Symbol("B")


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def best(seconds: float, sequence: int | None = 1, bid: str = "10.00", symbol: Symbol = A) -> BestQuote:
    return BestQuote(symbol, Price(bid), Price("10.50"), Qty(200), Qty(300), at(seconds), sequence)


def trade(
    seconds: float, sequence: int | None = 1, price: str = "10.20", size: int = 100, *, is_last: bool = True
):
    return Trade(A, Price(price), is_last, Qty(size), at(seconds), sequence)


def day(
    seconds: float | None = -1.0,
    *,
    volume: int = 5000,
    last: str | None = "10.10",
    quote: BestQuote | None = None,
):
    time = None if seconds is None else at(seconds)
    dollars = None if last is None else Price(last)
    return DaySnapshot(A, quote, dollars, time, Price("10.00"), Qty(volume), Qty(9000), time)


@pytest.fixture
def lines():
    made = Lines()
    made.keep([A])
    return made


def quote(lines: Lines):
    found = lines.quote(A, 7.0)
    assert found is not None
    return found


def test_quote_before_anything_came_is_none(lines):
    assert lines.quote(A, 0.0) is None
    assert lines.quote(B, 0.0) is None


def test_quote_and_trade_are_one_quote(lines):
    assert lines.apply(best(-2), NOW)
    assert lines.apply(trade(-1), NOW)

    found = quote(lines)

    assert (found.bid, found.ask, found.bid_size, found.ask_size) == (
        Price("10.00"),
        Price("10.50"),
        200,
        300,
    )
    assert (found.last, found.volume, found.time, found.received) == (Price("10.20"), 100, at(-1), 7.0)
    assert (found.prev_close, found.halted) == (None, False)


@pytest.mark.parametrize("make", [best, trade])
@pytest.mark.parametrize(
    ("second", "kept"),
    [
        ((-1.0, 2), True),
        ((-1.0, 1), False),
        ((-1.0, 0), False),
        ((-1.0, None), True),
        ((-2.0, 9), False),
        ((-0.5, 0), True),
        ((59.0, 5), True),
        ((61.0, 5), False),
    ],
)
def test_event_after_another_is_kept_only_where_it_is_newer(lines, make, second, kept):
    lines.apply(make(-1.0, 1), NOW)

    assert lines.apply(make(*second), NOW) is kept


def test_event_of_a_symbol_that_is_not_followed_changes_nothing(lines):
    assert not lines.apply(best(-1, symbol=B), NOW)
    lines.keep([B])
    assert not lines.apply(best(-1), NOW)


def test_trade_that_sets_no_price_counts_in_the_volume_only(lines):
    lines.apply(trade(-2, 1, "10.20", 100), NOW)

    lines.apply(trade(-1, 2, "99.00", 50, is_last=False), NOW)

    assert (quote(lines).last, quote(lines).volume) == (Price("10.20"), 150)


def test_snapshot_gives_close_volume_and_last_price(lines):
    assert lines.seed(day(quote=best(-3)), NOW)

    found = quote(lines)

    assert (found.prev_close, found.volume, found.last) == (Price("10.00"), 5000, Price("10.10"))
    assert found.bid == Price("10.00")


def test_snapshot_older_than_the_stream_keeps_what_the_stream_told(lines):
    lines.apply(best(-1, bid="10.30"), NOW)
    lines.apply(trade(-1, price="10.40", size=9000), NOW)

    lines.seed(day(-5, quote=best(-5)), NOW)

    found = quote(lines)
    assert (found.bid, found.last, found.volume) == (Price("10.30"), Price("10.40"), 9000)
    assert found.prev_close == Price("10.00")


def test_trade_that_the_snapshot_holds_is_counted_once(lines):
    lines.seed(day(-1), NOW)

    lines.apply(trade(-1.0, 1), NOW)
    lines.apply(trade(-0.5, 2), NOW)

    assert quote(lines).volume == 5100


def test_snapshot_from_the_future_changes_nothing(lines):
    assert not lines.seed(day(61), NOW)
    assert lines.quote(A, 0.0) is None


def test_snapshot_of_a_cleared_day_leaves_the_close_only(lines):
    lines.seed(day(None, volume=0, last=None), NOW)

    assert lines.quote(A, 0.0) is None
    assert lines.without_price() == [A]
    lines.offer(A, trade(-30), NOW)
    assert quote(lines).prev_close == Price("10.00")
    assert lines.without_price() == []


def test_last_quote_is_taken_where_the_stream_had_none(lines):
    lines.offer(A, best(-9), NOW)
    lines.offer(A, best(-10, bid="9.00"), NOW)
    lines.offer(A, None, NOW)
    lines.offer(B, best(-1), NOW)
    lines.offer(A, best(61, bid="9.00"), NOW)

    assert quote(lines).bid == Price("10.00")


def test_new_day_begins_without_volume_and_close(lines):
    lines.seed(day(), NOW)

    lines.begin_day()

    assert (quote(lines).volume, quote(lines).prev_close) == (0, None)


_EVENTS = st.lists(
    st.tuples(st.integers(-5, 5), st.integers(1, 5), st.booleans()).map(
        lambda each: best(each[0], each[1]) if each[2] else trade(each[0], each[1])
    ),
    max_size=20,
)


@given(_EVENTS)
def test_events_in_any_order_never_move_time_or_volume_back(events):
    lines = Lines()
    lines.keep([A])
    before = None
    for event in events:
        lines.apply(event, NOW)
        after = lines.quote(A, 0.0)
        if before is not None:
            assert after.time >= before.time
            assert after.volume >= before.volume
        before = after


@given(_EVENTS)
def test_events_that_come_twice_change_nothing_the_second_time(events):
    once, twice = Lines(), Lines()
    for lines, copies in ((once, 1), (twice, 2)):
        lines.keep([A])
        for event in events:
            for _ in range(copies):
                lines.apply(event, NOW)

    assert once.quote(A, 0.0) == twice.quote(A, 0.0)
