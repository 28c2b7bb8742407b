"""How often a key may ask. What ends risk (a cancel, a halt, a kill) is not counted and never waits."""

from core.clock import Clock
from core.errors import RefusalCode, Refused

NOBODY = "nobody"  # all requests without a key share one


class Bucket:
    """Tokens that come back evenly over a minute; full at first.

    Args:
        per_minute: how many fit, and how many come back in a minute.
        now: monotonic seconds.
    """

    def __init__(self, per_minute: int, now: float) -> None:
        self._most = float(per_minute)
        self._level = self._most
        self._at = now

    def take(self, now: float) -> float:
        """Take one; return 0, or the seconds until there is one."""
        per_second = self._most / 60.0
        self._level = min(self._most, self._level + (now - self._at) * per_second)
        self._at = now
        if self._level < 1.0:
            return (1.0 - self._level) / per_second
        self._level -= 1.0
        return 0.0


class Pace:
    """One bucket a key. Lives on the core loop; there are as many as there are keys, and one for nobody."""

    def __init__(self, per_minute: int, clock: Clock) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}

    def take(self, who: str) -> None:
        """Count one request.

        Raises:
            Refused: `THROTTLED`, with the seconds to wait.
        """
        now = self._clock.monotonic()
        bucket = self._buckets.setdefault(who, Bucket(self._per_minute, now))
        wait_s = bucket.take(now)
        if wait_s > 0.0:
            words = f"More than {self._per_minute} requests a minute; cancels, halt and kill are not counted."
            raise Refused(RefusalCode.THROTTLED, words, {"retry_after_s": f"{wait_s:.3f}"})
