"""The bars behind the chart: pyramid, wall clocks and indicators agree with a slow, plain reading."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.market import Bar
from core.domain.money import Price, Qty
from core.ids import Symbol
from ui.chart.indicators import Ema, Vwap
from ui.chart.pyramid import FANOUT
from ui.chart.series import BarSeries, columns_of_bars, values_of

OPEN = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)  # 09:30 in New York


def make_bars(closes: list[int], start: datetime = OPEN, minutes: int = 5) -> list[Bar]:
    made = []
    for index, close in enumerate(closes):
        first = closes[index - 1] if index else close
        prices = (first, max(first, close) + index % 3, min(first, close) - index % 2, close)
        time = start + timedelta(minutes=minutes * index)
        made.append(Bar(Symbol("AAPL"), time, *(Price(each) for each in prices), Qty(100 + index)))
    return made


def loaded(bars: list[Bar]) -> BarSeries:
    series = BarSeries()
    series.load(columns_of_bars(bars))
    return series


closes = st.lists(st.integers(min_value=10, max_value=500), min_size=1, max_size=300)


@given(closes=closes, limit=st.integers(min_value=1, max_value=400))
def test_visible_at_any_level_equals_the_bars_of_each_bucket(closes, limit):
    series = loaded(make_bars(closes))

    seen = series.visible(0, len(closes) - 1, limit)

    for bucket in range(len(seen.last)):
        bars = slice(bucket * seen.step, (bucket + 1) * seen.step)
        assert seen.high[bucket] == series.high[bars].max()
        assert seen.low[bucket] == series.low[bars].min()
        assert seen.close[bucket] == series.close[bars][-1]
        assert seen.volume[bucket] == series.volume[bars].max()
        assert seen.last[bucket] == min(bars.stop, len(closes)) - 1


@given(closes=closes)
def test_upsert_bar_by_bar_gives_the_same_pyramid_as_load(closes):
    bars = make_bars(closes)
    at_once, one_by_one = loaded(bars), BarSeries()

    for bar in bars:
        one_by_one.upsert(bar.time, (1.0, 9_999.0, 0.5, 1.0, 9_999.0))
        one_by_one.upsert(bar.time, values_of(bar))

    for limit in (1, 3, 20, 1_000):
        expected = at_once.visible(0, len(bars) - 1, limit)
        found = one_by_one.visible(0, len(bars) - 1, limit)
        assert found.step == expected.step
        for name in ("x", "open", "high", "low", "close", "volume"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    np.testing.assert_array_equal(one_by_one.local, at_once.local)
    assert one_by_one.extremes() == at_once.extremes()


def test_visible_with_more_bars_than_half_the_pixels_takes_a_coarser_level():
    series = loaded(make_bars([100] * 1_000))

    assert series.visible(0, 99, 300).step == 1
    assert series.visible(0, 999, 300).step == FANOUT
    assert series.visible(0, 999, 60).step == FANOUT**3


def test_upsert_of_a_late_bar_slips_it_in_by_time():
    bars = make_bars([100, 101, 102, 103])
    series = loaded([bars[0], bars[1], bars[3]])

    index = series.upsert(bars[2].time, values_of(bars[2]))

    assert index == 2
    assert series.close.tolist() == [100, 101, 102, 103]


def test_load_with_a_repeated_time_is_refused():
    bars = make_bars([100, 101])

    with pytest.raises(ValueError, match="rise strictly"):
        loaded([bars[0], bars[0], bars[1]])


def test_wall_clock_follows_summer_time_and_keeps_dates():
    winter = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
    summer = datetime(2026, 7, 6, 13, 30, tzinfo=UTC)
    dated = datetime(2026, 7, 7, tzinfo=UTC)
    bars = [make_bars([10], start)[0] for start in (winter, summer, dated)]

    local = loaded(bars).local

    shown = [datetime.fromtimestamp(each, tz=UTC) for each in local.tolist()]
    assert [f"{each:%H:%M}" for each in shown] == ["09:30", "09:30", "00:00"]
    assert shown[2].date() == dated.date()


@given(closes=closes)
def test_ema_over_blocks_equals_the_recursion(closes):
    series, ema = loaded(make_bars(closes)), Ema(20)

    ema.refresh(series, 0)

    expected = [float(closes[0])]
    for close in closes[1:]:
        expected.append(expected[-1] + 2 / 21 * (close - expected[-1]))
    np.testing.assert_allclose(ema.values, expected, rtol=1e-12)


def test_vwap_begins_anew_each_session():
    first = make_bars([100, 200], OPEN)
    second = make_bars([50], OPEN + timedelta(days=3))
    series, vwap = loaded([*first, *second]), Vwap()

    vwap.refresh(series, 0)

    typical = [(series.high[i] + series.low[i] + series.close[i]) / 3 for i in range(3)]
    within = (typical[0] * 100 + typical[1] * 101) / 201
    np.testing.assert_allclose(vwap.values, [typical[0], within, typical[2]])


@given(closes=closes)
def test_indicators_extended_bar_by_bar_equal_a_rebuild(closes):
    bars = make_bars(closes, minutes=45)
    series, kept = BarSeries(), (Ema(20), Vwap())

    for bar in bars:
        index = series.upsert(bar.time, values_of(bar))
        for each in kept:
            each.refresh(series, index)

    for each, fresh in zip(kept, (Ema(20), Vwap()), strict=True):
        fresh.refresh(series, 0)
        np.testing.assert_allclose(each.values, fresh.values, rtol=1e-12)


def test_vwap_without_volume_is_the_typical_price():
    bar = make_bars([100])[0]
    series, vwap = BarSeries(), Vwap()
    series.upsert(bar.time, (*values_of(bar)[:4], 0.0))

    vwap.refresh(series, 0)

    assert vwap.values.tolist() == [(series.high[0] + series.low[0] + series.close[0]) / 3]
