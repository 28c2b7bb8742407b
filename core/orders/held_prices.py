"""The prices at which what is held is valued: from quotes, and from daily bars where there are none."""

from decimal import Decimal

from core.domain.figures import PriceUsed
from core.domain.market import Bar
from core.ids import Symbol
from core.orders.gather import LiveState
from core.portfolio.prices import price_used


class HeldPrices:
    """Answers from memory. Lives on the core loop."""

    def __init__(self, state: LiveState) -> None:
        self._state = state
        self._bars: dict[Symbol, Bar] = {}

    def take(self, bar: Bar) -> None:
        """Keep the newest daily bar of a symbol that has no quote."""
        self._bars[bar.symbol] = bar

    def of(self, symbol: Symbol) -> PriceUsed | None:
        """Return the price at which a symbol is valued now; None if none is known."""
        state = self._state
        return price_used(symbol, state.quotes.get(symbol), state.session, self._bars.get(symbol))

    def prev_close(self, symbol: Symbol) -> Decimal | None:
        """Return dollars at the close before this market day; None if unknown."""
        quote = self._state.quotes.get(symbol)
        return None if quote is None else quote.prev_close

    def missing(self) -> tuple[Symbol, ...]:
        """List what is held and has no price."""
        held = (position.symbol for position in self._state.positions.held())
        return tuple(symbol for symbol in held if self.of(symbol) is None)
