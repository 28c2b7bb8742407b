"""The core's thread: commands wait for the start, errors reach the window, the end is in order."""

import pytest

from app.runtime import CoreThread, Running
from core.domain.access import Actor, Origin
from core.domain.messages import LoadSnapshot
from core.errors import Refused

ACTOR = Actor("demo", "trader", Origin.WINDOW, "s")
WITHIN_S = 10


def running(seen):
    async def execute(command, actor):
        seen.append((command, actor))
        return "answer"

    async def stop():
        seen.append("stopped")

    return Running(execute, ACTOR, stop)


def test_command_sent_before_the_start_waits_and_is_carried_out():
    seen = []

    async def start():
        return running(seen)

    thread = CoreThread(start)
    answer = thread.send(LoadSnapshot())
    thread.begin()

    assert answer.result(WITHIN_S) == "answer"
    thread.end()
    thread.ended.result(WITHIN_S)
    assert seen == [(LoadSnapshot(), ACTOR), "stopped"]


def test_failed_start_is_told_to_the_window_and_to_whoever_waits():
    async def start():
        raise ValueError("the database is damaged")

    thread = CoreThread(start)
    answer = thread.send(LoadSnapshot())
    thread.begin()

    with pytest.raises(ValueError, match="damaged"):
        thread.started.result(WITHIN_S)
    thread.ended.result(WITHIN_S)
    with pytest.raises(ValueError, match="damaged"):
        answer.result(WITHIN_S)


def test_command_sent_at_the_last_moment_is_answered_and_one_after_it_is_refused():
    async def stop():
        late.append(thread.send(LoadSnapshot()))  # when the loop takes nothing up any more

    async def start():
        return Running(running([]).execute, ACTOR, stop)

    late = []
    thread = CoreThread(start)
    thread.begin()
    thread.started.result(WITHIN_S)

    thread.end()

    thread.ended.result(WITHIN_S)
    assert late[0].result(WITHIN_S) == "answer"
    with pytest.raises(Refused, match=r"^The program ends\.$"):
        thread.send(LoadSnapshot()).result(0)


def test_command_of_a_thread_that_never_began_is_refused_at_its_end():
    async def start():
        return running([])

    thread = CoreThread(start)
    waiting = thread.send(LoadSnapshot())

    thread.end()

    with pytest.raises(Refused, match=r"^The program ends\.$"):
        waiting.result(WITHIN_S)


def test_ending_a_thread_that_never_began_is_at_once():
    async def start():
        return running([])

    thread = CoreThread(start)
    thread.end()

    thread.ended.result(WITHIN_S)
