"""Small things that every panel with a table does alike."""

from collections.abc import Callable, Hashable

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QAction, QHelpEvent
from PySide6.QtWidgets import QToolTip

from ui.widgets.panel import PanelHead
from ui.widgets.table_view import TableView

Place = Callable[[QPoint], object]


def key_text(key: Hashable | None) -> str:
    """Return a row's key as text, empty for no row."""
    return "" if key is None else str(key)


def add_menu_tool(head: PanelHead, text: str, icon_name: str, opens: Place) -> None:
    """Put a button at the right end of a head; it hands the screen point under it to ``opens``."""
    action = QAction(text, head)
    button = head.add_tool(action, icon_name)
    button.setToolTip(text)
    action.triggered.connect(lambda _checked=False: opens(button.mapToGlobal(button.rect().bottomLeft())))


def forward_context_menu(view: TableView, opens: Place) -> None:
    """Hand the screen point of a context menu to ``opens``, by mouse or by the menu key."""
    view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
    view.customContextMenuRequested.connect(lambda at: opens(view.viewport().mapToGlobal(at)))


class HandChoice(QObject):
    """Tells of a row that a person chose, never of one that moved under the selection.

    When a selected row goes (a position was closed), Qt makes its neighbour the current one. Were that taken
    for a choice, the ticket would turn to another symbol, and the next key would act on it.

    Args:
        chosen: takes the key of the row.
    """

    def __init__(self, view: TableView, chosen: Callable[[Hashable], object]) -> None:
        super().__init__(view)
        self._view, self._chosen = view, chosen
        self._is_arranging = False
        view.table.arranging.connect(self._begin)
        view.table.arranged.connect(self._end)
        view.key_chosen.connect(self._on_key)

    def _begin(self) -> None:
        self._is_arranging = True

    def _end(self, _only_order: bool) -> None:
        self._is_arranging = False

    def _on_key(self, key: Hashable | None) -> None:
        if key is not None and self._view.hasFocus() and not self._is_arranging:
            self._chosen(key)


class RowTips(QObject):
    """Shows a row's full words as a tool tip, whatever a broker put into them.

    Args:
        words: returns the words of a row by its key; empty for none.
    """

    def __init__(self, view: TableView, words: Callable[[Hashable], str]) -> None:
        super().__init__(view)
        self._view, self._words = view, words
        view.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            key = self._view.table.lines.key_at(self._view.rowAt(event.pos().y()))
            words = "" if key is None else self._words(key)
            from html import escape  # its table of names is not for the start

            # Escaped inside a paragraph: the tip would take words that look like markup for markup.
            QToolTip.showText(event.globalPos(), f"<p>{escape(words)}</p>" if words else "", self._view)
            return True
        return super().eventFilter(watched, event)
