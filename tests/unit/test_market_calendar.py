"""The market day in force, read from the exchange calendar."""

from datetime import UTC, date, datetime

import pytest

from core.adapters.calendar import MarketCalendar, read_days
from core.domain.market import SessionPhase
from core.errors import BrokerUnavailable


async def prepared(now: datetime) -> MarketCalendar:
    calendar = MarketCalendar()
    await calendar.prepare(now)
    return calendar


@pytest.mark.parametrize(
    ("now", "phase"),
    [
        (datetime(2026, 11, 24, 8, 59, 59, tzinfo=UTC), SessionPhase.CLOSED),
        (datetime(2026, 11, 24, 9, 0, tzinfo=UTC), SessionPhase.PRE),
        (datetime(2026, 11, 24, 14, 29, 59, tzinfo=UTC), SessionPhase.PRE),
        (datetime(2026, 11, 24, 14, 30, tzinfo=UTC), SessionPhase.REGULAR),
        (datetime(2026, 11, 24, 20, 59, 59, tzinfo=UTC), SessionPhase.REGULAR),
        (datetime(2026, 11, 24, 21, 0, tzinfo=UTC), SessionPhase.POST),
        (datetime(2026, 11, 25, 0, 59, 59, tzinfo=UTC), SessionPhase.POST),
        (datetime(2026, 11, 25, 1, 0, tzinfo=UTC), SessionPhase.CLOSED),
    ],
)
async def test_phase_of_a_market_day_follows_new_york(now, phase):
    calendar = await prepared(now)

    session = calendar.session(now)

    assert session.phase is phase
    assert session.now == now
    assert session.opens == datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
    assert session.closes == datetime(2026, 11, 24, 21, 0, tzinfo=UTC)


async def test_hours_in_summer_are_an_hour_earlier_in_utc():
    now = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)

    session = (await prepared(now)).session(now)

    assert session.phase is SessionPhase.PRE
    assert session.opens == datetime(2026, 7, 1, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "phase"),
    [
        (datetime(2026, 11, 27, 17, 59, tzinfo=UTC), SessionPhase.REGULAR),
        (datetime(2026, 11, 27, 18, 0, tzinfo=UTC), SessionPhase.POST),
        (datetime(2026, 11, 27, 22, 0, tzinfo=UTC), SessionPhase.CLOSED),
    ],
)
async def test_half_day_ends_early(now, phase):
    session = (await prepared(now)).session(now)

    assert session.phase is phase
    assert session.closes == datetime(2026, 11, 27, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 11, 26, 16, 0, tzinfo=UTC),  # Thanksgiving
        datetime(2026, 12, 25, 16, 0, tzinfo=UTC),
        datetime(2026, 11, 28, 16, 0, tzinfo=UTC),  # a Saturday
    ],
)
async def test_day_without_a_market_is_closed_until_the_next_one(now):
    session = (await prepared(now)).session(now)

    assert session.phase is SessionPhase.CLOSED
    assert session.opens > now


async def test_calendar_that_was_not_prepared_raises():
    with pytest.raises(BrokerUnavailable):
        MarketCalendar().session(datetime(2026, 11, 24, 15, 0, tzinfo=UTC))


@pytest.mark.parametrize("years", [-4, 2])
async def test_moment_outside_the_prepared_days_raises(years):
    now = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
    calendar = await prepared(now)

    with pytest.raises(BrokerUnavailable):
        calendar.session(now.replace(year=now.year + years))


async def test_preparing_again_reads_only_what_is_missing():
    now = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
    calendar = await prepared(now)

    await calendar.prepare(now.replace(year=2029))

    assert calendar.session(now.replace(year=2029)).opens.year == 2029


def test_days_of_a_year_are_counted_without_holidays():
    days = read_days(date(2026, 1, 1), date(2026, 12, 31))

    assert len(days) == 251
    assert date(2026, 7, 3) not in {each.day for each in days}
