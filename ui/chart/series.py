"""Bars as numpy columns with an OHLC pyramid; here alone exact prices become floats, for drawing only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from core.domain.market import Bar
from ui import format as fmt

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_T = TypeVar("_T", bound=np.generic)

FANOUT = 4
DAY_S = 86_400
_MIN_CAPACITY = 256
_EXCHANGE = ZoneInfo("America/New_York")
_OPEN, _HIGH, _LOW, _CLOSE, _VOLUME = range(5)


@dataclass(frozen=True, slots=True)
class Slice:
    """The buckets of one pyramid level that a span of bars touches; arrays are views, oldest first.

    `step` bars make one bucket, `x` is each bucket's centre in bar indices, `last` the index of its last bar.
    `volume` is the largest single bar of the bucket, so that the scale means the same at every zoom.
    """

    step: int
    x: Floats
    last: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


class BarSeries:
    """Bars of one symbol and timeframe, oldest first. Appending and replacing the last one is O(log n)."""

    def __init__(self) -> None:
        self._clock = _Clock()
        self._count = 0
        self._time: Ints = np.empty(_MIN_CAPACITY, dtype=np.int64)
        self._local: Ints = np.empty(_MIN_CAPACITY, dtype=np.int64)
        self._session: Ints = np.empty(_MIN_CAPACITY, dtype=np.int64)
        self._levels: list[Floats] = [np.empty((5, _MIN_CAPACITY))]

    def __len__(self) -> int:
        return self._count

    @property
    def time(self) -> Ints:
        """Bar starts, seconds UTC."""
        return self._time[: self._count]

    @property
    def local(self) -> Ints:
        """Bar starts as seconds of the wall clock in the window's zone; a bar stamped by date keeps it."""
        return self._local[: self._count]

    @property
    def session(self) -> Ints:
        """Days since 1970 of the exchange's date, whatever zone the window shows."""
        return self._session[: self._count]

    @property
    def high(self) -> Floats:
        return self._levels[0][_HIGH, : self._count]

    @property
    def low(self) -> Floats:
        return self._levels[0][_LOW, : self._count]

    @property
    def close(self) -> Floats:
        return self._levels[0][_CLOSE, : self._count]

    @property
    def volume(self) -> Floats:
        return self._levels[0][_VOLUME, : self._count]

    def bar(self, index: int) -> tuple[float, float, float, float, float]:
        """Return open, high, low, close and volume of one bar."""
        o, h, low, c, v = self._levels[0][:, index].tolist()
        return o, h, low, c, v

    def load(self, columns: "Columns") -> None:
        """Replace everything by `columns`; their times must rise."""
        if len(columns.time) > 1 and not bool(np.all(np.diff(columns.time) > 0)):
            raise ValueError("bar times must rise strictly; a time is repeated or out of order")
        self._count = len(columns.time)
        capacity = max(_MIN_CAPACITY, self._count + self._count // 8)
        self._time = _grown(columns.time, capacity)
        local, session = self._clock.convert(columns.time)
        self._local, self._session = _grown(local, capacity), _grown(session, capacity)
        self._levels = [_grown(columns.values, capacity)]
        while self._buckets(len(self._levels)) > 1:
            self._add_level()

    def upsert(self, time: datetime, values: tuple[float, float, float, float, float]) -> int:
        """Append a newer bar, replace the one with the same start or slip in a late one; return its index."""
        stamp = int(time.timestamp())
        index = int(np.searchsorted(self.time, stamp))
        if index < self._count and self._time[index] != stamp:
            self._insert(index, stamp, values)
            return index
        if index == self._count:
            self._reserve(index + 1)
            self._time[index] = stamp
            local, session = self._clock.convert(self._time[index : index + 1])
            self._local[index], self._session[index] = local[0], session[0]
            self._count += 1
        self._levels[0][:, index] = values
        self._refresh_parents(index)
        return index

    def visible(self, first: int, last: int, max_buckets: int) -> Slice:
        """Return the finest level on which bars `first` to `last` (inclusive) need at most `max_buckets`."""
        level = 0
        while level + 1 < len(self._levels) and (last - first + 1) / FANOUT**level > max_buckets:
            level += 1
        step = FANOUT**level
        lo, hi = first // step, last // step + 1
        o, h, low, c, v = self._levels[level][:, lo:hi]
        starts = np.arange(lo, hi, dtype=np.int64) * step
        ends = np.minimum(starts + step, self._count)
        return Slice(step, (starts + ends - 1) / 2, ends - 1, o, h, low, c, v)

    def index_at(self, time: datetime) -> int:
        """Return the bar that was open at `time`, -1 if it is before the first."""
        return int(np.searchsorted(self.time, int(time.timestamp()), side="right")) - 1

    def extremes(self) -> tuple[float, float]:
        """Return the lowest low and the highest high of all bars; there must be one."""
        top = self._levels[-1][:, : self._buckets(len(self._levels) - 1)]
        return float(top[_LOW].min()), float(top[_HIGH].max())

    def rezone(self) -> None:
        """Read the wall clocks anew, after the window's zone changed."""
        local, session = self._clock.convert(self.time)
        self._local[: self._count], self._session[: self._count] = local, session

    def _buckets(self, level: int) -> int:
        return -(-self._count // int(FANOUT**level))

    def _reserve(self, count: int) -> None:
        if count > len(self._time):
            self._time = _grown(self.time, count * 2)
            self._local = _grown(self.local, count * 2)
            self._session = _grown(self.session, count * 2)
        for level, values in enumerate(self._levels):
            needed = -(-count // FANOUT**level)
            if needed > values.shape[1]:
                self._levels[level] = _grown(values, needed * 2)

    def _add_level(self) -> None:
        level = len(self._levels)
        below = self._levels[-1][:, : self._buckets(level - 1)]
        starts = np.arange(0, below.shape[1], FANOUT)
        ends = np.minimum(starts + FANOUT, below.shape[1]) - 1
        built = np.empty((5, len(starts)))
        built[_OPEN] = below[_OPEN, starts]
        built[_HIGH] = np.maximum.reduceat(below[_HIGH], starts)
        built[_LOW] = np.minimum.reduceat(below[_LOW], starts)
        built[_CLOSE] = below[_CLOSE, ends]
        built[_VOLUME] = np.maximum.reduceat(below[_VOLUME], starts)
        self._levels.append(_grown(built, max(64, len(starts) + len(starts) // 8)))

    def _refresh_parents(self, index: int) -> None:
        if self._buckets(len(self._levels)) > 1:
            self._add_level()
        for level in range(1, len(self._levels)):
            below, bucket = self._levels[level - 1], index // FANOUT**level
            lo, hi = bucket * FANOUT, min(bucket * FANOUT + FANOUT, self._buckets(level - 1))
            children = below[:, lo:hi]
            here = self._levels[level]
            here[_OPEN, bucket] = children[_OPEN, 0]
            here[_HIGH, bucket] = children[_HIGH].max()
            here[_LOW, bucket] = children[_LOW].min()
            here[_CLOSE, bucket] = children[_CLOSE, -1]
            here[_VOLUME, bucket] = children[_VOLUME].max()

    def _insert(self, index: int, stamp: int, values: tuple[float, float, float, float, float]) -> None:
        times = np.insert(self.time, index, stamp)
        rows = np.insert(self._levels[0][:, : self._count], index, values, axis=1)
        self.load(Columns(times, rows))


class _Clock:
    """UTC seconds to wall clocks, with one look-up a UTC day.

    That is exact for bars: the US clock changes on a Sunday at 06:00 or 07:00 UTC, when nothing trades.
    """

    def __init__(self) -> None:
        self._zone = fmt.zone()
        self._offsets: dict[int, tuple[int, int]] = {}

    def convert(self, times: Ints) -> tuple[Ints, Ints]:
        if self._zone is not fmt.zone():
            self._zone = fmt.zone()
            self._offsets.clear()
        days, inverse = np.unique(times // DAY_S, return_inverse=True)
        offsets = np.array([self._of_day(int(day)) for day in days], dtype=np.int64).reshape(-1, 2)
        is_date = times % DAY_S == 0
        local = np.where(is_date, times, times + offsets[inverse, 0])
        session = np.where(is_date, times, times + offsets[inverse, 1]) // DAY_S
        return local, session

    def _of_day(self, day: int) -> tuple[int, int]:
        if day not in self._offsets:
            noon = datetime.fromtimestamp(day * DAY_S + DAY_S // 2, tz=UTC)
            self._offsets[day] = _offset_s(fmt.in_zone(noon)), _offset_s(noon.astimezone(_EXCHANGE))
        return self._offsets[day]


@dataclass(frozen=True, slots=True)
class Columns:
    """Bars as arrays: `time` in seconds UTC, `values` with shape (5, n): open, high, low, close, volume."""

    time: Ints
    values: Floats


def columns_of(
    times: Sequence[datetime], prices: Sequence[Sequence[Decimal]], volumes: Sequence[Decimal | int]
) -> Columns:
    """Convert exact columns (`prices`: open, high, low, close) to the floats that drawing needs."""
    rows = [*prices, volumes]
    if any(len(row) != len(times) for row in rows):
        raise ValueError(f"every column needs {len(times)} values, found {[len(row) for row in rows]}")
    values = np.empty((5, len(times)))
    for index, row in enumerate(rows):
        values[index] = np.fromiter(map(float, row), dtype=np.float64, count=len(row))
    stamps = np.fromiter((int(time.timestamp()) for time in times), dtype=np.int64, count=len(times))
    return Columns(stamps, values)


def columns_of_bars(bars: Iterable[Bar]) -> Columns:
    """Convert bar values, oldest first, to the floats that drawing needs."""
    kept = list(bars)
    prices = list(zip(*((bar.open, bar.high, bar.low, bar.close) for bar in kept), strict=True)) or [()] * 4
    return columns_of([bar.time for bar in kept], prices, [bar.volume for bar in kept])


def values_of(bar: Bar) -> tuple[float, float, float, float, float]:
    """Convert one bar to the floats that drawing needs."""
    return float(bar.open), float(bar.high), float(bar.low), float(bar.close), float(bar.volume)


def _grown(source: NDArray[_T], capacity: int) -> NDArray[_T]:
    grown = np.empty((*source.shape[:-1], capacity), dtype=source.dtype)
    grown[..., : source.shape[-1]] = source
    return grown


def _offset_s(moment: datetime) -> int:
    offset = moment.utcoffset()
    return int(offset.total_seconds()) if offset else 0
