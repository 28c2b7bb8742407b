"""The table of every panel: whole rows, painted directly, selection by key."""

from collections.abc import Hashable, Iterable
from typing import Any, cast

from PySide6.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QFrame, QTableView, QWidget

from ui.models.columns import Column
from ui.models.sorting import GroupLine
from ui.models.table import KeyedTableModel
from ui.theme.tokens import density, look
from ui.widgets.column_head import ColumnHead
from ui.widgets.empty import EmptyText, paint_empty
from ui.widgets.hover import Hover
from ui.widgets.row_painter import RowPainter
from ui.widgets.scroll_anchor import ScrollAnchor
from ui.widgets.table_export import csv_text, tsv

FRAME_MS = 16

Index = QModelIndex | QPersistentModelIndex


class TableView(QTableView):
    """Shows a ``KeyedTableModel`` and takes its changes in once a frame, while there are any.

    Attributes:
        key_chosen: the key of the current row, None when there is none.
        key_activated: the key of a row that was double-clicked or on which Enter was pressed.
    """

    key_chosen = Signal(object)
    key_activated = Signal(object)

    def __init__(self, model: KeyedTableModel[Any], name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = model
        self.rows = RowPainter(model)
        self._empty = EmptyText("")
        self.setModel(model)
        self.head = ColumnHead(model, self)
        self.setHorizontalHeader(self.head)
        self.setAccessibleName(name)
        self._configure()
        self._frames = QTimer(self, timerType=Qt.TimerType.PreciseTimer, interval=FRAME_MS)
        self._frames.timeout.connect(self.frame)
        model.woken.connect(self._wake)
        model.arranged.connect(self._rearranged)
        ScrollAnchor(self)
        Hover(self)

    def _configure(self) -> None:
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(self.verticalHeader().ResizeMode.Fixed)
        for number, column in enumerate(self.table.columns):
            self.head.resizeSection(number, column.width)
        self.doubleClicked.connect(self._activate)
        self.apply_density()

    def apply_density(self) -> None:
        """Take over the row height in force."""
        self.verticalHeader().setMinimumSectionSize(density().row)
        self.verticalHeader().setDefaultSectionSize(density().row)
        self.table.flashes.enabled = not look().reduced_motion
        self.updateGeometry()

    def set_empty(self, text: str, action: str = "", key: str = "") -> None:
        """Say what an empty table will show and which key fills it."""
        self._empty = EmptyText(text, action, key)
        self.viewport().update()

    def frame(self) -> int:
        """Take the model's changes in, now; return how many cells looked different."""
        first = max(0, self.verticalScrollBar().value())
        last = first + self.viewport().height() // max(1, density().row)
        changed = self.table.flush(first, last if self.isVisible() else -1)
        if self.rows.cells.grew:
            self.rows.cells.grew = False
            self.viewport().update()
        if not self.table.is_busy:
            self._frames.stop()
        return changed

    def _wake(self) -> None:
        if not self._frames.isActive():
            self._frames.start()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self.table.is_busy:
            self._wake()

    def _rearranged(self, only_order: bool) -> None:
        if not only_order:
            self.rows.cells.forget()
        self.viewport().update()

    def select_key(self, key: Hashable | None) -> None:
        """Make a row the current and only selected one; None, or a key that is not shown, selects nothing."""
        line = None if key is None else self.table.lines.at.get(key)
        if line is None:
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())
            return
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.selectionModel().setCurrentIndex(self.table.index(line, 0), flags)

    def current_key(self) -> Hashable | None:
        """Return the key of the current row."""
        return self.table.lines.key_at(self.currentIndex().row())

    def selected_keys(self) -> list[Hashable]:
        """Return the keys of all selected rows, from top to bottom."""
        lines = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [key for key in map(self.table.lines.key_at, lines) if key is not None]

    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        if current.row() != previous.row():
            self.key_chosen.emit(self.table.lines.key_at(current.row()))

    def shown_columns(self) -> list[Column[Any]]:
        """Return the columns in sight, in the order in which they stand."""
        order = (self.head.logicalIndex(at) for at in range(self.head.count()))
        return [self.table.columns[number] for number in order if not self.head.isSectionHidden(number)]

    def copy(self) -> None:
        """Put the selected rows on the clipboard as TSV."""
        rows = [self.table.rows[key] for key in self.selected_keys()]
        if rows:
            QGuiApplication.clipboard().setText(tsv(self.shown_columns(), rows))

    def to_csv(self) -> str:
        """Return all shown rows, in the order shown, as CSV with the shown columns."""
        keys = [key for key in map(self.table.lines.key_at, range(self.table.rowCount())) if key is not None]
        return csv_text(self.shown_columns(), [self.table.rows[key] for key in keys])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = self.current_key()
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif (
            event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and key is not None and not event.modifiers()
        ):
            if not event.isAutoRepeat():
                self.key_activated.emit(key)
        elif (
            event.text()
            and event.text().isprintable()
            and not event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier
        ):
            event.ignore()  # bare letters belong to the window's actions, not to a search of rows
        else:
            super().keyPressEvent(event)

    def _activate(self, index: QModelIndex) -> None:
        key = self.table.lines.key_at(index.row())
        if key is not None:
            self.key_activated.emit(key)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = self.rowAt(round(event.position().y()))
        line = self.table.line(at) if at >= 0 else None
        if isinstance(line, GroupLine):
            self.table.toggle_group(line.name)
            return
        super().mousePressEvent(event)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        super().scrollContentsBy(dx, dy)
        if dx:  # the frozen column must not move with the rest
            self.viewport().update()
            self.head.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        if self.table.rowCount() == 0:
            painter.fillRect(self.viewport().rect(), look().tokens.surface1)
            if self._empty.text:
                paint_empty(painter, self.viewport().rect(), self._empty)
        else:
            self.rows.begin(self)
            # The stubs do not know that a region can be walked.
            for rect in cast("Iterable[QRect]", event.region()):
                self.rows.paint(painter, rect)
        painter.end()
