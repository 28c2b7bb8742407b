"""The watchlist: prices of the symbols that are followed, holdings first, then by sector."""

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QMenu, QWidget

from core.domain.instrument import Instrument
from core.domain.market import Quote
from core.domain.messages import FillBooked, InOrder, Snapshot
from core.ids import Symbol
from ui.bridge import Bridge
from ui.models.table import KeyedTableModel
from ui.panels.menus import HandChoice, add_menu_tool, forward_context_menu, key_text
from ui.panels.watch_columns import HOLDINGS, OTHER, AgeOf, WatchRow, columns
from ui.panels.watch_lists import DEFAULT_NAME, WatchLists
from ui.widgets.panel import PanelFrame
from ui.widgets.table_layout import columns_menu
from ui.widgets.table_view import TableView

AGE_MS = 1000
_NARROW = 400
_WIDE_ONLY = ("bid", "ask", "size")


class WatchlistPanel(PanelFrame):
    """Shows the chosen list, and what is held besides.

    Attributes:
        symbol_selected: the symbol of the row that was chosen by hand.
        menu_wanted: the place on the screen where the menu of the rows is wanted.
        lists: the named lists.
    """

    symbol_selected = Signal(str)
    menu_wanted = Signal(QPoint)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        self._bridge = bridge
        self._age = AgeOf(bridge.clock)
        self.lists = WatchLists(bridge)
        self._instruments: dict[Symbol, Instrument] = {}
        self._quotes: dict[Symbol, Quote] = {}
        self._held: set[Symbol] = set()
        self._shown: set[Symbol] = set()
        self._is_narrow = False
        self.model: KeyedTableModel[WatchRow] = KeyedTableModel(
            columns(self._age),
            lambda row: row.symbol,
            state=self._age.state,
            group=lambda row: row.group,
            group_order=(HOLDINGS,),
        )
        self.view = TableView(self.model, "Watchlist")
        super().__init__("panel.watchlist", ["Watchlist"], self.view, parent)
        self.view.set_empty("Prices of the symbols you follow.", "Add a symbol", "/")
        self.view.installEventFilter(self)
        HandChoice(self.view, lambda key: self.symbol_selected.emit(key_text(key)))
        self._add_tools()
        self.lists.setParent(self)
        self.lists.changed.connect(self._show_all)
        bridge.quotes_changed.connect(self._on_quotes)
        bridge.in_order.connect(self._on_event)
        self._ages = QTimer(self, interval=AGE_MS)
        self._ages.timeout.connect(lambda: self.model.refresh("age"))
        self._ages.start()

    def _add_tools(self) -> None:
        add_menu_tool(self.head, "Lists", "list", lambda at: self.lists_menu().popup(at))
        add_menu_tool(self.head, "Columns", "columns", lambda at: columns_menu(self.view, self).popup(at))
        add_menu_tool(self.head, "More", "dots-three", self.menu_wanted.emit)
        forward_context_menu(self.view, self.menu_wanted.emit)

    @property
    def current_symbol(self) -> str:
        """The symbol of the current row, empty if there is none."""
        return key_text(self.view.current_key())

    def shown_quotes(self) -> list[Quote]:
        """Return the newest quotes of all symbols that are shown."""
        return [self._quotes[symbol] for symbol in self._shown if symbol in self._quotes]

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Show everything anew."""
        self._instruments = {each.symbol: each for each in snapshot.instruments}
        self._quotes = {quote.symbol: quote for quote in snapshot.quotes}
        self._held = {position.symbol for position in snapshot.positions if not position.is_flat}
        self.lists.apply_snapshot(snapshot)

    def add_symbol(self, symbol: str) -> bool:
        """Put a symbol on the list; say whether it is a known one."""
        wanted = Symbol(symbol.strip().upper())
        if wanted not in self._instruments:
            return False
        self.lists.add_symbol(wanted)
        self.view.select_key(wanted)
        return True

    def remove_symbol(self) -> None:
        """Take the current row's symbol off the list."""
        if self.current_symbol:
            self.lists.remove_symbol(Symbol(self.current_symbol))

    def lists_menu(self) -> QMenu:
        """Return a menu of all lists, the shown one checked."""
        menu = QMenu(self)
        for name in self.lists.names:
            action = menu.addAction(name.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(name == self.lists.name)
            action.triggered.connect(lambda _=False, name=name: self.lists.choose(name))
        return menu

    def _show_all(self) -> None:
        symbols = [*self.lists.symbols, *sorted(self._held - set(self.lists.symbols))]
        self._shown = set(symbols)
        self.model.replace_all(map(self._row, symbols))
        self.head.set_count(str(len(symbols)) if symbols else "")
        self.head.set_note("" if self.lists.name == DEFAULT_NAME else self.lists.name)

    def _row(self, symbol: Symbol) -> WatchRow:
        instrument = self._instruments.get(symbol)
        sector = None if instrument is None else instrument.sector
        group = HOLDINGS if symbol in self._held else sector or OTHER
        return WatchRow(symbol, group, self._quotes.get(symbol))

    def _on_quotes(self, quotes: Iterable[Quote]) -> None:
        mine = []
        for quote in quotes:
            self._quotes[quote.symbol] = quote
            if quote.symbol in self._shown:
                mine.append(self._row(quote.symbol))
        if mine:
            self.model.upsert(mine)

    def _on_event(self, event: InOrder) -> None:
        if isinstance(event, FillBooked):
            before = set(self._held)
            (self._held.discard if event.position.is_flat else self._held.add)(event.position.symbol)
            if self._held != before:
                self._show_all()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.view and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            is_delete = event.key() == Qt.Key.Key_Delete and not event.modifiers()
            if is_delete and not event.isAutoRepeat() and self.current_symbol:
                self.remove_symbol()
                return True
        return super().eventFilter(watched, event)

    def fit_columns(self) -> None:
        """Leave out what a narrow panel has no room for; after a stored layout was restored."""
        self._is_narrow = self.width() < _NARROW
        wide_only = [at for at, column in enumerate(self.model.columns) if column.key in _WIDE_ONLY]
        is_left_out = all(self.view.head.isSectionHidden(at) for at in wide_only)
        if self._is_narrow or is_left_out:
            for at in wide_only:
                self.view.head.setSectionHidden(at, self._is_narrow)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if (self.width() < _NARROW) != self._is_narrow:
            self.fit_columns()
