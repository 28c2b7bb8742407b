"""Quotes, bars and the state of the market, in market time."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from core.domain.money import Price, Qty
from core.ids import Symbol


class SessionPhase(StrEnum):
    """Where the market day stands."""

    CLOSED = "closed"
    PRE = "pre"
    REGULAR = "regular"
    POST = "post"


class Timeframe(StrEnum):
    """The length of a bar."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    H1 = "1h"
    D1 = "1d"
    W1 = "1w"


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and offer, and the last trade.

    Attributes:
        bid: dollars; None when there is no bid (halted, closed).
        ask: dollars; None when there is no offer.
        bid_size: shares.
        ask_size: shares.
        last: dollars of the last trade; None before the first.
        prev_close: dollars at the last market day's close.
        volume: shares traded this market day.
        halted: trading in the symbol is paused.
        time: market time, UTC.
        received: monotonic seconds of our clock, for the age.
    """

    symbol: Symbol
    bid: Price | None
    ask: Price | None
    bid_size: Qty
    ask_size: Qty
    last: Price | None
    prev_close: Price | None
    volume: Qty
    halted: bool
    time: datetime
    received: float

    @property
    def change(self) -> Decimal | None:
        """Dollars since the last close."""
        return None if self.last is None or self.prev_close is None else self.last - self.prev_close

    @property
    def change_pct(self) -> Decimal | None:
        """Percent since the last close."""
        return None if self.change is None or not self.prev_close else self.change / self.prev_close * 100


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of prices.

    Attributes:
        time: market time, UTC, of its start.
        open: dollars, like high, low and close.
        volume: shares.
    """

    symbol: Symbol
    time: datetime
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Qty


@dataclass(frozen=True, slots=True)
class MarketSession:
    """The market day in force.

    Attributes:
        now: market time, UTC.
        phase: where the day stands.
        opens: start of regular hours, UTC.
        closes: end of regular hours, UTC.
        clock_off_s: seconds by which our clock is ahead of that of the prices, the way of the fastest one
            included; None where market time is the feed's own, or nothing has come yet.
    """

    now: datetime
    phase: SessionPhase
    opens: datetime
    closes: datetime
    clock_off_s: float | None = None
