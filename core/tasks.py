"""Tasks that somebody answers for, each kept, named and never failing unseen; and who waits for whom."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import structlog

T = TypeVar("T")

_STANDS_ASIDE_S = 0.03

_log = structlog.get_logger("tasks")


class RightOfWay:
    """Lets threads with long work stand aside while somebody waits for something short.

    Threads of one interpreter take turns, so that work on a thread of its own is felt all the same.
    """

    def __init__(self) -> None:
        self._free = threading.Event()
        self._free.set()
        self._taken = 0
        self._turn = 0
        self._seen = threading.local()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take it for a while. On the core loop only."""
        if not self._taken:
            self._turn += 1
            self._free.clear()
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
            if not self._taken:
                self._free.set()

    def give(self) -> None:
        """Wait until nobody has it, once each time that it is taken, and no longer than an order needs.

        Whoever has it may wait for something else meanwhile, a person or a broker, and long work goes on.
        """
        if not self._free.is_set() and getattr(self._seen, "turn", 0) != self._turn:
            self._seen.turn = self._turn
            self._free.wait(_STANDS_ASIDE_S)


class Tasks:
    """All background work of one core. Used on the core loop only.

    Args:
        on_failure: told of every task that ended by an error nobody awaited.
    """

    def __init__(self, on_failure: Callable[[str, BaseException], None] = lambda _name, _error: None) -> None:
        self._running: set[asyncio.Task[Any]] = set()
        self._on_failure = on_failure

    def spawn(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Begin work in the background; it may be awaited, and need not be."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._when_done)
        return task

    async def see_through(self, work: Coroutine[Any, Any, T], name: str) -> T:
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
