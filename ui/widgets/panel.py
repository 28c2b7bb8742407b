"""The frame of every panel: a head with title, count and tools, a hairline, the body."""

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QAction, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from ui.theme.fonts import REGULAR, SEMIBOLD
from ui.theme.icons import icon
from ui.theme.tokens import density, tokens
from ui.widgets.delegates import draw_text, text_width

_EDGE = 12
_COUNT_GAP = 7
_TAB_GAP = 20


class PanelHead(QWidget):
    """Titles at the left, a note and tools at the right. With several titles it is a row of tabs.

    Attributes:
        tab_chosen: number of the title that was clicked, or reached with the arrow keys.
    """

    tab_chosen = Signal(int)

    def __init__(self, titles: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._titles = list(titles)
        self._counts: list[str] = ["" for _ in titles]
        self._note = ""
        self._current = 0
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, _EDGE - 4, 1)
        self._row.setSpacing(8)
        self._row.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        if len(self._titles) > 1:
            self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(", ".join(self._titles))

    def set_count(self, text: str, tab: int = 0) -> None:
        """Show a number beside a title; empty shows none."""
        if self._counts[tab] != text:
            self._counts[tab] = text
            self.update()

    def set_note(self, text: str) -> None:
        """Show a grey note at the right, before the tools."""
        if self._note != text:
            self._note = text
            self.update()

    def set_current(self, tab: int) -> None:
        """Underline a title; nothing is announced."""
        self._current = tab
        self.update()

    def add_tool(self, action: QAction, icon_name: str) -> QToolButton:
        """Put an action's button at the right end."""
        button = QToolButton(self)
        button.setDefaultAction(action)
        button.setIcon(icon(icon_name, "text3"))
        button.setIconSize(QSize(16, 16))
        button.setFixedSize(24, 24)
        button.setAccessibleName(action.text())
        self._row.addWidget(button)
        return button

    def add_widget(self, widget: QWidget) -> None:
        """Put any other widget at the right end."""
        self._row.addWidget(widget)

    def end_of_titles(self) -> int:
        """Return the x behind the last title and its count, where a key cap may stand."""
        places = self._places()
        return places[-1].right() if places else _EDGE

    def _places(self) -> list[QRect]:
        x, places = _EDGE, []
        for number, title in enumerate(self._titles):
            width = text_width(title, 12, SEMIBOLD if number == self._current else REGULAR)
            if self._counts[number]:
                width += _COUNT_GAP + text_width(self._counts[number], 12)
            places.append(QRect(x, 0, round(width), self.height()))
            x += round(width) + _TAB_GAP
        return places

    def sizeHint(self) -> QSize:
        return QSize(200, density().panel_head)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        point = event.position().toPoint()
        for number, place in enumerate(self._places()):
            if len(self._titles) > 1 and place.adjusted(-6, 0, 6, 0).contains(point):
                self._choose(number)
                return
        super().mousePressEvent(event)

    def _choose(self, number: int) -> None:
        self.set_current(number)
        self.tab_chosen.emit(number)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        painter.fillRect(self.rect(), look.surface1)
        painter.fillRect(QRect(0, self.height() - 1, self.width(), 1), look.line)
        for number, place in enumerate(self._places()):
            is_current = number == self._current
            ink = look.text1 if is_current else look.text2
            weight = SEMIBOLD if is_current else REGULAR
            width = draw_text(painter, place.x(), 0, self.height() - 1, self._titles[number], 12, weight, ink)
            if self._counts[number]:
                x = place.x() + width + _COUNT_GAP
                draw_text(painter, x, 0, self.height() - 1, self._counts[number], 12, REGULAR, look.text3)
            if is_current and len(self._titles) > 1:
                painter.fillRect(QRect(place.x(), self.height() - 2, place.width(), 2), look.text2)
        if self._note:
            right = self._tools_left() - (4 if self._row.count() > 1 else 0)
            x = right - text_width(self._note, 12)
            if x > self.end_of_titles() + 12:
                draw_text(painter, x, 0, self.height() - 1, self._note, 12, REGULAR, look.text3)
        painter.end()

    def _tools_left(self) -> int:
        item = self._row.itemAt(1)
        widget = item.widget() if item is not None else None
        return widget.mapTo(self, QPoint(0, 0)).x() - 4 if widget is not None else self.width() - _EDGE


class PanelFrame(QFrame):
    """A panel: head and body, no gaps, no border; its neighbours meet it in the splitter's hairline."""

    def __init__(
        self, name: str, titles: Sequence[str], body: QWidget, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(titles[0])
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAutoFillBackground(True)
        self.head = PanelHead(titles, self)
        self.body = body
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.head)
        column.addWidget(body, 1)


class Hairline(QWidget):
    """A line of 1 px between two parts of a panel."""

    def __init__(self, parent: QWidget | None = None, *, inset: int = 0) -> None:
        super().__init__(parent)
        self._inset = inset
        self.setFixedHeight(1)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect().adjusted(self._inset, 0, -self._inset, 0), tokens().line)
        painter.end()
