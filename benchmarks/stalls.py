"""How long a loop was kept from its work, and how much memory a process has taken."""

import asyncio
import itertools
import resource
from pathlib import Path
from time import perf_counter
from typing import Self

EVERY_S, LOOK_EVERY = 0.002, 10


class StallWatch:
    """Sleeps two milliseconds again and again; what it oversleeps is a stall of the loop.

    Attributes:
        worst_ms: the longest stall.
        over_ms: every stall of more than 50 ms.
        grown_mb: by how much the process was ever larger than at the beginning.
    """

    def __init__(self) -> None:
        self.worst_ms = self.grown_mb = 0.0
        self.over_ms: list[float] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.get_running_loop().create_task(self._watch(resident_mb()))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _watch(self, before_mb: float) -> None:
        for number in itertools.count():
            begin = perf_counter()
            await asyncio.sleep(EVERY_S)
            stall = (perf_counter() - begin - EVERY_S) * 1_000
            self.worst_ms = max(self.worst_ms, stall)
            if stall > 50:
                self.over_ms.append(stall)
            if number % LOOK_EVERY == 0:
                self.grown_mb = max(self.grown_mb, resident_mb() - before_mb)


def resident_mb() -> float:
    """Return what this process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20
