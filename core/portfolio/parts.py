"""Taking the figures of all positions apart into fills, lots and prices, and adding them up again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from core.domain.archives import ArchivedPart
from core.domain.execution import Fill
from core.domain.figures import Figure, FigureName, FigurePart, FigureProof, PartKind, PriceUsed
from core.domain.money import ZERO
from core.domain.portfolio import Lot, LotClose
from core.ids import Symbol
from core.portfolio.exact import exactly


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that figures are made of, at one moment.

    Attributes:
        lots: open ones, oldest first.
        closes: closed pieces, oldest first; read where the figure needs them.
        fills: oldest first; read where the figure needs them.
        day_fills: those of this market day, oldest first.
        prices: of what is held, where there is one.
        prev_closes: dollars at the last market day's close, where known.
        confirmed: dollars of cash as the broker confirmed them; None if it never did.
        since: dollars of the fills since then.
        archived: what is carried forward of closed pieces and fills; read where the figure needs it.
    """

    lots: tuple[Lot, ...]
    closes: tuple[LotClose, ...] = ()
    fills: tuple[Fill, ...] = ()
    day_fills: tuple[Fill, ...] = ()
    prices: Mapping[Symbol, PriceUsed] | None = None
    prev_closes: Mapping[Symbol, Decimal] | None = None
    confirmed: Decimal | None = None
    since: Decimal = ZERO
    archived: tuple[ArchivedPart, ...] = ()


def take_apart(figure: Figure, evidence: Evidence, sector: Iterable[Symbol] = ()) -> FigureProof:
    """Lay the parts of a figure beside it. What makes it unknown is left out, so the known parts add up.

    The parts come from lots, closed pieces and fills one by one; the figure came from positions, as they
    were folded and valued when something changed. That the two meet is what is proved.

    Args:
        sector: for a figure of a sector, the symbols of it.
    """
    with exactly():
        parts = tuple(_parts(figure, evidence, frozenset(sector)))
        holds = all(map(adds_up, parts)) and sum((part.amount for part in parts), ZERO) == figure.known
    used = {part.symbol for part in parts if part.kind in (PartKind.LOT, PartKind.SQUARE)}
    prices = evidence.prices or {}
    shown = tuple(prices[symbol] for symbol in sorted(prices) if symbol in used and figure.name in _PRICED)
    return FigureProof(figure, parts, shown, holds)


def adds_up(part: FigurePart) -> bool:
    """Say whether a part is the product of its own numbers."""
    if part.qty is None or part.price is None:
        return part.qty is None and part.price is None
    with exactly():
        return part.qty * (part.price - (part.against or ZERO)) == part.amount


_VALUES = frozenset(
    {
        FigureName.EQUITY,
        FigureName.LONG,
        FigureName.SHORT,
        FigureName.NET,
        FigureName.GROSS,
        FigureName.WEIGHT,
        FigureName.SECTOR,
        FigureName.DAY_PNL,
    }
)
_GAINS = frozenset({FigureName.UNREALISED, FigureName.TOTAL_PNL})
_PRICED = _VALUES | _GAINS | {FigureName.HHI}
_ABSOLUTE = frozenset({FigureName.GROSS, FigureName.SECTOR})


def _parts(figure: Figure, evidence: Evidence, sector: frozenset[Symbol]) -> Iterable[FigurePart]:
    name, left_out = figure.name, frozenset(figure.without_price)
    if name in (FigureName.EQUITY, FigureName.CASH):
        yield from _cash(evidence)
    if name is FigureName.HHI:
        yield from _squares(evidence, left_out)
    for lot in sorted(evidence.lots, key=lambda each: each.symbol):
        if lot.symbol in left_out or not _is_meant(figure, lot, sector):
            continue
        part = _lot(name, lot, evidence)
        if part is not None:
            yield part
    if name is FigureName.DAY_PNL:
        yield from _day(evidence, left_out)
    yield from _archived(name, evidence, left_out)
    if name in (FigureName.REALISED, FigureName.TOTAL_PNL):
        yield from (_closed(close) for close in evidence.closes if close.symbol not in left_out)
    if name in (FigureName.FEES, FigureName.TOTAL_PNL):
        sign = 1 if name is FigureName.FEES else -1
        fills = (fill for fill in evidence.fills if fill.fee and fill.symbol not in left_out)
        yield from (_fee(fill, sign) for fill in fills)


def _archived(name: FigureName, evidence: Evidence, left_out: frozenset[Symbol]) -> Iterable[FigurePart]:
    for part in evidence.archived:
        amounts: dict[FigureName, Decimal] = {
            FigureName.REALISED: part.sums.realised,
            FigureName.FEES: part.sums.fees,
            FigureName.TOTAL_PNL: part.sums.realised - part.sums.fees,
        }
        if name in amounts and part.sums.symbol not in left_out:
            kind, symbol = PartKind.ARCHIVED, part.sums.symbol
            yield FigurePart(kind, symbol, None, None, None, None, amounts[name], part)


def _cash(evidence: Evidence) -> Iterable[FigurePart]:
    if evidence.confirmed is not None:
        yield FigurePart(PartKind.CASH, "", None, None, None, None, evidence.confirmed)
        if evidence.since:
            yield FigurePart(PartKind.CASH_SINCE, "", None, None, None, None, evidence.since)


def _is_meant(figure: Figure, lot: Lot, sector: frozenset[Symbol]) -> bool:
    match figure.name:
        case FigureName.WEIGHT:
            return lot.symbol == figure.of
        case FigureName.SECTOR:
            return lot.symbol in sector
        case FigureName.LONG:
            return lot.side.sign > 0
        case FigureName.SHORT:
            return lot.side.sign < 0
        case _:
            return True


def _lot(name: FigureName, lot: Lot, evidence: Evidence) -> FigurePart | None:
    used = (evidence.prices or {}).get(lot.symbol)
    qty: Decimal = lot.open_qty * lot.side.sign
    price: Decimal | None = None if used is None else used.price
    against: Decimal | None = None
    if name is FigureName.COST:
        price = lot.price
    elif name in _GAINS:
        against = lot.price
    elif name in _ABSOLUTE:
        qty = lot.open_qty
    elif name not in _VALUES:
        return None
    if price is None:
        return None
    amount = qty * (price - (against or ZERO))
    return FigurePart(PartKind.LOT, lot.symbol, lot.exec_id, qty, price, against, amount)


def _squares(evidence: Evidence, left_out: frozenset[Symbol]) -> Iterable[FigurePart]:
    held: dict[Symbol, Decimal] = {}
    for lot in evidence.lots:
        held[lot.symbol] = held.get(lot.symbol, ZERO) + lot.open_qty * lot.side.sign
    for symbol in sorted(held):
        used = (evidence.prices or {}).get(symbol)
        if used is not None and symbol not in left_out:
            value = held[symbol] * used.price
            yield FigurePart(PartKind.SQUARE, symbol, None, value, value, None, value * value)


def _day(evidence: Evidence, left_out: frozenset[Symbol]) -> Iterable[FigurePart]:
    started: dict[Symbol, Decimal] = {}
    for lot in evidence.lots:
        started[lot.symbol] = started.get(lot.symbol, ZERO) + lot.open_qty * lot.side.sign
    for fill in evidence.day_fills:
        started[fill.symbol] = started.get(fill.symbol, ZERO) - fill.signed_qty
    for symbol in sorted(started):
        close, qty = (evidence.prev_closes or {}).get(symbol), -started[symbol]
        if qty and close is not None and symbol not in left_out:
            yield FigurePart(PartKind.DAY_START, symbol, None, qty, close, None, qty * close)
    for fill in evidence.day_fills:
        if fill.symbol in left_out:
            continue
        qty, price = -fill.signed_qty, fill.last_px
        yield FigurePart(PartKind.DAY_FILL, fill.symbol, fill.exec_id, qty, price, None, qty * price)
        if fill.fee:
            yield _fee(fill, -1)


def _closed(close: LotClose) -> FigurePart:
    qty: Decimal = close.qty * close.side.sign
    return FigurePart(
        PartKind.CLOSED,
        close.symbol,
        close.close_exec_id,
        qty,
        close.close_px,
        close.open_px,
        qty * (close.close_px - close.open_px),
    )


def _fee(fill: Fill, sign: int) -> FigurePart:
    return FigurePart(PartKind.FEE, fill.symbol, fill.exec_id, None, None, None, fill.fee * sign)
