"""Paints the lines of a table that meet a rectangle: grounds, group heads, cells, the frozen column."""

from typing import Any, Protocol

from PySide6.QtCore import QItemSelectionModel, QRect
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QScrollBar, QWidget

from ui.models.columns import RowState
from ui.models.sorting import GroupLine
from ui.models.table import KeyedTableModel
from ui.theme.fonts import REGULAR, SEMIBOLD
from ui.theme.tokens import Tokens, density, tokens
from ui.widgets.column_head import ColumnHead
from ui.widgets.delegates import Cell, CellPainter, draw_text
from ui.widgets.glyphs import chevron

SELECTION_BAR = 2


class Canvas(Protocol):
    """What the painter has to know of the view."""

    head: ColumnHead

    def viewport(self) -> QWidget: ...
    def verticalScrollBar(self) -> QScrollBar: ...
    def selectionModel(self) -> QItemSelectionModel: ...
    def hasFocus(self) -> bool: ...


class RowPainter:
    """One for each table. ``begin`` takes the view's layout once for all rectangles of a paint event."""

    def __init__(self, model: KeyedTableModel[Any]) -> None:
        self.cells = CellPainter()
        self.hovered = -1
        self._model = model
        self._tokens: Tokens = tokens()
        self._places: list[tuple[int, int, int]] = []
        self._ends = (-1, -1)
        self._frozen = -1
        self._selected: set[int] = set()
        self._focused = -1
        self._top_line = self._row = self._width = self._height = 0

    def begin(self, view: Canvas) -> None:
        """Take over the positions of columns and lines, the selection and the colours."""
        head = view.head
        self._tokens = tokens()
        self._row = density().row
        self._top_line = max(0, view.verticalScrollBar().value())
        self._width, self._height = view.viewport().width(), view.viewport().height()
        self._ends = head.ends()
        self._frozen = head.frozen_section()
        self._places = [
            (number, head.sectionViewportPosition(number), head.sectionSize(number))
            for number in range(head.count())
            if not head.isSectionHidden(number)
        ]
        selection = view.selectionModel()
        self._selected = {index.row() for index in selection.selectedRows()}
        self._focused = selection.currentIndex().row() if view.hasFocus() else -1

    def paint(self, painter: QPainter, area: QRect) -> None:
        """Paint all lines that meet an area; a line that does not fit whole is left out."""
        first = self._top_line + area.top() // self._row
        last = self._top_line + area.bottom() // self._row
        end = min(last, self._top_line + self._height // self._row - 1, self._model.rowCount() - 1)
        for at in range(first, end + 1):
            self._line(painter, at, area)
        below = (end + 1 - self._top_line) * self._row
        if below <= area.bottom():
            rest = QRect(
                area.left(), max(below, area.top()), area.width(), area.bottom() + 1 - max(below, area.top())
            )
            painter.fillRect(rest, self._tokens.surface1)

    def _line(self, painter: QPainter, at: int, area: QRect) -> None:
        top = (at - self._top_line) * self._row
        line = self._model.line(at)
        strip = QRect(area.left(), top, area.width(), self._row)
        if isinstance(line, GroupLine):
            self._group(painter, line, strip, at)
            return
        state = self._model.state_of(line)
        ground = self._ground(at, state)
        painter.fillRect(strip, ground)
        cell = Cell(0, top, 0, self._row, state)
        for number, x, width in self._places:
            if x <= area.right() and x + width > area.left():
                self._cell(painter, cell, number, x, width, line, at)
        if self._frozen >= 0:
            width = next(w for number, _, w in self._places if number == self._frozen)
            painter.fillRect(QRect(0, top, width, self._row), ground)
            self._cell(painter, cell, self._frozen, 0, width, line, at)
        self._edges(painter, at, top)

    def _cell(
        self, painter: QPainter, cell: Cell, number: int, x: int, width: int, row: object, at: int
    ) -> None:
        cell.x, cell.width = x, width
        cell.first, cell.last = number == self._ends[0], number == self._ends[1]
        flashes = self._model.flashes
        cell.flash = flashes.level((self._model.lines.key_at(at), number)) if len(flashes) else 0.0
        self.cells.paint(painter, cell, self._model.columns[number], row, self._tokens)

    def _ground(self, at: int, state: RowState) -> QColor:
        if at in self._selected:
            return self._tokens.surface3
        if RowState.WARN in state:
            return self._tokens.warn_tint
        return self._tokens.surface2 if at == self.hovered else self._tokens.surface1

    def _edges(self, painter: QPainter, at: int, top: int) -> None:
        if at in self._selected:
            painter.fillRect(QRect(0, top, SELECTION_BAR, self._row), self._tokens.accent)
        if at == self._focused:
            painter.fillRect(QRect(0, top, self._width, 1), self._tokens.edge)
            painter.fillRect(QRect(0, top + self._row - 1, self._width, 1), self._tokens.edge)

    def _group(self, painter: QPainter, line: GroupLine, strip: QRect, at: int) -> None:
        look = self._tokens
        painter.fillRect(strip, look.surface2 if at == self.hovered else look.surface1)
        if at > 0:
            painter.fillRect(QRect(strip.left(), strip.top(), strip.width(), 1), look.line)
        chevron(painter, 12, strip.top() + self._row / 2, look.text2, down=not line.collapsed, size=7)
        width = draw_text(painter, 22, strip.top(), self._row, line.name, 11, SEMIBOLD, look.text2)
        draw_text(painter, 22 + width + 7, strip.top(), self._row, str(line.count), 11, REGULAR, look.text3)
