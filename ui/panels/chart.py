"""The chart's panel: its head at once, the drawing after the first paint, and words while there is none."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.domain.market import Bar, Timeframe
from ui.chart.marks import ChartFill, ChartMarks, ChartOrder, ChartPosition
from ui.panels.chart_head import ChartHead
from ui.panels.chart_stage import NOTHING, ChartStage, no_history
from ui.widgets.empty import EmptyText

if TYPE_CHECKING:
    from ui.chart.canvas import ChartCanvas

INDICATORS = ("EMA 20", "VWAP")


class ChartPanel(QWidget):
    """Bars, own fills, working orders and position of one symbol. GUI thread only; it asks, never acts."""

    timeframe_chosen = Signal(str)
    cancel_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel.chart")
        self.setAccessibleName("Chart")
        self._symbol = ""
        self._timeframe = Timeframe.M5
        self.head = ChartHead(INDICATORS, self)
        self.head.timeframe_chosen.connect(self._choose)
        self.head.indicator_toggled.connect(self._toggle)
        self.head.select(self._timeframe)
        self.head.set_active(False)
        self.stage = ChartStage(self)
        self.stage.cancel_requested.connect(self.cancel_requested)
        self.stage.timeframe_chosen.connect(self._choose)
        self.message = self.stage.message
        self.setFocusProxy(self.stage)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.head)
        column.addWidget(self.stage, 1)

    @property
    def symbol(self) -> str:
        return self._symbol

    @property
    def timeframe(self) -> Timeframe:
        return self._timeframe

    @property
    def canvas(self) -> "ChartCanvas | None":
        """The drawing, once it is built."""
        return self.stage.canvas

    def set_symbol(self, symbol: str, name: str, exchange: str) -> None:
        """Show another symbol; everything of the old one leaves the screen at once. "" empties the panel."""
        self._symbol = symbol
        self.head.title.set_symbol(symbol, name, exchange)
        self.head.set_active(bool(symbol))
        self.stage.show_marks(ChartMarks(hidden=self.stage.marks.hidden))
        if symbol:
            self.set_loading()
        else:
            self.stage.say(NOTHING)

    def set_timeframe(self, timeframe: str) -> None:
        """Show a period as chosen ("1m" to "1w"); its bars come with `set_bar_values`."""
        self._timeframe = Timeframe(timeframe)
        self.head.select(self._timeframe)
        if self._symbol:
            self.set_loading()

    def set_loading(self) -> None:
        """Say that the bars are on their way."""
        self.stage.say(EmptyText(f"Loading {self._symbol}, {self._timeframe.value} bars"))

    def set_failed(self, reason: str) -> None:
        """Say that the bars could not be read, and why: a dash, never an old or an empty chart."""
        self.stage.say(no_history(self._symbol, reason))

    def set_bar_values(self, bars: Sequence[Bar]) -> None:
        """Show bars, oldest first; times that do not rise are shown as a failure with that reason."""
        if bars:
            self.stage.show_bars(self._symbol, self._timeframe, bars)
        else:
            self.stage.say(EmptyText(f"No {self._timeframe.value} bars of {self._symbol} yet"))

    def update_bar(self, bar: Bar) -> None:
        """Take over the newest bar or a new one; a late one finds its place."""
        if bar.symbol == self._symbol:
            self.stage.update_bar(bar)

    def set_last(
        self, price: Decimal | None, change: Decimal | None, change_pct: Decimal | None = None
    ) -> None:
        """Show the last price and its change since the last close; None is unknown."""
        if change_pct is None and price is not None and change is not None and price != change:
            change_pct = change / (price - change) * 100
        self.head.title.set_last(price, change, change_pct)
        last = None if price is None else (price, change)
        self.stage.show_marks(replace(self.stage.marks, last=last))

    def set_orders(self, orders: Sequence[ChartOrder]) -> None:
        """Show these working orders, and no others."""
        self.stage.show_marks(replace(self.stage.marks, orders=tuple(orders)))

    def set_fills(self, fills: Sequence[ChartFill]) -> None:
        """Show these executions, and no others."""
        self.stage.show_marks(replace(self.stage.marks, fills=tuple(fills)))

    def set_position(self, position: ChartPosition | None) -> None:
        """Show the position, or none."""
        self.stage.show_marks(replace(self.stage.marks, position=position))

    def refresh_zone(self) -> None:
        """Write all times anew, after the window's zone changed."""
        self.stage.rezone()

    def _choose(self, timeframe: str) -> None:
        self.set_timeframe(timeframe)
        self.timeframe_chosen.emit(timeframe)

    def _toggle(self, name: str, shown: bool) -> None:
        hidden = self.stage.marks.hidden
        hidden = hidden - {name} if shown else hidden | {name}
        self.stage.show_marks(replace(self.stage.marks, hidden=hidden))
