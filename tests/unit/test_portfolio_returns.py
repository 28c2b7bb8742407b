"""Returns, risk and ratios against numpy and pandas, on the real prices of GOOG from 2004 to 2013."""

from datetime import date, timedelta
from decimal import Decimal
from math import inf, sqrt

import numpy as np
import pandas as pd
import pytest
from backtesting.test import GOOG
from hypothesis import given
from hypothesis import strategies as st

from core.portfolio import returns as stats

CLOSES = GOOG["Close"].to_numpy(float)
REAL = CLOSES[1:] / CLOSES[:-1] - 1
# The opening prices are another series of the same share: alike, and not the same.
BY_CLOSE = GOOG["Close"].pct_change().dropna()
BY_OPEN = GOOG["Open"].pct_change().dropna()
EXACT = 1e-9


def close_to(expected):
    return pytest.approx(float(expected), rel=EXACT, abs=EXACT)


def by_date(series):
    return {stamp.date(): float(value) for stamp, value in series.items()}


def test_simple_returns_are_those_of_numpy():
    assert np.allclose(stats.simple_returns(CLOSES.tolist()), REAL, rtol=EXACT, atol=EXACT)


def test_log_returns_are_those_of_numpy_and_add_up():
    found = stats.log_returns(REAL.tolist())

    assert np.allclose(found, np.diff(np.log(CLOSES)), rtol=EXACT, atol=EXACT)
    assert sum(found) == close_to(np.log(CLOSES[-1] / CLOSES[0]))


@pytest.mark.parametrize("days", [slice(None), slice(0, 2), slice(100, 163), slice(900, 1152)])
def test_every_figure_is_that_of_numpy_on_real_prices(days):
    real = REAL[days]
    given_returns = real.tolist()

    assert stats.volatility(given_returns) == close_to(np.std(real, ddof=1) * sqrt(252))
    assert stats.sharpe(given_returns) == close_to(np.mean(real) / np.std(real, ddof=1) * sqrt(252))
    assert stats.compounded(given_returns) == close_to(np.prod(1 + real) - 1)
    assert stats.growth_a_year(given_returns) == close_to(np.mean(np.log(1 + real)) * 252)
    value = np.concatenate(([1.0], np.cumprod(1 + real)))
    below = value / np.maximum.accumulate(value) - 1
    assert np.allclose(stats.drawdowns(given_returns), below[1:], rtol=EXACT, atol=EXACT)
    downside = np.sqrt(np.mean(np.minimum(real, 0) ** 2))
    assert stats.sortino(given_returns) == (
        close_to(np.mean(real) / downside * sqrt(252)) if downside else None
    )


@pytest.mark.parametrize("days", [slice(None), slice(0, 20), slice(0, 21), slice(100, 163), slice(900, 1152)])
def test_the_tail_is_that_of_numpy_on_real_prices(days):
    real = REAL[days]
    worst = np.sort(real)[: int(np.ceil(len(real) * 0.05))]

    assert stats.value_at_risk(real.tolist()) == close_to(-np.percentile(real, 5))
    assert stats.expected_shortfall(real.tolist()) == close_to(-worst.mean())


def test_figures_of_the_whole_history_are_those_of_empyrical():
    # As empyrical-reloaded 0.7.1 gave them for the same prices; it needs a package that has no wheel.
    given_returns, openings = REAL.tolist(), GOOG["Open"].pct_change().dropna().tolist()

    assert stats.volatility(given_returns) == close_to(0.34405786161892116)
    assert min(stats.drawdowns(given_returns)) == close_to(-0.65294759972499)
    assert stats.sharpe(given_returns) == close_to(0.8815185699129495)
    assert stats.sortino(given_returns) == close_to(1.3541673631507354)
    assert stats.compounded(given_returns) == close_to(7.034582419772811)
    assert stats.value_at_risk(given_returns) == close_to(0.030780025087434947)
    assert stats.expected_shortfall(given_returns) == close_to(0.04808958498266026)
    assert stats.Joined(tuple(given_returns), tuple(openings)).beta == close_to(0.33675564357298193)


def test_drawdown_of_the_whole_history_is_that_of_the_prices():
    expected = (CLOSES / np.maximum.accumulate(CLOSES) - 1).min()

    assert min(stats.drawdowns(REAL.tolist())) == close_to(expected)
    assert expected < -0.6  # 2008


def test_beta_and_correlation_are_those_of_numpy_on_the_same_days():
    ours, theirs = BY_CLOSE[5:900], BY_OPEN[:700]
    both = pd.concat([ours, theirs], axis=1, join="inner")
    left, right = both.iloc[:, 0], both.iloc[:, 1]

    found = stats.join(by_date(ours), by_date(theirs))

    assert len(found.ours) == len(both) == 695
    assert found.beta == close_to(np.cov(left, right)[0, 1] / np.var(right, ddof=1))
    assert found.beta == close_to(np.polyfit(right, left, 1)[0])
    assert found.correlation == close_to(np.corrcoef(left, right)[0, 1])


def test_series_with_holes_are_joined_by_date_and_not_by_place():
    ours = by_date(BY_CLOSE[10:400])
    theirs = {day: value for number, (day, value) in enumerate(by_date(BY_CLOSE).items()) if number % 7}

    found = stats.join(ours, theirs)

    assert found.ours == found.theirs  # by place they would be a day apart after the first hole
    assert found.beta == close_to(1)
    assert found.correlation == close_to(1)


@pytest.mark.parametrize("days", [0, 1])
def test_too_few_returns_have_no_figures(days):
    few = REAL[:days].tolist()

    assert stats.volatility(few) is None
    assert stats.sharpe(few) is None
    assert stats.sortino(few) is None
    assert stats.value_at_risk(REAL[:19].tolist()) is None
    assert stats.expected_shortfall(REAL[:19].tolist()) is None
    assert stats.join({}, {}).beta is None
    assert stats.join(dict.fromkeys([date(2020, 1, 2)], 0.1), {date(2020, 1, 2): 0.2}).correlation is None


def test_nothing_compounds_to_nothing_known():
    assert stats.compounded([]) is None
    assert stats.growth_a_year([]) is None
    assert stats.drawdowns([]) == []


def test_ratio_to_nothing_is_not_a_number():
    steady = [0.001] * 30

    assert stats.volatility(steady) == 0
    assert stats.sharpe(steady) is None
    assert stats.sortino(steady) is None
    assert stats.join(*[dict.fromkeys((date(2020, 1, 2), date(2020, 1, 3)), 0.01)] * 2).beta is None


def test_total_loss_compounds_and_has_no_growth():
    assert stats.compounded([0.5, -1.0, 0.2]) == -1
    assert stats.growth_a_year([0.5, -1.0, 0.2]) is None
    assert stats.drawdowns([0.5, -1.0, 0.2]) == [0, -1, -1]


START = date(2024, 1, 1)


def paid(*flows):
    return [(START + timedelta(days=days), Decimal(amount)) for days, amount in flows]


def test_xirr_of_one_year_is_the_simple_return():
    assert stats.xirr(paid((0, -1000), (365, 1100))) == close_to(0.1)
    assert stats.xirr(paid((0, -1000), (365, 400))) == close_to(-0.6)


def test_xirr_is_that_of_the_known_example():
    # Microsoft, XIRR function: the worked example of its page, 37.34 %.
    dates = [date(2008, 1, 1), date(2008, 3, 1), date(2008, 10, 30), date(2009, 2, 15), date(2009, 4, 1)]
    amounts = map(Decimal, (-10_000, 2_750, 4_250, 3_250, 2_750))

    assert stats.xirr(list(zip(dates, amounts, strict=True))) == pytest.approx(0.373362535, abs=1e-8)


@pytest.mark.parametrize(
    "flows",
    [
        [],
        [(0, -1000)],
        [(0, -1000), (30, -1)],
        [(0, 1000), (30, 1)],
        [(0, -1000), (0, 1100)],
        [(0, -1000), (30, 0)],
        [(0, -1000), (365, 3500), (730, -3100)],  # its worth is below zero at every rate
    ],
)
def test_xirr_without_a_change_of_sign_is_refused(flows):
    assert stats.xirr(paid(*flows)) is None


@given(
    st.lists(st.tuples(st.integers(1, 4000), st.integers(-900, 900)), max_size=8),
    st.integers(1, 5000),
    st.integers(1, 100_000),
)
def test_xirr_makes_the_payments_worth_nothing(flows, last, end):
    flows = [(0, -10_000), *flows, (last, end)]

    rate = stats.xirr(paid(*flows))

    if rate is not None:
        worth = sum(amount * (1 + rate) ** (-days / 365) for days, amount in flows)
        size = sum(abs(amount) * (1 + rate) ** (-days / 365) for days, amount in flows)
        assert -1 < rate < inf
        assert abs(worth) <= 1e-6 * size


@given(st.lists(st.floats(-0.99, 3.0), min_size=1, max_size=40))
def test_drawdown_is_never_above_zero_and_never_below_everything(returns):
    assert all(-1 <= each <= 0 for each in stats.drawdowns(returns))
