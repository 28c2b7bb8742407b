"""The chart's stage: words while there are no bars, the drawing once there are."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from core.domain.market import Bar, Timeframe
from ui.chart.marks import ChartMarks
from ui.theme.tokens import tokens
from ui.widgets.empty import EmptyText, paint_empty

if TYPE_CHECKING:
    from ui.chart.canvas import ChartCanvas

NOTHING = EmptyText("An instrument's price history", "Choose a symbol", "/")


class ChartMessage(QWidget):
    """Says what will be there, that it is on its way, or why it is not."""

    painted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = NOTHING

    @property
    def words(self) -> EmptyText:
        return self._words

    def say(self, words: EmptyText) -> None:
        self._words = words
        self.setAccessibleName(" ".join(part for part in (words.text, words.action, words.key) if part))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        painter.fillRect(self.rect(), look.surface0 if look.surface1.lightness() < 128 else look.surface1)
        paint_empty(painter, self.rect(), self._words)
        painter.end()
        self.painted.emit()


class ChartStage(QWidget):
    """Shows the message or the canvas, and builds the canvas. GUI thread only.

    The canvas, and with it numpy, is imported when bars are there and the stage has been painted once: that
    costs nothing before the window is on the screen, and little after `ui.chart.warm`.
    """

    timeframe_chosen = Signal(str)
    cancel_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._marks = ChartMarks()
        self._title, self._timeframe = "", Timeframe.M5
        self._pending: Sequence[Bar] | None = None
        self._late: list[Bar] = []
        self._canvas: ChartCanvas | None = None
        self._is_painted = False
        self.message = ChartMessage(self)
        self.message.painted.connect(self._after_paint)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.message)

    def sizeHint(self) -> QSize:
        return QSize(796, 548)

    @property
    def marks(self) -> ChartMarks:
        return self._marks

    @property
    def canvas(self) -> "ChartCanvas | None":
        return self._canvas

    def say(self, words: EmptyText) -> None:
        """Show words in place of the drawing; bars that were still to be drawn are dropped."""
        self._pending = None
        self._late.clear()
        self.message.say(words)
        self._stack.setCurrentWidget(self.message)

    def show_bars(self, symbol: str, timeframe: Timeframe, bars: Sequence[Bar]) -> None:
        """Draw these bars, at once or after the first paint; words say so where they cannot be drawn."""
        self._title, self._timeframe, self._pending = symbol, timeframe, bars
        if self._canvas is not None:
            self._build()
        elif self._is_painted:
            QTimer.singleShot(0, self._build)

    def update_bar(self, bar: Bar) -> None:
        """Take over one bar, or keep it for the drawing that is to come."""
        if self._pending is not None:
            self._late.append(bar)
        elif self._canvas is not None and self._stack.currentWidget() is self._canvas:
            self._canvas.model.update(bar)
            self._canvas.update()

    def show_marks(self, marks: ChartMarks) -> None:
        """Draw these marks, and no others."""
        self._marks = marks
        if self._canvas is not None:
            self._canvas.model.show_marks(marks)
            self._canvas.update()

    def rezone(self) -> None:
        """Write all times anew."""
        if self._canvas is not None:
            self._canvas.model.series.rezone()
            self._canvas.update()

    def _after_paint(self) -> None:
        if not self._is_painted:
            self._is_painted = True
            QTimer.singleShot(0, self._build)

    def _build(self) -> None:
        if self._pending is None:
            return
        from ui.chart.series import columns_of_bars

        bars, self._pending = self._pending, None
        canvas = self._canvas or self._make_canvas()
        canvas.model.timeframe = self._timeframe
        try:
            canvas.model.load(columns_of_bars(bars))
        except ValueError as error:
            self.say(no_history(self._title, str(error)))
            return
        for bar in self._late:
            canvas.model.update(bar)
        self._late.clear()
        canvas.setAccessibleName(f"Price chart, {self._title}, {self._timeframe.value} bars")
        self._stack.setCurrentWidget(canvas)
        canvas.update()

    def _make_canvas(self) -> "ChartCanvas":
        from ui.chart.canvas import ChartCanvas
        from ui.chart.model import ChartModel

        self._canvas = ChartCanvas(ChartModel(), self)
        self._canvas.cancel_requested.connect(self.cancel_requested)
        self._canvas.timeframe_chosen.connect(self.timeframe_chosen)
        self.setFocusProxy(self._canvas)
        self._canvas.model.show_marks(self._marks)
        self._stack.addWidget(self._canvas)
        return self._canvas


def no_history(symbol: str, reason: str) -> EmptyText:
    """Return the words for bars that could not be read: a dash, and why."""
    return EmptyText("\u2014", f"No history of {symbol}: {reason}")
