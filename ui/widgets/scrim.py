"""The veil behind a sheet. It leaves Halt lit and within reach."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QRegion
from PySide6.QtWidgets import QWidget

from ui.theme.tokens import tokens

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class Scrim(QWidget):
    """Covers a window but for holes over some widgets, and follows its size; a click on it dismisses.

    Ctrl+Enter belongs to the sheet, and not to the ticket behind it.
    """

    def __init__(self, window: QWidget, holes: Sequence[QWidget] = ()) -> None:
        super().__init__(window)
        self._holes = list(holes)
        self.hide()
        window.installEventFilter(self)

    def dismiss(self) -> None:
        """Do what a click beside the sheet does; nothing, unless a sheet says otherwise."""

    def cover(self) -> None:
        """Lie over the whole window, above everything in it."""
        window = self.parentWidget()
        if window is None:
            return
        self.setGeometry(window.rect())
        region = QRegion(self.rect())
        for hole in self._holes:
            if hole.isVisibleTo(window):
                region -= QRegion(QRect(hole.mapTo(window, QPoint(0, 0)), hole.size()))
        self.setMask(region)
        self.raise_()

    def event(self, event: QEvent) -> bool:
        # A key that its widget takes is no shortcut: the override comes up through the parents first.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            is_ctrl = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            if is_ctrl and event.key() in _ENTER:
                event.accept()
                return True
        return super().event(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self.cover()
        return super().eventFilter(watched, event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.dismiss()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), tokens().scrim)
        painter.end()
