"""One table model for every panel: keyed frozen rows, conflated between frames, arranged without a proxy."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from time import monotonic
from types import MappingProxyType
from typing import Generic

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from ui.models.columns import Align, Column, Row, RowState
from ui.models.flash import FlashBoard
from ui.models.sorting import Arrangement, GroupKey, GroupLine, LineId

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

    Changes are kept, newest for each key, until ``flush`` takes them in once a frame; ``woken`` says that a frame
    is wanted. ``flush`` tells the view of *visible* cells that look different, and of nothing else.

    Attributes:
        woken: there is something to flush.
        arranging: lines are about to come, go or move; the scroll position can be remembered by key.
        arranged: they have; True when rows only changed their order.
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
        now: Callable[[], float] = monotonic,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self.hold_order = False
        self.flashes = FlashBoard()
        self._key = key
        self._state = state
        self._search = search
        self._now = now
        self._how: Arrangement[Row] = Arrangement(group=group, group_order=tuple(group_order))
        self._sorted_by: Column[Row] | None = None
        self._rows: dict[Hashable, Row] = {}
        self._pending: dict[Hashable, Row] = {}
        self._lines: list[LineId] = []
        self._at: dict[LineId, int] = {}
        self._counts: dict[str, int] = {}
        self._refresh: set[int] = set()
        self._seen_states: dict[Hashable, RowState] = {}
        self._rearrange = False
        self._sort_due = False
        self._sorted_at = float("-inf")

    def upsert(self, rows: Iterable[Row]) -> None:
        """Add or change rows; of several for one key the last counts. Cheap: nothing is formatted or drawn."""
        was_idle = not self._pending
        key, pending = self._key, self._pending
        for row in rows:
            pending[key(row)] = row
        if was_idle and pending:
            self.woken.emit()

    def remove(self, keys: Iterable[Hashable]) -> None:
        """Take rows out, now; unknown keys are no error."""
        for key in keys:
            self._pending.pop(key, None)
            self._seen_states.pop(key, None)
            if self._rows.pop(key, None) is not None:
                self._rearrange = True
        if self._rearrange:
            self._arrange()

    def replace_all(self, rows: Iterable[Row]) -> None:
        """Show exactly these rows, now; selection and scroll stay with the keys that are still there."""
        self._pending.clear()
        self.flashes.clear()
        self._seen_states.clear()
        self._rows = {self._key(row): row for row in rows}
        self._arrange()
        if self._lines:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._lines) - 1, len(self.columns) - 1))

    def set_filter(self, text: str) -> None:
        """Show only rows whose searched words contain all the words of ``text``, in any case; empty shows all."""
        words = text.casefold().split()
        search = self._search or self._all_texts

        def accepts(row: Row) -> bool:
            found = search(row).casefold()
            return all(word in found for word in words)

        self._how = replace(self._how, accepts=accepts if words else None)
        self._arrange()

    def sort_by(self, key: str | None, descending: bool = False) -> None:
        """Order rows by a column, now; None keeps the order in which they came."""
        column = next((each for each in self.columns if each.key == key and each.sort_key), None)
        self._sorted_by = column
        self._how = replace(
            self._how,
            sort_key=column.sort_key if column else None,
            descending=descending and column is not None,
        )
        self._arrange()
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(self.columns) - 1)

    @property
    def sorted_by(self) -> tuple[str | None, bool]:
        """The key of the sorting column, None if there is none, and whether the largest come first."""
        return (self._sorted_by.key if self._sorted_by else None), self._how.descending

    def toggle_group(self, name: str) -> None:
        """Fold or unfold a group."""
        self._how = replace(self._how, collapsed=self._how.collapsed ^ {name})
        self._arrange()

    def refresh(self, *column_keys: str) -> None:
        """Paint columns again whose text depends on the time, such as an age; a row that went stale is painted whole."""
        self._refresh |= {at for at, column in enumerate(self.columns) if column.key in column_keys}
        self.woken.emit()

    @property
    def is_busy(self) -> bool:
        """Whether another frame is wanted."""
        return bool(
            self._pending or self._refresh or len(self.flashes) or (self._sort_due and not self.hold_order)
        )

    def flush(self, first: int, last: int) -> int:
        """Take in all changes and announce the visible cells that look different.

        Args:
            first: the first line that can be seen.
            last: the last one.

        Returns:
            How many cells were announced.
        """
        now = self._now()
        pending, self._pending = self._pending, {}
        dirty: set[tuple[int, int]] = set()
        for key, row in pending.items():
            old = self._rows.get(key)
            self._rows[key] = row
            if old is None or self._moves(old, row):
                self._rearrange = True
                continue
            at = self._at.get(key, -1)
            if first <= at <= last:
                self._compare(key, at, old, row, dirty, now)
        if self._refresh:
            self._refresh_visible(first, last, dirty)
        for cell in self.flashes.advance(now):
            at = self._at.get(cell[0], -1)
            if first <= at <= last:
                dirty.add((at, cell[1]))
        self._sort_due = self._sort_due or bool(pending and self._sorted_by)
        may_sort = self._sort_due and not self.hold_order and now - self._sorted_at >= SORT_GAP_S
        if self._rearrange or may_sort:
            self._emit(dirty)
            self._arrange()
        else:
            self._emit(dirty)
        return len(dirty)

    def _moves(self, old: Row, new: Row) -> bool:
        how = self._how
        if how.group is not None and how.group(old) != how.group(new):
            return True
        return how.accepts is not None and how.accepts(old) != how.accepts(new)

    def _compare(
        self, key: Hashable, at: int, old: Row, new: Row, dirty: set[tuple[int, int]], now: float
    ) -> None:
        if self._state is not None and self._state(new) != self._seen_states.get(key, RowState.NORMAL):
            self._seen_states[key] = self._state(new)
            dirty.update((at, column) for column in range(len(self.columns)))
        for number, column in enumerate(self.columns):
            before, after = column.changed_value(old), column.changed_value(new)
            if before != after:
                dirty.add((at, number))
                if column.flash and column.sort_key is not None:
                    self._flash(key, number, column.sort_key(old), column.sort_key(new), now)

    def _flash(self, key: Hashable, number: int, before: object, after: object, now: float) -> None:
        if before is not None and after is not None and before != after:
            rises = before < after  # type: ignore[operator]
            self.flashes.start((key, number), 1 if rises else -1, now)

    def _refresh_visible(self, first: int, last: int, dirty: set[tuple[int, int]]) -> None:
        columns, self._refresh = self._refresh, set()
        for at in range(max(0, first), min(last + 1, len(self._lines))):
            key = self._lines[at]
            if isinstance(key, GroupKey):
                continue
            dirty.update((at, column) for column in columns)
            if self._state is not None:
                state = self._state(self._rows[key])
                if self._seen_states.get(key, RowState.NORMAL) != state:
                    self._seen_states[key] = state
                    dirty.update((at, column) for column in range(len(self.columns)))

    def _emit(self, dirty: set[tuple[int, int]]) -> None:
        emit, index = self.dataChanged.emit, self.createIndex
        for at, column in dirty:
            here = index(at, column)
            emit(here, here)

    def _arrange(self) -> None:
        self._rearrange = self._sort_due = False
        self._sorted_at = self._now()
        lines, counts = self._how.lines(self._rows)
        if lines == self._lines:
            if counts != self._counts:
                self._counts = counts
                self.dataChanged.emit(self.index(0, 0), self.index(len(lines) - 1, 0))
            return
        target = set(lines)
        stay = [line for line in lines if line in self._at]
        gone = [line for line in self._lines if line not in target]
        come = [line for line in lines if line not in self._at]
        self.arranging.emit()
        self._counts = counts
        if gone:
            self._permute(stay + gone)
            self.beginRemoveRows(_NO_PARENT, len(stay), len(self._lines) - 1)
            self._place(stay)
            self.endRemoveRows()
        if come:
            self.beginInsertRows(_NO_PARENT, len(stay), len(lines) - 1)
            self._place(stay + come)
            self.endInsertRows()
        self._permute(lines)
        self.arranged.emit(not gone and not come)

    def _place(self, lines: list[LineId]) -> None:
        self._lines = lines
        self._at = {line: at for at, line in enumerate(lines)}

    def _permute(self, lines: list[LineId]) -> None:
        if lines == self._lines:
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        ids = [self._lines[index.row()] for index in before]
        self._place(lines)
        after = [
            self.createIndex(self._at[line], index.column()) for line, index in zip(ids, before, strict=True)
        ]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _all_texts(self, row: Row) -> str:
        return " ".join(column.text(row) for column in self.columns)

    @property
    def rows(self) -> Mapping[Hashable, Row]:
        """All rows that were flushed, by key, also those that a filter or a folded group hides."""
        return MappingProxyType(self._rows)

    def line(self, at: int) -> Row | GroupLine:
        """Return the row or the group header that stands on a line."""
        line = self._lines[at]
        if isinstance(line, GroupKey):
            return GroupLine(line.name, self._counts.get(line.name, 0), line.name in self._how.collapsed)
        return self._rows[line]

    def key_at(self, at: int) -> Hashable | None:
        """Return the key of the row on a line, None for a group header or beyond the end."""
        if not 0 <= at < len(self._lines) or isinstance(self._lines[at], GroupKey):
            return None
        return self._lines[at]

    def line_of(self, key: LineId) -> int | None:
        """Return the line on which a key stands, None when it is hidden or unknown."""
        return self._at.get(key)

    def line_id(self, at: int) -> LineId | None:
        """Return what identifies a line, a group header too."""
        return self._lines[at] if 0 <= at < len(self._lines) else None

    def state_of(self, row: Row) -> RowState:
        """Return what holds for the whole row."""
        return RowState.NORMAL if self._state is None else self._state(row)

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._lines)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def flags(self, index: Index) -> Qt.ItemFlag:
        return _ROW_FLAGS if self.key_at(index.row()) is not None else Qt.ItemFlag.ItemIsEnabled

    def data(self, index: Index, role: int = _DISPLAY) -> object:
        if not index.isValid() or index.row() >= len(self._lines):
            return None
        line = self.line(index.row())
        if isinstance(line, GroupLine):
            return (
                f"{line.name}, {line.count}"
                if role in (_DISPLAY, _ACCESSIBLE) and index.column() == 0
                else None
            )
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
        return {_DISPLAY: column.title, _TOOLTIP: column.tooltip or None}.get(Qt.ItemDataRole(role))
