"""The figures of a portfolio, kept up to date by what changed: one position at a time, exact."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import nlargest

from core.domain.figures import Figure, FigureName, PortfolioFigures, PriceBasis, PriceUsed
from core.domain.money import ZERO
from core.ids import Symbol
from core.portfolio.exact import exactly
from core.portfolio.pnl import PositionPnl

MOST_WEIGHTS = 10

# In the order in which they are shown, after equity and cash.
OF_ALL = (FigureName.TOTAL_PNL, FigureName.DAY_PNL, FigureName.REALISED, FigureName.FEES)
OF_HELD = (
    FigureName.COST,
    FigureName.UNREALISED,
    FigureName.LONG,
    FigureName.SHORT,
    FigureName.NET,
    FigureName.GROSS,
)


def adds(name: FigureName, pnl: PositionPnl) -> Decimal | None:
    """Return what one position adds to a figure of all; None where that is unknown."""
    if name in _TOLD:
        found: Decimal | None = getattr(pnl, _TOLD[name])
        return found
    value = pnl.value
    if value is None:
        return None
    with exactly():
        match name:
            case FigureName.LONG:
                return max(value, ZERO)
            case FigureName.SHORT:
                return min(value, ZERO)
            case FigureName.GROSS:
                return abs(value)
            case FigureName.HHI:
                return value * value
            case _:
                return value


_TOLD = {
    FigureName.COST: "cost",
    FigureName.UNREALISED: "unrealised",
    FigureName.REALISED: "realised",
    FigureName.FEES: "fees",
    FigureName.TOTAL_PNL: "total",
    FigureName.DAY_PNL: "day",
}


@dataclass(slots=True)
class _Sum:
    known: Decimal = ZERO
    missing: set[Symbol] = field(default_factory=set)

    def replace(self, symbol: Symbol, before: Decimal | None, after: Decimal | None) -> None:
        self.known += (after or ZERO) - (before or ZERO)
        if after is None:
            self.missing.add(symbol)
        else:
            self.missing.discard(symbol)

    def figure(self, name: FigureName, of: str = "", over: Decimal | None = None) -> Figure:
        return Figure(name, of, self.known, over, tuple(sorted(self.missing)))


class PortfolioBook:
    """Adds positions up. Nothing is rounded, so what was added and taken off again leaves no trace."""

    def __init__(self) -> None:
        self._pnls: dict[Symbol, PositionPnl] = {}
        self._sector_of: dict[Symbol, str] = {}
        self._sums = {name: _Sum() for name in (*OF_ALL, *OF_HELD, FigureName.HHI)}
        self._sectors: dict[str, _Sum] = {}
        self._held: set[Symbol] = set()

    def get(self, symbol: Symbol) -> PositionPnl | None:
        """Return a position as it was put last."""
        return self._pnls.get(symbol)

    def put(self, pnl: PositionPnl, sector: str = "") -> None:
        """Take a position's newest figures, in place of those before.

        Args:
            sector: empty where it is unknown.
        """
        before = self._pnls.get(pnl.symbol)
        with exactly():
            for name, total in self._sums.items():
                total.replace(pnl.symbol, None if before is None else adds(name, before), adds(name, pnl))
            self._put_in_sector(before, pnl, sector)
        self._pnls[pnl.symbol] = pnl
        if pnl.qty:
            self._held.add(pnl.symbol)
        else:
            self._held.discard(pnl.symbol)

    def _put_in_sector(self, before: PositionPnl | None, pnl: PositionPnl, sector: str) -> None:
        symbol = pnl.symbol
        if before is not None:
            old = self._sectors[self._sector_of[symbol]]
            old.replace(symbol, adds(FigureName.GROSS, before), ZERO)
        self._sector_of[symbol] = sector
        self._sectors.setdefault(sector, _Sum()).replace(symbol, ZERO, adds(FigureName.GROSS, pnl))

    @property
    def net(self) -> Decimal | None:
        """Dollars of all positions, signed; None while one of them has no price."""
        total = self._sums[FigureName.NET]
        return None if total.missing else total.known

    def figures(self, cash: Decimal | None) -> PortfolioFigures:
        """Return all figures.

        Args:
            cash: dollars; None if unknown.
        """
        with exactly():
            return PortfolioFigures(
                totals=tuple(self._totals(cash)),
                weights=self._weights(self._equity(cash)),
                sectors=self._by_sector(self._equity(cash)),
                held=len(self._held),
                at_close=sum(price.basis is PriceBasis.CLOSE for price in self._prices()),
                oldest=min(self._prices(), key=_age_key, default=None),
            )

    def _equity(self, cash: Decimal | None) -> Decimal | None:
        return None if cash is None or self.net is None else cash + self.net

    def _totals(self, cash: Decimal | None) -> Iterator[Figure]:
        if cash is not None or self._pnls:
            net = self._sums[FigureName.NET]
            has_cash = cash is not None
            yield Figure(
                FigureName.EQUITY, "", (cash or ZERO) + net.known, None, tuple(sorted(net.missing)), has_cash
            )
            yield Figure(FigureName.CASH, "", cash or ZERO, has_cash=has_cash)
        if self._pnls:
            yield from (self._sums[name].figure(name) for name in OF_ALL)
        if self._held:
            yield from (self._sums[name].figure(name) for name in OF_HELD)
            gross = self._sums[FigureName.GROSS].known
            yield self._sums[FigureName.HHI].figure(FigureName.HHI, over=gross * gross)

    def _weights(self, equity: Decimal | None) -> tuple[Figure, ...]:
        held = (self._pnls[symbol] for symbol in self._held)
        valued = ((abs(each.value), each.symbol, each.value) for each in held if each.value is not None)
        largest = nlargest(MOST_WEIGHTS, valued)
        return tuple(Figure(FigureName.WEIGHT, symbol, value, equity) for _, symbol, value in largest)

    def _by_sector(self, equity: Decimal | None) -> tuple[Figure, ...]:
        shown = [(name, total) for name, total in self._sectors.items() if total.known or total.missing]
        shown.sort(key=lambda each: (-each[1].known, each[0]))
        return tuple(total.figure(FigureName.SECTOR, name, equity) for name, total in shown)

    def _prices(self) -> Iterator[PriceUsed]:
        found = (self._pnls[symbol].price for symbol in self._held)
        return (price for price in found if price is not None)


def _age_key(price: PriceUsed) -> tuple[bool, float, str]:
    # A price without a time is older than any that has one.
    return (price.at is not None, 0.0 if price.at is None else price.at.timestamp(), price.symbol)
