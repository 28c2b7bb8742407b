"""The comparison bites: one digit, one pixel's shift and one shade are found; other antialiasing is not."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage, QPainter

from tests.golden.comparison import NEAR, difference, pixels
from tests.golden.conftest import picture_of


def image_of(values: np.ndarray) -> QImage:
    height, width, _ = values.shape
    plain = np.ascontiguousarray(values.clip(0, 255).astype(np.uint8))
    return QImage(plain.tobytes(), width, height, width * 3, QImage.Format.Format_RGB888).copy()


@pytest.fixture
def scene(draw):
    return draw()


def test_comparison_of_two_paintings_finds_nothing(scene):
    found = difference(picture_of(scene.window), picture_of(scene.window))

    assert (found.mean, found.far, found.first) == (0, 0, None)


def test_comparison_finds_one_changed_digit_of_the_dimmest_figure(scene, qtbot):
    before = picture_of(scene.window)
    quote = scene.window.parts.facts.quote("XOM")

    scene.bridge.quotes_changed.emit([replace(quote, received=quote.received - 0.1)])  # 0.6 becomes 0.7
    qtbot.waitUntil(lambda: difference(before, picture_of(scene.window)).far > 0)
    found = difference(before, picture_of(scene.window))

    assert not found.is_none
    assert found.far < 60, "more than one digit changed"


def test_comparison_finds_a_word_that_moved_by_one_pixel(scene):
    before = picture_of(scene.window)
    word = QRect(300, 70, 70, 24)
    moved = before.copy()

    painter = QPainter(moved)
    painter.drawImage(word.translated(1, 0).topLeft(), before.copy(word))
    painter.end()

    assert not difference(before, moved).is_none


def test_comparison_finds_another_shade_of_a_surface(scene):
    before = picture_of(scene.window)
    other = image_of(pixels(before) + 2)

    assert not difference(before, other).is_none


def test_comparison_lets_softer_edges_of_letters_pass(scene):
    values = pixels(picture_of(scene.window))
    edges = np.zeros(values.shape[:2], dtype=bool)
    edges[:, 1:] = (np.abs(np.diff(values, axis=1)) > NEAR).any(axis=2)

    softer = values + np.where(edges[..., None], 10, 0)

    assert edges.any()
    assert difference(image_of(values), image_of(softer)).is_none


def test_comparison_says_where_it_begins():
    one = QImage(60, 40, QImage.Format.Format_RGB32)
    one.fill(QColor("black"))
    other = one.copy()
    painter = QPainter(other)
    painter.fillRect(20, 10, 5, 5, QColor("white"))
    painter.end()

    found = difference(one, other)

    assert (found.far, found.first) == (25, (20, 10))
