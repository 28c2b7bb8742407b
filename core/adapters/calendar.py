"""The days and hours of the New York exchanges, from the calendar library, as plain data.

The library and what it stands on are slow to import, so they are imported where they are read.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from core.domain.market import MarketSession, SessionPhase
from core.errors import BrokerError, BrokerUnavailable

NEW_YORK = ZoneInfo("America/New_York")
EARLY_OPEN = time(4, 0)
# Late trading runs four hours past the close: to 20:00, to 17:00 on a half day (NYSE, hours and calendars).
LATE_HOURS = timedelta(hours=4)

_EXCHANGE = "XNYS"
_BEFORE = timedelta(days=3 * 366)
_AHEAD = timedelta(days=400)
_LEAST_AHEAD = timedelta(days=30)
_CONFIRMED = timedelta(days=14)

_log = structlog.get_logger("calendar")


@dataclass(frozen=True, slots=True)
class MarketDay:
    """One day on which the market opens.

    Attributes:
        day: the date in New York.
        opens: start of regular hours, UTC.
        closes: end of regular hours, UTC; early on a half day.
    """

    day: date
    opens: datetime
    closes: datetime

    def phase(self, now: datetime) -> SessionPhase:
        """Say where this day stands at a moment (UTC)."""
        early = datetime.combine(self.day, EARLY_OPEN, NEW_YORK).astimezone(UTC)
        if not early <= now < self.closes + LATE_HOURS:
            return SessionPhase.CLOSED
        if now < self.opens:
            return SessionPhase.PRE
        return SessionPhase.REGULAR if now < self.closes else SessionPhase.POST


Ask = Callable[[date, date], Awaitable[tuple[MarketDay, ...]]]


class MarketCalendar:
    """Answers without waiting, once it was prepared. Used on the core loop.

    Args:
        ask: asks the broker for the market days from one date to another; None where nobody can be asked.
    """

    def __init__(self, ask: Ask | None = None) -> None:
        self._ask = ask
        self._days: tuple[MarketDay, ...] = ()
        self._until = date.min
        self._confirmed = date.min

    async def prepare(self, now: datetime) -> None:
        """Read the days around a moment (UTC) in a thread; does nothing while they reach far enough ahead."""
        if now.date() + _LEAST_AHEAD > self._until:
            self._until = now.date() + _AHEAD
            self._days = await asyncio.to_thread(read_days, now.date() - _BEFORE, self._until)

    async def confirm(self, now: datetime) -> None:
        """Take the broker's word for the next days, once a day: a closure may be younger than the library.

        Where it does not answer, or knows no market day at all, the library's word holds.
        """
        today = now.astimezone(NEW_YORK).date()
        if self._ask is None or self._confirmed == today:
            return
        last = today + _CONFIRMED
        try:
            told = await self._ask(today, last)
        except BrokerError as error:
            _log.warning("calendar.unconfirmed", reason=str(error))
            return
        self._confirmed = today
        days = tuple(sorted((each for each in told if today <= each.day <= last), key=lambda each: each.day))
        known = tuple(each for each in self._days if today <= each.day <= last)
        if days and days != known:
            _log.warning("calendar.corrected", days=[str(each.day) for each in {*days} ^ {*known}])
            before = (each for each in self._days if each.day < today)
            after = (each for each in self._days if each.day > last)
            self._days = (*before, *days, *after)

    def session(self, now: datetime) -> MarketSession:
        """Return the market day in force at a moment (UTC).

        That is the day of New York's date, from its midnight on; on a weekend or holiday, the next one.

        Raises:
            BrokerUnavailable: the calendar was not prepared, or not for this moment.
        """
        place = bisect_left(self._days, now.astimezone(NEW_YORK).date(), key=lambda each: each.day)
        if place == len(self._days) or now.date() <= self._days[0].day:
            raise BrokerUnavailable(f"the exchange calendar does not cover {now.date()}; connect again")
        day = self._days[place]
        return MarketSession(now, day.phase(now), day.opens, day.closes)


def read_days(first: date, last: date) -> tuple[MarketDay, ...]:
    """Read the market days from one date to another from the library; blocks for about a second."""
    import exchange_calendars

    calendar = exchange_calendars.get_calendar(_EXCHANGE, start=first, end=last)
    rows = calendar.schedule[["open", "close"]].itertuples()
    return tuple(MarketDay(row.Index.date(), _utc(row.open), _utc(row.close)) for row in rows)


def _utc(stamp: datetime) -> datetime:
    # A pandas Timestamp: a datetime that the window's and the records' code must not meet.
    return datetime.fromtimestamp(stamp.timestamp(), UTC)
