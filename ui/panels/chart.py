"""The chart's panel: its head at once, the drawing after the first paint, and words while there is none."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from core.domain.market import Bar, Timeframe
from ui.chart.marks import ChartFill, ChartOrder, ChartPosition
from ui.panels.chart_head import ChartHead
from ui.theme.tokens import tokens
from ui.widgets.empty import EmptyText, paint_empty

if TYPE_CHECKING:
    from ui.chart.canvas import ChartCanvas
    from ui.chart.series import Columns

INDICATORS = ("EMA 20", "VWAP")
_NOTHING = EmptyText("An instrument's price history", "Choose a symbol", "/")


class ChartMessage(QWidget):
    """Says what will be there, that it is on its way, or why it is not."""

    painted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = _NOTHING

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


class ChartPanel(QWidget):
    """Bars, own fills, working orders and the position of one symbol. GUI thread only; it asks, never acts.

    numpy and pyqtgraph are imported when bars are there and the panel has been painted once, so that they
    cost nothing before the window is on the screen.
    """

    timeframe_chosen = Signal(str)
    cancel_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel.chart")
        self.setAccessibleName("Chart")
        self._symbol = ""
        self._timeframe = Timeframe.M5
        self._pending: Callable[[], Columns] | None = None
        self._late: list[Bar] = []
        self._canvas: ChartCanvas | None = None
        self._orders: tuple[ChartOrder, ...] = ()
        self._fills: tuple[ChartFill, ...] = ()
        self._position: ChartPosition | None = None
        self._last: tuple[Decimal, Decimal | None] | None = None
        self._hidden: set[str] = set()
        self._is_painted = False
        self._lay_out()

    def sizeHint(self) -> QSize:
        return QSize(796, 584)

    @property
    def symbol(self) -> str:
        return self._symbol

    @property
    def timeframe(self) -> Timeframe:
        return self._timeframe

    @property
    def canvas(self) -> "ChartCanvas | None":
        """The drawing, once it is built."""
        return self._canvas

    def set_symbol(self, symbol: str, name: str, exchange: str) -> None:
        """Show another symbol; everything of the old one leaves the screen at once. "" empties the panel."""
        self._symbol = symbol
        self._orders, self._fills, self._position, self._last = (), (), None, None
        self.head.title.set_symbol(symbol, name, exchange)
        self.head.set_active(bool(symbol))
        self._apply_marks()
        if symbol:
            self.set_loading()
        else:
            self._say(_NOTHING)

    def set_timeframe(self, timeframe: str) -> None:
        """Show a period as chosen ("1m" to "1w"); its bars come with `set_bars`."""
        self._timeframe = Timeframe(timeframe)
        self.head.select(self._timeframe)
        if self._symbol:
            self.set_loading()

    def set_loading(self) -> None:
        """Say that the bars are on their way."""
        self._say(EmptyText(f"Loading {self._symbol}, {self._timeframe.value} bars"))

    def set_failed(self, reason: str) -> None:
        """Say that the bars could not be read, and why: a dash, never an old or an empty chart."""
        self._say(EmptyText("\u2014", f"No history of {self._symbol}: {reason}"))

    def set_bars(
        self,
        times: Sequence[datetime],
        prices: Sequence[Sequence[Decimal]],
        volumes: Sequence[Decimal | int],
    ) -> None:
        """Show bars given as columns: starts (UTC, rising), (open, high, low, close), shares.

        Columns of unequal length, or times that do not rise, are shown as a failure with that reason.
        """

        def read() -> "Columns":
            from ui.chart.series import columns_of

            return columns_of(times, prices, volumes)

        self._show(len(times), read)

    def set_bar_values(self, bars: Sequence[Bar]) -> None:
        """Show bars, oldest first, as `set_bars` does."""

        def read() -> "Columns":
            from ui.chart.series import columns_of_bars

            return columns_of_bars(bars)

        self._show(len(bars), read)

    def update_bar(self, bar: Bar) -> None:
        """Take over the newest bar or a new one; a late one finds its place."""
        if bar.symbol != self._symbol:
            return
        if self._pending is not None:
            self._late.append(bar)
        elif self._canvas is not None and self._stack.currentWidget() is self._canvas:
            self._canvas.model.update(bar)
            self._canvas.update()

    def set_last(
        self, price: Decimal | None, change: Decimal | None, change_pct: Decimal | None = None
    ) -> None:
        """Show the last price and its change since the last close; None is unknown."""
        if change_pct is None and price is not None and change is not None and price != change:
            change_pct = change / (price - change) * 100
        self._last = None if price is None else (price, change)
        self.head.title.set_last(price, change, change_pct)
        self._apply_marks()

    def set_orders(self, orders: Sequence[ChartOrder]) -> None:
        """Show these working orders, and no others."""
        self._orders = tuple(orders)
        self._apply_marks()

    def set_fills(self, fills: Sequence[ChartFill]) -> None:
        """Show these executions, and no others."""
        self._fills = tuple(fills)
        if self._canvas is not None:
            self._canvas.model.set_fills(self._fills)
        self._apply_marks()

    def set_position(self, position: ChartPosition | None) -> None:
        """Show the position, or none."""
        self._position = position
        self._apply_marks()

    def refresh_zone(self) -> None:
        """Write all times anew, after the window's zone changed."""
        if self._canvas is not None:
            self._canvas.model.series.rezone()
            self._canvas.update()

    def _lay_out(self) -> None:
        self.head = ChartHead(INDICATORS, self)
        self.message = ChartMessage(self)
        self.message.painted.connect(self._after_paint)
        self.head.timeframe_chosen.connect(self._choose)
        self.head.indicator_toggled.connect(self._toggle)
        self.head.select(self._timeframe)
        self.head.set_active(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.head)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.message)
        column.addLayout(self._stack, 1)

    def _choose(self, timeframe: str) -> None:
        self.set_timeframe(timeframe)
        self.timeframe_chosen.emit(timeframe)

    def _toggle(self, name: str, shown: bool) -> None:
        self._hidden = self._hidden - {name} if shown else self._hidden | {name}
        self._apply_marks()

    def _say(self, words: EmptyText) -> None:
        self._pending = None
        self._late.clear()
        self.message.say(words)
        self._stack.setCurrentWidget(self.message)

    def _show(self, count: int, read: "Callable[[], Columns]") -> None:
        if not count:
            self._say(EmptyText(f"No {self._timeframe.value} bars of {self._symbol} yet"))
            return
        self._pending = read
        if self._canvas is not None:
            self._build()
        elif self._is_painted:
            QTimer.singleShot(0, self._build)

    def _after_paint(self) -> None:
        if not self._is_painted:
            self._is_painted = True
            QTimer.singleShot(0, self._build)

    def _build(self) -> None:
        if self._pending is None:
            return
        read, self._pending = self._pending, None
        canvas = self._canvas or self._make_canvas()
        canvas.model.timeframe = self._timeframe
        try:
            canvas.model.load(read())
        except ValueError as error:
            self.set_failed(str(error))
            return
        canvas.model.set_fills(self._fills)
        for bar in self._late:
            canvas.model.update(bar)
        self._late.clear()
        canvas.setAccessibleName(f"Price chart, {self._symbol}, {self._timeframe.value} bars")
        self._apply_marks()
        self._stack.setCurrentWidget(canvas)

    def _make_canvas(self) -> "ChartCanvas":
        from ui.chart.canvas import ChartCanvas
        from ui.chart.model import ChartModel

        self._canvas = ChartCanvas(ChartModel(), self)
        self._canvas.cancel_requested.connect(self.cancel_requested)
        self._canvas.timeframe_chosen.connect(self._choose)
        self.setFocusProxy(self._canvas)
        self._stack.addWidget(self._canvas)
        return self._canvas

    def _apply_marks(self) -> None:
        if self._canvas is None:
            return
        model = self._canvas.model
        model.orders, model.position, model.last = self._orders, self._position, self._last
        model.fills = self._fills
        model.hidden = set(self._hidden)
        self._canvas.update()
