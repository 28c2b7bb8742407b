"""What a closing fill has realised, fees included, and the trades that several of them make."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_DOWN, Decimal

from core.domain.execution import Fill
from core.domain.money import ZERO, Money, Qty
from core.domain.outcomes import TradeOutcome
from core.domain.portfolio import Lot, LotClose, Position
from core.ids import ClOrdId, ExecId
from core.portfolio.exact import exactly

# Fees are told in cents, and shares of them are kept a thousand times finer.
_STEP = Decimal("0.00001")


def outcome_of(fill: Fill, before: Position | None, closes: Sequence[LotClose]) -> TradeOutcome | None:
    """Return the outcome of a fill; None where it closed nothing, or takes back another.

    Args:
        fill: booked just now.
        before: the position as it stood.
        closes: the pieces that the fill closed.
    """
    if not closes or before is None or fill.corrects is not None:
        return None
    lots = {lot.exec_id: lot for lot in before.lots}
    with exactly():
        opening = sum((_fee_of(lots[close.open_exec_id], close.qty) for close in closes), ZERO)
        return TradeOutcome(
            exec_id=fill.exec_id,
            cl_ord_id=fill.cl_ord_id,
            symbol=fill.symbol,
            side=closes[0].side,
            qty=Qty(sum((close.qty for close in closes), ZERO)),
            realised=Money(sum((close.realised for close in closes), ZERO)),
            # A fill that closes and opens leaves its whole fee with what it closed (`portfolio.lots`).
            fees=Money(fill.fee + opening),
            closed_at=fill.transact_time,
        )


def _fee_of(lot: Lot, qty: Decimal) -> Decimal:
    # What belongs to the shares closed until now, less what belonged to those closed before. Each is cut off,
    # and the last share takes all that is left, so that the pieces add up to the fee to the last digit.
    closed = lot.opened_qty - lot.open_qty
    return _fee_until(lot, closed + qty) - _fee_until(lot, closed)


def _fee_until(lot: Lot, closed: Decimal) -> Decimal:
    if closed >= lot.opened_qty:
        return lot.fee
    # The whole number of steps is found without rounding: what a division would leave is cut off by it.
    steps = (lot.fee * closed) // (lot.opened_qty * _STEP)
    return (steps * _STEP).quantize(_STEP, rounding=ROUND_DOWN)


def void_of(fill: Fill, outcome: TradeOutcome) -> TradeOutcome:
    """Return the row that takes an outcome back, after the entry that took back its fill."""
    return TradeOutcome(
        exec_id=fill.exec_id,
        cl_ord_id=fill.cl_ord_id,
        symbol=fill.symbol,
        side=outcome.side,
        qty=outcome.qty,
        realised=Money(-outcome.realised),
        fees=Money(-outcome.fees),
        closed_at=fill.transact_time,
        voids=outcome.exec_id,
    )


def losing_streak(outcomes: Iterable[TradeOutcome]) -> int:
    """Count the losing trades in a row, up to the newest.

    All fills by which one order closes are one trade: an order that fills in pieces has lost once.

    Args:
        outcomes: newest first, those that take others back included.
    """
    voided: set[ExecId] = set()
    trades: dict[ClOrdId, Decimal] = {}
    for outcome in outcomes:
        if outcome.voids is not None:
            voided.add(outcome.voids)
        elif outcome.exec_id not in voided:
            trades[outcome.cl_ord_id] = trades.get(outcome.cl_ord_id, ZERO) + outcome.pnl
    count = 0
    for pnl in trades.values():
        if pnl >= 0:
            break
        count += 1
    return count
