"""The figures of a portfolio, kept up to date by what changed: one position at a time, exact."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from heapq import nlargest

from core.domain.figures import Figure, FigureName, PortfolioFigures, PriceBasis, PriceUsed
from core.domain.money import ZERO
from core.ids import Symbol
from core.portfolio.exact import exactly
from core.portfolio.pnl import PositionPnl

MOST_WEIGHTS = 10
_NEVER = datetime.min.replace(tzinfo=UTC)

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


# What is kept of each position, in this order; net and gross follow from long and short.
_KEPT = (
    FigureName.TOTAL_PNL,
    FigureName.DAY_PNL,
    FigureName.REALISED,
    FigureName.FEES,
    FigureName.COST,
    FigureName.UNREALISED,
    FigureName.LONG,
    FigureName.SHORT,
    FigureName.HHI,
)
_Terms = tuple[Decimal | None, ...]
_NOTHING: _Terms = (ZERO,) * len(_KEPT)


def _terms(pnl: PositionPnl) -> _Terms:
    value = pnl.value
    is_long = value is not None and value > 0
    return (
        pnl.total,
        pnl.day,
        pnl.realised,
        pnl.fees,
        pnl.cost,
        pnl.unrealised,
        value if value is None or is_long else ZERO,
        ZERO if is_long else value,
        None if value is None else value * value,
    )


@dataclass(slots=True)
class _Sum:
    known: Decimal = ZERO
    missing: set[Symbol] = field(default_factory=set)

    def replace(self, symbol: Symbol, before: Decimal | None, after: Decimal | None) -> None:
        if before is not None:
            self.known -= before
        else:
            self.missing.discard(symbol)
        if after is not None:
            self.known += after
        else:
            self.missing.add(symbol)

    def figure(self, name: FigureName, of: str = "", over: Decimal | None = None) -> Figure:
        return Figure(name, of, self.known, over, tuple(sorted(self.missing)))


class PortfolioBook:
    """Adds positions up. Nothing is rounded, so what was added and taken off again leaves no trace."""

    def __init__(self) -> None:
        self._pnls: dict[Symbol, PositionPnl] = {}
        self._terms: dict[Symbol, _Terms] = {}
        self._sector_of: dict[Symbol, str] = {}
        self._kept = tuple(_Sum() for _ in _KEPT)
        self._sectors: dict[str, _Sum] = {}
        self._held: set[Symbol] = set()

    def put(self, pnl: PositionPnl, sector: str = "") -> None:
        """Take a position's newest figures, in place of those before; what did not change costs nothing.

        Args:
            sector: empty where it is unknown.
        """
        symbol = pnl.symbol
        with exactly():
            self._put_in_sector(self._pnls.get(symbol), pnl, sector)
            before, after = self._terms.get(symbol, _NOTHING), _terms(pnl)
            for total, old, new in zip(self._kept, before, after, strict=True):
                if old != new:
                    total.replace(symbol, old, new)
        self._pnls[symbol], self._terms[symbol] = pnl, after
        if pnl.qty:
            self._held.add(symbol)
        else:
            self._held.discard(symbol)

    def _put_in_sector(self, before: PositionPnl | None, pnl: PositionPnl, sector: str) -> None:
        symbol = pnl.symbol
        if before is not None:
            was = None if before.value is None else abs(before.value)
            self._sectors[self._sector_of[symbol]].replace(symbol, was, ZERO)
        self._sector_of[symbol] = sector
        worth = None if pnl.value is None else abs(pnl.value)
        self._sectors.setdefault(sector, _Sum()).replace(symbol, ZERO, worth)

    @property
    def net(self) -> Decimal | None:
        """Dollars of all positions, signed; None while one of them has no price."""
        found = self._sums()[FigureName.NET]
        return None if found.missing else found.known

    def _sums(self) -> dict[FigureName, _Sum]:
        found = dict(zip(_KEPT, self._kept, strict=True))
        long, short = found[FigureName.LONG], found[FigureName.SHORT]
        with exactly():
            found[FigureName.NET] = _Sum(long.known + short.known, long.missing)
            found[FigureName.GROSS] = _Sum(long.known - short.known, long.missing)
        return found

    def figures(self, cash: Decimal | None) -> PortfolioFigures:
        """Return all figures.

        Args:
            cash: dollars; None if unknown.
        """
        net, prices = self.net, list(self._prices())
        with exactly():
            equity = None if cash is None or net is None else cash + net
            return PortfolioFigures(
                totals=tuple(self._totals(cash)),
                weights=self._weights(equity),
                sectors=self._by_sector(equity),
                held=len(self._held),
                at_close=sum(price.basis is PriceBasis.CLOSE for price in prices),
                oldest=min(prices, key=_age_key, default=None),
            )

    def _totals(self, cash: Decimal | None) -> Iterator[Figure]:
        sums = self._sums()
        if cash is not None or self._pnls:
            net = sums[FigureName.NET]
            has_cash = cash is not None
            yield Figure(
                FigureName.EQUITY, "", (cash or ZERO) + net.known, None, tuple(sorted(net.missing)), has_cash
            )
            yield Figure(FigureName.CASH, "", cash or ZERO, has_cash=has_cash)
        if self._pnls:
            yield from (sums[name].figure(name) for name in OF_ALL)
        if self._held:
            yield from (sums[name].figure(name) for name in OF_HELD)
            gross = sums[FigureName.GROSS].known
            yield sums[FigureName.HHI].figure(FigureName.HHI, over=gross * gross)

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


def _age_key(price: PriceUsed) -> tuple[datetime, str]:
    # A price without a time is older than any that has one.
    return (price.at or _NEVER, price.symbol)
