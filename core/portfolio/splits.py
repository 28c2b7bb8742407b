"""A split as entries of the book: each open lot is taken back and entered again, with other numbers."""

from dataclasses import dataclass
from decimal import Decimal, Inexact

from core.domain.execution import ExecutionReport, Fill
from core.domain.money import Money, Price, Qty, normal
from core.domain.portfolio import BrokerPosition, Position
from core.ids import ClOrdId, ExecId, Symbol
from core.portfolio.exact import exactly

# How the order begins under which a split stands in the book.
TAKEN_OVER = "adjusted:split:"
# Dollars a share by which a broker's average may be rounded.
_AVERAGE_ROUNDING = Decimal("0.0001")
# A ratio beyond these was never seen of a listed share; it is rather a difference that happens to divide.
_MOST = 50


@dataclass(frozen=True, slots=True)
class Split:
    """So many new shares for so many old ones.

    Attributes:
        new: 2 of a split "2 for 1"; 1 of a reverse split "1 for 10".
        old: 1 and 10 of the same.
    """

    symbol: Symbol
    new: int
    old: int

    @property
    def words(self) -> str:
        """The ratio, as it is called."""
        return f"{self.new} for {self.old}"


def split_entries(position: Position, split: Split, cl_ord_id: ClOrdId) -> tuple[Fill, ...] | None:
    """Make the entries of a split: first all that take lots back, then the new lots in the same order.

    A lot's entries carry its own time, so that it keeps its age and is no trade of the day. What was paid
    stays the same to the last digit, and nothing is realised.

    Args:
        cl_ord_id: the order under which the entries stand in the book.

    Returns:
        None where a quantity or a price cannot be written exactly: then the book stays as it is.
    """
    try:
        with exactly():
            pairs = [_pair(position, number, split, cl_ord_id) for number in range(len(position.lots))]
    except (Inexact, ValueError):
        return None
    return (*(back for back, _ in pairs), *(new for _, new in pairs))


def _pair(position: Position, number: int, split: Split, cl_ord_id: ClOrdId) -> tuple[Fill, Fill]:
    lot = position.lots[number]
    back = Fill(
        exec_id=ExecId(f"{cl_ord_id}:{number}:back"),
        cl_ord_id=cl_ord_id,
        symbol=lot.symbol,
        side=lot.side.opposite,
        last_qty=lot.open_qty,
        last_px=lot.price,
        fee=Money(0),
        transact_time=lot.opened_at,
        corrects=lot.exec_id,
    )
    new = Fill(
        exec_id=ExecId(f"{cl_ord_id}:{number}:new"),
        cl_ord_id=cl_ord_id,
        symbol=lot.symbol,
        side=lot.side,
        last_qty=Qty(normal(lot.open_qty * split.new / split.old)),
        last_px=Price(normal(lot.price * split.old / split.new)),
        fee=Money(0),
        transact_time=lot.opened_at,
    )
    return back, new


def split_between(position: Position, theirs: BrokerPosition) -> Split | None:
    """Say whether the broker's shares are ours after a split: another number of them at the same cost.

    Returns:
        None where the numbers are in no simple ratio, or the cost differs by more than a rounded average
        can account for.
    """
    with exactly():
        gap = abs(theirs.qty * theirs.avg_px - position.cost)
        is_same_cost = gap <= abs(theirs.qty) * _AVERAGE_ROUNDING
    return _split_to(position, theirs.qty) if is_same_cost else None


def _split_to(position: Position, qty: Decimal) -> Split | None:
    if position.is_flat or qty == position.qty:
        return None
    with exactly():
        for old in range(1, _MOST + 1):
            new, rest = divmod(qty * old, position.qty)
            if rest == 0 and 1 <= new <= _MOST:
                return Split(position.symbol, int(new), old)
    return None


def entries_of(report: ExecutionReport, position: Position | None) -> tuple[Fill, ...]:
    """Return the entries of a report that takes a split over; none for any other report.

    Args:
        position: as the report finds it.
    """
    missing = report.last_qty
    if position is None or missing is None or not report.exec_id.startswith(TAKEN_OVER):
        return ()
    with exactly():
        split = _split_to(position, position.qty + missing * report.terms.side.sign)
    return (split_entries(position, split, report.cl_ord_id) or ()) if split is not None else ()
