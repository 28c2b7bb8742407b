"""Cash and positions of the exchange's one account: a fold of its own reports."""

from dataclasses import dataclass
from decimal import Decimal

from core.adapters.simulator.matching import AVG_STEP
from core.domain.execution import Fill
from core.domain.money import ZERO, Money, Price, Qty
from core.domain.portfolio import BrokerPosition
from core.ids import Symbol


@dataclass(frozen=True, slots=True)
class Holding:
    """Shares held and their average price in dollars; a sale leaves the average as it is."""

    qty: Decimal
    avg_px: Decimal


class Purse:
    """What the account owns; working orders are not its concern."""

    def __init__(self, cash: Decimal) -> None:
        self.cash = cash
        self._holdings: dict[Symbol, Holding] = {}

    def qty(self, symbol: Symbol) -> Decimal:
        """Return shares held."""
        holding = self._holdings.get(symbol)
        return ZERO if holding is None else holding.qty

    def apply(self, fill: Fill) -> None:
        """Move cash and shares by a fill."""
        self.cash += fill.cash_flow
        held = self._holdings.get(fill.symbol, Holding(ZERO, ZERO))
        qty = held.qty + fill.signed_qty
        if qty == 0:
            self._holdings.pop(fill.symbol, None)
            return
        avg_px = held.avg_px
        if fill.signed_qty > 0:
            avg_px = ((held.qty * held.avg_px + fill.value) / qty).quantize(AVG_STEP)
        self._holdings[fill.symbol] = Holding(qty, avg_px)

    def positions(self) -> tuple[BrokerPosition, ...]:
        """List what is held, by symbol."""
        return tuple(
            BrokerPosition(symbol, Qty(held.qty), Price(held.avg_px))
            for symbol, held in sorted(self._holdings.items())
        )

    def value(self, marks: dict[Symbol, Price]) -> Money:
        """Return dollars of all positions, at the last price where one is known, else at cost."""
        return Money(
            sum((held.qty * marks.get(s, Price(held.avg_px)) for s, held in self._holdings.items()), ZERO)
        )
