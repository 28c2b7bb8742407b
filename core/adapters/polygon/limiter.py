"""Keeps to the rate that a key's plan allows; a plan says it by refusing, so it is learned."""

from collections.abc import Callable

from core.clock import Clock
from core.errors import RateLimited

# "Stay under 100 requests a second" where the plan sets no limit, and the free plan's limit.
UNLIMITED_PER_MINUTE = 6000
FREE_PER_MINUTE = 5
LONGEST_WAIT_S = 90.0
_WORTH_TELLING_S = 1.0


class Limiter:
    """One token bucket for one key, first come first served. Used on the core loop.

    Args:
        tell: called with the seconds that a request waits, where that can be noticed.
    """

    def __init__(self, clock: Clock, tell: Callable[[float], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._per_minute = UNLIMITED_PER_MINUTE
        # When the bucket would be full again (the generic cell rate algorithm): no timer refills it.
        self._full_at = clock.monotonic()
        self._closed_until = self._full_at

    async def take(self) -> None:
        """Wait until one more request is allowed.

        Raises:
            RateLimited: the wait would be longer than anybody should be kept.
        """
        now = self._clock.monotonic()
        interval = 60 / self._per_minute
        full_at = max(self._full_at, now) + interval
        wait = max(full_at - interval * self._per_minute, self._closed_until) - now
        if wait > LONGEST_WAIT_S:
            raise RateLimited(f"Polygon takes no more requests for {wait:.0f} s: the plan's limit", wait)
        self._full_at = full_at
        while wait > 0:
            if wait >= _WORTH_TELLING_S:
                self._tell(wait)
            await self._clock.sleep(wait)
            # A request that went before may have closed the door meanwhile.
            wait = self._closed_until - self._clock.monotonic()

    def learn_free_plan(self) -> None:
        """Keep to the free plan's rate from now on."""
        if self._per_minute != FREE_PER_MINUTE:
            self._per_minute = FREE_PER_MINUTE
            self._full_at = self._clock.monotonic()

    def refused(self, retry_after_s: float | None) -> float:
        """Learn from a refusal for the rate; only the free plan has one.

        Returns:
            Seconds until a request may be taken.
        """
        self.learn_free_plan()
        now = self._clock.monotonic()
        wait = 60 / FREE_PER_MINUTE if retry_after_s is None else min(max(retry_after_s, 0.0), LONGEST_WAIT_S)
        self._closed_until = max(self._closed_until, now + wait)
        # The minute that was refused is spent: what comes next is one at a time.
        self._full_at = max(self._full_at, now + 60)
        return self._closed_until - now
