"""Tasks that somebody answers for: each is kept, named, and its failure is never unseen."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import structlog

T = TypeVar("T")

_log = structlog.get_logger("tasks")


class Tasks:
    """All background work of one core. Used on the core loop only.

    Args:
        on_failure: told of every task that ended by an error nobody awaited.
    """

    def __init__(self, on_failure: Callable[[str, BaseException], None] = lambda _name, _error: None) -> None:
        self._running: set[asyncio.Task[Any]] = set()
        self._on_failure = on_failure

    def spawn(self, work: Coroutine[Any, Any, T], name: str = "work") -> asyncio.Task[T]:
        """Begin work in the background; it may be awaited, and need not be."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._when_done)
        return task

    async def see_through(self, work: Coroutine[Any, Any, T], name: str = "work") -> T:
        """Do to its end what was begun, whoever stops waiting; its error is the waiter's, if there is one."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._when_done)
            raise

    def _when_done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._on_failure(task.get_name(), error)

    async def close(self) -> None:
        """End all that still runs, what it began while ending included, and wait for it."""
        while self._running:
            for task in tuple(self._running):
                task.cancel()
            await asyncio.wait(tuple(self._running))
