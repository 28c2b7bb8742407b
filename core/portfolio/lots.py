"""Positions as a fold of fills: first in, first out, exact, without a single division."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from core.domain.execution import Fill
from core.domain.money import ZERO, Money, Qty, notional
from core.domain.portfolio import Lot, LotClose, Position
from core.errors import InvariantBroken
from core.ids import ExecId
from core.portfolio.exact import exactly


def apply_fill(position: Position | None, fill: Fill) -> tuple[Position, tuple[LotClose, ...]]:
    """Fold one fill into a position.

    A fill on the other side closes the oldest lots first; what is left of it opens a lot. The fee of a
    fill that does both stays with what it closed: to share it out would need a division. An entry that
    takes a fill back closes the lot of that fill before any other, so that the others are as they were.

    Args:
        position: as it stood; None before the first fill.
        fill: of the same symbol, not applied before.

    Returns:
        The new position, kept with quantity 0 when flat, and the pieces that were closed, oldest lot first.

    Raises:
        InvariantBroken: the fill is of another symbol.
    """
    before = position or Position(fill.symbol, Qty(0), Money(0), Money(0), Money(0), ())
    if before.symbol != fill.symbol:
        raise InvariantBroken(f"a fill of {fill.symbol} was given to the position in {before.symbol}")
    with exactly():
        kept, closes, left = _close(before.lots, fill)
        lots = (*kept, _opened(fill, left, pure=not closes)) if left else kept
        after = Position(
            symbol=before.symbol,
            qty=Qty(before.qty + fill.signed_qty),
            cost=Money(sum((lot.cost * lot.side.sign for lot in lots), ZERO)),
            realised=Money(before.realised + sum((close.realised for close in closes), ZERO)),
            fees=Money(before.fees + fill.fee),
            lots=lots,
        )
    return after, closes


def fold(fills: Sequence[Fill]) -> tuple[Position, tuple[LotClose, ...]]:
    """Fold the fills of one symbol, oldest first, into its position and all that was closed.

    Raises:
        ValueError: there is no fill, so there is no symbol either.
        InvariantBroken: the fills are of several symbols.
    """
    position: Position | None = None
    closes: list[LotClose] = []
    for fill in fills:
        position, closed = apply_fill(position, fill)
        closes.extend(closed)
    if position is None:
        raise ValueError("a position needs at least one fill")
    return position, tuple(closes)


def position_of(fills: Sequence[Fill]) -> Position:
    """Fold the fills of one symbol, oldest first, into its position.

    Raises:
        ValueError: there is no fill.
        InvariantBroken: the fills are of several symbols.
    """
    return fold(fills)[0]


def _close(lots: tuple[Lot, ...], fill: Fill) -> tuple[tuple[Lot, ...], tuple[LotClose, ...], Decimal]:
    left: Decimal = fill.last_qty
    kept: list[Lot] = []
    closes: list[LotClose] = []
    taken: dict[ExecId, Decimal] = {}
    for lot in sorted(lots, key=lambda each: each.exec_id != fill.corrects):
        share = min(left, lot.open_qty) if lot.side is not fill.side else ZERO
        if share:
            closes.append(_closed(lot, fill, Qty(share)))
            taken[lot.exec_id] = share
            left -= share
    for lot in lots:
        open_qty = lot.open_qty - taken.get(lot.exec_id, ZERO)
        if open_qty:
            kept.append(replace(lot, open_qty=Qty(open_qty)) if lot.exec_id in taken else lot)
    return tuple(kept), tuple(closes), left


def _closed(lot: Lot, fill: Fill, qty: Qty) -> LotClose:
    gained = notional(qty, fill.last_px) - notional(qty, lot.price)
    return LotClose(
        open_exec_id=lot.exec_id,
        close_exec_id=fill.exec_id,
        symbol=lot.symbol,
        side=lot.side,
        qty=qty,
        open_px=lot.price,
        close_px=fill.last_px,
        realised=Money(gained * lot.side.sign),
        closed_at=fill.transact_time,
    )


def _opened(fill: Fill, qty: Decimal, *, pure: bool) -> Lot:
    return Lot(
        exec_id=fill.exec_id,
        symbol=fill.symbol,
        side=fill.side,
        opened_qty=Qty(qty),
        open_qty=Qty(qty),
        price=fill.last_px,
        fee=fill.fee if pure else Money(0),
        opened_at=fill.transact_time,
    )
