"""A daily report as files: JSON for programs, CSV for a spreadsheet."""

import csv
import io
import json
import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path

from core.domain.money import normal, plain
from core.domain.reports import DailyReport
from core.domain.spreadsheet import neutral

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def as_json(report: DailyReport) -> str:
    """Write a report as JSON; numbers are text, so that none is rounded."""
    return json.dumps(_plain(report), indent=2, ensure_ascii=False) + "\n"


def as_csv(report: DailyReport) -> str:
    """Write a report as lines of section, name and value."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("section", "name", "value"))
    for row in _rows(report):
        writer.writerow(tuple(_cell(text) for text in row))
    return file.getvalue()


def write(report: DailyReport, folder: Path) -> tuple[Path, ...]:
    """Write both files into a folder, in the place of older ones of the same day; answers their paths.

    Raises:
        OSError: a file could not be written.
    """
    texts = {"json": as_json(report), "csv": as_csv(report)}
    made = []
    for kind, text in texts.items():
        path = folder / f"investiq-report-{report.market_date.isoformat()}.{kind}"
        path.write_text(text, encoding="utf-8")
        made.append(path)
    return tuple(made)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Decimal):
        return plain(normal(value))
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, date | datetime) else value


def _rows(report: DailyReport) -> Iterable[tuple[str, str, str]]:
    for field in fields(report):
        value = _plain(getattr(report, field.name))
        if not isinstance(value, list):
            yield "day", field.name, _text(value)
            continue
        for number, each in enumerate(value, start=1):
            for name, cell in each.items():
                yield field.name, f"{number} {name}", _text(cell)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _cell(text: str) -> str:
    is_number = _NUMBER.fullmatch(text) is not None
    return text if is_number else neutral(text)
