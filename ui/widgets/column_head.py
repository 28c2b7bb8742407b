"""The head of a table: small grey titles, a chevron at the sorted one, the frozen column always in sight."""

from typing import Any

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHeaderView, QWidget

from ui.models.columns import Align
from ui.models.table import KeyedTableModel
from ui.theme.fonts import MEDIUM, REGULAR, metrics
from ui.theme.tokens import density, tokens
from ui.widgets.delegates import CELL_PAD, EDGE_PAD, draw_text, text_width
from ui.widgets.glyphs import chevron

SIZE = 11
_ELIDE = Qt.TextElideMode.ElideRight


class ColumnHead(QHeaderView):
    """Paints titles in line with their data; clicks sort largest first, smallest first, as they came."""

    def __init__(self, model: KeyedTableModel[Any], parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._model = model
        self.setSectionsClickable(True)
        self.setSectionsMovable(True)
        self.setFirstSectionMovable(not any(column.frozen for column in model.columns))
        self.setMinimumSectionSize(24)
        self.setStretchLastSection(True)
        self.setHighlightSections(False)
        self.sectionClicked.connect(self._sort)

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), density().column_head)

    def ends(self) -> tuple[int, int]:
        """Return the logical numbers of the first and the last column in sight, -1 where there is none."""
        shown = [
            self.logicalIndex(at)
            for at in range(self.count())
            if not self.isSectionHidden(self.logicalIndex(at))
        ]
        return (shown[0], shown[-1]) if shown else (-1, -1)

    def frozen_section(self) -> int:
        """Return the frozen column that has been scrolled away from its place, -1 if none has."""
        first = self.ends()[0]
        is_away = first >= 0 and self._model.columns[first].frozen and self.sectionViewportPosition(first) < 0
        return first if is_away else -1

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self.viewport()), tokens()
        painter.fillRect(self.viewport().rect(), look.surface1)
        for at in range(self.count()):
            logical = self.logicalIndex(at)
            if not self.isSectionHidden(logical):
                self._title(painter, logical, self.sectionViewportPosition(logical))
        frozen = self.frozen_section()
        if frozen >= 0:
            painter.fillRect(QRect(0, 0, self.sectionSize(frozen), self.height()), look.surface1)
            self._title(painter, frozen, 0)
        painter.fillRect(QRect(0, self.height() - 1, self.viewport().width(), 1), look.line)
        painter.end()

    def _title(self, painter: QPainter, logical: int, x: int) -> None:
        look, column = tokens(), self._model.columns[logical]
        first, last = self.ends()
        is_sorted = self._model.sorted_by[0] == column.key
        weight = MEDIUM if is_sorted else REGULAR
        left = EDGE_PAD if logical == first else column.pad_left
        right = EDGE_PAD if logical == last else CELL_PAD
        room = self.sectionSize(logical) - (left if column.align is Align.LEFT else right + 2)
        title = column.title
        if text_width(title, SIZE, weight) > room:
            title = metrics(SIZE, weight).elidedText(title, _ELIDE, max(0, room))
        width = text_width(title, SIZE, weight)
        at = {
            Align.LEFT: float(x + left),
            Align.RIGHT: x + self.sectionSize(logical) - right - width,
            Align.CENTER: float(round(x + (self.sectionSize(logical) - width) / 2)),
        }[column.align]
        draw_text(
            painter, at, 1, self.height() - 1, title, SIZE, weight, look.text1 if is_sorted else look.text3
        )
        if is_sorted:
            beside = at + width + 10 if column.align is Align.LEFT else at - 9
            self._direction(painter, beside)

    def _direction(self, painter: QPainter, x: float) -> None:
        painter.save()
        painter.translate(x, self.height() / 2)
        if not self._model.sorted_by[1]:
            painter.rotate(180)
        chevron(painter, 0, 0, tokens().text1, size=8)
        painter.restore()

    def _sort(self, logical: int) -> None:
        column = self._model.columns[logical]
        key, descending = self._model.sorted_by
        if column.sort_key is None:
            return
        if key != column.key:
            self._model.sort_by(column.key, column.align is not Align.LEFT)
        elif descending == (column.align is not Align.LEFT):
            self._model.sort_by(column.key, not descending)
        else:
            self._model.sort_by(None)
        self.viewport().update()
