"""Bars as numpy columns; here alone exact prices become floats, for drawing only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from core.domain.market import Bar
from ui.chart.pyramid import (
    CLOSE,
    HIGH,
    LOW,
    MIN_CAPACITY,
    VOLUME,
    Floats,
    Ints,
    Pyramid,
    Slice,
    Values,
    capacity_for,
    grown,
)
from ui.chart.wall_clock import WallClock


@dataclass(frozen=True, slots=True)
class Columns:
    """Bars as arrays: `time` in seconds UTC, `values` with shape (5, n): open, high, low, close, volume."""

    time: Ints
    values: Floats


class BarSeries:
    """Bars of one symbol and timeframe, oldest first. Appending and replacing the last one is O(log n)."""

    def __init__(self) -> None:
        self._clock = WallClock()
        self._pyramid = Pyramid()
        self._time: Ints = np.empty(MIN_CAPACITY, dtype=np.int64)
        self._local: Ints = np.empty(MIN_CAPACITY, dtype=np.int64)
        self._session: Ints = np.empty(MIN_CAPACITY, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._pyramid)

    @property
    def time(self) -> Ints:
        """Bar starts, seconds UTC."""
        return self._time[: len(self)]

    @property
    def local(self) -> Ints:
        """Bar starts as seconds of the wall clock in the window's zone; a bar stamped by date keeps it."""
        return self._local[: len(self)]

    @property
    def session(self) -> Ints:
        """Days since 1970 of the exchange's date, whatever zone the window shows."""
        return self._session[: len(self)]

    @property
    def high(self) -> Floats:
        return self._pyramid.row(HIGH)

    @property
    def low(self) -> Floats:
        return self._pyramid.row(LOW)

    @property
    def close(self) -> Floats:
        return self._pyramid.row(CLOSE)

    @property
    def volume(self) -> Floats:
        return self._pyramid.row(VOLUME)

    def bar(self, index: int) -> Values:
        """Return open, high, low, close and volume of one bar."""
        o, h, low, c, v = self._pyramid.values[:, index].tolist()
        return o, h, low, c, v

    def load(self, columns: Columns) -> None:
        """Replace everything by `columns`; their times must rise."""
        if len(columns.time) > 1 and not bool(np.all(np.diff(columns.time) > 0)):
            raise ValueError("bar times must rise strictly; a time is repeated or out of order")
        capacity = capacity_for(len(columns.time))
        self._time = grown(columns.time, capacity)
        local, session = self._clock.convert(columns.time)
        self._local, self._session = grown(local, capacity), grown(session, capacity)
        self._pyramid.load(columns.values)

    def upsert(self, time: datetime, values: Values) -> int:
        """Append a newer bar, replace the one with the same start or slip in a late one; return its index."""
        stamp = int(time.timestamp())
        index = int(np.searchsorted(self.time, stamp))
        if index == len(self):
            self._append_time(stamp)
        elif self._time[index] != stamp:
            self._insert(index, stamp, values)
            return index
        self._pyramid.put(index, values)
        return index

    def visible(self, first: int, last: int, max_buckets: int) -> Slice:
        """Return bars `first` to `last` (inclusive) in the most buckets that are at most `max_buckets`."""
        return self._pyramid.visible(first, last, max_buckets)

    def index_at(self, time: datetime) -> int:
        """Return the bar that was open at `time`, -1 if it is before the first."""
        return int(np.searchsorted(self.time, int(time.timestamp()), side="right")) - 1

    def extremes(self) -> tuple[float, float]:
        """Return the lowest low and the highest high of all bars; there must be one."""
        return self._pyramid.extremes()

    def rezone(self) -> None:
        """Read the wall clocks anew, after the window's zone changed."""
        local, session = self._clock.convert(self.time)
        self._local[: len(self)], self._session[: len(self)] = local, session

    def _append_time(self, stamp: int) -> None:
        index = len(self)
        if index == len(self._time):
            self._time = grown(self._time, 2 * (index + 1))
            self._local = grown(self._local, 2 * (index + 1))
            self._session = grown(self._session, 2 * (index + 1))
        self._time[index] = stamp
        local, session = self._clock.convert(self._time[index : index + 1])
        self._local[index], self._session[index] = local[0], session[0]

    def _insert(self, index: int, stamp: int, values: Values) -> None:
        times = np.insert(self.time, index, stamp)
        rows = np.insert(self._pyramid.values, index, values, axis=1)
        self.load(Columns(times, rows))


def columns_of_bars(bars: Sequence[Bar]) -> Columns:
    """Convert bar values, oldest first, to the floats that drawing needs."""
    stamps = np.fromiter((int(bar.time.timestamp()) for bar in bars), dtype=np.int64, count=len(bars))
    values = (value for bar in bars for value in values_of(bar))
    return Columns(stamps, np.fromiter(values, dtype=np.float64, count=5 * len(bars)).reshape(-1, 5).T)


def values_of(bar: Bar) -> Values:
    """Convert one bar to the floats that drawing needs."""
    return float(bar.open), float(bar.high), float(bar.low), float(bar.close), float(bar.volume)
