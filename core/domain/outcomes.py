"""What trading has come to: closed trades, the peak, the close of each day, money in and out."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from core.domain.money import Money, Qty
from core.domain.terms import Side
from core.ids import ClOrdId, ExecId, Symbol


class TradeResult(StrEnum):
    """How a closing fill ended; exact, so `EVEN` is zero and not a cent."""

    WIN = "win"
    LOSS = "loss"
    EVEN = "even"


@dataclass(frozen=True, slots=True)
class TradeOutcome:
    """What one closing fill has realised.

    Attributes:
        exec_id: the fill that closed.
        cl_ord_id: its order.
        side: of what was closed: BUY for shares that were held.
        qty: shares closed.
        realised: dollars, fees aside.
        fees: dollars of the closing fill and of the opening ones, as far as they belong to these shares.
        closed_at: market time, UTC.
        voids: the closing fill that was taken back, and with it its outcome; None for an outcome.
    """

    exec_id: ExecId
    cl_ord_id: ClOrdId
    symbol: Symbol
    side: Side
    qty: Qty
    realised: Money
    fees: Money
    closed_at: datetime
    voids: ExecId | None = None

    @property
    def pnl(self) -> Decimal:
        """Dollars after fees."""
        return self.realised - self.fees

    @property
    def result(self) -> TradeResult:
        """Win, loss or even, after fees."""
        if self.pnl > 0:
            return TradeResult.WIN
        return TradeResult.LOSS if self.pnl < 0 else TradeResult.EVEN


@dataclass(frozen=True, slots=True)
class PortfolioPeak:
    """The highest equity, from which a drawdown is measured.

    Attributes:
        equity: dollars.
        reason: why it stands here: "peak", "flow" (money came or went), or the words of an acknowledgement.
        at: our time, UTC.
    """

    equity: Money
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EquitySnapshot:
    """The account at the close of one market day.

    Attributes:
        market_date: in exchange time.
        cash: dollars.
        positions_value: dollars, signed, at the closing prices.
        flow: dollars that came in (or went out, negative) since the snapshot before.
        missed: the program was not running at that close, so the figures are not known.
        taken_at: our time, UTC.
    """

    market_date: date
    cash: Money | None
    positions_value: Money | None
    flow: Money
    missed: bool
    taken_at: datetime

    @property
    def equity(self) -> Decimal | None:
        """Dollars; None where the close was missed."""
        if self.cash is None or self.positions_value is None:
            return None
        return self.cash + self.positions_value


@dataclass(frozen=True, slots=True)
class CashFlow:
    """Money that moved without a trade: a deposit, a withdrawal, a dividend, a fee.

    Attributes:
        activity_id: the broker's name for it, so that it is booked once.
        kind: in our words ("deposit", "withdrawal", "dividend", "fee", "interest", "other").
        external: money that the owner put in or took out: no profit and no loss.
        amount: dollars, signed.
        symbol: the instrument it belongs to; empty where there is none.
        at: market time, UTC.
    """

    activity_id: str
    kind: str
    external: bool
    amount: Money
    symbol: str
    at: datetime
