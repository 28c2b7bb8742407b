"""Archived fills in SQL: what may be archived, what is carried forward, and the move itself."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, Table, bindparam, delete, func, insert, select

from core.domain.archives import (
    ArchivedOrder,
    ArchivedTrades,
    Carried,
    CarriedForward,
    FillArchive,
    OldTrades,
    PlacedShares,
    StoredClose,
    StoredFill,
)
from core.domain.order import Order
from core.failpoints import failpoint
from core.ids import ClOrdId, ExecId, Symbol
from core.storage import archive_tables as a
from core.storage import tables as t
from core.storage.rows import close_of, fill_of, order_of

# SQLite takes so many values in one statement, whatever it was built with.
MOST_VALUES = 900

_ARCHIVES = select(a.fill_archives).order_by(a.fill_archives.c.number)
_CARRIED = select(a.carried_forward).order_by(a.carried_forward.c.archive, a.carried_forward.c.symbol)
_PLACED = select(a.placed_shares.c.exec_id, a.placed_shares.c.qty).where(
    a.placed_shares.c.symbol == bindparam("symbol")
)
_PLACED_OF = (
    select(a.placed_shares)
    .where(a.placed_shares.c.archive == bindparam("archive"))
    .order_by(a.placed_shares.c.exec_id)
)
_SHARES = select(a.archived_orders.c.cl_ord_id, a.archived_orders.c.shares).where(
    a.archived_orders.c.cl_ord_id.in_(bindparam("ids", expanding=True))
)
_ORDERS_OF = (
    select(a.archived_orders.c.cl_ord_id, a.archived_orders.c.shares, a.archived_orders.c.last_fill)
    .where(a.archived_orders.c.archive == bindparam("archive"))
    .order_by(a.archived_orders.c.last_fill)
)
_OF_SYMBOL = bindparam("symbol", type_=t.fills.c.symbol.type)
_OF_BEFORE = bindparam("before", type_=t.fills.c.transact_time.type)
_OLD_FILLS = (
    select(t.fills)
    .where(t.fills.c.symbol == _OF_SYMBOL, t.fills.c.transact_time < _OF_BEFORE)
    .order_by(t.fills.c.id)
)
_YOUNG_ORDERS = (
    select(t.fills.c.cl_ord_id)
    .distinct()
    .where(t.fills.c.symbol == _OF_SYMBOL, t.fills.c.transact_time >= _OF_BEFORE)
)
_OLD_CLOSES = (
    select(t.lot_closes)
    .where(t.lot_closes.c.symbol == _OF_SYMBOL, t.lot_closes.c.closed_at < _OF_BEFORE)
    .order_by(t.lot_closes.c.id)
)
_OPEN_LOTS = select(t.lots.c.exec_id).where(t.lots.c.symbol == _OF_SYMBOL)
_YOUNG_LOTS = select(t.lot_closes.c.open_exec_id).where(
    t.lot_closes.c.symbol == _OF_SYMBOL, t.lot_closes.c.closed_at >= _OF_BEFORE
)
_ORDERS = select(t.orders).where(t.orders.c.cl_ord_id.in_(bindparam("ids", expanding=True)))
_UNCHANGED = (
    select(func.count())
    .select_from(t.orders)
    .where(
        t.orders.c.cl_ord_id.in_(bindparam("ids", expanding=True)),
        t.orders.c.updated_at < _OF_BEFORE,
        t.orders.c.is_open.is_(False),
    )
)
_DELETE_CLOSE = delete(t.lot_closes).where(t.lot_closes.c.id == bindparam("place"))
_DELETE_FILL = delete(t.fills).where(t.fills.c.id == bindparam("place"))


class SqlFillArchiveReader:
    """`ports.fill_archives.FillArchiveReader` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def fill_archives(self) -> tuple[FillArchive, ...]:
        return tuple(FillArchive(*row) for row in self._connection.execute(_ARCHIVES))

    def carried_forward(self, symbol: Symbol | None = None) -> tuple[CarriedForward, ...]:
        asked = _CARRIED if symbol is None else _CARRIED.where(a.carried_forward.c.symbol == symbol)
        return tuple(CarriedForward(*row) for row in self._connection.execute(asked))

    def placed_shares(self, symbol: Symbol) -> dict[ExecId, Decimal]:
        found: dict[ExecId, Decimal] = {}
        for exec_id, qty in self._connection.execute(_PLACED, {"symbol": symbol}):
            found[exec_id] = found.get(exec_id, Decimal(0)) + qty
        return found

    def archived_shares(self, cl_ord_ids: Sequence[ClOrdId]) -> dict[ClOrdId, Decimal]:
        return {row["cl_ord_id"]: row["shares"] for row in self._each(_SHARES, cl_ord_ids)}

    def carried_of(self, archive: FillArchive) -> Carried:
        which = {"archive": archive.number}
        return Carried(
            tuple(ArchivedOrder(*row) for row in self._connection.execute(_ORDERS_OF, which)),
            tuple(each for each in self.carried_forward() if each.archive == archive.number),
            tuple(PlacedShares(*row) for row in self._connection.execute(_PLACED_OF, which)),
        )

    def old_trades(self, symbol: Symbol, before: datetime) -> OldTrades:
        asked = {"symbol": symbol, "before": before}
        found = self._connection.execute(_OLD_FILLS, asked).mappings()
        fills = tuple(StoredFill(row["id"], fill_of(row)) for row in found)
        if not fills:
            return OldTrades((), (), frozenset(), frozenset(), (), {}, {})
        closes = self._connection.execute(_OLD_CLOSES, asked).mappings()
        kept = {
            *self._connection.execute(_OPEN_LOTS, {"symbol": symbol}).scalars(),
            *self._connection.execute(_YOUNG_LOTS, asked).scalars(),
        }
        orders = self._with_chains({each.fill.cl_ord_id for each in fills})
        return OldTrades(
            fills=fills,
            closes=tuple(StoredClose(row["id"], close_of(row)) for row in closes),
            open_lots=frozenset(kept),
            young_orders=frozenset(self._connection.execute(_YOUNG_ORDERS, asked).scalars()),
            orders=orders,
            placed=self.placed_shares(symbol),
            archived=self.archived_shares([order.cl_ord_id for order in orders]),
        )

    def _with_chains(self, wanted: set[ClOrdId]) -> tuple[Order, ...]:
        found: list[Order] = []
        asked: set[ClOrdId] = set()
        while wanted:
            read = [order_of(row) for row in self._each(_ORDERS, sorted(wanted))]
            asked |= wanted
            wanted = {each.orig_cl_ord_id for each in read if each.orig_cl_ord_id is not None} - asked
            found += read
        return tuple(found)

    def _each(self, asked: Select[Any], ids: Sequence[str]) -> Iterator[RowMapping]:
        for start in range(0, len(ids), MOST_VALUES):
            values = {"ids": ids[start : start + MOST_VALUES]}
            yield from self._connection.execute(asked, values).mappings()


class SqlFillArchiveWriter(SqlFillArchiveReader):
    """`ports.fill_archives.FillArchiveWriter` on the writing connection."""

    def archive_fills(
        self, archive: FillArchive, carried: Carried, trades: ArchivedTrades, before: datetime
    ) -> bool:
        failpoint("uow.archive_fills")
        if not self._are_unchanged([order.cl_ord_id for order in carried.orders], before):
            return False
        number = {"archive": archive.number}
        self._insert(a.fill_archives, (_values(archive, a.fill_archives),))
        self._insert(a.carried_forward, (_values(each, a.carried_forward) for each in carried.sums))
        self._insert(a.placed_shares, (_values(each, a.placed_shares) for each in carried.placed))
        orders = carried.orders
        self._insert(
            a.archived_orders,
            (
                {"cl_ord_id": each.cl_ord_id, "shares": each.shares, "last_fill": each.last_fill} | number
                for each in orders
            ),
        )
        # The triggers let go of what was archived, and of nothing else; pieces first, as they point to fills.
        if trades.closes:
            self._connection.execute(_DELETE_CLOSE, [{"place": each.place} for each in trades.closes])
        failpoint("fills.half_deleted")
        self._connection.execute(_DELETE_FILL, [{"place": each.place} for each in trades.fills])
        return True

    def _are_unchanged(self, ids: Sequence[ClOrdId], before: datetime) -> bool:
        found = 0
        for start in range(0, len(ids), MOST_VALUES):
            values = {"ids": ids[start : start + MOST_VALUES], "before": before}
            found += self._connection.execute(_UNCHANGED, values).scalar() or 0
        return found == len(ids)

    def _insert(self, table: Table, rows: Iterable[dict[str, Any]]) -> None:
        if kept := list(rows):
            self._connection.execute(insert(table), kept)


def _values(value: object, table: Table) -> dict[str, Any]:
    return {column.name: getattr(value, column.name) for column in table.c}
