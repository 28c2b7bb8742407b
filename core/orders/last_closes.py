"""Closes that were not seen: of symbols without a quote, and of days on which the program did not run."""

from datetime import date

import structlog

from core.clock import Clock
from core.domain.market import MarketSession, Timeframe
from core.errors import BrokerError, StorageError
from core.ids import Symbol
from core.orders.closing import Close, Closing
from core.orders.gather import LiveState
from core.orders.portfolio import BENCHMARK
from core.orders.valuation import Valuation
from core.portfolio.day import market_date
from core.ports.market_data import MarketDataFeed
from core.ports.storage import Reader, Store

LOOK_EVERY_S = 2.0
_AGAIN_S = 30.0
_ALL = 1_000_000
_LONGEST_GAP_DAYS = 400

_log = structlog.get_logger("closing")


class LastCloses:
    """Asks the feed for daily bars where they are needed. Runs on the core loop."""

    def __init__(
        self,
        state: LiveState,
        valuation: Valuation,
        closing: Closing,
        feed: MarketDataFeed,
        store: Store,
        clock: Clock,
    ) -> None:
        self._state = state
        self._valuation = valuation
        self._closing = closing
        self._feed = feed
        self._store = store
        self._clock = clock
        self._asked: dict[Symbol, float] = {}

    async def run(self) -> None:
        """Look for what is missing again and again, until cancelled."""
        checked: date | None = None
        while True:
            pause, session = LOOK_EVERY_S, self._state.session
            if self._state.ready and session is not None:
                try:
                    if market_date(session.now) != checked:
                        await self._record_missed(session)
                        checked = market_date(session.now)
                    await self._ask_for_prices()
                except (BrokerError, StorageError) as error:
                    _log.info("closes.unanswered", reason=str(error))
                    pause = _AGAIN_S
            await self._clock.sleep(pause)

    async def _record_missed(self, session: MarketSession) -> None:
        last, symbol = await self._store.read(_newest), self._of_every_day()
        if last is None or symbol is None or market_date(session.now) <= last:
            return
        gap = (market_date(session.now) - last).days
        # Its daily bars say on which days there was a market; the day that still runs is not over.
        bars = await self._feed.bars(symbol, Timeframe.D1, min(gap, _LONGEST_GAP_DAYS) + 1)
        for day in sorted({market_date(bar.time) for bar in bars}):
            has_ended = day < market_date(session.closes) or session.now >= session.closes
            if day > last and has_ended and day not in self._closing.expected:
                await self._closing.record(Close(day, missed=True))

    def _of_every_day(self) -> Symbol | None:
        if BENCHMARK in self._state.instruments:
            return BENCHMARK
        held = (position.symbol for position in self._state.positions.held())
        return next(held, next(iter(self._state.instruments), None))

    async def _ask_for_prices(self) -> None:
        now = self._clock.monotonic()
        for symbol in self._valuation.prices.missing():
            is_due = now - self._asked.get(symbol, -_AGAIN_S) >= _AGAIN_S
            if is_due and symbol in self._state.instruments:
                self._asked[symbol] = now
                bars = await self._feed.bars(symbol, Timeframe.D1, 1)
                if bars:
                    self._valuation.take_close(bars[-1])


def _newest(reader: Reader) -> date | None:
    return max((close.market_date for close in reader.snapshots(_ALL)), default=None)
