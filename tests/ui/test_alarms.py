"""Alarms in the window: they count until somebody has seen them, and grow louder."""

from dataclasses import replace

import pytest
from PySide6.QtWidgets import QApplication

from core.domain.alarms import Alarm, AlarmId
from core.domain.messages import (
    AcknowledgeAlarms,
    AlarmEscalated,
    AlarmsChanged,
    LoadAlarms,
    Notice,
    Severity,
)
from tests.ui import pretend
from ui.bridge import Bridge
from ui.main_window import MainWindow

LATE = Alarm(AlarmId(1), "The book cannot be written.", "book", pretend.NOW, count=3, escalated=True)
NEW = Alarm(AlarmId(2), "Outcome unknown: AAPL buy 5.", "IQ-2", pretend.NOW)


@pytest.fixture
def core() -> pretend.PretendCore:
    return pretend.PretendCore(pretend.snapshot())


@pytest.fixture
def beeps(monkeypatch) -> list[str]:
    heard: list[str] = []
    monkeypatch.setattr(QApplication, "beep", lambda: heard.append("beep"))
    return heard


@pytest.fixture
def window(qtbot, core, beeps):
    bridge = Bridge(core.send)
    made = MainWindow(bridge)
    qtbot.addWidget(made)
    made.bridge_of_test = bridge
    made.counts = []
    made.parts.notices.unread_changed.connect(made.counts.append)
    made.show()
    bridge.request_snapshot()
    qtbot.waitUntil(lambda: made.parts.facts.profile is not None)
    yield made
    bridge.stop()
    made.close()


def tell(qtbot, window, *events) -> None:
    for event in events:
        window.bridge_of_test.publish(event)
    qtbot.waitUntil(lambda: not window.bridge_of_test.lane)
    qtbot.wait(1)


def test_an_alarm_counts_until_it_was_seen_and_a_warning_until_it_was_read(qtbot, window) -> None:
    tell(
        qtbot,
        window,
        Notice(Severity.WARNING, "slow"),
        Notice(Severity.ALARM, NEW.text, NEW.subject),
        AlarmsChanged((NEW,)),
    )
    before = window.counts[-1]

    window.parts.notices.menu(window)
    read = window.counts[-1]
    tell(qtbot, window, AlarmsChanged(()))

    assert (before, read, window.counts[-1]) == (2, 1, 0)


def test_the_menu_takes_all_that_wait_for_seen(qtbot, window, core) -> None:
    tell(qtbot, window, AlarmsChanged((LATE, NEW)))
    core.answers[AcknowledgeAlarms] = ()
    menu = window.parts.notices.menu(window)
    first = menu.actions()[0]

    first.trigger()

    assert first.text() == "Mark 2 alarms as seen"
    assert core.all_of(AcknowledgeAlarms) == [AcknowledgeAlarms((AlarmId(1), AlarmId(2)))]


def test_the_banner_stands_while_an_alarm_is_late_only(qtbot, window, beeps) -> None:
    tell(qtbot, window, AlarmsChanged((NEW,)))
    early = window.alarms.isVisible()

    tell(qtbot, window, AlarmEscalated(LATE), AlarmsChanged((LATE, NEW)))

    assert not early
    assert window.alarms.isVisible()
    assert LATE.text in window.alarms.accessibleName()
    assert "3 times" in window.alarms.accessibleName()
    assert beeps == ["beep"]
    tell(qtbot, window, AlarmsChanged((NEW,)))
    assert not window.alarms.isVisible()


def test_the_banner_sounds_again_and_again(qtbot, window, beeps) -> None:
    tell(qtbot, window, AlarmsChanged((LATE, replace(LATE, alarm_id=AlarmId(9)))))

    window.alarms._sound.timeout.emit()

    assert "2 alarms nobody has seen" in window.alarms.accessibleName()
    assert beeps == ["beep"]


def test_its_button_says_that_they_were_seen(qtbot, window, core) -> None:
    tell(qtbot, window, AlarmsChanged((LATE, NEW)))
    core.answers[AcknowledgeAlarms] = (NEW,)

    window.alarms.seen.click()
    qtbot.waitUntil(lambda: not window.alarms.isVisible())

    assert core.all_of(AcknowledgeAlarms) == [AcknowledgeAlarms((AlarmId(1),))]


def test_a_window_that_comes_later_shows_what_waits(qtbot, window, core) -> None:
    core.answers[LoadAlarms] = (LATE,)

    window.bridge_of_test.request_snapshot()
    qtbot.waitUntil(window.alarms.isVisible)

    assert window.counts[-1] == 1
