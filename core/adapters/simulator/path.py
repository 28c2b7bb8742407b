"""How a bar becomes a path: it touches open, high, low and close, and trades the bar's volume.

Prices are whole ten-thousandths of a dollar, so that a tick of either size is a whole number.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

DOLLAR = 10_000
_LOT = 100


@dataclass(frozen=True, slots=True)
class DayBar:
    """One bar in ten-thousandths of a dollar, and its shares."""

    open: int
    high: int
    low: int
    close: int
    volume: int


@dataclass(frozen=True, slots=True)
class MinuteBars:
    """The minutes of one day of one symbol, oldest first, one place for each minute.

    Attributes:
        open: ten-thousandths of a dollar, like high, low and close.
        volume: shares.
        halted: minutes in which the symbol is halted.
    """

    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    halted: frozenset[int] = frozenset()

    def whole(self) -> DayBar:
        """Return the bar of the whole day."""
        return DayBar(
            int(self.open[0]),
            int(self.high.max()),
            int(self.low.min()),
            int(self.close[-1]),
            int(self.volume.sum()),
        )


@dataclass(frozen=True, slots=True)
class MinuteTicks:
    """Quote changes of one symbol in one minute, oldest first.

    Attributes:
        ms: milliseconds since the minute began.
        last: ten-thousandths of a dollar, like bid and ask.
        size: shares traded at this moment, 0 where only the quote changed.
        volume: shares traded this day so far.
    """

    ms: list[int]
    bid: list[int]
    ask: list[int]
    bid_size: list[int]
    ask_size: list[int]
    last: list[int]
    size: list[int]
    volume: list[int]
    halted: bool


def tick_size(price: int) -> int:
    """Return the smallest step at a price: a cent from one dollar up, else a hundredth of one."""
    return 100 if price >= DOLLAR else 1


def on_tick(prices: Floats) -> Ints:
    """Round prices to their tick."""
    cents = np.rint(prices / 100) * 100
    return np.maximum(np.where(prices >= DOLLAR, cents, np.rint(prices)), 1).astype(np.int64)


def bar_path(bar: DayBar, points: int, rng: np.random.Generator) -> tuple[Ints, list[int]]:
    """Draw a path through a bar.

    Args:
        bar: what must be touched.
        points: how many prices, at least 4.
        rng: consumed in a fixed order.

    Returns:
        The prices, and the places of open, high, low and close among them, in time order.
    """
    inner = sorted(int(place) for place in rng.choice(np.arange(1, points - 1), size=2, replace=False))
    high_first = bool(rng.random() < (0.5 if bar.close == bar.open else 0.3 if bar.close > bar.open else 0.7))
    middle = [bar.high, bar.low] if high_first else [bar.low, bar.high]
    places = [0, *inner, points - 1]
    values = [bar.open, *middle, bar.close]
    steps = np.arange(points)
    noise = np.cumsum(rng.standard_normal(points)) * ((bar.high - bar.low) / 3 / np.sqrt(points))
    noise -= np.interp(steps, places, noise[places])
    path = on_tick(np.clip(np.interp(steps, places, values) + noise, bar.low, bar.high))
    path[places] = values
    return path, places


def u_shape(minutes: int, morning: float = 3.6, evening: float = 4.2) -> Floats:
    """Return a weight for each minute of a day: high at the open and at the close, low at noon."""
    minute = np.arange(minutes)
    shape: Floats = 1 + morning * np.exp(-minute / 25) + evening * np.exp(-(minutes - 1 - minute) / 22)
    return shape


def spread_volume(volume: int, weights: Floats, must: list[int], rng: np.random.Generator) -> Ints:
    """Share a volume out by weight, at least one share to each place in `must` while there are enough."""
    sizes = np.zeros(len(weights), dtype=np.int64)
    served = must[: min(volume, len(must))]
    sizes[served] = 1
    rest = volume - len(served)
    return sizes + rng.multinomial(rest, weights / weights.sum()) if rest else sizes


def draw_ticks(
    bars: MinuteBars, minute: int, spread: int, density: tuple[int, int], rng: np.random.Generator
) -> MinuteTicks:
    """Turn one minute bar into quotes and trades.

    Every trade happens at the bid or at the ask of its moment; the other side stands a spread away.
    """
    bar = DayBar(
        int(bars.open[minute]),
        int(bars.high[minute]),
        int(bars.low[minute]),
        int(bars.close[minute]),
        int(bars.volume[minute]),
    )
    done = int(bars.volume[:minute].sum())
    if minute in bars.halted:
        return MinuteTicks([0], [0], [0], [0], [0], [bar.open], [0], [done], halted=True)
    count = int(rng.integers(*density))
    path, places = bar_path(bar, count, rng)
    ms = np.sort(rng.choice(60_000, size=count, replace=False))
    if minute == 0:
        ms[0] = 0
    weights = rng.random(count) ** 4 * (rng.random(count) < 0.4) + 1e-12
    size = spread_volume(bar.volume, weights, places, rng)
    traded = np.maximum.accumulate(np.where(size > 0, np.arange(count), 0))
    step = tick_size(int(path.min()))
    gap = np.maximum(spread // step + (rng.random(count) < 0.25), 1) * step
    bought = rng.random(count) < 0.5
    bid = np.maximum(np.where(bought, path - gap, path), step)
    ask = np.maximum(np.where(bought, path, path + gap), bid + step)
    depth = max(1, min(bar.volume // 4_000, 40))
    return MinuteTicks(
        ms=ms.tolist(),
        bid=bid.tolist(),
        ask=ask.tolist(),
        bid_size=(rng.integers(1, 4 + depth, count) * _LOT).tolist(),
        ask_size=(rng.integers(1, 4 + depth, count) * _LOT).tolist(),
        last=path[traded].tolist(),
        size=size.tolist(),
        volume=(done + np.cumsum(size)).tolist(),
        halted=False,
    )
