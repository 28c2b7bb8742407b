"""The sentence that is typed once for a profile, before its first order with real money."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from ui.models.columns import Ink
from ui.theme.fonts import font
from ui.widgets.alt_keys import AltKeysPass
from ui.widgets.labels import Text


class PhraseQuestion(QWidget):
    """A field that must hold the sentence, letter by letter; nothing is asked where none is due.

    Attributes:
        changed: another text stands in it.
    """

    changed = Signal()

    def __init__(self, phrase: str, edge: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._phrase = phrase
        self.field = QLineEdit()
        self.field.setFont(font(13))
        self.field.setMaxLength(80)
        self.field.setFixedWidth(260)
        self.field.setAccessibleName(f"Type, once for this profile: {phrase}")
        row = QHBoxLayout(self)
        row.setContentsMargins(edge, 4, edge, 0)
        row.addWidget(Text(f"Once for this profile, type: {phrase}", ink=Ink.TEXT1))
        row.addStretch(1)
        row.addWidget(self.field)
        self.field.textChanged.connect(lambda _text: self.changed.emit())
        AltKeysPass(self.field)
        self.setVisible(bool(phrase))

    @property
    def is_answered(self) -> bool:
        """Whether nothing is asked, or exactly the sentence was typed."""
        return not self._phrase or self.typed == self._phrase

    @property
    def typed(self) -> str:
        """What stands in the field, spaces around it aside."""
        return self.field.text().strip()
