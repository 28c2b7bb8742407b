"""The breakers' machine: every border, and nothing that moves it but its figure and a person."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.breakers import EFFECTS, BreakerName, BreakerRecord, BreakerState
from core.domain.limits import AGENT_LIMITS, Limits
from core.risk.breakers import UNITS, drawdown_pct, is_over, limit_of, loss_pct, next_state

AT = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
ARMED, TRIPPED, ACKNOWLEDGED = BreakerState.ARMED, BreakerState.TRIPPED, BreakerState.ACKNOWLEDGED
BEYOND = {BreakerName.SLIPPAGE, BreakerName.OVERFILL, BreakerName.DRIFT, BreakerName.ORDERS_OUT}
STEP = Decimal("0.000001")

names = st.sampled_from(BreakerName)
states = st.sampled_from(BreakerState)
numbers = st.decimals(0, 1_000_000, places=6)
limits = st.builds(
    Limits,
    daily_loss_pct=st.decimals(1, 100, places=2),
    drawdown_pct=st.decimals(1, 100, places=2),
    losing_streak=st.integers(1, 20),
    rejects_max=st.integers(1, 50),
    slippage_pct=st.decimals(0, 20, places=2),
    stale_s=st.floats(1, 3600).map(lambda value: round(value, 3)),
    down_s=st.floats(1, 3600).map(lambda value: round(value, 3)),
)


def record(name: BreakerName, state: BreakerState, limit: Decimal | None) -> BreakerRecord:
    return BreakerRecord(name, state, "", "", None, limit, UNITS[name], "desk", "admin", "", AT)


@pytest.mark.parametrize("name", BreakerName)
def test_every_breaker_has_an_effect_a_unit_and_a_limit(name: BreakerName) -> None:
    assert name in EFFECTS
    assert name in UNITS
    assert limit_of(name, Limits(), AGENT_LIMITS) >= 0


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        (BreakerName.DAILY_LOSS, "5"),
        (BreakerName.AGENT_LOSS, "3"),
        (BreakerName.LOSING_STREAK, "3"),
        (BreakerName.DRAWDOWN, "10"),
        (BreakerName.REJECT_RATE, "5"),
        (BreakerName.SLIPPAGE, "1"),
        (BreakerName.OVERFILL, "0"),
        (BreakerName.DRIFT, "0"),
        (BreakerName.ORDERS_OUT, "0"),
        (BreakerName.STALE_DATA, "60"),
        (BreakerName.DISCONNECTION, "60"),
    ],
)
def test_the_default_limits_are_those_of_the_control_list(name: BreakerName, limit: str) -> None:
    assert limit_of(name, Limits(), AGENT_LIMITS) == Decimal(limit)


@given(names, numbers)
def test_an_armed_breaker_trips_at_its_border_and_not_below(name: BreakerName, limit: Decimal) -> None:
    at = next_state(name, None, limit, limit)
    above = next_state(name, record(name, ARMED, limit), limit + STEP, limit)
    below = next_state(name, None, limit - STEP, limit)

    assert at is (None if name in BEYOND else TRIPPED)
    assert above is TRIPPED
    assert below is None


@given(names, states, st.none() | numbers, numbers)
def test_an_unknown_figure_moves_nothing(
    name: BreakerName, state: BreakerState, tripped_at: Decimal | None, limit: Decimal
) -> None:
    assert next_state(name, record(name, state, tripped_at), None, limit) is None
    assert next_state(name, None, None, limit) is None


@given(names, st.lists(st.tuples(st.none() | numbers, limits), max_size=20))
def test_a_trip_is_left_by_no_figure_and_no_change_of_limits(
    name: BreakerName, seen: list[tuple[Decimal | None, Limits]]
) -> None:
    known = record(name, TRIPPED, Decimal(1))

    moved = {next_state(name, known, figure, limit_of(name, each, each)) for figure, each in seen}

    assert moved <= {None}


@given(names, numbers, st.lists(limits, max_size=20))
def test_an_acknowledged_breaker_is_armed_by_its_figure_alone(
    name: BreakerName, tripped_at: Decimal, edits: list[Limits]
) -> None:
    known = record(name, ACKNOWLEDGED, tripped_at)

    for each in edits:
        assert next_state(name, known, tripped_at + STEP, limit_of(name, each, each)) is None
        if name not in BEYOND:
            assert next_state(name, known, tripped_at, limit_of(name, each, each)) is None
    assert next_state(name, known, tripped_at - STEP, tripped_at) is ARMED


@given(names, states, numbers, numbers)
def test_the_same_record_read_again_goes_the_same_way(
    name: BreakerName, state: BreakerState, figure: Decimal, limit: Decimal
) -> None:
    known = record(name, state, limit)
    read_again = replace(known, at=known.at + timedelta(0))

    assert next_state(name, known, figure, limit) == next_state(name, read_again, figure, limit)


@given(names, st.lists(st.tuples(st.none() | numbers, st.booleans()), max_size=40), numbers)
def test_over_any_history_a_trip_ends_by_a_person_only(
    name: BreakerName, history: list[tuple[Decimal | None, bool]], limit: Decimal
) -> None:
    known: BreakerRecord | None = None
    for figure, person_acknowledges in history:
        before = ARMED if known is None else known.state
        state = next_state(name, known, figure, limit)
        if state is not None:
            known = record(name, state, limit)
        after = ARMED if known is None else known.state
        if before is TRIPPED:
            assert after is TRIPPED
        if after is TRIPPED and person_acknowledges:
            known = record(name, ACKNOWLEDGED, limit)
        if figure is not None and before is ARMED:
            assert (after is TRIPPED) is is_over(name, figure, limit)


@pytest.mark.parametrize(
    ("start", "flows", "equity", "lost"),
    [
        ("100000", "0", "95000", "5"),
        ("100000", "0", "95000.01", "4.99999"),
        ("100000", "10000", "105000", "5"),  # a deposit is no gain
        ("100000", "-50000", "47500", "2.5"),  # a withdrawal is no loss
        ("100000", "0", "120000", "0"),
    ],
)
def test_a_loss_is_what_equity_lacks_to_the_start_and_what_the_owner_moved(
    start: str, flows: str, equity: str, lost: str
) -> None:
    assert loss_pct(Decimal(start), Decimal(flows), Decimal(equity)) == Decimal(lost)


def test_a_loss_is_unknown_where_a_part_of_it_is() -> None:
    some = Decimal(1)

    assert loss_pct(None, some, some) is None
    assert loss_pct(some, some, None) is None
    assert loss_pct(Decimal(0), some, some) is None
    assert drawdown_pct(None, some) is None
    assert drawdown_pct(Decimal(100), Decimal(90)) == 10
