"""Many lines or rectangles in one call to the painter, straight from numpy.

The only file that imports pyqtgraph, which takes as long as the window's own first paint: the panel imports
the canvas after that paint. Of the library only this array is used: its plot and axes alone cost 3 ms a
frame.
"""

import numpy as np
from pyqtgraph.Qt.internals import PrimitiveArray
from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QPainter, QPolygonF

from ui.chart.pyramid import Floats


class Primitives:
    """Reusable buffers; one instance a canvas. GUI thread only."""

    def __init__(self) -> None:
        self._lines = PrimitiveArray(QLineF, 4)
        self._rects = PrimitiveArray(QRectF, 4)

    def lines(self, painter: QPainter, x1: Floats, y1: Floats, x2: Floats, y2: Floats) -> None:
        """Draw a line from each (x1, y1) to (x2, y2) with the painter's pen."""
        if len(x1):
            self._fill(self._lines, x1, y1, x2, y2)
            painter.drawLines(*self._lines.drawargs())

    def rects(self, painter: QPainter, x: Floats, y: Floats, width: Floats, height: Floats) -> None:
        """Draw a rectangle at each (x, y) with the painter's pen and brush."""
        if len(x):
            self._fill(self._rects, x, y, width, height)
            painter.drawRects(*self._rects.drawargs())

    @staticmethod
    def _fill(target: PrimitiveArray, *columns: Floats) -> None:
        target.resize(len(columns[0]))
        view = target.ndarray()
        for index, column in enumerate(columns):
            view[:, index] = column


def polyline(x: Floats, y: Floats) -> QPolygonF:
    """Return the points as one polygon, for a line whose dashes must run through its corners."""
    return QPolygonF([QPointF(px, py) for px, py in np.column_stack((x, y)).tolist()])
