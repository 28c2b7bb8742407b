"""The order of a table's lines: filter, groups and sort, as a pure function of the rows."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Generic

from ui.models.columns import Comparable, Row


@dataclass(frozen=True, slots=True)
class GroupKey:
    """The identity of a group's header line, beside the keys of rows."""

    name: str


@dataclass(frozen=True, slots=True)
class GroupLine:
    """What a group's header line shows; the count is of rows that pass the filter."""

    name: str
    count: int
    collapsed: bool


LineId = Hashable


@dataclass(frozen=True)  # no slots, as in columns.Column
class Arrangement(Generic[Row]):
    """How rows become lines.

    Attributes:
        accepts: which rows are shown at all.
        sort_key: rows of which it says None go last, in both directions.
        group: the name of a row's group; without it there are no header lines.
        group_order: the first groups; others follow as their rows came.
        collapsed: groups that show their header only.
    """

    accepts: Callable[[Row], bool] | None = None
    sort_key: Callable[[Row], Comparable | None] | None = None
    descending: bool = False
    group: Callable[[Row], str] | None = None
    group_order: tuple[str, ...] = ()
    collapsed: frozenset[str] = frozenset()

    def moves(self, old: Row, new: Row) -> bool:
        """Say whether a changed row has to go to another group, or into or out of sight."""
        if self.group is not None and self.group(old) != self.group(new):
            return True
        return self.accepts is not None and self.accepts(old) != self.accepts(new)

    def arrange(self, rows: Mapping[Hashable, Row]) -> tuple[list[LineId], dict[str, int]]:
        """Return the ids of all lines from top to bottom, and the number of rows in each group."""
        accepts = self.accepts
        kept = [(key, row) for key, row in rows.items() if accepts is None or accepts(row)]
        if self.group is None:
            return self._sorted(kept), {}
        groups: dict[str, list[tuple[Hashable, Row]]] = {name: [] for name in self.group_order}
        for key, row in kept:
            groups.setdefault(self.group(row), []).append((key, row))
        lines: list[LineId] = []
        for name, members in groups.items():
            if members:
                lines.append(GroupKey(name))
                lines.extend(() if name in self.collapsed else self._sorted(members))
        return lines, {name: len(members) for name, members in groups.items() if members}

    def _sorted(self, members: list[tuple[Hashable, Row]]) -> list[LineId]:
        sort_key = self.sort_key
        if sort_key is None:
            return [key for key, _ in members]
        ranked = [(sort_key(row), key) for key, row in members]
        known = [(rank, key) for rank, key in ranked if rank is not None]
        known.sort(key=lambda pair: pair[0], reverse=self.descending)
        return [key for _, key in known] + [key for rank, key in ranked if rank is None]


class Lines:
    """What stands on each line of a table."""

    def __init__(self) -> None:
        self.ids: list[LineId] = []
        self.at: dict[LineId, int] = {}
        self.counts: dict[str, int] = {}

    def place(self, ids: list[LineId]) -> None:
        """Have these lines, from top to bottom."""
        self.ids = ids
        self.at = {line: at for at, line in enumerate(ids)}

    def changes(self, ids: list[LineId]) -> tuple[list[LineId], list[LineId], list[LineId]]:
        """Return which lines stay, in their new order, which go and which come."""
        wanted = set(ids)
        stay = [line for line in ids if line in self.at]
        return (
            stay,
            [line for line in self.ids if line not in wanted],
            [line for line in ids if line not in self.at],
        )

    def key_at(self, at: int) -> Hashable | None:
        """Return the key of the row on a line, None for a group header or beyond the end."""
        line = self.id_at(at)
        return None if isinstance(line, GroupKey) else line

    def id_at(self, at: int) -> LineId | None:
        """Return what stands on a line, a group header too, None beyond the end."""
        return self.ids[at] if 0 <= at < len(self.ids) else None

    def group_at(self, at: int, collapsed: frozenset[str]) -> GroupLine | None:
        """Return the group header on a line, None if a row stands there."""
        line = self.ids[at]
        if not isinstance(line, GroupKey):
            return None
        return GroupLine(line.name, self.counts.get(line.name, 0), line.name in collapsed)
