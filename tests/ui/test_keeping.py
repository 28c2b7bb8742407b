"""Keeping the demo: nothing typed is lost, and no slip of a finger can lock a person out."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.domain.messages import KeepProfile
from core.errors import RefusalCode, Refused
from core.storage import vault
from tests.ui import pretend
from ui.actions.keeping import SHORTEST
from ui.bridge import Bridge
from ui.dialogs.text_input import TextInput
from ui.main_window import MainWindow

PASSPHRASE = "four plain words do "  # the space at its end is part of it


@pytest.fixture
def core() -> pretend.PretendCore:
    made = pretend.PretendCore(pretend.snapshot())
    made.answers[KeepProfile] = Path("profiles") / "desk"
    return made


@pytest.fixture
def window(core, qtbot):
    bridge = Bridge(core.send, clock=lambda: 1000.0)
    made = MainWindow(bridge)
    qtbot.addWidget(made)
    made.show()
    bridge.request_snapshot()
    qtbot.waitUntil(lambda: made.parts.facts.profile is not None)
    yield made
    bridge.stop()


def sheet(window) -> TextInput:
    return next(each for each in window.findChildren(TextInput) if each.isVisible())


def answer(window, text: str) -> None:
    field = sheet(window).field
    field.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)


def test_shortest_passphrase_is_that_of_the_vault() -> None:
    assert SHORTEST == vault.SHORTEST_PASSPHRASE


def test_keeping_sends_the_passphrase_exactly_as_typed_twice(window, core) -> None:
    window.registry.run("profile.keep")

    for text in ("desk", PASSPHRASE, PASSPHRASE):
        answer(window, text)

    assert core.all_of(KeepProfile) == [KeepProfile("desk", PASSPHRASE)]


@pytest.mark.parametrize("typed", [["desk", "too short"], ["desk", PASSPHRASE, "another of some length"]])
def test_keeping_with_a_fault_sends_nothing_and_says_so(window, core, typed) -> None:
    window.registry.run("profile.keep")

    for text in typed:
        answer(window, text)

    assert core.all_of(KeepProfile) == []
    assert sheet(window).field.text() == typed[-1]
    assert sheet(window).fault.text().strip()


def test_keeping_under_a_taken_name_asks_for_another_and_keeps_the_rest(window, core, qtbot) -> None:
    core.answers[KeepProfile] = Refused(RefusalCode.NAME_TAKEN, "There is a profile 'desk' already.")
    window.registry.run("profile.keep")
    for text in ("desk", PASSPHRASE, PASSPHRASE):
        answer(window, text)
    qtbot.waitUntil(lambda: any(each.isVisible() for each in window.findChildren(TextInput)))
    again = (sheet(window).field.text(), sheet(window).fault.text())
    core.answers[KeepProfile] = Path("profiles") / "desk 2"

    answer(window, "desk 2")

    assert again == ("desk", "There is a profile 'desk' already.")
    assert core.all_of(KeepProfile)[-1] == KeepProfile("desk 2", PASSPHRASE)


def test_keeping_under_a_passphrase_that_the_core_refuses_asks_for_another_one(window, core, qtbot) -> None:
    core.answers[KeepProfile] = Refused(RefusalCode.WEAK_PASSPHRASE, "this passphrase is well known")
    window.registry.run("profile.keep")
    for text in ("desk", PASSPHRASE, PASSPHRASE):
        answer(window, text)
    qtbot.waitUntil(lambda: any(each.isVisible() for each in window.findChildren(TextInput)))
    again = (sheet(window).heading.text(), sheet(window).fault.text())
    core.answers[KeepProfile] = Path("profiles") / "desk"

    for text in ("walnut ceiling grammar", "walnut ceiling grammar"):
        answer(window, text)

    assert again == ("A passphrase for desk", "This passphrase is well known.")
    assert core.all_of(KeepProfile)[-1] == KeepProfile("desk", "walnut ceiling grammar")
