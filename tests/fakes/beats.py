"""A clock for what works for ever: each wait is noted and over at once, and after so many it is cancelled."""

import asyncio
from collections.abc import Callable

from core.clock import ManualClock, settle


class Beats(ManualClock):
    """A clock whose sleepers need nobody to turn it.

    Attributes:
        slept: the seconds of each wait.
        most: at this wait whoever waits is cancelled.
        before: called before each wait is over, with how many there were.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self.slept: list[float] = []
        self.most = most
        self.before: Callable[[int], None] = lambda _: None

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await settle()
        self.before(len(self.slept))
        self.turn(seconds)
        if len(self.slept) >= self.most:
            raise asyncio.CancelledError
