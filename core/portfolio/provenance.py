"""Taking a position's figures apart into fills, lots and prices, and adding them up again."""

from collections.abc import Sequence
from decimal import Decimal

from core.domain.archives import Archived
from core.domain.execution import Fill
from core.domain.figures import PriceUsed
from core.domain.messages import PositionProof
from core.domain.money import ZERO, notional
from core.domain.portfolio import LotClose, Position
from core.portfolio.exact import exactly


def proof(
    position: Position,
    fills: Sequence[Fill],
    closes: Sequence[LotClose],
    priced: PriceUsed | None,
    archived: Archived | None = None,
) -> PositionProof:
    """Lay the evidence for a position beside its figures.

    Args:
        position: the figures as shown.
        fills: all fills of the symbol, oldest first, but for those that stand in archives.
        closes: all that was closed, as it was booked; likewise.
        priced: what it is valued at; None where no price is known.
        archived: what is carried forward of what stands in archives; None where nothing does.
    """
    unrealised, last = ZERO if position.is_flat else None, None if priced is None else priced.price
    if last is not None:
        with exactly():
            unrealised = position.qty * last - position.cost
    return PositionProof(
        position, tuple(fills), tuple(closes), last, unrealised, priced, archived or Archived()
    )


def readds(evidence: PositionProof) -> bool:
    """Say whether the evidence adds up to every figure, exactly.

    It is arithmetic apart from the fold that made the figures: quantities and fees are sums of the
    fills; cost is the sum of the open lots, and cost - realised is what the fills paid out; every
    closed piece is (close - open) x qty; each fill's shares are found again in lots and closed pieces.
    What stands in archives goes in with its sums.
    """
    with exactly():
        return (
            _quantities_add_up(evidence)
            and _shares_are_found(evidence)
            and _money_adds_up(evidence)
            and _unrealised_adds_up(evidence)
        )


def _quantities_add_up(evidence: PositionProof) -> bool:
    shown = evidence.position.qty
    filled = sum((fill.signed_qty for fill in evidence.fills), _carried(evidence, "qty"))
    in_lots = sum((lot.open_qty * lot.side.sign for lot in evidence.position.lots), ZERO)
    return filled == shown == in_lots


def _shares_are_found(evidence: PositionProof) -> bool:
    before = evidence.archived.placed
    placed = {fill.exec_id: before.get(fill.exec_id, ZERO) for fill in evidence.fills}
    for lot in evidence.position.lots:
        placed[lot.exec_id] = placed.get(lot.exec_id, ZERO) + lot.open_qty
    for close in evidence.closes:
        for exec_id in (close.open_exec_id, close.close_exec_id):
            placed[exec_id] = placed.get(exec_id, ZERO) + close.qty
    return placed == {fill.exec_id: fill.last_qty for fill in evidence.fills}


def _money_adds_up(evidence: PositionProof) -> bool:
    shown = evidence.position
    fees = sum((fill.fee for fill in evidence.fills), _carried(evidence, "fees"))
    cost = sum((lot.cost * lot.side.sign for lot in shown.lots), ZERO)
    paid = sum((fill.value * fill.side.sign for fill in evidence.fills), _carried(evidence, "paid"))
    realised = sum((close.realised for close in evidence.closes), _carried(evidence, "realised"))
    return (
        fees == shown.fees
        and cost == shown.cost
        and realised == shown.realised
        and paid == cost - realised
        and all(piece_adds_up(close) for close in evidence.closes)
    )


def _carried(evidence: PositionProof, what: str) -> Decimal:
    return sum((getattr(part.sums, what) for part in evidence.archived.parts), ZERO)


def piece_adds_up(close: LotClose) -> bool:
    """Say whether what a closed piece realised is what its prices and shares make."""
    gained = notional(close.qty, close.close_px) - notional(close.qty, close.open_px)
    return gained * close.side.sign == close.realised


def _unrealised_adds_up(evidence: PositionProof) -> bool:
    last = evidence.last
    if last is None:
        return evidence.unrealised == (ZERO if evidence.position.is_flat else None)
    gains = ((last - lot.price) * lot.open_qty * lot.side.sign for lot in evidence.position.lots)
    return evidence.unrealised == sum(gains, ZERO)
