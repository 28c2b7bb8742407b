"""An order's life in FIX words: terms, states, legal transitions, and the fold of reports."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from core.domain.access import Origin
from core.domain.execution import ExecType, ExecutionReport
from core.domain.money import ZERO, Price, Qty
from core.domain.terms import OrderTerms, OrdStatus, OrdType, Side, TimeInForce
from core.ids import ClOrdId, OrderId, Symbol


class Pending(StrEnum):
    """What was asked of the broker and not yet answered."""

    CANCEL = "cancel"
    REPLACE = "replace"


_S = OrdStatus
OPEN: frozenset[OrdStatus] = frozenset(
    {
        _S.PENDING_NEW,
        _S.NEW,
        _S.PARTIALLY_FILLED,
        _S.PENDING_CANCEL,
        _S.PENDING_REPLACE,
        _S.DONE_FOR_DAY,
        _S.SUSPENDED,
        _S.UNKNOWN,
    }
)
TERMINAL: frozenset[OrdStatus] = frozenset(_S) - OPEN

# From -> to. What looks odd is real and commented.
TRANSITIONS: dict[OrdStatus, frozenset[OrdStatus]] = {
    _S.PENDING_NEW: frozenset(_S) - {_S.PENDING_NEW},  # any report may be the first that arrives
    _S.UNKNOWN: frozenset(_S) - {_S.UNKNOWN},  # settled by the first proof, or sent again by a person
    _S.NEW: frozenset(_S) - {_S.NEW, _S.PENDING_NEW, _S.UNKNOWN},
    _S.PARTIALLY_FILLED: frozenset(_S) - {_S.PARTIALLY_FILLED, _S.PENDING_NEW, _S.NEW, _S.UNKNOWN},
    # Refused: back to work. Asked for before the broker has shown the order: nobody may know it after all.
    _S.PENDING_CANCEL: frozenset(_S) - {_S.PENDING_CANCEL, _S.PENDING_NEW},
    _S.PENDING_REPLACE: frozenset(_S) - {_S.PENDING_REPLACE, _S.PENDING_NEW, _S.UNKNOWN},
    _S.DONE_FOR_DAY: frozenset(_S) - {_S.DONE_FOR_DAY, _S.PENDING_NEW, _S.UNKNOWN},
    _S.SUSPENDED: frozenset(_S) - {_S.SUSPENDED, _S.PENDING_NEW, _S.UNKNOWN},
    _S.FILLED: frozenset({_S.PARTIALLY_FILLED, _S.CANCELED}),  # a fill was busted
    _S.CANCELED: frozenset({_S.FILLED}),  # a fill overtook the cancel and its report came later
    _S.EXPIRED: frozenset({_S.FILLED, _S.CANCELED}),  # the same; and a broker that says both
    _S.REPLACED: frozenset({_S.FILLED}),  # the last fill of the old order came late
    _S.REJECTED: frozenset(
        {_S.NEW, _S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELED, _S.EXPIRED, _S.SUSPENDED, _S.DONE_FOR_DAY}
    ),
    # REJECTED is left only by an order that was given up as NOT_RECEIVED and is sighted later
}

_ENDING: dict[ExecType, OrdStatus] = {
    ExecType.CANCELED: _S.CANCELED,
    ExecType.EXPIRED: _S.EXPIRED,
    ExecType.REJECTED: _S.REJECTED,
}
# When two endings are reported, the higher one is kept, whatever the order of arrival.
_RANK: dict[OrdStatus, int] = {_S.REJECTED: 0, _S.EXPIRED: 1, _S.CANCELED: 2, _S.REPLACED: 3, _S.FILLED: 4}


@dataclass(frozen=True, slots=True)
class Resting:
    """A working order that an order of the other side may meet.

    Attributes:
        cl_ord_id: its name; None while it is being sent.
        qty: shares that may still fill.
        price: limit, dollars a share; None for a market order.
        external: not made by this program.
    """

    cl_ord_id: ClOrdId | None
    qty: Decimal
    price: Price | None
    external: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """An order as we know it; the state is derived from facts, never set.

    Attributes:
        cl_ord_id: ours, or the broker's id where the order is external.
        terms: what was asked for.
        created_at: our time, UTC.
        updated_at: our time, UTC, of the last fact.
        orig_cl_ord_id: the order that this one replaces.
        order_id: the broker's id once known.
        cum_qty: shares filled, the highest that was ever reported.
        avg_px: dollars, of the report with that quantity.
        acked: the broker has shown that it has the order.
        ended: the ending that was reported, if any.
        pending: what we asked for and what was not answered.
        unknown: sent, and nobody can prove that the broker has it.
        gave_up: the person ended the waiting; `ended` is then REJECTED without proof from the broker.
        sent_at: our time, UTC, of the (last) send.
        text: the broker's or our words on the last change; plain text.
        external: not made by this program.
        list_id: the order of ours that this one is a leg of; a leg is ours through it.
        released: a held leg has begun to work, so a late report that it is held says nothing new. Not
            stored: after a restart the broker's state of the order is asked for anyway.
        origin: the way in of the decision; None for an external order.
    """

    cl_ord_id: ClOrdId
    terms: OrderTerms
    created_at: datetime
    updated_at: datetime
    orig_cl_ord_id: ClOrdId | None = None
    order_id: OrderId | None = None
    cum_qty: Qty = Qty(0)
    avg_px: Price | None = None
    acked: bool = False
    ended: OrdStatus | None = None
    pending: Pending | None = None
    suspended: bool = False
    unknown: bool = False
    gave_up: bool = False
    sent_at: datetime | None = None
    text: str = ""
    external: bool = False
    list_id: ClOrdId | None = None
    released: bool = field(default=False, compare=False)
    origin: Origin | None = None

    @property
    def symbol(self) -> Symbol:
        """The instrument."""
        return self.terms.symbol

    @property
    def side(self) -> Side:
        """Buy or sell."""
        return self.terms.side

    @property
    def ord_type(self) -> OrdType:
        """Market, limit, or one of the three stops."""
        return self.terms.ord_type

    @property
    def time_in_force(self) -> TimeInForce:
        """How long it may work."""
        return self.terms.time_in_force

    @property
    def order_qty(self) -> Qty:
        """Shares asked for, those already filled included."""
        return self.terms.order_qty

    @property
    def ord_status(self) -> OrdStatus:
        """The FIX state that follows from the facts."""
        if self.cum_qty >= self.order_qty and not self.terms.is_cash:
            return OrdStatus.FILLED
        if self.ended is not None:
            return self.ended
        if self.unknown:
            return OrdStatus.UNKNOWN
        if self.pending is not None:
            return OrdStatus.PENDING_CANCEL if self.pending is Pending.CANCEL else OrdStatus.PENDING_REPLACE
        if self.suspended:
            return OrdStatus.SUSPENDED
        if self.cum_qty > 0:
            return OrdStatus.PARTIALLY_FILLED
        return OrdStatus.NEW if self.acked else OrdStatus.PENDING_NEW

    @property
    def is_open(self) -> bool:
        """Whether it may still fill; an UNKNOWN order may."""
        return self.ord_status in OPEN

    @property
    def leaves_qty(self) -> Qty:
        """Shares that may still fill; zero once it has ended."""
        return Qty(max(self.order_qty - self.cum_qty, ZERO)) if self.is_open else Qty(0)

    @property
    def is_overfilled(self) -> bool:
        """Whether more was filled than asked for: never clipped, always an alarm."""
        return self.cum_qty > self.order_qty and not self.terms.is_cash


def apply_report(order: Order, report: ExecutionReport, now: datetime) -> Order:
    """Fold one report into an order; reports in any order end in the same state.

    The caller has removed duplicates by `exec_id`; applying one twice changes nothing all
    the same. `cum_qty` takes the highest value reported, so an old report never undoes a new one; only a
    bust or a correction lowers it.

    Args:
        order: the order as known.
        report: what the broker said; its `cl_ord_id` is this order's.
        now: our time, UTC.
    """
    cum_qty, avg_px = order.cum_qty, order.avg_px
    amends = report.exec_type in (ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT)
    if report.cum_qty > cum_qty or amends:
        cum_qty, avg_px = report.cum_qty, report.avg_px
    refused = report.exec_type in (ExecType.CANCEL_REJECTED, ExecType.REPLACE_REJECTED)
    ended = _ended(order, report)
    return replace(
        order,
        order_id=report.order_id or order.order_id,
        cum_qty=cum_qty,
        avg_px=avg_px,
        acked=order.acked or report.proves_acceptance,
        ended=ended,
        pending=None if refused or ended is not None else order.pending,
        suspended=_suspended(order, report),
        released=order.released or report.exec_type is ExecType.RESTATED,
        unknown=False if report.proves_acceptance or ended is not None else order.unknown,
        gave_up=order.gave_up and not report.proves_acceptance,
        text=report.text or order.text,
        updated_at=now,
        list_id=report.list_id or order.list_id,
        external=order.external and report.list_id is None,
    )


def _ended(order: Order, report: ExecutionReport) -> OrdStatus | None:
    found = _ENDING.get(report.exec_type)
    if order.terms.is_cash and report.ord_status is OrdStatus.FILLED:
        found = OrdStatus.FILLED  # how many shares the cash buys is the broker's to say
    if report.exec_type is ExecType.ORDER_STATUS and report.ord_status in _RANK.keys() - {OrdStatus.FILLED}:
        found = report.ord_status
    if report.exec_type is ExecType.REPLACED and report.ord_status is OrdStatus.REPLACED:
        found = OrdStatus.REPLACED
    if report.exec_type is ExecType.TRADE_CANCEL and report.leaves_qty == 0:
        # What was taken back does not work again; a filled cash order is filled no more.
        return order.ended if order.ended not in (None, OrdStatus.FILLED) else OrdStatus.CANCELED
    known = None if order.gave_up and report.proves_acceptance else order.ended
    if found is None or known is None:
        return found or known
    return max(found, known, key=lambda status: _RANK[status])


def _suspended(order: Order, report: ExecutionReport) -> bool:
    if report.exec_type is ExecType.SUSPENDED and order.released:
        return order.suspended
    if report.exec_type in (ExecType.ORDER_STATUS, ExecType.SUSPENDED):
        return report.ord_status is OrdStatus.SUSPENDED
    return order.suspended and report.exec_type is not ExecType.RESTATED


def is_legal(before: OrdStatus, after: OrdStatus) -> bool:
    """Say whether an order may move from one state to another; staying is always legal."""
    return before is after or after in TRANSITIONS[before]


def worst_price(order: Order, reference: Decimal | None) -> Decimal | None:
    """Return the dollars a share that a fill of this order may cost or bring at worst.

    A limit bounds it; a market or stop order is bounded by nothing, so the reference price is
    taken (None if there is none).
    """
    if order.terms.price is not None:
        return order.terms.price
    if order.terms.stop_px is not None and reference is not None:
        return (
            max(order.terms.stop_px, reference)
            if order.side is Side.BUY
            else min(order.terms.stop_px, reference)
        )
    return order.terms.stop_px if order.terms.stop_px is not None else reference
