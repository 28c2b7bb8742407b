"""Cash and positions of the exchange's one account: a fold of its own fills."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from core.adapters.simulator.working import AVG_STEP
from core.domain.execution import Fill
from core.domain.money import ZERO, Money, Price, Qty
from core.domain.portfolio import BrokerPosition
from core.ids import Symbol


@dataclass(frozen=True, slots=True)
class Holding:
    """Shares held, negative if owed, and their average price in dollars.

    What lessens a holding leaves the average as it is.
    """

    qty: Decimal
    avg_px: Decimal

    def after(self, fill: Fill) -> "Holding":
        """Return what a fill leaves."""
        qty = self.qty + fill.signed_qty
        if self.qty * fill.signed_qty >= 0 and qty:
            total = abs(self.qty) * self.avg_px + fill.value
            return Holding(qty, (total / abs(qty)).quantize(AVG_STEP))
        turned = qty * self.qty < 0
        return Holding(qty, fill.last_px if turned else self.avg_px)


_NOTHING = Holding(ZERO, ZERO)


class Purse:
    """What the account owns and owes; working orders are not its concern."""

    def __init__(self, cash: Decimal) -> None:
        self.cash = cash
        self._holdings: dict[Symbol, Holding] = {}

    def qty(self, symbol: Symbol) -> Decimal:
        """Return shares held, negative if owed."""
        return self._holdings.get(symbol, _NOTHING).qty

    def apply(self, fill: Fill) -> None:
        """Move cash and shares by a fill."""
        self.cash += fill.cash_flow
        self._hold(fill.symbol, self._holdings.get(fill.symbol, _NOTHING).after(fill))

    def amend(self, symbol: Symbol, cash: Decimal, fills: Iterable[Fill]) -> None:
        """Take a change of an old fill: move cash, and make the holding anew of all fills that count."""
        self.cash += cash
        holding = _NOTHING
        for fill in fills:
            holding = holding.after(fill)
        self._hold(symbol, holding)

    def positions(self) -> tuple[BrokerPosition, ...]:
        """List what is held and owed, by symbol."""
        return tuple(
            BrokerPosition(symbol, Qty(held.qty), Price(held.avg_px))
            for symbol, held in sorted(self._holdings.items())
        )

    def value(self, marks: dict[Symbol, Price]) -> Money:
        """Return dollars of all positions, at the last price where one is known, else at cost."""
        return Money(
            sum((held.qty * marks.get(s, Price(held.avg_px)) for s, held in self._holdings.items()), ZERO)
        )

    def set_aside(self, marks: dict[Symbol, Price], reserve: Decimal) -> Decimal:
        """Return dollars that short positions bind: their proceeds, and `reserve` times their value."""
        short = ((s, held) for s, held in self._holdings.items() if held.qty < 0)
        return sum(
            (-held.qty * (held.avg_px + marks.get(s, Price(held.avg_px)) * reserve) for s, held in short),
            ZERO,
        )

    def _hold(self, symbol: Symbol, holding: Holding) -> None:
        if holding.qty:
            self._holdings[symbol] = holding
        else:
            self._holdings.pop(symbol, None)
