"""Pan and zoom with 1,000,000 bars, a real paint a frame; beside it pyqtgraph's own candle example at 10,000.

A frame is a change of the visible range and the repaint of the whole chart into its window's backing store,
with indicators, two orders, a position and the last price. The peer is the way of pyqtgraph's published
example: all bars recorded once into one QPicture, replayed at every paint. Run it offscreen or on a screen
(`QT_QPA_PLATFORM=xcb`). It prints and never fails.
"""

import json
import os
import sys
from collections.abc import Callable
from decimal import Decimal
from statistics import quantiles
from time import perf_counter

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter, QPicture
from PySide6.QtWidgets import QApplication, QWidget

from core.domain.market import Timeframe
from ui.chart.canvas import ChartCanvas
from ui.chart.marks import ChartMarks, ChartOrder, ChartPosition
from ui.chart.model import ChartModel
from ui.chart.series import Columns
from ui.theme.stylesheet import apply_theme
from ui.theme.tokens import tokens

OUR_BARS, PEER_BARS, FRAMES, BAR_MS = 1_000_000, 10_000, 200, 8.0
SIZE = (1200, 700)
SESSION_BARS = 390


def random_walk(count: int) -> Columns:
    """Return one-minute bars of regular sessions, weekends left out."""
    rng = np.random.default_rng(7)
    days = np.arange(-(-count // SESSION_BARS))
    opens = (days // 5 * 7 + days % 5 + 4) * 86_400 + 14 * 3_600 + 1_800
    time = (opens[:, None] + np.arange(SESSION_BARS) * 60).reshape(-1)[:count].astype(np.int64)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.0004, count)))
    first = np.r_[close[0], close[:-1]]
    reach = np.abs(rng.normal(0, 0.03, (2, count)))
    high, low = np.maximum(first, close) + reach[0], np.minimum(first, close) - reach[1]
    return Columns(time, np.stack([first, high, low, close, rng.gamma(3.0, 4_000.0, count)]))


class PeerItem(pg.GraphicsObject):  # type: ignore[misc]  # the library has no types
    """The candlestick item as the library's own example draws it."""

    def __init__(self, values: np.ndarray) -> None:
        super().__init__()
        self._picture = QPicture()
        painter = QPainter(self._picture)
        painter.setPen(pg.mkPen("w"))
        for index, (o, h, low, c) in enumerate(zip(*values[:4].tolist(), strict=True)):
            if h != low:
                painter.drawLine(QPointF(index, low), QPointF(index, h))
            painter.setBrush(pg.mkBrush("r" if o > c else "g"))
            painter.drawRect(QRectF(index - 0.3, o, 0.6, c - o))
        painter.end()

    def paint(self, painter: QPainter, *_: object) -> None:
        painter.drawPicture(0, 0, self._picture)

    def boundingRect(self) -> QRectF:  # noqa: N802  # Qt's own name
        return QRectF(self._picture.boundingRect())


def frames(count: int) -> list[tuple[float, float]]:
    """Return (left, right) of 200 frames: zoomed in, pan a day, then zoom out to everything and back."""
    zoom = np.geomspace(200.0, float(count), FRAMES // 4)
    spans = np.r_[np.full(FRAMES // 2, 200.0), zoom, zoom[::-1]]
    rights = np.r_[count - 1 - np.arange(FRAMES // 2) * 3.0, np.full(FRAMES // 2, float(count - 1))]
    return [(float(right - span), float(right)) for span, right in zip(spans, rights, strict=True)]


def timed(
    app: QApplication, widget: QWidget, show: Callable[[float, float], None], count: int
) -> list[float]:
    """Return milliseconds of every frame, after ten that warm up."""
    widget.resize(*SIZE)
    widget.show()
    app.processEvents()
    taken = []
    plan = frames(count)
    for left, right in [*plan[:10], *plan]:
        begin = perf_counter()
        show(left, right)
        widget.repaint()
        taken.append((perf_counter() - begin) * 1_000)
    widget.hide()
    return taken[10:]


def ours(app: QApplication) -> list[float]:
    model = ChartModel(timeframe=Timeframe.M1)
    model.load(random_walk(OUR_BARS))
    last = Decimal(round(model.series.bar(OUR_BARS - 1)[3], 2))
    orders = tuple(
        ChartOrder(str(away), away < 0, Decimal(20), Decimal(40), "limit", last + away) for away in (-2, 2)
    )
    position = ChartPosition(Decimal(60), last - 1, Decimal(60))
    model.show_marks(ChartMarks(orders, position=position, last=(last, Decimal(1))))
    canvas = ChartCanvas(model)

    def show(left: float, right: float) -> None:
        model.view.left, model.view.right, model.view.is_default = left, right, False

    return timed(app, canvas, show, OUR_BARS)


def peer(app: QApplication) -> list[float]:
    plot = pg.PlotWidget()
    plot.addItem(PeerItem(random_walk(PEER_BARS).values))

    def show(left: float, right: float) -> None:
        plot.setXRange(left, right, padding=0)
        # The view is painted by its viewport; the window alone would repaint nothing.
        plot.viewport().repaint()

    return timed(app, plot, show, PEER_BARS)


def main() -> int:
    app = QApplication(sys.argv[:1])
    apply_theme(app, tokens())
    spread = {name: quantiles(run(app), n=100) for name, run in (("ours", ours), ("peer", peer))}
    (our_p50, our_p99), (peer_p50, peer_p99) = ((each[49], each[98]) for each in spread.values())
    name = f"chart pan and zoom, {OUR_BARS:,} bars, {app.platformName()}"
    print(f"{'':<50} {'ours':>22} {'peer':>22} {'ratio':>7} {'bar':>6}")
    print(
        f"{name:<50} {our_p50:>9.2f} p99 {our_p99:>5.2f} ms {peer_p50:>9.2f} p99 {peer_p99:>5.2f} ms"
        f" {our_p50 / peer_p50:>7.3f} {BAR_MS:>4.0f} ms"
    )
    row = {
        "name": name,
        "ours": round(our_p50, 3),
        "ours_p99": round(our_p99, 3),
        "peer": round(peer_p50, 3),
        "peer_p99": round(peer_p99, 3),
        "peer_name": f"pyqtgraph {pg.__version__} candle example, {PEER_BARS:,} bars",
        "ratio": round(our_p50 / peer_p50, 4),
        "bar": BAR_MS,
        "unit": "ms a frame",
        "ok": our_p99 <= BAR_MS,
    }
    print(json.dumps(row))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
