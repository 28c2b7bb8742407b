"""Which backups are kept: all of the last day, then the newest of each day, week and month."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

DAYS, WEEKS, MONTHS = 7, 4, 12
ALL_FOR = timedelta(days=1)  # so that one made by hand does not end the one that was made before it

_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r".*-(\d{8}T\d{6}Z)\.zip")
_PERIODS: tuple[tuple[int, Callable[[datetime], object]], ...] = (
    (DAYS, lambda made: made.date()),
    (WEEKS, lambda made: made.isocalendar()[:2]),
    (MONTHS, lambda made: (made.year, made.month)),
)


def path_of(where: Path, profile: str, now: datetime) -> Path:
    """Return where a backup of now is to stand; a second later, if there is one of this second already."""
    while (path := where / f"{profile}-{now.strftime(_STAMP)}.zip").exists():
        now += timedelta(seconds=1)
    return path


def backups(where: Path) -> dict[Path, datetime]:
    """List the backups of a folder by their names, oldest first, and when each was made, UTC."""
    found = {}
    for path in where.glob("*.zip"):
        match = _NAME.fullmatch(path.name)
        made = _moment(match[1]) if match else None
        if made is not None:
            found[path] = made
    return dict(sorted(found.items(), key=lambda each: each[1]))


def superseded(made: Iterable[datetime]) -> set[datetime]:
    """Return which of these moments need no backup any more: never the newest one."""
    newest_first = sorted(set(made), reverse=True)
    kept = {each for each in newest_first if newest_first[0] - each < ALL_FOR}
    for most, period in _PERIODS:
        seen: set[object] = set()
        for moment in newest_first:
            if len(seen) < most and period(moment) not in seen:
                seen.add(period(moment))
                kept.add(moment)
    return set(newest_first) - kept


def rotate(where: Path, good: Path) -> tuple[Path, ...]:
    """Remove the backups that others stand for; return which.

    Called after one was made and verified, so that a good one is always left.

    Args:
        good: the one that was just verified; it stays whatever its date says.
    """
    found = backups(where)
    old = superseded(found.values())
    removed = tuple(path for path, made in found.items() if made in old and path != good)
    for path in removed:
        path.unlink(missing_ok=True)
    return removed


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _STAMP).replace(tzinfo=UTC)
    except ValueError:  # eight digits are not yet a date
        return None
