"""The market as a stream of events, whatever it is made of.

A `BarSource` knows days of one-minute bars; the `Tape` turns them into quotes and trades. One
seed gives the same events, from any moment on: each minute of each symbol is drawn from a
generator of its own, so a restart need not play the day again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from zlib import crc32

import numpy as np

from core.adapters.simulator.path import DayBar, MinuteBars, MinuteTicks, draw_ticks
from core.domain.instrument import Instrument
from core.domain.money import Price, Qty
from core.ids import Symbol

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Tick:
    """A change of one symbol's quote, and the trade that came with it, if one did.

    Attributes:
        bid: dollars; None while halted.
        ask: dollars; None while halted.
        last: dollars of the last trade; None before the first of the day.
        last_size: shares of a trade that happened now; 0 where only the quote changed.
        volume: shares traded this market day.
        time: market time, UTC.
    """

    symbol: Symbol
    bid: Price | None
    ask: Price | None
    bid_size: Qty
    ask_size: Qty
    last: Price | None
    last_size: Qty
    volume: Qty
    halted: bool
    prev_close: Price | None
    time: datetime


@dataclass(frozen=True, slots=True)
class Bell:
    """The market opens or closes."""

    day: date
    time: datetime
    opens: bool


class BarSource(Protocol):
    """Days of one-minute bars; prices are whole ten-thousandths of a dollar."""

    @property
    def seed(self) -> int:
        """What every random draw starts from."""
        ...

    @property
    def start(self) -> datetime:
        """Market time, UTC, at which trading begins."""
        ...

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """What is traded."""
        ...

    @property
    def days(self) -> Sequence[date]:
        """Market days, ascending, those of the history first."""
        ...

    def hours(self, day: int) -> tuple[datetime, datetime]:
        """Return open and close, UTC, of a day by its number."""
        ...

    def minutes(self, symbol: Symbol, day: int) -> MinuteBars | None:
        """Return the minute bars of a day, or None where the symbol has none."""
        ...

    def day_bar(self, symbol: Symbol, day: int) -> DayBar | None:
        """Return the bar of a whole day, or None where the symbol has none."""
        ...

    def spread(self, symbol: Symbol, price: int) -> int:
        """Return the usual distance of bid and ask at a price, in ten-thousandths of a dollar."""
        ...

    def ticks_per_minute(self) -> tuple[int, int]:
        """Return how many quote changes a minute has: at least, and fewer than."""
        ...


@lru_cache(maxsize=2_048)
def price_of(pips: int) -> Price:
    """Turn ten-thousandths of a dollar into a price, in cents where it is a whole number of them."""
    dollars, rest = divmod(pips, 10_000)
    return Price(f"{dollars}.{rest // 100:02d}" if rest % 100 == 0 else f"{dollars}.{rest:04d}")


@lru_cache(maxsize=4_096)
def qty_of(shares: int) -> Qty:
    """Turn whole shares into a quantity."""
    return Qty(shares)


class Tape:
    """Events of a `BarSource` in time order."""

    def __init__(self, source: BarSource) -> None:
        self.source = source
        self.symbols = tuple(instrument.symbol for instrument in source.instruments)

    def day_at(self, time: datetime) -> int:
        """Return the number of the first day that has not closed at a time; the last if all have."""
        days = self.source.days
        day = int(np.searchsorted(np.array(days, dtype="datetime64[D]"), np.datetime64(time.date()), "left"))
        while day > 0 and self.source.hours(day - 1)[1] > time:
            day -= 1
        while day < len(days) and self.source.hours(day)[1] <= time:
            day += 1
        return min(day, len(days) - 1)

    def prev_close(self, symbol: Symbol, day: int) -> Price | None:
        """Return the last close before a day."""
        for earlier in range(day - 1, -1, -1):
            bar = self.source.day_bar(symbol, earlier)
            if bar is not None:
                return price_of(bar.close)
        return None

    def events(self, since: datetime) -> Iterator[Tick | Bell]:
        """Yield everything from a moment on; a day begins and ends with its bell.

        In the middle of a day each symbol's standing quote comes first.
        """
        for day in range(self.day_at(since), len(self.source.days)):
            opens, closes = self.source.hours(day)
            if closes <= since:
                return
            begin = max(opens, since)
            yield Bell(self.source.days[day], begin, opens=True)
            yield from self._ticks_of_day(day, opens, closes, begin)
            yield Bell(self.source.days[day], closes, opens=False)

    def minute_ticks(self, symbol: Symbol, day: int, minute: int) -> MinuteTicks | None:
        """Return what happens to one symbol in one minute of a day, or None if nothing does."""
        bars = self.source.minutes(symbol, day)
        if bars is None or not 0 <= minute < len(bars.close):
            return None
        rng = np.random.default_rng((self.source.seed, crc32(symbol.encode()), day, minute))
        spread = self.source.spread(symbol, int(bars.open[minute]))
        return draw_ticks(bars, minute, spread, self.source.ticks_per_minute(), rng)

    def _ticks_of_day(self, day: int, opens: datetime, closes: datetime, begin: datetime) -> Iterator[Tick]:
        closing = {symbol: self.prev_close(symbol, day) for symbol in self.symbols}
        first, offset = divmod(begin - opens, MINUTE)
        skip_ms = offset // timedelta(milliseconds=1)
        if begin > opens:
            for symbol in self.symbols:
                standing = self._standing(symbol, day, first, skip_ms)
                if standing is not None:
                    ticks, index = standing
                    yield _tick(symbol, ticks, index, begin, closing[symbol], fresh=False)
        for minute in range(first, (closes - opens) // MINUTE):
            start = opens + minute * MINUTE
            for symbol, ticks, index in self._merged(day, minute):
                if minute > first or ticks.ms[index] >= skip_ms:
                    time = start + timedelta(milliseconds=ticks.ms[index])
                    yield _tick(symbol, ticks, index, time, closing[symbol])

    def _standing(
        self, symbol: Symbol, day: int, minute: int, skip_ms: int
    ) -> tuple[MinuteTicks, int] | None:
        current = self.minute_ticks(symbol, day, minute)
        if current is not None:
            before = [index for index, ms in enumerate(current.ms) if ms < skip_ms]
            if before:
                return current, before[-1]
        for earlier in range(minute - 1, -1, -1):
            ticks = self.minute_ticks(symbol, day, earlier)
            if ticks is not None and ticks.ms:
                return ticks, len(ticks.ms) - 1
        return None

    def _merged(self, day: int, minute: int) -> Iterator[tuple[Symbol, MinuteTicks, int]]:
        drawn = [(symbol, self.minute_ticks(symbol, day, minute)) for symbol in self.symbols]
        present = [(symbol, ticks) for symbol, ticks in drawn if ticks is not None]
        order = sorted(
            (ms, place, index)
            for place, (_, ticks) in enumerate(present)
            for index, ms in enumerate(ticks.ms)
        )
        for _, place, index in order:
            symbol, ticks = present[place]
            yield symbol, ticks, index


def _tick(
    symbol: Symbol,
    ticks: MinuteTicks,
    index: int,
    time: datetime,
    prev_close: Price | None,
    *,
    fresh: bool = True,
) -> Tick:
    bid, ask = ticks.bid[index], ticks.ask[index]
    return Tick(
        symbol=symbol,
        bid=None if ticks.halted else price_of(bid),
        ask=None if ticks.halted else price_of(ask),
        bid_size=qty_of(0 if ticks.halted else ticks.bid_size[index]),
        ask_size=qty_of(0 if ticks.halted else ticks.ask_size[index]),
        last=price_of(ticks.last[index]),
        last_size=qty_of(ticks.size[index] if fresh else 0),
        volume=qty_of(ticks.volume[index]),
        halted=ticks.halted,
        prev_close=prev_close,
        time=time,
    )
