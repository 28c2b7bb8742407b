"""One backup a day while the program runs: when it is due, and what is told where none can be made."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import backing_up
from app import profile as profiles
from app.backing_up import DailyBackup, backups_of, make_backup
from app.options import DesktopOptions, Kind
from app.sessions import start_profile
from core.audit import ledger
from core.audit.journal import AuditJournal
from core.bus import Bus
from core.clock import ManualClock
from core.domain.access import Actor, Origin
from core.domain.messages import Notice
from core.errors import StorageUnwritable
from core.storage import vault
from core.storage.store import open_store

CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
PASSPHRASE = "correct horse battery"
DESK = Actor("desk", "admin", Origin.DESK, "s1")
NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


class Room:
    """A profile that is open, and the room that backs it up."""

    def __init__(self, root: Path) -> None:
        self.profile = profiles.create(root, "desk", PASSPHRASE, cost=CHEAP)
        self.key = vault.unlock(self.profile.folder, PASSPHRASE).key
        self.store = open_store(self.profile.database, self.key, create=False)
        self.clock, bus = ManualClock(NOW), Bus()
        self.notices: list[Notice] = []
        bus.subscribe(Notice, self.notices.append)
        journal = AuditJournal(self.store, self.clock, bus, self.profile.emergency)
        self.error: StorageUnwritable | None = None
        self.daily = DailyBackup(self.profile.folder, self._make, journal, DESK, self.clock, bus)
        self.journal = journal

    def _make(self, now: datetime):
        if self.error is not None:
            raise self.error
        return make_backup(self.profile.folder, self.key, now)

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in backups_of(self.profile.folder).glob("*"))

    async def records(self) -> list[tuple[str, str]]:
        found = await self.store.read(lambda reader: reader.audit_records(0, 100))
        return [(each.action, each.entity) for each in found[1:]]


@pytest.fixture
async def room(tmp_path: Path):
    made = Room(tmp_path / "root")
    await made.journal.record(ledger.genesis(made.store.installation_id, made.store.created_at_us, DESK))
    yield made
    await made.store.close_async()


async def test_backup_is_made_once_a_day_and_recorded(room: Room):
    for hours in (0, 1, 22, 2):
        room.clock.turn(hours * 3600)
        await room.daily.look()

    assert room.names == ["desk-20260105T143000Z.zip", "desk-20260106T153000Z.zip"]
    assert await room.records() == [("backup.made", name) for name in room.names]
    assert room.notices == []


async def test_backup_from_the_future_does_not_stand_for_todays(room: Room):
    await asyncio.to_thread(make_backup, room.profile.folder, room.key, NOW + timedelta(days=400))

    await room.daily.look()

    assert "desk-20260105T143000Z.zip" in room.names


async def test_failure_is_told_and_recorded_once_and_tried_again(room: Room):
    room.error = StorageUnwritable("the disk is full")
    for _ in range(3):
        await room.daily.look()
    room.error = None

    await room.daily.look()

    assert [notice.text for notice in room.notices] == ["No backup was made: the disk is full"]
    assert await room.records() == [("backup.failed", "desk"), ("backup.made", room.names[0])]


async def test_profile_that_runs_is_backed_up_beside_the_loop(tmp_path: Path, monkeypatch):
    made = profiles.create(tmp_path / "root", "desk", PASSPHRASE, cost=CHEAP)
    monkeypatch.setattr(backing_up, "FIRST_LOOK_S", 0.0)
    options = DesktopOptions(Kind.PROFILE, tmp_path / "root", made.folder)

    running = await start_profile(options, lambda _: None, lambda _: None, PASSPHRASE)
    await _until(lambda: list(backups_of(made.folder).glob("*.zip")))
    await running.stop()

    (path,) = backups_of(made.folder).glob("*.zip")
    assert path.stat().st_mode & 0o777 == 0o600


async def _until(there) -> None:
    async with asyncio.timeout(30):
        while not there():
            await asyncio.to_thread(lambda: None)
