"""Our time as the window reads it: UTC, and monotonic seconds for the age of what the core received."""

from datetime import UTC, datetime

from PySide6.QtCore import QDateTime, QElapsedTimer

_timer = QElapsedTimer()
_timer.start()
_origin_s = _timer.msecsSinceReference() / 1000


def utc_now() -> datetime:
    """Return the time of this computer, UTC."""
    return datetime.fromtimestamp(QDateTime.currentMSecsSinceEpoch() / 1000, UTC)


def monotonic() -> float:
    """Return seconds since the system's reference, which on Linux and macOS is that of the core's clock."""
    return _origin_s + _timer.nsecsElapsed() / 1e9
