"""What an empty panel says: what will be there, and the one key that fills it."""

from dataclasses import dataclass

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from ui.theme.fonts import MEDIUM, REGULAR
from ui.theme.tokens import tokens
from ui.widgets.delegates import draw_text, text_width

CAP_HEIGHT_PX = 18


@dataclass(frozen=True, slots=True)
class EmptyText:
    """``text`` says what will be there, ``action`` what to do, ``key`` with which key."""

    text: str
    action: str = ""
    key: str = ""


def cap_width(key: str, size: int = 11) -> int:
    """Return the width of a key cap in px."""
    return max(CAP_HEIGHT_PX, round(text_width(key, size, REGULAR)) + 12)


def paint_cap(painter: QPainter, x: float, middle: float, key: str, ink: QColor, outline: QColor) -> int:
    """Paint an outlined key cap from ``x``, centred on ``middle``; return its width in px."""
    width = cap_width(key)
    top = round(middle - CAP_HEIGHT_PX / 2)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(outline, 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(round(x) + 0.5, top + 0.5, width - 1, CAP_HEIGHT_PX - 1), 3, 3)
    painter.restore()
    inset = (width - text_width(key, 11, REGULAR)) / 2
    draw_text(painter, round(x) + inset, top, CAP_HEIGHT_PX, key, 11, REGULAR, ink)
    return width


def paint_cap_block(
    painter: QPainter,
    x: float,
    middle: float,
    key: str,
    ground: QColor,
    ink: QColor,
    outline: QColor | None = None,
) -> int:
    """Paint a filled key cap of 24 px from ``x``, as while Ctrl is held; return its width in px."""
    height = 24
    width = max(height, round(text_width(key, 12, MEDIUM)) + 14)
    area = QRectF(round(x) + 0.5, round(middle - height / 2) + 0.5, width - 1, height - 1)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(outline or ground, 2 if outline else 1))
    painter.setBrush(ground)
    painter.drawRoundedRect(area, 4, 4)
    painter.restore()
    inset = (width - text_width(key, 12, MEDIUM)) / 2
    draw_text(painter, round(x) + inset, round(middle - height / 2), height, key, 12, MEDIUM, ink)
    return width


def paint_empty(painter: QPainter, area: QRect, empty: EmptyText) -> None:
    """Paint the words of an empty panel in its middle."""
    look = tokens()
    middle = area.center().y()
    width = text_width(empty.text, 12, REGULAR)
    left = round(area.center().x() - width / 2)
    draw_text(painter, left, middle - 24, 24, empty.text, 12, REGULAR, look.text2)
    if not empty.action:
        return
    words = text_width(empty.action, 12, REGULAR)
    cap = cap_width(empty.key) + 8 if empty.key else 0
    left = round(area.center().x() - (words + cap) / 2)
    draw_text(painter, left, middle, 24, empty.action, 12, REGULAR, look.text3)
    if empty.key:
        paint_cap(painter, left + words + 8, middle + 12, empty.key, look.text2, look.edge)
