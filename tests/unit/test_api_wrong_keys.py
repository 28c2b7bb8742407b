"""The count of wrong keys: five within the window begin a lock-out, which a restart does not end."""

from datetime import timedelta

import pytest

from core.api.wrong_keys import LOCKED_S, MOST_FAILURES, WINDOW_S, WrongKeys
from core.clock import ManualClock
from core.domain.access import LockOut


class Kept:
    """Where it is noted."""

    def __init__(self) -> None:
        self.notes: list[LockOut] = []

    async def note(self, known: LockOut) -> None:
        self.notes.append(known)


def made(clock: ManualClock) -> tuple[WrongKeys, Kept]:
    kept = Kept()
    return WrongKeys(clock, kept.note), kept


async def fail(keys: WrongKeys, times: int) -> None:
    for _ in range(times):
        await keys.failed()


async def test_last_of_the_failures_begins_it(expected_log):
    expected_log("api.locked_out")
    clock = ManualClock()
    keys, kept = made(clock)

    await fail(keys, MOST_FAILURES - 1)
    before = keys.locked_for_s
    await fail(keys, 1)

    assert (before, keys.locked_for_s) == (0.0, LOCKED_S)
    assert [each.until for each in kept.notes] == [None] * 4 + [clock.now() + timedelta(seconds=LOCKED_S)]
    assert len(kept.notes[-1].failures) == MOST_FAILURES


async def test_failures_that_lie_apart_begin_nothing():
    clock = ManualClock()
    keys, _ = made(clock)

    for _ in range(20):
        await keys.failed()
        clock.turn(WINDOW_S / (MOST_FAILURES - 1))

    assert keys.locked_for_s == 0.0


async def test_it_ends_by_itself_and_counts_from_nothing(expected_log):
    expected_log("api.locked_out")
    clock = ManualClock()
    keys, _ = made(clock)

    await fail(keys, MOST_FAILURES)
    clock.turn(LOCKED_S)
    ended = keys.locked_for_s
    await fail(keys, MOST_FAILURES - 1)

    assert (ended, keys.locked_for_s) == (0.0, 0.0)


async def test_next_run_goes_on_where_the_last_one_stood(expected_log):
    expected_log("api.locked_out")
    first = ManualClock()
    keys, kept = made(first)
    await fail(keys, MOST_FAILURES)
    second = ManualClock(first.now() + timedelta(seconds=400))

    again, _ = made(second)
    again.restore(kept.notes[-1])

    assert again.locked_for_s == pytest.approx(LOCKED_S - 400)


async def test_next_run_remembers_the_failures_too(expected_log):
    expected_log("api.locked_out")
    first = ManualClock()
    keys, kept = made(first)
    await fail(keys, MOST_FAILURES - 1)

    again, _ = made(ManualClock(first.now() + timedelta(seconds=10)))
    again.restore(kept.notes[-1])
    await fail(again, 1)

    assert again.locked_for_s == LOCKED_S


@pytest.mark.parametrize("moved", [timedelta(days=-400), timedelta(days=400)])
async def test_clock_that_was_set_makes_no_lock_out_longer(moved, expected_log):
    expected_log("api.locked_out")
    first = ManualClock()
    keys, kept = made(first)
    await fail(keys, MOST_FAILURES)

    again, _ = made(ManualClock(first.now() + moved))
    again.restore(kept.notes[-1])

    assert 0.0 <= again.locked_for_s <= LOCKED_S
