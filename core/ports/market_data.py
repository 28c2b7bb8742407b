"""Where prices come from, and market time with them."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from core.domain.instrument import Instrument
from core.domain.market import Bar, MarketSession, Quote, Timeframe
from core.ids import Symbol


class MarketDataFeed(Protocol):
    """Quotes and bars. Called from the core loop only. A query that fails raises `BrokerUnavailable`."""

    async def connect(self) -> None:
        """Open the feed."""
        ...

    async def close(self) -> None:
        """Close the feed; an iterator of `quotes` ends."""
        ...

    async def subscribe(self, symbols: Sequence[Symbol]) -> None:
        """Ask for quotes of exactly these symbols from now on."""
        ...

    def quotes(self) -> AsyncIterator[tuple[Quote, ...]]:
        """Deliver quotes in batches, oldest first; raises `BrokerUnavailable` when the stream is lost."""
        ...

    async def bars(self, symbol: Symbol, timeframe: Timeframe, limit: int) -> tuple[Bar, ...]:
        """Return the newest bars, oldest first, the running one last; at most `limit`."""
        ...

    async def instruments(self) -> tuple[Instrument, ...]:
        """List what can be traded."""
        ...

    def session(self) -> MarketSession:
        """Return market time and the state of the market day, without waiting."""
        ...
