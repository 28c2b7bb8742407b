"""What one market day came to (C4)."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from core.domain.breakers import BreakerRecord
from core.ids import ClOrdId, ExecId, Symbol


@dataclass(frozen=True, slots=True)
class CodeCount:
    """How often one reason was given."""

    code: str
    count: int


@dataclass(frozen=True, slots=True)
class LimitPeak:
    """How near to its limit a rule came in what was sent, in percent of the limit."""

    rule: str
    used_pct: Decimal
    cl_ord_id: ClOrdId


@dataclass(frozen=True, slots=True)
class Slip:
    """How much worse than its decision price one fill was.

    Attributes:
        decision_px: dollars a share; the far side of the quote when the order was written ahead.
        pct: percent, worse is above zero.
        cost: dollars, worse is above zero.
    """

    exec_id: ExecId
    cl_ord_id: ClOrdId
    symbol: Symbol
    qty: Decimal
    last_px: Decimal
    decision_px: Decimal
    pct: Decimal
    cost: Decimal


@dataclass(frozen=True, slots=True)
class DailyReport:
    """Orders, refusals, limits, slippage and money of one market day, from the database.

    Attributes:
        market_date: in exchange time.
        made_at: our time, UTC.
        orders: orders and replacements that were written ahead.
        cancels: cancels that were asked for.
        rejects: orders that the broker rejected.
        refusals: orders that the desk refused, by rule or code, most frequent first.
        overrides: soft rules that a person acknowledged, by rule, most frequent first.
        limits: each rule with a number, at its worst in what was sent, worst first.
        slips: fills with a known decision price, worst first.
        average_slip_pct: percent, weighted by value; None where no fill has a decision price.
        fills: fills of the day.
        traded: dollars bought and sold, fees aside.
        fees: dollars.
        realised: dollars of what was closed, fees aside.
        trips: breakers that tripped, oldest first.
        alarms: alarms that a person acknowledged.
    """

    market_date: date
    made_at: datetime
    orders: int
    cancels: int
    rejects: int
    refusals: tuple[CodeCount, ...]
    overrides: tuple[CodeCount, ...]
    limits: tuple[LimitPeak, ...]
    slips: tuple[Slip, ...]
    average_slip_pct: Decimal | None
    fills: int
    traded: Decimal
    fees: Decimal
    realised: Decimal
    trips: tuple[BreakerRecord, ...]
    alarms: int
