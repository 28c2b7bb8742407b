"""The ranking of what moved most."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.money import Price, Qty
from core.domain.movers import LARGE_CAPS, MoverSnapshot
from core.ids import Symbol
from core.signals.movers import scan_top_movers

NOW = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
A, B, C, D = (Symbol(each) for each in "ABCD")


def snapshot(
    symbol: Symbol,
    last: str | None = "101",
    *,
    close: str | None = "100",
    volume: int = 500,
    usual: int | None = 1000,
    age: timedelta | None = timedelta(seconds=5),
) -> MoverSnapshot:
    return MoverSnapshot(
        symbol,
        None if last is None else Price(last),
        None if close is None else Price(close),
        Qty(volume),
        None if usual is None else Qty(usual),
        None if age is None else NOW - age,
    )


def scan(*found: MoverSnapshot, universe: tuple[Symbol, ...] = (A, B, C, D), failures=None, **options):
    return scan_top_movers({each.symbol: each for each in found}, failures or {}, NOW, universe, **options)


def test_movers_are_ranked_by_absolute_change():
    found = scan(snapshot(A, "101"), snapshot(B, "95"), snapshot(C, "103"), snapshot(D, "99.5"))

    assert [row.symbol for row in found.rows] == [B, C, A, D]
    assert [row.change_pct for row in found.rows] == [-5, 3, 1, Decimal("-0.5")]


def test_equal_changes_are_ranked_by_relative_volume():
    found = scan(
        snapshot(A, "102", volume=500),
        snapshot(B, "98", volume=2000),
        snapshot(C, "102", usual=None),
        snapshot(D, "98", volume=1),
    )

    assert [row.symbol for row in found.rows] == [B, A, D, C]
    assert [row.rel_volume for row in found.rows] == [2, Decimal("0.5"), Decimal("0.001"), None]


def test_equal_rows_are_ranked_by_symbol():
    found = scan(snapshot(B), snapshot(A), universe=(B, A))

    assert [row.symbol for row in found.rows] == [A, B]


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (snapshot(A, None), "no trade today"),
        (snapshot(A, age=None), "no trade today"),
        (snapshot(A, close=None), "the last close is unknown"),
        (snapshot(A, age=timedelta(minutes=21)), "stale: last trade 21 min ago"),
        (snapshot(A, age=timedelta(hours=30)), "stale: last trade 30 h ago"),
        (snapshot(A, age=timedelta(days=4)), "stale: last trade 4 days ago"),
        (snapshot(A, age=-timedelta(minutes=2)), "impossible: last trade 2 min in the future"),
    ],
)
def test_symbol_that_cannot_be_ranked_is_excluded_with_its_reason(found, reason):
    result = scan(found, universe=(A,))

    assert result.rows == ()
    assert result.excluded == ((A, reason),)


@pytest.mark.parametrize("age", [timedelta(minutes=20), -timedelta(minutes=1), timedelta(0)])
def test_last_trade_at_the_limit_of_age_is_ranked(age):
    assert len(scan(snapshot(A, age=age), universe=(A,)).rows) == 1


def test_age_limit_can_be_chosen():
    found = scan(snapshot(A, age=timedelta(hours=3)), universe=(A,), oldest=timedelta(hours=4))

    assert [row.symbol for row in found.rows] == [A]


def test_failed_symbol_is_shown_beside_those_that_were_ranked():
    found = scan(snapshot(A), snapshot(B), failures={B: "not found", C: "no answer"})

    assert [row.symbol for row in found.rows] == [A]
    assert found.excluded == ((B, "not found"), (C, "no answer"), (D, "no answer for this symbol"))


def test_symbol_named_twice_is_ranked_once():
    found = scan(snapshot(A), universe=(A, A, A))

    assert found.universe == (A,)
    assert [row.symbol for row in found.rows] == [A]


def test_ranking_keeps_as_many_as_were_asked_for():
    found = scan(snapshot(A, "101"), snapshot(B, "102"), most_rows=1)

    assert [row.symbol for row in found.rows] == [B]


def test_snapshot_outside_the_universe_is_left_aside():
    assert scan(snapshot(A), universe=()).rows == ()


def test_usual_universe_is_twenty_large_caps():
    found = scan_top_movers({}, {}, NOW)

    assert len(set(LARGE_CAPS)) == 20
    assert found.universe == LARGE_CAPS
    assert found.as_of == NOW
    assert [symbol for symbol, _ in found.excluded] == list(LARGE_CAPS)


def test_row_carries_what_it_was_made_from():
    (row,) = scan(snapshot(A, "97.5", volume=1500), universe=(A,)).rows

    assert (row.last, row.change_pct, row.rel_volume) == (Decimal("97.5"), Decimal("-2.5"), Decimal("1.5"))
    assert (row.volume, row.as_of) == (1500, NOW - timedelta(seconds=5))


_PRICES = st.none() | st.decimals("0.01", "1000", places=2).map(Price)
_SHARES = st.integers(0, 10**9).map(Qty)
_TIMES = st.none() | st.integers(-600, 7200).map(lambda seconds: NOW - timedelta(seconds=seconds))
_SYMBOLS = st.sampled_from([A, B, C, D, Symbol("E"), Symbol("F")])
_SNAPSHOTS = st.builds(MoverSnapshot, _SYMBOLS, _PRICES, _PRICES, _SHARES, st.none() | _SHARES, _TIMES)


@given(st.lists(_SNAPSHOTS), st.lists(_SYMBOLS), st.dictionaries(_SYMBOLS, st.text(min_size=1)))
def test_every_scan_is_ordered_complete_and_without_repetition(found, universe, failures):
    result = scan_top_movers({each.symbol: each for each in found}, failures, NOW, universe)

    keys = [(-abs(row.change_pct), -(row.rel_volume or 0), row.symbol) for row in result.rows]
    names = [row.symbol for row in result.rows] + [symbol for symbol, _ in result.excluded]
    assert keys == sorted(keys)
    assert len(names) == len(set(names))
    assert set(names) == set(universe) == set(result.universe)
    assert all(reason for _, reason in result.excluded)
