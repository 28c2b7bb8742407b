"""The arithmetic behind a position's figures, line by line, and whether it meets them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.domain.archives import ArchivedPart
from core.domain.execution import Fill
from core.domain.messages import PositionMark, PositionProof
from ui import format as fmt

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a sum.

    Attributes:
        words: what is added, with its source.
        value: dollars; None is unknown.
        is_sum: the line above it are added up here.
    """

    words: str
    value: Decimal | None
    is_sum: bool = False


def fill_rows(fills: Sequence[Fill]) -> list[tuple[str, str, str, str, str]]:
    """Return time, side, shares, price and fee of each fill, oldest first."""
    return [
        (
            f"{fmt.day(fill.transact_time)} {fmt.clock(fill.transact_time)}",
            fmt.word(fill.side),
            fmt.qty(fill.last_qty),
            fmt.exact(fill.last_px),
            fmt.money(fill.fee),
        )
        for fill in fills
    ]


def steps(proof: PositionProof) -> list[Step]:
    """Return how the total comes about: open lots at the last price, closed pieces, fees."""
    lines: list[Step] = []
    last = proof.last
    for lot in proof.position.lots:
        gain = None if last is None else (last - lot.price) * lot.open_qty * lot.side.sign
        words = f"Open {fmt.qty(lot.open_qty)}: {fmt.exact(last)} now, {fmt.exact(lot.price)} paid"
        lines.append(Step(words, gain))
    lines.append(Step("Open lots together", proof.unrealised, is_sum=True))
    for close in proof.closes:
        prices = f"in at {fmt.exact(close.open_px)}, out at {fmt.exact(close.close_px)}"
        words = f"Closed {fmt.qty(close.qty)}: {prices}"
        lines.append(Step(words, close.realised))
    lines += [Step(archived_words(part), part.sums.realised) for part in proof.archived.parts]
    lines.append(Step("Closed pieces together", proof.position.realised, is_sum=True))
    lines.append(Step(f"Fees of {_fills(proof)}", -proof.position.fees))
    lines.append(Step("Total P&L", total(proof), is_sum=True))
    return lines


def archived_words(part: ArchivedPart) -> str:
    """Say what stands in an archive, up to when, and in which."""
    return f"Archived: {pieces_words(part)} up to {part.up_to:%Y-%m-%d}, in {part.file}"


def pieces_words(part: ArchivedPart) -> str:
    """Say how many pieces stand in an archive."""
    number = part.sums.closes
    return "1 piece" if number == 1 else f"{number} pieces"


def _fills(proof: PositionProof) -> str:
    number = len(proof.fills) + sum(part.sums.fills for part in proof.archived.parts)
    return "1 fill" if number == 1 else f"{number} fills"


def total(proof: PositionProof) -> Decimal | None:
    """Add up from the pieces, never from the figure that is to be proved."""
    if proof.last is None and proof.position.lots:
        return None
    last = proof.last or ZERO
    opened = sum(((last - lot.price) * lot.open_qty * lot.side.sign for lot in proof.position.lots), ZERO)
    sums = [part.sums for part in proof.archived.parts]
    closed = sum((close.realised for close in proof.closes), sum((each.realised for each in sums), ZERO))
    fees = sum((fill.fee for fill in proof.fills), sum((each.fees for each in sums), ZERO))
    return opened + closed - fees


def verdict(proof: PositionProof, shown: PositionMark | None) -> tuple[bool, str]:
    """Say whether the pieces meet the figures, and in which words."""
    position = proof.position
    carried = sum((part.sums.qty for part in proof.archived.parts), ZERO)
    filled = sum((fill.signed_qty for fill in proof.fills), carried)
    in_lots = sum((lot.open_qty * lot.side.sign for lot in position.lots), ZERO)
    if not filled == in_lots == position.qty:
        return (
            False,
            f"Fills give {fmt.qty(filled)}, lots {fmt.qty(in_lots)}, shown are {fmt.qty(position.qty)}.",
        )
    added = total(proof)
    if added is None:
        return True, "Quantities re-add; without a last price there is no P&L to prove."
    opened, closed = proof.unrealised, position.realised
    if opened is None or added != opened + closed - position.fees:
        return False, f"The pieces add up to {fmt.pnl(added)}, which is not what was booked."
    is_same_price = shown is not None and shown.last == proof.last
    if shown is not None and is_same_price and shown.total_pnl is not None and shown.total_pnl != added:
        return False, f"The pieces add up to {fmt.pnl(added)}, the table shows {fmt.pnl(shown.total_pnl)}."
    return True, f"Re-adds exactly to {fmt.pnl(added)}, from {_fills(proof)}."
