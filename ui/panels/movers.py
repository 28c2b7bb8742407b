"""The movers: what rose and what fell most today, in the watchlist or in a universe that is scanned."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from PySide6.QtCore import QPoint, QRect, QSize, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.domain.market import Quote
from core.domain.messages import ScanMovers
from core.domain.movers import LARGE_CAPS, MoversScan
from core.ids import Symbol
from ui import format as fmt
from ui.bridge import Bridge
from ui.models.columns import Mark
from ui.notices import words_of_failed_read
from ui.panels.menus import add_menu_tool
from ui.theme.fonts import MEDIUM, REGULAR
from ui.theme.tokens import density, tokens
from ui.widgets.delegates import draw_text, text_width
from ui.widgets.empty import EmptyText, paint_empty
from ui.widgets.glyphs import draw_mark
from ui.widgets.panel import PanelHead

FROM_SYMBOLS = 10
REFRESH_MS = 1000
SCAN_MS = 60_000
WATCHLIST, SCAN = 0, 1
_EMPTY = EmptyText("Largest moves of the day.", "Follow 10 or more symbols", "/")
_PAD = 12
_WIDEST = "+99.99"


@dataclass(frozen=True, slots=True)
class Mover:
    """What is shown of one symbol."""

    symbol: Symbol
    last: Decimal | None
    change_pct: Decimal


Columns = tuple[list[Mover], list[Mover]]


def ranked(quotes: Iterable[Quote]) -> Columns:
    """Return what rose, the most first, and what fell, the most first; a few symbols are no ranking."""
    known = [
        Mover(quote.symbol, quote.last, quote.change_pct) for quote in quotes if quote.change_pct is not None
    ]
    if len(known) < FROM_SYMBOLS:
        return [], []
    known.sort(key=lambda mover: mover.change_pct, reverse=True)
    up = [mover for mover in known if fmt.sign(mover.change_pct) > 0]
    down = [mover for mover in reversed(known) if fmt.sign(mover.change_pct) < 0]
    return up, down


def scanned(scan: MoversScan) -> Columns:
    """Return the ranking of a scan in two columns, in the order of its rows."""
    rows = [Mover(row.symbol, row.last, row.change_pct) for row in scan.rows]
    up = [mover for mover in rows if fmt.sign(mover.change_pct) > 0]
    return up, [mover for mover in rows if fmt.sign(mover.change_pct) < 0]


class MoversBody(QWidget):
    """Two columns of symbol, price and change; a click links all panels to the symbol."""

    symbol_selected = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns: Columns = ([], [])
        self._empty = _EMPTY

    def show_columns(self, columns: Columns, empty: EmptyText = _EMPTY) -> None:
        """Show other movers, or why there are none."""
        if columns != self._columns or empty != self._empty:
            self._empty = empty
            self._columns = columns
            words = [f"{each.symbol} {fmt.pnl(each.change_pct)}" for column in columns for each in column[:4]]
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
            paint_empty(painter, self.rect(), self._empty)
        else:
            half = self.width() // 2
            painter.fillRect(QRect(half, 6, 1, self.height() - 12), look.line)
            for left, column in zip((0, half), self._columns, strict=True):
                for at, mover in enumerate(column[: self.height() // row]):
                    self._row(painter, QRect(left, at * row, half, row), mover)
        painter.end()

    @staticmethod
    def _row(painter: QPainter, area: QRect, mover: Mover) -> None:
        look, change = tokens(), mover.change_pct
        top, high, right = area.top(), area.height(), area.right() - _PAD
        draw_text(painter, area.left() + _PAD, top, high, mover.symbol, 12, MEDIUM, look.text1)
        text, is_up = fmt.pnl(change), change > 0
        ink = look.gain if is_up else look.loss
        draw_text(painter, right - text_width(text, 12), top, high, text, 12, REGULAR, ink)
        widest = text_width(_WIDEST, 12)
        draw_mark(painter, Mark.UP if is_up else Mark.DOWN, right - widest - 4, top + high / 2, look)
        price = fmt.price(mover.last)
        x = right - widest - 20 - text_width(price, 12)
        draw_text(painter, x, top, high, price, 12, REGULAR, look.text2)


class MoversPanel(QWidget):
    """Ranks the watchlist once a second, and a universe by a scan once a minute while it is looked at.

    Args:
        bridge: carries the scan down.
        quotes: returns the newest quotes of the symbols that are followed.

    Attributes:
        universe_wanted: the person wants to choose which symbols are scanned.
    """

    universe_wanted = Signal(QPoint)

    def __init__(
        self, bridge: Bridge, quotes: Callable[[], Iterable[Quote]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("panel.movers")
        self.setAccessibleName("Movers")
        self._bridge, self._quotes = bridge, quotes
        self._tab = WATCHLIST
        self._is_scanning = False
        self.universe: tuple[Symbol, ...] = LARGE_CAPS
        self.head = PanelHead(["Movers", "Scan"], self)
        self.head.set_note("watchlist, today")
        add_menu_tool(self.head, "Which symbols are scanned", "dots-three", self.universe_wanted.emit)
        self.body = MoversBody(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.head)
        column.addWidget(self.body, 1)
        self.head.tab_chosen.connect(self.choose)
        self._seconds = QTimer(self, interval=REFRESH_MS)
        self._seconds.timeout.connect(self.refresh)
        self._seconds.start()
        self._minutes = QTimer(self, interval=SCAN_MS)
        self._minutes.timeout.connect(self.scan)

    def choose(self, tab: int) -> None:
        """Show the watchlist's movers, or scan."""
        self._tab = tab
        self.head.set_current(tab)
        if tab == SCAN:
            self.head.set_note("scanning")
            self.body.show_columns(([], []), EmptyText("Scanning."))
            self._minutes.start()
            self.scan()
        else:
            self._minutes.stop()
            self.head.set_note("watchlist, today")
            self.body.setToolTip("")
            self.refresh()

    def set_universe(self, universe: tuple[Symbol, ...]) -> None:
        """Scan other symbols from now on."""
        self.universe = universe
        self.choose(SCAN)

    def refresh(self) -> None:
        """Rank the watchlist anew, while it can be seen."""
        if self._tab == WATCHLIST and self.isVisible():
            self.body.show_columns(ranked(self._quotes()))

    def scan(self) -> None:
        """Ask for a scan, unless one is on its way or nobody looks."""
        if self._is_scanning or not self.isVisible():
            return
        self._is_scanning = True
        self._bridge.send(ScanMovers(self.universe), self._on_scan, self._on_failure)

    def _on_scan(self, scan: MoversScan) -> None:
        self._is_scanning = False
        if self._tab != SCAN:
            return
        ranked_of = f"{len(scan.rows)} of {len(scan.universe)}"
        self.head.set_note(f"{ranked_of} ranked, {fmt.clock_zone(scan.as_of)}")
        left_out = "\n".join(f"{symbol}: {reason}" for symbol, reason in scan.excluded)
        self.body.setToolTip(f"Not ranked:\n{left_out}" if left_out else "")
        first = scan.excluded[0] if scan.excluded else None
        empty = EmptyText("Nothing could be ranked." if first is None else f"{first[0]}: {first[1]}")
        self.body.show_columns(scanned(scan), empty)

    def _on_failure(self, error: Exception) -> bool:
        self._is_scanning = False
        if self._tab == SCAN:
            self.head.set_note("not scanned")
            self.body.show_columns(([], []), EmptyText(words_of_failed_read(error)))
        return True
