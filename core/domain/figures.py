"""Figures of a portfolio, what each of them is made of, and what its closes say of the past."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from core.domain.archives import ArchivedPart
from core.domain.money import Price
from core.domain.outcomes import EquitySnapshot
from core.ids import ExecId, Symbol


class PriceBasis(StrEnum):
    """Where a price comes from: the last trade, or the close of the last market day."""

    LIVE = "live"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class PriceUsed:
    """The price at which a position is valued.

    Attributes:
        price: dollars.
        at: market time, UTC, of the newest that is known of the symbol, or of the close; None if unknown.
        received: monotonic seconds of our clock; None where it did not come with a quote.
    """

    symbol: Symbol
    price: Price
    basis: PriceBasis
    at: datetime | None
    received: float | None


class FigureName(StrEnum):
    """What a portfolio is measured by. The last three are of one symbol, of one sector, and of all."""

    EQUITY = "equity"
    CASH = "cash"
    COST = "cost"
    UNREALISED = "unrealised"
    REALISED = "realised"
    FEES = "fees"
    TOTAL_PNL = "total_pnl"
    DAY_PNL = "day_pnl"
    LONG = "long"
    SHORT = "short"
    NET = "net"
    GROSS = "gross"
    WEIGHT = "weight"
    SECTOR = "sector"
    HHI = "hhi"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. A single symbol without a price makes it unknown; what is known of it is told all the same.

    Attributes:
        of: the symbol or sector it is about; empty where it is about all.
        known: dollars of the parts that are known (for `HHI`: dollars squared).
        over: what it is a share of: the equity, for `HHI` the square of the gross value. None where it is
            no share, or where that is unknown.
        without_price: the symbols that make it unknown.
        has_cash: False where the account's cash is a part and is not known.
    """

    name: FigureName
    of: str
    known: Decimal
    over: Decimal | None = None
    without_price: tuple[Symbol, ...] = ()
    has_cash: bool = True

    @property
    def value(self) -> Decimal | None:
        """Dollars; None while a part is unknown."""
        return self.known if self.has_cash and not self.without_price else None

    @property
    def share(self) -> Decimal | None:
        """The value over `over`, for show: this is a division, the two are exact."""
        value = self.value
        return value / self.over if value is not None and self.over is not None and self.over > 0 else None


@dataclass(frozen=True, slots=True)
class PortfolioFigures:
    """All figures at one moment.

    Attributes:
        totals: in the order shown; an empty portfolio has none but cash and equity.
        weights: of the largest positions, largest first.
        sectors: largest first; what no sector is known of is under the empty name.
        held: how many positions are not flat.
        at_close: how many of them are valued at a close.
        oldest: the price that is known for longest, by market time; None without a price.
    """

    totals: tuple[Figure, ...]
    weights: tuple[Figure, ...] = ()
    sectors: tuple[Figure, ...] = ()
    held: int = 0
    at_close: int = 0
    oldest: PriceUsed | None = None

    def get(self, name: FigureName, of: str = "") -> Figure | None:
        """Return one figure; None where there is none."""
        found = (each for each in (*self.totals, *self.weights, *self.sectors) if each.name is name)
        return next((each for each in found if each.of == of), None)


class PartKind(StrEnum):
    """What a part of a figure is."""

    CASH = "cash"
    CASH_SINCE = "cash_since"
    LOT = "lot"
    CLOSED = "closed"
    DAY_START = "day_start"
    DAY_FILL = "day_fill"
    FEE = "fee"
    SQUARE = "square"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class FigurePart:
    """One summand: `qty x (price - against)` where it has a quantity, else an amount by itself.

    Attributes:
        kind: `LOT` are shares of an open lot, at their price now, their price then or the difference;
            `CLOSED` the same of a piece that was closed; `DAY_START` what was held when the day began;
            `DAY_FILL` shares of a fill of the day; `SQUARE` a position's value times itself; `ARCHIVED` what
            is carried forward of the pieces, or fees, that stand in an archive.
        symbol: empty for cash.
        exec_id: the fill it comes from; empty where it comes from none.
        qty: shares, signed so that the amount has its sign.
        price: dollars a share.
        against: dollars a share that are taken off first; None where nothing is.
        amount: dollars (for `SQUARE`: dollars squared).
        archived: of what, where it stands in an archive.
    """

    kind: PartKind
    symbol: str
    exec_id: ExecId | None
    qty: Decimal | None
    price: Decimal | None
    against: Decimal | None
    amount: Decimal
    archived: ArchivedPart | None = None


@dataclass(frozen=True, slots=True)
class FigureProof:
    """A figure, and the fills, lots and prices it comes from; they re-add to it exactly.

    Attributes:
        parts: by symbol, oldest first.
        prices: the prices that were used, by symbol.
        holds: whether the parts add up to the figure.
    """

    figure: Figure
    parts: tuple[FigurePart, ...]
    prices: tuple[PriceUsed, ...]
    holds: bool


@dataclass(frozen=True, slots=True)
class Performance:
    """What the closes say of the past. None: not defined for so few, or for such, closes.

    Attributes:
        first: market date of the first close that is known.
        last: market date of the last one.
        returns: how many sub-periods there are.
        gaps: closes between the two that are not known; the sub-period goes over them.
        time_weighted: fraction over the whole time, money that came and went aside.
        money_weighted: fraction a year (XIRR).
        growth_a_year: continuously compounded, fraction a year.
        volatility: fraction a year.
        max_drawdown: fraction of the peak, zero or negative.
        drawdown: as it stands now.
        sharpe: a year, over a riskless rate of zero.
        sortino: likewise, over what falls below zero.
        value_at_risk: fraction that a day loses at most in 95 of 100, positive for a loss.
        expected_shortfall: mean loss of the days beyond it.
        benchmark: symbol; empty where none is known here.
        joined: days on which both have a return.
        beta: against the benchmark.
        correlation: with the benchmark.
    """

    first: date | None = None
    last: date | None = None
    returns: int = 0
    gaps: int = 0
    time_weighted: float | None = None
    money_weighted: float | None = None
    growth_a_year: float | None = None
    volatility: float | None = None
    max_drawdown: float | None = None
    drawdown: float | None = None
    sharpe: float | None = None
    sortino: float | None = None
    value_at_risk: float | None = None
    expected_shortfall: float | None = None
    benchmark: str = ""
    joined: int = 0
    beta: float | None = None
    correlation: float | None = None


@dataclass(frozen=True, slots=True)
class PortfolioReport:
    """The figures of now, the closes and what they say.

    Attributes:
        closes: oldest first.
        next_close: market time, UTC, at which the next close is recorded; None while that is unknown.
    """

    figures: PortfolioFigures
    closes: tuple[EquitySnapshot, ...]
    performance: Performance
    next_close: datetime | None
