"""The layers of the chart in the order in which they are painted."""

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter

from ui import format as fmt
from ui.chart.axes import AxisLayer, GridLayer, price_ticks, time_ticks
from ui.chart.candles import CandleLayer, VolumeLayer
from ui.chart.indicators import IndicatorLayer
from ui.chart.model import ChartModel
from ui.chart.overlays import TagLayer
from ui.chart.primitives import Primitives
from ui.chart.readout import CrosshairLayer, LegendLayer
from ui.chart.scene import LEGEND_H, Scene


class Picture:
    """Paints a model; keeps nothing between two paints but buffers and the places of the crosses."""

    def __init__(self) -> None:
        primitives = Primitives()
        self.tags = TagLayer()
        self._candles = CandleLayer(primitives)
        self._volume = VolumeLayer(primitives)
        self._indicators = IndicatorLayer()
        self._grid = GridLayer()
        self._axes = AxisLayer()
        self._legend = LegendLayer()
        self._crosshair = CrosshairLayer()

    def paint(self, painter: QPainter, model: ChartModel, scene: Scene, pointer: QPointF | None) -> None:
        """Paint one frame: grid, volume, lines, candles, marks, tags, and the crosshair on top."""
        areas, view = scene.areas, scene.view
        prices = price_ticks(view.low, view.high, view.bottom - view.top)
        prices = [price for price in prices if view.y_of(price) > LEGEND_H]
        ticks = time_ticks(
            model.series.local[scene.bars.last],
            model.series.session[scene.bars.last],
            scene.x,
            scene.is_intraday,
            has_first=int(scene.bars.last[0]) < scene.bars.step,
        )
        tags = self.tags.placed(model.tags(scene.tokens), scene)
        painter.setClipRect(0, 0, areas.plot_w, areas.volume_bottom)
        self._grid.paint(painter, scene, ticks, prices)
        self._volume.paint(painter, scene)
        self.tags.paint_lines(painter, scene, tags)
        self._candles.paint(painter, scene)
        self._indicators.paint(painter, scene, model.shown_indicators())
        model.fill_layer.paint(painter, scene)
        painter.setClipping(False)
        self._axes.paint(painter, scene, ticks, prices, [tag.y for tag in tags], fmt.zone_word())
        hovered = self.tags.cross_at(pointer) if pointer else None
        self.tags.paint_tags(painter, scene, tags, hovered)
        self._paint_pointer(painter, model, scene, pointer if hovered is None else None)

    def _paint_pointer(
        self, painter: QPainter, model: ChartModel, scene: Scene, pointer: QPointF | None
    ) -> None:
        index = len(model.series) - 1
        if pointer and pointer.x() < scene.areas.plot_w and pointer.y() < scene.areas.volume_bottom:
            index = min(max(round(scene.view.index_of(pointer.x())), 0), index)
            self._crosshair.paint(painter, scene, index, pointer.y())
        self._legend.paint(painter, scene, index, model.shown_indicators())
