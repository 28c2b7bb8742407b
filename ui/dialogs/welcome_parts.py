"""What the welcome sheet is made of: cards to choose a start, and small tiles to choose a look."""

from collections.abc import Callable
from typing import ClassVar

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from ui import format as fmt
from ui.models.columns import Mark
from ui.theme.fonts import MEDIUM, REGULAR, SEMIBOLD
from ui.theme.icons import paint_icon
from ui.theme.tokens import DENSITIES, GainLoss, load_theme, tokens
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.empty import cap_width, paint_cap, paint_cap_block
from ui.widgets.glyphs import draw_mark

CARD_HEIGHT = 64
TILE_HEIGHT = 56
_AA = QPainter.RenderHint.Antialiasing


def _block(painter: QPainter, area: QRect, ground: QColor, edge: QColor, width: int) -> None:
    painter.setRenderHint(_AA)
    painter.setPen(QPen(edge, width) if width else Qt.PenStyle.NoPen)
    painter.setBrush(ground)
    inset = width / 2
    painter.drawRoundedRect(QRectF(area).adjusted(inset, inset, -inset, -inset), 6, 6)


class Card(QAbstractButton):
    """A way to begin; Enter and Space choose it."""

    def __init__(self, icon: str, title: str, sentence: str, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon, self._title, self._sentence, self._key = icon, title, sentence, key
        self.setAccessibleName(f"{title}. {sentence}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(400, CARD_HEIGHT)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look, focused = QPainter(self), tokens(), self.hasFocus()
        ground = look.surface3 if focused else look.surface2
        _block(painter, self.rect(), ground, look.accent, 2 if focused else 0)
        paint_icon(painter, self._icon, QRect(18, 22, 20, 20))
        draw_text(painter, 56, 12, 22, self._title, 14, SEMIBOLD, look.text1)
        draw_text(painter, 56, 34, 20, self._sentence, 12, REGULAR, look.text2)
        if self._key == "Enter":
            x = self.width() - 16 - max(24, round(text_width("Enter", 12, MEDIUM)) + 14)
            paint_cap_block(painter, x, CARD_HEIGHT / 2, "Enter", look.accent, look.on_accent)
        else:
            x = self.width() - 16 - cap_width(self._key)
            paint_cap(painter, x, CARD_HEIGHT / 2, self._key, look.text2, look.edge)
        painter.end()


class Tile(QAbstractButton):
    """One of a few looks, with a sample of it; the chosen one has a strong edge."""

    def __init__(
        self, name: str, sample: Callable[[QPainter, QRect], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._name, self._sample = name, sample
        self.setAccessibleName(name)
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(72, TILE_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        strong = self.isChecked()
        edge = look.accent if strong or self.hasFocus() else look.line
        _block(painter, self.rect(), look.surface1, edge, 2 if strong else 1)
        self._sample(painter, QRect(0, 8, self.width(), 20))
        x = (self.width() - text_width(self._name, 12, MEDIUM if strong else REGULAR)) / 2
        weight, ink = (MEDIUM, look.text1) if strong else (REGULAR, look.text2)
        draw_text(painter, round(x), 30, 20, self._name, 12, weight, ink)
        painter.end()


class ChangeSample:
    """Paints a rise and a fall in one of the palettes."""

    _TEXTS: ClassVar = (("+1.2", Mark.UP), (f"{fmt.MINUS}0.4", Mark.DOWN))

    def __init__(self, palette: GainLoss) -> None:
        self._palette = palette

    def __call__(self, painter: QPainter, area: QRect) -> None:
        look = load_theme(tokens().name, self._palette)
        width = sum(text_width(text, 12) + 10 for text, _ in self._TEXTS) + 8
        x = area.x() + (area.width() - width) / 2
        for text, mark in self._TEXTS:
            up = mark is Mark.UP
            ink, shape = (look.gain, look.gain_shape) if up else (look.loss, look.loss_shape)
            draw_mark(painter, mark, x + 4, area.center().y() + 0.5, look, colour=shape)
            x += 10 + draw_text(painter, round(x) + 10, area.y(), 20, text, 12, REGULAR, ink) + 8


class RowsSample:
    """Paints three rows at one of the densities."""

    def __init__(self, name: str) -> None:
        self._gap = {"dense": 4, "normal": 6, "roomy": 8}[DENSITIES[name].name]

    def __call__(self, painter: QPainter, area: QRect) -> None:
        ink, middle = tokens().text2, area.center().y()
        for step in (-1, 0, 1):
            y = middle + step * self._gap
            painter.fillRect(QRect(area.center().x() - 18, y, 18, 2), ink)
            painter.fillRect(QRect(area.center().x() + 4, y, 14, 2), tokens().text3)
