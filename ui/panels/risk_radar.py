"""The radar, small: a dot on a line for each axis, beside the tick of what is aimed at."""

from decimal import Decimal

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from core.domain.parameters import RadarAxis
from core.domain.radar import Radar, RadarScore
from ui import format as fmt
from ui.models.columns import Mark
from ui.theme.fonts import MEDIUM, REGULAR, SEMIBOLD
from ui.theme.tokens import Tokens, tokens
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.glyphs import draw_mark
from ui.widgets.pressable import Pressable

AXES: dict[RadarAxis, str] = {
    RadarAxis.MARKET: "Market",
    RadarAxis.VOLATILITY: "Volatility",
    RadarAxis.LIQUIDITY: "Liquidity",
    RadarAxis.EVENT: "Events",
    RadarAxis.CONCENTRATION: "Concentration",
    RadarAxis.SENTIMENT: "Sentiment",
}
NOT_AVAILABLE = "n/a"
_PAD = 12
_HEAD, _ROW = 24, 20
_LABEL = 84
_FIGURE = 28
_GAP = 16
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


def axis_words(score: RadarScore) -> str:
    """Say one axis in words: its figure, what is aimed at, and what is missing."""
    if score.score is None:
        return f"{AXES[score.axis]}: {NOT_AVAILABLE}. {score.missing}".strip()
    return f"{AXES[score.axis]}: {fmt.money(score.score, 0)} of 100, target {fmt.qty(score.target)}"


class RadarView(Pressable):
    """Shows a radar; a click, Enter or Space asks for what it is made of."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._radar: Radar | None = None
        self._failure = ""
        self._is_folded = False
        self._tell()

    def show_radar(self, radar: Radar) -> None:
        """Show another radar."""
        if radar != self._radar or self._failure:
            self._radar, self._failure = radar, ""
            self._tell()

    def show_failure(self, reason: str) -> None:
        """Say why there is none; an old one must not stand as if it were of now."""
        self._radar, self._failure = None, reason
        self._tell()

    @property
    def spare(self) -> int:
        """How many px folding would save, or has saved."""
        return 0 if self.empty_words() else 3 * _ROW + 6

    def set_folded(self, is_folded: bool) -> None:
        """Show the title with its note alone, where there is less height."""
        if is_folded != self._is_folded:
            self._is_folded = is_folded
            self.updateGeometry()
            self.update()

    @property
    def is_folded(self) -> bool:
        """Whether the axes are left out."""
        return self._is_folded

    def note(self) -> str:
        """Say at the right of the title how the radar stands to the target."""
        radar = self._radar
        if radar is None or radar.is_empty:
            return ""
        over = len(radar.alerts)
        if over:
            return f"{_NUMBERS[min(over, 6)]} {'axis' if over == 1 else 'axes'} over"
        return "none over" if radar.known_weight_pct else ""

    def empty_words(self) -> str:
        """Say why nothing is drawn; empty where something is."""
        if self._failure:
            return self._failure
        if self._radar is None:
            return "The inputs are being read."
        return "Nothing is held, so there is no risk to draw." if self._radar.is_empty else ""

    def _tell(self) -> None:
        radar = self._radar
        axes = radar.axes if radar is not None else ()
        words = "; ".join(axis_words(each) for each in axes) or self.empty_words()
        self.setAccessibleName(f"Radar against target. {self.note()} {words}")
        self.setToolTip("\n".join(axis_words(each) for each in axes))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        if self.empty_words():
            return QSize(240, _HEAD + _ROW + 6)
        return QSize(240, _HEAD + (0 if self._is_folded else self.spare))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        painter.fillRect(QRectF(0, 0, self.width(), 1), look.line)
        symbol = self._radar.symbol if self._radar is not None else None
        title = f"{symbol} radar against target" if symbol else "Radar against target"
        draw_text(painter, _PAD, 0, _HEAD, title, 11, REGULAR, look.text3)
        note = self.note()
        if note:
            x = self.width() - _PAD - text_width(note, 11)
            draw_text(painter, x, 0, _HEAD, note, 11, REGULAR, look.text1)
            if self._radar is not None and self._radar.alerts:
                draw_mark(painter, Mark.DIAMOND, round(x) - 10, _HEAD // 2, look)
        words = self.empty_words()
        if words:
            draw_text(painter, _PAD, _HEAD, _ROW, words, 12, REGULAR, look.text3)
        elif self._radar is not None and not self._is_folded:
            wide = (self.width() - 2 * _PAD - _GAP) // 2
            for number, score in enumerate(self._radar.axes):
                left = _PAD + (wide + _GAP) * (number % 2)
                self._paint_axis(painter, look, score, QRectF(left, _HEAD + _ROW * (number // 2), wide, _ROW))
        self.paint_focus(painter)
        painter.end()

    def _paint_axis(self, painter: QPainter, look: Tokens, score: RadarScore, cell: QRectF) -> None:
        top, middle = round(cell.top()), cell.center().y()
        draw_text(painter, cell.left(), top, _ROW, AXES[score.axis], 12, REGULAR, look.text2)
        known = score.score
        text = NOT_AVAILABLE if known is None else fmt.money(known, 0)
        weight, ink = (REGULAR, look.text3) if known is None else (MEDIUM, look.text1)
        if known is not None and known > score.target:
            weight = SEMIBOLD
        draw_text(painter, cell.right() - text_width(text, 12, weight), top, _ROW, text, 12, weight, ink)
        left, right = cell.left() + _LABEL, cell.right() - _FIGURE
        painter.fillRect(QRectF(left, middle - 0.5, right - left, 1), look.edge)
        at = left + (right - left) * _share(score.target)
        painter.fillRect(QRectF(at - 1, middle - 4, 2, 8), look.text2)
        if known is None:
            return
        spot = QPointF(left + (right - left) * _share(known), middle)
        if known > score.target:
            draw_mark(painter, Mark.DIAMOND, round(spot.x()), round(middle), look)
        else:
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(look.text1)
            painter.drawEllipse(spot, 3.5, 3.5)
            painter.restore()


def _share(score: Decimal) -> float:
    return float(max(Decimal(0), min(score, Decimal(100))) / 100)
