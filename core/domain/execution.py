"""What a broker says about an order, and the fills in it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from core.domain.money import Money, Price, Qty, notional
from core.domain.terms import OrderTerms, OrdStatus, Side
from core.ids import ClOrdId, ExecId, OrderId, Symbol


class ExecType(StrEnum):
    """FIX 150. Words of a broker that are none of these are kept as OTHER with their text."""

    PENDING_NEW = "pending_new"
    NEW = "new"
    TRADE = "trade"
    TRADE_CANCEL = "trade_cancel"
    TRADE_CORRECT = "trade_correct"
    CANCELED = "canceled"
    REPLACED = "replaced"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    RESTATED = "restated"
    ORDER_STATUS = "order_status"
    CANCEL_REJECTED = "cancel_rejected"
    REPLACE_REJECTED = "replace_rejected"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ExecutionReport:
    """FIX 8: one fact about one order.

    Attributes:
        exec_id: unique for ever at this broker; the same id twice is the same fact.
        exec_type: what happened.
        cl_ord_id: the order it is about.
        order_id: the broker's id; None in a rejection before it had one.
        terms: the order as the broker holds it.
        ord_status: the state it leaves the order in.
        cum_qty: shares filled in all.
        leaves_qty: shares still working.
        avg_px: dollars a share over `cum_qty`; None while nothing is filled.
        transact_time: market time, UTC.
        last_qty: shares of this fill.
        last_px: dollars a share of this fill.
        fee: dollars charged for this fill, never negative.
        orig_cl_ord_id: the order that this one replaces.
        text: the broker's words; plain text, possibly hostile.
        list_id: the `cl_ord_id` of the order that this one is a leg of.
        exec_ref_id: FIX 19; the fill that a bust or a correction is about.
    """

    exec_id: ExecId
    exec_type: ExecType
    cl_ord_id: ClOrdId
    order_id: OrderId | None
    terms: OrderTerms
    ord_status: OrdStatus
    cum_qty: Qty
    leaves_qty: Qty
    avg_px: Price | None
    transact_time: datetime
    last_qty: Qty | None = None
    last_px: Price | None = None
    fee: Money = Money(0)
    orig_cl_ord_id: ClOrdId | None = None
    text: str = ""
    list_id: ClOrdId | None = None
    exec_ref_id: ExecId | None = None

    @property
    def proves_acceptance(self) -> bool:
        """Whether the broker has, or had, this order."""
        return self.exec_type is not ExecType.REJECTED and self.ord_status is not OrdStatus.REJECTED

    @property
    def fill(self) -> "Fill | None":
        """The fill in this report, if it is one."""
        if self.exec_type is not ExecType.TRADE or self.last_qty is None or self.last_px is None:
            return None
        return Fill(
            exec_id=self.exec_id,
            cl_ord_id=self.cl_ord_id,
            symbol=self.terms.symbol,
            side=self.terms.side,
            last_qty=self.last_qty,
            last_px=self.last_px,
            fee=self.fee,
            transact_time=self.transact_time,
        )


@dataclass(frozen=True, slots=True)
class UnreadableOrder:
    """An order that works at the broker and of which we cannot read what it may still do.

    Attributes:
        cl_ord_id: ours, or what another program or the broker chose.
        symbol: what it is in.
        text: what could not be read; plain text, possibly hostile.
    """

    cl_ord_id: ClOrdId
    symbol: Symbol
    text: str


@dataclass(frozen=True, slots=True)
class Fill:
    """Shares that changed hands.

    Attributes:
        exec_id: unique at the broker.
        last_qty: shares, above zero.
        last_px: dollars a share.
        fee: dollars; negative only where a correcting entry gives one back.
        transact_time: market time, UTC.
        inferred: we deduced it from a cumulated quantity; the broker has not shown it yet.
        corrects: the fill that this entry takes back, share by share and at its own price.
    """

    exec_id: ExecId
    cl_ord_id: ClOrdId
    symbol: Symbol
    side: Side
    last_qty: Qty
    last_px: Price
    fee: Money
    transact_time: datetime
    inferred: bool = False
    corrects: ExecId | None = None

    @property
    def signed_qty(self) -> Decimal:
        """Shares, negative for a sale."""
        return self.last_qty * self.side.sign

    @property
    def value(self) -> Money:
        """Dollars that changed hands, the fee aside, never negative."""
        return notional(self.last_qty, self.last_px)

    @property
    def cash_flow(self) -> Money:
        """Dollars that came in (plus) or went out (minus), the fee included."""
        return Money(-self.value * self.side.sign - self.fee)
