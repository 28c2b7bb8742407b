"""Numbers about the running program, kept where they arise and read together when somebody asks.

Plain Python, and nothing of how they are shown: `core.api.metrics` writes them for Prometheus. Instruments
may be touched from any thread. A label is a word of a closed list of ours (a state, a code, a route), never a
symbol, an account, an id or a text from outside.
"""

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

# Beyond it a label is no word of a closed list, and whatever comes is counted together.
MOST_LABELS = 400
OTHERS = "other"

# Seconds: from a tenth of a millisecond, which a write takes, to a minute, which nothing may.
SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
           10.0, 30.0, 60.0)  # fmt: skip

Labels = tuple[str, ...]


class Kind(StrEnum):
    """What a number does."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Sample:
    """One number under its labels' values."""

    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Spread:
    """How durations or sizes are spread, under their labels' values.

    Attributes:
        counts: how many were at most as large as each bound, and all of them at the end.
        total: their sum.
    """

    labels: Labels
    counts: tuple[int, ...]
    total: float


@dataclass(frozen=True, slots=True)
class Family:
    """All numbers of one name.

    Attributes:
        meaning: one sentence.
        labels: their names.
        bounds: of a histogram, ascending, the last one infinity; else empty.
    """

    name: str
    kind: Kind
    meaning: str
    labels: Labels
    samples: tuple[Sample, ...] = ()
    spreads: tuple[Spread, ...] = ()
    bounds: tuple[float, ...] = ()


class Instrument(Protocol):
    """Whatever can tell its numbers of now."""

    def family(self) -> Family:
        """Return them; never waits."""
        ...


class Counter:
    """Only ever grows.

    Args:
        name: for Prometheus, without the `_total` that it adds.
        words: values that are shown as 0 before anything was counted; for one label only.
    """

    def __init__(self, name: str, meaning: str, *labels: str, words: Iterable[str] = ()) -> None:
        self._name = name
        self._meaning = meaning
        self._labels = labels
        self._lock = threading.Lock()
        self._counts: dict[Labels, float] = {(word,): 0.0 for word in words}
        if not labels:
            self._counts[()] = 0.0

    def count(self, *values: str, by: float = 1.0) -> None:
        """Add to one of the numbers."""
        with self._lock:
            if values not in self._counts and len(self._counts) >= MOST_LABELS:
                values = (OTHERS,) * len(self._labels)
            self._counts[values] = self._counts.get(values, 0.0) + by

    def family(self) -> Family:
        """Return the numbers of now."""
        with self._lock:
            samples = tuple(Sample(labels, value) for labels, value in self._counts.items())
        return Family(self._name, Kind.COUNTER, self._meaning, self._labels, samples)


class Watched:
    """Numbers that stand somewhere already, and are looked up when somebody asks.

    Args:
        read: called on the core loop; nothing where a number is unknown.
    """

    def __init__(
        self,
        name: str,
        meaning: str,
        read: Callable[[], Iterable[Sample]],
        *labels: str,
        kind: Kind = Kind.GAUGE,
    ) -> None:
        self._name = name
        self._meaning = meaning
        self._read = read
        self._labels = labels
        self._kind = kind

    def family(self) -> Family:
        """Return the numbers of now."""
        return Family(self._name, self._kind, self._meaning, self._labels, tuple(self._read()))


def watched(name: str, meaning: str, read: Callable[[], float | None], kind: Kind = Kind.GAUGE) -> Watched:
    """Make an instrument of one number without labels; None shows nothing."""

    def samples() -> Iterable[Sample]:
        value = read()
        return () if value is None else (Sample((), value),)

    return Watched(name, meaning, samples, kind=kind)


def one_of(words: Iterable[str], current: str | None, *before: str) -> list[Sample]:
    """Show a state as Prometheus does: 1 for the word that holds, 0 for the others."""
    return [Sample((*before, word), float(word == current)) for word in words]


class Histogram:
    """How durations or sizes are spread."""

    def __init__(self, name: str, meaning: str, *labels: str, bounds: tuple[float, ...] = SECONDS) -> None:
        self._name = name
        self._meaning = meaning
        self._labels = labels
        self._bounds = bounds
        self._lock = threading.Lock()
        self._found: dict[Labels, list[int]] = {}
        self._totals: dict[Labels, float] = {}
        if not labels:
            self._begin(())

    def _begin(self, values: Labels) -> None:
        self._found[values] = [0] * (len(self._bounds) + 1)
        self._totals[values] = 0.0

    def observe(self, size: float, *values: str) -> None:
        """Count one duration (seconds) or size."""
        place = bisect_left(self._bounds, size)
        with self._lock:
            if values not in self._found:
                if len(self._found) >= MOST_LABELS:
                    values = (OTHERS,) * len(self._labels)
                if values not in self._found:
                    self._begin(values)
            self._found[values][place] += 1
            self._totals[values] += size

    def family(self) -> Family:
        """Return the numbers of now."""
        with self._lock:
            spreads = tuple(
                Spread(values, tuple(_running(counts)), self._totals[values])
                for values, counts in self._found.items()
            )
        bounds = (*self._bounds, float("inf"))
        return Family(self._name, Kind.HISTOGRAM, self._meaning, self._labels, spreads=spreads, bounds=bounds)


def _running(counts: Iterable[int]) -> Iterable[int]:
    total = 0
    for count in counts:
        total += count
        yield total


class Stopwatch:
    """Times pieces of work into a histogram.

    Args:
        monotonic: seconds that never go back.
    """

    def __init__(self, histogram: Histogram, monotonic: Callable[[], float]) -> None:
        self._histogram = histogram
        self._monotonic = monotonic

    def begin(self) -> "Lap":
        """Start the time of one piece of work."""
        return Lap(self._histogram, self._monotonic)


class Lap:
    """The time of one piece of work; what a person takes to answer can be left out."""

    def __init__(self, histogram: Histogram, monotonic: Callable[[], float]) -> None:
        self._histogram = histogram
        self._monotonic = monotonic
        self._begun = monotonic()
        self._paused = 0.0

    def pause(self) -> None:
        """Count no time until `go_on`."""
        self._paused = self._monotonic()

    def go_on(self) -> None:
        """Count again."""
        self._begun += self._monotonic() - self._paused

    def end(self) -> None:
        """Count the piece of work as done."""
        self._histogram.observe(self._monotonic() - self._begun)


class Registry:
    """All instruments of one core."""

    def __init__(self) -> None:
        self._instruments: list[Instrument] = []

    def add(self, *instruments: Instrument) -> None:
        """Take instruments in; each has a name of its own."""
        self._instruments.extend(instruments)

    def families(self) -> tuple[Family, ...]:
        """Return every number of now, in the order of the instruments."""
        return tuple(each.family() for each in self._instruments)
