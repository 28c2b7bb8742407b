"""The portfolio: its figures, each of which can be taken apart, and the account from close to close."""

from datetime import datetime
from typing import Any

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QWidget

from core.domain.figures import Figure, PortfolioFigures, PortfolioReport
from core.domain.messages import EquityClosed, InOrder, LoadPortfolio, PortfolioMarked, Snapshot
from core.domain.outcomes import EquitySnapshot
from ui import format as fmt
from ui.bridge import Bridge
from ui.models.table import KeyedTableModel
from ui.notices import words_of_failed_read
from ui.panels.menus import forward_context_menu
from ui.panels.portfolio_rows import GROUPS, FigureRow, columns, figure_rows, performance_rows
from ui.widgets.empty import EmptyText
from ui.widgets.equity_curve import EquityCurve
from ui.widgets.table_view import TableView

TITLE = "Portfolio"


class PortfolioPanel(QWidget):
    """A tab of the blotter.

    Attributes:
        counted: nothing is counted here; the blotter asks every tab.
        menu_wanted: the place on the screen where the menu of the rows is wanted.
        figure_wanted: the Figure that is to be taken apart.
        closes_wanted: the closes, oldest first, are to be shown one by one.
        halves: the figures, and the account from close to close.
    """

    counted = Signal(str)
    menu_wanted = Signal(QPoint)
    figure_wanted = Signal(object)
    closes_wanted = Signal(object)
    title = TITLE

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel.portfolio")
        self.setAccessibleName(TITLE)
        self._bridge = bridge
        self._figures = PortfolioFigures(())
        self._report: PortfolioReport | None = None
        self.model: KeyedTableModel[FigureRow] = KeyedTableModel(
            columns(), lambda row: row.key, group=lambda row: row.group, group_order=GROUPS
        )
        self.view = TableView(self.model, TITLE, self)
        self.view.set_empty("What you own, what it is worth and what it has earned.", "New order", "B")
        self.view.key_activated.connect(self._open)
        forward_context_menu(self.view, self.menu_wanted.emit)
        self.curve = EquityCurve(self)
        self.halves = halves = QSplitter(Qt.Orientation.Horizontal, self)
        halves.setHandleWidth(1)
        halves.setChildrenCollapsible(False)
        halves.addWidget(self.view)
        halves.addWidget(self.curve)
        halves.setStretchFactor(0, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(halves)
        bridge.newest.connect(self._on_newest)
        bridge.in_order.connect(self._on_event)
        self._ages = QTimer(self, interval=1000)
        self._ages.timeout.connect(self._show)
        self._ages.start()

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Show everything anew."""
        del snapshot
        self._load()

    def _load(self) -> None:
        self._bridge.send(LoadPortfolio(), self._on_report, self._on_failed)

    def _on_failed(self, error: Exception) -> bool:
        self.curve.show_closes((), EmptyText("The closes cannot be read now."))
        self.curve.setToolTip(words_of_failed_read(error))
        return True

    def _on_report(self, report: PortfolioReport) -> None:
        self._report, self._figures = report, report.figures
        self.curve.setToolTip("")
        self.curve.show_closes(report.closes, empty_words(report.closes, report.next_close))
        self._show()

    def _on_newest(self, event: Any) -> None:  # noqa: ANN401 - the lane carries every kind
        if isinstance(event, PortfolioMarked):
            self._figures = event.figures
            self._show()

    def _on_event(self, event: InOrder) -> None:
        if isinstance(event, EquityClosed):
            self._load()

    def _show(self) -> None:
        rows = figure_rows(self._figures, lambda received: self._bridge.clock() - received)
        if self._report is not None:
            rows += performance_rows(self._report.performance)
        if [row.key for row in rows] == list(self.model.rows):
            self.model.upsert(rows)
        else:
            self.model.replace_all(rows)

    def _open(self, key: object) -> None:
        row = self.model.rows.get(key)
        if row is None:
            return
        figure: Figure | None = row.figure
        if figure is not None:
            self.figure_wanted.emit(figure)
        elif self._report is not None:
            self.closes_wanted.emit(self._report.closes)


def empty_words(closes: tuple[EquitySnapshot, ...], next_close: datetime | None) -> EmptyText:
    """Say when there will be something to draw."""
    when = "at the end of the next market day"
    if next_close is not None:
        when = f"{fmt.day(next_close)}, {fmt.in_zone(next_close):%H:%M} {fmt.zone_word()}"
    number = sum(close.equity is not None for close in closes)
    return EmptyText("The second close comes" if number else "The first close is recorded", when)
