"""The synthetic market of the demo: 60 days of history, then the day that is traded.

Returns of a minute are one market factor, one factor a sector and a rest of the stock's own,
times a volatility that is high at the open and the close, and that comes in clusters of minutes and
of days. So stocks move together, and wild minutes follow wild ones.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from math import exp, sqrt

import numpy as np

from core.adapters.simulator.hours import NEW_YORK
from core.adapters.simulator.path import DOLLAR, DayBar, Floats, Ints, MinuteBars, on_tick, u_shape
from core.adapters.simulator.universe import UNIVERSE, Listing
from core.domain.instrument import Instrument
from core.ids import Symbol

MINUTES = 390
HISTORY_DAYS = 60
DEMO_DAY = date(2026, 11, 20)
HALTED_SYMBOL = Symbol("DIS")
HALT_MINUTES = range(80, 85)  # 10:50 to 10:55, twenty minutes after the demo begins
EARNINGS_SYMBOL = Symbol("ORCL")
EARNINGS_DAY = 41
EARNINGS_JUMP = 0.09

# Shares of a stock's variance: the market's, its sector's, its own.
_MARKET, _SECTOR, _OWN = 0.34, 0.16, 0.50
_OVERNIGHT = 0.45  # of a day's standard deviation
_BLOCK = 5  # minutes that share one volatility


def market_hours(day: date) -> tuple[datetime, datetime]:
    """Return regular hours of a day, UTC.

    Weekends and holidays do not matter here: the days come from the tape, so the heavy calendar
    library is not needed.
    """
    opens = datetime.combine(day, time(9, 30), NEW_YORK).astimezone(UTC)
    return opens, datetime.combine(day, time(16, 0), NEW_YORK).astimezone(UTC)


class SyntheticSession:
    """A `BarSource` of the 30 stocks; the same seed gives the same market."""

    def __init__(
        self,
        seed: int = 7,
        demo_day: date = DEMO_DAY,
        history: int = HISTORY_DAYS,
        live_days: int = 20,
        listings: Sequence[Listing] = UNIVERSE,
    ) -> None:
        self._seed = seed
        self._history = history
        self._listings = tuple(listings)
        self._index = {listing.symbol: place for place, listing in enumerate(self._listings)}
        self._days = _weekdays(demo_day, history, live_days)
        self._sigma = np.array([listing.sigma_pct / 100 for listing in self._listings])
        sectors = sorted({listing.sector for listing in self._listings})
        loadings = np.zeros((1 + len(sectors) + len(self._listings), len(self._listings)))
        loadings[0] = sqrt(_MARKET)
        for place, listing in enumerate(self._listings):
            loadings[1 + sectors.index(listing.sector), place] = sqrt(_SECTOR)
            loadings[1 + len(sectors) + place, place] = sqrt(_OWN)
        self._loadings = loadings
        self._day_vol = _clusters(np.random.default_rng((seed, 1)), len(self._days), keep=0.94, spread=0.5)
        self._log_open: list[Floats] = [np.log([listing.price for listing in self._listings])]
        self._minutes_of = lru_cache(maxsize=12)(self._draw_minutes)
        self._day_bar_of = lru_cache(maxsize=history + live_days)(self._draw_day)

    @property
    def seed(self) -> int:
        """What every draw starts from."""
        return self._seed

    @property
    def start(self) -> datetime:
        """Half past ten in New York on the demo day, as UTC."""
        return market_hours(self._days[self._history])[0] + timedelta(minutes=60)

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The stocks."""
        return tuple(listing.instrument for listing in self._listings)

    @property
    def days(self) -> Sequence[date]:
        """Weekdays: the history, the demo day and some more."""
        return self._days

    def hours(self, day: int) -> tuple[datetime, datetime]:
        """Return regular hours, UTC."""
        return market_hours(self._days[day])

    def minutes(self, symbol: Symbol, day: int) -> MinuteBars | None:
        """Return the day's 390 minutes of a stock."""
        place = self._index.get(symbol)
        if place is None:
            return None
        opened, high, low, close, volume = self._minutes_of(day)
        halts = frozenset(HALT_MINUTES) if self._is_halt_day(symbol, day) else frozenset[int]()
        return MinuteBars(
            opened[:, place], high[:, place], low[:, place], close[:, place], volume[:, place], halts
        )

    def day_bar(self, symbol: Symbol, day: int) -> DayBar | None:
        """Return a stock's bar of the whole day."""
        place = self._index.get(symbol)
        if place is None:
            return None
        table = self._day_bar_of(day)
        return DayBar(*(int(number) for number in table[:, place]))

    def spread(self, symbol: Symbol, price: int) -> int:
        """Return the stock's usual spread."""
        return self._listings[self._index[symbol]].spread * 100

    def ticks_per_minute(self) -> tuple[int, int]:
        """Return 2 to 6 quote changes a second."""
        return 120, 360

    def _is_halt_day(self, symbol: Symbol, day: int) -> bool:
        return symbol == HALTED_SYMBOL and day == self._history

    def _returns(self, day: int) -> tuple[Floats, Floats, Floats]:
        """Draw gap, minute returns and the volatility by minute of one day, all stocks at once."""
        rng = np.random.default_rng((self._seed, 2, day))
        shocks = rng.standard_normal((MINUTES + 1, len(self._loadings))) @ self._loadings * self._sigma
        blocks = _clusters(rng, MINUTES // _BLOCK, keep=0.9, spread=0.35)
        vol = np.repeat(blocks, _BLOCK) * u_shape(MINUTES, 1.2, 0.7) * self._day_vol[day]
        gap: Floats = shocks[0] * _OVERNIGHT * self._day_vol[day]
        minutes: Floats = shocks[1:] * (vol / sqrt(MINUTES))[:, None]
        if day == EARNINGS_DAY and EARNINGS_SYMBOL in self._index:
            gap[self._index[EARNINGS_SYMBOL]] += EARNINGS_JUMP
        if day == self._history and HALTED_SYMBOL in self._index:
            minutes[HALT_MINUTES.start : HALT_MINUTES.stop, self._index[HALTED_SYMBOL]] = 0
        return gap, minutes, vol

    def _log_open_of(self, day: int) -> Floats:
        while len(self._log_open) <= day:
            gap, minutes, _ = self._returns(len(self._log_open) - 1)
            self._log_open.append(self._log_open[-1] + gap + minutes.sum(axis=0))
        return self._log_open[day]

    def _draw_minutes(self, day: int) -> tuple[Ints, Ints, Ints, Ints, Ints]:
        gap, returns, vol = self._returns(day)
        opening = self._log_open_of(day) + gap
        prices = np.vstack([opening, opening + np.cumsum(returns, axis=0)])
        path = on_tick(np.exp(prices) * DOLLAR)
        opened, close = path[:-1], path[1:]
        rng = np.random.default_rng((self._seed, 3, day))
        reach = (
            rng.exponential(0.35, (2, MINUTES, len(self._sigma)))
            * (vol / sqrt(MINUTES))[:, None]
            * self._sigma
        )
        top, bottom = np.maximum(opened, close), np.minimum(opened, close)
        high, low = on_tick(top * (1 + reach[0])), on_tick(bottom * (1 - reach[1]))
        volume = self._draw_volume(day, vol, rng)
        if day == self._history and HALTED_SYMBOL in self._index:
            halted = slice(HALT_MINUTES.start, HALT_MINUTES.stop), self._index[HALTED_SYMBOL]
            volume[halted] = 0
            high[halted] = low[halted] = close[halted]
        return opened, np.maximum(high, top), np.minimum(low, bottom), close, volume

    def _draw_volume(self, day: int, vol: Floats, rng: np.random.Generator) -> Ints:
        usual = np.array([listing.volume_m * 1e6 for listing in self._listings])
        shape = u_shape(MINUTES)
        noise = np.exp(rng.normal(0, 0.35, (MINUTES, len(usual))))
        busy = 0.7 + 0.3 * vol / u_shape(MINUTES, 1.2, 0.7)
        volume = (shape / shape.sum() * busy)[:, None] * usual * noise
        if day == EARNINGS_DAY and EARNINGS_SYMBOL in self._index:
            volume[:, self._index[EARNINGS_SYMBOL]] *= 3
        shares: Ints = np.rint(volume).astype(np.int64)
        return shares

    def _draw_day(self, day: int) -> Ints:
        opened, high, low, close, volume = self._minutes_of(day)
        return np.stack([opened[0], high.max(axis=0), low.min(axis=0), close[-1], volume.sum(axis=0)])


def _weekdays(demo_day: date, before: int, after: int) -> tuple[date, ...]:
    found: list[date] = []
    for step, count in ((-1, before), (1, after)):
        day, side = demo_day, list[date]()
        while len(side) < count:
            day += timedelta(days=step)
            if day.weekday() < 5:
                side.append(day)
        found = [*reversed(side), demo_day] if step < 0 else [*found, *side]
    return tuple(found)


def _clusters(rng: np.random.Generator, count: int, *, keep: float, spread: float) -> Floats:
    # exp of an autoregression: calm stays calm for a while, and so does storm; the mean square is about one.
    draws = rng.standard_normal(count) * spread * sqrt(1 - keep * keep)
    logs = [float(rng.standard_normal()) * spread]
    for draw in draws[1:].tolist():
        logs.append(keep * logs[-1] + draw)
    return np.array([exp(value - spread * spread) for value in logs])
