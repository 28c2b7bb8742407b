"""SA-1: what a table hands to a spreadsheet is a number where it is a figure, and no formula where a text."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.spreadsheet import neutral
from core.orders.report_files import _cell
from tests.arch.source import ROOT
from ui import format as fmt
from ui.models.columns import Align, Column, Kind
from ui.widgets.table_export import csv_text, tsv

Row = tuple[str, Decimal | None]
COLUMNS = (
    Column[Row]("text", "=Text", 90, lambda r: r[0]),
    Column[Row]("pnl", "P&L", 90, lambda r: fmt.pnl(r[1]), Align.RIGHT, Kind.CHANGE, value=lambda r: r[1]),
)
HOSTILE = (
    '=HYPERLINK("http://example.test","x")', "@SUM(A1)", "-2+3", "\t=1", "+1", "\r=1", "\n=1", " =1",
    "\u00a0=1", "\ufeff=1", "\u200b=1", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM", "=cmd|' /C calc'!A0",
)  # fmt: skip
STARTS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
money = st.decimals(min_value=Decimal(-(10**9)), max_value=Decimal(10**9), places=2)


def is_formula(cell: str) -> bool:
    seen = "".join(each for each in cell if each.isprintable()).strip()
    return seen.startswith(STARTS) or cell[:1] in ("\t", "\r", "\n")


def read_csv(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_beside_a_real_loss(text: str) -> None:
    rows: list[Row] = [(text, Decimal(-5))]

    head, line = read_csv(csv_text(COLUMNS, rows))
    ((copied, figure),) = [each.split("\t") for each in tsv(COLUMNS, rows).split("\n")]

    assert not any(is_formula(each) for each in (*head, line[0], copied))
    assert Decimal(line[1]) == Decimal(figure) == Decimal(-5)


@given(st.lists(st.tuples(st.text(max_size=20), st.none() | money), max_size=5))
def test_no_text_becomes_a_formula_and_no_figure_a_text(rows: list[Row]) -> None:
    exported = read_csv(csv_text(COLUMNS, rows))[1:]
    copied = [line.split("\t") for line in tsv(COLUMNS, rows).split("\n")] if rows else []

    for text, figure in (*exported, *copied):
        assert not is_formula(text)
        assert figure == "" or Decimal(figure).is_finite()
    assert [line[1] for line in exported] == [line[1] for line in copied]
    assert [Decimal(line[1]) if line[1] else None for line in exported] == [figure for _, figure in rows]


@pytest.mark.parametrize("text", ["AAPL", "buy 20 limit 189.43", "a=b", "5 - 3", "", "'=1"])
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert neutral(text) == text


def test_time_in_a_cell_is_no_formula() -> None:
    moment = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)

    assert neutral(f"{moment:%Y-%m-%d %H:%M}") == "2026-01-05 14:30"


def test_nobody_else_writes_a_table() -> None:
    writers = {
        path.relative_to(ROOT).as_posix()
        for folder in ("app", "core", "ui")
        for path in (ROOT / folder).rglob("*.py")
        if "csv.writer" in path.read_text(encoding="utf-8")
    }

    assert writers == {"core/orders/report_files.py", "ui/widgets/table_export.py"}


@given(st.text(max_size=20) | money.map(str))
def test_cell_of_the_days_report_is_a_number_or_no_formula(text: str) -> None:
    told = _cell(text)

    assert not is_formula(told) or Decimal(told).is_finite()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_the_days_report_is_neutral(text: str) -> None:
    assert not is_formula(_cell(text))
