"""The movers: what rose and what fell most today among the symbols that are followed."""

from collections.abc import Callable, Iterable
from decimal import Decimal

from PySide6.QtCore import QRect, QSize, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.domain.market import Quote
from ui import format as fmt
from ui.models.columns import Mark
from ui.theme.fonts import MEDIUM, REGULAR
from ui.theme.tokens import density, tokens
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.empty import EmptyText, paint_empty
from ui.widgets.glyphs import draw_mark
from ui.widgets.panel import PanelHead

FROM_SYMBOLS = 10
REFRESH_MS = 1000
_EMPTY = EmptyText("Largest moves of the day.", "Follow 10 or more symbols", "/")
_PAD = 12
_WIDEST = "+99.99"


def ranked(quotes: Iterable[Quote]) -> tuple[list[Quote], list[Quote]]:
    """Return what rose, the most first, and what fell, the most first; a few symbols are no ranking."""
    known = [(quote.change_pct, quote) for quote in quotes if quote.change_pct is not None]
    if len(known) < FROM_SYMBOLS:
        return [], []
    known.sort(key=lambda pair: pair[0], reverse=True)
    up = [quote for change, quote in known if fmt.sign(change) > 0]
    down = [quote for change, quote in reversed(known) if fmt.sign(change) < 0]
    return up, down


class MoversBody(QWidget):
    """Two columns of symbol, price and change; a click links all panels to the symbol."""

    symbol_selected = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns: tuple[list[Quote], list[Quote]] = ([], [])

    def show_columns(self, columns: tuple[list[Quote], list[Quote]]) -> None:
        """Show other movers."""
        if columns != self._columns:
            self._columns = columns
            words = [
                f"{quote.symbol} {fmt.pnl(quote.change_pct)}" for column in columns for quote in column[:4]
            ]
            self.setAccessibleName("Movers: " + ", ".join(words))
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(442, 4 * density().row + 4)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, density().row)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        column = self._columns[0 if event.position().x() < self.width() / 2 else 1]
        at = int(event.position().y() // density().row)
        if at < len(column):
            self.symbol_selected.emit(column[at].symbol)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look, row = QPainter(self), tokens(), density().row
        painter.fillRect(self.rect(), look.surface1)
        if not any(self._columns):
            paint_empty(painter, self.rect(), _EMPTY)
        else:
            half = self.width() // 2
            painter.fillRect(QRect(half, 6, 1, self.height() - 12), look.line)
            for left, column in zip((0, half), self._columns, strict=True):
                for at, quote in enumerate(column[: self.height() // row]):
                    self._row(painter, QRect(left, at * row, half, row), quote)
        painter.end()

    @staticmethod
    def _row(painter: QPainter, area: QRect, quote: Quote) -> None:
        look, change = tokens(), quote.change_pct or Decimal(0)
        top, high, right = area.top(), area.height(), area.right() - _PAD
        draw_text(painter, area.left() + _PAD, top, high, quote.symbol, 12, MEDIUM, look.text1)
        text, is_up = fmt.pnl(change), change > 0
        ink = look.gain if is_up else look.loss
        draw_text(painter, right - text_width(text, 12), top, high, text, 12, REGULAR, ink)
        widest = text_width(_WIDEST, 12)
        draw_mark(painter, Mark.UP if is_up else Mark.DOWN, right - widest - 4, top + high / 2, look)
        price = fmt.price(quote.last)
        x = right - widest - 20 - text_width(price, 12)
        draw_text(painter, x, top, high, price, 12, REGULAR, look.text2)


class MoversPanel(QWidget):
    """Ranks once a second; it needs no event of its own.

    Args:
        quotes: returns the newest quotes of the symbols that are followed.
    """

    def __init__(self, quotes: Callable[[], Iterable[Quote]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel.movers")
        self.setAccessibleName("Movers")
        self._quotes = quotes
        self.head = PanelHead(["Movers"], self)
        self.head.set_note("watchlist, today")
        self.body = MoversBody(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.head)
        column.addWidget(self.body, 1)
        self._seconds = QTimer(self, interval=REFRESH_MS)
        self._seconds.timeout.connect(self.refresh)
        self._seconds.start()

    def refresh(self) -> None:
        """Rank anew, while it can be seen."""
        if self.isVisible():
            self.body.show_columns(ranked(self._quotes()))
