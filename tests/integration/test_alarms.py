"""Alarms wait until a person says that they were seen, and grow louder meanwhile."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app import headless
from core.domain.alarms import Alarm, AlarmId
from core.domain.messages import (
    AcknowledgeAlarms,
    AlarmEscalated,
    AlarmsChanged,
    LoadAlarms,
    Notice,
    Severity,
)
from core.errors import RefusalCode, Refused, StorageError, StorageUnwritable
from core.failpoints import arm, disarm_all
from core.orders.alarms import MOST_WAITING
from tests.builders import NOON
from tests.fakes.rig import Rig


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = await Rig(tmp_path).start()
    yield made
    disarm_all()
    await made.stop()


def say(rig: Rig, text: str, subject: str = "", severity: Severity = Severity.ALARM) -> None:
    rig.core.bus.publish(Notice(severity, text, subject))


async def test_an_alarm_waits_and_a_warning_does_not(rig: Rig) -> None:
    say(rig, "a warning", severity=Severity.WARNING)
    say(rig, "an alarm", "book")

    (alarm,) = await rig.do(LoadAlarms(), "viewer")

    assert (alarm.text, alarm.subject, alarm.count, alarm.escalated) == ("an alarm", "book", 1, False)
    assert [each.waiting for each in rig.events if isinstance(each, AlarmsChanged)] == [(alarm,)]


async def test_repeats_of_one_subject_are_one_alarm(rig: Rig) -> None:
    say(rig, "first", "book")
    say(rig, "second", "book")
    say(rig, "third", "other")

    waiting = await rig.do(LoadAlarms())

    assert [(each.text, each.count) for each in waiting] == [("second", 2), ("third", 1)]


async def test_the_record_says_who_has_seen_it(rig: Rig) -> None:
    say(rig, "first", "book")
    say(rig, "second", "other")
    first, second = await rig.do(LoadAlarms())

    left = await rig.do(AcknowledgeAlarms((first.alarm_id,)))

    assert left == (second,)
    records = await rig.core.outside.store.read(lambda reader: reader.audit_records(0, 1_000))
    (seen,) = [each for each in records if each.action == "alarm.acknowledged"]
    assert (seen.actor, seen.role, seen.entity) == ("kim", "trader", "book")
    assert '"text":"first"' in seen.payload


async def test_what_nobody_has_seen_for_a_minute_grows_louder_once(rig: Rig) -> None:
    say(rig, "first", "book")
    await rig.wait(58.0)
    early = [each for each in rig.events if isinstance(each, AlarmEscalated)]

    await rig.wait(30.0)

    assert early == []
    (louder,) = [each for each in rig.events if isinstance(each, AlarmEscalated)]
    assert louder.alarm.escalated
    assert (await rig.do(LoadAlarms()))[0].escalated


async def test_an_alarm_that_was_seen_grows_no_louder(rig: Rig) -> None:
    say(rig, "first", "book")
    await rig.do(AcknowledgeAlarms((AlarmId(1),)))

    await rig.wait(90.0)

    assert [each for each in rig.events if isinstance(each, AlarmEscalated)] == []


async def test_an_alarm_that_cannot_be_recorded_as_seen_waits_on(rig: Rig) -> None:
    say(rig, "first", "book")

    def refuse() -> None:
        raise StorageUnwritable("the disk is full")

    arm("uow.append_audit", refuse)
    with pytest.raises(StorageError):
        await rig.do(AcknowledgeAlarms((AlarmId(1),)))

    assert len(await rig.do(LoadAlarms())) == 1


async def test_an_alarm_that_does_not_wait_cannot_be_seen(rig: Rig) -> None:
    say(rig, "first", "book")

    with pytest.raises(Refused) as caught:
        await rig.do(AcknowledgeAlarms((AlarmId(1), AlarmId(7))))

    assert caught.value.code is RefusalCode.NOT_FOUND
    assert len(await rig.do(LoadAlarms())) == 1


async def test_what_is_raised_again_while_it_is_being_seen_waits_on(rig: Rig) -> None:
    say(rig, "first", "book")
    arm("uow.append_audit", lambda: rig.core.bus.publish(Notice(Severity.ALARM, "again", "book")))

    (left,) = await rig.do(AcknowledgeAlarms((AlarmId(1),)))

    assert (left.text, left.count) == ("again", 2)


async def test_a_flood_is_merged_into_one_alarm_beyond_the_most_that_wait(rig: Rig) -> None:
    for number in range(MOST_WAITING + 50):
        say(rig, f"alarm {number}")

    waiting = await rig.do(LoadAlarms())

    assert len(waiting) == MOST_WAITING + 1
    assert (waiting[-1].count, waiting[-1].text) == (50, f"alarm {MOST_WAITING + 49}")


def test_without_a_window_an_alarm_that_nobody_has_seen_is_in_the_log(expected_log) -> None:
    expected_log("alarm.unseen")

    headless._note(AlarmEscalated(Alarm(AlarmId(1), "the book", "book", NOON, escalated=True)))
