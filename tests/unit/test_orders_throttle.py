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


@pytest.mark.parametrize(
    ("limits", "own", "words", "wait"),
    [
        (Limits(burst=2), None, "More than 2 orders at once; 2 a second may leave. Wait.", "0.5"),
        (Limits(burst=2, per_second=0.25), None, "More than 2 orders at once; 0.25 a second may leave. Wait.",
         "4.0"),
        (Limits(per_minute=2), None, "2 orders in the last minute; the limit is 2. Wait.", "50.0"),
        (Limits(per_minute=2, per_day=2), None, "2 orders were made today; the limit is 2.", "50.0"),
        (Limits(per_day=2), None, "2 orders were made today; the limit is 2.", "0.5"),
        (Limits(), Limits(per_minute=2), "The agent made 2 orders in the last minute; 2 may be.", "50.0"),
        (Limits(), Limits(per_day=2), "The agent made 2 orders today; the limit is 2.", "50.0"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_is_too_many_and_how_long_to_wait(
    throttle: Throttle, clock: ManualClock, limits: Limits, own: Limits | None, words: str, wait: str
) -> None:
    clock.turn(1000)
    throttle.take(limits, own)
    clock.turn(10)
    throttle.take(limits, own)
    if limits.burst == 2:
        throttle.take(limits, own)

    with pytest.raises(Refused) as caught:
        throttle.take(limits, own)

    assert (caught.value.code, caught.value.message) == (RefusalCode.THROTTLED, words)
    assert caught.value.details == {"retry_after_s": wait}
    assert throttle.figures(limits).today == (3 if limits.burst == 2 else 2)


def test_the_agents_day_ends_at_midnight_utc_and_its_minute_after_sixty_seconds(
    throttle: Throttle, clock: ManualClock
) -> None:
    own = Limits(per_day=1)
    throttle.take(Limits(), own)
    with pytest.raises(Refused) as caught:
        throttle.take(Limits(), own)
    clock.turn(59.9)
    kept = throttle.figures(Limits()).own_last_minute
    clock.turn(0.1)
    gone = throttle.figures(Limits()).own_last_minute
    clock.turn(24 * 3600)

    assert caught.value.details == {"retry_after_s": "60.0"}
    assert (kept, gone) == (1, 0)
    assert throttle.figures(Limits()).own_today == 0


def test_the_agent_is_refused_by_a_day_that_is_restored(throttle: Throttle) -> None:
    throttle.restore_today(3, 1)

    with pytest.raises(Refused) as caught:
        throttle.take(Limits(), Limits(per_day=1))

    assert caught.value.details == {"retry_after_s": "60.0"}
    assert throttle.figures(Limits()) == Figures(5, 0, 3, 0, 1)


def test_an_exit_is_counted_though_the_pace_is_used_up_and_leaves_no_debt(
    throttle: Throttle, clock: ManualClock
) -> None:
    take(throttle, Limits(), 5)

    before = [throttle.take_anyway(Limits()) for _ in range(2)]

    assert before == [Figures(0, 5, 5), Figures(0, 6, 6)]
    assert throttle.figures(Limits()) == Figures(0, 7, 7)
    clock.turn(0.5)
    assert throttle.take(Limits()) == Figures(1, 7, 7)


def test_an_exit_of_the_agent_counts_by_itself_and_with_all(throttle: Throttle) -> None:
    throttle.take_anyway(Limits(), is_agents=True)

    assert throttle.figures(Limits()) == Figures(4, 1, 1, 1, 1)
