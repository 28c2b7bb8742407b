"""The fills: what changed hands, newest first."""

from collections.abc import Hashable

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.domain.execution import Fill
from core.domain.messages import FillBooked, InOrder, Snapshot
from ui.bridge import Bridge
from ui.models.table import KeyedTableModel
from ui.panels.menus import HandChoice, forward_context_menu
from ui.panels.order_columns import fill_columns
from ui.widgets.table_view import TableView

TITLE = "Fills"


class FillsPanel(QWidget):
    """A tab of the blotter.

    Attributes:
        counted: the number of fills, as text.
        symbol_selected: the symbol of the row that was chosen by hand.
    """

    counted = Signal(str)
    menu_wanted = Signal(QPoint)
    symbol_selected = Signal(str)
    title = TITLE

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel.fills")
        self.setAccessibleName(TITLE)
        self.model: KeyedTableModel[Fill] = KeyedTableModel(fill_columns(), lambda fill: fill.exec_id)
        self.view = TableView(self.model, TITLE, self)
        self.view.set_empty("Shares that changed hands.", "New order", "B")
        HandChoice(self.view, self._on_chosen)
        forward_context_menu(self.view, self.menu_wanted.emit)
        self.model.sort_by("time", descending=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view)
        bridge.in_order.connect(self._on_event)

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Show everything anew."""
        self.model.replace_all(snapshot.fills)
        self._count()

    def _on_event(self, event: InOrder) -> None:
        if isinstance(event, FillBooked):
            self.model.upsert([event.fill])
            self.view.frame()
            self._count()

    def _count(self) -> None:
        number = len(self.model.rows)
        self.counted.emit(str(number) if number else "")

    def _on_chosen(self, key: Hashable) -> None:
        fill = self.model.rows.get(key)
        if fill is not None:
            self.symbol_selected.emit(fill.symbol)
