"""One that fails never stops the others, and is never unseen."""

import asyncio

from core.bus import Bus
from core.clock import settle
from core.tasks import Tasks


def test_subscriber_that_raises_does_not_stop_the_others(expected_log):
    expected_log("subscriber.failed")
    bus, seen = Bus(), []
    bus.subscribe(str, lambda _: 1 / 0)
    bus.subscribe(str, seen.append)

    bus.publish("event")

    assert seen == ["event"]
    assert bus.failures == 1


def test_event_published_while_dispatching_waits_its_turn():
    bus, seen = Bus(), []
    bus.subscribe(str, lambda event: bus.publish(1) if event == "first" else None)
    bus.subscribe(str, seen.append)
    bus.subscribe_all(lambda event: seen.append(("all", event)))

    bus.publish("first")

    assert seen == ["first", ("all", "first"), ("all", 1)]


async def test_task_that_fails_is_told_with_its_name():
    told = []
    tasks = Tasks(lambda name, error: told.append((name, str(error))))

    async def fail():
        raise ValueError("no")

    tasks.spawn(fail(), "feed")
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert told == [("feed", "no")]


async def test_closing_ends_what_still_runs_and_tells_nothing():
    told = []
    tasks = Tasks(lambda name, _: told.append(name))
    running = tasks.spawn(asyncio.Event().wait(), "forever")

    await tasks.close()

    assert running.cancelled()
    assert not told


async def test_closing_ends_what_was_begun_while_closing():
    tasks = Tasks()
    begun = []

    async def begin_another():
        try:
            await asyncio.Event().wait()
        finally:
            begun.append(tasks.spawn(asyncio.Event().wait(), "another"))

    tasks.spawn(begin_another(), "first")
    await asyncio.sleep(0)

    await tasks.close()

    assert [task.cancelled() for task in begun] == [True]


async def test_what_was_begun_is_seen_through_though_nobody_waits_any_more() -> None:
    failures: list[str] = []
    tasks = Tasks(lambda name, error: failures.append(f"{name}: {error}"))
    go_on, done = asyncio.Event(), []

    async def work(*, fails: bool) -> str:
        await go_on.wait()
        if fails:
            raise ValueError("too late for anybody")
        done.append("done")
        return "done"

    loop = asyncio.get_running_loop()
    given_up = [loop.create_task(tasks.see_through(work(fails=fails), "it")) for fails in (False, True)]
    waited = [loop.create_task(tasks.see_through(work(fails=fails), "it")) for fails in (False, True)]
    await settle()
    for each in given_up:
        each.cancel()
    await settle()
    go_on.set()
    await settle()

    assert waited[0].result() == "done"
    assert isinstance(waited[1].exception(), ValueError)
    assert done == ["done", "done"]
    assert failures == ["it: too late for anybody"]
    await tasks.close()
