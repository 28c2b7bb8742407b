"""How many orders may leave: a bucket for bursts, and counts a minute and a day (A19)."""

import math
from collections import deque
from dataclasses import dataclass

from core.clock import Clock
from core.domain.limits import Limits
from core.errors import RefusalCode, Refused

_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What the throttle stood at before an order was counted.

    Attributes:
        burst_left: whole orders that the bucket still gives.
        last_minute: attempts of the last 60 s.
        today: attempts of our day, UTC.
        own_last_minute: those of the agent alone.
        own_today: the same.
    """

    burst_left: int
    last_minute: int
    today: int
    own_last_minute: int = 0
    own_today: int = 0


class Throttle:
    """Counts attempts, refused ones included, so that a loop that is refused is slowed too.

    Cancels never pass here, and proven exits are counted and never refused. What the agent attempts counts
    with everybody's, and once more by itself.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens = math.inf  # full, whatever the burst may be
        self._filled_at = clock.monotonic()
        self._minute: deque[float] = deque()
        self._own_minute: deque[float] = deque()
        self._day = clock.now().date()
        self._today = 0
        self._own_today = 0

    def figures(self, limits: Limits) -> Figures:
        """Return where it stands now, without counting anything."""
        now = self._clock.monotonic()
        self._tokens = min(float(limits.burst), self._tokens + (now - self._filled_at) * limits.per_second)
        self._filled_at = now
        for minute in (self._minute, self._own_minute):
            while minute and now - minute[0] >= _MINUTE_S:
                minute.popleft()
        if self._clock.now().date() != self._day:
            self._day, self._today, self._own_today = self._clock.now().date(), 0, 0
        minutes = len(self._minute), len(self._own_minute)
        return Figures(int(self._tokens), minutes[0], self._today, minutes[1], self._own_today)

    def take(self, limits: Limits, own: Limits | None = None) -> Figures:
        """Count one attempt and return where it stood before.

        Args:
            limits: what everybody together is held against.
            own: what the agent alone is held against, where it attempts; None for anybody else.

        Raises:
            Refused: `THROTTLED`, with the seconds to wait; nothing was counted.
        """
        figures = self.figures(limits)
        if (
            figures.burst_left < 1
            or figures.last_minute >= limits.per_minute
            or figures.today >= limits.per_day
        ):
            raise Refused(
                RefusalCode.THROTTLED, _words(figures, limits), {"retry_after_s": self._wait(limits)}
            )
        if own is not None:
            self._refuse_own(figures, own)
        self._count(is_agents=own is not None)
        return figures

    def take_anyway(self, limits: Limits, *, is_agents: bool = False) -> Figures:
        """Count an attempt that no pace holds up, a proven exit, and return where it stood before."""
        figures = self.figures(limits)
        self._count(is_agents=is_agents)
        return figures

    def _count(self, *, is_agents: bool) -> None:
        if is_agents:
            self._own_minute.append(self._clock.monotonic())
            self._own_today += 1
        # Exits do not dig a hole that the next order would have to climb out of.
        self._tokens = max(self._tokens - 1.0, 0.0)
        self._minute.append(self._clock.monotonic())
        self._today += 1

    def restore_today(self, count: int, own: int = 0) -> None:
        """Begin with the orders of today that are already in the book, and with those of the agent."""
        self._today, self._own_today = count, own

    def _refuse_own(self, figures: Figures, own: Limits) -> None:
        if figures.own_last_minute < own.per_minute and figures.own_today < own.per_day:
            return
        text = f"The agent made {figures.own_last_minute} orders in the last minute; {own.per_minute} may be."
        if figures.own_today >= own.per_day:
            text = f"The agent made {figures.own_today} orders today; the limit is {own.per_day}."
        begun = self._own_minute[0] if self._own_minute else self._clock.monotonic()
        wait_s = _MINUTE_S - (self._clock.monotonic() - begun)
        raise Refused(RefusalCode.THROTTLED, text, {"retry_after_s": f"{wait_s:.1f}"})

    def _wait(self, limits: Limits) -> str:
        if len(self._minute) >= limits.per_minute:
            return f"{_MINUTE_S - (self._clock.monotonic() - self._minute[0]):.1f}"
        return f"{1.0 / limits.per_second:.1f}"


def _words(figures: Figures, limits: Limits) -> str:
    if figures.today >= limits.per_day:
        return f"{figures.today} orders were made today; the limit is {limits.per_day}."
    if figures.last_minute >= limits.per_minute:
        return f"{figures.last_minute} orders in the last minute; the limit is {limits.per_minute}. Wait."
    return f"More than {limits.burst} orders at once; {limits.per_second:g} a second may leave. Wait."
