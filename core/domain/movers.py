"""The movers: what moved most today in a universe of symbols, and what could not be ranked."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.domain.money import Price, Qty
from core.ids import Symbol

# The liquid large caps that are scanned where nobody chose others.
LARGE_CAPS: tuple[Symbol, ...] = tuple(
    Symbol(each)
    for each in (
        "AAPL", "MSFT", "GOOGL", "AMZN", "NVDA", "TSLA", "META", "BRK.B", "JPM", "V",
        "JNJ", "WMT", "PG", "MA", "HD", "DIS", "BAC", "NFLX", "CRM", "ORCL",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MoverSnapshot:
    """What a scan looks at, for one symbol.

    Attributes:
        last: dollars of the last trade; None before the first of the day.
        prev_close: dollars at the last market day's close.
        volume: shares traded this market day.
        usual_volume: shares of a whole usual day; None if unknown.
        as_of: market time of the last trade, UTC; None if there was none.
    """

    symbol: Symbol
    last: Price | None
    prev_close: Price | None
    volume: Qty
    usual_volume: Qty | None
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class MoverRow:
    """One mover.

    Attributes:
        last: dollars.
        change_pct: percent since the last market day's close, signed.
        rel_volume: volume as a multiple of a whole usual day's; None if that is unknown.
        volume: shares traded this market day.
        as_of: market time of the last trade, UTC.
    """

    symbol: Symbol
    last: Price
    change_pct: Decimal
    rel_volume: Decimal | None
    volume: Qty
    as_of: datetime


@dataclass(frozen=True, slots=True)
class MoversScan:
    """A ranking, and why the rest of the universe is not in it.

    Attributes:
        rows: the largest absolute change first; among equals, the largest relative volume.
        excluded: symbols that could not be ranked, each with the reason in words.
        as_of: market time of the scan, UTC.
        universe: what was asked for, each symbol once.
    """

    rows: tuple[MoverRow, ...]
    excluded: tuple[tuple[Symbol, str], ...]
    as_of: datetime
    universe: tuple[Symbol, ...]
