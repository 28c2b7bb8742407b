"""Profit and loss of a position, and the worth of an account. What is not known is None, never zero."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from core.domain.execution import Fill
from core.domain.messages import PositionMark
from core.domain.money import ZERO, notional
from core.domain.portfolio import Position
from core.portfolio.exact import HUNDRED, exactly


def unrealised(position: Position, last: Decimal | None) -> Decimal | None:
    """Return the sum over open lots of (last - price) x qty, turned for short lots; fees aside."""
    if position.is_flat:
        return ZERO
    if last is None:
        return None
    with exactly():
        return sum(
            ((notional(lot.open_qty, last) - lot.cost) * lot.side.sign for lot in position.lots), start=ZERO
        )


def total_pnl(position: Position, last: Decimal | None) -> Decimal | None:
    """Return realised + unrealised - fees, since the first fill."""
    open_part = unrealised(position, last)
    if open_part is None:
        return None
    with exactly():
        return position.realised + open_part - position.fees


def day_pnl(
    position: Position, last: Decimal | None, prev_close: Decimal | None, day_fills: Sequence[Fill]
) -> Decimal | None:
    """Return value now - (qty at the start of the day x prev_close) + net cash flow of the day's fills.

    The cash flow of a purchase is negative, and fees are in it. A price is needed only where there are
    shares for it: `last` for what is held now, `prev_close` for what was held at the start.

    Args:
        position: as it stands now.
        last: dollars of the last trade.
        prev_close: dollars at the last market day's close.
        day_fills: all fills of the symbol on this market day.
    """
    with exactly():
        started = position.qty - sum((fill.signed_qty for fill in day_fills), ZERO)
        now, then = _value(position.qty, last), _value(started, prev_close)
        if now is None or then is None:
            return None
        return now - then + sum((fill.cash_flow for fill in day_fills), ZERO)


def mark(
    position: Position,
    last: Decimal | None,
    prev_close: Decimal | None,
    day_fills: Sequence[Fill],
    equity: Decimal | None,
    stop_cover: Decimal,
    received: float | None,
) -> PositionMark:
    """Value a position at the last price.

    Args:
        position: as it stands now.
        last: dollars of the last trade.
        prev_close: dollars at the last market day's close.
        day_fills: all fills of the symbol on this market day.
        equity: dollars; the weight is value / equity x 100, for show.
        stop_cover: shares that working stop orders protect.
        received: monotonic seconds of our clock at which the price came.
    """
    value = _value(position.qty, last)
    return PositionMark(
        symbol=position.symbol,
        qty=position.qty,
        avg_px=position.avg_px,
        last=last,
        day_pnl=day_pnl(position, last, prev_close, day_fills),
        total_pnl=total_pnl(position, last),
        unrealised=unrealised(position, last),
        value=value,
        weight_pct=value / equity * HUNDRED
        if value is not None and equity is not None and equity > 0
        else None,
        stop_cover=stop_cover,
        opened_at=position.opened_at,
        received=received,
    )


def equity(cash: Decimal | None, marks: Iterable[PositionMark]) -> Decimal | None:
    """Return cash + the value of all positions; None if a single part is unknown."""
    if cash is None:
        return None
    with exactly():
        total = cash
        for each in marks:
            if each.value is None:
                return None
            total += each.value
        return total


def _value(qty: Decimal, price: Decimal | None) -> Decimal | None:
    if qty == 0:
        return ZERO
    if price is None:
        return None
    with exactly():
        return qty * price
