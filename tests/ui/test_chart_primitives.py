"""Lines and rectangles from arrays fall on the very pixels of those drawn from objects."""

import subprocess
import sys

import numpy as np
import pytest
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from ui.chart.primitives import Primitives

SIDE = 120


def picture(paint) -> QImage:
    image = QImage(SIDE, SIDE, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    painter.setPen(Qt.GlobalColor.black)
    painter.setBrush(Qt.GlobalColor.darkGray)
    paint(painter)
    painter.end()
    return image


def columns(count: int):
    return np.random.default_rng(count).uniform(0, SIDE, size=(4, count))


def lines_of(values) -> list[QLineF]:
    return [QLineF(*each) for each in values.T.tolist()]


def rects_of(values) -> list[QRectF]:
    return [QRectF(*each) for each in values.T.tolist()]


@pytest.mark.parametrize("counts", [(1,), (7, 3), (3, 900, 2)])
def test_lines_of_arrays_equal_lines_of_objects(qapp, counts):
    primitives = Primitives()
    wanted = [lines_of(columns(count)) for count in counts]

    found = picture(lambda painter: [primitives.lines(painter, *columns(count)) for count in counts])

    assert found == picture(lambda painter: [painter.drawLines(lines) for lines in wanted])


@pytest.mark.parametrize("counts", [(1,), (7, 3), (3, 900, 2)])
def test_rects_of_arrays_equal_rects_of_objects(qapp, counts):
    primitives = Primitives()
    wanted = [rects_of(columns(count)) for count in counts]

    found = picture(lambda painter: [primitives.rects(painter, *columns(count)) for count in counts])

    assert found == picture(lambda painter: [painter.drawRects(rects) for rects in wanted])


def test_lines_of_empty_arrays_draw_nothing(qapp):
    found = picture(lambda painter: Primitives().lines(painter, *columns(0)))

    assert found == picture(lambda _: None)


def test_lines_of_one_buffer_survive_others_that_come_and_go(qapp):
    kept = Primitives()

    def paint(painter: QPainter) -> None:
        for _ in range(300):
            Primitives().rects(painter, *columns(400))
            kept.lines(painter, *columns(400))

    def paint_of_objects(painter: QPainter) -> None:
        for _ in range(300):
            painter.drawRects(rects_of(columns(400)))
            painter.drawLines(lines_of(columns(400)))

    assert picture(paint) == picture(paint_of_objects)


def test_warming_loads_numpy_and_nothing_of_qt():
    script = (
        "import sys; from ui.chart import warm; before = set(sys.modules); warm();"
        "new = set(sys.modules) - before;"
        "print('numpy' in new, [name for name in new if name.startswith(('PySide6', 'shiboken6'))])"
    )

    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "True []"
