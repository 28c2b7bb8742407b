"""The daily round of backups: how long it waits, when one is due, and what the end of the program does."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from core.bus import Bus
from core.domain.access import Actor, Origin
from core.domain.audit import AuditDraft
from core.domain.backup_commands import BackupFacts, BackupStage, MakeBackup, StopBackup
from core.domain.messages import Notice
from core.errors import RefusalCode, Refused, StorageUnwritable
from core.orders.backups import EVERY, FIRST_LOOK_S, LOOK_EVERY_S, BackupRoom
from core.orders.supervision import Means
from core.ports.backups import Going
from core.tasks import Tasks
from tests.fakes.beats import Beats

DESK = Actor("desk", "admin", Origin.DESK, "s-1")
KIM = Actor("kim", "admin", Origin.WINDOW, "s-1")


class Kept:
    """Backups in memory."""

    def __init__(self) -> None:
        self.found: list[datetime] = []
        self.asked: list[datetime] = []
        self.is_full = False
        self.meanwhile: Callable[[], None] = lambda: None

    def make(self, now: datetime, going: Going) -> BackupFacts:
        self.asked.append(now)
        going(BackupStage.COPYING)
        self.meanwhile()
        going(BackupStage.COPYING)
        if self.is_full:
            raise StorageUnwritable("the disk is full")
        self.found.append(now)
        return BackupFacts("a.zip", 5, 1, "D")

    def moments(self) -> tuple[datetime, ...]:
        return tuple(self.found)


class Routes:
    """Notes which commands are routed, and to what."""

    def __init__(self) -> None:
        self.found: dict[type, Any] = {}

    def route(self, kind: type, handler: Any) -> None:
        self.found[kind] = handler


class Record:
    """A journal that keeps the drafts."""

    def __init__(self) -> None:
        self.drafts: list[AuditDraft] = []

    async def record_anyway(self, draft: AuditDraft) -> None:
        self.drafts.append(draft)


class Floor:
    """A room with its clock."""

    def __init__(self, most: int) -> None:
        self.clock, self.bus, self.kept, self.record = Beats(most), Bus(), Kept(), Record()
        self.notices: list[Notice] = []
        self.bus.subscribe(Notice, self.notices.append)
        means = Means(self.clock, self.bus, Tasks(), Random(1))
        self.room = BackupRoom(self.kept, "demo", self.record, DESK, means)  # type: ignore[arg-type]
        self.begun = self.clock.now()

    async def run(self) -> None:
        with pytest.raises(asyncio.CancelledError):
            await self.room.run()

    def asked_s(self) -> list[float]:
        return [(each - self.begun).total_seconds() for each in self.kept.asked]


async def test_it_looks_two_minutes_after_the_start_and_then_every_quarter_of_an_hour() -> None:
    floor = Floor(100)

    await floor.run()

    assert floor.clock.slept == [FIRST_LOOK_S] + [LOOK_EVERY_S] * 99
    assert floor.asked_s() == [120.0, 120.0 + EVERY.total_seconds()]
    assert {each.action for each in floor.record.drafts} == {"backup.made"}


@pytest.mark.parametrize(("ago", "made"), [(EVERY, 1), (EVERY - timedelta(seconds=1), 0)])
async def test_one_is_due_when_the_newest_is_a_day_old(ago: timedelta, made: int) -> None:
    floor = Floor(1)
    floor.kept.found = [floor.begun - ago, floor.begun - 2 * EVERY, floor.begun + EVERY]

    await floor.room.look()

    assert len(floor.kept.asked) == made


async def test_one_that_is_made_this_very_moment_is_the_newest() -> None:
    floor = Floor(1)
    await floor.room.look()
    await floor.room.look()

    assert len(floor.kept.asked) == 1
    assert [each.value for each in floor.room.instruments[0].family().samples] == [0]


async def test_the_age_is_known_before_the_first_look_of_a_run() -> None:
    floor = Floor(1)
    floor.kept.found = [floor.begun - timedelta(hours=1)]

    await floor.run()

    (family,) = (each.family() for each in floor.room.instruments)
    assert [each.value for each in family.samples] == [3_600 + FIRST_LOOK_S]
    assert floor.kept.asked == []


async def test_a_failure_is_told_once_until_one_was_made() -> None:
    floor = Floor(1)
    for is_full in (True, True, False, True, True):
        floor.kept.is_full = is_full
        floor.clock.turn(EVERY.total_seconds())
        await floor.room.look()

    assert [(each.severity, each.text, each.subject) for each in floor.notices] == [
        ("warning", "No backup was made: the disk is full", "backup")
    ] * 2
    assert [(each.action, each.actor, each.entity) for each in floor.record.drafts] == [
        ("backup.failed", DESK, "demo"), ("backup.made", DESK, "a.zip"), ("backup.failed", DESK, "demo"),
    ]  # fmt: skip


async def test_one_that_fails_by_hand_is_no_failure_of_the_daily_one() -> None:
    floor = Floor(1)
    floor.kept.is_full = True
    for _ in range(2):
        with pytest.raises(StorageUnwritable):
            await floor.room.make(MakeBackup(), KIM)
    await floor.room.look()

    assert [each.actor for each in floor.record.drafts] == [KIM, KIM, DESK]
    assert len(floor.notices) == 1


async def test_the_end_of_the_program_ends_a_backup_and_says_so() -> None:
    floor = Floor(1)
    ends = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.call_soon_threadsafe(ends.set)
        assert floor.room._is_stopped.wait(30)

    floor.kept.meanwhile = end
    making = loop.create_task(floor.room.make(MakeBackup(), KIM))
    await ends.wait()
    await floor.run()

    with pytest.raises(Refused) as refused:
        await making
    words = "The backup was stopped by the end of the program; earlier ones are as they were."
    assert (refused.value.code, refused.value.message) == (RefusalCode.NOT_READY, words)


async def test_a_stop_with_nothing_to_stop_does_not_end_the_next_one() -> None:
    floor = Floor(1)

    was_there = await floor.room.stop(StopBackup(), KIM)
    made = await floor.room.make(MakeBackup(), KIM)

    assert (was_there, made.file) == (False, "a.zip")


async def test_without_a_place_for_backups_there_is_nothing_to_do() -> None:
    floor = Floor(1)
    means = Means(floor.clock, floor.bus, Tasks(), Random(1))
    room = BackupRoom(None, "demo", floor.record, DESK, means)  # type: ignore[arg-type]

    await room.run()
    await room.look()
    with pytest.raises(Refused) as refused:
        await room.make(MakeBackup(), KIM)

    assert refused.value.code is RefusalCode.NOT_FOUND
    assert floor.clock.slept == []


async def test_it_answers_both_commands() -> None:
    floor, routes = Floor(1), Routes()

    floor.room.join(routes)  # type: ignore[arg-type]

    assert routes.found == {MakeBackup: floor.room.make, StopBackup: floor.room.stop}
