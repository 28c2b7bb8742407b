"""Recorded bars as a live market: a `BarSource` of one or more CSV files.

A daily bar becomes 390 minutes along a path that touches its open, high, low and close and trades its
volume. Bars of minutes or hours are used as they are; one longer than a minute is filled the same way.
"""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import numpy as np

from core.adapters.simulator.csv_bars import HISTORY_BARS, BarTable, files_of, read_bars
from core.adapters.simulator.hours import NEW_YORK
from core.adapters.simulator.path import (
    DayBar,
    Ints,
    MinuteBars,
    bar_path,
    spread_volume,
    tick_size,
    u_shape,
)
from core.adapters.simulator.session import MINUTES, market_hours
from core.domain.instrument import Instrument
from core.errors import BadInput
from core.ids import Symbol

_POINTS = 4  # of a path in one minute, so that a minute has a range of its own
_EPOCH = date(1970, 1, 1)


class BarReplay:
    """The market of recorded files. Trading starts at bar 60 of the symbol whose bar 60 is latest."""

    def __init__(self, path: Path, seed: int = 7) -> None:
        self._seed = seed
        self._tables = {table.symbol: table for table in map(read_bars, files_of(path))}
        kinds = {table.daily for table in self._tables.values()}
        if len(kinds) > 1:
            raise BadInput(str(path), "expected either daily files or files with times, found both")
        self._daily = kinds.pop()
        self._rows = {symbol: _rows_by_day(table) for symbol, table in self._tables.items()}
        self._days = tuple(sorted({day for rows in self._rows.values() for day in rows}))
        self._start = max(self._time_of(table, HISTORY_BARS) for table in self._tables.values())
        self._minutes_of = lru_cache(maxsize=64)(self._draw_minutes)

    @property
    def seed(self) -> int:
        """What the paths are drawn from."""
        return self._seed

    @property
    def start(self) -> datetime:
        """The start of bar 60, UTC."""
        return self._start

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """One instrument a file; nothing is known but the symbol."""
        return tuple(Instrument(symbol, symbol, "Replay") for symbol in self._tables)

    @property
    def days(self) -> Sequence[date]:
        """The days that have bars."""
        return self._days

    def hours(self, day: int) -> tuple[datetime, datetime]:
        """Return regular hours; where bars have times, from the first to the last of the day."""
        if self._daily:
            return market_hours(self._days[day])
        spans = [self._span(symbol, self._days[day]) for symbol in self._tables]
        present = [span for span in spans if span is not None]
        return _at(min(first for first, _ in present)), _at(max(last for _, last in present))

    def minutes(self, symbol: Symbol, day: int) -> MinuteBars | None:
        """Return the minutes of a day."""
        return self._minutes_of(symbol, day)

    def day_bar(self, symbol: Symbol, day: int) -> DayBar | None:
        """Return the recorded bar of the day, or the day's recorded bars as one."""
        rows = self._rows.get(symbol, {}).get(self._days[day])
        if rows is None:
            return None
        table, part = self._tables[symbol], slice(rows.start, rows.stop)
        return DayBar(
            table.open[rows.start],
            max(table.high[part]),
            min(table.low[part]),
            table.close[rows.stop - 1],
            sum(table.volume[part]),
        )

    def spread(self, symbol: Symbol, price: int) -> int:
        """Return two hundredths of a percent of the price, at least one tick."""
        return max(price // 5_000, tick_size(price))

    def ticks_per_minute(self) -> tuple[int, int]:
        """Return about one change every five market seconds: replays run faster than life."""
        return 8, 16

    def _time_of(self, table: BarTable, bar: int) -> datetime:
        return market_hours(_date_of(table, bar))[0] if self._daily else _at(table.minute[bar])

    def _span(self, symbol: Symbol, day: date) -> tuple[int, int] | None:
        rows = self._rows[symbol].get(day)
        if rows is None:
            return None
        table = self._tables[symbol]
        return table.minute[rows.start], table.minute[rows.stop - 1] + _width(table, rows)

    def _draw_minutes(self, symbol: Symbol, day: int) -> MinuteBars | None:
        rows = self._rows.get(symbol, {}).get(self._days[day])
        if rows is None:
            return None
        rng = np.random.default_rng((self._seed, crc32(symbol.encode()), self._days[day].toordinal()))
        table = self._tables[symbol]
        if self._daily:
            return _unfold(_bar(table, rows.start), MINUTES, rng)
        opens, closes = self.hours(day)
        whole = _flat(table.open[rows.start], (closes - opens) // timedelta(minutes=1))
        first = int(opens.timestamp()) // 60
        for row, end in pairwise([*rows, rows.stop]):
            begin = table.minute[row] - first
            until = begin + _width(table, rows) if end == rows.stop else table.minute[end] - first
            width = min(until - begin, _width(table, rows))
            _put(whole, begin, _unfold(_bar(table, row), width, rng))
            for prices in (whole.open, whole.high, whole.low, whole.close):
                prices[begin + width :] = table.close[row]
        return whole


def _rows_by_day(table: BarTable) -> dict[date, range]:
    found: dict[date, range] = {}
    start = 0
    while start < len(table.minute):
        day = _date_of(table, start)
        # The next row of another day, found by its first minute.
        stop = bisect_left(table.minute, _first_minute(table, day + timedelta(days=1)), start)
        found[day] = range(start, stop)
        start = stop
    return found


def _date_of(table: BarTable, row: int) -> date:
    if table.daily:
        return _EPOCH + timedelta(days=table.minute[row] // 1440)
    return _at(table.minute[row]).astimezone(NEW_YORK).date()


def _first_minute(table: BarTable, day: date) -> int:
    if table.daily:
        return (day - _EPOCH).days * 1440
    return int(datetime(day.year, day.month, day.day, tzinfo=NEW_YORK).timestamp()) // 60


def _at(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


def _width(table: BarTable, rows: range) -> int:
    steps = [table.minute[row + 1] - table.minute[row] for row in rows[:-1]]
    return min(steps, default=1)


def _bar(table: BarTable, row: int) -> DayBar:
    return DayBar(table.open[row], table.high[row], table.low[row], table.close[row], table.volume[row])


def _flat(price: int, minutes: int) -> MinuteBars:
    opened, high, low, close = (np.full(minutes, price, dtype=np.int64) for _ in range(4))
    return MinuteBars(opened, high, low, close, np.zeros(minutes, dtype=np.int64))


def _put(whole: MinuteBars, begin: int, part: MinuteBars) -> None:
    end = begin + len(part.close)
    whole.open[begin:end] = part.open
    whole.high[begin:end] = part.high
    whole.low[begin:end] = part.low
    whole.close[begin:end] = part.close
    whole.volume[begin:end] = part.volume


def _unfold(bar: DayBar, minutes: int, rng: np.random.Generator) -> MinuteBars:
    """Make minutes of one bar."""
    if minutes == 1:
        opened, high, low, close, volume = (
            _single(n) for n in (bar.open, bar.high, bar.low, bar.close, bar.volume)
        )
        return MinuteBars(opened, high, low, close, volume)
    path, places = bar_path(bar, minutes * _POINTS, rng)
    table = path.reshape(minutes, _POINTS)
    busy = sorted({place // _POINTS for place in places})
    weights = u_shape(minutes) * np.exp(rng.normal(0, 0.35, minutes))
    return MinuteBars(
        open=table[:, 0].copy(),
        high=table.max(axis=1),
        low=table.min(axis=1),
        close=table[:, -1].copy(),
        volume=spread_volume(bar.volume, weights, busy, rng),
    )


def _single(number: int) -> Ints:
    return np.array([number], dtype=np.int64)
