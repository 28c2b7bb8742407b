"""Times as a person types them into the filter, on the clock of the window's zone."""

import re
from datetime import date, datetime, time, timedelta

from ui import format as fmt

EXPECTED = "write a day such as 2026-11-24, a time such as 14:30, or both"

_FORM = re.compile(
    r"(?:(?P<day>\d{4}-\d{2}-\d{2}|today|yesterday)(?:[ t]+(?=\d)|$))?"
    r"(?:(?P<clock>\d{1,2}:\d{2})(?P<second>:\d{2})?)?"
)
_FIRST, _LAST = date(1970, 1, 2), date(2999, 1, 1)  # as the desk takes them
_BACK = {"today": 0, "yesterday": 1}


def moment_of(text: str, now: datetime, *, is_end: bool = False) -> datetime:
    """Return the moment that a text means, UTC: a day, a day and a time, or a time of today.

    Args:
        now: our time, for what is relative to today.
        is_end: return when what is named is over: the day, the minute, the second.

    Raises:
        ValueError: it is no time; says what was expected.
    """
    found = _FORM.fullmatch(text.strip().lower())
    if found is None or not (found["day"] or found["clock"]):
        raise ValueError(EXPECTED)
    try:
        day = _day(found["day"], now)
        clock = time.fromisoformat(
            f"{found['clock'] or '0:00':>5}".replace(" ", "0") + (found["second"] or "")
        )
        begins = datetime.combine(day, clock)
        if is_end:
            begins += _length(found)
        return fmt.from_zone(begins)
    except (ValueError, OverflowError, OSError):
        raise ValueError(EXPECTED) from None


def _day(text: str | None, now: datetime) -> date:
    today = fmt.in_zone(now).date()
    if text is None or text in _BACK:
        return today - timedelta(days=_BACK.get(text or "today", 0))
    found = date.fromisoformat(text)
    if not _FIRST <= found < _LAST:
        raise ValueError(EXPECTED)
    return found


def _length(found: re.Match[str]) -> timedelta:
    if found["clock"] is None:
        return timedelta(days=1)
    return timedelta(seconds=1) if found["second"] else timedelta(minutes=1)


def time_words(at: datetime, now: datetime) -> str:
    """Write when a record was made: of today its time alone, else with its day."""
    shown, today = fmt.in_zone(at), fmt.in_zone(now).date()
    if shown.date() == today:
        return fmt.clock_ms(at)
    if shown.year == today.year:
        return f"{shown.day} {shown:%b} {shown:%H:%M:%S}"
    return f"{shown:%Y-%m-%d %H:%M}"
