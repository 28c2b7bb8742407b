"""How many orders may leave: a bucket for bursts, and counts a minute and a day (A19)."""

from collections import deque
from dataclasses import dataclass

from core.clock import Clock
from core.domain.limits import Limits
from core.errors import RefusalCode, Refused

_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What the throttle stood at before an order was counted."""

    burst_left: int
    last_minute: int
    today: int


class Throttle:
    """Counts attempts, refused ones included, so that a loop that is refused is slowed too.

    Cancels never pass here.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens: float | None = None
        self._filled_at = clock.monotonic()
        self._minute: deque[float] = deque()
        self._day = clock.now().date()
        self._today = 0

    def figures(self, limits: Limits) -> Figures:
        """Return where it stands now, without counting anything."""
        now = self._clock.monotonic()
        if self._tokens is None:
            self._tokens = float(limits.burst)
        self._tokens = min(float(limits.burst), self._tokens + (now - self._filled_at) * limits.per_second)
        self._filled_at = now
        while self._minute and now - self._minute[0] >= _MINUTE_S:
            self._minute.popleft()
        if self._clock.now().date() != self._day:
            self._day, self._today = self._clock.now().date(), 0
        return Figures(int(self._tokens), len(self._minute), self._today)

    def take(self, limits: Limits) -> Figures:
        """Count one attempt and return where it stood before.

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
        self._tokens = (self._tokens or 0.0) - 1.0
        self._minute.append(self._clock.monotonic())
        self._today += 1
        return figures

    def restore_today(self, count: int) -> None:
        """Begin with the orders of today that are already in the book."""
        self._today = count

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
