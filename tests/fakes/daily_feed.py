"""The history of a market feed, as a test says it is: daily bars, none, late, or refused."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np

from core.domain.market import Bar, Timeframe
from core.domain.money import Price, Qty
from core.ids import Symbol


def days_before(last: date, count: int) -> list[date]:
    """Return so many weekdays before a date, oldest first."""
    found: list[date] = []
    while len(found) < count:
        last -= timedelta(days=1)
        if last.weekday() < 5:
            found.append(last)
    return found[::-1]


def daily_bars(
    symbol: Symbol, closes: Sequence[float], before: date, volume: int = 1_000_000
) -> tuple[Bar, ...]:
    """Make a bar a weekday that ends at each close, one percent high and low of it."""
    days = days_before(before, len(closes))
    return tuple(daily_bar(symbol, day, close, volume) for day, close in zip(days, closes, strict=True))


def daily_bar(symbol: Symbol, day: date, close: float, volume: int = 1_000_000) -> Bar:
    """Make one bar, stamped as the vendors do: midnight in New York."""
    last = Decimal(f"{close:.4f}")
    edge = Price((last / 100).quantize(Decimal("0.0001")))
    at = datetime.combine(day, time(5), UTC)
    return Bar(symbol, at, Price(last), Price(last + edge), Price(last - edge), Price(last), Qty(volume))


def walk(count: int, seed: int, start: float = 100.0) -> list[float]:
    """Make closes that wander, the same for the same seed."""
    moves = np.random.default_rng(seed).normal(0, 0.02, count)
    return [float(f"{each:.4f}") for each in start * np.exp(np.cumsum(moves))]


class DailyFeed:
    """Answers `bars` and nothing else.

    Attributes:
        history: what it has of each symbol.
        errors: what it raises instead.
        asked: each question, in order.
        held: while not set, no answer leaves.
    """

    def __init__(self) -> None:
        self.history: dict[Symbol, tuple[Bar, ...]] = {}
        self.errors: dict[Symbol, Exception] = {}
        self.asked: list[Symbol] = []
        self.held = asyncio.Event()
        self.held.set()

    async def bars(self, symbol: Symbol, timeframe: Timeframe, limit: int) -> tuple[Bar, ...]:
        assert timeframe is Timeframe.D1
        self.asked.append(symbol)
        await self.held.wait()
        if symbol in self.errors:
            raise self.errors[symbol]
        return self.history.get(symbol, ())[-limit:]
