"""One that fails never stops the others, and is never unseen."""

import asyncio
import threading

from core.bus import Bus
from core.clock import settle
from core.tasks import RightOfWay, Tasks


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


class Flag(threading.Event):
    """Notes how often somebody waited for it, and lets nobody wait."""

    def __init__(self) -> None:
        super().__init__()
        self.set()
        self.waits = 0

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits += 1
        return self.is_set()


def test_long_work_stands_aside_once_for_each_turn_and_not_while_nobody_has_the_way():
    way = RightOfWay()
    flag = way._free = Flag()

    way.give()
    free = flag.waits
    with way.taken():
        with way.taken():
            way.give()
            way.give()
        way.give()
    first = flag.waits
    with way.taken():
        way.give()
    way.give()

    assert (free, first, flag.waits) == (0, 1, 2)


def test_whoever_stands_aside_goes_on_when_the_last_has_passed():
    way, given = RightOfWay(), threading.Event()
    first, second = way.taken(), way.taken()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    still_taken = not way._free.is_set()
    second.__exit__(None, None, None)

    thread = threading.Thread(target=lambda: (way.give(), given.set()))
    thread.start()
    thread.join()

    assert still_taken
    assert given.is_set()
