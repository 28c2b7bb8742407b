"""The account from close to close, as a line."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from PySide6.QtCore import QPointF, QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.domain.outcomes import EquitySnapshot
from ui import format as fmt
from ui.theme.fonts import MEDIUM, REGULAR
from ui.theme.tokens import Tokens, tokens
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.empty import EmptyText, paint_empty

_PAD, _LINE, _RING = 12, 16, 3
_DAY_FORMAT = "%d %b"


class EquityCurve(QWidget):
    """Paints the closes that are known; a gap is left where one is not, a ring where money moved."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._closes: tuple[EquitySnapshot, ...] = ()
        self._words = EmptyText("")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(QSize(180, 60))
        self.setAccessibleName("Equity at the closes")

    def show_closes(self, closes: Sequence[EquitySnapshot], words: EmptyText) -> None:
        """Show these closes, oldest first; with fewer than two, the words."""
        self._closes = tuple(closes)
        self._words = words
        known = self._values()
        told = "" if not known else f": {known[0][0]} {known[0][1]:.2f} to {known[-1][0]} {known[-1][1]:.2f}"
        self.setAccessibleName(f"Equity at the closes{told or f', {words.text} {words.action}'}")
        self.update()

    def _values(self) -> list[tuple[date, Decimal]]:
        return [(each.market_date, each.equity) for each in self._closes if each.equity is not None]

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look, known = QPainter(self), tokens(), self._values()
        painter.fillRect(self.rect(), look.surface1)
        if len(known) < 2:
            paint_empty(painter, self.rect(), self._words)
        else:
            self._paint_curve(painter, look, known)
        painter.end()

    def _paint_curve(self, painter: QPainter, look: Tokens, known: list[tuple[date, Decimal]]) -> None:
        values = [value for _, value in known]
        low, high = min(values), max(values)
        axis = max(round(text_width(fmt.money(value, 0), 11)) for value in (low, high)) + 8
        area = self.rect().adjusted(_PAD, _PAD, -_PAD - axis, -_PAD - _LINE)
        points = self._points(area, low, high)
        for value in {low, high}:
            y = self._y(area, low, high, value)
            painter.fillRect(QRect(area.left(), round(y), area.width(), 1), look.line)
            text = fmt.money(value, 0)
            draw_text(painter, area.right() + 8, round(y) - 8, _LINE, text, 11, REGULAR, look.text3)
        self._paint_days(painter, look, area, known)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(look.text2, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        for run in _runs(points):
            if len(run) == 1:
                painter.drawPoint(run[0])
            painter.drawPolyline(QPolygonF(run))
        for close, point in zip(self._closes, points, strict=True):
            if point is not None and close.flow:
                painter.setBrush(look.surface1)
                painter.drawEllipse(point, _RING, _RING)

    def _paint_days(
        self, painter: QPainter, look: Tokens, area: QRect, known: list[tuple[date, Decimal]]
    ) -> None:
        first, last = (day.strftime(_DAY_FORMAT).lstrip("0") for day in (known[0][0], known[-1][0]))
        y = area.bottom() + 4
        draw_text(painter, area.left(), y, _LINE, first, 11, REGULAR, look.text3)
        x = area.right() - text_width(last, 11)
        draw_text(painter, round(x), y, _LINE, last, 11, REGULAR, look.text3)
        newest = fmt.money(known[-1][1])
        middle = area.center().x() - text_width(newest, 12, MEDIUM) / 2
        draw_text(painter, round(middle), y, _LINE, newest, 12, MEDIUM, look.text1)

    def _points(self, area: QRect, low: Decimal, high: Decimal) -> list[QPointF | None]:
        steps = max(1, len(self._closes) - 1)
        found: list[QPointF | None] = []
        for number, close in enumerate(self._closes):
            equity = close.equity
            x = area.left() + area.width() * number / steps
            found.append(None if equity is None else QPointF(x, self._y(area, low, high, equity)))
        return found

    def _y(self, area: QRect, low: Decimal, high: Decimal, value: Decimal) -> float:
        share = 0.5 if high == low else float((value - low) / (high - low))
        return area.bottom() - share * area.height()


def _runs(points: Sequence[QPointF | None]) -> list[list[QPointF]]:
    runs: list[list[QPointF]] = [[]]
    for point in points:
        if point is not None:
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]
