"""Hold Ctrl: the keys stand where they act, and the status bar becomes their legend."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget

from ui.actions.cheatsheet import count
from ui.actions.registry import ActionRegistry
from ui.theme.fonts import MEDIUM, REGULAR, SEMIBOLD
from ui.theme.tokens import tokens
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.empty import paint_cap, paint_cap_block
from ui.widgets.scrim import Scrim

HOLD_MS = 350
_STATUS = 24
_BARE = (("/", "symbol"), ("B", "buy"), ("S", "sell"), ("Delete", "cancel order"))
_PROMISE = "Halt, close and cancel need no arming; buying and selling do"


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where the cap of an action stands: at a point of a widget, which is asked for at each showing."""

    action: str
    widget: QWidget
    place: Callable[[], QPoint]


class KeyHints(Scrim):
    """Shows itself while Ctrl alone is held. Keys go on to the window; the mouse passes through."""

    def __init__(self, window: QWidget, registry: ActionRegistry, holes: Sequence[QWidget] = ()) -> None:
        super().__init__(window, holes)
        self._registry = registry
        self._anchors: list[Anchor] = []
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._wait = QTimer(self, singleShot=True, interval=HOLD_MS)
        self._wait.timeout.connect(self.show_hints)
        app = QApplication.instance()
        if app is not None:
            app.installEventFilter(self)

    def set_anchors(self, anchors: Sequence[Anchor]) -> None:
        """Say where the caps stand."""
        self._anchors = list(anchors)

    def show_hints(self) -> None:
        """Show the caps now."""
        self.cover()
        self.show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            alone = event.key() == Qt.Key.Key_Control and not event.isAutoRepeat()
            if alone and self.parentWidget() is not None and self.window().isActiveWindow():
                self._wait.start()
            elif event.key() not in (Qt.Key.Key_Control, Qt.Key.Key_Shift):
                self._end()
        elif kind == QEvent.Type.KeyRelease and isinstance(event, QKeyEvent):
            if event.key() == Qt.Key.Key_Control:
                self._end()
        elif kind in (QEvent.Type.WindowDeactivate, QEvent.Type.MouseButtonPress):
            self._end()
        return super().eventFilter(watched, event)

    def _end(self) -> None:
        self._wait.stop()
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        for anchor in self._anchors:
            if anchor.widget.isVisible():
                self._cap(painter, anchor)
        self._legend(painter)
        painter.end()

    def _cap(self, painter: QPainter, anchor: Anchor) -> None:
        look, key = tokens(), self._registry.key(anchor.action)
        if not key.startswith("Ctrl+"):
            return
        at = anchor.widget.mapTo(self.window(), anchor.place())
        rest = key.removeprefix("Ctrl+")
        x: float = at.x()
        if rest.startswith("Shift+"):
            cap = rest.replace("+", " ")
            x += paint_cap_block(painter, x, at.y(), cap, look.surface1, look.text1, look.accent)
            hint = next((spec.hint for spec in self._registry.specs if spec.id == anchor.action), "")
            symbol = self._registry.context.symbol
            if hint and symbol and hint != "halt":
                draw_text(painter, x + 8, at.y() - 12, 24, f"{hint} {symbol}", 11, REGULAR, look.text1)
        else:
            paint_cap_block(painter, x, at.y(), rest, look.accent, look.on_accent)

    def _legend(self, painter: QPainter) -> None:
        look, top = tokens(), self.height() - _STATUS
        painter.fillRect(QRect(0, top, self.width(), _STATUS), look.surface1)
        painter.fillRect(QRect(0, top, self.width(), 1), look.accent)
        middle = top + _STATUS / 2
        x = 12 + draw_text(painter, 12, top, _STATUS, "Ctrl is down", 11, SEMIBOLD, look.text1) + 20
        x = self._small(painter, x, middle, "K", "press it now", filled=True)
        x = self._small(painter, x, middle, "Shift H", "add Shift", filled=False)
        painter.fillRect(QRect(round(x) - 2, top + 6, 1, 12), look.line)
        x += 14
        x += draw_text(painter, x, top, _STATUS, "Without Ctrl", 11, REGULAR, look.text2) + 10
        for key, words in (*_BARE, ("F1", f"all {count(self._registry)} keys, printed")):
            x += paint_cap(painter, x, middle, key, look.text1, look.edge) + 7
            x += draw_text(painter, x, top, _STATUS, words, 11, REGULAR, look.text1) + 14
        right = self.width() - 12 - text_width(_PROMISE, 11)
        if right > x + 12:
            draw_text(painter, right, top, _STATUS, _PROMISE, 11, REGULAR, look.text1)

    @staticmethod
    def _small(painter: QPainter, x: float, middle: float, key: str, words: str, *, filled: bool) -> float:
        look = tokens()
        width = max(18, round(text_width(key, 11, MEDIUM)) + 10)
        area = QRect(round(x), round(middle) - 9, width, 18)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(look.accent)
        painter.setBrush(look.accent if filled else look.surface1)
        painter.drawRoundedRect(area, 3, 3)
        painter.restore()
        inset = (width - text_width(key, 11, MEDIUM)) / 2
        ink = look.on_accent if filled else look.text1
        draw_text(painter, x + inset, area.y(), 18, key, 11, MEDIUM, ink)
        x += width + 7
        return x + draw_text(painter, x, area.y(), 18, words, 11, REGULAR, look.text1) + 14
