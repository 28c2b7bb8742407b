"""Rows as text for other programs: TSV for the clipboard, CSV for a file."""

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation

from core.domain.spreadsheet import neutral
from ui.format import MINUS, UNKNOWN
from ui.models.columns import Column, Kind, Row

_NUMBER_KINDS = (Kind.NUMBER, Kind.CHANGE, Kind.AGE)


def as_number(text: str) -> str | None:
    """Return the plain number behind a shown figure, empty for an unknown one, None for a text."""
    if text in (UNKNOWN, ""):
        return ""
    bare = text.replace(MINUS, "-").replace(",", "").removesuffix("%").strip().removeprefix("+")
    try:
        number = Decimal(bare)
    except InvalidOperation:
        return None
    return bare if number.is_finite() else None


def _told(column: Column[Row], text: str) -> str:
    # For another program: a figure as a plain number, a text that is no formula.
    if column.kind in _NUMBER_KINDS:
        number = as_number(text)
        if number is not None:
            return number
    return neutral(text)


def tsv(columns: Sequence[Column[Row]], rows: Iterable[Row]) -> str:
    """Return rows for the clipboard, a line each, no head; tabs and line ends in a cell become spaces."""
    return "\n".join(
        "\t".join(_told(column, _on_one_line(column, row)) for column in columns) for row in rows
    )


def _on_one_line(column: Column[Row], row: Row) -> str:
    # Before it is made harmless: what begins a cell may begin it only now.
    return " ".join(column.text(row).split())


def csv_text(columns: Sequence[Column[Row]], rows: Iterable[Row]) -> str:
    """Return rows as RFC 4180 CSV with a head."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([neutral(column.title) for column in columns])
    writer.writerows([_told(column, column.text(row)) for column in columns] for row in rows)
    return out.getvalue()
