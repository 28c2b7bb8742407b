"""Prices, volumes and moments in words, and text placed by its cap height."""

from datetime import UTC, datetime
from math import ceil, log10

from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPainter

from ui import format as fmt
from ui.theme.fonts import REGULAR, baseline, font, metrics


def price_text(price: float, decimals: int) -> str:
    """Return a drawn price with separators and a real minus."""
    return f"{price:,.{decimals}f}".replace("-", fmt.MINUS)


def price_decimals(price: float, step: float = 1.0) -> int:
    """Return 2 decimals from a dollar, 4 below, more where steps of the axis would otherwise read alike."""
    return max(2 if abs(price) >= 1 else 4, ceil(-log10(step) - 1e-9) if step > 0 else 0)


def volume_text(volume: float) -> str:
    """Return a volume short enough for the axis: 850, 2.5 M."""
    for unit, size in (("B", 1e9), ("M", 1e6), ("K", 1e3)):
        if volume >= size:
            return f"{volume / size:.3g}\u2009{unit}"
    return f"{volume:g}"


def moment(local: int) -> datetime:
    """Return wall-clock seconds as a date and time; the zone is already applied."""
    return datetime.fromtimestamp(local, tz=UTC)


def session_text(local: int) -> str:
    """Return the name of a session: Fri 20 Nov."""
    when = moment(local)
    return f"{when:%a} {when.day} {when:%b}"


def full_text(local: int, is_intraday: bool) -> str:
    """Return what the crosshair says of a bar's start."""
    when = moment(local)
    return f"{session_text(local)} {when:%H:%M}" if is_intraday else f"{session_text(local)} {when.year}"


def text_width(text: str, size: int, weight: int = REGULAR) -> float:
    return metrics(size, weight).horizontalAdvance(text)


def draw_text(
    painter: QPainter,
    x: float,
    top: float,
    height: float,
    text: str,
    colour: QColor,
    size: int = 12,
    weight: int = REGULAR,
) -> float:
    """Draw text from `x`, its capitals centred in a row; return where it ends."""
    painter.setFont(font(size, weight))
    painter.setPen(colour)
    painter.drawText(QPointF(x, baseline(top, height, size)), text)
    return x + text_width(text, size, weight)
