"""The row under the mouse is lit, and no tick moves a row while the mouse is over the table."""

from typing import Any, Protocol

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QWidget

from ui.models.table import KeyedTableModel
from ui.theme.tokens import density
from ui.widgets.row_painter import RowPainter


class Hovered(Protocol):
    """What has to be known of the view."""

    rows: RowPainter
    table: KeyedTableModel[Any]

    def viewport(self) -> QWidget: ...
    def rowAt(self, y: int) -> int: ...
    def rowViewportPosition(self, row: int) -> int: ...


class Hover(QObject):
    """Watches the viewport of one table."""

    def __init__(self, view: Hovered) -> None:
        super().__init__(view.viewport())
        self._view = view
        view.viewport().setMouseTracking(True)
        view.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            self._light(self._view.rowAt(round(event.position().y())))
        elif kind == QEvent.Type.Enter:
            self._view.table.hold_order = True
        elif kind == QEvent.Type.Leave:
            self._view.table.hold_order = False
            self._light(-1)
            if self._view.table.is_busy:
                self._view.table.woken.emit()
        return super().eventFilter(watched, event)

    def _light(self, line: int) -> None:
        painter, viewport = self._view.rows, self._view.viewport()
        if line == painter.hovered:
            return
        for at in (painter.hovered, line):
            if at >= 0:
                viewport.update(0, self._view.rowViewportPosition(at), viewport.width(), density().row)
        painter.hovered = line
