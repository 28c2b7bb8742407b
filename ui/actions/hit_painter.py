"""Paints one line of the palette."""

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QPainter

from ui.actions.search import Hit, HitKind
from ui.theme.fonts import MEDIUM, REGULAR, SEMIBOLD
from ui.theme.icons import paint_icon
from ui.theme.tokens import tokens
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.empty import cap_width, paint_cap

ROW, HEADING = 36, 28


def paint_hit(painter: QPainter, hit: Hit, area: QRect, *, is_current: bool) -> None:
    """Paint an icon, the title with the typed letters in bold, the detail, a key or a price at the right."""
    look = tokens()
    if is_current:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.surface3)
        painter.drawRoundedRect(QRectF(area), 6, 6)
        painter.restore()
        painter.fillRect(QRect(area.x(), area.y() + 6, 2, area.height() - 12), look.accent)
    paint_icon(painter, hit.icon, QRect(area.x() + 12, area.y() + ROW // 2 - 7, 14, 14))
    x = _title(painter, hit, area.x() + 40, area)
    if hit.detail:
        draw_text(painter, x + 12, area.y(), ROW, hit.detail, 12, REGULAR, look.text2)
    if hit.right and hit.kind is HitKind.SYMBOL:
        width = text_width(hit.right, 13, MEDIUM)
        draw_text(painter, area.right() - 11 - width, area.y(), ROW, hit.right, 13, MEDIUM, look.text1)
    elif hit.right:
        ink, outline = (look.text1, look.accent) if is_current else (look.text2, look.line)
        x = area.right() - 11 - cap_width(hit.right)
        paint_cap(painter, x, area.y() + ROW / 2, hit.right, ink, outline)


def _title(painter: QPainter, hit: Hit, x: float, area: QRect) -> float:
    look = tokens()
    ink = look.text1 if hit.is_enabled else look.text3
    plain = SEMIBOLD if hit.kind is HitKind.SYMBOL and not hit.spans else REGULAR
    at = 0
    for start, end in (*hit.spans, (len(hit.title), len(hit.title))):
        for part, weight in ((hit.title[at:start], plain), (hit.title[start:end], SEMIBOLD)):
            if part:
                x += draw_text(painter, x, area.y(), ROW, part, 13, weight, ink)
        at = end
    return x
