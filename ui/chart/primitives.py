"""Many lines or rectangles in one call to the painter, straight from numpy.

Qt's own call takes an array of lines; the binding takes its first element and a count, so an array of doubles
is handed over as it lies in memory, without an object a line.
"""

from typing import Generic, TypeVar

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QPainter, QPolygonF
from shiboken6 import Shiboken

from ui.chart.pyramid import Floats

_T = TypeVar("_T", bound=Shiboken.Object)

_FIELDS = 4  # QLineF and QRectF each are four doubles: x1, y1, x2, y2 and x, y, width, height
_FIRST_CAPACITY = 256


class _Buffer(Generic[_T]):
    """Room for elements of one kind; grows, and never shrinks."""

    def __init__(self, kind: type[_T]) -> None:
        self._kind = kind
        self._reserve(_FIRST_CAPACITY)

    def filled(self, *columns: Floats) -> _T:
        """Return the first of as many elements as the columns are long."""
        count = len(columns[0])
        if count > len(self._rows):
            self._reserve(2 * count)
        for index, column in enumerate(columns):
            self._rows[:count, index] = column
        return self._first

    def _reserve(self, capacity: int) -> None:
        # The wrapper owns nothing: it is valid as long as the rows are, so both are replaced together.
        rows = np.empty((capacity, _FIELDS))
        first = Shiboken.wrapInstance(rows.ctypes.data, self._kind)
        if not isinstance(first, self._kind):
            raise TypeError(f"expected the address as {self._kind.__name__}, found {type(first).__name__}")
        self._rows, self._first = rows, first


class Primitives:
    """Reusable buffers; one instance a canvas. GUI thread only."""

    def __init__(self) -> None:
        self._lines = _Buffer(QLineF)
        self._rects = _Buffer(QRectF)

    def lines(self, painter: QPainter, x1: Floats, y1: Floats, x2: Floats, y2: Floats) -> None:
        """Draw a line from each (x1, y1) to (x2, y2) with the painter's pen."""
        if len(x1):
            painter.drawLines(self._lines.filled(x1, y1, x2, y2), len(x1))

    def rects(self, painter: QPainter, x: Floats, y: Floats, width: Floats, height: Floats) -> None:
        """Draw a rectangle at each (x, y) with the painter's pen and brush."""
        if len(x):
            painter.drawRects(self._rects.filled(x, y, width, height), len(x))


def polyline(x: Floats, y: Floats) -> QPolygonF:
    """Return the points as one polygon, for a line whose dashes must run through its corners."""
    return QPolygonF([QPointF(px, py) for px, py in np.column_stack((x, y)).tolist()])
