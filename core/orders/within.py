"""Waiting, but not for ever."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar

import structlog

from core.clock import Clock
from core.errors import BrokerError
from core.tasks import Tasks

T = TypeVar("T")

_log = structlog.get_logger("orders")


class Patiently:
    """Waits for work until a moment of the monotonic clock; the work goes on by itself after it."""

    def __init__(self, clock: Clock, tasks: Tasks) -> None:
        self._clock = clock
        self._tasks = tasks

    async def until(self, deadline: float, work: Coroutine[object, object, T], name: str) -> T | None:
        """Return what the work returned, or None where it takes longer. The work does not raise."""
        doing = self._tasks.spawn(work, name)
        timer = self._tasks.spawn(self._clock.sleep(deadline - self._clock.monotonic()), "deadline")
        try:
            await asyncio.wait({doing, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        return doing.result() if doing.done() else None

    async def ask(self, deadline: float, question: Callable[[], Awaitable[T]], what: str) -> T | str:
        """Ask the broker; return its answer, or in words why there is none."""

        async def answer() -> T | str:
            try:
                return await question()
            except BrokerError as error:
                return f"The broker did not answer for {what}: {error}"
            except Exception as error:  # a bug in reading an answer must not hold the kill switch up
                _log.exception("question.failed", what=what)
                return f"The answer for {what} could not be read: {type(error).__name__}: {error}"

        found = await self.until(deadline, answer(), what)
        return f"The broker did not answer for {what} in time." if found is None else found
