"""The pace of orders: bursts, minutes and days."""

from datetime import timedelta

import pytest

from core.clock import ManualClock
from core.domain.limits import Limits
from core.errors import RefusalCode, Refused
from core.orders.latency import AckTimes
from core.orders.throttle import Figures, Throttle


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def throttle(clock: ManualClock) -> Throttle:
    return Throttle(clock)


def take(throttle: Throttle, limits: Limits, count: int) -> list[Figures]:
    return [throttle.take(limits) for _ in range(count)]


def test_figures_are_those_from_before_the_order(throttle: Throttle) -> None:
    assert take(throttle, Limits(), 3) == [Figures(5, 0, 0), Figures(4, 1, 1), Figures(3, 2, 2)]


def test_looking_counts_nothing(throttle: Throttle) -> None:
    before = [throttle.figures(Limits()) for _ in range(50)]

    assert set(before) == {Figures(5, 0, 0)}


def test_a_burst_is_over_after_so_many_and_comes_back_with_time(
    throttle: Throttle, clock: ManualClock
) -> None:
    take(throttle, Limits(), 5)

    with pytest.raises(Refused) as caught:
        throttle.take(Limits())
    clock.turn(0.5)
    throttle.take(Limits())

    assert caught.value.code is RefusalCode.THROTTLED
    assert caught.value.details == {"retry_after_s": "0.5"}
    assert "5 orders at once" in caught.value.message


def test_a_pause_fills_the_burst_to_its_size_only(throttle: Throttle, clock: ManualClock) -> None:
    throttle.take(Limits())
    clock.turn(3600)

    assert throttle.figures(Limits()).burst_left == 5


def test_a_minute_has_so_many_orders_and_says_when_the_next_may_go(
    throttle: Throttle, clock: ManualClock
) -> None:
    limits = Limits(burst=100, per_minute=3)
    throttle.take(limits)
    clock.turn(20)
    take(throttle, limits, 2)

    with pytest.raises(Refused) as caught:
        throttle.take(limits)
    clock.turn(40)
    throttle.take(limits)

    assert caught.value.details == {"retry_after_s": "40.0"}
    assert "last minute" in caught.value.message


def test_a_day_has_so_many_orders_and_ends_at_midnight_utc(throttle: Throttle, clock: ManualClock) -> None:
    limits = Limits(burst=100, per_day=2)
    take(throttle, limits, 2)

    with pytest.raises(Refused) as caught:
        throttle.take(limits)
    midnight = (clock.now() + timedelta(days=1)).replace(hour=0, minute=0, second=0)
    clock.turn((midnight - clock.now()).total_seconds() - 1)
    still = throttle.figures(limits).today
    clock.turn(1)

    assert "today" in caught.value.message
    assert still == 2
    assert throttle.figures(limits).today == 0


def test_what_was_refused_is_not_counted(throttle: Throttle) -> None:
    take(throttle, Limits(burst=1), 1)

    for _ in range(10):
        with pytest.raises(Refused):
            throttle.take(Limits(burst=1))

    assert throttle.figures(Limits(burst=1)).today == 1


def test_the_orders_of_today_are_restored(throttle: Throttle) -> None:
    throttle.restore_today(7)

    assert throttle.figures(Limits()) == Figures(5, 0, 7)


def test_what_the_agent_attempts_counts_twice_and_is_bounded_by_its_own_numbers(
    throttle: Throttle, clock: ManualClock
) -> None:
    own = Limits(per_minute=2, per_day=3)
    throttle.take(Limits())
    first = throttle.take(Limits(), own)
    throttle.take(Limits(), own)

    assert (first.last_minute, first.today, first.own_last_minute, first.own_today) == (1, 1, 0, 0)
    with pytest.raises(Refused, match="The agent made 2 orders in the last minute") as caught:
        throttle.take(Limits(), own)
    assert caught.value.details["retry_after_s"] == "60.0"
    assert throttle.figures(Limits()).last_minute == 3
    throttle.take(Limits())
    clock.turn(60)
    throttle.take(Limits(), own)
    clock.turn(60)
    with pytest.raises(Refused, match="The agent made 3 orders today; the limit is 3"):
        throttle.take(Limits(), own)
    throttle.restore_today(9, 2)
    assert (throttle.figures(Limits()).today, throttle.figures(Limits()).own_today) == (9, 2)


def test_the_99th_percentile_is_the_nearest_rank_of_the_newest_200() -> None:
    times = AckTimes()

    firsts = [times.add(float(number)) for number in range(1, 101)]
    for _ in range(200):
        last = times.add(3.0)

    assert firsts[0] == 1.0
    assert firsts[-1] == 99.0
    assert last == 3.0
