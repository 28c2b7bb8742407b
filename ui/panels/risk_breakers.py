"""All breakers on one line: a dot for each that is armed, a stop sign for each that has tripped."""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from core.domain.breakers import BreakerStanding, BreakerState
from ui.models.columns import Mark
from ui.panels import breaker_words as words
from ui.theme.fonts import MEDIUM, REGULAR, SEMIBOLD
from ui.theme.tokens import tokens
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.glyphs import draw_mark
from ui.widgets.pressable import Pressable

_PAD, _HIGH = 12, 28
_FIRST, _STEP = 117, 12


class BreakerLine(Pressable):
    """Shows how the breakers stand; a click, Enter or Space asks for the whole."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._standings: tuple[BreakerStanding, ...] = ()
        self._failure = ""
        self.show_standings(())

    def show_standings(self, standings: Sequence[BreakerStanding]) -> None:
        """Show how they stand now."""
        self._standings = tuple(standings)
        if standings:
            self._failure = ""
        self.setAccessibleName(f"Breakers: {self.text()}")
        self.setToolTip(
            "\n".join(
                f"{words.name_of(each.name, each.source)}: {words.STATES[each.state]}, {words.figure(each)}"
                for each in self._standings
            )
        )
        self.update()

    def show_failure(self, reason: str) -> None:
        """Say that it is not known how they stand; the old dots must not stand as if they were of now."""
        self._failure = reason
        self.show_standings(())
        self.setToolTip(reason)

    def text(self) -> str:
        """Say how they stand, as it is shown at the right."""
        return words.summary(self._standings) or ("not known" if self._failure else "being read")

    def sizeHint(self) -> QSize:
        return QSize(240, _HIGH)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(QRectF(0, 0, self.width(), 1), look.line)
        draw_text(painter, _PAD, 0, _HIGH, "Breakers", 12, REGULAR, look.text2)
        text, has_tripped = self.text(), bool(words.tripped(self._standings))
        weight = SEMIBOLD if has_tripped else MEDIUM
        room = self.width() - _PAD - text_width(text, 12, weight)
        draw_text(painter, room, 0, _HIGH, text, 12, weight, look.text1)
        x = float(_FIRST)
        step = min(_STEP, (room - _FIRST - _STEP / 2) / max(len(self._standings), 1))
        for each in self._standings:
            if each.state is BreakerState.TRIPPED:
                draw_mark(painter, Mark.STOP, round(x), _HIGH // 2, look)
            else:
                painter.setPen(look.text2)
                is_armed = each.state is BreakerState.ARMED
                painter.setBrush(look.text2 if is_armed else Qt.BrushStyle.NoBrush)
                painter.drawEllipse(QPointF(x, _HIGH / 2 + 0.5), 2.5, 2.5)
            x += step
        self.paint_focus(painter)
        painter.end()
