"""The last quote of each symbol."""

from collections.abc import Iterable

from core.clock import Clock
from core.domain.market import Quote
from core.ids import Symbol


class QuoteBook:
    """Live truth in memory; written by the core loop only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._quotes: dict[Symbol, Quote] = {}

    def apply(self, quotes: Iterable[Quote]) -> tuple[Quote, ...]:
        """Keep each symbol's newest; a quote older in market time than the one held is dropped.

        Returns:
            The quotes that were kept, in order of arrival.
        """
        kept = []
        for quote in quotes:
            known = self._quotes.get(quote.symbol)
            if known is None or quote.time >= known.time:
                self._quotes[quote.symbol] = quote
                kept.append(quote)
        return tuple(kept)

    def get(self, symbol: Symbol) -> Quote | None:
        """Return the last quote, however old; None if there never was one."""
        return self._quotes.get(symbol)

    def age_s(self, symbol: Symbol) -> float | None:
        """Return the seconds since the last quote was received."""
        quote = self._quotes.get(symbol)
        return None if quote is None else self._clock.monotonic() - quote.received

    def all(self) -> tuple[Quote, ...]:
        """Return the last quote of every symbol."""
        return tuple(self._quotes.values())
