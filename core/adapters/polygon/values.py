"""What Polygon told, in words of ours, before it becomes quotes, bars and snapshots of the domain."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from core.domain.money import Price, Qty
from core.domain.movers import MoverSnapshot
from core.ids import Symbol

T = TypeVar("T")

NO_SHARES = Qty(0)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """The rows of one page that can be read.

    Attributes:
        count: of all its rows.
        next_url: where the next page is, as the vendor says; "" after the last.
    """

    rows: tuple[T, ...]
    count: int = 0
    next_url: str = ""


@dataclass(frozen=True, slots=True)
class BestQuote:
    """The best bid and offer at a moment; None where there is no bid or offer.

    Attributes:
        sequence: rises within a day for one symbol; None if it was not told.
    """

    symbol: Symbol
    bid: Price | None
    ask: Price | None
    bid_size: Qty
    ask_size: Qty
    time: datetime
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade.

    Attributes:
        is_last: whether its price becomes the last price.
        counted: shares that count in the day's volume.
        sequence: rises within a day for one symbol; None if it was not told.
    """

    symbol: Symbol
    price: Price
    is_last: bool
    counted: Qty
    time: datetime
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class DaySnapshot:
    """Where one symbol's day stands.

    Attributes:
        quote: None where the plan has none, or there was none yet.
        last: dollars; None before the first trade.
        last_time: of the last trade.
        prev_volume: shares of the whole last market day; None if unknown.
        updated: when it was made; None while the vendor has cleared the day.
    """

    symbol: Symbol
    quote: BestQuote | None
    last: Price | None
    last_time: datetime | None
    prev_close: Price | None
    volume: Qty
    prev_volume: Qty | None
    updated: datetime | None

    def for_scan(self) -> MoverSnapshot:
        """Return what a scan of movers looks at."""
        return MoverSnapshot(
            self.symbol, self.last, self.prev_close, self.volume, self.prev_volume, self.last_time
        )


@dataclass(frozen=True, slots=True)
class MarketStatus:
    """What the vendor says of the market.

    Attributes:
        word: `open`, `closed`, `extended-hours`, or one we do not know.
        server_time: UTC; None if it was not told.
    """

    word: str
    server_time: datetime | None


@dataclass(frozen=True, slots=True)
class Status:
    """A message of the stream about itself."""

    word: str
    text: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What one frame of the stream held; `unreadable` events were left out."""

    events: tuple[BestQuote | Trade, ...] = ()
    statuses: tuple[Status, ...] = ()
    unreadable: int = 0
