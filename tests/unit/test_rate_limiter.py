"""A minute's requests are shared out: cancels first, never too many, and nobody waits for ever."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.alpaca.limiter import PATIENCE_S, WINDOW_S, Limiter, Priority
from core.clock import ManualClock, settle
from core.errors import RateLimited

LIMIT = 18  # a tenth of the usual one, so that two requests are a priority's share
NAMES = list(Priority)


class Bench:
    """A limiter, and who was granted what at which second."""

    def __init__(self, per_minute: int = LIMIT) -> None:
        self.clock = ManualClock()
        self.told: list[tuple[int, float]] = []
        self.limiter = Limiter(self.clock, per_minute, lambda *told: self.told.append(told))
        self.granted: list[tuple[float, Priority]] = []
        self.refused: list[tuple[Priority, RateLimited]] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def ask(self, *priorities: Priority) -> None:
        for priority in priorities:
            self.tasks.append(asyncio.get_running_loop().create_task(self._take(priority)))
        await settle()

    async def _take(self, priority: Priority) -> None:
        try:
            await self.limiter.take(priority)
            self.granted.append((self.clock.monotonic(), priority))
        except RateLimited as error:
            self.refused.append((priority, error))

    def count(self, priority: Priority) -> int:
        return sum(each is priority for _, each in self.granted)


async def test_limiter_with_room_grants_at_once():
    bench = Bench()

    await bench.ask(Priority.HISTORY, Priority.CANCEL)

    assert [each for _, each in bench.granted] == [Priority.HISTORY, Priority.CANCEL]
    assert bench.told == []


@pytest.mark.parametrize(
    ("priority", "most"),
    [
        (Priority.CANCEL, 180),
        (Priority.ORDER, 160),
        (Priority.LOOKUP, 140),
        (Priority.RECONCILE, 120),
        (Priority.REFRESH, 100),
        (Priority.HISTORY, 80),
    ],
)
async def test_limiter_keeps_a_reserve_from_each_priority(priority, most):
    bench = Bench(180)

    await bench.ask(*[priority] * 200)

    assert bench.count(priority) == most


async def test_limiter_used_up_by_questions_still_grants_orders_and_cancels():
    bench = Bench()
    await bench.ask(*[Priority.RECONCILE] * 30)

    await bench.ask(Priority.ORDER, Priority.CANCEL)

    assert bench.granted[-2:] == [(0.0, Priority.ORDER), (0.0, Priority.CANCEL)]


async def test_limiter_full_grants_when_the_window_has_moved():
    bench = Bench()
    await bench.ask(*[Priority.CANCEL] * (LIMIT + 1))

    await bench.clock.advance(WINDOW_S - 0.1)
    before = len(bench.granted)
    await bench.clock.advance(0.2)

    assert (before, len(bench.granted)) == (LIMIT, LIMIT + 1)


async def test_limiter_shows_how_many_wait_and_how_long():
    bench = Bench()
    await bench.ask(*[Priority.CANCEL] * LIMIT)
    await bench.clock.advance(10)

    await bench.ask(Priority.CANCEL, Priority.CANCEL)
    await bench.clock.advance(60)

    assert bench.told[:2] == [(1, 50.0), (2, 50.0)]
    assert bench.told[-1] == (0, 0.0)


async def test_limiter_that_cannot_grant_an_order_in_time_refuses_it():
    bench = Bench()
    await bench.ask(*[Priority.CANCEL] * LIMIT)

    await bench.ask(Priority.ORDER)
    await bench.clock.advance(PATIENCE_S[Priority.ORDER] + 0.1)

    [(priority, error)] = bench.refused
    assert priority is Priority.ORDER
    assert "nothing was sent" in str(error)
    assert 50 < error.retry_after_s <= 60


async def test_limiter_lets_an_old_question_pass_new_orders():
    bench = Bench()
    await bench.ask(*[Priority.HISTORY] * 8, Priority.HISTORY)

    for _ in range(16):
        await bench.ask(Priority.ORDER, Priority.ORDER)
        await bench.clock.advance(5)

    assert bench.count(Priority.HISTORY) == 9


async def test_limiter_forgets_whoever_stops_waiting():
    bench = Bench()
    await bench.ask(*[Priority.CANCEL] * LIMIT, Priority.CANCEL)

    bench.tasks[-1].cancel()
    await settle()

    assert bench.told[-1] == (0, 0.0)


async def test_limiter_closed_refuses_whoever_waits():
    bench = Bench()
    await bench.ask(*[Priority.CANCEL] * LIMIT, Priority.CANCEL)

    await bench.limiter.close()
    await settle()

    assert "closed" in str(bench.refused[0][1])


def headers(limit: int, left: int, reset_in_s: int, clock: ManualClock) -> dict[str, str]:
    reset = int((clock.now() - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) + reset_in_s
    return {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": str(left),
        "x-ratelimit-reset": str(reset),
    }


async def test_limiter_hearing_that_another_program_used_the_minute_waits_for_the_next():
    bench = Bench()

    bench.limiter.observe(headers(20, 1, 30, bench.clock))
    await bench.ask(Priority.RECONCILE, Priority.CANCEL)
    early = list(bench.granted)
    await bench.clock.advance(30)

    assert early == [(0.0, Priority.CANCEL)]
    assert bench.granted[1:] == [(30.0, Priority.RECONCILE)]


async def test_limiter_hearing_of_a_smaller_limit_keeps_a_distance_to_it():
    bench = Bench()

    bench.limiter.observe(headers(10, 10, 60, bench.clock))
    await bench.ask(*[Priority.CANCEL] * 20)

    assert len(bench.granted) == 9


async def test_limiter_after_a_refusal_sends_nothing_until_it_may():
    bench = Bench()

    bench.limiter.refused(12.0)
    await bench.ask(Priority.CANCEL)
    await bench.clock.advance(11.9)
    before = len(bench.granted)
    await bench.clock.advance(0.2)

    assert (before, len(bench.granted)) == (0, 1)


@pytest.mark.parametrize(
    "words", [{}, {"x-ratelimit-reset": "soon"}, {"x-ratelimit-reset": "0"}, {"x-ratelimit-reset": "9" * 11}]
)
async def test_limiter_reads_no_more_from_headers_than_they_say(words):
    limiter = Bench().limiter

    limiter.observe(words | {"x-ratelimit-remaining": "many", "x-ratelimit-limit": "-3"})

    assert limiter.retry_after(words) in (None, 60.0)


def test_limiter_prefers_the_header_made_for_it():
    limiter = Bench().limiter

    assert limiter.retry_after({"retry-after": "7", "x-ratelimit-reset": "0"}) == 7.0


steps = st.lists(
    st.tuples(st.lists(st.sampled_from(NAMES), max_size=12), st.floats(0, 30)), min_size=1, max_size=25
)


@given(steps)
def test_limiter_never_grants_too_many_and_always_ends(plan):
    async def run() -> Bench:
        bench, asked = Bench(), 0
        for priorities, pause in plan:
            await bench.ask(*priorities)
            asked += priorities.count(Priority.CANCEL)
            now = bench.clock.monotonic()
            used = sum(at + WINDOW_S > now for at, _ in bench.granted)
            # A cancel passes whoever waits: it waits itself only for a minute that is used up.
            assert bench.count(Priority.CANCEL) == asked or used == LIMIT
            await bench.clock.advance(pause)
        for _ in range(60):
            await bench.clock.advance(10)
        return bench

    bench = asyncio.run(run())

    times = [at for at, _ in bench.granted]
    assert all(sum(start <= at < start + WINDOW_S - 1e-6 for at in times) <= LIMIT for start in times)
    assert all(task.done() for task in bench.tasks)
    assert len(bench.granted) + len(bench.refused) == sum(len(priorities) for priorities, _ in plan)
