"""The locked window: blank but for the sheet that asks for a passphrase. The core goes on behind it.

It locks by key, after so many minutes without a key or a click, when the clock jumps (the computer slept, or
somebody set it), and with the screen of the operating system where that says so.
"""

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from core.domain.messages import LockReason, LockSession, ProfileFacts, SetLockAfter, Snapshot, UnlockSession
from core.domain.session_commands import LOCK_AFTER, USUAL_MIN
from core.errors import RefusalCode, Refused
from ui.actions.registry import Handlers
from ui.dialogs.text_input import TextInput
from ui.dialogs.unlock import UnlockSheet, lock_sheet
from ui.our_time import monotonic, utc_now
from ui.parts import Parts
from ui.system_lock import SystemLock
from ui.widgets.scrim import Scrim

LOOKED_AT_MS = 2_000
# Wall clock and monotonic clock part by so much between two looks only if one of them was stopped or set.
JUMP_S = 20.0
_LONGEST_MIN = 60
_INPUT = frozenset(
    {
        QEvent.Type.KeyPress,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseMove,
        QEvent.Type.TouchBegin,
        QEvent.Type.Wheel,
    }
)


class WindowLock(QObject):
    """Locks one window and unlocks it. GUI thread only.

    Args:
        now: wall clock, which also runs while the computer sleeps.
        elapsed: monotonic seconds, which need not.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        now: Callable[[], datetime] = utc_now,
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__(parts.window)
        self._parts = parts
        self._now, self._elapsed = now, elapsed
        self._minutes = USUAL_MIN
        self._used_at = now()
        self._looked_at = (now(), elapsed())
        self._watched: QObject | None = None
        self._sheet: UnlockSheet | None = None
        self._focus: QWidget | None = None
        self._system = SystemLock(self)
        self._system.locking.connect(lambda: self.lock(LockReason.SYSTEM))
        self._timer = QTimer(self, interval=LOOKED_AT_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()
        parts.bridge.snapshot_loaded.connect(self._on_snapshot)
        parts.facts.changed.connect(self._on_facts)

    def handlers(self) -> Handlers:
        """Return what the actions of the session call."""
        return {"lock": lambda: self.lock(LockReason.KEY), "lock_after": self._ask_minutes}

    @property
    def is_locked(self) -> bool:
        """Whether the window is covered."""
        return self._sheet is not None

    def lock(self, reason: LockReason) -> None:
        """Cover the window at once, and tell the core."""
        profile = self._parts.facts.profile
        if self._sheet is not None or profile is None:
            return
        if profile.temporary:
            if reason is LockReason.KEY:
                self._parts.notices.warn("This profile has no passphrase, so it cannot be locked.")
            return
        self._clear()
        self._sheet = lock_sheet(self._parts.window, profile.name, self._try)
        self._on_facts()
        self._parts.bridge.send(LockSession(reason), failed=self._on_not_locked)

    def look(self) -> None:
        """Lock, if it is time to."""
        self._watch()
        (now, elapsed), (before, elapsed_before) = (self._now(), self._elapsed()), self._looked_at
        self._looked_at = (now, elapsed)
        drift_s = (now - before).total_seconds() - (elapsed - elapsed_before)
        if abs(drift_s) > JUMP_S:
            self._used_at = now
            self.lock(LockReason.CLOCK)
        elif (now - self._used_at).total_seconds() >= self._minutes * 60:
            self.lock(LockReason.IDLE)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note that somebody is there."""
        if event.type() in _INPUT:
            self._used_at = self._now()
        return False

    def _watch(self) -> None:
        # The native window: it hears each key and click once, and none of what goes on among the widgets.
        handle = self._parts.window.windowHandle()
        if handle is not self._watched:
            self._watched = handle
            handle.installEventFilter(self)
            self._system.listen()

    def _clear(self) -> None:
        window = self._parts.window
        while (popup := QApplication.activePopupWidget()) is not None:
            popup.close()
        for sheet in (each for each in window.findChildren(Scrim) if each.isVisible()):
            sheet.dismiss()  # whatever it asks, the answer is "no"
        self._focus = window.focusWidget()
        self._parts.facts.note(is_locked=True)
        self._parts.notices.toasts.set_silent(is_silent=True)
        self._enable_body(is_enabled=False)

    def _try(self, passphrase: str | None) -> None:
        if passphrase is not None:
            self._parts.bridge.send(UnlockSession(passphrase), self._on_unlocked, self._on_refused)

    def _on_unlocked(self, profile: ProfileFacts) -> None:
        before = self._parts.facts.profile
        self._open()
        if before is not None and (before.user, before.role) != (profile.user, profile.role):
            self._parts.notices.say(f"{profile.user} sits here now, as {profile.role}.")
            self._parts.bridge.request_snapshot()

    def _on_refused(self, error: Exception) -> bool:
        if self._sheet is not None:
            words = str(error)
            self._sheet.refuse(f"{words[:1].upper()}{words[1:].rstrip('.')}.")
            self._on_facts()
        return True

    def _on_not_locked(self, error: Exception) -> bool:
        if not isinstance(error, Refused) or error.code is not RefusalCode.NOT_PERMITTED:
            return False  # the core may be gone; the window stays covered all the same
        self._open()
        return False

    def _open(self) -> None:
        if self._sheet is None:
            return
        sheet, self._sheet = self._sheet, None
        self._used_at = self._now()
        self._enable_body(is_enabled=True)
        self._parts.notices.toasts.set_silent(is_silent=False)
        self._parts.facts.note(is_locked=False)
        sheet.accept_passphrase()
        if self._focus is not None:
            self._focus.setFocus()

    def _enable_body(self, *, is_enabled: bool) -> None:
        body = self._parts.window.centralWidget()
        if body is not None:
            body.setEnabled(is_enabled)

    def _ask_minutes(self) -> None:
        TextInput(
            self._parts.window,
            "Lock after",
            "Minutes without a key or a click, 1 to 60. Ctrl+L locks at once.",
            "Set",
            lambda text: self._parts.bridge.send(SetLockAfter(int(text)), self._on_minutes),
            text=str(self._minutes),
            fault_of=_fault_of_minutes,
        ).open_field()

    def _on_minutes(self, minutes: int) -> None:
        self._minutes = minutes
        self._parts.notices.say(f"The window locks after {minutes} min from now on.")

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        text = snapshot.settings.get(LOCK_AFTER, "")
        self._minutes = USUAL_MIN if _fault_of_minutes(text) else int(text)

    def _on_facts(self) -> None:
        if self._sheet is not None:
            halted = "Trading is halted." if self._parts.facts.is_halted else "Ctrl+Shift+H halts trading."
            self._sheet.note.set_text(halted)


def _fault_of_minutes(text: str) -> str:
    is_right = text.isascii() and text.isdecimal() and len(text) <= 2 and 1 <= int(text) <= _LONGEST_MIN
    return "" if is_right else f"A whole number of minutes, 1 to {_LONGEST_MIN}."
