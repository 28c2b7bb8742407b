"""Rows as text for other programs: TSV for the clipboard, CSV for a file."""

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation

from ui.format import MINUS, UNKNOWN
from ui.models.columns import Column, Kind, Row

# A spreadsheet takes a cell that begins so for a formula (OWASP, CSV injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
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


def neutral(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def cell(column: Column[Row], row: Row) -> str:
    """Return a cell for another program: a figure as a plain number, a text that is no formula."""
    text = column.text(row)
    if column.kind in _NUMBER_KINDS:
        number = as_number(text)
        if number is not None:
            return number
    return neutral(text)


def tsv(columns: Sequence[Column[Row]], rows: Iterable[Row]) -> str:
    """Return rows for the clipboard, a line each, no head; tabs and line ends in a cell become spaces."""
    return "\n".join("\t".join(" ".join(cell(column, row).split()) for column in columns) for row in rows)


def csv_text(columns: Sequence[Column[Row]], rows: Iterable[Row]) -> str:
    """Return rows as RFC 4180 CSV with a head."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([neutral(column.title) for column in columns])
    writer.writerows([cell(column, row) for column in columns] for row in rows)
    return out.getvalue()
