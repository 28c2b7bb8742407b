"""Keeps the same row on top when lines come, go or fold above it."""

from typing import Any, Protocol

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QScrollBar

from ui.models.sorting import LineId
from ui.models.table import KeyedTableModel


class Scrolled(Protocol):
    """What has to be known of the view."""

    table: KeyedTableModel[Any]

    def verticalScrollBar(self) -> QScrollBar: ...
    def executeDelayedItemsLayout(self) -> None: ...


class ScrollAnchor(QObject):
    """Remembers the top row by its key. A new order alone moves nothing: the top stays the top."""

    def __init__(self, view: Scrolled) -> None:
        super().__init__(view.verticalScrollBar())
        self._view = view
        self._line: LineId | None = None
        view.table.arranging.connect(self._remember)
        view.table.arranged.connect(self._restore)

    def _remember(self) -> None:
        self._line = self._view.table.lines.id_at(self._view.verticalScrollBar().value())

    def _restore(self, only_order: bool) -> None:
        bar = self._view.verticalScrollBar()
        at = None if self._line is None else self._view.table.lines.at.get(self._line)
        if at is not None and not only_order and bar.value() > 0:
            self._view.executeDelayedItemsLayout()  # the bar does not know of the new lines before
            bar.setValue(at)
