"""One table model for every panel: keyed frozen rows, conflated between frames, arranged without a proxy."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Generic

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from ui.models.columns import Align, Column, Row, RowState
from ui.models.flash import seconds
from ui.models.live_rows import LiveRows
from ui.models.sorting import Arrangement, GroupLine, LineId, Lines

SORT_GAP_S = 0.5  # a sorted table is put in order at most twice a second while it ticks

_DISPLAY = Qt.ItemDataRole.DisplayRole
_ALIGNMENT = Qt.ItemDataRole.TextAlignmentRole
_TOOLTIP = Qt.ItemDataRole.ToolTipRole
_ACCESSIBLE = Qt.ItemDataRole.AccessibleTextRole
_ROW_FLAGS = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
_ALIGN = {
    Align.LEFT: Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
    Align.RIGHT: Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
    Align.CENTER: Qt.AlignmentFlag.AlignCenter,
}
_NO_PARENT = QModelIndex()

Index = QModelIndex | QPersistentModelIndex


class KeyedTableModel(QAbstractTableModel, Generic[Row]):
    """Rows are frozen values, each under a key that never changes. GUI thread only.

    Changes are kept, newest for each key, until ``flush`` takes them in once a frame; ``woken`` says that
    a frame is wanted. ``flush`` tells the view of *visible* cells that look different, and of nothing else.

    Attributes:
        woken: there is something to flush.
        arranging: lines are about to come, go or move; the scroll position can be remembered by key.
        arranged: they have; True when rows only changed their order.
        columns: as given.
        lines: the ids on all lines from top to bottom, and the line of each id.
        flashes: which cells glow.
        hold_order: while True no tick moves a row, because the mouse is over the table.
    """

    woken = Signal()
    arranging = Signal()
    arranged = Signal(bool)

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        key: Callable[[Row], Hashable],
        *,
        state: Callable[[Row], RowState] | None = None,
        group: Callable[[Row], str] | None = None,
        group_order: Sequence[str] = (),
        search: Callable[[Row], str] | None = None,
        now: Callable[[], float] = seconds,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self.lines = Lines()
        self.hold_order = False
        self.state_of: Callable[[Row], RowState] = state or (lambda _: RowState.NORMAL)
        self._live = LiveRows(self.columns, key, state)
        self.flashes = self._live.flashes
        self._search = search or (lambda row: " ".join(column.text(row) for column in self.columns))
        self._now = now
        self._how: Arrangement[Row] = Arrangement(group=group, group_order=tuple(group_order))
        self._sorted_by: str | None = None
        self._sort_due = False
        self._sorted_at = float("-inf")

    @property
    def rows(self) -> Mapping[Hashable, Row]:
        """All rows that were flushed, by key, also those that a filter or a folded group hides."""
        return MappingProxyType(self._live.rows)

    def upsert(self, rows: Iterable[Row]) -> None:
        """Add or change rows; of several for one key the last counts. Nothing is formatted or drawn."""
        self._live.upsert(rows)
        self.woken.emit()

    def remove(self, keys: Iterable[Hashable]) -> None:
        """Take rows out, now; unknown keys are no error."""
        if self._live.drop(keys):
            self._arrange()

    def replace_all(self, rows: Iterable[Row]) -> None:
        """Show exactly these rows, now; selection and scroll stay with the keys that are still there."""
        self._live.replace(rows)
        self._arrange()
        if self.lines.ids:
            self.dataChanged.emit(
                self.index(0, 0), self.index(len(self.lines.ids) - 1, len(self.columns) - 1)
            )

    def refresh(self, *column_keys: str) -> None:
        """Paint columns again whose text depends on the time; a row that went stale is painted whole."""
        self._live.refresh(column_keys)
        self.woken.emit()

    def set_filter(self, text: str) -> None:
        """Show only rows whose searched words contain all words of ``text``, in any case; empty shows all."""
        words = text.casefold().split()

        def accepts(row: Row) -> bool:
            found = self._search(row).casefold()
            return all(word in found for word in words)

        self._how = replace(self._how, accepts=accepts if words else None)
        self._arrange()

    def sort_by(self, key: str | None, descending: bool = False) -> None:
        """Order rows by a column, now; None keeps the order in which they came."""
        column = next((each for each in self.columns if each.key == key and each.sort_key), None)
        self._sorted_by = None if column is None else column.key
        sort_key = None if column is None else column.sort_key
        self._how = replace(self._how, sort_key=sort_key, descending=descending and column is not None)
        self._arrange()
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(self.columns) - 1)

    @property
    def sorted_by(self) -> tuple[str | None, bool]:
        """The key of the sorting column, None if there is none, and whether the largest come first."""
        return self._sorted_by, self._how.descending

    def toggle_group(self, name: str) -> None:
        """Fold or unfold a group."""
        self._how = replace(self._how, collapsed=self._how.collapsed ^ {name})
        self._arrange()

    @property
    def is_busy(self) -> bool:
        """Whether another frame is wanted."""
        return self._live.is_busy or (self._sort_due and not self.hold_order)

    def flush(self, first: int, last: int) -> int:
        """Take in all changes and announce the visible cells that look different.

        Args:
            first: the first line that can be seen.
            last: the last one; before ``first`` when nothing can be seen.

        Returns:
            How many cells were announced.
        """
        now = self._now()
        dirty, moves, changed = self._live.take(self.lines, self._how, first, last, now)
        for at, column in dirty:
            here = self.createIndex(at, column)
            self.dataChanged.emit(here, here)
        self._sort_due = self._sort_due or (changed and self._sorted_by is not None)
        may_sort = self._sort_due and not self.hold_order and now - self._sorted_at >= SORT_GAP_S
        if moves or may_sort:
            self._arrange()
        return len(dirty)

    def line(self, at: int) -> Row | GroupLine:
        """Return the row or the group header that stands on a line."""
        group = self.lines.group_at(at, self._how.collapsed)
        return self._live.rows[self.lines.ids[at]] if group is None else group

    def _arrange(self) -> None:
        self._sort_due = False
        self._sorted_at = self._now()
        ids, self.lines.counts = self._how.arrange(self._live.rows)
        if ids == self.lines.ids:
            return
        stay, gone, come = self.lines.changes(ids)
        self.arranging.emit()
        self._permute(stay + gone)  # also with none gone: those that stay may have changed places
        if gone:
            self.beginRemoveRows(_NO_PARENT, len(stay), len(stay) + len(gone) - 1)
            self.lines.place(stay)
            self.endRemoveRows()
        if come:
            self.beginInsertRows(_NO_PARENT, len(stay), len(ids) - 1)
            self.lines.place(stay + come)
            self.endInsertRows()
        self._permute(ids)
        self.arranged.emit(not gone and not come)

    def _permute(self, ids: list[LineId]) -> None:
        if ids == self.lines.ids:
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        moved = [self.lines.ids[index.row()] for index in before]
        self.lines.place(ids)
        after = [
            self.createIndex(self.lines.at[line], index.column())
            for line, index in zip(moved, before, strict=True)
        ]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.lines.ids)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def flags(self, index: Index) -> Qt.ItemFlag:
        is_row = self.lines.key_at(index.row()) is not None
        return _ROW_FLAGS if is_row else Qt.ItemFlag.ItemIsEnabled

    def data(self, index: Index, role: int = _DISPLAY) -> object:
        if not index.isValid() or index.row() >= len(self.lines.ids):
            return None
        line = self.line(index.row())
        if isinstance(line, GroupLine):
            is_name = role in (_DISPLAY, _ACCESSIBLE) and index.column() == 0
            return f"{line.name}, {line.count}" if is_name else None
        column = self.columns[index.column()]
        if role == _DISPLAY:
            return column.text(line)
        if role == _ACCESSIBLE:
            return f"{column.title} {column.text(line)}"
        return _ALIGN[column.align] if role == _ALIGNMENT else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _DISPLAY) -> object:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        column = self.columns[section]
        if role == _DISPLAY:
            return column.title
        return column.tooltip or None if role == _TOOLTIP else None
