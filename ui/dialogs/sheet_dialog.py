"""A sheet over the window. It never blocks: what it brings comes as a signal, and Esc is always "no"."""

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ui.models.columns import Ink
from ui.theme.fonts import SEMIBOLD
from ui.widgets.labels import Text, plain
from ui.widgets.scrim import Scrim
from ui.widgets.sheet import paint_sheet

PAD = 32


class SheetDialog(Scrim):
    """The veil with a sheet in its middle; lay out what belongs on it in ``column``.

    Attributes:
        closed: it was closed, by whatever way; it deletes itself then.
    """

    closed = Signal()

    def __init__(
        self, window: QWidget, name: str, title: str, *, width: int, holes: Sequence[QWidget] = ()
    ) -> None:
        super().__init__(window, holes)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self._width = width
        self._before: QWidget | None = None
        self.sheet = QWidget(self)
        self.column = QVBoxLayout(self.sheet)
        self.column.setContentsMargins(PAD, PAD - 4, PAD, PAD - 4)
        self.column.setSpacing(8)
        self.heading = Text(title, size=20, weight=SEMIBOLD)
        self.column.addWidget(self.heading)

    def add_words(self, words: str) -> QWidget:
        """Put a sentence on the sheet and return it; it wraps."""
        label = plain(words)
        label.setFixedWidth(self._width - 2 * PAD)
        self.column.addWidget(label)
        return label

    def add_line(self, words: str, ink: Ink = Ink.TEXT2) -> Text:
        """Put a line on the sheet and return it."""
        line = Text(words, ink=ink)
        self.column.addWidget(line)
        return line

    def open_sheet(self, focus: QWidget | None = None) -> None:
        """Show it; the focus goes back to where it was when it closes."""
        self._before = self.window().focusWidget()
        self.cover()
        self.show()
        (focus or self.sheet).setFocus(Qt.FocusReason.PopupFocusReason)

    def dismiss(self) -> None:
        """Close; the answer is "no", unless one was given."""
        if self.isHidden():
            return
        self.hide()
        if self._before is not None and self._before.isVisible():
            self._before.setFocus(Qt.FocusReason.PopupFocusReason)
        self.closed.emit()
        self.deleteLater()

    def refit(self) -> None:
        """Take the height that what is on the sheet now needs."""
        self.column.activate()
        height = min(self.sheet.sizeHint().height(), self.height() - 32)
        width = min(self._width, self.width() - 32)
        self.sheet.setGeometry(
            QRect(
                QPoint((self.width() - width) // 2, max(16, (self.height() - height) // 2 - 24)),
                self.sheet.size(),
            )
        )
        self.sheet.resize(width, height)
        self.update()

    def cover(self) -> None:
        super().cover()
        self.refit()

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Keep Tab on the sheet."""
        stops = [
            each
            for each in self.sheet.findChildren(QWidget)
            if each.focusPolicy() & Qt.FocusPolicy.TabFocus and each.isVisible() and each.isEnabled()
        ]
        if stops:
            current = self.window().focusWidget()
            at = stops.index(current) if current in stops else (-1 if forward else 0)
            reason = Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason
            stops[(at + (1 if forward else -1)) % len(stops)].setFocus(reason)
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
        event.accept()  # nothing behind the veil gets a key by way of the sheet

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self.sheet.geometry().contains(event.position().toPoint()):
            super().mousePressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        paint_sheet(painter, QRectF(self.sheet.geometry()))
        painter.end()
