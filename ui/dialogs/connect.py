"""Asks for what a paper account needs: a profile, a passphrase and the account's keys."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from core.domain.credentials import LONGEST, AlpacaCredentials, PolygonKey, fault_of
from ui.dialogs.sheet_dialog import PAD, SheetDialog
from ui.models.columns import Ink
from ui.theme.fonts import font
from ui.widgets.buttons import Button, Dress
from ui.widgets.labels import Text, plain
from ui.widgets.refusals import mark_refused

_WIDTH = 600
_LABELS = 124
_FIELD_HEIGHT = 28


class Field(StrEnum):
    """The fields, in the order of Tab."""

    NAME = "name"
    PASSPHRASE = "passphrase"  # noqa: S105 - the name of a field
    AGAIN = "again"
    KEY_ID = "key_id"
    SECRET = "secret"  # noqa: S105
    POLYGON = "polygon"


@dataclass(frozen=True, slots=True)
class PaperStart:
    """What was typed, whole and in the right form.

    Attributes:
        polygon: prices come from Polygon then; None where Alpaca's own do.
    """

    name: str
    passphrase: str = field(repr=False)
    credentials: AlpacaCredentials
    polygon: PolygonKey | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What is wrong with a new profile's name or passphrase; "" when nothing is."""

    name: Callable[[str], str]
    passphrase: Callable[[str], str]


Done = Callable[[PaperStart | None], None]

_WORDS: Mapping[Field, tuple[str, str]] = {
    Field.NAME: ("Profile", "as you will find it again"),
    Field.PASSPHRASE: ("Passphrase", "at least 15 characters; nobody can recover it for you"),
    Field.AGAIN: ("The same again", ""),
    Field.KEY_ID: ("Key id", "of the paper account, as Alpaca shows it"),
    Field.SECRET: ("Secret", "shown by Alpaca once, beside the key id"),
    Field.POLYGON: ("Polygon key", "optional; prices come from Polygon then"),
}
_MASKED = (Field.PASSPHRASE, Field.AGAIN, Field.SECRET, Field.POLYGON)
_EXACT = (Field.PASSPHRASE, Field.AGAIN)  # a space is part of a passphrase; beside a key it was pasted along


class ConnectSheet(SheetDialog):
    """The form. It stays until `accept` or Esc, with all that was typed; each fault stands below its field.

    What is typed is handed to `done`; the caller answers with `accept` or `refuse`.
    """

    def __init__(self, window: QWidget, name: str, rules: Rules, done: Done) -> None:
        super().__init__(window, "dialog.connect", "Connect Alpaca paper", width=_WIDTH)
        self._rules = rules
        self._done: Done | None = done
        self.add_words("The keys stay on this computer, in the system's keyring or encrypted in the profile.")
        self.column.addSpacing(4)
        self.fields: dict[Field, QLineEdit] = {}
        self.faults: dict[Field, QLabel] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        grid.setColumnMinimumWidth(0, _LABELS)
        grid.setColumnStretch(1, 1)
        for row, each in enumerate(Field):
            self._add_field(grid, row, each)
        self.column.addLayout(grid)
        self.fields[Field.NAME].setText(name)
        self.fault = plain("")
        self.fault.setFixedWidth(_WIDTH - 2 * PAD)
        self.fault.hide()
        self.column.addWidget(self.fault)
        self.note = self.add_line(" ", Ink.TEXT3)
        self._add_buttons()
        self.closed.connect(self._on_closed)

    def _add_field(self, grid: QGridLayout, row: int, each: Field) -> None:
        title, hint = _WORDS[each]
        edit, fault = QLineEdit(), plain("")
        edit.setFont(font(13))
        edit.setAccessibleName(title)
        edit.setPlaceholderText(hint)
        if each not in _EXACT:
            edit.setMaxLength(LONGEST + 1)
        edit.setInputMethodHints(Qt.InputMethodHint.ImhSensitiveData | Qt.InputMethodHint.ImhNoPredictiveText)
        if each in _MASKED:
            edit.setEchoMode(QLineEdit.EchoMode.Password)
        edit.returnPressed.connect(self.take)
        edit.textChanged.connect(lambda _: self._say_fault(each, ""))
        fault.setFixedWidth(_WIDTH - 2 * PAD - _LABELS - 12)
        label = Text(title, ink=Ink.TEXT2)
        label.setFixedHeight(_FIELD_HEIGHT)
        cell = QVBoxLayout()
        cell.setSpacing(2)
        cell.addWidget(edit)
        cell.addWidget(fault)
        grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
        grid.addLayout(cell, row, 1)
        fault.hide()
        self.fields[each], self.faults[each] = edit, fault

    def _add_buttons(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        cancel = Button("Cancel", Dress.OUTLINE, key="Esc")
        cancel.clicked.connect(lambda _=False: self.dismiss())
        self.button = Button("Connect", Dress.NEUTRAL, key="Enter")
        self.button.clicked.connect(lambda _=False: self.take())
        row.addWidget(cancel)
        row.addWidget(self.button)
        self.column.addLayout(row)

    def open_form(self) -> None:
        """Show it; the name is proposed, so that typing begins with the passphrase."""
        has_name = bool(self.fields[Field.NAME].text())
        self.open_sheet(self.fields[Field.PASSPHRASE if has_name else Field.NAME])

    def take(self) -> None:
        """Hand over what was typed, unless a field is wrong; then the first that is has the focus."""
        if self._done is None or not self.button.isEnabled():
            return
        faults = {each: words for each in Field if (words := self._fault(each))}
        if faults:
            self.refuse(faults)
            return
        text = self._text
        polygon = text(Field.POLYGON)
        start = PaperStart(
            name=text(Field.NAME),
            passphrase=text(Field.PASSPHRASE),
            credentials=AlpacaCredentials(text(Field.KEY_ID), text(Field.SECRET)),
            polygon=PolygonKey(polygon) if polygon else None,
        )
        self._set_busy(is_busy=True)
        self._done(start)

    def _text(self, each: Field) -> str:
        typed = self.fields[each].text()
        return typed if each in _EXACT else typed.strip()

    def _fault(self, each: Field) -> str:
        text = self._text(each)
        match each:
            case Field.NAME:
                return self._rules.name(text)
            case Field.PASSPHRASE:
                return self._rules.passphrase(text)
            case Field.AGAIN:
                is_same = text == self._text(Field.PASSPHRASE)
                return "" if is_same else "This is not what you typed first."
            case Field.KEY_ID | Field.SECRET:
                return fault_of(_WORDS[each][0].lower(), text)
            case Field.POLYGON:
                return fault_of("key", text) if text else ""

    def say(self, words: str) -> None:
        """Say what is being done meanwhile."""
        self.note.set_text(words)

    def refuse(self, faults: Mapping[Field, str], words: str = "") -> None:
        """Say what is wrong; everything typed stays and can be mended.

        Args:
            faults: what is wrong with which field.
            words: what is wrong with none in particular.
        """
        self._set_busy(is_busy=False)
        self.say(" ")
        for each in Field:
            self._say_fault(each, faults.get(each, ""))
        self.fault.setText(words)
        self.fault.setVisible(bool(words))
        first = next((each for each in Field if each in faults), None)
        target = self.button if first is None else self.fields[first]
        target.setFocus(Qt.FocusReason.OtherFocusReason)
        self.refit()

    def accept(self) -> None:
        """Close: it is open. `done` is not called again."""
        self._done = None
        self.dismiss()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()  # a click beside the sheet must not lose what was typed

    def _say_fault(self, each: Field, words: str) -> None:
        label = self.faults[each]
        if label.text() == words:
            return
        label.setText(words)
        label.setVisible(bool(words))
        mark_refused(self.fields[each], words)
        self.refit()

    def _set_busy(self, *, is_busy: bool) -> None:
        self.button.setEnabled(not is_busy)
        for each in self.fields.values():
            each.setReadOnly(is_busy)

    def _on_closed(self) -> None:
        for each in self.fields.values():
            each.clear()
        done, self._done = self._done, None
        if done is not None:
            done(None)


def connect_sheet(parent: QWidget, name: str, rules: Rules, done: Done) -> ConnectSheet:
    """Ask for a paper account and return at once.

    Args:
        parent: the window.
        name: proposed for the profile.
        rules: of the profile's name and passphrase.
        done: takes what is typed each time that it is sent, and None once when the person gives up (Esc).
    """
    sheet = ConnectSheet(parent.window(), name, rules, done)
    sheet.open_form()
    return sheet
