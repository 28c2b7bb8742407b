"""Asks for one line of text, or for a yes before something that cannot be taken back."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from ui.dialogs.sheet_dialog import SheetDialog
from ui.models.columns import Ink
from ui.theme.fonts import font
from ui.widgets.buttons import Button, Dress
from ui.widgets.refusals import mark_refused

_WIDTH = 440
_LONGEST = 1200


def _buttons(dialog: SheetDialog, yes: Button) -> Button:
    no = Button("Cancel", Dress.OUTLINE, key="Esc")
    no.clicked.connect(dialog.dismiss)
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addWidget(no)
    row.addWidget(yes)
    dialog.column.addSpacing(8)
    dialog.column.addLayout(row)
    return no


class TextInput(SheetDialog):
    """One field, masked for a secret. What is wrong with the text stands under it; the text stays."""

    def __init__(
        self,
        window: QWidget,
        title: str,
        sentence: str,
        verb: str,
        taken: Callable[[str], object],
        *,
        text: str = "",
        is_secret: bool = False,
        fault_of: Callable[[str], str] = lambda _: "",
    ) -> None:
        super().__init__(window, "dialog.text", title, width=_WIDTH)
        self._taken, self._fault_of, self._is_secret = taken, fault_of, is_secret
        self.add_words(sentence)
        self.field = QLineEdit(text)
        self.field.setFont(font(13))
        self.field.setAccessibleName(title)
        self.field.setMaxLength(_LONGEST)
        if is_secret:
            self.field.setEchoMode(QLineEdit.EchoMode.Password)
        self.field.returnPressed.connect(self.take)
        self.field.textChanged.connect(self._clear_fault)
        self.column.addWidget(self.field)
        self.fault = self.add_line(" ", Ink.TEXT1)
        yes = Button(verb, Dress.NEUTRAL, key="Enter")
        yes.clicked.connect(self.take)
        _buttons(self, yes)

    def open_field(self) -> None:
        """Show it with the cursor in the field."""
        self.open_sheet(self.field)
        self.field.selectAll()

    def take(self) -> None:
        """Take the text over, unless something is wrong with it."""
        typed = self.field.text()
        text = typed if self._is_secret else typed.strip()  # a space is part of a secret
        fault = self._fault_of(text) if text else "Type something first."
        if fault:
            self.refuse(fault)
            return
        self.dismiss()
        self._taken(text)

    def refuse(self, fault: str) -> None:
        """Say what is wrong with the text; it stays. "" says nothing."""
        self.fault.set_text(fault or " ")
        mark_refused(self.field, fault)

    def _clear_fault(self) -> None:
        self.refuse("")


class Question(SheetDialog):
    """A yes-or-no question. "No" has the focus, and Enter means what has the focus."""

    def __init__(
        self,
        window: QWidget,
        title: str,
        sentence: str,
        verb: str,
        agreed: Callable[[], object],
        *,
        dress: Dress = Dress.OUTLINE,
        holes: Sequence[QWidget] = (),
    ) -> None:
        super().__init__(window, "dialog.question", title, width=_WIDTH, holes=holes)
        self._agreed = agreed
        self.add_words(sentence)
        self.yes = Button(verb, dress)
        self.yes.clicked.connect(self._agree)
        self.no = _buttons(self, self.yes)

    def open_question(self) -> None:
        """Show it."""
        self.open_sheet(self.no)
        self.no.setFocus(Qt.FocusReason.PopupFocusReason)

    def _agree(self) -> None:
        self.dismiss()
        self._agreed()
