"""The watchlist: prices of the symbols that are followed, holdings first, then by sector."""

import json
from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QMenu, QWidget

from core.domain.instrument import Instrument
from core.domain.market import Quote
from core.domain.messages import (
    FillBooked,
    ImportWatchlist,
    InOrder,
    RemoveWatchlist,
    SaveSetting,
    SaveWatchlist,
    Snapshot,
)
from core.domain.records import Watchlist
from core.ids import Symbol
from ui.bridge import Bridge
from ui.models.table import KeyedTableModel
from ui.panels.menus import add_menu_tool, forward_context_menu, key_text
from ui.panels.watch_columns import HOLDINGS, OTHER, AgeOf, WatchRow, columns
from ui.widgets.panel import PanelFrame
from ui.widgets.table_layout import columns_menu
from ui.widgets.table_view import TableView

DEFAULT_NAME = "Main"
SETTING = "watchlist.current"
AGE_MS = 1000
_NARROW = 400
_WIDE_ONLY = ("bid", "ask", "size")


class WatchlistPanel(PanelFrame):
    """Shows one named list. It keeps the lists as the core answered them and sends every change.

    Attributes:
        symbol_selected: the symbol of the row that was chosen by hand.
        menu_wanted: the place on the screen where the menu of the rows is wanted.
        said: a fact for the status bar.
    """

    symbol_selected = Signal(str)
    menu_wanted = Signal(QPoint)
    said = Signal(str)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        self._bridge = bridge
        self._age = AgeOf(bridge.clock)
        self._lists: dict[str, Watchlist] = {}
        self._name = DEFAULT_NAME
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
        self.view.key_chosen.connect(self._on_chosen)
        self._add_tools()
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
    def name(self) -> str:
        """The name of the list that is shown."""
        return self._name

    @property
    def lists(self) -> tuple[str, ...]:
        """The names of all lists, in their order."""
        return tuple(sorted(self._lists, key=lambda name: (self._lists[name].position, name)))

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """The symbols of the list that is shown; what is held besides is not among them."""
        found = self._lists.get(self._name)
        return () if found is None else found.symbols

    @property
    def current_symbol(self) -> str:
        """The symbol of the current row, empty if there is none."""
        return key_text(self.view.current_key())

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Show everything anew."""
        self._instruments = {each.symbol: each for each in snapshot.instruments}
        self._quotes = {quote.symbol: quote for quote in snapshot.quotes}
        self._held = {position.symbol for position in snapshot.positions if not position.is_flat}
        self._name = _stored_name(snapshot.settings.get(SETTING, "")) or self._name
        self._take_lists(snapshot.watchlists)

    def choose_list(self, name: str) -> None:
        """Show another list, and remember the choice."""
        if name in self._lists and name != self._name:
            self._name = name
            self._bridge.send(SaveSetting(SETTING, json.dumps(name)))
            self._show_all()

    def add_symbol(self, symbol: str) -> bool:
        """Put a symbol on the list; say whether it is a known one."""
        wanted = Symbol(symbol.strip().upper())
        if wanted not in self._instruments:
            return False
        if wanted in self.symbols:
            self.view.select_key(wanted)
        else:
            self._save((*self.symbols, wanted))
            self.said.emit(f"{wanted} is on the list {self._name}.")
        return True

    def remove_symbol(self) -> None:
        """Take the current row's symbol off the list."""
        gone = self.current_symbol
        if gone in self.symbols:
            self._save(tuple(symbol for symbol in self.symbols if symbol != gone))
            self.said.emit(f"{gone} is off the list {self._name}.")
        elif gone:
            self.said.emit(f"{gone} is shown because it is held; it is not on the list.")

    def add_list(self, name: str) -> None:
        """Begin a new, empty list and show it."""
        self._name = name
        self._bridge.send(SaveWatchlist(Watchlist(name, (), len(self._lists))), self._take_lists)
        self._bridge.send(SaveSetting(SETTING, json.dumps(name)))

    def rename_list(self, name: str) -> None:
        """Store the list under another name; the old one goes once the new one is stored."""
        old = self._lists.get(self._name)
        if old is None or name == old.name:
            return

        def stored(_: tuple[Watchlist, ...]) -> None:
            self._name = name
            self._bridge.send(RemoveWatchlist(old.name), self._take_lists)
            self._bridge.send(SaveSetting(SETTING, json.dumps(name)))

        self._bridge.send(SaveWatchlist(Watchlist(name, old.symbols, old.position)), stored)

    def delete_list(self) -> None:
        """Forget the list that is shown; the first of the others is shown then."""
        self._bridge.send(RemoveWatchlist(self._name), self._take_lists)

    def import_list(self, name: str, path: Path) -> None:
        """Read a list from a CSV file; a bad file changes nothing and is told by the default path."""

        def read(found: Watchlist) -> None:
            self._lists[found.name] = found
            self._name = found.name
            self._show_all()
            self.said.emit(f"{len(found.symbols)} symbols are on the list {found.name}.")

        self._bridge.send(ImportWatchlist(name, path), read)

    def lists_menu(self) -> QMenu:
        """Return a menu of all lists, the shown one checked."""
        menu = QMenu(self)
        for name in self.lists:
            action = menu.addAction(name.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(name == self._name)
            action.triggered.connect(lambda _=False, name=name: self.choose_list(name))
        return menu

    def _save(self, symbols: tuple[Symbol, ...]) -> None:
        old = self._lists.get(self._name)
        position = len(self._lists) if old is None else old.position
        self._bridge.send(SaveWatchlist(Watchlist(self._name, symbols, position)), self._take_lists)

    def _take_lists(self, lists: tuple[Watchlist, ...]) -> None:
        self._lists = {each.name: each for each in lists}
        if self._name not in self._lists and self._lists:
            self._name = self.lists[0]
        self._show_all()

    def _show_all(self) -> None:
        symbols = [*self.symbols, *sorted(self._held - set(self.symbols))]
        self._shown = set(symbols)
        self.model.replace_all(map(self._row, symbols))
        self.head.set_count(str(len(symbols)) if symbols else "")
        self.head.set_note("" if self._name == DEFAULT_NAME else self._name)

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

    def _on_chosen(self, key: object) -> None:
        if key is not None and self.view.hasFocus():
            self.symbol_selected.emit(str(key))

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


def _stored_name(text: str) -> str:
    try:
        found = json.loads(text or '""')
    except ValueError:
        return ""
    return found if isinstance(found, str) else ""
