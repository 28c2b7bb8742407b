"""Which symbols the feed streams: all of a small market, else what a person holds, orders and looks at."""

import asyncio
from collections.abc import Iterable

from core.bus import Bus
from core.domain.messages import FillBooked, InstrumentsKnown, OrderChanged
from core.domain.movers import LARGE_CAPS
from core.domain.records import Watchlist
from core.ids import Symbol
from core.orders.gather import LiveState
from core.ports.market_data import MarketDataFeed

# A market of up to this many symbols is streamed whole, as the embedded exchange is.
SMALL_MARKET = 1_000
_LOOKED_AT = 8


class Following:
    """Keeps the feed's subscription in step. Runs on the core loop.

    The order is that of need, for a feed that delivers only so many: what is held, what works, what was
    looked at last, then the watchlists.
    """

    def __init__(self, state: LiveState, feed: MarketDataFeed, bus: Bus) -> None:
        self._state = state
        self._feed = feed
        self._listed: tuple[Symbol, ...] = ()
        self._looked: list[Symbol] = []
        self._asked: tuple[Symbol, ...] = ()
        self._changed = asyncio.Event()
        bus.subscribe(InstrumentsKnown, lambda _: self._changed.set())
        bus.subscribe(OrderChanged, lambda event: self._want(event.order.symbol))
        bus.subscribe(FillBooked, lambda event: self._want(event.fill.symbol))

    def usual(self) -> tuple[Symbol, ...]:
        """Return the symbols of the first watchlist: a small market whole, else the large caps of it."""
        known = self._state.instruments
        if len(known) <= SMALL_MARKET:
            return tuple(known)
        return tuple(symbol for symbol in LARGE_CAPS if symbol in known)

    def listed(self, lists: Iterable[Watchlist]) -> None:
        """Follow what stands on the watchlists."""
        self._listed = tuple(symbol for each in lists for symbol in each.symbols)
        self._changed.set()

    def look(self, symbol: Symbol) -> None:
        """Follow a symbol that a chart or a ticket shows; the last few are kept."""
        if symbol in self._looked:
            self._looked.remove(symbol)
        self._looked.insert(0, symbol)
        del self._looked[_LOOKED_AT:]
        self._want(symbol)

    def _want(self, symbol: Symbol) -> None:
        if symbol not in self._asked:
            self._changed.set()

    def symbols(self) -> tuple[Symbol, ...]:
        """Return what is to be streamed, the most needed first."""
        known = self._state.instruments
        if len(known) <= SMALL_MARKET:
            return tuple(known)
        held = [position.symbol for position in self._state.positions.held()]
        working = [order.symbol for order in self._state.orders.open()]
        listed: Iterable[Symbol] = self._listed or self.usual()
        wanted = dict.fromkeys((*held, *working, *self._looked, *listed))
        return tuple(symbol for symbol in wanted if symbol in known)

    async def subscribe(self) -> None:
        """Ask the feed for what is wanted now; after each connection, and after each change.

        Raises:
            BrokerUnavailable: the feed is down; the next connection asks again.
        """
        self._changed.clear()
        self._asked = self.symbols()
        await self._feed.subscribe(self._asked)

    async def next_change(self) -> None:
        """Wait until something else is wanted."""
        while True:
            await self._changed.wait()
            if self.symbols() != self._asked:
                return
            self._changed.clear()
