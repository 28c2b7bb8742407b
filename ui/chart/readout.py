"""The legend row and the crosshair: what the bar under the mouse says, in numbers."""

from math import isnan
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from ui.chart.axes import TEXT_X
from ui.chart.indicators import Indicator
from ui.chart.labels import draw_text, full_text, price_decimals, price_text, text_width
from ui.chart.scene import LEGEND_H, TIME_H, Scene
from ui.theme.fonts import MEDIUM

_GAP: Final = 14.0
_SAMPLE_W: Final = 14.0
_TAG_H: Final = 18


class LegendLayer:
    """Open, high, low, close, volume and the indicators of one bar; what finds no room is left out whole."""

    def paint(self, painter: QPainter, scene: Scene, index: int, indicators: list[Indicator]) -> None:
        o, h, low, c, v = scene.series.bar(index)
        decimals = price_decimals(c)
        x = 12.0
        prices = (("Open", o), ("High", h), ("Low", low), ("Close", c))
        pairs = [(name, price_text(each, decimals)) for name, each in prices]
        for name, text in [*pairs, ("Volume", f"{v:,.0f}")]:
            if x + self._width(name, text) > scene.areas.plot_w:
                return
            x = self._paint_pair(painter, scene, x, name, text) + _GAP
        x += 4
        for each in indicators:
            value = float(each.values[index])
            text = "" if isnan(value) else price_text(value, decimals)
            if x + _SAMPLE_W + 6 + self._width(each.label, text) > scene.areas.plot_w:
                return
            self._paint_sample(painter, scene, x, each.is_dashed)
            x = self._paint_pair(painter, scene, x + _SAMPLE_W + 6, each.label, text) + _GAP

    @staticmethod
    def _width(name: str, text: str) -> float:
        return text_width(name, 12) + 6 + text_width(text, 12, MEDIUM)

    @staticmethod
    def _paint_pair(painter: QPainter, scene: Scene, x: float, name: str, text: str) -> float:
        end = draw_text(painter, x, 0, LEGEND_H, name, scene.tokens.text3)
        return draw_text(painter, end + 6, 0, LEGEND_H, text, scene.tokens.text2, 12, MEDIUM)

    @staticmethod
    def _paint_sample(painter: QPainter, scene: Scene, x: float, is_dashed: bool) -> None:
        pen = QPen(scene.tokens.text2, 1)
        if is_dashed:
            pen.setStyle(Qt.PenStyle.CustomDashLine)
            pen.setDashPattern([4.0, 2.0])
        painter.setPen(pen)
        y = LEGEND_H // 2
        painter.drawLine(QPointF(x, y), QPointF(x + _SAMPLE_W - 1, y))


class CrosshairLayer:
    """Two dashed hairlines that snap to the bar, with the price and the moment on the axes."""

    def paint(self, painter: QPainter, scene: Scene, index: int, y: float) -> None:
        areas, view, tokens = scene.areas, scene.view, scene.tokens
        x = int(view.x_of(index))
        pen = QPen(tokens.text3, 0, Qt.PenStyle.CustomDashLine)
        pen.setDashPattern([3.0, 3.0])
        painter.setPen(pen)
        painter.drawLine(x, LEGEND_H, x, areas.volume_bottom)
        text = full_text(int(scene.series.local[index]), scene.is_intraday)
        width = text_width(text, 12, MEDIUM) + 16
        left = min(max(x - width / 2, 0.0), areas.plot_w - width)
        box = QRectF(round(left), areas.volume_bottom + 4, round(width), _TAG_H)
        self._paint_tag(painter, scene, box, text)
        if not LEGEND_H <= y < areas.volume_top:
            return
        painter.setPen(pen)
        painter.drawLine(0, int(y), areas.plot_w - 1, int(y))
        price = view.price_of(y)
        box = QRectF(areas.plot_w + 1, int(y) - _TAG_H // 2, areas.width - areas.plot_w - 1, _TAG_H)
        self._paint_tag(painter, scene, box, price_text(price, price_decimals(view.high)))

    @staticmethod
    def _paint_tag(painter: QPainter, scene: Scene, box: QRectF, text: str) -> None:
        canvas = QRectF(0, 0, scene.areas.width, scene.areas.volume_bottom + TIME_H)
        painter.fillRect(box.intersected(canvas), scene.tokens.surface3)
        draw_text(painter, box.left() + TEXT_X, box.top(), box.height(), text, scene.tokens.text1, 12, MEDIUM)
