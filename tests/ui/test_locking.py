"""The locked window: it shows nothing, takes a passphrase, and lets Halt through."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from core.domain.access import TradingState
from core.domain.confirmation import ConfirmationReply
from core.domain.messages import (
    HaltTrading,
    LoadSnapshot,
    LockReason,
    LockSession,
    Notice,
    ProfileFacts,
    SetLockAfter,
    Severity,
    TradingStateChanged,
    UnlockSession,
)
from core.domain.records import TradingStateRecord
from core.errors import RefusalCode, Refused, WrongPassphrase
from tests.arch.source import ROOT
from tests.golden import scenes
from tests.ui import pretend
from ui.bridge import Bridge
from ui.dialogs.text_input import TextInput
from ui.dialogs.unlock import UnlockSheet
from ui.main_window import MainWindow
from ui.theme.tokens import tokens

PASSPHRASE = "correct horse battery"
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


class Watch:
    """Both clocks, turned by hand."""

    def __init__(self) -> None:
        self.wall, self.elapsed_s = datetime(2026, 11, 20, 12, tzinfo=UTC), 100.0

    def now(self) -> datetime:
        return self.wall

    def elapsed(self) -> float:
        return self.elapsed_s

    def turn(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.elapsed_s += seconds


@pytest.fixture
def core() -> pretend.PretendCore:
    shown = pretend.snapshot([pretend.order("w", acked=True)], settings={"lock_after_min": "5"})
    core = pretend.PretendCore(replace(shown, profile=replace(shown.profile, temporary=False)))
    core.answers[UnlockSession] = replace(shown.profile, temporary=False)
    core.answers[SetLockAfter] = lambda command: command.minutes
    return core


@pytest.fixture
def bridge(core: pretend.PretendCore, qtbot: QtBot) -> Iterator[Bridge]:
    made = Bridge(core.send, clock=lambda: 1000.0)
    yield made
    made.stop()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def window(bridge: Bridge, qtbot: QtBot, watch: Watch) -> MainWindow:
    made = MainWindow(bridge)
    qtbot.addWidget(made)
    locker = made.locker
    locker._now, locker._elapsed = watch.now, watch.elapsed
    locker._used_at, locker._looked_at = watch.now(), (watch.now(), watch.elapsed())
    locker._system._is_listening = True  # no bus of this computer
    made.resize(1200, 800)
    made.show()
    bridge.request_snapshot()
    qtbot.waitUntil(lambda: made.parts.facts.profile is not None)
    return made


def _sheet(window: MainWindow) -> UnlockSheet:
    (sheet,) = [each for each in window.findChildren(UnlockSheet) if each.isVisible()]
    return sheet


def _press(window: QWidget, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> None:
    QTest.keyClick(window, key, modifiers)


def _type(window: MainWindow, text: str) -> None:
    sheet = _sheet(window)
    sheet.field.setText(text)
    sheet.take()


def test_key_locks_at_once_and_the_core_is_told(window: MainWindow, core) -> None:
    _press(window, Qt.Key.Key_L, CONTROL)

    assert window.locker.is_locked
    assert _sheet(window).objectName() == "dialog.unlock"
    assert core.all_of(LockSession) == [LockSession(LockReason.KEY)]


def test_locked_window_shows_nothing_of_what_is_behind_it(window: MainWindow) -> None:
    window.locker.lock(LockReason.KEY)

    picture = window.grab().toImage()
    sheet = _sheet(window)
    on_sheet = sheet.sheet.geometry().adjusted(-40, -40, 40, 48)
    places = [QPoint(x, y) for x in range(0, 1200, 7) for y in range(0, 800, 7)]
    seen = {picture.pixelColor(place).name() for place in places if not on_sheet.contains(place)}

    assert seen == {tokens().surface0.name()}
    assert not window.centralWidget().isEnabled()


def test_notice_is_not_shown_on_a_locked_window_and_is_kept(
    window: MainWindow, bridge: Bridge, qtbot
) -> None:
    window.locker.lock(LockReason.KEY)

    bridge.publish(Notice(Severity.WARNING, "AAPL: 4,000 shares were sold", "x"))
    qtbot.waitUntil(lambda: bool(window.parts.notices.heard))

    assert not window.parts.notices.toasts.isVisible()
    _type(window, PASSPHRASE)
    qtbot.waitUntil(lambda: not window.locker.is_locked)
    assert window.parts.notices.toasts.isVisible()


def test_esc_and_a_click_beside_it_leave_the_window_locked(window: MainWindow) -> None:
    window.locker.lock(LockReason.KEY)
    sheet = _sheet(window)

    QTest.keyClick(sheet.field, Qt.Key.Key_Escape)
    QTest.mouseClick(sheet, Qt.MouseButton.LeftButton, pos=QPoint(3, 3))

    assert sheet.isVisible()
    assert window.locker.is_locked


def test_halt_key_passes_on_the_locked_window_and_is_told_there(
    window: MainWindow, core, bridge: Bridge, qtbot
) -> None:
    core.answers[HaltTrading] = TradingStateRecord(TradingState.HALTED, "key", "demo", pretend.NOW)
    window.locker.lock(LockReason.KEY)

    QTest.keyClick(_sheet(window).field, Qt.Key.Key_H, CONTROL | SHIFT)
    bridge.publish(TradingStateChanged(TradingStateRecord(TradingState.HALTED, "key", "demo", pretend.NOW)))
    qtbot.waitUntil(lambda: window.parts.facts.is_halted)

    assert len(core.all_of(HaltTrading)) == 1
    qtbot.waitUntil(lambda: "halted" in _sheet(window).note.text())
    assert window.locker.is_locked


@pytest.mark.parametrize("key", [Qt.Key.Key_K, Qt.Key.Key_R, Qt.Key.Key_O, Qt.Key.Key_Comma])
def test_other_keys_do_nothing_on_the_locked_window(window: MainWindow, core, key: Qt.Key) -> None:
    window.locker.lock(LockReason.KEY)
    before = len(core.sent)

    QTest.keyClick(_sheet(window).field, key, CONTROL)

    assert len(core.sent) == before
    assert not window.overlays.palette.isVisible()


def test_passphrase_opens_the_window_as_it_was(window: MainWindow, core, qtbot) -> None:
    window.locker.lock(LockReason.KEY)

    _type(window, PASSPHRASE)
    qtbot.waitUntil(lambda: not window.locker.is_locked)

    assert core.all_of(UnlockSession)[0].passphrase == PASSPHRASE
    assert PASSPHRASE not in repr(core.all_of(UnlockSession)[0])
    assert window.centralWidget().isEnabled()
    assert window.registry.action("palette.open").isEnabled()


def test_wrong_passphrase_is_told_and_can_be_mended(window: MainWindow, core, qtbot) -> None:
    right = core.answers[UnlockSession]
    core.answers[UnlockSession] = WrongPassphrase(
        "3 wrong passphrases in a row: wait 2 s before the next try"
    )
    window.locker.lock(LockReason.KEY)

    _type(window, "another horse battery")
    qtbot.waitUntil(lambda: "wait 2 s" in _sheet(window).fault.text())
    core.answers[UnlockSession] = right
    _type(window, PASSPHRASE)
    qtbot.waitUntil(lambda: not window.locker.is_locked)

    assert not window.parts.notices.heard


def test_another_user_is_shown_with_their_own_role(window: MainWindow, core, qtbot) -> None:
    profile = core.answers[UnlockSession]
    assert isinstance(profile, ProfileFacts)
    other = replace(profile, user="sam", role="viewer")
    core.answers[UnlockSession] = other
    core.answers[LoadSnapshot] = replace(core.answers[LoadSnapshot], profile=other)
    window.locker.lock(LockReason.KEY)

    _type(window, PASSPHRASE)
    qtbot.waitUntil(lambda: window.parts.facts.profile.user == "sam")

    assert not window.registry.action("order.review").isVisible()


def test_profile_without_a_passphrase_is_not_locked(window: MainWindow, core) -> None:
    facts = window.parts.facts
    facts.profile = replace(facts.profile, temporary=True)

    window.locker.lock(LockReason.IDLE)
    window.locker.lock(LockReason.KEY)

    assert not window.locker.is_locked
    assert not core.all_of(LockSession)
    assert [each.text for each in window.parts.notices.heard] == [
        "This profile has no passphrase, so it cannot be locked."
    ]


def test_lock_that_the_core_cannot_keep_is_taken_off_again(window: MainWindow, core, qtbot) -> None:
    core.answers[LockSession] = Refused(RefusalCode.NOT_PERMITTED, "This profile has no passphrase.")

    window.locker.lock(LockReason.KEY)
    qtbot.waitUntil(lambda: not window.locker.is_locked)

    assert window.centralWidget().isEnabled()


def test_lock_holds_although_the_core_is_gone(window: MainWindow, core, qtbot) -> None:
    core.answers[LockSession] = Refused(RefusalCode.NOT_READY, "The program ends.")

    window.locker.lock(LockReason.KEY)
    qtbot.waitUntil(lambda: bool(window.parts.notices.heard))

    assert window.locker.is_locked


def test_idle_window_locks_after_its_minutes_and_a_key_begins_them_anew(
    window: MainWindow, watch, core
) -> None:
    window.locker.look()
    for _ in range(29):
        watch.turn(10)
        window.locker.look()
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_Shift)
    for _ in range(29):
        watch.turn(10)
        window.locker.look()
    assert not window.locker.is_locked

    watch.turn(10)
    window.locker.look()

    assert core.all_of(LockSession) == [LockSession(LockReason.IDLE)]


@pytest.mark.parametrize("wall_s", [25.0, 3600.0, 86400.0, -25.0, -86400.0])
def test_clock_that_jumps_locks_the_window(window: MainWindow, watch, core, wall_s: float) -> None:
    window.locker.look()
    watch.turn(2)
    watch.wall += timedelta(seconds=wall_s)

    window.locker.look()

    assert core.all_of(LockSession) == [LockSession(LockReason.CLOCK)]


def test_clock_that_is_set_right_by_a_little_does_not_lock(window: MainWindow, watch) -> None:
    window.locker.look()
    watch.turn(2)
    watch.wall += timedelta(seconds=3)

    window.locker.look()

    assert not window.locker.is_locked


def test_open_sheet_is_answered_with_no_and_later_ones_too(window: MainWindow, bridge: Bridge, qtbot) -> None:
    first, second = (replace(scenes.request(), digest=each) for each in ("d1", "d2"))
    before = bridge.ask(first)
    qtbot.waitUntil(lambda: window.parts.facts.context().sheet_is_open)

    window.locker.lock(LockReason.IDLE)
    later = bridge.ask(second)
    qtbot.waitUntil(lambda: before.done() and later.done())

    replies: list[ConfirmationReply] = [before.result(), later.result()]
    assert [(each.digest, each.accepted) for each in replies] == [("d1", False), ("d2", False)]


def test_minutes_are_asked_for_and_kept(window: MainWindow, core, qtbot, watch) -> None:
    window.registry.run("session.lock_after")
    (dialog,) = window.findChildren(TextInput)
    for wrong in ("0", "61", "x", "1.5", "٣"):
        dialog.field.setText(wrong)
        dialog.take()
    assert not core.all_of(SetLockAfter)

    dialog.field.setText("1")
    dialog.take()
    qtbot.waitUntil(lambda: core.all_of(SetLockAfter) == [SetLockAfter(1)])
    qtbot.waitUntil(lambda: window.locker._minutes == 1)
    watch.turn(60)
    window.locker._looked_at = (watch.now(), watch.elapsed())
    window.locker.look()

    assert window.locker.is_locked


def test_screen_that_the_system_covers_locks_and_one_that_it_uncovers_does_not(
    window: MainWindow, core
) -> None:
    window.locker._system.on_switched(False)
    assert not window.locker.is_locked

    window.locker._system.on_switched(True)
    window.locker._system.on_lock()

    assert core.all_of(LockSession) == [LockSession(LockReason.SYSTEM)]


@pytest.fixture
def session_bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    command = ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address"]
    bus = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert bus.stdout is not None
        address = bus.stdout.readline().strip()
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)  # one that speaks for both
        yield
    finally:
        bus.terminate()
        bus.communicate(timeout=10)


_LISTENER = """
import sys
from PySide6.QtCore import QCoreApplication, QTimer
from ui.system_lock import SystemLock
app = QCoreApplication([])
lock = SystemLock()
lock.locking.connect(lambda: print("locked", flush=True))
print(lock.listen(), lock.listen(), flush=True)
QTimer.singleShot(20_000, app.quit)
app.exec()
"""


def _signal(path: str, name: str, *values: str) -> None:
    subprocess.run(["dbus-send", "--session", "--type=signal", path, name, *values], check=True, timeout=10)


def test_signals_of_screen_and_sleep_are_heard_on_a_real_bus(session_bus: None) -> None:
    command = [sys.executable, "-c", _LISTENER]
    listener = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert listener.stdout is not None
    try:
        counts = listener.stdout.readline()
        _signal("/a", "org.freedesktop.ScreenSaver.ActiveChanged", "boolean:false")
        _signal("/a", "org.freedesktop.ScreenSaver.ActiveChanged", "boolean:true")
        heard = listener.stdout.readline()
        _signal("/b", "org.gnome.ScreenSaver.ActiveChanged", "boolean:true")
        heard += listener.stdout.readline()
    finally:
        listener.kill()
        listener.communicate(timeout=10)

    assert (counts.split()[1], heard) == ("0", "locked\nlocked\n")
    assert int(counts.split()[0]) >= 2


_COUNT = """
from PySide6.QtCore import QCoreApplication
from ui.system_lock import SystemLock
app = QCoreApplication([])
print(SystemLock().listen())
"""


def test_bus_that_is_not_there_is_no_fault(monkeypatch, tmp_path: Path) -> None:
    for name in ("DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS"):
        monkeypatch.setenv(name, f"unix:path={tmp_path}/none")

    # In a process of its own: the library's threads would outlive the test in this one.
    command = [sys.executable, "-c", _COUNT]
    counted = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=30, check=True)

    assert counted.stdout.strip() == "0"
