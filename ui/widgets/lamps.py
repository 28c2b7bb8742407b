"""Lamps of the status bar, the mode's badge, the chip of the trading state. Healthy is silent: grey."""

from enum import Enum, auto

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.domain.access import Mode, TradingState
from ui.format import word
from ui.models.columns import Mark
from ui.theme.fonts import MEDIUM, REGULAR, SEMIBOLD
from ui.theme.tokens import Tokens, tokens
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.glyphs import draw_mark, stop_sign

_AA = QPainter.RenderHint.Antialiasing


class LampState(Enum):
    """OFF is a ring, OK a dot, SLOW a triangle, DOWN a stop sign: told apart without colour."""

    OFF = auto()
    OK = auto()
    SLOW = auto()
    DOWN = auto()


class Lamp(QWidget):
    """A part of the program with its state; a state that is not healthy is said in words beside the name."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._state = LampState.OFF
        self._words = ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.set_state(LampState.OFF)

    def set_state(self, state: LampState, words: str = "") -> None:
        """Show a state, and in a few words what is wrong (``slow, 9 s``)."""
        changed = words != self._words
        self._state, self._words = state, words
        self.setAccessibleName(f"{self._name}: {words or state.name.lower()}")
        if changed:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        width = 14 + text_width(self._name, 11)
        width += 5 + text_width(self._words, 11, MEDIUM) if self._words else 0
        return QSize(round(width) + 1, 24)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        middle = self.height() / 2
        _paint_lamp(painter, look, self._state, 4, middle)
        ink = look.text2 if self._state in (LampState.OK, LampState.OFF) else look.text1
        width = draw_text(painter, 14, 0, self.height(), self._name, 11, REGULAR, ink)
        if self._words:
            draw_text(painter, 14 + width + 5, 0, self.height(), self._words, 11, MEDIUM, look.text1)
        painter.end()


def _paint_lamp(painter: QPainter, look: Tokens, state: LampState, x: float, y: float) -> None:
    if state is LampState.SLOW:
        draw_mark(painter, Mark.WARN, x + 1, y, look, size=11)
    elif state is LampState.DOWN:
        draw_mark(painter, Mark.STOP, x + 1, y, look, size=10)
    else:
        _dot(painter, x, y, 6, look.text2, hollow=state is LampState.OFF)


def _dot(painter: QPainter, x: float, y: float, size: float, colour: QColor, *, hollow: bool = False) -> None:
    painter.save()
    painter.setRenderHint(_AA)
    painter.setPen(QPen(colour, 1.4) if hollow else Qt.PenStyle.NoPen)
    painter.setBrush(Qt.BrushStyle.NoBrush if hollow else colour)
    painter.drawEllipse(QPointF(x, y), size / 2, size / 2)
    painter.restore()


class ModeBadge(QWidget):
    """SIM is a dashed pill, PAPER a sheet with a folded corner, LIVE a filled block: word and shape."""

    def __init__(self, mode: Mode, parent: QWidget | None = None, *, height: int | None = None) -> None:
        super().__init__(parent)
        self._mode = mode
        self._fixed_height = height
        self.setObjectName("badge.mode")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.set_mode(mode)

    def set_mode(self, mode: Mode) -> None:
        """Show a mode."""
        self._mode = mode
        self.setAccessibleName(f"Mode: {word(mode)}")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        height = self._fixed_height or (24 if self._mode is Mode.LIVE else 20)
        pad = {Mode.SIM: 20, Mode.PAPER: 26, Mode.LIVE: 22}[self._mode]
        return QSize(round(text_width(word(self._mode), 12, SEMIBOLD)) + pad, height)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        painter.setRenderHint(_AA)
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        text = word(self._mode)
        x = round((self.width() - text_width(text, 12, SEMIBOLD)) / 2)
        if self._mode is Mode.LIVE:
            painter.setPen(QPen(look.live, 1))
            painter.setBrush(look.live_fill)
            painter.drawRoundedRect(area, 2, 2)
        elif self._mode is Mode.SIM:
            painter.setPen(QPen(look.text2, 1, Qt.PenStyle.CustomDashLine))
            pen = painter.pen()
            pen.setDashPattern([4, 3])
            painter.setPen(pen)
            painter.drawRoundedRect(area, area.height() / 2, area.height() / 2)
        else:
            painter.setPen(QPen(look.text2, 1))
            _folded_sheet(painter, area)
            x = 9
        ink = look.on_fill if self._mode is Mode.LIVE else look.text1
        draw_text(painter, x, 0, self.height(), text, 12, SEMIBOLD, ink)
        painter.end()


def _folded_sheet(painter: QPainter, area: QRectF) -> None:
    fold = 6.0
    corner = QPointF(area.right() - fold, area.top())
    sheet = QPainterPath(area.topLeft())
    sheet.lineTo(corner)
    sheet.lineTo(area.right(), area.top() + fold)
    sheet.lineTo(area.bottomRight())
    sheet.lineTo(area.bottomLeft())
    sheet.closeSubpath()
    sheet.moveTo(corner)
    sheet.lineTo(corner.x(), area.top() + fold)
    sheet.lineTo(area.right(), area.top() + fold)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(sheet)


class StateChip(QWidget):
    """The trading state: a dot for ACTIVE, a triangle for REDUCING, a red block and stop sign for HALTED."""

    def __init__(self, state: TradingState = TradingState.ACTIVE, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.setObjectName("badge.trading_state")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.set_state(state)

    def set_state(self, state: TradingState) -> None:
        """Show a trading state."""
        self._state = state
        self.setAccessibleName(f"Trading: {word(state)}")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        pad = {TradingState.ACTIVE: 14, TradingState.REDUCING: 18, TradingState.HALTED: 28}[self._state]
        return QSize(round(text_width(word(self._state), 12, SEMIBOLD)) + pad, 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        middle = self.height() / 2
        if self._state is TradingState.HALTED:
            paint_halted(painter, self.rect(), look)
        elif self._state is TradingState.ACTIVE:
            _dot(painter, 4, middle, 8, look.text1)
            draw_text(painter, 14, 0, self.height(), word(self._state), 12, SEMIBOLD, look.text1)
        else:
            draw_mark(painter, Mark.WARN, 6, middle, look)
            draw_text(painter, 18, 0, self.height(), word(self._state), 12, SEMIBOLD, look.text1)
        painter.end()


def paint_halted(painter: QPainter, area: QRect, look: Tokens) -> None:
    """Paint the HALTED block with its outline and stop sign."""
    painter.save()
    painter.setRenderHint(_AA)
    painter.setPen(QPen(look.halt, 1))
    painter.setBrush(look.halt_fill)
    painter.drawRoundedRect(QRectF(area).adjusted(0.5, 0.5, -0.5, -0.5), 2, 2)
    painter.restore()
    stop_sign(painter, area.x() + 12, area.center().y() + 0.5, 11, look.on_fill, look.halt_fill)
    draw_text(painter, area.x() + 21, area.y(), area.height(), "HALTED", 12, SEMIBOLD, look.on_fill)
