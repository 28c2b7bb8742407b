"""Recorded bars from a CSV file, read line by line; whatever is wrong is said with its line."""

import csv
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from pathlib import Path

from core.adapters.simulator.hours import NEW_YORK
from core.adapters.simulator.path import DOLLAR, tick_size
from core.errors import BadInput
from core.ids import Symbol

MAX_BYTES = 512 * 1024 * 1024
HISTORY_BARS = 60


_NEEDED = ("open", "high", "low", "close", "volume")
_TIME_NAMES = ("timestamp", "date", "datetime", "time")
_PIPS = Decimal(DOLLAR)
_MOST_DOLLARS = Decimal(10_000_000)
_MOST_SHARES = Decimal(10) ** 13


@dataclass(slots=True)
class BarTable:
    """The bars of one file, oldest first.

    Attributes:
        minute: start of each bar, minutes since 1970-01-01 UTC; for daily bars, midnight of the date.
        open: ten-thousandths of a dollar, on tick, like high, low and close.
        volume: shares.
        daily: whether the file has dates without a time of day.
    """

    symbol: Symbol
    daily: bool
    minute: "array[int]" = field(default_factory=lambda: array("q"))
    open: "array[int]" = field(default_factory=lambda: array("q"))
    high: "array[int]" = field(default_factory=lambda: array("q"))
    low: "array[int]" = field(default_factory=lambda: array("q"))
    close: "array[int]" = field(default_factory=lambda: array("q"))
    volume: "array[int]" = field(default_factory=lambda: array("q"))


def read_bars(path: Path) -> BarTable:
    """Read one file; the symbol is its name.

    The columns are date or timestamp, open, high, low, close and volume, in any case and order; others
    are ignored, and a first column without a name is taken for the date. Times without a zone are New York's.

    Raises:
        BadInput: file, line, what was expected and what was found.
    """
    _check_size(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read(str(path), Symbol(path.stem.upper()), csv.reader(file))
    except UnicodeDecodeError as error:
        raise BadInput(str(path), "expected UTF-8 text; save the file as UTF-8 and try again") from error
    except csv.Error as error:
        raise BadInput(str(path), f"expected comma-separated values: {error}") from error
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror}") from error


def files_of(path: Path) -> tuple[Path, ...]:
    """List the files that a path stands for: itself, or the CSV files of a folder by name.

    Raises:
        BadInput: there is no such path, or no CSV file in the folder.
    """
    if path.is_dir():
        found = tuple(sorted(file for file in path.iterdir() if file.suffix.lower() == ".csv"))
        if not found:
            raise BadInput(str(path), "expected at least one SYMBOL.csv in this folder")
        return found
    if not path.exists():
        raise BadInput(str(path), "there is no such file or folder")
    return (path,)


def _check_size(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror}") from error
    if size > MAX_BYTES:
        raise BadInput(str(path), f"expected at most 512 MB, found {size // (1024 * 1024)} MB")
    if size == 0:
        raise BadInput(str(path), "the file is empty")


def _read(file: str, symbol: Symbol, rows: Iterator[list[str]]) -> BarTable:
    header = next(rows, None)
    if header is None or not any(name.strip() for name in header):
        raise BadInput(file, "expected a line of column names", 1)
    columns = _columns(file, header)
    table: BarTable | None = None
    line = 1
    for line, row in enumerate(rows, start=2):
        if not row:
            continue
        if len(row) <= max(columns.values()):
            raise BadInput(file, f"expected {len(header)} values, found {len(row)}", line)
        moment = _moment(file, line, row[columns["time"]])
        if table is None:
            table = BarTable(symbol, daily=not isinstance(moment, datetime))
        _append(file, line, table, moment, {name: row[columns[name]] for name in _NEEDED})
    if table is None:
        raise BadInput(file, "there are no bars below the column names", line)
    if len(table.minute) <= HISTORY_BARS:
        wanted = f"expected at least {HISTORY_BARS + 1} bars (the first {HISTORY_BARS} are history)"
        raise BadInput(file, f"{wanted}, found {len(table.minute)}")
    return table


def _columns(file: str, header: Sequence[str]) -> dict[str, int]:
    names = [name.strip().lower() for name in header]
    places = {name: names.index(name) for name in _NEEDED if name in names}
    times = [names.index(name) for name in _TIME_NAMES if name in names]
    if not times and names[0] in ("", "unnamed: 0", "index"):
        times = [0]
    missing = [name for name in _NEEDED if name not in places] + ([] if times else ["date or timestamp"])
    if missing:
        raise BadInput(file, f"missing column: {', '.join(missing)}; found {', '.join(header)}", 1)
    return {**places, "time": times[0]}


def _moment(file: str, line: int, text: str) -> date | datetime:
    text = text.strip()
    try:
        if len(text) <= 10:
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(
            file, f"expected a date like 2026-01-31 or 2026-01-31 09:30, found {text[:40]!r}", line
        ) from error
    if moment.tzinfo is None:
        # A daily file that was written with a time of day has midnight everywhere.
        return moment.date() if moment.time() == time() else moment.replace(tzinfo=NEW_YORK)
    return moment


def _append(file: str, line: int, table: BarTable, moment: date | datetime, cells: dict[str, str]) -> None:
    is_daily = not isinstance(moment, datetime)
    if is_daily is not table.daily:
        raise BadInput(file, "expected either dates or times in the whole file, found both", line)
    minute = _minute(moment)
    if table.minute and minute <= table.minute[-1]:
        fault = "twice" if minute == table.minute[-1] else "after a later one"
        raise BadInput(file, f"expected dates in ascending order, found {moment} {fault}", line)
    prices = {name: _price(file, line, name, cells[name]) for name in _NEEDED[:-1]}
    if prices["high"] < max(prices["open"], prices["close"], prices["low"]):
        raise BadInput(file, f"expected the high {cells['high']} to be the highest of the four prices", line)
    if prices["low"] > min(prices["open"], prices["close"]):
        raise BadInput(file, f"expected the low {cells['low']} to be the lowest of the four prices", line)
    volume = _number(file, line, "volume", cells["volume"])
    if not 0 <= volume < _MOST_SHARES:
        raise BadInput(file, f"expected a volume of zero or more, found {cells['volume']}", line)
    table.minute.append(minute)
    table.open.append(prices["open"])
    table.high.append(prices["high"])
    table.low.append(prices["low"])
    table.close.append(prices["close"])
    table.volume.append(int(volume))


def _minute(moment: date | datetime) -> int:
    if isinstance(moment, datetime):
        return int(moment.timestamp()) // 60
    return int(datetime(moment.year, moment.month, moment.day, tzinfo=UTC).timestamp()) // 60


def _price(file: str, line: int, name: str, text: str) -> int:
    value = _number(file, line, name, text)
    if not 0 < value < _MOST_DOLLARS:
        raise BadInput(file, f"expected a price above zero in {name}, found {text}", line)
    # Adjusted histories have prices between ticks; an exchange has none, so they go to the nearest.
    step = tick_size(int(value * _PIPS))
    return max(int((value * _PIPS / step).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)) * step, 1)


def _number(file: str, line: int, name: str, text: str) -> Decimal:
    try:
        value = Decimal(text.strip())
    except InvalidOperation as error:
        raise BadInput(file, f"expected a number in {name}, found {text[:40]!r}", line) from error
    if not value.is_finite():
        raise BadInput(file, f"expected a number in {name}, found {text[:40]!r}", line)
    return value
