"""The core on the local Alpaca server for its prices too: real quotes, over a real stream."""

from datetime import timedelta
from typing import Any

from core.adapters.alpaca.feed import AlpacaFeed
from core.domain.credentials import AlpacaCredentials
from core.domain.market import Quote
from core.ports.market_data import MarketDataFeed
from core.settings import AlpacaAddresses
from tests.builders import AAPL
from tests.fakes.alpaca_rig import AlpacaRig
from tests.fakes.tape_alpaca import HandCalendar
from tests.servers.alpaca.clock import nanoseconds


class StreamingRig(AlpacaRig):
    """Drives one core whose quotes come from the server's data stream.

    Attributes:
        told: words for the person that the feed had.
    """

    told: list[str]

    def make_feed(self, addresses: AlpacaAddresses, keys: AlpacaCredentials) -> MarketDataFeed:
        """Return Alpaca's feed, as a profile has it."""
        self.told = []
        return AlpacaFeed(
            self.mode, addresses, keys, self.clock, HandCalendar(), self.broker.assets, self.told.append
        )

    @property
    def _asked(self) -> int:
        lanes = (*self.broker._lanes.all, *self.feed._lanes.all)
        return sum(len(lane._running) for lane in lanes)

    async def wait(self, seconds: float, step: float = 5.0, *, refresh: bool = True) -> None:
        """Let our time pass; then the exchange shows its quotes again."""
        await super().wait(seconds, step, refresh=False)
        if refresh:
            for symbol in self.market.ticks:
                self.show(symbol)
            await self._arrive()

    async def _arrive(self) -> None:
        await self.server.data_stream.settle()
        await self.quiet()
        # What comes faster than a window draws is one batch.
        await super().wait(0.125, 0.125, refresh=False)

    async def send(self, *messages: dict[str, Any]) -> None:
        """Send messages in one frame of the data stream, past the exchange, and let the core take them in."""
        self.server.data_stream.send(list(messages))
        await self._arrive()

    def message(self, bid: float, ask: float, *, late_s: float = 0, symbol: str = AAPL) -> dict[str, Any]:
        """Make a quote as it stands on the wire, with a time before now."""
        at = nanoseconds(self.clock.now() - timedelta(seconds=late_s))
        sides = {"bp": bid, "ap": ask, "bs": 100, "as": 100, "bx": "V", "ax": "V"}
        return {"T": "q", "S": symbol, **sides, "c": ["R"], "z": "C", "t": at}

    def quote(self, symbol: str = AAPL) -> Quote:
        """The quote that the core knows."""
        found = self.core.state.quotes.get(symbol)
        assert found is not None
        return found
