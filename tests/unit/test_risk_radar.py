"""The arithmetic of the radar: each formula by hand and by numpy, n/a where an input is missing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import log10

import numpy as np
import pytest
from backtesting.test import GOOG
from hypothesis import given
from hypothesis import strategies as st

from core.domain.market import Bar
from core.domain.money import Price, Qty
from core.domain.parameters import RadarAxis, TargetProfile
from core.domain.radar import RadarInput, RadarInputName, RadarLevel, RadarSeverity
from core.risk.radar import Holding, level_of, portfolio_radar, symbol_radar
from core.risk.ranges import average_true_range, usual_volume
from tests.builders import AAPL

N = RadarInputName
NOW = datetime(2026, 1, 5, 15, tzinfo=UTC)
TARGET = TargetProfile()
KNOWN = {
    N.BETA: "1.25", N.CORRELATION: "-0.7", N.VOLATILITY: "0.35", N.RANGE: "0.02", N.VOLUME: "1000000",
    N.SPREAD: "0.0006", N.POSITION_WEIGHT: "0.14", N.SECTOR_WEIGHT: "0.3", N.HOLDINGS: "8",
}  # fmt: skip


def inputs(**changes: str | None) -> dict[RadarInputName, RadarInput]:
    values = {**KNOWN, **{N[name]: value for name, value in changes.items()}}
    return {
        name: RadarInput(
            name, None if value is None else Decimal(value), "" if value else f"No {name.value}."
        )
        for name, value in values.items()
    }


def scores(radar) -> dict[RadarAxis, Decimal | None]:
    return {each.axis: each.score for each in radar.axes}


def test_each_axis_is_what_its_formula_says() -> None:
    radar = symbol_radar(AAPL, inputs(), TARGET, NOW)

    assert scores(radar) == {
        RadarAxis.MARKET: Decimal("60.00"),  # half of 50, half of 70
        RadarAxis.VOLATILITY: Decimal("43.33"),  # 0.6 of 50, 0.4 of 33.33
        RadarAxis.LIQUIDITY: Decimal("27.50"),  # half of 50, half of 5
        RadarAxis.EVENT: None,
        RadarAxis.CONCENTRATION: Decimal("59.87"),  # 0.4 of 52.17, 0.3 of 50, 0.3 of 80
        RadarAxis.SENTIMENT: None,
    }
    known = 0.20 * 60 + 0.25 * 43.33 + 0.10 * 27.5 + 0.15 * 59.87
    assert radar.overall == Decimal(str(round(known / 0.70, 2)))
    assert radar.known_weight_pct == 70
    assert radar.level is RadarLevel.ELEVATED
    assert (radar.symbol, radar.at, radar.is_empty) == (AAPL, NOW, False)


@pytest.mark.parametrize(("changes", "axis", "expected"), [
    ({"BETA": "0.5", "CORRELATION": "0"}, RadarAxis.MARKET, 0),
    ({"BETA": "-3", "CORRELATION": "0"}, RadarAxis.MARKET, 0),
    ({"BETA": "2", "CORRELATION": "1"}, RadarAxis.MARKET, 100),
    ({"BETA": "9", "CORRELATION": "-1"}, RadarAxis.MARKET, 100),
    ({"VOLATILITY": "0.1", "RANGE": "0.005"}, RadarAxis.VOLATILITY, 0),
    ({"VOLATILITY": "0.6", "RANGE": "0.05"}, RadarAxis.VOLATILITY, 100),
    ({"VOLATILITY": "25", "RANGE": "0"}, RadarAxis.VOLATILITY, 60),
    ({"VOLUME": "10000000", "SPREAD": "0.0001"}, RadarAxis.LIQUIDITY, 0),
    ({"VOLUME": "0", "SPREAD": "0"}, RadarAxis.LIQUIDITY, 50),
    ({"VOLUME": "100000", "SPREAD": "0.0101"}, RadarAxis.LIQUIDITY, 100),
    ({"POSITION_WEIGHT": "0.02", "SECTOR_WEIGHT": "0.1", "HOLDINGS": "20"}, RadarAxis.CONCENTRATION, 0),
    ({"POSITION_WEIGHT": "0.25", "SECTOR_WEIGHT": "0.5", "HOLDINGS": "5"}, RadarAxis.CONCENTRATION, 100),
    ({"POSITION_WEIGHT": "0", "SECTOR_WEIGHT": "0", "HOLDINGS": "0"}, RadarAxis.CONCENTRATION, 30),
])  # fmt: skip
def test_each_part_of_an_axis_ends_at_its_bounds(changes, axis, expected) -> None:
    assert scores(symbol_radar(AAPL, inputs(**changes), TARGET, NOW))[axis] == expected


@pytest.mark.parametrize("name", [name.name for name in KNOWN])
def test_an_axis_without_an_input_is_not_scored_and_says_which(name: str) -> None:
    radar = symbol_radar(AAPL, inputs(**{name: None}), TARGET, NOW)

    (lost,) = (each for each in radar.axes if any(N[name] is used.name for used in each.inputs))
    assert lost.score is None
    assert lost.missing == f"No {N[name].value}."
    assert radar.overall is not None
    assert radar.known_weight_pct < 70


def test_events_and_sentiment_are_not_made_up() -> None:
    radar = symbol_radar(AAPL, inputs(), TARGET, NOW)

    words = {each.axis: each.missing for each in radar.axes if each.score is None}
    assert words == {
        RadarAxis.EVENT: "There is no source of an event calendar yet.",
        RadarAxis.SENTIMENT: "There is no source of sentiment yet.",
    }


def test_a_radar_of_which_nothing_is_known_has_no_overall_score() -> None:
    radar = symbol_radar(AAPL, inputs(**{name.name: None for name in KNOWN}), TARGET, NOW)

    assert (radar.overall, radar.level, radar.known_weight_pct, radar.alerts) == (None, None, 0, ())
    assert not radar.is_empty


def test_an_empty_portfolio_has_an_empty_radar() -> None:
    radar = portfolio_radar([], inputs(), TARGET, NOW)

    assert radar.is_empty
    assert (radar.axes, radar.overall, radar.level, radar.known_weight_pct) == ((), None, None, 0)


def test_a_portfolio_is_scored_by_the_value_of_its_holdings() -> None:
    calm, wild = inputs(BETA="0.5", CORRELATION="0"), inputs(BETA="2", CORRELATION="1")
    holdings = [Holding(Decimal(3_000), calm), Holding(Decimal(1_000), wild)]

    radar = portfolio_radar(holdings, inputs(POSITION_WEIGHT="0.25"), TARGET, NOW)

    assert scores(radar)[RadarAxis.MARKET] == 25
    market = radar.axes[0]
    assert [(each.name, each.value) for each in market.inputs] == [
        (N.BETA, Decimal("0.875")), (N.CORRELATION, Decimal("0.25"))
    ]  # fmt: skip
    assert scores(radar)[RadarAxis.CONCENTRATION] == Decimal("79.00")
    assert radar.symbol is None


def test_a_portfolio_has_no_score_where_one_holding_has_none() -> None:
    holdings = [Holding(Decimal(1), inputs()), Holding(Decimal(1), inputs(BETA=None))]

    market = portfolio_radar(holdings, inputs(), TARGET, NOW).axes[0]

    assert (market.score, market.missing) == (None, "No beta.")
    assert market.inputs[1].value == Decimal("-0.7")
    alone = portfolio_radar(holdings[1:], inputs(), TARGET, NOW).axes[0]
    assert [(each.name, each.missing) for each in alone.inputs] == [(N.BETA, "No beta."), (N.CORRELATION, "")]


def test_what_lacks_of_several_holdings_is_said_once_each_in_their_order() -> None:
    bare = {**inputs(), N.BETA: RadarInput(N.BETA, None, "No year of bars.")}
    holdings = [Holding(Decimal(1), each) for each in (inputs(BETA=None), bare, inputs(BETA=None), inputs())]

    market = portfolio_radar(holdings, inputs(), TARGET, NOW).axes[0]

    assert market.inputs[0] == RadarInput(N.BETA, None, "No beta. No year of bars.")
    assert market.inputs[1] == RadarInput(N.CORRELATION, Decimal("-0.7"))


def test_a_holding_at_zero_counts_as_zero() -> None:
    holdings = [Holding(Decimal(1), inputs(BETA="0")), Holding(Decimal(3), inputs(BETA="2"))]

    radar = portfolio_radar(holdings, inputs(), TARGET, NOW)

    assert radar.axes[0].inputs[0] == RadarInput(N.BETA, Decimal("1.5"))
    assert [each.target for each in radar.axes] == [TARGET.target(axis) for axis in RadarAxis]
    assert (radar.target, radar.at) == (TARGET, NOW)


@pytest.mark.parametrize(("target", "severity"), [
    ("50", None), ("49.99", RadarSeverity.WARNING), ("40", RadarSeverity.WARNING),
    ("39.99", RadarSeverity.CRITICAL), ("60", None), ("100", None),
])  # fmt: skip
def test_an_alert_is_raised_more_than_ten_and_twenty_points_above_the_target(target, severity) -> None:
    aim = replace(TARGET, market=Decimal(target), volatility=Decimal(100), concentration=Decimal(100))

    found = symbol_radar(AAPL, inputs(), aim, NOW).alerts

    assert [each.severity for each in found] == ([] if severity is None else [severity])
    assert [each.excess for each in found] == ([] if severity is None else [60 - Decimal(target)])


def test_alerts_stand_the_worst_first() -> None:
    aim = replace(TARGET, market=Decimal(40), concentration=Decimal(0), volatility=Decimal(0))

    found = symbol_radar(AAPL, inputs(), aim, NOW).alerts

    assert [each.axis for each in found] == [RadarAxis.CONCENTRATION, RadarAxis.VOLATILITY, RadarAxis.MARKET]


@pytest.mark.parametrize(("overall", "level"), [
    ("0", "low"), ("24.99", "low"), ("25", "moderate"), ("44.99", "moderate"), ("45", "elevated"),
    ("64.99", "elevated"), ("65", "high"), ("79.99", "high"), ("80", "critical"), ("100", "critical"),
])  # fmt: skip
def test_the_level_changes_at_its_borders(overall: str, level: str) -> None:
    assert level_of(Decimal(overall)) == level


@given(st.fixed_dictionaries({name: st.floats(-1e12, 1e12, allow_nan=False) for name in KNOWN}))
def test_no_input_drives_a_score_out_of_its_range(values) -> None:
    made = {name: RadarInput(name, Decimal(repr(value))) for name, value in values.items()}

    radar = symbol_radar(AAPL, made, TARGET, NOW)

    assert all(0 <= each.score <= 100 for each in radar.axes if each.score is not None)
    assert 0 <= radar.overall <= 100


def test_the_formulas_agree_with_numpy() -> None:
    rng = np.random.default_rng(7)
    for _ in range(200):
        beta, corr, vol, true_range = rng.uniform([-1, -1, 0, 0], [3, 1, 1, 0.1])
        volume, spread, position, sector = rng.uniform([1, 0, 0, 0], [1e8, 0.02, 0.5, 1])
        holdings = int(rng.integers(0, 30))
        values = (beta, corr, vol, true_range, volume, spread, position, sector, holdings)
        made = {n: RadarInput(n, Decimal(repr(float(v)))) for n, v in zip(KNOWN, values, strict=True)}

        def part(x: float) -> float:
            return float(np.clip(x * 100, 0, 100))

        expected = [
            0.5 * part((beta - 0.5) / 1.5) + 0.5 * part(abs(corr)),
            0.6 * part((vol - 0.10) / 0.50) + 0.4 * part((true_range - 0.005) / 0.045),
            0.5 * part((7 - log10(max(volume, 1))) / 2) + 0.5 * part((spread - 0.0001) / 0.01),
            0.4 * part((position - 0.02) / 0.23)
            + 0.3 * part((sector - 0.1) / 0.4)
            + 0.3 * part(max(20 - holdings, 0) / 15),
        ]
        found = [each.score for each in symbol_radar(AAPL, made, TARGET, NOW).axes if each.score is not None]
        np.testing.assert_allclose([float(each) for each in found], expected, atol=0.005001)


def bars_of(rows: list[tuple[str, str, str, str]], volume: int = 100) -> list[Bar]:
    return [
        Bar(AAPL, NOW + timedelta(days=day), *map(Price, row), Qty(volume + day))
        for day, row in enumerate(rows)
    ]


def random_bars(count: int, seed: int = 3) -> list[Bar]:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, count)))
    rows = []
    for last in close:
        first, high, low = last * rng.uniform([0.98, 1.0, 0.95], [1.02, 1.05, 1.0])
        rows.append(
            tuple(f"{value:.2f}" for value in (first, max(high, first, last), min(low, first, last), last))
        )
    return bars_of(rows)


@pytest.mark.parametrize("days", [1, 2, 14])
@pytest.mark.parametrize("count", [16, 60, 253])
def test_the_average_true_range_agrees_with_numpy(days: int, count: int) -> None:
    bars = random_bars(count)
    high, low, close = (
        np.array([float(getattr(bar, name)) for bar in bars]) for name in ("high", "low", "close")
    )
    ranges = np.maximum.reduce([high[1:] - low[1:], abs(high[1:] - close[:-1]), abs(low[1:] - close[:-1])])
    expected = ranges[:days].mean()
    for each in ranges[days:]:
        expected += (each - expected) / days

    found = average_true_range(bars, days)

    assert found is not None
    assert abs(float(found) - expected) < 1e-9


def test_the_average_true_range_of_real_prices_agrees_with_numpy() -> None:
    rows = [
        tuple(f"{value:.4f}" for value in row) for row in GOOG[["Open", "High", "Low", "Close"]].to_numpy()
    ]
    bars = bars_of(rows)

    found = average_true_range(bars)

    high, low, close = (np.array([float(row[place]) for row in rows]) for place in (1, 2, 3))
    ranges = np.maximum.reduce([high[1:] - low[1:], abs(high[1:] - close[:-1]), abs(low[1:] - close[:-1])])
    expected = ranges[:14].mean()
    for each in ranges[14:]:
        expected += (each - expected) / 14
    assert found is not None
    assert len(bars) > 2_000
    assert abs(float(found) - expected) < 1e-9


def test_a_gap_counts_in_the_true_range() -> None:
    bars = bars_of([("10", "11", "9", "10"), ("20", "21", "20", "20"), ("5", "6", "5", "5")])

    assert average_true_range(bars[:2], 1) == 11
    assert average_true_range(bars[1:], 1) == 15


def test_too_few_bars_have_no_range_and_no_usual_volume() -> None:
    bars = random_bars(20)

    assert average_true_range(bars[:14]) is None
    assert average_true_range(bars[:15]) is not None
    assert usual_volume(bars[:19]) is None
    assert usual_volume(bars) == Decimal("109.5")
    assert usual_volume(random_bars(30)) == Decimal("119.5")
