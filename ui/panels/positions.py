"""The positions: live marks, their total, and the evidence behind each figure."""

from collections.abc import Iterable
from datetime import datetime

from PySide6.QtCore import QPoint, QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.domain.market import MarketSession
from core.domain.messages import FillBooked, InOrder, PositionMark, Snapshot
from ui.bridge import Bridge
from ui.models.table import KeyedTableModel
from ui.panels.menus import HandChoice, forward_context_menu, key_text
from ui.panels.position_columns import MarkTimes, columns, total_columns, totals
from ui.widgets.table_view import TableView
from ui.widgets.total_row import TotalRow

TITLE = "Positions"


class PositionsPanel(QWidget):
    """A tab of the blotter.

    Attributes:
        counted: the number beside the title, as text.
        menu_wanted: the place on the screen where the menu of the rows is wanted.
        symbol_selected: the symbol of the row that was chosen by hand.
        proof_wanted: the symbol whose figures are to be taken apart.
    """

    counted = Signal(str)
    menu_wanted = Signal(QPoint)
    symbol_selected = Signal(str)
    proof_wanted = Signal(str)
    title = TITLE

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel.positions")
        self.setAccessibleName(TITLE)
        self._market_now: datetime | None = None
        times = MarkTimes(bridge.clock, lambda: self._market_now)
        self.model: KeyedTableModel[PositionMark] = KeyedTableModel(
            columns(times), lambda mark: mark.symbol, state=times.state
        )
        self.view = TableView(self.model, TITLE, self)
        self.view.set_empty("What you hold, and what it earns.", "Buy the selected symbol", "B")
        self.view.key_activated.connect(lambda key: self.proof_wanted.emit(str(key)))
        HandChoice(self.view, lambda key: self.symbol_selected.emit(key_text(key)))
        forward_context_menu(self.view, self.menu_wanted.emit)
        self._total = TotalRow(self.view, total_columns(), self)
        self._total.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.view, 1)
        column.addWidget(self._total)
        self.model.sort_by("value", descending=True)
        bridge.marks_changed.connect(self._on_marks)
        bridge.in_order.connect(self._on_event)
        bridge.session_changed.connect(self._on_session)
        self._ages = QTimer(self, interval=1000)
        self._ages.timeout.connect(lambda: self.model.refresh("last", "held"))
        self._ages.start()

    @property
    def current_symbol(self) -> str:
        """The symbol of the current row, empty if there is none."""
        return key_text(self.view.current_key())

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Show everything anew."""
        self._market_now = snapshot.session.now
        self.model.replace_all(mark for mark in snapshot.marks if mark.qty)
        self._add_up()

    def _on_session(self, session: MarketSession) -> None:
        self._market_now = session.now

    def _on_marks(self, marks: Iterable[PositionMark]) -> None:
        gone = [mark.symbol for mark in marks if not mark.qty]
        self.model.upsert(mark for mark in marks if mark.qty)
        if gone:
            self.model.remove(gone)
        self.view.frame()
        self._add_up()

    def _on_event(self, event: InOrder) -> None:
        if isinstance(event, FillBooked) and event.position.is_flat:
            self.model.remove([event.position.symbol])
            self._add_up()

    def _add_up(self) -> None:
        rows = self.model.rows.values()
        self._total.setVisible(bool(rows))
        self._total.set_row(totals(rows) if rows else None)
        self.counted.emit(str(len(rows)) if rows else "")
