"""The question of a soft rule: the quantity typed again, so that an unusual order is meant."""

from decimal import Decimal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from ui.models.columns import Ink
from ui.panels.ticket_parts import PAD
from ui.widgets.alt_keys import AltKeysPass
from ui.widgets.fields import NumberField
from ui.widgets.labels import Text


class QuantityQuestion(QWidget):
    """A field that must hold the order's own quantity.

    Attributes:
        changed: another text stands in it.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None, *, edge: int = PAD) -> None:
        super().__init__(parent)
        self._wanted: Decimal | None = None
        self.field = NumberField("Type the quantity to go on")
        self.field.setFixedWidth(112)
        row = QHBoxLayout(self)
        row.setContentsMargins(edge, 4, edge, 0)
        row.addWidget(Text("Type the quantity to go on", ink=Ink.TEXT1))
        row.addStretch(1)
        row.addWidget(self.field)
        self.field.textChanged.connect(lambda _text: self.changed.emit())
        AltKeysPass(self.field)
        self.hide()

    @property
    def is_answered(self) -> bool:
        """Whether the quantity was typed; 1000 and 1000.0 are the same."""
        return self._wanted is not None and self.field.number() == self._wanted

    def ask(self, qty: Decimal | None) -> None:
        """Ask for a quantity; None asks nothing."""
        self._wanted = qty
        self.setVisible(qty is not None)

    def clear(self) -> None:
        """Forget the answer: it was for another order."""
        self.field.clear()

    def focus_field(self) -> None:
        """Put the cursor where the answer belongs."""
        self.field.setFocus(Qt.FocusReason.TabFocusReason)
