"""Which backups are kept: so many days, weeks and months, and never none."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from core.storage.backup_rotation import ALL_FOR, DAYS, MONTHS, WEEKS, backups, rotate, superseded

START = datetime(2024, 1, 1, 2, tzinfo=UTC)
MOMENTS = st.lists(
    st.datetimes(datetime(2023, 1, 1), datetime(2026, 12, 31)).map(lambda each: each.replace(tzinfo=UTC)),  # noqa: DTZ001
    min_size=1,
    max_size=60,
)


@given(MOMENTS)
def test_newest_is_always_kept_and_no_more_than_the_sum_of_all(made):
    kept = set(made) - superseded(made)

    assert max(made) in kept
    assert len([each for each in kept if max(made) - each >= ALL_FOR]) <= DAYS + WEEKS + MONTHS


@given(MOMENTS)
def test_what_is_kept_is_kept_again_and_nothing_that_was_removed_would_have_been_missed(made):
    kept = set(made) - superseded(made)

    assert superseded(kept) == set()
    newest_days = sorted({each.date() for each in made})[-DAYS:]
    assert {each.date() for each in kept} >= set(newest_days)


def test_two_years_of_daily_backups_leave_days_weeks_and_months():
    made = [START + timedelta(days=day) for day in range(730)]

    kept = sorted(set(made) - superseded(made), reverse=True)

    newest = made[-1]
    assert kept[:DAYS] == [newest - timedelta(days=day) for day in range(DAYS)]
    assert len({(each.year, each.month) for each in kept}) == MONTHS
    assert DAYS + MONTHS <= len(kept) <= DAYS + WEEKS + MONTHS


def _file(folder: Path, moment: datetime) -> Path:
    path = folder / f"my desk-{moment:%Y%m%dT%H%M%SZ}.zip"
    path.write_text("x")
    return path


def test_all_of_the_last_day_are_kept():
    made = [START + timedelta(hours=hour) for hour in range(40)]

    assert superseded(made) == set(made[:16]) - {datetime(2024, 1, 1, 23, tzinfo=UTC)}


def test_rotation_removes_the_superseded_and_nothing_that_is_not_ours(tmp_path):
    first, second, newest = (
        _file(tmp_path, START + timedelta(days=day, hours=hour)) for day, hour in ((0, 0), (0, 1), (1, 3))
    )
    others = [tmp_path / name for name in ("notes.zip", "desk-99999999T999999Z.zip", "desk.txt")]
    for other in others:
        other.write_text("mine")

    removed = rotate(tmp_path, newest)

    assert removed == (first,)
    assert set(tmp_path.iterdir()) == {second, newest, *others}
    assert list(backups(tmp_path)) == [second, newest]


def test_backup_that_was_just_made_stays_also_where_the_clock_went_back(tmp_path):
    now, *_ = [_file(tmp_path, START + timedelta(days=day // 2, hours=day)) for day in range(80)]

    removed = rotate(tmp_path, now)

    assert now.exists()
    assert now not in removed
