"""What one paint of the chart shares: measures, colours, and the visible bars in pixels."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from PySide6.QtGui import QColor

from ui.chart.pyramid import Floats, Slice
from ui.chart.series import BarSeries
from ui.chart.viewport import Viewport
from ui.theme.tokens import Tokens

LEGEND_H: Final = 28
TIME_H: Final = 25
MIN_AXIS_W: Final = 64
HOLLOW_FROM_PX: Final = 6.99


@dataclass(frozen=True, slots=True)
class Areas:
    """The areas of the canvas in px: plot above volume, price axis at the right, time axis below."""

    width: int
    height: int
    plot_w: int
    volume_top: int
    volume_bottom: int

    @classmethod
    def of(cls, width: int, height: int, axis_w: int) -> "Areas":
        bottom = max(LEGEND_H + 40, height - TIME_H)
        volume_h = min(120, max(36, round((bottom - LEGEND_H) * 0.17)))
        return cls(width, height, max(40, width - axis_w), bottom - volume_h, bottom)


@dataclass(frozen=True, slots=True)
class Scene:
    """One frame. `x` is the centre of every visible bucket in whole pixels, `pitch` is pixels a bucket."""

    tokens: Tokens
    areas: Areas
    view: Viewport
    series: BarSeries
    bars: Slice
    x: Floats
    pitch: float
    is_intraday: bool

    @classmethod
    def of(
        cls, tokens: Tokens, areas: Areas, view: Viewport, series: BarSeries, bars: Slice, is_intraday: bool
    ) -> "Scene":
        x = np.floor((bars.x - view.left) * view.pitch)
        return cls(tokens, areas, view, series, bars, x, view.pitch * bars.step, is_intraday)

    @property
    def ground(self) -> QColor:
        return chart_ground(self.tokens)

    @property
    def body_w(self) -> int:
        """The width of a candle's body: odd, so that its wick stands in the middle."""
        wanted = round(self.pitch * 0.7)
        return max(1, wanted if wanted % 2 else wanted - 1)

    def y(self, prices: Floats) -> Floats:
        """Return whole-pixel heights of prices."""
        view = self.view
        scale = (view.bottom - view.top) / (view.high - view.low)
        return np.rint(view.top + (view.high - prices) * scale)


def chart_ground(tokens: Tokens) -> QColor:
    """Return the chart's ground: the deepest surface of a dark theme, white paper in a light one."""
    return tokens.surface0 if tokens.surface1.lightness() < 128 else tokens.surface1


def blend(colour: QColor, ground: QColor, share: float) -> QColor:
    """Mix `share` of a colour into the ground; opaque, because translucent fills are slow to draw."""
    parts = (
        round(ground.red() + (colour.red() - ground.red()) * share),
        round(ground.green() + (colour.green() - ground.green()) * share),
        round(ground.blue() + (colour.blue() - ground.blue()) * share),
    )
    return QColor(*parts)
