"""Price axis in steps of 1, 2 and 5, time axis in the exchange's time, and the grid that belongs to them."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Final

import numpy as np
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from ui.chart.candles import volume_scale
from ui.chart.labels import (
    draw_text,
    moment,
    price_decimals,
    price_text,
    session_text,
    text_width,
    volume_text,
)
from ui.chart.pyramid import Floats, Ints
from ui.chart.scene import LEGEND_H, TIME_H, Scene
from ui.chart.wall_clock import DAY_S
from ui.theme.fonts import REGULAR, SEMIBOLD

PRICE_GAP_PX: Final = 56.0
TIME_GAP_PX: Final = 66.0
TEXT_X: Final = 8
_MINUTE = 60
_INTRADAY_STEPS = tuple(_MINUTE * each for each in (1, 2, 5, 10, 15, 30, 60, 120, 240))
_LABEL_SPACE = 10.0


@dataclass(frozen=True, slots=True)
class TimeTick:
    """One mark of the time axis; a session's first bar has a dashed line and a date."""

    x: float
    text: str
    is_major: bool
    is_session: bool = False


def price_step(low: float, high: float, height: float) -> float:
    """Return the smallest step of 1, 2 or 5 times a power of ten whose grid lines keep their distance."""
    wanted = (high - low) * PRICE_GAP_PX / max(height, 1.0)
    unit = 10.0 ** floor(log10(wanted))
    return next(step * unit for step in (1.0, 2.0, 5.0, 10.0) if step * unit >= wanted * (1 - 1e-9))


def price_ticks(low: float, high: float, height: float) -> list[float]:
    """Return the prices of the grid lines, lowest first."""
    step = price_step(low, high, height)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def time_ticks(local: Ints, session: Ints, x: Floats, is_intraday: bool, has_first: bool) -> list[TimeTick]:
    """Return the marks for the visible bars (`local`: wall-clock starts), at most one label in 66 px.

    With `has_first` the first bar is the oldest there is, so it begins a session whatever stood before it.
    """
    if not len(local):
        return []
    span = max(float(x[-1] - x[0]), 1.0)
    room = max(1, int(span / TIME_GAP_PX))
    if is_intraday:
        sessions = _changes(session, has_first)
        for step in _INTRADAY_STEPS:
            marks = np.union1d(_changes(local // step, has_first), sessions)
            if len(marks) <= room + len(sessions) and len(sessions) <= room:
                is_session = set(sessions.tolist())
                return [
                    TimeTick(
                        float(x[i]), session_text(int(session[i]) * DAY_S), is_major=True, is_session=True
                    )
                    if i in is_session
                    else TimeTick(float(x[i]), f"{moment(int(local[i])):%H:%M}", is_major=False)
                    for i in marks.tolist()
                ]
    return _calendar_ticks(local, x, room, has_first)


def _calendar_ticks(local: Ints, x: Floats, room: int, has_first: bool) -> list[TimeTick]:
    months = local.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    day = local // DAY_S
    # 1 January 1970 was a Thursday, so a week begins three days before it; months count from January 1970.
    rungs: list[tuple[Ints, Ints, Callable[[int], str]]] = [
        (day, months, _day_text),
        ((day + 3) // 7, months, _day_text),
        *((months // each, months // 12, _month_text) for each in (1, 3, 6)),
        *((months // (12 * each), months // (1200 * each), _year_text) for each in (1, 2, 5, 10)),
    ]
    fitting = (rung for rung in rungs if len(_changes(rung[0], has_first)) <= room)
    keys, majors, text = next(fitting, rungs[-1])
    marks = _changes(keys, has_first)
    big = set(_changes(majors, has_first).tolist())
    # A month that begins a year says which one.
    major_text = _year_text if text is _month_text else text
    return [
        TimeTick(float(x[i]), (major_text if i in big else text)(int(local[i])), i in big)
        for i in marks.tolist()
    ]


def _day_text(local: int) -> str:
    when = moment(local)
    return f"{when.day} {when:%b}"


def _month_text(local: int) -> str:
    return f"{moment(local):%b}"


def _year_text(local: int) -> str:
    return str(moment(local).year)


def _changes(keys: Ints, has_first: bool) -> Ints:
    found = np.flatnonzero(np.diff(keys)) + 1
    return np.r_[0, found] if has_first else found


class GridLayer:
    """Grid lines behind the candles; drawn here, because pyqtgraph's own cost 11 ms a frame."""

    def paint(self, painter: QPainter, scene: Scene, ticks: list[TimeTick], prices: list[float]) -> None:
        areas, view = scene.areas, scene.view
        painter.setPen(QPen(scene.tokens.line, 0))
        heights = [round(view.y_of(price)) for price in prices]
        lines = [QLineF(0, y, areas.plot_w - 1, y) for y in [*heights, areas.volume_top]]
        lines += [
            QLineF(tick.x, LEGEND_H, tick.x, areas.volume_bottom) for tick in ticks if not tick.is_session
        ]
        painter.drawLines(lines)
        pen = QPen(scene.tokens.edge, 0, Qt.PenStyle.CustomDashLine)
        pen.setDashPattern([2.0, 3.0])
        painter.setPen(pen)
        painter.drawLines(
            [QLineF(tick.x, LEGEND_H, tick.x, areas.volume_bottom) for tick in ticks if tick.is_session]
        )


class AxisLayer:
    """The two axes and their labels; a price label gives way to a tag that stands in its place."""

    def paint(
        self,
        painter: QPainter,
        scene: Scene,
        ticks: list[TimeTick],
        prices: list[float],
        taken: list[float],
        zone: str,
    ) -> None:
        tokens, areas = scene.tokens, scene.areas
        painter.setPen(QPen(tokens.line, 0))
        painter.drawLine(areas.plot_w, 0, areas.plot_w, areas.height)
        painter.drawLine(0, areas.volume_bottom, areas.width, areas.volume_bottom)
        self._paint_prices(painter, scene, prices, taken)
        self._paint_times(painter, scene, ticks)
        end = areas.width - 12 - text_width(zone, 12)
        draw_text(painter, end, areas.volume_bottom, TIME_H, zone, tokens.text3)

    def _paint_prices(self, painter: QPainter, scene: Scene, prices: list[float], taken: list[float]) -> None:
        areas, view = scene.areas, scene.view
        step = prices[1] - prices[0] if len(prices) > 1 else 1.0
        for price in prices:
            y = round(view.y_of(price))
            if y < 10 or y > areas.volume_top - 8 or any(abs(y - other) < 17 for other in taken):
                continue
            text = price_text(price, price_decimals(view.high, step))
            draw_text(painter, areas.plot_w + TEXT_X, y - 8, 17, text, scene.tokens.text3)
        scale = volume_scale(scene)
        if scale > 0 and all(abs(areas.volume_top + 10 - other) >= 17 for other in taken):
            draw_text(
                painter,
                areas.plot_w + TEXT_X,
                areas.volume_top + 2,
                17,
                volume_text(scale),
                scene.tokens.text3,
            )

    def _paint_times(self, painter: QPainter, scene: Scene, ticks: list[TimeTick]) -> None:
        taken: list[QRectF] = []
        pinned = self._pinned_date(scene, ticks)
        for tick in [*pinned, *sorted(ticks, key=lambda each: not each.is_major)]:
            weight = SEMIBOLD if tick.is_major else REGULAR
            width = text_width(tick.text, 12, weight)
            left = min(max(tick.x - width / 2, 6.0), scene.areas.plot_w - width - 6.0)
            area = QRectF(left - _LABEL_SPACE, 0, width + 2 * _LABEL_SPACE, 1)
            if any(area.intersects(other) for other in taken):
                continue
            taken.append(area)
            colour = scene.tokens.text2 if tick.is_major else scene.tokens.text3
            draw_text(painter, left, scene.areas.volume_bottom, TIME_H, tick.text, colour, 12, weight)

    @staticmethod
    def _pinned_date(scene: Scene, ticks: list[TimeTick]) -> list[TimeTick]:
        # Within one session no date would be in view at all, so it stands at the left edge.
        if not scene.is_intraday or any(tick.is_major for tick in ticks) or not len(scene.bars.last):
            return []
        return [
            TimeTick(0.0, session_text(int(scene.series.session[scene.bars.last[0]]) * DAY_S), is_major=True)
        ]


def axis_width(low: float, high: float, decimals: int) -> int:
    """Return the width that the longest price needs, on the grid of 4; never less than 64."""
    widest = max(text_width(price_text(price, decimals), 12, SEMIBOLD) for price in (low, high))
    return max(64, ceil((widest + 2 * TEXT_X + 2) / 4) * 4)
