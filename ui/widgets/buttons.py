"""Buttons with their key beside the words, and the one that has to be held."""

from collections.abc import Callable
from enum import Enum, auto

from PySide6.QtCore import QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from ui.models.columns import Mark
from ui.models.flash import seconds
from ui.theme.fonts import MEDIUM, REGULAR, SEMIBOLD
from ui.theme.tokens import Tokens, tokens
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.glyphs import draw_mark

HOLD_MS = 600
_FRAME_MS = 16
_RADIUS = 4
_LARGE = 36  # from this height on, words are 13 px
_AA = QPainter.RenderHint.Antialiasing


class Dress(Enum):
    """How a button looks. ON_HALT and ON_HALT_OUTLINE stand on the banner of a halt."""

    BUY = auto()
    SELL = auto()
    NEUTRAL = auto()
    QUIET = auto()
    OUTLINE = auto()
    HALT = auto()
    HALT_FILL = auto()
    ON_HALT = auto()
    ON_HALT_OUTLINE = auto()


def _on_halt_ink(look: Tokens) -> QColor:
    if look.on_fill.lightness() < 128:
        return look.halt_fill
    return min(look.surface0, look.text1, key=QColor.lightness)


def _colours(look: Tokens, dress: Dress) -> tuple[QColor | None, QColor | None, QColor]:
    """Return ground, edge and ink."""
    return {
        Dress.BUY: (look.gain_fill, None, look.on_fill),
        Dress.SELL: (look.loss_fill, None, look.on_fill),
        Dress.NEUTRAL: (look.accent, None, look.on_accent),
        Dress.QUIET: (look.surface2, None, look.text1),
        Dress.OUTLINE: (None, look.edge, look.text1),
        Dress.HALT: (None, look.halt, look.text1),
        Dress.HALT_FILL: (look.halt_fill, look.halt, look.on_fill),
        Dress.ON_HALT: (look.on_fill, look.on_fill, _on_halt_ink(look)),
        Dress.ON_HALT_OUTLINE: (None, look.on_fill, look.on_fill),
    }[dress]


class Button(QAbstractButton):
    """A painted button. ``key`` is shown beside the words and binds nothing: the catalogue does.

    A click by mouse or Space; Enter acts only where it is said so, and a key that repeats itself never does.
    """

    def __init__(
        self,
        text: str,
        dress: Dress = Dress.OUTLINE,
        *,
        key: str = "",
        height: int = 32,
        mark: Mark | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._dress, self._key, self._height, self._mark = dress, key, height, mark
        self._is_main = dress in (
            Dress.BUY,
            Dress.SELL,
            Dress.NEUTRAL,
            Dress.HALT,
            Dress.HALT_FILL,
            Dress.ON_HALT,
        )
        self.setText(text)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setAccessibleName(f"{text}, {self._key}" if self._key else text)
        self.updateGeometry()

    def set_dress(self, dress: Dress) -> None:
        """Look otherwise from now on."""
        self._dress = dress
        self.update()

    def set_key(self, key: str) -> None:
        """Show another key beside the words."""
        self._key = key
        self.setText(self.text())
        self.update()

    def _words(self) -> tuple[str, str]:
        return self.text(), self._key

    def _text_style(self) -> tuple[int, int]:
        size = 13 if self._height >= _LARGE else 12
        if self._is_main:
            return size, SEMIBOLD
        return size, MEDIUM if self._dress in (Dress.OUTLINE, Dress.ON_HALT_OUTLINE) else REGULAR

    def _content_width(self) -> float:
        (text, key), (size, weight) = self._words(), self._text_style()
        width = text_width(text, size, weight) + (16 if self._mark else 0)
        return width + (12 + text_width(key, 11) if key else 0)

    def sizeHint(self) -> QSize:
        return QSize(round(self._content_width()) + 28, self._height)

    def minimumSizeHint(self) -> QSize:
        return QSize(round(self._content_width()) + 12, self._height)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.isAutoRepeat():
            event.accept()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        ground, edge, ink = _colours(look, self._dress)
        if not self.isEnabled():
            ground, edge, ink = None, look.line, look.text3
        self._paint_block(painter, look, ground, edge)
        self._paint_words(painter, look, ink)
        painter.end()

    def _inner(self) -> QRect:
        return self.rect().adjusted(3, 3, -3, -3) if self.hasFocus() and self._has_own_ring() else self.rect()

    def _has_own_ring(self) -> bool:
        return self.isEnabled()

    def _paint_block(
        self, painter: QPainter, look: Tokens, ground: QColor | None, edge: QColor | None
    ) -> None:
        painter.save()
        painter.setRenderHint(_AA)
        area = QRectF(self._inner())
        if edge is not None:
            area.adjust(0.5, 0.5, -0.5, -0.5)
        painter.setPen(Qt.PenStyle.NoPen if edge is None else QPen(edge, 1))
        if ground is not None and (self.isDown() or self.underMouse()) and self.isEnabled():
            ground = look.surface3 if self._dress is Dress.QUIET else ground
        elif ground is None and self.underMouse() and self.isEnabled() and self._dress is Dress.OUTLINE:
            ground = look.surface2
        painter.setBrush(Qt.BrushStyle.NoBrush if ground is None else ground)
        painter.drawRoundedRect(area, _RADIUS, _RADIUS)
        if self._inner() != self.rect():
            ring = look.on_fill if self._dress in (Dress.ON_HALT, Dress.ON_HALT_OUTLINE) else look.accent
            painter.setPen(QPen(ring, 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), _RADIUS + 1, _RADIUS + 1)
        painter.restore()

    def _paint_words(self, painter: QPainter, look: Tokens, ink: QColor) -> None:
        (text, key), (size, weight) = self._words(), self._text_style()
        x = float(round((self.width() - self._content_width()) / 2))
        if self._mark is not None:
            colour = None if self.isEnabled() and self._dress is not Dress.HALT_FILL else ink
            draw_mark(painter, self._mark, x + 6, self.height() / 2, look, size=12, colour=colour)
            x += 16
        x += draw_text(painter, x, 0, self.height(), text, size, weight, ink)
        if key:
            is_on_ground = _colours(look, self._dress)[0] is not None and self._dress is not Dress.QUIET
            key_ink = ink if is_on_ground and self.isEnabled() else look.text3
            draw_text(painter, x + 12, 0, self.height(), key, 11, REGULAR, key_ink)


class HoldButton(Button):
    """Acts after 600 ms under the mouse or Space. Enter never fires it, nor does a repeating key.

    Attributes:
        held: it was held long enough; once for each hold. ``clicked`` is not used.
    """

    held = Signal()

    def __init__(self, text: str, dress: Dress, *, height: int = 36, parent: QWidget | None = None) -> None:
        super().__init__(text, dress, height=height, parent=parent)
        self._since: float | None = None
        self._clock: Callable[[], float] = seconds
        self._frames = QTimer(self, timerType=Qt.TimerType.PreciseTimer, interval=_FRAME_MS)
        self._frames.timeout.connect(self.advance)

    def set_clock(self, clock: Callable[[], float]) -> None:
        """Measure the hold by another clock, in monotonic seconds; a test turns it by hand."""
        self._clock = clock

    @property
    def progress(self) -> float:
        """How far the hold has come, from 0 to 1."""
        if self._since is None:
            return 0.0
        return min(1.0, (self._clock() - self._since) * 1000 / HOLD_MS)

    def begin(self) -> None:
        """Start the hold, unless one is running."""
        if self._since is None and self.isEnabled():
            self._since = self._clock()
            self._frames.start()
            self.update()

    def release(self) -> None:
        """End the hold; before its time nothing happens."""
        self._since = None
        self._frames.stop()
        self.update()

    def advance(self) -> None:
        """Look at the time; fire once when the hold has lasted long enough."""
        if self.progress >= 1.0:
            self.release()
            self.held.emit()
        else:
            self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self.begin()
            event.accept()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()  # nor may the default button of a sheet get it
        else:
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.release()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.begin()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self.rect().contains(event.position().toPoint()):
            self.release()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.release()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.release()
        super().focusOutEvent(event)

    def _words(self) -> tuple[str, str]:
        if self._since is None:
            return self.text(), self._key
        return "Keep holding to send", f"{self.progress * HOLD_MS / 1000:.2f} of {HOLD_MS / 1000:.2f} s"

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        fill, _, ink = _colours(look, self._dress)
        if not self.isEnabled():
            fill, ink = None, look.text3
        if self._since is None or fill is None:
            self._paint_block(painter, look, fill, None if fill else look.line)
            self._paint_words(painter, look, ink)
        else:
            self._paint_hold(painter, look, fill)
        painter.end()

    def _paint_hold(self, painter: QPainter, look: Tokens, fill: QColor) -> None:
        shape = look.gain_shape if self._dress is Dress.BUY else look.loss_shape
        self._paint_block(painter, look, look.surface2, shape)
        inner = self._inner().adjusted(1, 1, -1, -1)
        done = QRect(inner.x(), inner.y(), round(inner.width() * self.progress), inner.height())
        painter.fillRect(done, fill)
        self._paint_words(painter, look, look.text1)
        painter.setClipRect(done)
        painter.fillRect(done, fill)
        self._paint_words(painter, look, look.on_fill)
