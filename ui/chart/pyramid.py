"""Bars at every zoom: each level of the pyramid holds four buckets of the one below as one."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Values = tuple[float, float, float, float, float]  # open, high, low, close, volume

_T = TypeVar("_T", bound=np.generic)

FANOUT = 4
MIN_CAPACITY = 256
OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)


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


class Pyramid:
    """Open, high, low, close and volume, oldest first. Appending and replacing the last one is O(log n)."""

    def __init__(self) -> None:
        self._count = 0
        self._levels: list[Floats] = [np.empty((5, MIN_CAPACITY))]

    def __len__(self) -> int:
        return self._count

    @property
    def values(self) -> Floats:
        """The bars themselves, shape (5, n); a view."""
        return self._levels[0][:, : self._count]

    def row(self, which: int) -> Floats:
        """Return one of OPEN to VOLUME for every bar; a view."""
        return self._levels[0][which, : self._count]

    def load(self, values: Floats) -> None:
        """Replace everything by `values`, shape (5, n)."""
        self._count = values.shape[1]
        self._levels = [grown(values, capacity_for(self._count))]
        while self._buckets(len(self._levels)) > 1:
            self._add_level()

    def put(self, index: int, values: Values) -> None:
        """Replace one bar, or append it where `index` is the number of bars."""
        if index == self._count:
            self._reserve(index + 1)
            self._count += 1
        self._levels[0][:, index] = values
        self._refresh_parents(index)

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

    def extremes(self) -> tuple[float, float]:
        """Return the lowest low and the highest high of all bars; there must be one."""
        top = self._levels[-1][:, : self._buckets(len(self._levels) - 1)]
        return float(top[LOW].min()), float(top[HIGH].max())

    def _buckets(self, level: int) -> int:
        return -(-self._count // int(FANOUT**level))

    def _reserve(self, count: int) -> None:
        for level, values in enumerate(self._levels):
            needed = -(-count // FANOUT**level)
            if needed > values.shape[1]:
                self._levels[level] = grown(values, needed * 2)

    def _add_level(self) -> None:
        level = len(self._levels)
        below = self._levels[-1][:, : self._buckets(level - 1)]
        starts = np.arange(0, below.shape[1], FANOUT)
        ends = np.minimum(starts + FANOUT, below.shape[1]) - 1
        built = np.empty((5, len(starts)))
        built[OPEN] = below[OPEN, starts]
        built[HIGH] = np.maximum.reduceat(below[HIGH], starts)
        built[LOW] = np.minimum.reduceat(below[LOW], starts)
        built[CLOSE] = below[CLOSE, ends]
        built[VOLUME] = np.maximum.reduceat(below[VOLUME], starts)
        self._levels.append(grown(built, max(64, len(starts) + len(starts) // 8)))

    def _refresh_parents(self, index: int) -> None:
        if self._buckets(len(self._levels)) > 1:
            self._add_level()
        for level in range(1, len(self._levels)):
            below, bucket = self._levels[level - 1], index // FANOUT**level
            lo, hi = bucket * FANOUT, min(bucket * FANOUT + FANOUT, self._buckets(level - 1))
            children = below[:, lo:hi]
            here = self._levels[level]
            here[OPEN, bucket] = children[OPEN, 0]
            here[HIGH, bucket] = children[HIGH].max()
            here[LOW, bucket] = children[LOW].min()
            here[CLOSE, bucket] = children[CLOSE, -1]
            here[VOLUME, bucket] = children[VOLUME].max()


def capacity_for(count: int) -> int:
    """Return how many places to keep for `count` bars and those that will come."""
    return max(MIN_CAPACITY, count + count // 8)


def grown(source: NDArray[_T], capacity: int) -> NDArray[_T]:
    """Return a copy of `source` with room for `capacity` along its last axis."""
    larger = np.empty((*source.shape[:-1], capacity), dtype=source.dtype)
    larger[..., : source.shape[-1]] = source
    return larger
