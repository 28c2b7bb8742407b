"""Keyed rows: conflation, order, groups, filter, flash, and that only visible changes are announced."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPersistentModelIndex, Qt

from ui.models.columns import Align, Column, RowState
from ui.models.sorting import GroupLine
from ui.models.table import KeyedTableModel


@dataclass(frozen=True, slots=True)
class Quote:
    symbol: str
    last: Decimal | None
    group: str = ""
    age: float = 0.0


class Hand:
    """A clock turned by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


COLUMNS = (
    Column[Quote]("symbol", "Symbol", 72, lambda q: q.symbol, sort_key=lambda q: q.symbol, frozen=True),
    Column[Quote](
        "last", "Last", 66, lambda q: str(q.last), Align.RIGHT,
        value=lambda q: q.last, sort_key=lambda q: q.last, flash=True,
    ),
    Column[Quote]("age", "Age s", 54, lambda q: f"{q.age:.1f}", Align.RIGHT),
)  # fmt: skip


def quote(symbol: str, last: str | None = "10", group: str = "", age: float = 0.0) -> Quote:
    return Quote(symbol, None if last is None else Decimal(last), group, age)


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def model(hand: Hand) -> KeyedTableModel[Quote]:
    made: KeyedTableModel[Quote] = KeyedTableModel(COLUMNS, lambda q: q.symbol, now=hand)
    made.replace_all([quote("A"), quote("B", "20"), quote("C", "30")])
    return made


def symbols(model: KeyedTableModel[Quote]) -> list[str]:
    lines = (model.line(at) for at in range(model.rowCount()))
    return [f"[{line.name}]" if isinstance(line, GroupLine) else line.symbol for line in lines]


def announced(model: KeyedTableModel[Quote]) -> list[tuple[int, int]]:
    cells: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda first, _last, _roles: cells.append((first.row(), first.column())))
    return cells


def test_upsert_of_many_values_for_one_key_announces_the_last_once(model: KeyedTableModel[Quote]) -> None:
    cells = announced(model)

    for value in range(11, 40):
        model.upsert([quote("A", str(value))])
    model.flush(0, 10)

    assert cells == [(0, 1)]
    assert model.rows["A"].last == 39


def test_upsert_of_an_unseen_row_announces_nothing_but_keeps_it(model: KeyedTableModel[Quote]) -> None:
    cells = announced(model)

    model.upsert([quote("C", "31")])
    model.flush(0, 1)

    assert cells == []
    assert model.rows["C"].last == 31


def test_upsert_of_an_equal_value_announces_nothing(model: KeyedTableModel[Quote]) -> None:
    cells = announced(model)

    model.upsert([quote("A", "10.0")])

    assert model.flush(0, 10) == 0
    assert cells == []


def test_upsert_wakes_the_view(model: KeyedTableModel[Quote]) -> None:
    woken: list[bool] = []
    model.woken.connect(lambda: woken.append(True))

    model.upsert([quote("A", "11")])

    assert woken == [True]
    assert model.is_busy


def test_sort_puts_unknown_values_last_in_both_directions(model: KeyedTableModel[Quote]) -> None:
    model.upsert([quote("N", None)])
    model.flush(0, 10)

    model.sort_by("last", descending=True)
    falling = symbols(model)
    model.sort_by("last")

    assert (falling, symbols(model)) == (["C", "B", "A", "N"], ["A", "B", "C", "N"])


def test_sort_while_ticking_happens_at_most_twice_a_second(model: KeyedTableModel[Quote], hand: Hand) -> None:
    model.sort_by("last")
    model.upsert([quote("A", "99")])

    model.flush(0, 10)
    soon = symbols(model)
    hand.now += 0.5
    model.flush(0, 10)

    assert (soon, symbols(model)) == (["A", "B", "C"], ["B", "C", "A"])


def test_sort_is_held_while_the_mouse_is_over_the_table(model: KeyedTableModel[Quote], hand: Hand) -> None:
    model.flashes.enabled = False
    model.sort_by("last")
    model.hold_order = True
    model.upsert([quote("A", "99")])
    hand.now += 5

    model.flush(0, 10)

    assert symbols(model) == ["A", "B", "C"]
    assert not model.is_busy


def test_persistent_index_follows_its_key_through_every_change(model: KeyedTableModel[Quote]) -> None:
    kept = QPersistentModelIndex(model.index(1, 1))

    model.sort_by("last", descending=True)
    model.remove(["C"])
    model.upsert([quote("D", "15"), quote("E", "50")])
    model.flush(0, 10)

    assert model.lines.key_at(kept.row()) == "B"
    assert kept.column() == 1


def test_remove_of_an_unknown_key_changes_nothing(model: KeyedTableModel[Quote]) -> None:
    model.remove(["nobody"])

    assert symbols(model) == ["A", "B", "C"]


def test_filter_hides_rows_and_shows_them_when_they_fit_again(model: KeyedTableModel[Quote]) -> None:
    model.set_filter("b 20")
    found = symbols(model)
    model.upsert([quote("B", "7")])
    model.flush(0, 10)

    assert (found, symbols(model)) == (["B"], [])


def test_groups_come_in_the_given_order_and_fold(hand: Hand) -> None:
    model: KeyedTableModel[Quote] = KeyedTableModel(
        COLUMNS, lambda q: q.symbol, group=lambda q: q.group, group_order=("Held",), now=hand
    )
    model.replace_all([quote("A", group="Tech"), quote("B", group="Held"), quote("C", group="Tech")])
    open_lines = symbols(model)

    model.toggle_group("Tech")

    assert open_lines == ["[Held]", "B", "[Tech]", "A", "C"]
    assert symbols(model) == ["[Held]", "B", "[Tech]"]
    assert model.line(2) == GroupLine("Tech", 2, collapsed=True)
    assert not model.flags(model.index(0, 0)) & Qt.ItemFlag.ItemIsSelectable


def test_row_that_changes_its_group_moves(hand: Hand) -> None:
    model: KeyedTableModel[Quote] = KeyedTableModel(
        COLUMNS, lambda q: q.symbol, group=lambda q: q.group, now=hand
    )
    model.replace_all([quote("A", group="Tech"), quote("B", group="Held")])

    model.upsert([quote("A", group="Held")])
    model.flush(0, 10)

    assert symbols(model) == ["[Held]", "A", "B"]


def test_flash_rises_fades_and_ends(model: KeyedTableModel[Quote], hand: Hand) -> None:
    model.upsert([quote("A", "11")])
    model.flush(0, 10)
    fresh = model.flashes.level(("A", 1))
    hand.now += 0.16
    model.flush(0, 10)
    half = model.flashes.level(("A", 1))
    hand.now += 0.15
    model.flush(0, 10)

    assert fresh == 1.0
    assert 0 < half < 1
    assert model.flashes.level(("A", 1)) == 0.0
    assert not model.is_busy


def test_flash_of_a_fall_is_negative(model: KeyedTableModel[Quote]) -> None:
    model.upsert([quote("A", "9")])
    model.flush(0, 10)

    assert model.flashes.level(("A", 1)) == -1.0


def test_flash_starts_at_most_ten_times_a_second(model: KeyedTableModel[Quote], hand: Hand) -> None:
    started = 0
    for tick in range(100):
        hand.now += 0.01
        started += model.flashes.start(("A", 1), 1 if tick % 2 else -1, hand.now)

    assert started <= 10


def test_flash_under_reduced_motion_never_starts(model: KeyedTableModel[Quote]) -> None:
    model.flashes.enabled = False

    model.upsert([quote("A", "11")])
    model.flush(0, 10)

    assert len(model.flashes) == 0


def test_refresh_announces_the_column_and_a_row_that_went_stale(hand: Hand) -> None:
    born = {"A": 100.0, "B": 80.0}

    def state(row: Quote) -> RowState:
        return RowState.STALE if hand.now - born[row.symbol] > 15 else RowState.NORMAL

    model: KeyedTableModel[Quote] = KeyedTableModel(COLUMNS, lambda q: q.symbol, state=state, now=hand)
    model.replace_all([quote("A"), quote("B")])
    cells = announced(model)

    model.refresh("age")
    model.flush(0, 10)

    assert sorted(cells) == [(0, 2), (1, 0), (1, 1), (1, 2)]


Step = Callable[[KeyedTableModel[Quote]], None]

_NAMES = st.sampled_from("ABCDEFGH")
_STEPS = st.one_of(
    st.tuples(st.just("upsert"), _NAMES, st.integers(0, 9)),
    st.tuples(st.just("remove"), _NAMES, st.just(0)),
    st.tuples(st.just("sort"), st.sampled_from(("symbol", "last", "none")), st.integers(0, 1)),
    st.tuples(st.just("filter"), st.sampled_from(("", "a", "1")), st.just(0)),
    st.tuples(st.just("group"), st.sampled_from(("0", "1")), st.just(0)),
)


@settings(max_examples=60)
@given(st.lists(_STEPS, max_size=30))
def test_model_after_any_changes_shows_each_accepted_row_once(steps: list[tuple[str, str, int]]) -> None:
    model: KeyedTableModel[Quote] = KeyedTableModel(
        COLUMNS, lambda q: q.symbol, group=lambda q: q.group, now=Hand()
    )
    expected: dict[str, Quote] = {}
    kept: dict[str, QPersistentModelIndex] = {}

    for name, word, number in steps:
        if name == "upsert":
            expected[word] = replace(quote(word, str(number)), group=str(number % 2))
            model.upsert([expected[word]])
        elif name == "remove":
            expected.pop(word, None)
            model.remove([word])
        elif name == "sort":
            model.sort_by(word, bool(number))
        elif name == "filter":
            model.set_filter(word)
        else:
            model.toggle_group(word)
        model.flush(0, 100)
        for at in range(model.rowCount()):
            key = model.lines.key_at(at)
            if isinstance(key, str) and key not in kept:
                kept[key] = QPersistentModelIndex(model.index(at, 0))

    assert dict(model.rows) == expected
    shown = [key for key in model.lines.ids if isinstance(key, str)]
    assert len(shown) == len(set(shown))
    assert set(shown) <= set(expected)
    assert all(model.lines.key_at(index.row()) == key for key, index in kept.items() if index.isValid())
