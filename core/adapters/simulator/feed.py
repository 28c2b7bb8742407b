"""The tape behind the market-data port: quotes in batches, bars, instruments, market time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from core.adapters.simulator.faults import Call, Faults
from core.adapters.simulator.history import bars
from core.adapters.simulator.tape import Tape, Tick
from core.clock import Clock
from core.domain.instrument import Instrument
from core.domain.market import Bar, MarketSession, Quote, Timeframe
from core.errors import BrokerUnavailable
from core.ids import Symbol

_MOST_UNREAD = 20_000


class MarketTime(Protocol):
    """What the feed knows of the market's movement."""

    def session(self) -> MarketSession:
        """Return market time and the day in force."""
        ...

    def start(self) -> None:
        """Show the standing quotes if that was not done yet."""
        ...


class SimulatedFeed:
    """The market-data port on a `Tape`."""

    def __init__(self, tape: Tape, faults: Faults, clock: Clock) -> None:
        self._tape = tape
        self._faults = faults
        self._clock = clock
        self._market: MarketTime | None = None
        self._wanted: frozenset[Symbol] = frozenset()
        self._newest: dict[Symbol, Tick] = {}
        self._unread: list[Tick] = []
        self._wake = asyncio.Event()
        self._connected = False
        self._lost = False
        faults.when_feed_lost(self.drop_stream)

    def follow(self, market: MarketTime) -> None:
        """Take market time from here; called once, by the wiring."""
        self._market = market

    async def connect(self) -> None:
        """Open the feed; the standing quotes of what is subscribed come first."""
        if self._faults.refuses(Call.CONNECT):
            raise BrokerUnavailable("the feed does not answer")
        self._time.start()
        self._connected, self._lost = True, False
        self._wake = asyncio.Event()
        self._unread = self._standing(self._wanted)

    async def close(self) -> None:
        """End the quote stream."""
        self._connected = False
        self._wake.set()

    async def subscribe(self, symbols: Sequence[Symbol]) -> None:
        """Deliver quotes of exactly these; a new one's standing quote comes at once."""
        wanted = frozenset(symbols)
        added, self._wanted = wanted - self._wanted, wanted
        self._unread = [tick for tick in self._unread if tick.symbol in wanted] + self._standing(added)
        self._wake.set()

    async def quotes(self) -> AsyncIterator[tuple[Quote, ...]]:
        """Deliver all quotes since the last batch; for one reader."""
        while True:
            if self._unread:
                ticks, self._unread = self._unread, []
                received = self._clock.monotonic()
                yield tuple(quote_of(tick, received) for tick in ticks)
                continue
            if self._lost:
                raise BrokerUnavailable("the quote stream was lost")
            if not self._connected:
                return
            self._wake.clear()
            await self._wake.wait()

    async def bars(self, symbol: Symbol, timeframe: Timeframe, limit: int) -> tuple[Bar, ...]:
        """Return the newest bars, the running one last."""
        if self._faults.refuses(Call.BARS):
            raise BrokerUnavailable("bars: the feed does not answer")
        return bars(self._tape, symbol, timeframe, limit, self._time.session().now)

    async def instruments(self) -> tuple[Instrument, ...]:
        """List what is traded."""
        if self._faults.refuses(Call.INSTRUMENTS):
            raise BrokerUnavailable("instruments: the feed does not answer")
        return self._tape.source.instruments

    def session(self) -> MarketSession:
        """Return market time and the day in force."""
        return self._time.session()

    def show(self, tick: Tick) -> None:
        """Take a tick from the market."""
        self._newest[tick.symbol] = tick
        if self._connected and not self._lost and tick.symbol in self._wanted:
            if len(self._unread) >= _MOST_UNREAD:
                # Nobody reads: keep the newest of each, which is all that a late reader wants.
                self._unread = self._standing(self._wanted)
            self._unread.append(tick)
            self._wake.set()

    def drop_stream(self) -> None:
        """Lose the quote stream."""
        self._lost = True
        self._unread.clear()
        self._wake.set()

    @property
    def _time(self) -> MarketTime:
        if self._market is None:
            raise BrokerUnavailable("the market was not wired to its feed")
        return self._market

    def _standing(self, symbols: frozenset[Symbol]) -> list[Tick]:
        return sorted(
            (tick for symbol, tick in self._newest.items() if symbol in symbols), key=lambda tick: tick.time
        )


def quote_of(tick: Tick, received: float) -> Quote:
    """Turn a tick into the quote that it leaves behind."""
    return Quote(
        symbol=tick.symbol,
        bid=tick.bid,
        ask=tick.ask,
        bid_size=tick.bid_size,
        ask_size=tick.ask_size,
        last=tick.last,
        prev_close=tick.prev_close,
        volume=tick.volume,
        halted=tick.halted,
        time=tick.time,
        received=received,
    )
