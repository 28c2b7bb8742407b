"""State glyphs as painted paths, so that they never depend on a font; each state has a shape of its own."""

from collections.abc import Callable
from functools import lru_cache
from math import cos, pi, sin

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from ui.models.columns import Mark
from ui.theme.tokens import Tokens

_AA = QPainter.RenderHint.Antialiasing
_NO_PEN = Qt.PenStyle.NoPen
_NO_BRUSH = Qt.BrushStyle.NoBrush
_ROUND = (Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)

SIZES: dict[Mark, int] = {
    Mark.UP: 7,
    Mark.DOWN: 7,
    Mark.STOP: 10,
    Mark.WARN: 12,
    Mark.CHECK: 11,
    Mark.CLOCK: 10,
    Mark.QUESTION: 16,
    Mark.DIAMOND: 10,
}


def _polygon(points: list[tuple[float, float]]) -> QPainterPath:
    path = QPainterPath()
    path.addPolygon(QPolygonF([QPointF(x, y) for x, y in points]))
    path.closeSubpath()
    return path


@lru_cache(maxsize=64)
def arrow(size: float, up: bool) -> QPainterPath:
    """Return a filled triangle ``size`` px wide, around the origin."""
    half, height = size / 2, size * 0.74
    rise = -height / 2 if up else height / 2
    return _polygon([(0.0, rise), (half, -rise), (-half, -rise)])


@lru_cache(maxsize=16)
def octagon(size: float) -> QPainterPath:
    """Return a stop sign's outline, ``size`` px across the flats, around the origin."""
    radius = size / 2 / cos(pi / 8)
    turns = [pi / 8 + pi / 4 * k for k in range(8)]
    return _polygon([(radius * cos(turn), radius * sin(turn)) for turn in turns])


@lru_cache(maxsize=16)
def triangle(size: float) -> QPainterPath:
    """Return a warning triangle's outline, ``size`` px wide, around the origin."""
    half, height = size / 2, size * 0.88
    return _polygon([(0.0, -height / 2), (half, height / 2), (-half, height / 2)])


@lru_cache(maxsize=16)
def diamond(size: float) -> QPainterPath:
    """Return a square on its corner, ``size`` px wide, around the origin."""
    half = size / 2
    return _polygon([(0.0, -half), (half, 0.0), (0.0, half), (-half, 0.0)])


def chevron(
    painter: QPainter, x: float, y: float, colour: QColor, *, down: bool = True, size: float = 8
) -> None:
    """Stroke an open chevron around a point: down for unfolded and for choices, right for folded."""
    half, depth = size / 2, size / 4
    points = (
        [(-half, -depth), (0.0, depth), (half, -depth)]
        if down
        else [(-depth, -half), (depth, 0.0), (-depth, half)]
    )
    _stroke(painter, [(x + dx, y + dy) for dx, dy in points], colour, 1.4)


def caret(painter: QPainter, x: float, y: float, colour: QColor, *, up: bool, size: float = 7) -> None:
    """Stroke half of a spin control around a point."""
    half, depth = size / 2, size / 4 * (1 if up else -1)
    _stroke(painter, [(x - half, y + depth), (x, y - depth), (x + half, y + depth)], colour, 1.3)


def _stroke(painter: QPainter, points: list[tuple[float, float]], colour: QColor, width: float) -> None:
    painter.save()
    painter.setRenderHint(_AA)
    painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, *_ROUND))
    painter.setBrush(_NO_BRUSH)
    painter.drawPolyline(QPolygonF([QPointF(px, py) for px, py in points]))
    painter.restore()


def fill(
    painter: QPainter, path: QPainterPath, x: float, y: float, colour: QColor, line: QColor | None = None
) -> None:
    """Fill a path around a point, with a 1 px outline where one is given."""
    painter.save()
    painter.setRenderHint(_AA)
    painter.translate(x, y)
    painter.setPen(_NO_PEN if line is None or line == colour else QPen(line, 1))
    painter.setBrush(colour)
    painter.drawPath(path)
    painter.restore()


def stop_sign(painter: QPainter, x: float, y: float, size: float, sign: QColor, bar: QColor) -> None:
    """Paint a stop sign with its bar."""
    fill(painter, octagon(size), x, y, sign)
    width, height = size * 0.56, max(2.0, size * 0.16)
    painter.fillRect(QRectF(x - width / 2, y - height / 2, width, height), bar)


def warning(painter: QPainter, x: float, y: float, size: float, tokens: Tokens) -> None:
    """Paint a triangle with its mark; without the mark it would read as an arrow."""
    fill(painter, triangle(size), x, y, tokens.warn, tokens.warn_line)
    ink = _mark_ink(tokens)
    unit = size / 12
    painter.fillRect(QRectF(x - unit * 0.7, y - unit * 1.6, unit * 1.4, unit * 3.4), ink)
    painter.fillRect(QRectF(x - unit * 0.7, y + unit * 2.7, unit * 1.4, unit * 1.4), ink)


def check(painter: QPainter, x: float, y: float, size: float, colour: QColor) -> None:
    """Stroke a check mark around a point."""
    unit = size / 11
    points = [(-5.0, 0.2), (-1.6, 3.6), (5.0, -4.0)]
    _stroke(painter, [(x + px * unit, y + py * unit) for px, py in points], colour, 1.7)


def clock_face(painter: QPainter, x: float, y: float, size: float, colour: QColor) -> None:
    """Stroke a clock: this value is older than it should be."""
    radius = size / 2 - 0.5
    painter.save()
    painter.setRenderHint(_AA)
    painter.setPen(QPen(colour, 1.2))
    painter.setBrush(_NO_BRUSH)
    painter.drawEllipse(QPointF(x, y), radius, radius)
    painter.restore()
    _stroke(painter, [(x, y - radius * 0.6), (x, y + 0.3), (x + radius * 0.5, y + 0.3)], colour, 1.1)


def question(painter: QPainter, x: float, y: float, size: float, tokens: Tokens) -> None:
    """Paint the badge of an unknown outcome: a disc with a question mark, drawn, not written."""
    disc = QPainterPath()
    disc.addEllipse(QPointF(0, 0), size / 2, size / 2)
    fill(painter, disc, x, y, tokens.warn, tokens.warn_line)
    ink, unit = _mark_ink(tokens), size / 16
    hook = QPainterPath(QPointF(x - 2.2 * unit, y - 2.0 * unit))
    hook.cubicTo(
        x - 2.2 * unit, y - 5.2 * unit, x + 2.5 * unit, y - 5.0 * unit, x + 2.3 * unit, y - 1.9 * unit
    )
    hook.cubicTo(x + 2.2 * unit, y - 0.3 * unit, x, y - 0.4 * unit, x, y + 1.6 * unit)
    painter.save()
    painter.setRenderHint(_AA)
    painter.setPen(
        QPen(ink, 1.7 * unit, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.RoundJoin)
    )
    painter.setBrush(_NO_BRUSH)
    painter.drawPath(hook)
    painter.fillRect(QRectF(x - 0.9 * unit, y + 2.7 * unit, 1.8 * unit, 1.8 * unit), ink)
    painter.restore()


def _mark_ink(tokens: Tokens) -> QColor:
    return tokens.surface0 if tokens.surface1.lightness() < 128 else tokens.text1


_Paint = Callable[[QPainter, float, float, float, Tokens, QColor | None], None]

_PAINT: dict[Mark, _Paint] = {
    Mark.UP: lambda p, x, y, s, t, c: fill(p, arrow(s, True), x, y, c or t.gain_shape),
    Mark.DOWN: lambda p, x, y, s, t, c: fill(p, arrow(s, False), x, y, c or t.loss_shape),
    Mark.STOP: lambda p, x, y, s, t, c: stop_sign(p, x, y, s, c or t.halt, t.surface1),
    Mark.WARN: lambda p, x, y, s, t, _: warning(p, x, y, s, t),
    Mark.CHECK: lambda p, x, y, s, t, c: check(p, x, y, s, c or t.text1),
    Mark.CLOCK: lambda p, x, y, s, t, c: clock_face(p, x, y, s, c or t.text3),
    Mark.QUESTION: lambda p, x, y, s, t, _: question(p, x, y, s, t),
    Mark.DIAMOND: lambda p, x, y, s, t, c: fill(p, diamond(s), x, y, c or t.warn, None if c else t.warn_line),
}


def draw_mark(
    painter: QPainter,
    mark: Mark,
    x: float,
    y: float,
    tokens: Tokens,
    *,
    size: float | None = None,
    colour: QColor | None = None,
) -> None:
    """Paint a state glyph around a point, in its own colour unless another is given."""
    _PAINT[mark](painter, x, y, size or SIZES[mark], tokens, colour)
