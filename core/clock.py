"""Our time: UTC for records, monotonic seconds for deadlines and ages.

Market time is another thing: it comes from the feed (see `ports.market_data`). The only
file that may read the machine's clocks.
"""

import asyncio
import heapq
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What tells the time; turned by hand in tests."""

    def now(self) -> datetime:
        """Return the time of day in UTC, for records."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back, for deadlines and ages."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds of this clock."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Return the time of day in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock turned by hand; sleepers wake in the order of their deadlines.

    Used from one event loop. `advance` lets every woken sleeper run before it returns.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)) -> None:
        self._now = start
        self._monotonic = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> datetime:
        """Return the time of day as it was set."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds advanced so far."""
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        """Return once the clock was advanced by that many seconds."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._monotonic + seconds, self._count, future))
        await future

    def turn(self, seconds: float) -> None:
        """Move both times on without letting anybody run (for code that has no loop)."""
        self._monotonic += seconds
        self._now += timedelta(seconds=seconds)

    async def advance(self, seconds: float) -> None:
        """Move on, waking each sleeper at its own deadline."""
        target = self._monotonic + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            deadline, _, future = heapq.heappop(self._sleepers)
            self.turn(max(0.0, deadline - self._monotonic))
            if not future.done():
                future.set_result(None)
            await settle()
        self.turn(target - self._monotonic)
        await settle()


async def settle(rounds: int = 20) -> None:
    """Let every task of the loop that is ready run on."""
    for _ in range(rounds):
        await asyncio.sleep(0)
