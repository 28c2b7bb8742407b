"""The core's thread: commands wait for the start, errors reach the window, the end is in order."""

import pytest

from app.runtime import CoreThread, Running
from core.domain.access import Actor, Origin
from core.domain.messages import LoadSnapshot

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


def test_ending_a_thread_that_never_began_is_at_once():
    async def start():
        return running([])

    thread = CoreThread(start)
    thread.end()

    thread.ended.result(WITHIN_S)
