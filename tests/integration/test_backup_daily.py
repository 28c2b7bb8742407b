"""Backups of a profile that runs: one a day, one when wanted, and what is told where none can be made."""

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from app import profile as profiles
from app.backing_up import ProfileBackups, backups_of, make_backup
from app.options import DesktopOptions, Kind
from app.sessions import start_profile
from core.audit import ledger
from core.audit.journal import AuditJournal
from core.bus import Bus
from core.clock import ManualClock
from core.domain.access import Actor, Origin
from core.domain.messages import BackupFacts, BackupMoved, BackupStage, MakeBackup, Notice, StopBackup
from core.errors import RefusalCode, Refused, StorageError, StorageUnwritable
from core.orders import backups as room_of_backups
from core.orders.backups import BackupRoom
from core.orders.supervision import Means
from core.ports.backups import Going
from core.storage import vault
from core.storage.store import open_store
from core.tasks import Tasks

CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
PASSPHRASE = "correct horse battery"
DESK = Actor("desk", "admin", Origin.DESK, "s1")
KIM, SAM = Actor("kim", "admin", Origin.WINDOW, "s1"), Actor("sam", "admin", Origin.WINDOW, "s1")
NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


class Held:
    """The backups of a profile, which fail or wait as they are told to."""

    def __init__(self, backups: ProfileBackups) -> None:
        self._backups = backups
        self.error: StorageUnwritable | None = None
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.begun: Callable[[], None] = lambda: None

    def make(self, now: datetime, going: Going) -> BackupFacts:
        if self.error is not None:
            raise self.error

        def held(stage: BackupStage) -> None:
            self.begun()
            self.may_go_on.wait(30)
            going(stage)
            going(stage)  # it is told often

        return self._backups.make(now, held)

    def moments(self) -> tuple[datetime, ...]:
        return self._backups.moments()


class Room:
    """A profile that is open, and the room that backs it up."""

    def __init__(self, root: Path) -> None:
        self.profile = profiles.create(root, "desk", PASSPHRASE, cost=CHEAP)
        self.key = vault.unlock(self.profile.folder, PASSPHRASE).key
        self.store = open_store(self.profile.database, self.key, create=False)
        self.clock, bus, self.tasks = ManualClock(NOW), Bus(), Tasks()
        self.notices: list[Notice] = []
        self.stages: list[BackupStage | None] = []
        bus.subscribe(Notice, self.notices.append)
        bus.subscribe(BackupMoved, lambda event: self.stages.append(event.stage))
        self.journal = AuditJournal(self.store, self.clock, bus, self.profile.emergency)
        self.backups = Held(ProfileBackups(self.profile.folder, self.key))
        means = Means(self.clock, bus, self.tasks, Random(1))
        self.daily = BackupRoom(self.backups, "desk", self.journal, DESK, means)
        self.throwaway = BackupRoom(None, "demo", self.journal, DESK, means)

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in backups_of(self.profile.folder).glob("*"))

    async def records(self) -> list[tuple[str, str, str]]:
        found = await self.store.read(lambda reader: reader.audit_records(0, 100))
        return [(each.action, each.entity, each.actor) for each in found[1:]]

    def age(self, room: BackupRoom | None = None) -> float | None:
        (instrument,) = (room or self.daily).instruments
        return next((each.value for each in instrument.family().samples), None)

    async def begun(self) -> "asyncio.Task[BackupFacts]":
        """Begin a backup that waits in its first step."""
        loop, is_begun = asyncio.get_running_loop(), asyncio.Event()
        self.backups.may_go_on.clear()
        self.backups.begun = lambda: loop.call_soon_threadsafe(is_begun.set)
        task = loop.create_task(self.daily.make(MakeBackup(), KIM))
        await is_begun.wait()
        return task


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
    assert await room.records() == [("backup.made", name, "desk") for name in room.names]
    assert room.notices == []


async def test_backup_from_the_future_does_not_stand_for_todays(room: Room):
    await asyncio.to_thread(make_backup, room.profile.folder, room.key, NOW + timedelta(days=400))

    await room.daily.look()

    assert "desk-20260105T143000Z.zip" in room.names


async def test_failure_is_told_and_recorded_once_and_tried_again(room: Room):
    room.backups.error = StorageUnwritable("the disk is full")
    for _ in range(3):
        await room.daily.look()
    room.backups.error = None

    await room.daily.look()

    assert [notice.text for notice in room.notices] == ["No backup was made: the disk is full"]
    assert await room.records() == [
        ("backup.failed", "desk", "desk"),
        ("backup.made", room.names[0], "desk"),
    ]


async def test_backup_that_is_wanted_is_made_told_step_by_step_and_recorded_with_who_wanted_it(room: Room):
    await room.daily.look()

    made = await room.daily.make(MakeBackup(), KIM)

    assert made.file == room.names[1]
    assert made.size == (backups_of(room.profile.folder) / made.file).stat().st_size
    assert made.head_seq == 2
    assert (await room.records())[1] == ("backup.made", made.file, "kim")
    assert room.stages[5:] == [*BackupStage, None]


async def test_age_of_the_newest_is_known_once_somebody_has_looked(room: Room):
    before = room.age()
    running = room.tasks.spawn(room.daily.run(), "work")
    while room.age() is None:
        await asyncio.to_thread(lambda: None)
    never = room.age()
    await room.daily.make(MakeBackup(), KIM)
    room.clock.turn(90.0)
    running.cancel()

    assert (before, never, room.age()) == (None, float("inf"), 90.0)


async def test_backup_is_looked_after_once_a_quarter_of_an_hour(room: Room):
    running = room.tasks.spawn(room.daily.run(), "work")
    while not room.clock._sleepers:
        await asyncio.to_thread(lambda: None)
    for seconds in (120, 900, 86_400):
        await room.clock.advance(seconds)
        while not room.clock._sleepers:
            await asyncio.to_thread(lambda: None)
    await room.tasks.close()

    assert running.cancelled()
    assert room.stages.count(None) == len(room.names) == 2


async def test_second_backup_at_a_time_is_refused_and_the_daily_one_waits(room: Room):
    first = await room.begun()

    with pytest.raises(Refused, match="being made already") as refused:
        await room.daily.make(MakeBackup(), SAM)
    await room.daily.look()
    room.backups.may_go_on.set()
    made = await first

    assert refused.value.code is RefusalCode.IN_FLIGHT
    assert room.names == [made.file]


async def test_backup_is_stopped_by_a_person_and_leaves_nothing(room: Room):
    first = await room.begun()

    was_there = await room.daily.stop(StopBackup(), SAM)
    room.backups.may_go_on.set()
    with pytest.raises(Refused, match="stopped by sam; earlier ones are as they were"):
        await first
    is_there = await room.daily.stop(StopBackup(), SAM)

    assert (was_there, is_there, room.names) == (True, False, [])
    assert await room.records() == [("backup.failed", "desk", "kim")]
    assert (await room.daily.make(MakeBackup(), KIM)).file == room.names[0]


async def test_daily_backup_that_a_person_stops_is_no_alarm(room: Room):
    loop, is_begun = asyncio.get_running_loop(), asyncio.Event()
    room.backups.may_go_on.clear()
    room.backups.begun = lambda: loop.call_soon_threadsafe(is_begun.set)
    looking = loop.create_task(room.daily.look())
    await is_begun.wait()
    await room.daily.stop(StopBackup(), SAM)
    room.backups.may_go_on.set()

    await looking

    assert (room.names, room.notices) == ([], [])


async def test_end_of_the_program_ends_a_long_backup(room: Room):
    running = room.tasks.spawn(room.daily.run(), "work")
    while room.age() is None:
        await asyncio.to_thread(lambda: None)
    first = await room.begun()

    await room.tasks.close()
    room.backups.may_go_on.set()

    with pytest.raises(asyncio.CancelledError):
        await first
    assert running.cancelled()
    while room.names:
        await asyncio.to_thread(lambda: None)
    assert room.stages[-1] is None


@pytest.mark.parametrize("stage", list(BackupStage))
async def test_backup_that_is_stopped_at_a_step_leaves_nothing(room: Room, stage: BackupStage):
    def going(now: BackupStage) -> None:
        if now is stage:
            raise Refused(RefusalCode.NOT_READY, "enough")

    with pytest.raises(Refused, match="enough"):
        await asyncio.to_thread(make_backup, room.profile.folder, room.key, NOW, going)

    assert room.names == []


async def test_copying_of_a_large_database_is_stopped_under_way(room: Room, monkeypatch):
    monkeypatch.setattr("core.storage.backup._STEPS", 10)
    asked = 0

    def going(now: BackupStage) -> None:
        nonlocal asked
        asked += now is BackupStage.COPYING
        if asked == 5:
            raise Refused(RefusalCode.NOT_READY, "enough")

    with pytest.raises(Refused, match="enough"):
        await asyncio.to_thread(make_backup, room.profile.folder, room.key, NOW, going)

    assert (asked, room.names) == (5, [])


async def test_failure_of_one_that_is_wanted_is_recorded_each_time_and_told_to_whoever_wanted_it(room: Room):
    room.backups.error = StorageUnwritable("the disk is full")

    for _ in range(2):
        with pytest.raises(StorageError, match="the disk is full"):
            await room.daily.make(MakeBackup(), KIM)

    assert await room.records() == [("backup.failed", "desk", "kim")] * 2
    assert room.notices == []


async def test_throwaway_profile_has_no_backups(room: Room):
    await room.throwaway.run()
    await room.throwaway.look()

    with pytest.raises(Refused, match="Keep it first"):
        await room.throwaway.make(MakeBackup(), KIM)

    assert room.age(room.throwaway) is None


async def test_profile_that_runs_is_backed_up_beside_the_loop(tmp_path: Path, monkeypatch):
    made = profiles.create(tmp_path / "root", "desk", PASSPHRASE, cost=CHEAP)
    monkeypatch.setattr(room_of_backups, "FIRST_LOOK_S", 0.0)
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
