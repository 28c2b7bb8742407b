"""Asks for the passphrase of a profile; it is never shown, kept or logged."""

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from ui.dialogs.sheet_dialog import SheetDialog
from ui.models.columns import Ink
from ui.theme.fonts import font
from ui.theme.tokens import tokens
from ui.widgets.buttons import Button, Dress
from ui.widgets.labels import plain
from ui.widgets.refusals import mark_refused
from ui.widgets.sheet import paint_sheet

_WIDTH = 440
_ENCRYPTED = "The profile's database is encrypted. Nobody can read it without the passphrase."
_LOCKED = (
    "Orders at the broker, stops and the kill switch go on, and what lessens a position still passes. "
    "Nothing is opened until somebody gives a passphrase of this profile."
)
Done = Callable[[str | None], None]


class UnlockSheet(SheetDialog):
    """One masked field. It stays until `accept_passphrase` or Esc; a wrong try says so and can be mended.

    The passphrase given is handed to `done`; the caller answers with `accept_passphrase` or `refuse`.

    Args:
        is_lock: it hides all that lies behind it, and Esc does not close it.
    """

    def __init__(self, window: QWidget, profile: str, done: Done, *, is_lock: bool = False) -> None:
        title = f"{profile} is locked" if is_lock else f"Unlock {profile}"
        super().__init__(window, "dialog.unlock", title, width=_WIDTH)
        self._done: Done | None = done
        self._is_lock = is_lock
        self.add_words(_LOCKED if is_lock else _ENCRYPTED)
        self.field = QLineEdit()
        self.field.setFont(font(13))
        self.field.setEchoMode(QLineEdit.EchoMode.Password)
        self.field.setInputMethodHints(
            Qt.InputMethodHint.ImhSensitiveData | Qt.InputMethodHint.ImhNoPredictiveText
        )
        self.field.setAccessibleName("Passphrase")
        self.field.returnPressed.connect(self.take)
        self.field.textEdited.connect(lambda _: mark_refused(self.field, ""))
        self.column.addWidget(self.field)
        self.fault = plain(" ")
        self.fault.setFixedWidth(_WIDTH - 64)
        self.column.addWidget(self.fault)
        self.note = self.add_line(" ", Ink.TEXT3)
        cancel = Button("Cancel", Dress.OUTLINE, key="Esc")
        cancel.clicked.connect(lambda _checked=False: self.dismiss())
        cancel.setVisible(not is_lock)
        self.button = Button("Unlock", Dress.NEUTRAL, key="Enter")
        self.button.clicked.connect(lambda _checked=False: self.take())
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(cancel)
        row.addWidget(self.button)
        self.column.addLayout(row)
        self.closed.connect(self._on_closed)

    def take(self) -> None:
        """Hand the passphrase over; while it is tried, nothing more can be sent."""
        if self._done is None or not self.button.isEnabled():
            return
        if not self.field.text():
            self.refuse("Type the passphrase.")
            return
        self.button.setEnabled(False)
        self.field.setReadOnly(True)
        self.note.set_text("Trying; this takes about a second on purpose")
        self._done(self.field.text())

    def refuse(self, reason: str) -> None:
        """Say why the passphrase did not open it; what was typed is selected, so that typing replaces it."""
        self.fault.setText(reason)
        mark_refused(self.field, reason)
        self.note.set_text(" ")
        self.button.setEnabled(True)
        self.field.setReadOnly(False)
        self.field.selectAll()
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)
        self.refit()

    def accept_passphrase(self) -> None:
        """Close: it is open. `done` is not called again."""
        self._done = None
        self.dismiss()

    def dismiss(self) -> None:
        """Close, as far as that is a way out: a lock is left by the passphrase only."""
        if not self._is_lock or self._done is None:
            super().dismiss()

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._is_lock:
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.fillRect(self.rect(), tokens().surface0)
        paint_sheet(painter, QRectF(self.sheet.geometry()))
        painter.end()

    def _on_closed(self) -> None:
        self.field.clear()
        done, self._done = self._done, None
        if done is not None:
            done(None)


def unlock_sheet(parent: QWidget, profile: str, done: Done) -> UnlockSheet:
    """Ask for a passphrase and return at once.

    Args:
        parent: the window.
        profile: its name, for people.
        done: takes each passphrase that is tried, and None once when the person gives up (Esc).
    """
    sheet = UnlockSheet(parent.window(), profile, done)
    sheet.open_sheet(sheet.field)
    return sheet


def lock_sheet(window: QWidget, profile: str, done: Done) -> UnlockSheet:
    """Cover a window until a passphrase opens it again, and return at once.

    Args:
        window: is covered whole.
        profile: its name, for people.
        done: takes each passphrase that is tried.
    """
    sheet = UnlockSheet(window, profile, done, is_lock=True)
    sheet.open_sheet(sheet.field)
    return sheet
