"""The market day in force, read from the exchange calendar."""

from datetime import UTC, date, datetime, timedelta

import pytest

from core.adapters.calendar import MarketCalendar, MarketDay, read_days
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


class Told:
    """A broker whose calendar says what the test says."""

    def __init__(self, *days: MarketDay) -> None:
        self.days = days
        self.asked: list[tuple[date, date]] = []

    async def __call__(self, first: date, last: date) -> tuple[MarketDay, ...]:
        self.asked.append((first, last))
        if not self.days:
            raise BrokerUnavailable("no answer")
        return tuple(day for day in self.days if first <= day.day <= last)


NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


async def confirmed(told: Told) -> MarketCalendar:
    calendar = MarketCalendar(told)
    await calendar.prepare(NOW)
    await calendar.confirm(NOW)
    return calendar


def known(first: date, last: date) -> tuple[MarketDay, ...]:
    return read_days(first, last)


async def test_closure_that_only_the_broker_knows_of_is_taken_over(expected_log):
    expected_log("calendar.corrected")
    days = known(date(2026, 11, 24), date(2026, 12, 8))
    mourning = next(day for day in days if day.day == date(2026, 11, 25))

    calendar = await confirmed(Told(*reversed([day for day in days if day is not mourning])))
    session = calendar.session(datetime(2026, 11, 25, 15, 0, tzinfo=UTC))

    assert session.phase is SessionPhase.CLOSED
    assert session.opens.date() == date(2026, 11, 27)
    assert calendar.session(NOW).phase is SessionPhase.REGULAR
    assert calendar.session(datetime(2026, 12, 9, 15, 0, tzinfo=UTC)).phase is SessionPhase.REGULAR


async def test_broker_is_asked_once_a_day_and_for_two_weeks():
    told = Told(*known(date(2026, 11, 24), date(2026, 12, 31)))

    calendar = await confirmed(told)
    await calendar.confirm(NOW + timedelta(hours=3))
    await calendar.confirm(NOW + timedelta(days=1))

    assert told.asked[0] == (date(2026, 11, 24), date(2026, 12, 8))
    assert len(told.asked) == 2


async def test_broker_that_does_not_answer_leaves_the_library_and_is_asked_again(expected_log):
    expected_log("calendar.unconfirmed")
    told = Told()

    calendar = await confirmed(told)
    await calendar.confirm(NOW)

    assert calendar.session(NOW).phase is SessionPhase.REGULAR
    assert len(told.asked) == 2
