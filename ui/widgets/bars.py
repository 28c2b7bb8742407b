"""Bars of 4 px that show how much of a limit is used."""

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.models.columns import Mark
from ui.theme.tokens import Tokens, tokens
from ui.widgets.glyphs import draw_mark

NEAR = 0.9  # above this share of a limit the bar warns, and a triangle says so without colour
BAR_HEIGHT = 4


def paint_bar(painter: QPainter, track: QRect, share: float, warn: bool, tokens: Tokens) -> None:
    """Paint a track and the used part of it: at least 1 px of a share above zero, at most the whole track."""
    painter.fillRect(track, tokens.surface3)
    used = min(max(share, 0.0), 1.0) * track.width()
    if used <= 0:
        return
    filled = QRect(track.x(), track.y(), max(1, round(used)), track.height())
    painter.fillRect(filled, tokens.warn if warn else tokens.text2)
    if warn and tokens.warn_line != tokens.warn:
        painter.setPen(tokens.warn_line)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(filled.adjusted(0, 0, -1, -1))


class LimitBar(QWidget):
    """A limit's use as a bar, with a triangle at its left above 90 %; an empty track while it is unknown."""

    def __init__(self, name: str, parent: QWidget | None = None, *, with_mark: bool = True) -> None:
        super().__init__(parent)
        self._name = name
        self._share: float | None = None
        self._mark_room = 16 if with_mark else 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_share(None)

    def set_share(self, share: float | None) -> None:
        """Show a share of the limit, 1.0 being all of it."""
        if share == self._share and self.accessibleName():
            return
        self._share = share
        used = "unknown" if share is None else f"{share:.0%} of the limit"
        self.setAccessibleName(f"{self._name}: {used}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(72 + self._mark_room, 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        share = self._share or 0.0
        near = share > NEAR
        middle = self.height() // 2
        track = QRect(self._mark_room, middle - BAR_HEIGHT // 2, self.width() - self._mark_room, BAR_HEIGHT)
        paint_bar(painter, track, share, near, look)
        if near and self._mark_room:
            draw_mark(painter, Mark.WARN, 6, middle, look)
        painter.end()
