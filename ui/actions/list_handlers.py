"""What the actions of watchlists and tables do."""

import json
import re
from pathlib import Path

from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QApplication, QFileDialog

from core.domain.messages import SaveSetting
from core.ids import Symbol
from ui.actions.registry import Handlers
from ui.dialogs.text_input import Question, TextInput
from ui.panels.audit_pages import MOST_ROWS
from ui.parts import Parts
from ui.widgets.table_view import TableView

_LONGEST_NAME = 40
MOST_SCANNED = 100
UNIVERSE = "movers_universe"
_SYMBOL = re.compile(r"[A-Z][A-Z0-9]*(?:[.\-/][A-Z0-9]+)*")


def symbols_of(text: str) -> tuple[Symbol, ...]:
    """Return the symbols in a text, in upper case, each once."""
    return tuple(dict.fromkeys(Symbol(each) for each in re.split(r"[\s,;]+", text.upper()) if each))


def universe_fault(text: str) -> str:
    """Say what is wrong with a list of symbols; empty if nothing is."""
    symbols = symbols_of(text)
    if len(symbols) > MOST_SCANNED:
        return f"At most {MOST_SCANNED} symbols are scanned, not {len(symbols)}."
    wrong = next((each for each in symbols if not _SYMBOL.fullmatch(each) or len(each) > 12), None)
    return "" if wrong is None else f"{wrong[:20]} is not a symbol such as AAPL or BRK.B."


class ListHandlers:
    """Lists that a person keeps, and what can be done with a table."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lists = parts.watchlist.lists

    def handlers(self) -> Handlers:
        """Return what is called, by the names of the catalogue."""
        return {
            "add_symbol": self.add_symbol,
            "remove_symbol": self._parts.watchlist.remove_symbol,
            "new_watchlist": self.new_list,
            "choose_watchlist": lambda: self._parts.watchlist.lists_menu().popup(QCursor.pos()),
            "rename_watchlist": self.rename_list,
            "delete_watchlist": self.delete_list,
            "import_watchlist": self.import_list,
            "export_table": self.export_focused,
        }

    def add_symbol(self) -> None:
        """Ask for a symbol and put it on the list."""
        known = self._parts.facts.instruments

        def fault(text: str) -> str:
            is_known = Symbol(text.upper()) in known
            return (
                "" if is_known else f"{text.upper()} is not among the {len(known):,} symbols of this broker."
            )

        TextInput(
            self._parts.window,
            "Add a symbol",
            f"It goes on the list {self._lists.name}.",
            "Add",
            self._parts.watchlist.add_symbol,
            fault_of=fault,
        ).open_field()

    def choose_universe(self) -> None:
        """Ask which symbols are scanned for movers, and scan them; the choice is kept."""

        def taken(text: str) -> None:
            universe = symbols_of(text)
            self._parts.movers.set_universe(universe)
            self._parts.bridge.send(SaveSetting(UNIVERSE, json.dumps(universe)))

        TextInput(
            self._parts.window,
            "Scan which symbols?",
            f"Between spaces or commas, at most {MOST_SCANNED}.",
            "Scan",
            taken,
            text=" ".join(self._parts.movers.universe),
            fault_of=universe_fault,
        ).open_field()

    def restore_universe(self, stored: str) -> None:
        """Take up the kept choice of what is scanned; anything else than symbols is left aside."""
        try:
            found = json.loads(stored) if stored else []
        except ValueError:
            found = []
        text = " ".join(each for each in found if isinstance(each, str)) if isinstance(found, list) else ""
        if text and not universe_fault(text):
            self._parts.movers.universe = symbols_of(text)

    def _name_fault(self, text: str) -> str:
        if len(text) > _LONGEST_NAME:
            return f"A name has at most {_LONGEST_NAME} characters."
        return "A list of this name exists already." if text in self._lists.names else ""

    def new_list(self) -> None:
        """Ask for a name and begin a list."""
        TextInput(
            self._parts.window,
            "New list",
            "It starts empty; add symbols to it with /.",
            "Begin",
            self._lists.add,
            fault_of=self._name_fault,
        ).open_field()

    def rename_list(self) -> None:
        """Ask for another name of the list that is shown."""
        TextInput(
            self._parts.window,
            "Rename the list",
            "The symbols on it stay.",
            "Rename",
            self._lists.rename,
            text=self._lists.name,
            fault_of=self._name_fault,
        ).open_field()

    def delete_list(self) -> None:
        """Forget the list that is shown, after a question."""
        Question(
            self._parts.window,
            f"Delete the list {self._lists.name}?",
            f"Its {len(self._lists.symbols)} symbols are no longer followed. Positions and orders stay.",
            "Delete",
            self._lists.delete,
        ).open_question()

    def import_list(self) -> None:
        """Ask for a CSV file and read it into a list of its name."""
        dialog = QFileDialog(self._parts.window, "Import a list", "", "CSV (*.csv);;All files (*)")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)

        def read(chosen: str) -> None:
            path = Path(chosen)
            self._lists.import_csv(path.stem[:_LONGEST_NAME], path)

        dialog.fileSelected.connect(read)
        dialog.open()

    def export_focused(self) -> None:
        """Export the table that has the focus, else that of the positions."""
        focused, audit = QApplication.focusWidget(), self._parts.audit
        view = focused if isinstance(focused, TableView) else self._parts.positions.view
        if view is audit.view and audit.model.rows:
            # Of all that the filter lets through, not of the page that happens to be loaded.
            audit.pages.load_all(min(row.record.seq for row in audit.model.rows.values()), self._export_audit)
        else:
            self.export(view)

    def _export_audit(self) -> None:
        if self._parts.audit.pages.has_more:
            words = f"Only the newest {MOST_ROWS:,} records are exported; investiq audit export writes all."
            self._parts.notices.warn(words)
        self.export(self._parts.audit.view)

    def export(self, view: TableView) -> None:
        """Ask for a file and write a table into it as CSV."""
        name = f"{view.accessibleName().lower()}.csv"
        dialog = QFileDialog(self._parts.window, "Export as CSV", name, "CSV (*.csv)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("csv")

        def write(chosen: str) -> None:
            try:
                Path(chosen).write_text(view.to_csv(), encoding="utf-8", newline="")
            except OSError as error:
                self._parts.notices.warn(f"{chosen} could not be written: {error.strerror}. Nothing is lost.")
            else:
                self._parts.notices.say(f"Exported to {chosen}.")

        dialog.fileSelected.connect(write)
        dialog.open()
