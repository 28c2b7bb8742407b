"""From what a broker said to entries of the book: fills, what takes them back, and what is inferred.

Everything here runs on the storage thread, inside the unit of work of the report.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation

from core.domain.execution import ExecType, ExecutionReport, Fill
from core.domain.money import ZERO, Money, Price, Qty, normal, notional, plain
from core.domain.order import Order
from core.domain.outcomes import TradeOutcome
from core.domain.portfolio import Position
from core.domain.terms import Side
from core.ids import ClOrdId, ExecId
from core.portfolio.exact import exactly
from core.portfolio.lots import apply_fill
from core.portfolio.outcomes import outcome_of, void_of
from core.portfolio.splits import entries_of
from core.ports.storage import UnitOfWork

_AFTER = ":after:"
_AMENDS = frozenset({ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT})
_DIVIDES = Context(prec=60, traps=[Inexact, InvalidOperation, DivisionByZero])
# No US trade is reported finer than this; more digits are the rounding of an average.
_FINEST = -6
_INFERRED = "inferred:"
# Shares that are taken over from the broker, at a price that nobody paid.
ADJUSTED = "adjusted:"


@dataclass(frozen=True, slots=True)
class Booked:
    """What a report did to the book.

    Attributes:
        steps: each entry, with the position after it.
        own: shares of the order itself, in all entries; what is taken back counts no more.
        outcomes: what each entry realised or took back.
        is_of_archived: the report takes back a fill that stands in an archive, so no entry was made.
    """

    steps: tuple[tuple[Fill, Position], ...]
    own: Decimal
    outcomes: tuple[TradeOutcome, ...] = ()
    is_of_archived: bool = False


def moves_shares(report: ExecutionReport) -> bool:
    """Say whether a report makes entries of the book."""
    return report.fill is not None or report.exec_type in _AMENDS


def new_execution(uow: UnitOfWork, report: ExecutionReport) -> ExecutionReport | None:
    """Store a report; return it, or None where it was stored before.

    A fill is named by the sum that it came to. Where that one was taken back and the order has filled to the
    same sum again, it is another fill, and gets a name of its own.
    """
    if uow.insert_execution(report):
        return report
    if report.fill is None:
        return None
    taken_back = [
        each for each in _amendments_of(uow, report.fill) if each.transact_time < report.transact_time
    ]
    if not taken_back:
        return None
    newest = max(taken_back, key=lambda each: each.transact_time)
    again = replace(report, exec_id=ExecId(f"{report.exec_id}{_AFTER}{newest.exec_id}"))
    return again if uow.insert_execution(again) else None


def without_void(uow: UnitOfWork, known: Order, after: Order, report: ExecutionReport) -> Order:
    """Return an order after a report; a fill that was taken back before it came leaves its sums alone."""
    if report.fill is None or not _told_before(uow, report.fill):
        return after
    return replace(after, cum_qty=known.cum_qty, avg_px=known.avg_px)


def shares_of(side: Side, fills: Iterable[Fill]) -> Decimal:
    """Sum the shares of one order's entries; what takes others back is on the other side."""
    return sum((fill.last_qty if fill.side is side else -fill.last_qty for fill in fills), ZERO)


def living_inferred(fills: Iterable[Fill]) -> tuple[Fill, ...]:
    """Pick the inferred entries that were not taken back."""
    kept = tuple(fills)
    gone = {fill.corrects for fill in kept}
    return tuple(fill for fill in kept if fill.inferred and not fill.corrects and fill.exec_id not in gone)


def book(
    uow: UnitOfWork,
    order: Order,
    report: ExecutionReport,
    position: Position | None,
    own: Decimal | None,
    inherited: Decimal,
) -> Booked:
    """Make the entries of a report.

    Args:
        order: after the report.
        position: in memory, which is as stored.
        own: shares of the order itself in all entries so far; None where that is to be read.
        inherited: shares of the orders whose place it took, which its `cum_qty` counts.
    """
    if own is None:
        own = shares_of(order.side, uow.order_fills(order.cl_ord_id))
    entries = entries_of(report, position)
    is_lost = not entries and _is_of_archived(uow, report)
    if not entries and moves_shares(report) and not is_lost:
        entries = _entries(uow, order, report, own + inherited)
    steps, outcomes = _book_all(uow, entries, position)
    return Booked(steps, own + shares_of(order.side, entries), outcomes, is_of_archived=is_lost)


def _is_of_archived(uow: UnitOfWork, report: ExecutionReport) -> bool:
    # What it is about cannot be taken back share by share, since it is not at hand.
    if report.exec_type not in _AMENDS or _living(uow, report) is not None:
        return False
    return bool(uow.archived_shares((report.cl_ord_id,)))


def take_missing(
    uow: UnitOfWork, order: Order, chain: tuple[ClOrdId, ...], position: Position | None, at: datetime
) -> Booked | str:
    """Infer one fill for the shares that a status told of and no fill explains (D-17).

    Args:
        chain: the orders whose place it took.
        at: market time, UTC, that the fill gets.

    Returns:
        The entry; or, where its price cannot be told exactly, why not.
    """
    if uow.archived_shares((order.cl_ord_id, *chain)):
        words = f"{order.symbol}: the broker tells of other shares than before of order {order.cl_ord_id}"
        return f"{words}, whose fills stand in an archive; nothing was booked. Compare the position."
    own = uow.order_fills(order.cl_ord_id)
    fills = (*own, *(fill for each in chain for fill in uow.order_fills(each)))
    missing = order.cum_qty - shares_of(order.side, fills)
    if missing <= 0:
        return Booked((), shares_of(order.side, own))
    price = _missing_price(order, fills, missing)
    if price is None:
        words = f"{plain(normal(missing))} shares of {order.symbol} have filled, and at which price"
        return f"{words} cannot be told exactly from the average {order.avg_px}."
    fill = Fill(
        exec_id=_inferred_id(order, own),
        cl_ord_id=order.cl_ord_id,
        symbol=order.symbol,
        side=order.side,
        last_qty=Qty(missing),
        last_px=price,
        fee=Money(0),
        transact_time=at,
        inferred=True,
    )
    steps, outcomes = _book_all(uow, (fill,), position)
    return Booked(steps, shares_of(order.side, own) + missing, outcomes)


def _inferred_id(order: Order, fills: tuple[Fill, ...]) -> ExecId:
    name = f"{_INFERRED}{order.cl_ord_id}:{plain(normal(order.cum_qty))}"
    again = sum(fill.inferred and not fill.corrects and fill.exec_id.startswith(name) for fill in fills)
    return ExecId(f"{name}:{again}" if again else name)


def _missing_price(order: Order, fills: tuple[Fill, ...], missing: Decimal) -> Price | None:
    if order.avg_px is None:
        return None
    with exactly():
        known = sum((fill.value if fill.side is order.side else -fill.value for fill in fills), ZERO)
        value = notional(order.cum_qty, order.avg_px) - known
    try:
        price = normal(_DIVIDES.divide(value, missing))
    except Inexact:
        return None
    exponent = price.as_tuple().exponent
    is_price = price > 0 and (not fills or (isinstance(exponent, int) and exponent >= _FINEST))
    return Price(price) if is_price else None


def _book_all(
    uow: UnitOfWork, entries: Iterable[Fill], position: Position | None
) -> tuple[tuple[tuple[Fill, Position], ...], tuple[TradeOutcome, ...]]:
    steps, outcomes = [], []
    for fill in entries:
        before = position
        position, closes = apply_fill(before, fill)
        uow.insert_fill(fill)
        uow.save_position(position, closes)
        steps.append((fill, position))
        outcome = outcome_of(fill, before, closes) or _voided(uow, fill)
        if outcome is not None and not fill.exec_id.startswith(ADJUSTED):
            uow.record_trade_outcome(outcome)
            outcomes.append(outcome)
    return tuple(steps), tuple(outcomes)


def _voided(uow: UnitOfWork, fill: Fill) -> TradeOutcome | None:
    taken_back = None if fill.corrects is None else uow.outcome(fill.corrects)
    return None if taken_back is None else void_of(fill, taken_back)


def _entries(uow: UnitOfWork, order: Order, report: ExecutionReport, booked: Decimal) -> tuple[Fill, ...]:
    fill = report.fill
    entries = _amend(uow, report) if fill is None else _filled(uow, fill)
    if booked + shares_of(order.side, entries) <= order.cum_qty:
        return entries
    # More than the order has filled: what was inferred meanwhile is among what is told now.
    inferred = living_inferred(uow.order_fills(order.cl_ord_id))
    backs = (replace(_reversed(each), exec_id=ExecId(f"{each.exec_id}:back")) for each in inferred)
    return (*backs, *entries)


def _filled(uow: UnitOfWork, fill: Fill) -> tuple[Fill, ...]:
    told_before = _told_before(uow, fill)
    if not told_before:
        return (fill,)
    return fill, _taken_back(fill, min(told_before, key=lambda each: each.transact_time))


def _told_before(uow: UnitOfWork, fill: Fill) -> list[ExecutionReport]:
    # A bust may arrive before the fill that it is about.
    return [
        each
        for each in _amendments_of(uow, fill)
        if each.transact_time >= fill.transact_time and uow.fill(each.exec_id) is None
    ]


def _amendments_of(uow: UnitOfWork, fill: Fill) -> list[ExecutionReport]:
    name = fill.exec_id.partition(_AFTER)[0]
    return [each for each in uow.amendments(fill.cl_ord_id) if each.exec_ref_id == name]


def _amend(uow: UnitOfWork, report: ExecutionReport) -> tuple[Fill, ...]:
    entries = []
    living = _living(uow, report)
    if living is not None:
        entries.append(_taken_back(living, report))
    if report.exec_type is ExecType.TRADE_CORRECT:
        corrected = replace(report, exec_type=ExecType.TRADE).fill
        if corrected is not None:
            entries.append(replace(corrected, exec_id=_corrected_id(report.exec_id)))
    return tuple(entries)


def _living(uow: UnitOfWork, report: ExecutionReport) -> Fill | None:
    # Follow the corrections that were made of it, and the fills that came to the same sum after a bust, to
    # the entry that stands.
    fill = _fill(uow, report.exec_ref_id)
    if fill is not None and fill.corrects is not None:
        fill = uow.fill(_corrected_id(fill.exec_id))
    entries = (uow.fill(each.exec_id) for each in uow.amendments(report.cl_ord_id))
    backs = {each.corrects: each.exec_id for each in entries if each is not None}
    while fill is not None and fill.exec_id in backs:
        back = backs[fill.exec_id]
        fill = uow.fill(_corrected_id(back)) or uow.fill(ExecId(f"{report.exec_ref_id}{_AFTER}{back}"))
    return fill


def _fill(uow: UnitOfWork, exec_id: ExecId | None) -> Fill | None:
    return None if exec_id is None else uow.fill(exec_id)


def _corrected_id(exec_id: ExecId) -> ExecId:
    return ExecId(f"{exec_id}:c")


def _taken_back(fill: Fill, report: ExecutionReport) -> Fill:
    return replace(_reversed(fill), exec_id=report.exec_id, transact_time=report.transact_time)


def _reversed(fill: Fill) -> Fill:
    return replace(fill, side=fill.side.opposite, fee=Money(-fill.fee), corrects=fill.exec_id)
