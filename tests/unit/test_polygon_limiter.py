"""The rate that a plan allows: waited for, told, and learned from refusals."""

import asyncio

import pytest

from core.adapters.polygon.limiter import FREE_PER_MINUTE, LONGEST_WAIT_S, Limiter
from core.clock import ManualClock, settle
from core.errors import RateLimited


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def told():
    return []


@pytest.fixture
def limiter(clock, told):
    return Limiter(clock, told.append)


async def take(limiter: Limiter, count: int) -> asyncio.Task[None]:
    async def work() -> None:
        for _ in range(count):
            await limiter.take()

    task = asyncio.get_running_loop().create_task(work())
    await settle()
    return task


async def test_plan_without_a_limit_lets_requests_through_at_once(limiter, told):
    task = await take(limiter, 500)

    assert task.done()
    assert told == []


async def test_free_plan_lets_five_through_and_then_one_in_twelve_seconds(limiter, clock, told):
    limiter.learn_free_plan()
    await take(limiter, FREE_PER_MINUTE)

    sixth = await take(limiter, 1)
    await clock.advance(11)
    early = sixth.done()
    await clock.advance(1)

    assert not early
    assert sixth.done()
    assert told == [12]


async def test_waiting_requests_are_served_in_turn(limiter, clock):
    limiter.learn_free_plan()
    await take(limiter, FREE_PER_MINUTE)
    first, second = await take(limiter, 1), await take(limiter, 1)

    await clock.advance(12)

    assert (first.done(), second.done()) == (True, False)
    await clock.advance(12)
    assert second.done()


async def test_refusal_closes_the_door_for_as_long_as_it_says(limiter, clock, told):
    wait = limiter.refused(30)

    task = await take(limiter, 1)
    await clock.advance(29)
    early = task.done()
    await clock.advance(1)

    assert wait == 30
    assert not early
    assert task.done()
    assert told == [30]


async def test_refusal_without_a_time_waits_a_twelfth_of_a_minute_as_free_plans_do(limiter):
    assert limiter.refused(None) == 12


@pytest.mark.parametrize("said", [-5.0, 10.0**6])
async def test_absurd_time_of_a_refusal_is_bounded(limiter, said):
    assert 0 <= limiter.refused(said) <= LONGEST_WAIT_S


async def test_request_that_waits_when_another_is_refused_waits_on(limiter, clock):
    limiter.learn_free_plan()
    await take(limiter, FREE_PER_MINUTE)
    waiting = await take(limiter, 1)

    limiter.refused(40)
    await clock.advance(20)
    early = waiting.done()
    await clock.advance(20)

    assert not early
    assert waiting.done()


async def test_wait_that_is_too_long_is_refused_and_takes_no_turn(limiter, clock):
    limiter.learn_free_plan()
    await take(limiter, FREE_PER_MINUTE)
    waiting = [await take(limiter, 1) for _ in range(7)]

    with pytest.raises(RateLimited) as caught:
        await limiter.take()

    assert caught.value.retry_after_s == 96
    await clock.advance(84)
    assert all(each.done() for each in waiting)
