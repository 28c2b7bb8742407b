"""Positions as a fold of fills, and what a broker says of the account."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from core.domain.money import Money, Price, Qty, notional
from core.domain.terms import Side
from core.ids import ExecId, Symbol


@dataclass(frozen=True, slots=True)
class Lot:
    """Shares bought (or sold short) in one fill, and what is left of them.

    Attributes:
        exec_id: the fill that opened it.
        side: BUY for shares held, SELL for shares owed.
        opened_qty: shares of its fill that opened it (fewer than the fill's where that closed others first).
        open_qty: shares still open.
        price: dollars a share.
        fee: dollars of the opening fill that belong to `opened_qty`.
        opened_at: market time, UTC.
    """

    exec_id: ExecId
    symbol: Symbol
    side: Side
    opened_qty: Qty
    open_qty: Qty
    price: Price
    fee: Money
    opened_at: datetime

    @property
    def cost(self) -> Money:
        """Dollars paid (or received, for a short lot) for what is still open, fees aside."""
        return notional(self.open_qty, self.price)


@dataclass(frozen=True, slots=True)
class ShareMove:
    """Shares that came or went without a trade, as their symbol has changed.

    Attributes:
        activity_id: the broker's name for it, so that it is booked once.
        symbol: of the shares; a changed symbol is two moves, one of each.
        qty: shares, signed.
        day: the market date that the broker gives.
        words: what it was, for people.
    """

    activity_id: str
    symbol: Symbol
    qty: Decimal
    day: date
    words: str


@dataclass(frozen=True, slots=True)
class LotClose:
    """One lot, or a part of it, closed by one fill: a piece of realised profit or loss.

    Attributes:
        open_exec_id: the fill that opened the lot.
        close_exec_id: the fill that closed it.
        side: of the lot.
        qty: shares closed.
        open_px: dollars a share.
        close_px: dollars a share.
        realised: dollars, fees aside; (close - open) x qty, turned for a short lot.
        closed_at: market time, UTC.
    """

    open_exec_id: ExecId
    close_exec_id: ExecId
    symbol: Symbol
    side: Side
    qty: Qty
    open_px: Price
    close_px: Price
    realised: Money
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class Position:
    """What is held of one instrument: the fold of its fills, oldest first.

    Attributes:
        qty: shares, negative if owed.
        cost: dollars paid for what is open, fees aside; negative for a short position.
        realised: dollars realised since the first fill, fees aside.
        fees: dollars charged in all.
        lots: what is open, oldest first.
        opened_at: market time, UTC, of the oldest open lot.
    """

    symbol: Symbol
    qty: Qty
    cost: Money
    realised: Money
    fees: Money
    lots: tuple[Lot, ...]

    @property
    def opened_at(self) -> datetime | None:
        """Market time of the oldest open lot; None when flat."""
        return self.lots[0].opened_at if self.lots else None

    @property
    def avg_px(self) -> Decimal | None:
        """Dollars a share over the open lots, for show; None when flat. The cost is exact, this is not."""
        return self.cost / self.qty if self.qty else None

    @property
    def is_flat(self) -> bool:
        """Whether nothing is held or owed."""
        return self.qty == 0


@dataclass(frozen=True, slots=True)
class BrokerPosition:
    """What the broker says is held: signed shares and their average price in dollars."""

    symbol: Symbol
    qty: Qty
    avg_px: Price


@dataclass(frozen=True, slots=True)
class Account:
    """What the broker says of the account, dollars.

    Attributes:
        account_id: the broker's name for it; never shown whole.
        cash: settled and unsettled cash, before working orders.
        buying_power: what new orders may cost; working orders are already taken off.
        equity: cash and the value of all positions.
        start_equity: equity at the start of the market day.
        blocked: why the broker takes no orders for this account; empty while it takes them.
        may_short: whether shares that are not held may be sold.
        is_margin: whether it may borrow; our own rules never let it (A15).
    """

    account_id: str
    cash: Money
    buying_power: Money
    equity: Money
    start_equity: Money
    blocked: str = ""
    may_short: bool = False
    is_margin: bool = False
