"""What can be traded, and the steps in which its price moves, as data."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.domain.money import Price
from core.ids import Symbol


@dataclass(frozen=True, slots=True)
class TickRule:
    """One line of a tick table: from this date, at or above this price, this step.

    Attributes:
        since: first market date on which the line holds.
        at_least: dollars; the line holds for prices at or above it.
        tick: dollars; the smallest step of a price.
    """

    since: date
    at_least: Decimal
    tick: Decimal


# SEC Rule 612: one cent from one dollar up, a hundredth of a cent below. The half-penny
# amendment is deferred (order of 31 October 2025), so it is data to be added, not code.
US_EQUITY_TICKS: tuple[TickRule, ...] = (
    TickRule(date(1970, 1, 1), Decimal(0), Decimal("0.0001")),
    TickRule(date(1970, 1, 1), Decimal(1), Decimal("0.01")),
)


@dataclass(frozen=True, slots=True)
class Instrument:
    """A US equity.

    Attributes:
        symbol: upper case.
        name: for people, plain text.
        exchange: name of the listing exchange, for people.
        sector: one of the eleven GICS sectors, or None if unknown.
        ticks: the tick table.
        fractionable: whether parts of a share may be ordered.
        tradable: whether orders are accepted at all.
        shortable: whether shares can be borrowed to be sold.
    """

    symbol: Symbol
    name: str
    exchange: str
    sector: str | None = None
    ticks: tuple[TickRule, ...] = US_EQUITY_TICKS
    fractionable: bool = False
    tradable: bool = True
    shortable: bool = False

    def tick_at(self, price: Decimal, on: date) -> Decimal:
        """Return the step in dollars that is valid for a price on a market date."""
        valid = [rule for rule in self.ticks if rule.since <= on and rule.at_least <= price]
        if not valid:
            raise ValueError(f"{self.symbol}: no tick is known for {price} on {on}")
        return max(valid, key=lambda rule: (rule.at_least, rule.since)).tick

    def is_on_tick(self, price: Decimal, on: date) -> bool:
        """Say whether a price is a whole number of steps."""
        return price % self.tick_at(price, on) == 0

    def nearest_prices(self, price: Decimal, on: date) -> tuple[Price, Price]:
        """Return the valid prices at or below, and at or above, a positive price."""
        tick = self.tick_at(price, on)
        below = (price // tick) * tick
        above = below if below == price else below + tick
        return Price(below), Price(above)
