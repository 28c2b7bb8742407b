"""EMA and VWAP, kept up to date bar by bar, and the layer that draws them in grey."""

from itertools import pairwise
from typing import Protocol

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPen

from ui.chart.primitives import polyline
from ui.chart.pyramid import Floats
from ui.chart.scene import Scene
from ui.chart.series import BarSeries

_BLOCK = 128


class Indicator(Protocol):
    """One value a bar. `refresh` is told the first bar that changed."""

    label: str
    is_dashed: bool

    @property
    def values(self) -> Floats: ...

    def refresh(self, series: BarSeries, first: int) -> None: ...


class Ema:
    """Exponential moving average of the close.

    EMA(t) = EMA(t-1) + k (close(t) - EMA(t-1)) with k = 2 / (period + 1), beginning at the first close
    (J. J. Murphy, Technical Analysis of the Financial Markets, 1999, chapter 9).
    """

    is_dashed = False

    def __init__(self, period: int = 20) -> None:
        self.label = f"EMA {period}"
        self._k = 2.0 / (period + 1)
        self._count = 0
        self._values: Floats = np.empty(256)

    @property
    def values(self) -> Floats:
        return self._values[: self._count]

    def refresh(self, series: BarSeries, first: int) -> None:
        """Bring the values up to date from bar `first` on: O(1) for the newest bar."""
        close = series.close
        self._values = _with_room(self._values, len(close), first)
        self._count = len(close)
        if first == len(close) - 1 and first > 0:
            before = self._values[first - 1]
            self._values[first] = before + self._k * (close[first] - before)
        else:
            self._rebuild(close)

    def _rebuild(self, close: Floats) -> None:
        if not len(close):
            return
        # The recursion is unrolled over blocks: one matrix product for all of them, then one step a block.
        fade = 1.0 - self._k
        blocks = -(-len(close) // _BLOCK)
        padded = np.zeros(blocks * _BLOCK)
        padded[: len(close)] = close
        lag = np.subtract.outer(np.arange(_BLOCK), np.arange(_BLOCK))
        weights = np.where(lag >= 0, self._k * fade ** np.maximum(lag, 0), 0.0)
        inside = padded.reshape(blocks, _BLOCK) @ weights.T
        carry_weights = fade ** np.arange(1, _BLOCK + 1)
        carries = np.empty(blocks)
        carry = float(close[0])
        for index, tail in enumerate(inside[:, -1].tolist()):
            carries[index] = carry
            carry = tail + carry * float(carry_weights[-1])
        full = inside + np.multiply.outer(carries, carry_weights)
        self._values[: len(close)] = full.reshape(-1)[: len(close)]


class Vwap:
    """Volume-weighted average price since the session's first bar.

    VWAP = sum(typical price x volume) / sum(volume), typical price = (high + low + close) / 3, beginning
    anew each day of the exchange (Berkowitz, Logue and Noser, The Total Cost of Transactions on the NYSE,
    1988). Before the first trade of a session it is the typical price.
    """

    label = "VWAP"
    is_dashed = True

    def __init__(self) -> None:
        self._count = 0
        self._sums: Floats = np.empty((3, 256))

    @property
    def values(self) -> Floats:
        return self._sums[2, : self._count]

    def refresh(self, series: BarSeries, first: int) -> None:
        """Bring the values up to date from bar `first` on: O(1) for the newest bar."""
        count = len(series)
        self._sums = _with_room(self._sums, count, first)
        self._count = count
        if first == count - 1 and first > 0:
            self._extend(series, first)
        elif count:
            self._rebuild(series)

    def _extend(self, series: BarSeries, index: int) -> None:
        _, high, low, close, volume = series.bar(index)
        typical = (high + low + close) / 3
        days = series.session[index - 1 : index + 1]
        turnover, traded = (0.0, 0.0) if days[0] != days[1] else self._sums[:2, index - 1].tolist()
        turnover, traded = turnover + typical * volume, traded + volume
        self._sums[:, index] = turnover, traded, turnover / traded if traded else typical

    def _rebuild(self, series: BarSeries) -> None:
        count = len(series)
        typical = (series.high + series.low + series.close) / 3
        day = series.session
        starts = np.flatnonzero(np.r_[True, day[1:] != day[:-1]])
        spans = np.diff(np.r_[starts, count])
        for row, each in enumerate((typical * series.volume, series.volume)):
            total = np.cumsum(each)
            before = np.repeat(total[starts] - each[starts], spans)
            self._sums[row, :count] = total - before
        turnover, traded = self._sums[:2, :count]
        self._sums[2, :count] = np.divide(turnover, traded, out=typical.copy(), where=traded > 0)


class IndicatorLayer:
    """Lines through the last bar of every visible bucket; a dashed one breaks between sessions."""

    def paint(self, painter: QPainter, scene: Scene, indicators: list[Indicator]) -> None:
        if not len(scene.bars.last):
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for each in indicators:
            self._paint_one(painter, scene, each)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_one(self, painter: QPainter, scene: Scene, indicator: Indicator) -> None:
        view, values = scene.view, indicator.values[scene.bars.last]
        scale = (view.bottom - view.top) / (view.high - view.low)
        y = view.top + (view.high - values) * scale + 0.5
        x = scene.x + 0.5
        pen = QPen(scene.tokens.text3, 1.0)
        pen.setCosmetic(True)
        cuts = [0, len(x)]
        if indicator.is_dashed:
            pen.setStyle(Qt.PenStyle.CustomDashLine)
            pen.setDashPattern([5.0, 3.0])
            day = scene.series.session[scene.bars.last]
            cuts = [0, *(np.flatnonzero(np.diff(day)) + 1).tolist(), len(x)]
        painter.setPen(pen)
        for start, end in pairwise(cuts):
            if end - start > 1:
                painter.drawPolyline(polyline(x[start:end], y[start:end]))


def _with_room(values: Floats, count: int, keep: int) -> Floats:
    if count <= values.shape[-1]:
        return values
    grown = np.empty((*values.shape[:-1], count + count // 2))
    grown[..., :keep] = values[..., :keep]
    return grown
