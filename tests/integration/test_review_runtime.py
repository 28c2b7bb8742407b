"""The core's thread when the window closes at an awkward moment."""

import asyncio
import threading
from typing import NoReturn

import pytest

from app.runtime import CoreThread, Running
from core.domain.messages import LoadSnapshot
from core.errors import Refused


def test_a_start_that_takes_long_is_broken_off_when_the_window_closes() -> None:
    begun, undone = threading.Event(), threading.Event()

    async def start() -> Running:
        begun.set()
        try:
            await never()
        finally:
            undone.set()

    async def never() -> NoReturn:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    core = CoreThread(start)
    core.begin()
    assert begun.wait(5)
    answer = core.send(LoadSnapshot())

    core.end()

    core.ended.result(5)
    assert undone.is_set()
    with pytest.raises(Refused):
        core.started.result(0)
    with pytest.raises(Refused):
        answer.result(0)
