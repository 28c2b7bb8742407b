"""Warnings that pass: at the lower right, repeats merged, gone after a while or on a click."""

from enum import Enum

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QEnterEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QTextLayout, QTextOption
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ui.format import TIMES
from ui.models.columns import Mark
from ui.theme.fonts import REGULAR, font, metrics
from ui.theme.tokens import tokens
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.glyphs import draw_mark

WIDTH = 344
SHOWN_MS = 8000
MOST = 4
_PAD = 12
_TEXT_LEFT = 36
_LINE = 18


class Notice(Enum):
    """What a toast tells of, by the shape of its glyph."""

    WARNING = Mark.WARN
    REFUSED = Mark.STOP
    DONE = Mark.CHECK


class Toast(QWidget):
    """One warning; the same words again raise its count. The mouse over it keeps it."""

    def __init__(self, notice: Notice, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.notice, self.text = notice, text
        self.count = 1
        self._layout = QTextLayout(text, font(12))
        self._layout.setTextOption(QTextOption(Qt.AlignmentFlag.AlignLeft))
        self._lines = self._wrap()
        self.setFixedSize(self.sizeHint())
        self.setAccessibleName(text)
        self._timer = QTimer(self, singleShot=True, interval=SHOWN_MS)
        self._timer.timeout.connect(self.close_toast)
        self._timer.start()

    def repeat(self) -> None:
        """Count the same warning once more, and stay for the whole time again."""
        self.count += 1
        self.setAccessibleName(f"{self.text}, {self.count} times")
        self._timer.start()
        self.update()

    def close_toast(self) -> None:
        """Go."""
        self.setParent(None)
        self.deleteLater()

    def _wrap(self) -> int:
        self._layout.beginLayout()
        number = 0
        while (line := self._layout.createLine()).isValid():
            line.setLineWidth(WIDTH - _TEXT_LEFT - 40)
            line.setPosition(QPointF(0, number * _LINE))
            number += 1
        self._layout.endLayout()
        return number

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, 2 * _PAD + max(1, self._lines) * _LINE)

    def enterEvent(self, event: QEnterEvent) -> None:
        self._timer.stop()

    def leaveEvent(self, event: QEvent) -> None:
        self._timer.start()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.close_toast()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(look.edge, 1))
        painter.setBrush(look.surface1)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        draw_mark(painter, self.notice.value, 18, _PAD + _LINE / 2, look, size=14)
        painter.setPen(look.text1)
        inset = (_LINE - metrics(12).height()) / 2
        self._layout.draw(painter, QPointF(_TEXT_LEFT, _PAD + inset))
        if self.count > 1:
            times = f"{TIMES} {self.count}"
            x = WIDTH - _PAD - text_width(times, 11)
            draw_text(painter, x, _PAD, _LINE, times, 11, REGULAR, look.text3)
        painter.end()


class ToastStack(QWidget):
    """All toasts of a window, the newest lowest; lay it over the window's lower right corner."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._clear_of: QWidget | None = None
        self._is_silent = False
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self.hide()

    def show_toast(self, notice: Notice, text: str) -> Toast:
        """Show a warning, or count one that is still there; the oldest of more than four goes."""
        shown = self.toasts()
        for toast in shown:
            if (toast.notice, toast.text) == (notice, text):
                toast.repeat()
                return toast
        for toast in shown[: max(0, len(shown) - MOST + 1)]:
            toast.close_toast()
        made = Toast(notice, text, self)
        made.destroyed.connect(self.place)
        self._column.addWidget(made)
        made.show()
        self.place()
        return made

    def toasts(self) -> list[Toast]:
        """Return the toasts that are shown, oldest first."""
        return [child for child in self.children() if isinstance(child, Toast)]

    def set_silent(self, *, is_silent: bool) -> None:
        """Show nothing for now: on a locked window, a notice would tell whoever passes by."""
        self._is_silent = is_silent
        self.place()

    def keep_clear(self, widget: QWidget) -> None:
        """Never lie over this widget of the lower right corner: no notice may stand before Halt."""
        self._clear_of = widget
        self.place()

    def _bottom(self, window: QWidget) -> int:
        if self._clear_of is None or not self._clear_of.isVisible():
            return window.height() - 36
        return self._clear_of.mapTo(window, QPoint(0, 0)).y() - 8

    def place(self) -> None:
        """Move to the window's lower right corner, above its status bar; call it at every resize."""
        window, shown = self.parentWidget(), self.toasts()
        if not shown or self._is_silent:
            self.hide()
            return
        height = sum(toast.height() for toast in shown) + 8 * (len(shown) - 1)
        if window is not None:
            self.setGeometry(window.width() - WIDTH - 12, self._bottom(window) - height, WIDTH, height)
        self.show()
        self.raise_()
