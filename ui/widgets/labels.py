"""Labels that show exactly the characters they are given, whatever a broker or a file put into them."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from ui.models.columns import Ink
from ui.theme.fonts import REGULAR, font, metrics
from ui.theme.tokens import tokens
from ui.widgets.delegates import draw_text, text_width


def plain(text: str, size: int = 12, weight: int = REGULAR, parent: QWidget | None = None) -> QLabel:
    """Return a label that takes nothing for markup, wraps, and can be selected by keyboard and mouse."""
    label = QLabel(parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setFont(font(size, weight))
    label.setText(text)
    label.setWordWrap(True)
    return label


class Text(QWidget):
    """One line of painted text in a token's colour; what does not fit is cut and shown as a tool tip."""

    def __init__(
        self,
        text: str = "",
        *,
        size: int = 12,
        weight: int = REGULAR,
        ink: Ink = Ink.TEXT1,
        align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._text, self._size, self._weight, self._ink, self._align = text, size, weight, ink, align
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(text)

    def text(self) -> str:
        """Return the whole text, shortened or not."""
        return self._text

    def set_text(self, text: str, ink: Ink | None = None) -> None:
        """Show another text, in the same colour unless one is given."""
        if text == self._text and ink in (None, self._ink):
            return
        if text_width(text, self._size, self._weight) != text_width(self._text, self._size, self._weight):
            self.updateGeometry()
        self._text, self._ink = text, ink or self._ink
        self.setAccessibleName(text)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(round(text_width(self._text, self._size, self._weight)) + 1, self._size + 8)

    def minimumSizeHint(self) -> QSize:
        return QSize(min(24, self.sizeHint().width()), self._size + 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, text = QPainter(self), self._text
        width = text_width(text, self._size, self._weight)
        is_cut = width > self.width() + 1
        if is_cut:
            fits = metrics(self._size, self._weight)
            text = fits.elidedText(text, Qt.TextElideMode.ElideRight, self.width())
            width = text_width(text, self._size, self._weight)
        self.setToolTip(self._text if is_cut else "")
        x = 0.0
        if self._align & Qt.AlignmentFlag.AlignRight:
            x = self.width() - width
        elif self._align & Qt.AlignmentFlag.AlignHCenter:
            x = float(round((self.width() - width) / 2))
        ink = tokens().colour(self._ink.value)
        draw_text(painter, x, 0, self.height(), text, self._size, self._weight, ink)
        painter.end()
