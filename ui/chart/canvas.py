"""The chart's widget: it shows a model, and turns mouse and keys into pan, zoom and wishes."""

from collections.abc import Callable
from functools import partial
from math import copysign

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QWidget

from core.domain.market import Timeframe
from ui.chart.model import ChartModel
from ui.chart.picture import Picture
from ui.chart.scene import chart_ground
from ui.theme.tokens import tokens

ZOOM_STEP = 0.8
PAN_SHARE = 0.1
_NOTCH = 120
_KEYBOARD_FOCUS = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)
_PLAIN = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.KeypadModifier,
    Qt.KeyboardModifier.ShiftModifier,
)


class ChartCanvas(QWidget):
    """Paints the chart. Everything it can do has a key; a click on a tag's cross only asks for the cancel."""

    cancel_requested = Signal(str)
    timeframe_chosen = Signal(str)

    def __init__(self, model: ChartModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._picture = Picture()
        self._pointer: QPointF | None = None
        self._drag_x: float | None = None
        self._pressed: str | None = None
        self._shows_focus = False
        self._keys = self._key_table()
        self.setObjectName("chart.canvas")
        self.setAccessibleName("Price chart")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(QSize(240, 160))

    @property
    def model(self) -> ChartModel:
        return self._model

    @property
    def picture(self) -> Picture:
        return self._picture

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = tokens()
        painter = QPainter(self)
        painter.fillRect(event.rect(), chart_ground(colours))
        scene = self._model.frame(self.width(), self.height(), colours)
        if scene is not None:
            pointer = self._pointer if self._drag_x is None else None
            self._picture.paint(painter, self._model, scene, pointer)
        if self._shows_focus:
            painter.setPen(QPen(colours.accent, 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        painter.end()

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn, view = event.angleDelta(), self._model.view
        if abs(turn.x()) > abs(turn.y()):
            view.pan(-copysign(PAN_SHARE, turn.x()) * (view.right - view.left) * abs(turn.x()) / _NOTCH)
        elif turn.y():
            view.zoom(ZOOM_STEP ** (turn.y() / _NOTCH), view.index_of(event.position().x()))
        event.accept()
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        self._pressed = self._picture.tags.cross_at(event.position())
        if self._pressed is None:
            self._drag_x = event.position().x()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._pointer = event.position()
        if self._drag_x is not None:
            self._model.view.pan((self._drag_x - self._pointer.x()) / self._model.view.pitch)
            self._drag_x = self._pointer.x()
        else:
            on_cross = self._picture.tags.cross_at(self._pointer) is not None
            self.setCursor(Qt.CursorShape.PointingHandCursor if on_cross else Qt.CursorShape.CrossCursor)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        pressed, self._pressed, self._drag_x = self._pressed, None, None
        self.setCursor(Qt.CursorShape.CrossCursor)
        if pressed is not None and pressed == self._picture.tags.cross_at(event.position()):
            self.cancel_requested.emit(pressed)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._pointer = None
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        act = self._keys.get(Qt.Key(event.key())) if event.modifiers() in _PLAIN else None
        if act is None:
            super().keyPressEvent(event)
            return
        act()
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._shows_focus = event.reason() in _KEYBOARD_FOCUS
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._shows_focus = False
        super().focusOutEvent(event)

    def zoom(self, factor: float) -> None:
        """Multiply the visible span; the newest bar stays in place if it is in view, else the middle does."""
        view = self._model.view
        view.zoom(factor, float(view.count - 1) if view.follow else (view.left + view.right) / 2)
        self.update()

    def to_newest(self) -> None:
        """Go to the newest bar and follow it."""
        self._model.view.to_newest()
        self.update()

    def _pan(self, direction: int) -> None:
        view = self._model.view
        view.pan(direction * PAN_SHARE * (view.right - view.left))

    def _key_table(self) -> dict[Qt.Key, Callable[[], None]]:
        key, view = Qt.Key, self._model.view
        table: dict[Qt.Key, Callable[[], None]] = {
            key.Key_Left: lambda: self._pan(-1),
            key.Key_Right: lambda: self._pan(1),
            key.Key_Home: view.to_oldest,
            key.Key_End: view.to_newest,
        }
        table.update(dict.fromkeys((key.Key_Up, key.Key_Plus, key.Key_Equal), lambda: self.zoom(ZOOM_STEP)))
        table.update(dict.fromkeys((key.Key_Down, key.Key_Minus), lambda: self.zoom(1 / ZOOM_STEP)))
        for index, each in enumerate(Timeframe):
            table[Qt.Key(key.Key_1.value + index)] = partial(self.timeframe_chosen.emit, each.value)
        return table
