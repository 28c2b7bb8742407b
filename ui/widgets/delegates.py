"""Paints table cells straight from the model's rows: no roles, no items, text laid out once."""

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QStaticText, QTransform

from ui.models.columns import Align, Column, Kind, Mark, RowState
from ui.theme.fonts import CAP_HEIGHT, REGULAR, SEMIBOLD, font, metrics
from ui.theme.tokens import Tokens
from ui.widgets.bars import paint_bar
from ui.widgets.glyphs import SIZES, draw_mark

TEXT_SIZE = 12
EDGE_PAD = 12  # left of the first column, right of the last
CELL_PAD = 8
FLASH_STRENGTH = 0.38
ARROW_GAP = 9  # from an arrow's centre to the widest number of its column
BAR_WIDTH = 36
_CACHE_LIMIT = 2000
_PLAIN = Qt.TextFormat.PlainText
_MARK_GAP = {Mark.UP: 6, Mark.DOWN: 6, Mark.QUESTION: 4, Mark.CLOCK: 4}


class TextCache:
    """Laid-out texts by words, size and weight. Bounded: it starts anew when it is full."""

    __slots__ = ("_texts",)

    def __init__(self) -> None:
        self._texts: dict[tuple[str, int, int], tuple[QStaticText, float]] = {}

    def get(self, text: str, size: int, weight: int) -> tuple[QStaticText, float]:
        """Return the laid-out text and its width in px."""
        found = self._texts.get((text, size, weight))
        return found if found is not None else self._make(text, size, weight)

    def _make(self, text: str, size: int, weight: int) -> tuple[QStaticText, float]:
        if len(self._texts) >= _CACHE_LIMIT:
            self._texts.clear()
        made = QStaticText(text)
        made.setTextFormat(_PLAIN)
        made.prepare(QTransform(), font(size, weight))
        entry = (made, metrics(size, weight).horizontalAdvance(text))
        self._texts[(text, size, weight)] = entry
        return entry


_cache = TextCache()


def draw_text(
    painter: QPainter, x: float, top: int, height: int, text: str, size: int, weight: int, colour: QColor
) -> float:
    """Draw plain text from ``x``, its capitals centred in ``top`` and ``height``; return its width in px."""
    laid, width = _cache.get(text, size, weight)
    painter.setFont(font(size, weight))
    painter.setPen(colour)
    baseline = round(top + (height + CAP_HEIGHT * size) / 2)
    painter.drawStaticText(QPointF(x, baseline - metrics(size, weight).ascent()), laid)
    return width


def text_width(text: str, size: int, weight: int = 400) -> float:
    """Return the width of a text in px, from the same cache that draws it."""
    return _cache.get(text, size, weight)[1]


@dataclass(slots=True)
class Cell:
    """Where a cell is and what holds for its row; one object is reused for a whole row."""

    x: int
    top: int
    width: int
    height: int
    state: RowState
    first: bool = False
    last: bool = False
    flash: float = 0.0


class CellPainter:
    """Draws the cells of one table; it remembers the widest number of each column for the arrows."""

    def __init__(self) -> None:
        self.widest: dict[str, float] = {}
        self.grew = False

    def forget(self) -> None:
        """Measure the columns anew: the rows are others now."""
        self.widest.clear()

    def paint(self, painter: QPainter, cell: Cell, column: Column[Any], row: object, tokens: Tokens) -> None:
        """Draw one cell on a ground that is already filled."""
        text = column.text(row)
        grey = self._is_grey(cell, column)
        weight = SEMIBOLD if column.strong is not None and column.strong(row) else column.weight
        weight = REGULAR if grey else weight
        room = cell.width - (0 if column.align is Align.CENTER else self._left(cell, column))
        room -= self._room_before(column, row)
        width = text_width(text, TEXT_SIZE, weight)
        if width > room and width > 0:
            text = metrics(TEXT_SIZE, weight).elidedText(text, Qt.TextElideMode.ElideRight, max(0, room))
            width = text_width(text, TEXT_SIZE, weight)
        x = self._text_x(cell, column, width)
        if cell.flash:
            self._flash(painter, cell, tokens, x, width)
        if column.kind is Kind.CHANGE:
            self._arrow(painter, cell, column, row, tokens, width, grey)
        elif column.kind is Kind.BAR and column.bar is not None:
            x = self._bar(painter, cell, column, row, tokens, x)
        x = self._mark(painter, cell, column, row, tokens, x)
        draw_text(
            painter, x, cell.top, cell.height, text, TEXT_SIZE, weight, self._ink(column, row, tokens, grey)
        )

    @staticmethod
    def _room_before(column: Column[Any], row: object) -> int:
        room = 0
        if column.kind is Kind.BAR and column.bar is not None and column.bar(row) is not None:
            room = BAR_WIDTH + CELL_PAD
        if column.mark is not None and column.align is Align.LEFT and not column.hang_mark:
            mark = column.mark(row)
            room += 0 if mark is None else SIZES[mark] + _MARK_GAP.get(mark, 6) + CELL_PAD
        return room

    @staticmethod
    def _left(cell: Cell, column: Column[Any]) -> int:
        return EDGE_PAD if cell.first else column.pad_left

    def _text_x(self, cell: Cell, column: Column[Any], width: float) -> float:
        if column.align is Align.LEFT:
            return cell.x + self._left(cell, column)
        if column.align is Align.CENTER:
            return round(cell.x + (cell.width - width) / 2)
        return cell.x + cell.width - (EDGE_PAD if cell.last else CELL_PAD) - width

    @staticmethod
    def _is_grey(cell: Cell, column: Column[Any]) -> bool:
        if RowState.STALE in cell.state:
            return not column.frozen  # a name does not grow old, its values do
        return RowState.HALTED in cell.state and column.kind in (Kind.NUMBER, Kind.CHANGE)

    @staticmethod
    def _ink(column: Column[Any], row: object, tokens: Tokens, grey: bool) -> QColor:
        if grey:
            return tokens.text3
        ink = column.ink(row) if column.ink is not None else None
        return tokens.colour((ink or column.default_ink).value)

    @staticmethod
    def _flash(painter: QPainter, cell: Cell, tokens: Tokens, x: float, width: float) -> None:
        tint = QColor(tokens.gain_fill if cell.flash > 0 else tokens.loss_fill)
        tint.setAlphaF(FLASH_STRENGTH * min(1.0, abs(cell.flash)))
        left = round(x) - 8
        painter.fillRect(QRect(left, cell.top + 1, round(x + width) + 6 - left, cell.height - 2), tint)

    def _arrow(
        self,
        painter: QPainter,
        cell: Cell,
        column: Column[Any],
        row: object,
        tokens: Tokens,
        width: float,
        grey: bool,
    ) -> None:
        if width > self.widest.get(column.key, 0.0):
            self.widest[column.key] = width
            self.grew = True
        direction = column.direction(row) if column.direction is not None else 0
        if direction == 0:
            return
        right = cell.x + cell.width - (EDGE_PAD if cell.last else CELL_PAD)
        x = right - self.widest[column.key] - ARROW_GAP
        mark = Mark.UP if direction > 0 else Mark.DOWN
        draw_mark(painter, mark, x, cell.top + cell.height / 2, tokens, colour=tokens.text3 if grey else None)

    @staticmethod
    def _bar(
        painter: QPainter, cell: Cell, column: Column[Any], row: object, tokens: Tokens, x: float
    ) -> float:
        fill = column.bar(row) if column.bar is not None else None
        if fill is None:
            return x
        paint_bar(
            painter,
            QRect(round(x), cell.top + cell.height // 2 - 2, BAR_WIDTH, 4),
            fill.share,
            fill.warn,
            tokens,
        )
        return x + BAR_WIDTH + CELL_PAD

    @staticmethod
    def _mark(
        painter: QPainter, cell: Cell, column: Column[Any], row: object, tokens: Tokens, x: float
    ) -> float:
        mark = column.mark(row) if column.mark is not None else None
        if mark is None and column.kind is Kind.AGE and RowState.STALE in cell.state:
            mark = Mark.CLOCK
        if mark is None:
            return x
        stale = RowState.STALE in cell.state
        size, gap = SIZES[mark], _MARK_GAP.get(mark, 6)
        hangs = column.align is not Align.LEFT or column.hang_mark
        left = x - size - gap if hangs else x
        ink = tokens.text3 if stale else None
        draw_mark(painter, mark, left + size / 2, cell.top + cell.height / 2, tokens, colour=ink)
        return x if hangs else x + size + gap
