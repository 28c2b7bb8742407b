"""The allowance of a key: so many a minute, never more, and always again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.api.pace import Bucket, Pace
from core.clock import ManualClock
from core.errors import RefusalCode, Refused


def test_allowance_is_full_at_first_and_then_comes_back_evenly():
    clock = ManualClock()
    pace = Pace(120, clock)

    for _ in range(120):
        pace.take("a")
    with pytest.raises(Refused) as refused:
        pace.take("a")
    clock.turn(0.5)
    pace.take("a")

    assert refused.value.code is RefusalCode.THROTTLED
    assert float(refused.value.details["retry_after_s"]) == pytest.approx(0.5, abs=0.001)


def test_keys_do_not_share_an_allowance():
    pace = Pace(1, ManualClock())

    pace.take("a")
    pace.take("b")

    with pytest.raises(Refused):
        pace.take("a")


@given(
    st.integers(min_value=1, max_value=300),
    st.lists(st.floats(min_value=0, max_value=30, allow_nan=False), max_size=300),
)
def test_never_more_than_the_allowance_and_what_came_back(per_minute, gaps):
    bucket, now, taken = Bucket(per_minute, 0.0), 0.0, 0

    for gap in gaps:
        now += gap
        taken += bucket.take(now) == 0.0

    assert taken <= per_minute + now * per_minute / 60.0 + 1e-6


@given(st.integers(min_value=1, max_value=300), st.integers(min_value=0, max_value=50))
def test_whoever_waits_as_long_as_told_is_let_in(per_minute, more):
    bucket = Bucket(per_minute, 0.0)
    now = 0.0
    for _ in range(per_minute + more):
        wait = bucket.take(now)
        if wait:
            now += wait + 1e-6

            assert bucket.take(now) == 0.0
