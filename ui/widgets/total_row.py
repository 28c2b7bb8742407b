"""A row of totals under a table, in line with its columns."""

from typing import Any

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.models.columns import Column, RowState
from ui.theme.tokens import density, tokens
from ui.widgets.delegates import Cell
from ui.widgets.table_view import TableView


class TotalRow(QWidget):
    """Shows one row at the positions of the table's columns; what does not add up has an empty text."""

    def __init__(self, view: TableView, columns: list[Column[Any]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view = view
        self._columns = {column.key: column for column in columns}
        self._row: object | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        view.head.sectionResized.connect(self.update)
        view.head.sectionMoved.connect(self.update)
        view.horizontalScrollBar().valueChanged.connect(self.update)

    def set_row(self, row: object | None) -> None:
        """Show these totals; None shows an empty row."""
        self._row = row
        texts = (
            [] if row is None else [f"{c.title} {c.text(row)}" for c in self._columns.values() if c.text(row)]
        )
        self.setAccessibleName("Total: " + ", ".join(texts))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, density().row)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look, head = QPainter(self), tokens(), self._view.head
        painter.fillRect(self.rect(), look.surface1)
        painter.fillRect(QRect(0, 0, self.width(), 1), look.line)
        first, last = head.ends()
        for number, column in enumerate(self._view.table.columns):
            own = self._columns.get(column.key)
            if own is None or self._row is None or head.isSectionHidden(number) or not own.text(self._row):
                continue
            x, width = head.sectionViewportPosition(number), head.sectionSize(number)
            cell = Cell(
                x, 0, width, self.height(), RowState.NORMAL, first=number == first, last=number == last
            )
            self._view.rows.cells.paint(painter, cell, own, self._row, look)
        painter.end()
