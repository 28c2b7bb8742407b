"""What lies over the window: palette, key sheet, caps while Ctrl is held, and the sheets of the desk."""

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from ui import format as fmt
from ui.actions.cheatsheet import KeySheet
from ui.actions.hints import Anchor, KeyHints
from ui.actions.palette import Palette
from ui.actions.registry import ActionRegistry
from ui.actions.search import SymbolEntry
from ui.facts import WindowFacts
from ui.parts import Parts
from ui.theme.tokens import tokens
from ui.widgets.panel import PanelHead

_MOST_SYMBOLS = 40
_CAP_GAP = 10
LIVE_FRAME = 4


class LiveFrame(QWidget):
    """Four lines at the window's edge, each a widget of its own, so that nothing behind them is repainted."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.is_shown = False
        self._sides = [_Side(window) for _ in range(4)]
        self.hide()

    def lay(self, size: QRect, *, is_live: bool) -> None:
        """Lie along the edges, or be gone."""
        self.is_shown = is_live
        width, height, thick = size.width(), size.height(), LIVE_FRAME
        places = (
            QRect(0, 0, width, thick),
            QRect(0, height - thick, width, thick),
            QRect(0, 0, thick, height),
            QRect(width - thick, 0, thick, height),
        )
        for side, place in zip(self._sides, places, strict=True):
            side.setGeometry(place)
            side.setVisible(is_live)
            side.raise_()


class _Side(QWidget):
    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), tokens().live)
        painter.end()


class Overlays:
    """Made after the actions, laid over everything else."""

    def __init__(self, parts: Parts, registry: ActionRegistry, holes: Sequence[QWidget]) -> None:
        self._parts, self._facts = parts, parts.facts
        window = parts.window
        self.palette = Palette(window, registry, self._symbols, holes)
        self.palette.symbol_chosen.connect(self._choose_symbol)
        self.keys = KeySheet(window, registry, holes)
        self.hints = KeyHints(window, registry, holes)
        self.hints.set_anchors(self._anchors())

    def _symbols(self, query: str) -> list[SymbolEntry]:
        return symbol_entries(self._facts, query)

    def _choose_symbol(self, symbol: str) -> None:
        self._parts.watchlist.add_symbol(symbol)
        self._facts.set_symbol(symbol)

    def _anchors(self) -> list[Anchor]:
        parts, blotter = self._parts, self._parts.blotter

        def behind(head: PanelHead) -> QPoint:
            return QPoint(head.end_of_titles() + _CAP_GAP, head.height() // 2)

        heads = {
            "panel.watchlist": parts.watchlist.head,
            "panel.positions": blotter.left.head,
            "panel.orders": blotter.right.head,
            "panel.ticket": parts.ticket.head,
            "panel.audit": parts.audit.head,
        }
        return [Anchor(action, head, partial(behind, head)) for action, head in heads.items()]


def symbol_entries(facts: WindowFacts, query: str) -> list[SymbolEntry]:
    """Return the instruments whose symbol or name begins like what was typed, exact symbols first."""
    wanted = query.strip().casefold()
    if not wanted:
        return []
    ranked = []
    for symbol, instrument in facts.instruments.items():
        name = instrument.name.casefold()
        if symbol.casefold().startswith(wanted):
            ranked.append((len(symbol), symbol))
        elif any(part.startswith(wanted) for part in name.split()):
            ranked.append((100 + len(symbol), symbol))
    ranked.sort()
    entries = []
    for _, symbol in ranked[:_MOST_SYMBOLS]:
        quote = facts.quote(symbol)
        price = "" if quote is None else fmt.price(quote.last)
        entries.append(SymbolEntry(symbol, facts.instruments[symbol].name, price))
    return entries
