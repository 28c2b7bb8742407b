"""The server's own time: nanoseconds of UTC that never stand still between two facts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A Tuesday, 10:00 in New York: the market is open.
MORNING = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
SECOND = 1_000_000_000


class SimClock:
    """Stands at `source` until it is turned, or follows `source` when that is a function.

    Each reading is later than the last one, by a nanosecond at least, so that no two facts have one time.
    """

    def __init__(self, source: datetime | Callable[[], datetime] = MORNING) -> None:
        self._source = source
        self._last = 0

    def now_ns(self) -> int:
        now = self._source if isinstance(self._source, datetime) else self._source()
        self._last = max(nanoseconds(now), self._last + 1)
        return self._last

    def now(self) -> datetime:
        return moment(self.now_ns())

    def set(self, now: datetime) -> None:
        """Stand at a time; going back changes nothing until the old time is passed."""
        self._source = now

    def advance(self, seconds: float) -> None:
        self.set(self.now() + timedelta(seconds=seconds))

    def after(self, ns: int) -> None:
        """Stay later than a fact of before a restart."""
        self._last = max(self._last, ns)


def nanoseconds(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1) * 1000


def moment(ns: int) -> datetime:
    """The time of day in UTC, cut to microseconds."""
    return EPOCH + timedelta(microseconds=ns // 1000)


def rfc3339(ns: int | None) -> str | None:
    """The time as it stands on the wire, with nine digits of a second; None stays None."""
    if ns is None:
        return None
    return f"{moment(ns):%Y-%m-%dT%H:%M:%S}.{ns % SECOND:09d}Z"


def parse_time(text: str) -> int:
    """Nanoseconds of an RFC 3339 time or a date; without an offset it is UTC.

    Raises:
        ValueError: it is neither.
    """
    text = text.strip().replace(" ", "+")
    head, point, tail = text.partition(".")
    digits = ""
    if point:
        digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
        head += tail[len(digits) :]
    at = datetime.fromisoformat(head)
    whole = nanoseconds(at if at.tzinfo else at.replace(tzinfo=UTC))
    return whole + int(digits.ljust(9, "0")[:9] or "0")
