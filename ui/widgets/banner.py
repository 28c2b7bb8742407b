"""Full-width banners of 56 px that stay: a halt, and an order whose outcome nobody knows."""

from enum import Enum, auto

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from ui.theme.fonts import REGULAR, SEMIBOLD, metrics
from ui.theme.tokens import Tokens, tokens
from ui.widgets.buttons import Button
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.glyphs import question, stop_sign

HEIGHT = 56
_TEXT_LEFT = 56
_ELIDE = Qt.TextElideMode.ElideRight


class BannerKind(Enum):
    HALT = auto()
    UNKNOWN = auto()


class Banner(QWidget):
    """A title with a remark, a sentence below, buttons at the right."""

    def __init__(self, kind: BannerKind, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind = kind
        self._title = self._remark = self._sentence = self._note = ""
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 12, 0)
        self._row.setSpacing(8)
        self._row.addStretch(1)
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def say(self, title: str, remark: str, sentence: str, note: str = "") -> None:
        """Show the words: a bold title, a remark beside it, a sentence below, a note before the buttons."""
        self._title, self._remark, self._sentence, self._note = title, remark, sentence, note
        self.setAccessibleName(f"{title} {remark}. {sentence}")
        self.update()

    def add_button(self, button: Button) -> None:
        """Put a button at the right end."""
        button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._row.addWidget(button)

    def sizeHint(self) -> QSize:
        return QSize(600, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens()
        is_halt = self._kind is BannerKind.HALT
        strong = look.on_fill if is_halt else look.text1
        self._ground(painter, look)
        right = self._free_right() - (round(text_width(self._note, 12)) + 24 if self._note else 12)
        width = self._words(painter, _TEXT_LEFT, 10, right, self._title, 13, SEMIBOLD, strong)
        remark = (13, SEMIBOLD, strong) if is_halt else (12, REGULAR, look.text2)
        self._words(painter, _TEXT_LEFT + width + 8, 10, right, self._remark, *remark)
        self._words(painter, _TEXT_LEFT, 31, right, self._sentence, 12, REGULAR, strong)
        if self._note:
            x = self._free_right() - text_width(self._note, 12) - 12
            draw_text(painter, x, 0, HEIGHT, self._note, 12, REGULAR, strong if is_halt else look.text2)
        painter.end()

    @staticmethod
    def _words(
        painter: QPainter, x: float, y: int, right: int, text: str, size: int, weight: int, ink: QColor
    ) -> float:
        if text_width(text, size, weight) > right - x:
            text = metrics(size, weight).elidedText(text, _ELIDE, max(0, round(right - x)))
        return draw_text(painter, x, y, 18, text, size, weight, ink)

    def _ground(self, painter: QPainter, look: Tokens) -> None:
        if self._kind is BannerKind.HALT:
            painter.fillRect(self.rect(), look.halt_fill)
            painter.fillRect(QRect(0, 0, self.width(), 1), look.halt)
            painter.fillRect(QRect(0, HEIGHT - 1, self.width(), 1), look.halt)
            stop_sign(painter, 28, HEIGHT / 2, 26, look.on_fill, look.halt_fill)
        else:
            painter.fillRect(self.rect(), look.warn_tint)
            painter.fillRect(QRect(0, HEIGHT - 1, self.width(), 1), look.warn_line)
            painter.fillRect(QRect(0, 0, 4, HEIGHT), look.warn)
            question(painter, 28, HEIGHT / 2, 24, look)

    def _free_right(self) -> int:
        items = (self._row.itemAt(at) for at in range(1, self._row.count()))
        widgets = (item.widget() for item in items if item is not None)
        return min(
            (each.x() for each in widgets if each is not None and not each.isHidden()), default=self.width()
        )
