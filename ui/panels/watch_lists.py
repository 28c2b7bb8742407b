"""The named lists as the core answered them; every change is sent, and shown when it is answered."""

import json
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from core.domain.messages import ImportWatchlist, RemoveWatchlist, SaveSetting, SaveWatchlist, Snapshot
from core.domain.records import Watchlist
from core.ids import Symbol
from ui.bridge import Bridge

DEFAULT_NAME = "Main"
SETTING = "watchlist.current"


class WatchLists(QObject):
    """Knows which list is shown.

    Attributes:
        changed: another list is shown, or other symbols are on it.
        said: a fact for the status bar.
    """

    changed = Signal()
    said = Signal(str)

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._lists: dict[str, Watchlist] = {}
        self._name = DEFAULT_NAME

    @property
    def name(self) -> str:
        """The name of the list that is shown."""
        return self._name

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all lists, in their order."""
        return tuple(sorted(self._lists, key=lambda name: (self._lists[name].position, name)))

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """The symbols of the list that is shown."""
        found = self._lists.get(self._name)
        return () if found is None else found.symbols

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Take all lists over, and show the one that was shown last."""
        self._name = _stored_name(snapshot.settings.get(SETTING, "")) or self._name
        self._take(snapshot.watchlists)

    def choose(self, name: str) -> None:
        """Show another list, and remember the choice."""
        if name in self._lists and name != self._name:
            self._show(name)
            self.changed.emit()

    def add_symbol(self, symbol: Symbol) -> None:
        """Put a symbol on the list."""
        if symbol not in self.symbols:
            self._save((*self.symbols, symbol))
            self.said.emit(f"{symbol} is on the list {self._name}.")

    def remove_symbol(self, symbol: Symbol) -> None:
        """Take a symbol off the list."""
        if symbol in self.symbols:
            self._save(tuple(each for each in self.symbols if each != symbol))
            self.said.emit(f"{symbol} is off the list {self._name}.")
        else:
            self.said.emit(f"{symbol} is shown because it is held; it is not on the list.")

    def add(self, name: str) -> None:
        """Begin a new, empty list and show it."""
        self._show(name)
        self._bridge.send(SaveWatchlist(Watchlist(name, (), len(self._lists))), self._take)

    def rename(self, name: str) -> None:
        """Store the list under another name; the old one goes once the new one is stored."""
        old = self._lists.get(self._name)
        if old is None or name == old.name:
            return

        def stored(_: tuple[Watchlist, ...]) -> None:
            self._show(name)
            self._bridge.send(RemoveWatchlist(old.name), self._take)

        self._bridge.send(SaveWatchlist(Watchlist(name, old.symbols, old.position)), stored)

    def delete(self) -> None:
        """Forget the list that is shown; the first of the others is shown then."""
        self._bridge.send(RemoveWatchlist(self._name), self._take)

    def import_csv(self, name: str, path: Path) -> None:
        """Read a list from a CSV file; a bad file changes nothing and is told by the default path."""

        def read(found: Watchlist) -> None:
            self._lists[found.name] = found
            self._show(found.name)
            self.changed.emit()
            self.said.emit(f"{len(found.symbols)} symbols are on the list {found.name}.")

        self._bridge.send(ImportWatchlist(name, path), read)

    def _show(self, name: str) -> None:
        self._name = name
        self._bridge.send(SaveSetting(SETTING, json.dumps(name)))

    def _save(self, symbols: tuple[Symbol, ...]) -> None:
        old = self._lists.get(self._name)
        position = len(self._lists) if old is None else old.position
        self._bridge.send(SaveWatchlist(Watchlist(self._name, symbols, position)), self._take)

    def _take(self, lists: tuple[Watchlist, ...]) -> None:
        self._lists = {each.name: each for each in lists}
        if self._name not in self._lists and self._lists:
            self._name = self.names[0]
        self.changed.emit()


def _stored_name(text: str) -> str:
    try:
        found = json.loads(text or '""')
    except ValueError:
        return ""
    return found if isinstance(found, str) else ""
