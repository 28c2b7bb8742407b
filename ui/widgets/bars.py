"""Bars of 4 px that show how much of a limit is used."""

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter

from ui.theme.tokens import Tokens

NEAR = 0.9  # above this share of a limit the bar warns, and a triangle says so without colour
BAR_HEIGHT = 4


def paint_bar(
    painter: QPainter, track: QRect, share: float, warn: bool, tokens: Tokens, after: float | None = None
) -> None:
    """Paint a track and the used part of it: at least 1 px of a share above zero, at most the whole track.

    What `after` adds to it, or takes away, is a thin line in the middle of the track.
    """
    painter.fillRect(track, tokens.surface3)
    if after is not None:
        _paint_change(painter, track, (share, after), tokens)
    used = min(max(share, 0.0), 1.0) * track.width()
    if used <= 0:
        return
    filled = QRect(track.x(), track.y(), max(1, round(used)), track.height())
    painter.fillRect(filled, tokens.warn if warn else tokens.text2)
    if warn and tokens.warn_line != tokens.warn:
        painter.setPen(tokens.warn_line)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(filled.adjusted(0, 0, -1, -1))


def _paint_change(painter: QPainter, track: QRect, shares: tuple[float, float], tokens: Tokens) -> None:
    ends = [track.x() + round(min(max(each, 0.0), 1.0) * track.width()) for each in shares]
    left, right = min(ends), max(ends)
    if right > left:
        ink = tokens.warn if shares[1] > NEAR else tokens.text3
        painter.fillRect(QRect(left, track.y() + 1, right - left, track.height() - 2), ink)
