"""The ticket's exits: a take profit and a stop loss that hang on the order, where they are wanted."""

from PySide6.QtCore import QObject, Signal

from core.domain.risk import TicketField
from core.domain.terms import Contingency, Legs
from ui.panels.ticket_parts import FieldCell
from ui.widgets.fields import ChoiceField, NumberField

EXITS: tuple[Contingency | None, ...] = (None, Contingency.BRACKET, Contingency.OCO)
_WORDS = ("None", "Bracket", "Pair (OCO)")


class LegFields(QObject):
    """A choice and three prices; the prices are there only where the choice wants them.

    Attributes:
        edited: a choice or a price is another than before.
        cells: the prices by the place where a refusal of them belongs.
    """

    edited = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.exits = ChoiceField("Exits", _WORDS)
        self.choice = FieldCell("Exits", self.exits)
        self.profit = NumberField("Take profit")
        self.loss = NumberField("Stop loss")
        self.limit = NumberField("Stop loss limit, may be empty")
        self.cells = {
            TicketField.TAKE_PROFIT: FieldCell("Take profit", self.profit),
            TicketField.STOP_LOSS: FieldCell("Stop loss", self.loss),
            TicketField.STOP_LOSS_LIMIT: FieldCell("Its limit, or empty", self.limit),
        }
        self.exits.chosen.connect(self._on_choice)
        for field in self.prices:
            field.textChanged.connect(lambda _text: self.edited.emit())
        self._show()

    @property
    def prices(self) -> tuple[NumberField, ...]:
        """The three fields, in the order of the Tab key."""
        return self.profit, self.loss, self.limit

    @property
    def contingency(self) -> Contingency | None:
        """What was chosen."""
        return EXITS[self.exits.current()]

    def texts(self) -> tuple[str, str, str]:
        """Return take profit, stop loss and its limit as typed; empty where they are not wanted.

        The take profit of a pair is the order's own limit price.
        """
        if self.contingency is None:
            return "", "", ""
        profit = "" if self.contingency is Contingency.OCO else self.profit.text()
        return profit, self.loss.text(), self.limit.text()

    def show_legs(self, legs: Legs | None) -> None:
        """Show the exits of an order."""
        self.exits.set_current(EXITS.index(None if legs is None else legs.contingency))
        texts = ("", "", "")
        if legs is not None:
            limit = "" if legs.stop_limit is None else format(legs.stop_limit, "f")
            texts = (format(legs.take_profit, "f"), format(legs.stop_px, "f"), limit)
        for field, text in zip(self.prices, texts, strict=True):
            field.setText(text)
        self._show()

    def enable(self, *, is_open: bool, is_new: bool) -> None:
        """Take input or not; the exits of an order that works are orders of their own."""
        self.exits.setEnabled(is_open and is_new)
        for field in self.prices:
            field.setEnabled(is_open and is_new)

    def _on_choice(self, _number: int) -> None:
        self._show()
        self.edited.emit()

    def _show(self) -> None:
        has_legs = self.contingency is not None
        for cell in self.cells.values():
            cell.setVisible(has_legs)
        self.cells[TicketField.TAKE_PROFIT].setVisible(self.contingency is Contingency.BRACKET)
