"""Which fills and closed lots nothing needs any more, and what is carried forward of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.domain.archives import (
    ArchivedOrder,
    ArchivedTrades,
    Carried,
    CarriedForward,
    OldTrades,
    PlacedShares,
    StoredClose,
    StoredFill,
)
from core.domain.money import ZERO, Money, Qty
from core.domain.order import Order
from core.ids import ClOrdId, ExecId, Symbol
from core.portfolio.exact import exactly
from core.portfolio.provenance import piece_adds_up

# An archive is held in memory as it is written and read; its rows go in a transaction that orders wait for.
MOST_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Retired:
    """The orders of one symbol whose fills nothing needs, oldest first, and the closed pieces of these."""

    symbol: Symbol
    orders: tuple[tuple[StoredFill, ...], ...]
    closes: tuple[StoredClose, ...]

    @property
    def fills(self) -> int:
        """How many fills they have."""
        return sum(len(each) for each in self.orders)


def retired(symbol: Symbol, trades: OldTrades, before: datetime, kept: ClOrdId | None) -> Retired:
    """Choose the orders that are due, with all of their fills, and the closed pieces of these.

    A fill is due once every share of it stands in lots that were closed, to their last share, before the
    moment. An order is due with all of its fills or not at all: it has ended, all that it told of is
    explained, and none of it is inferred.

    Args:
        before: market time for fills, our time for the last change of an order; UTC.
        kept: an order that stays whatever its age.
    """
    pieces = _pieces(trades.closes)
    by_order = _by_order(trades.fills)
    orders = {order.cl_ord_id: order for order in trades.orders}
    own = trades.archived | {name: _shares(fills) for name, fills in by_order.items()}
    stays = trades.young_orders | trades.archived.keys() | {kept}
    found = []
    for name, fills in by_order.items():
        order = orders.get(name)
        if name in stays or order is None or not _is_settled(order, before, orders, own):
            continue
        if not _has_inferred(fills) and all(_is_closed(each, pieces, trades) for each in fills):
            found.append(fills)
    gone = {each.fill.exec_id for fills in found for each in fills}
    closes = tuple(
        each for each in trades.closes if each.close.open_exec_id in gone or each.close.close_exec_id in gone
    )
    return Retired(symbol, tuple(found), closes)


def _by_order(fills: Iterable[StoredFill]) -> dict[ClOrdId, tuple[StoredFill, ...]]:
    found: dict[ClOrdId, list[StoredFill]] = {}
    for each in fills:
        found.setdefault(each.fill.cl_ord_id, []).append(each)
    return {name: tuple(own) for name, own in found.items()}


def _pieces(closes: Iterable[StoredClose]) -> dict[ExecId, list[StoredClose]]:
    found: dict[ExecId, list[StoredClose]] = {}
    for each in closes:
        for exec_id in (each.close.open_exec_id, each.close.close_exec_id):
            found.setdefault(exec_id, []).append(each)
    return found


def _shares(fills: Sequence[StoredFill]) -> Decimal:
    with exactly():
        return sum((each.fill.signed_qty for each in fills), ZERO)


def _is_settled(
    order: Order, before: datetime, orders: dict[ClOrdId, Order], own: dict[ClOrdId, Decimal]
) -> bool:
    if order.is_open or order.unknown or order.gave_up or order.updated_at >= before:
        return False
    booked, seen = abs(own[order.cl_ord_id]), {order.cl_ord_id}
    old = order.orig_cl_ord_id
    while old is not None and old not in seen:
        booked += abs(own.get(old, ZERO))
        seen.add(old)
        known = orders.get(old)
        old = None if known is None else known.orig_cl_ord_id
    return booked >= order.cum_qty


def _has_inferred(fills: Sequence[StoredFill]) -> bool:
    gone = {each.fill.corrects for each in fills}
    return any(
        each.fill.inferred and each.fill.corrects is None and each.fill.exec_id not in gone for each in fills
    )


def _is_closed(stored: StoredFill, pieces: dict[ExecId, list[StoredClose]], trades: OldTrades) -> bool:
    fill = stored.fill
    found = [each.close for each in pieces.get(fill.exec_id, ())]
    if any(close.open_exec_id in trades.open_lots for close in found):
        return False
    with exactly():
        placed = sum((close.qty for close in found), trades.placed.get(fill.exec_id, ZERO))
    return placed == fill.last_qty


def batches(due: Iterable[Retired]) -> Iterator[ArchivedTrades]:
    """Share out what is due among archives: each order is in one of them, with its pieces."""
    fills: list[StoredFill] = []
    closes: list[StoredClose] = []
    for retiring in due:
        pieces, taken = _pieces(retiring.closes), set[int]()
        for order in retiring.orders:
            own = {
                piece.place: piece for each in order for piece in pieces.get(each.fill.exec_id, ())
            }  # a piece of two fills of one order is one
            new = [piece for place, piece in own.items() if place not in taken]
            if fills and len(fills) + len(closes) + len(order) + len(new) > MOST_ROWS:
                yield _sorted(fills, closes)
                fills, closes = [], []
            taken.update(own)
            fills += order
            closes += new
    if fills:
        yield _sorted(fills, closes)


def _sorted(fills: list[StoredFill], closes: list[StoredClose]) -> ArchivedTrades:
    return ArchivedTrades(
        tuple(sorted(fills, key=lambda each: each.place)), tuple(sorted(closes, key=lambda each: each.place))
    )


def carry(archive: int, trades: ArchivedTrades) -> Carried:
    """Work out what stays in the database of the fills in an archive.

    Args:
        archive: its number.
    """
    by_order = _by_order(trades.fills)
    orders = (
        ArchivedOrder(name, Qty(_shares(fills)), max(each.place for each in fills))
        for name, fills in by_order.items()
    )
    gone = {each.fill.exec_id for each in trades.fills}
    placed: dict[tuple[ExecId, Symbol], Decimal] = {}
    with exactly():
        for each in trades.closes:
            for exec_id in {each.close.open_exec_id, each.close.close_exec_id} - gone:
                key = exec_id, each.close.symbol
                placed[key] = placed.get(key, ZERO) + each.close.qty
        symbols = sorted({each.fill.symbol for each in trades.fills})
        sums = tuple(_sum(archive, symbol, trades) for symbol in symbols)
    return Carried(
        tuple(sorted(orders, key=lambda each: each.last_fill)),
        sums,
        tuple(
            PlacedShares(archive, symbol, exec_id, Qty(placed[exec_id, symbol]))
            for exec_id, symbol in sorted(placed)
        ),
    )


def _sum(archive: int, symbol: Symbol, trades: ArchivedTrades) -> CarriedForward:
    fills = [each.fill for each in trades.fills if each.fill.symbol == symbol]
    closes = [each.close for each in trades.closes if each.close.symbol == symbol]
    return CarriedForward(
        archive=archive,
        symbol=symbol,
        fills=len(fills),
        closes=len(closes),
        qty=Qty(sum((fill.signed_qty for fill in fills), ZERO)),
        paid=Money(sum((fill.value * fill.side.sign for fill in fills), ZERO)),
        realised=Money(sum((close.realised for close in closes), ZERO)),
        fees=Money(sum((fill.fee for fill in fills), ZERO)),
    )


def fault_of(trades: ArchivedTrades, placed: dict[ExecId, Decimal]) -> str:
    """Say what does not hold in an archive by itself; empty where all does.

    Args:
        placed: shares of its fills in pieces that earlier archives hold.
    """
    known = {each.fill.exec_id: each.fill for each in trades.fills}
    found = {exec_id: placed.get(exec_id, ZERO) for exec_id in known}
    with exactly():
        for piece in (each.close for each in trades.closes):
            if not piece_adds_up(piece):
                return f"what lot {piece.open_exec_id} realised is not what its prices make"
            for exec_id, price in (
                (piece.open_exec_id, piece.open_px),
                (piece.close_exec_id, piece.close_px),
            ):
                if exec_id in known and known[exec_id].last_px != price:
                    return f"fill {exec_id} and what it closed or opened have other prices"
                if exec_id in known:
                    found[exec_id] += piece.qty
    for exec_id, fill in known.items():
        if found[exec_id] != fill.last_qty:
            return f"the shares of fill {exec_id} are not those of its closed pieces"
    return ""
