"""The rows behind a table, and which visible cells look different since the last frame. No Qt models here."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic

from ui.models.columns import Column, Row, RowState
from ui.models.flash import FlashBoard
from ui.models.sorting import Arrangement, Lines

Dirty = set[tuple[int, int]]  # line and column number


class LiveRows(Generic[Row]):
    """Keeps the newest row for each key until a frame takes it. GUI thread only."""

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        key: Callable[[Row], Hashable],
        state: Callable[[Row], RowState] | None,
    ) -> None:
        self.rows: dict[Hashable, Row] = {}
        self.flashes = FlashBoard()
        self._columns = tuple(columns)
        self._key = key
        self._state = state
        self._pending: dict[Hashable, Row] = {}
        self._refresh: set[int] = set()
        self._seen_states: dict[Hashable, RowState] = {}

    @property
    def is_busy(self) -> bool:
        """Whether a frame would find something to do."""
        return bool(self._pending or self._refresh or len(self.flashes))

    def upsert(self, rows: Iterable[Row]) -> None:
        """Keep rows for the next frame; of several for one key the last counts."""
        key, pending = self._key, self._pending
        for row in rows:
            pending[key(row)] = row

    def drop(self, keys: Iterable[Hashable]) -> bool:
        """Forget rows; say whether one of them had been shown."""
        was_shown = False
        for key in keys:
            self._pending.pop(key, None)
            self._seen_states.pop(key, None)
            was_shown = self.rows.pop(key, None) is not None or was_shown
        return was_shown

    def replace(self, rows: Iterable[Row]) -> None:
        """Have exactly these rows."""
        self._pending.clear()
        self._seen_states.clear()
        self.flashes.clear()
        self.rows = {self._key(row): row for row in rows}

    def refresh(self, column_keys: Iterable[str]) -> None:
        """Have columns painted again whose text depends on the time."""
        wanted = set(column_keys)
        self._refresh |= {at for at, column in enumerate(self._columns) if column.key in wanted}

    def take(
        self, lines: Lines, how: Arrangement[Row], first: int, last: int, now: float
    ) -> tuple[Dirty, bool, bool]:
        """Take in what waits.

        Returns:
            The cells between lines ``first`` and ``last`` that look different, whether lines have to come or
            move, and whether any value changed.
        """
        pending, self._pending = self._pending, {}
        dirty: Dirty = set()
        moves = False
        for key, row in pending.items():
            old = self.rows.get(key)
            self.rows[key] = row
            if old is None or how.moves(old, row):
                moves = True
                continue
            at = lines.at.get(key, -1)
            if first <= at <= last:
                self._compare(key, at, old, row, dirty, now)
        if self._refresh:
            self._refresh_lines(lines, first, last, dirty)
        for key, column in self.flashes.advance(now):
            at = lines.at.get(key, -1)
            if first <= at <= last:
                dirty.add((at, column))
        return dirty, moves, bool(pending)

    def _compare(self, key: Hashable, at: int, old: Row, new: Row, dirty: Dirty, now: float) -> None:
        self._compare_state(key, at, new, dirty)
        for number, column in enumerate(self._columns):
            if column.changed_value(old) != column.changed_value(new):
                dirty.add((at, number))
                if column.flash:
                    self.flashes.start((key, number), column.step(old, new), now)

    def _compare_state(self, key: Hashable, at: int, row: Row, dirty: Dirty) -> None:
        if self._state is None:
            return
        state = self._state(row)
        if self._seen_states.get(key, RowState.NORMAL) != state:
            self._seen_states[key] = state
            dirty.update((at, number) for number in range(len(self._columns)))

    def _refresh_lines(self, lines: Lines, first: int, last: int, dirty: Dirty) -> None:
        columns, self._refresh = self._refresh, set()
        for at in range(max(0, first), min(last + 1, len(lines.ids))):
            key = lines.ids[at]
            if key in self.rows:
                dirty.update((at, column) for column in columns)
                self._compare_state(key, at, self.rows[key], dirty)
