"""How late the window's frames come."""

from collections import deque
from collections.abc import Callable

from ui.models.flash import seconds

FRAME_MS = 16
WINDOW_S = 60.0
REPORT_S = 1.0


class StallGauge:
    """Keeps the longest lateness of a frame in each second of the last minute.

    Args:
        clock: monotonic seconds.

    Attributes:
        worst_ms: what was returned last.
    """

    def __init__(self, clock: Callable[[], float] = seconds) -> None:
        self._clock = clock
        self._worst: deque[float] = deque(maxlen=round(WINDOW_S / REPORT_S))
        self.worst_ms = 0.0
        self.restart()

    def restart(self) -> None:
        """Count from now, as after a pause that was no stall."""
        self._last = self._reported = self._clock()
        self._current = 0.0

    def frame(self) -> float | None:
        """Note a frame; once a second return the worst lateness of the last minute in ms."""
        now = self._clock()
        self._current = max(self._current, (now - self._last) * 1000 - FRAME_MS)
        self._last = now
        if now - self._reported < REPORT_S:
            return None
        self._worst.append(self._current)
        self._reported, self._current = now, 0.0
        self.worst_ms = max(self._worst)
        return self.worst_ms
