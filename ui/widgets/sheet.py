"""The ground of sheets and pop-ups: an edge and a soft shadow, painted without an effect."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from ui.theme.tokens import tokens

SHADOW_DOWN, SHADOW_WIDE = 8, 28
_STEPS = 14


def paint_sheet(
    painter: QPainter, area: QRectF, radius: float = 8, *, frame: QColor | None = None, width: int = 1
) -> None:
    """Paint a sheet with its shadow; LIVE gives it a wider frame in its colour."""
    look = tokens()
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(look.shadow)
    for step in range(_STEPS):
        grow = SHADOW_WIDE * (step + 1) / _STEPS / 2
        painter.drawRoundedRect(
            area.adjusted(-grow, SHADOW_DOWN - grow, grow, SHADOW_DOWN + grow), radius + grow, radius + grow
        )
    inset = width / 2
    painter.setPen(QPen(frame or look.edge, width))
    painter.setBrush(look.surface1)
    painter.drawRoundedRect(area.adjusted(inset, inset, -inset, -inset), radius, radius)
    painter.restore()
