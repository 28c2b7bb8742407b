"""What the doctor says of the clock, the calendar and the backups, as typed."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import profile as profiles
from app.backing_up import backups_of, make_backup
from core.adapters import calendar, keychain
from core.audit import ledger
from core.clock import SystemClock
from core.domain.audit import AuditAction, AuditDraft
from core.ports.storage import UnitOfWork
from core.storage.store import open_store
from tests.fakes.desk_files import CHEAP, DESK, PASSPHRASE, key_of, runner

HOUR = timedelta(hours=1)
Look = Callable[[str], tuple[bool, str]]


@pytest.fixture(autouse=True)
def _no_keyring(monkeypatch) -> None:
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(None, "none here"))


@pytest.fixture
def desk(tmp_path: Path) -> profiles.Profile:
    return profiles.create(tmp_path / "root", "desk", PASSPHRASE, cost=CHEAP)


@pytest.fixture
def look(tmp_path: Path, monkeypatch, capsys) -> Look:
    run = runner(tmp_path, monkeypatch, capsys)

    def look(name: str) -> tuple[bool, str]:
        _, out, _ = run("doctor", "--json")
        found = next(each for each in json.loads(out)["checks"] if each["name"] == name)
        return found["passed"], found["found"]

    return look


def note(desk: profiles.Profile, *moments: datetime) -> None:
    """Append a record of each moment."""
    store = open_store(desk.database, key_of(desk), create=False)

    def work(uow: UnitOfWork) -> None:
        if uow.audit_head().seq == 0:
            begun = ledger.genesis(store.installation_id, store.created_at_us, DESK, "")
            ledger.append(uow, begun, moments[0])
        for moment in moments:
            ledger.append(uow, AuditDraft(AuditAction.PROGRAM_STARTED, DESK, "desk"), moment)

    asyncio.run(store.write(work))
    store.close()


def test_clock_that_is_behind_the_newest_record_is_told(desk, look):
    assert look("clock")[0]
    note(desk, SystemClock().now() - HOUR)
    assert look("clock")[0]

    note(desk, SystemClock().now() + HOUR)
    passed, found = look("clock")

    assert not passed
    assert "the newest record is of" in found


@pytest.mark.parametrize(("hours", "passes"), [((0, 35), True), ((0, 37), False)])
def test_profile_that_was_used_for_days_without_a_backup_is_told(desk, look, hours, passes):
    begun = SystemClock().now() - 100 * HOUR
    note(desk, *(begun + each * HOUR for each in hours))

    assert look("backups") == (passes, "none yet; one is made a day while the program runs")


@pytest.mark.parametrize(("after", "passes"), [(35, True), (37, False)])
def test_backup_counts_against_the_newest_record(desk, look, after, passes):
    made_at = SystemClock().now() - 100 * HOUR
    note(desk, made_at - HOUR)
    made = make_backup(desk.folder, key_of(desk), made_at)
    note(desk, made_at + after * HOUR)

    assert look("backups") == (
        passes,
        f"the newest, {made.path.name}, is whole and was made {made_at:%Y-%m-%d %H:%M:%S} UTC",
    )


def test_newest_backup_that_is_damaged_is_told_and_one_of_the_future_does_not_count(desk, look):
    note(desk, SystemClock().now() - HOUR)
    made = make_backup(desk.folder, key_of(desk), SystemClock().now())
    make_backup(desk.folder, key_of(desk), datetime(2999, 1, 1, tzinfo=UTC))
    found = look("backups")
    content = bytearray(made.path.read_bytes())
    content[len(content) // 2] ^= 1
    made.path.write_bytes(content)

    assert found[0]
    assert made.path.name in found[1]
    assert not look("backups")[0]
    assert len(list(backups_of(desk.folder).glob("*.zip"))) == 2


def test_calendar_is_read_for_the_days_to_come(desk, look, monkeypatch):
    assert look("calendar")[0]
    monkeypatch.setattr(calendar, "read_days", lambda _first, _last: ())
    assert look("calendar") == (False, "no market day is known")

    def fails(first, last):
        raise ValueError(f"no days from {first} to {last}")

    monkeypatch.setattr(calendar, "read_days", fails)
    passed, found = look("calendar")

    assert (passed, found.startswith("cannot be read: no days from")) == (False, True)
