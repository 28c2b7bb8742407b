"""What one chart shows: bars, indicators, orders, fills and position, and the part in view. Draws nothing."""

from dataclasses import dataclass, field

from core.domain.market import Bar, Timeframe
from ui.chart.axes import axis_width
from ui.chart.indicators import Ema, Indicator, Vwap
from ui.chart.labels import price_decimals
from ui.chart.marks import ChartMarks
from ui.chart.overlays import FillLayer, Tag, last_tag, order_tag, position_tag
from ui.chart.scene import LEGEND_H, MIN_AXIS_W, Areas, Scene
from ui.chart.series import BarSeries, Columns, values_of
from ui.chart.viewport import Viewport
from ui.theme.tokens import Tokens

_DAILY = (Timeframe.D1, Timeframe.W1)


def _indicators() -> list[Indicator]:
    return [Ema(20), Vwap()]


@dataclass(slots=True)
class ChartModel:
    """The state behind a canvas. GUI thread only."""

    series: BarSeries = field(default_factory=BarSeries)
    view: Viewport = field(default_factory=Viewport)
    timeframe: Timeframe = Timeframe.M5
    indicators: list[Indicator] = field(default_factory=_indicators)
    fill_layer: FillLayer = field(default_factory=FillLayer)
    marks: ChartMarks = field(default_factory=ChartMarks)
    axis_w: int = MIN_AXIS_W

    @property
    def is_intraday(self) -> bool:
        return self.timeframe not in _DAILY

    def load(self, columns: Columns) -> None:
        """Replace all bars and show the newest."""
        self.series.load(columns)
        for each in self.indicators:
            each.refresh(self.series, 0)
        self._after_bars()
        self.view.reset(len(self.series))

    def update(self, bar: Bar) -> None:
        """Take over the newest bar, a new one, or a late one."""
        before = len(self.series)
        index = self.series.upsert(bar.time, values_of(bar))
        for each in self.indicators:
            each.refresh(self.series, index)
        if len(self.series) != before:
            self._after_bars()
            self.view.grow(len(self.series))

    def show_marks(self, marks: ChartMarks) -> None:
        """Show these marks, and no others."""
        before, self.marks = self.marks, marks
        if marks.fills != before.fills:
            self.fill_layer.place(marks.fills, self.series)

    def shown_indicators(self) -> list[Indicator]:
        """Return the indicators to draw; a session's VWAP means nothing on bars of a day or more."""
        return [
            each
            for each in self.indicators
            if each.label not in self.marks.hidden and (self.is_intraday or not isinstance(each, Vwap))
        ]

    def tags(self, colours: Tokens) -> list[Tag]:
        """Return the lines with tags, those drawn last on top."""
        marks, position = self.marks, self.marks.position
        tags = [position_tag(position, colours)] if position and position.qty else []
        tags += [order_tag(order, colours) for order in marks.orders]
        if marks.last:
            tags.append(last_tag(*marks.last, colours))
        return tags

    def frame(self, width: int, height: int, colours: Tokens) -> Scene | None:
        """Return what is visible on a canvas of this size, prices fitted to it; None if no bar is in view."""
        areas = Areas.of(width, height, self.axis_w)
        self.view.resize(areas.plot_w)
        span = self.view.visible()
        if span is None:
            return None
        bars = self.series.visible(*span, max(1, areas.plot_w // 2))
        self.view.top, self.view.bottom = LEGEND_H, areas.volume_top - 2
        marks = [tag.price for tag in self.tags(colours)]
        self.view.fit_prices(float(bars.low.min()), float(bars.high.max()), marks)
        return Scene.of(colours, areas, self.view, self.series, bars, self.is_intraday)

    def _after_bars(self) -> None:
        if len(self.series):
            low, high = self.series.extremes()
            self.axis_w = axis_width(low, high, price_decimals(low))
        self.fill_layer.place(self.marks.fills, self.series)
