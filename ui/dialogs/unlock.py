"""Asks for the passphrase of a profile; it is never shown, kept or logged."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from ui.dialogs.sheet_dialog import SheetDialog
from ui.models.columns import Ink
from ui.theme.fonts import font
from ui.widgets.buttons import Button, Dress
from ui.widgets.labels import plain

_WIDTH = 440
Done = Callable[[str | None], None]


class UnlockSheet(SheetDialog):
    """One masked field. It stays until `accept_passphrase` or Esc; a wrong try says so and can be mended.

    The passphrase given is handed to `done`; the caller answers with `accept_passphrase` or `refuse`.
    """

    def __init__(self, window: QWidget, profile: str, done: Done) -> None:
        super().__init__(window, "dialog.unlock", f"Unlock {profile}", width=_WIDTH)
        self._done: Done | None = done
        self.add_words("The profile's database is encrypted. Nobody can read it without the passphrase.")
        self.field = QLineEdit()
        self.field.setFont(font(13))
        self.field.setEchoMode(QLineEdit.EchoMode.Password)
        self.field.setInputMethodHints(
            Qt.InputMethodHint.ImhSensitiveData | Qt.InputMethodHint.ImhNoPredictiveText
        )
        self.field.setAccessibleName("Passphrase")
        self.field.returnPressed.connect(self.take)
        self.column.addWidget(self.field)
        self.fault = plain(" ")
        self.fault.setFixedWidth(_WIDTH - 64)
        self.column.addWidget(self.fault)
        self.note = self.add_line(" ", Ink.TEXT3)
        cancel = Button("Cancel", Dress.OUTLINE, key="Esc")
        cancel.clicked.connect(lambda _checked=False: self.dismiss())
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
        self.field.setAccessibleDescription(reason)
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
