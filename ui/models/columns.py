"""A table's column as data: how a row becomes text, colour, bar, glyph and sort key."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, Flag, StrEnum, auto
from typing import Any, Generic, Protocol, TypeVar

Row = TypeVar("Row")


class Align(Enum):
    LEFT = auto()
    RIGHT = auto()
    CENTER = auto()


class Kind(Enum):
    """How a cell is drawn.

    CHANGE has an arrow in a column of its own, BAR a bar before its text, AGE a clock when its row is stale.
    NUMBER, CHANGE and AGE are exported as numbers.
    """

    TEXT = auto()
    NUMBER = auto()
    CHANGE = auto()
    BAR = auto()
    AGE = auto()


class Ink(StrEnum):
    """What text may be coloured with; the value is the token. Only gain and loss have a hue."""

    TEXT1 = "text1"
    TEXT2 = "text2"
    TEXT3 = "text3"
    GAIN = "gain"
    LOSS = "loss"


class Mark(StrEnum):
    """A painted glyph before a text; each has its own shape beside its colour."""

    UP = "up"
    DOWN = "down"
    STOP = "stop"
    WARN = "warn"
    CHECK = "check"
    CLOCK = "clock"
    QUESTION = "question"
    DIAMOND = "diamond"


class RowState(Flag):
    """What holds for a whole row: STALE greys its values, HALTED its figures, WARN tints its ground."""

    NORMAL = 0
    STALE = auto()
    HALTED = auto()
    WARN = auto()


@dataclass(frozen=True, slots=True)
class BarFill:
    """A small bar: a share of its track between 0 and 1, and whether it is drawn in the warn colour."""

    share: float
    warn: bool = False


class Comparable(Protocol):
    """What a sort can order; all values of one column are of one kind."""

    def __lt__(self, other: Any, /) -> bool: ...  # noqa: ANN401 - a protocol cannot name its own kind


@dataclass(frozen=True)  # no slots: Column[Row](...) then fails on Python 3.11
class Column(Generic[Row]):
    """One column. All functions are pure, cheap, and called on the GUI thread.

    Attributes:
        key: stable English id; saved layouts name it.
        title: what the head shows, with the unit.
        width: px at first.
        text: the cell's words.
        value: what changes decide on and CSV takes; the text where it is left out.
        ink: the colour of the text; ``default_ink`` where it is left out or says None.
        weight: 400, 500 or 600.
        strong: rows in which the weight is 600.
        sort_key: order of rows; None values go last. Without it, the head does not sort.
        direction: -1, 0 or 1: the arrow of a CHANGE, and the colour of the flash.
        flash: tint the cell for 300 ms when its value changes.
        pad_left: px before a left-aligned text.
        hang_mark: the mark stands left of the text's edge, so that texts with and without one line up; give
            ``pad_left`` 16 px more.
        frozen: stays at the left, in sight and in place, when the table is scrolled sideways.
    """

    key: str
    title: str
    width: int
    text: Callable[[Row], str]
    align: Align = Align.LEFT
    kind: Kind = Kind.TEXT
    value: Callable[[Row], object] | None = None
    ink: Callable[[Row], Ink | None] | None = None
    default_ink: Ink = Ink.TEXT1
    weight: int = 400
    strong: Callable[[Row], bool] | None = None
    sort_key: Callable[[Row], Comparable | None] | None = None
    direction: Callable[[Row], int] | None = None
    bar: Callable[[Row], BarFill | None] | None = None
    mark: Callable[[Row], Mark | None] | None = None
    flash: bool = False
    pad_left: int = 8
    hang_mark: bool = False
    frozen: bool = False
    tooltip: str = ""

    def changed_value(self, row: Row) -> object:
        """Return what tells whether the cell has to be painted again."""
        return self.text(row) if self.value is None else self.value(row)

    def step(self, old: Row, new: Row) -> int:
        """Return the direction of a change, from the sort keys: -1, 1, or 0 if there is none to tell."""
        before = None if self.sort_key is None else self.sort_key(old)
        after = None if self.sort_key is None else self.sort_key(new)
        if before is None or after is None or before == after:
            return 0
        return 1 if before < after else -1
