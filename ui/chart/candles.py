"""Candles and the volume histogram: the visible slice only, one call to the painter for each kind."""

from math import floor, log10

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter, QPen

from ui.chart.primitives import Primitives
from ui.chart.pyramid import Floats
from ui.chart.scene import HOLLOW_FROM_PX, Scene, blend

_VOLUME_SHARE = 0.34
_NICE_STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


class CandleLayer:
    """Up candles hollow, down candles filled; all filled below 7 px a bar, where a hollow is a blur."""

    def __init__(self, primitives: Primitives) -> None:
        self._primitives = primitives

    def paint(self, painter: QPainter, scene: Scene) -> None:
        up = scene.bars.close >= scene.bars.open
        is_hollow = scene.pitch >= HOLLOW_FROM_PX
        self._paint_kind(painter, scene, ~up, scene.tokens.loss_shape, None)
        self._paint_kind(painter, scene, up, scene.tokens.gain_shape, scene.ground if is_hollow else None)

    def _paint_kind(
        self,
        painter: QPainter,
        scene: Scene,
        mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
        colour: QColor,
        hollow: QColor | None,
    ) -> None:
        bars, x = scene.bars, scene.x[mask]
        if not len(x):
            return
        body_top = scene.y(np.maximum(bars.open[mask], bars.close[mask]))
        body_bottom = scene.y(np.minimum(bars.open[mask], bars.close[mask]))
        painter.setPen(QPen(colour, 0))
        self._primitives.lines(painter, x, scene.y(bars.high[mask]), x, scene.y(bars.low[mask]))
        width = scene.body_w
        left = x - width // 2
        if width > 1:
            self._paint_bodies(painter, left, body_top, body_bottom - body_top, width, colour, hollow)

    def _paint_bodies(
        self,
        painter: QPainter,
        left: Floats,
        top: Floats,
        tall: Floats,
        width: int,
        colour: QColor,
        hollow: QColor | None,
    ) -> None:
        # A body without height is a line: an outlined rectangle of no height is not drawn at all.
        flat = tall < 1
        self._primitives.lines(painter, left[flat], top[flat], left[flat] + (width - 1), top[flat])
        left, top, tall = left[~flat], top[~flat], tall[~flat]
        if hollow is None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            self._primitives.rects(painter, left, top, np.full_like(left, width), tall + 1)
        else:
            painter.setBrush(hollow)
            self._primitives.rects(painter, left, top, np.full_like(left, width - 1), tall)


class VolumeLayer:
    """Volume below the candles, on its own scale; grey, as volume has no direction of its own."""

    def __init__(self, primitives: Primitives) -> None:
        self._primitives = primitives

    def paint(self, painter: QPainter, scene: Scene) -> None:
        top = volume_scale(scene)
        if top <= 0:
            return
        room = scene.areas.volume_bottom - scene.areas.volume_top
        tall = np.ceil(scene.bars.volume / top * room)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(blend(scene.tokens.text3, scene.ground, _VOLUME_SHARE))
        width = scene.body_w
        left = scene.x - width // 2
        self._primitives.rects(
            painter, left, scene.areas.volume_bottom - tall, np.full_like(left, width), tall
        )


def volume_scale(scene: Scene) -> float:
    """Return a round volume that the tallest visible bar does not pass; 0 if nothing traded."""
    peak = float(scene.bars.volume.max()) if len(scene.bars.volume) else 0.0
    if peak <= 0:
        return 0.0
    unit = 10.0 ** floor(log10(peak))
    return next((step * unit for step in _NICE_STEPS if step * unit >= peak), 10.0 * unit)
