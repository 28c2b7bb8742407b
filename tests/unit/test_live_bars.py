"""The running bar follows the quotes, and a finished one is never lost."""

from datetime import UTC, datetime, timedelta

from core.domain.market import Bar, Quote, Timeframe
from core.domain.money import Price, Qty
from core.ids import Symbol
from core.state.bars import LiveBars

SYMBOL = Symbol("AAPL")
START = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


def bar(start=START, price="100", volume=1000):
    return Bar(SYMBOL, start, *(Price(price),) * 4, Qty(volume))


def quote(after_s, last, volume, symbol=SYMBOL):
    moment = START + timedelta(seconds=after_s)
    return Quote(symbol, None, None, Qty(0), Qty(0), Price(last), None, Qty(volume), False, moment, 0.0)


def following(timeframe=Timeframe.M5, history=None):
    bars = LiveBars()
    bars.follow(SYMBOL, timeframe, [bar()] if history is None else history)
    return bars


def test_quote_within_the_bar_moves_close_high_and_low():
    bars = following()

    changed = bars.apply([quote(10, "101", 5000), quote(20, "99", 5100)])

    assert [each.bar for each in changed] == [
        Bar(SYMBOL, START, Price("100"), Price("101"), Price("99"), Price("99"), Qty(1100))
    ]


def test_quote_after_the_bar_begins_the_next_and_keeps_the_finished_one():
    bars = following()

    changed = bars.apply([quote(299, "101", 5000), quote(301, "102", 5050)])

    assert [each.bar.time for each in changed] == [START, START + timedelta(minutes=5)]
    assert changed[1].bar.open == Price("102")
    assert changed[1].bar.volume == Qty(50)


def test_gap_of_several_bars_begins_on_the_grid():
    bars = following(Timeframe.M1)

    (changed,) = bars.apply([quote(200, "101", 1)])

    assert changed.bar.time == START + timedelta(minutes=3)


def test_day_bar_goes_on_until_the_market_date_changes():
    bars = following(Timeframe.D1)

    same, following_day = bars.apply([quote(3600 * 4, "101", 1), quote(3600 * 24, "102", 1)])

    assert same.bar.time == START
    assert following_day.bar.time == START + timedelta(days=1)


def test_week_bar_goes_on_for_seven_days():
    bars = following(Timeframe.W1)

    (changed,) = bars.apply([quote(3600 * 24 * 6, "101", 1)])

    assert changed.bar.time == START


def test_other_symbols_older_quotes_and_no_history_change_nothing():
    assert not following().apply([quote(1, "101", 1, Symbol("MSFT"))])
    assert not following().apply([quote(-1, "101", 1)])
    assert not following(history=[]).apply([quote(1, "101", 1)])


def test_volume_of_a_new_day_is_not_negative():
    bars = following()
    bars.apply([quote(1, "100", 5000)])

    (changed,) = bars.apply([quote(2, "100", 10)])

    assert changed.bar.volume == Qty(1000)
