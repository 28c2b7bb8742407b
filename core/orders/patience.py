"""Writing what must be written, however long the database refuses, and who need not wait for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import structlog

from core.bus import Bus
from core.clock import Clock
from core.domain.messages import LinkState, Notice, Part, Severity
from core.errors import StorageError, StorageUnwritable
from core.orders.gather import LiveState
from core.ports.journal import Journal, Record
from core.ports.storage import UnitOfWork
from core.tasks import Tasks

_RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
T = TypeVar("T")
Show = Callable[[Part, LinkState, str], None]

_log = structlog.get_logger("orders")


class Patience:
    """One change of the book at a time. Lives on the core loop."""

    def __init__(self, state: LiveState, journal: Journal, clock: Clock, bus: Bus, tasks: Tasks) -> None:
        self._state = state
        self._journal = journal
        self._clock = clock
        self._bus = bus
        self._tasks = tasks
        self.applying = asyncio.Lock()
        self._is_refused = asyncio.Event()
        self.on_turned: Show = lambda _part, _state, _text: None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn, but not behind a report that the database refuses, which may be for ever.

        Raises:
            StorageUnwritable: such a report stands before.
        """
        taking = self._tasks.spawn(self.applying.acquire(), "turn")
        refused = self._tasks.spawn(self._is_refused.wait(), "refusal")
        try:
            await asyncio.wait({taking, refused}, return_when=asyncio.FIRST_COMPLETED)
            if not taking.done() or taking.cancelled():
                raise StorageUnwritable("a report waits to be written")
            yield
        finally:
            refused.cancel()
            if not taking.cancel() and not taking.cancelled():
                self.applying.release()

    async def until_written(self, work: Callable[[UnitOfWork, Record], T]) -> T:
        """Write; where the database refuses, say so and try again until it takes it."""
        attempt = 0
        while True:
            try:
                result = await self._journal.write(work)
            except StorageError as error:
                self._state.book_writable = False
                self._is_refused.set()
                words = f"The book cannot be written; no order is let out until it can. {error}"
                self.on_turned(Part.DATABASE, LinkState.DOWN, words)
                _log.error("report.unwritable", attempt=attempt, reason=str(error))
                text = f"The book cannot be written, so no order is let out; trying again. {error}"
                self._bus.publish(Notice(Severity.ALARM, text, "book"))
                await self._clock.sleep(_RETRY_S[min(attempt, len(_RETRY_S) - 1)])
                attempt += 1
            else:
                if not self._state.book_writable:
                    self._state.book_writable = True
                    self._is_refused.clear()
                    self.on_turned(Part.DATABASE, LinkState.UP, "")
                return result
