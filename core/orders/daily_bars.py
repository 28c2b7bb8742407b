"""Daily bars of what is traded and looked at: fetched in the background, once a symbol and market day."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import structlog

from core.clock import Clock
from core.domain.market import Bar, Timeframe
from core.errors import BrokerError, RateLimited
from core.ids import Symbol
from core.orders.gather import LiveState
from core.portfolio.day import market_date
from core.portfolio.returns import simple_returns
from core.ports.market_data import MarketDataFeed
from core.risk.ranges import average_true_range, usual_volume

# A year of market days and one more for the first return.
MOST_DAYS = 253
# A plan that allows five requests a minute makes one wait for most of a minute.
FETCH_WITHIN_S = 90.0
RETRY_AFTER_S = 60.0

_log = structlog.get_logger("orders")


@dataclass(frozen=True, slots=True)
class History:
    """What the whole days before a market day tell of a symbol.

    Attributes:
        market_date: the day on which it was fetched; its own bar, which is not over, is left out.
        closes: of each market day, oldest first; dollars.
        usual_volume: shares a day; None with fewer than 20 days.
        true_range: dollars; the average true range, None with fewer than 15 days.
    """

    market_date: date
    closes: tuple[tuple[date, Decimal], ...]
    usual_volume: Decimal | None
    true_range: Decimal | None

    @property
    def returns(self) -> dict[date, float]:
        """The simple return of each market day but the first."""
        days = [day for day, _ in self.closes]
        made = simple_returns([float(close) for _, close in self.closes])
        return dict(zip(days[1:], made, strict=True))


class DailyBars:
    """Keeps the history of symbols. Runs on the core loop; a question never waits for the feed.

    One request at a time, so that a chart or a scan never waits for more than one of these; the newest wish
    first, for that is the one that a person looks at.
    """

    def __init__(self, state: LiveState, feed: MarketDataFeed, clock: Clock) -> None:
        self._state = state
        self._feed = feed
        self._clock = clock
        self._known: dict[Symbol, History] = {}
        self._failed: dict[Symbol, tuple[float, str]] = {}
        self._asked: dict[Symbol, tuple[date, asyncio.Future[None]]] = {}
        self._wake = asyncio.Event()

    def get(self, symbol: Symbol) -> History | None:
        """Return what is known, and see to it that it will be of this market day; None if nothing is yet."""
        self._want(symbol)
        return self._known.get(symbol)

    def usual_volume(self, symbol: Symbol) -> Decimal | None:
        """Return the shares that trade in a day, the mean of the last 20; None if that is not known (A10)."""
        found = self.get(symbol)
        return None if found is None else found.usual_volume

    def missing(self, symbol: Symbol) -> str:
        """Say why nothing is known of a symbol."""
        if symbol not in self._state.instruments:
            return f"{symbol} is not known here."
        if symbol in self._failed:
            return f"Daily bars of {symbol} cannot be had: {self._failed[symbol][1]}."
        return f"Daily bars of {symbol} are on their way."

    async def settled(self, symbols: Iterable[Symbol], within_s: float) -> None:
        """Wait until each was fetched or could not be, but no longer than so many seconds."""
        for symbol in symbols:
            self._want(symbol)
        waiting = [self._asked[symbol][1] for symbol in symbols if symbol in self._asked]
        if waiting:
            await asyncio.wait(waiting, timeout=within_s)

    def _want(self, symbol: Symbol) -> None:
        # Regular hours open and close on one UTC date, which names the market day.
        session = self._state.session
        if session is None or symbol in self._asked or symbol not in self._state.instruments:
            return
        today = session.opens.date()
        known, failed = self._known.get(symbol), self._failed.get(symbol)
        if known is not None and known.market_date == today:
            return
        if failed is not None and self._clock.monotonic() - failed[0] < RETRY_AFTER_S:
            return
        self._asked[symbol] = today, asyncio.get_running_loop().create_future()
        self._wake.set()

    async def run(self) -> None:
        """Fetch what is wanted, one after the other, until it is cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._asked:
                symbol, (today, done) = next(reversed(self._asked.items()))
                pause_s = await self._fetch(symbol, today)
                del self._asked[symbol]
                done.set_result(None)
                if pause_s:
                    await self._clock.sleep(pause_s)

    async def _fetch(self, symbol: Symbol, today: date) -> float:
        pause_s = 0.0
        try:
            async with asyncio.timeout(FETCH_WITHIN_S):
                bars = await self._feed.bars(symbol, Timeframe.D1, MOST_DAYS + 1)
        except RateLimited as error:
            self._fail(symbol, str(error))
            pause_s = error.retry_after_s or RETRY_AFTER_S
        except BrokerError as error:
            self._fail(symbol, str(error))
        except TimeoutError:
            self._fail(symbol, f"no answer within {FETCH_WITHIN_S:g} s")
        else:
            self._known[symbol] = history(bars, today)
            self._failed.pop(symbol, None)
        return pause_s

    def _fail(self, symbol: Symbol, reason: str) -> None:
        self._failed[symbol] = self._clock.monotonic(), reason.rstrip(".")
        _log.info("daily_bars.unavailable", symbol=symbol, reason=reason)


def history(bars: tuple[Bar, ...], today: date) -> History:
    """Keep of daily bars what the radar, the rules and sizing ask for; today's is not over and left out."""
    # By day, so that one that a feed tells twice counts once.
    whole = {market_date(bar.time): bar for bar in bars if bar.close > 0}
    days = [bar for day, bar in sorted(whole.items()) if day < today][-MOST_DAYS:]
    return History(
        market_date=today,
        closes=tuple((market_date(bar.time), bar.close) for bar in days),
        usual_volume=usual_volume(days),
        true_range=average_true_range(days),
    )
