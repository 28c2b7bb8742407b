"""Backups from the window: wanted by a key, told step by step, stopped, and refused in words."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from core.domain.messages import BackupFacts, BackupMoved, BackupStage, MakeBackup, StopBackup
from core.errors import RefusalCode, Refused, StorageUnwritable
from tests.ui import pretend
from ui.bridge import Bridge
from ui.main_window import MainWindow

MADE = BackupFacts("desk-20260105T143000Z.zip", 1_234_567, 3_204, "d" * 43)


@pytest.fixture
def core() -> pretend.PretendCore:
    base = pretend.snapshot()
    profile = replace(base.profile, name="desk", user="owner", role="admin", temporary=False)
    made = pretend.PretendCore(replace(base, profile=profile))
    made.answers[MakeBackup] = MADE
    return made


@pytest.fixture
def bridge(core: pretend.PretendCore, qtbot: QtBot) -> Bridge:
    return Bridge(core.send, clock=lambda: 1000.0)


@pytest.fixture
def window(bridge: Bridge, qtbot: QtBot):
    made = MainWindow(bridge)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    bridge.request_snapshot()
    qtbot.waitUntil(lambda: made.parts.facts.profile is not None)
    qtbot.waitUntil(lambda: made.registry.action("backup.create").isEnabled())
    yield made
    bridge.stop()


@pytest.fixture
def said(window: MainWindow) -> list[str]:
    found: list[str] = []
    window.parts.notices.fact.connect(found.append)
    return found


def test_backup_is_made_by_its_key_and_told_with_what_is_in_it(window, core, said, qtbot) -> None:
    keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(window, Qt.Key.Key_S, keys)

    qtbot.waitUntil(lambda: len(said) == 2)

    assert core.all_of(MakeBackup) == [MakeBackup()]
    assert said == [
        "Backup: beginning",
        "Backup made and verified: desk-20260105T143000Z.zip, 1.2 MB, 3,204 records",
    ]


def test_backup_that_runs_is_told_step_by_step_and_can_be_stopped(window, bridge, core, said, qtbot) -> None:
    assert not window.registry.action("backup.stop").isEnabled()

    bridge.publish(BackupMoved(BackupStage.CHECKING))
    qtbot.waitUntil(lambda: window.registry.action("backup.stop").isEnabled())
    window.registry.run("backup.stop")
    is_free = window.registry.action("backup.create").isEnabled()
    bridge.publish(BackupMoved(None))
    qtbot.waitUntil(lambda: window.registry.action("backup.create").isEnabled())

    assert said == ["Backup: checking every page and the audit chain"]
    assert core.all_of(StopBackup) == [StopBackup()]
    assert (is_free, window.registry.action("backup.stop").isEnabled()) == (False, False)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            StorageUnwritable("the disk is full"),
            "No backup was made; earlier ones are as they were. the disk is full",
        ),
        (Refused(RefusalCode.NOT_READY, "The backup was stopped by sam."), "The backup was stopped by sam."),
    ],
)
def test_backup_that_was_not_made_is_told_with_why(window, core, qtbot, error, words) -> None:
    core.answers[MakeBackup] = error

    window.registry.run("backup.create")

    qtbot.waitUntil(lambda: [each.text for each in window.parts.notices.heard] == [words])
