"""Hours of the US stock exchanges, in New York time, from the exchanges' published rules for holidays."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tests.servers.alpaca.clock import moment, nanoseconds

NEW_YORK = ZoneInfo("America/New_York")
PRE_OPEN, OPEN, EARLY_CLOSE, CLOSE, POST_CLOSE = time(4), time(9, 30), time(13), time(16), time(20)
DAY = timedelta(days=1)
MON, THU = 0, 3
# Closed for a day of mourning.
MOURNING = frozenset({date(2025, 1, 9)})


def nth_weekday(year: int, month: int, weekday: int, n: int) -> date:
    """The nth weekday of a month; n = -1 is the last one."""
    if n < 0:
        last = date(year + month // 12, month % 12 + 1, 1) - DAY
        return last - timedelta(days=(last.weekday() - weekday) % 7)
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def easter(year: int) -> date:
    """Easter Sunday, by the anonymous Gregorian algorithm."""
    a, b, c = year % 19, year // 100, year % 100
    g = (8 * b + 13) // 25
    h = (19 * a + b - b // 4 - g + 15) % 30
    m = (a + 11 * h) // 319
    r = (2 * (b % 4) + 2 * (c // 4) - c % 4 - h + m + 32) % 7
    month = (h - m + r + 90) // 25
    return date(year, month, (h - m + r + month + 19) % 32)


def observed(day: date) -> date | None:
    """A fixed holiday: Sunday's is kept on Monday, Saturday's on Friday."""
    if day.weekday() == 6:
        return day + DAY
    return day - DAY if day.weekday() == 5 else day


def holidays(year: int) -> set[date]:
    new_year = date(year, 1, 1)
    fixed = {observed(date(year, 6, 19)), observed(date(year, 7, 4)), observed(date(year, 12, 25))}
    # A Saturday's New Year is not kept: the Friday is the last day of the old year.
    if new_year.weekday() != 5:
        fixed.add(observed(new_year))
    moving = {
        nth_weekday(year, 1, MON, 3),
        nth_weekday(year, 2, MON, 3),
        easter(year) - 2 * DAY,
        nth_weekday(year, 5, MON, -1),
        nth_weekday(year, 9, MON, 1),
        nth_weekday(year, 11, THU, 4),
    }
    return fixed | moving


def is_trading_day(day: date) -> bool:
    return day.weekday() < 5 and day not in MOURNING and day not in holidays(day.year)


def close_time(day: date) -> time:
    """13:00 on the day after Thanksgiving, on 24 December, and on 3 July of Monday to Thursday."""
    eves = {nth_weekday(day.year, 11, THU, 4) + DAY, date(day.year, 12, 24)}
    if date(day.year, 7, 4).weekday() not in (0, 5, 6):
        eves.add(date(day.year, 7, 3))
    return EARLY_CLOSE if day in eves else CLOSE


def at(day: date, clock: time) -> int:
    return nanoseconds(datetime.combine(day, clock, NEW_YORK).astimezone(UTC))


def opens(day: date) -> int:
    return at(day, OPEN)


def closes(day: date) -> int:
    return at(day, close_time(day))


def ends(day: date) -> int:
    """The end of the session after the close: 20:00, or 17:00 after an early close."""
    return at(day, POST_CLOSE if close_time(day) == CLOSE else time(17))


def new_york_day(ns: int) -> date:
    return moment(ns).astimezone(NEW_YORK).date()


def session(ns: int) -> str:
    """`pre`, `regular`, `post` or `closed`."""
    day = new_york_day(ns)
    if not is_trading_day(day) or not at(day, PRE_OPEN) <= ns < ends(day):
        return "closed"
    if ns < opens(day):
        return "pre"
    return "regular" if ns < closes(day) else "post"


def trading_day(ns: int, *, extended: bool) -> date:
    """The day on which an order of now trades: today until its close (or the end after it), else the next."""
    day = new_york_day(ns)
    if is_trading_day(day) and ns < (ends(day) if extended else closes(day)):
        return day
    return next_trading_day(day)


def next_trading_day(day: date) -> date:
    day += DAY
    while not is_trading_day(day):
        day += DAY
    return day


def trading_days(start: date, end: date) -> list[date]:
    """Those from `start` to `end`, both included."""
    count = (end - start).days + 1
    return [day for day in (start + timedelta(days=n) for n in range(max(count, 0))) if is_trading_day(day)]
