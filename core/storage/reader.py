"""Questions to the database, in SQLAlchemy Core; each statement is built once and cached compiled."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from core.domain.access import TradingState
from core.domain.audit import AuditHead, AuditRecord
from core.domain.execution import ExecutionReport, Fill
from core.domain.order import Order
from core.domain.portfolio import Lot, LotClose, Position
from core.domain.records import AuditQuery, IdempotencyRecord, TradingStateRecord, Watchlist
from core.ids import ClOrdId, ExecId, IdempotencyKey, Symbol
from core.storage import tables as t
from core.storage.archive_store import MOST_VALUES, SqlFillArchiveReader
from core.storage.audit_search import LARGEST, RECORDS, audit_page
from core.storage.retention import SqlSegmentReader
from core.storage.risk_store import SqlRiskReader
from core.storage.rows import close_of, fill_of, lot_of, order_of, position_of, report_of
from core.storage.user_store import SqlUserReader

# Where the chain stands before its first record: 32 zero bytes, base64url without padding.
EMPTY_HEAD = AuditHead(0, "A" * 43)

_ORDER = select(t.orders).where(t.orders.c.cl_ord_id == bindparam("cl_ord_id"))
_OPEN_ORDERS = select(t.orders).where(t.orders.c.is_open.is_(True)).order_by(t.orders.c.id)
_RECENT_ORDERS = (
    select(t.orders).where(t.orders.c.id <= LARGEST).order_by(t.orders.c.id.desc()).limit(bindparam("limit"))
)
_EXECUTIONS = (
    select(t.executions).where(t.executions.c.cl_ord_id == bindparam("cl_ord_id")).order_by(t.executions.c.id)
)
_HAS_EXECUTION = select(t.executions.c.id).where(t.executions.c.exec_id == bindparam("exec_id"))
_FILL_PLACE = select(t.fills.c.id).where(t.fills.c.exec_id == bindparam("exec_id"))
_FILLS_AFTER = (
    select(t.fills).where(t.fills.c.id > bindparam("place")).order_by(t.fills.c.id).limit(bindparam("limit"))
)
_AMENDMENTS = _EXECUTIONS.where(t.executions.c.exec_ref_id.is_not(None))
_KNOWN_EXECUTIONS = select(t.executions.c.exec_id).where(
    t.executions.c.exec_id.in_(bindparam("exec_ids", expanding=True))
)
_FILL = select(t.fills).where(t.fills.c.exec_id == bindparam("exec_id"))
_ORDER_FILLS = select(t.fills).where(t.fills.c.cl_ord_id == bindparam("cl_ord_id")).order_by(t.fills.c.id)
_FILLS_SINCE = select(t.fills).where(
    t.fills.c.transact_time >= bindparam("at", type_=t.fills.c.transact_time.type)
)
_LAST_FILL_AT = select(t.fills.c.transact_time).order_by(t.fills.c.transact_time.desc()).limit(1)
_INFERRED_ORDERS = select(t.fills.c.cl_ord_id).where(t.fills.c.inferred.is_(True))
_LOTS = select(t.lots).order_by(t.lots.c.id)
_EXTERNAL_LOTS = (
    select(t.lots.c.symbol)
    .distinct()
    .join_from(t.lots, t.fills, t.lots.c.exec_id == t.fills.c.exec_id)
    .join(t.orders, t.fills.c.cl_ord_id == t.orders.c.cl_ord_id)
    .where(t.orders.c.external.is_(True))
)
_CLOSES = select(t.lot_closes).order_by(t.lot_closes.c.id)
_POSITIONS = select(t.positions).order_by(t.positions.c.symbol)
_LIVING_KEYS = select(t.trade_idempotency.c.key).where(
    (t.trade_idempotency.c.created_at_us >= bindparam("since_us"))
    | t.trade_idempotency.c.cl_ord_id.in_(select(t.orders.c.cl_ord_id).where(t.orders.c.is_open.is_(True)))
)
_IDEMPOTENCY = select(t.trade_idempotency).where(t.trade_idempotency.c.key == bindparam("key"))
_VERDICT = select(t.order_bodies.c.verdict).where(t.order_bodies.c.cl_ord_id == bindparam("cl_ord_id"))
_STATE = (
    select(t.trading_state)
    .where(t.trading_state.c.id <= LARGEST)
    .order_by(t.trading_state.c.id.desc())
    .limit(1)
)
_LISTS = select(t.watchlist).order_by(t.watchlist.c.position, t.watchlist.c.name)
_LIST_SYMBOLS = select(t.watchlist_symbols).order_by(t.watchlist_symbols.c.name, t.watchlist_symbols.c.place)
_SETTINGS = select(t.settings)
_HEAD = (
    select(t.audit_log.c.seq, t.audit_log.c.digest)
    .where(t.audit_log.c.seq <= LARGEST)
    .order_by(t.audit_log.c.seq.desc())
    .limit(1)
)
_CHAIN = (
    RECORDS.where(t.audit_log.c.seq > bindparam("after_seq"))
    .order_by(t.audit_log.c.seq)
    .limit(bindparam("limit"))
)


class SqlFillReader:
    """`ports.storage.FillReader` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def executions(self, cl_ord_id: ClOrdId) -> tuple[ExecutionReport, ...]:
        found = self._connection.execute(_EXECUTIONS, {"cl_ord_id": cl_ord_id})
        return tuple(report_of(row) for row in found.mappings())

    def fills(self, symbol: Symbol | None = None, limit: int | None = None) -> tuple[Fill, ...]:
        asked = select(t.fills)
        if symbol is not None:
            asked = asked.where(t.fills.c.symbol == symbol)
        if limit is None:
            found = self._connection.execute(asked.order_by(t.fills.c.id)).mappings()
            return tuple(fill_of(row) for row in found)
        newest = self._connection.execute(
            asked.where(t.fills.c.id <= LARGEST).order_by(t.fills.c.id.desc()).limit(max(0, limit))
        ).mappings()
        return tuple(fill_of(row) for row in newest)[::-1]

    def fills_after(self, exec_id: ExecId | None, limit: int) -> tuple[Fill, ...] | None:
        place = 0
        if exec_id is not None:
            place = self._connection.execute(_FILL_PLACE, {"exec_id": exec_id}).scalar() or 0
            if not place:
                return None
        found = self._connection.execute(_FILLS_AFTER, {"place": place, "limit": max(0, limit)})
        return tuple(fill_of(row) for row in found.mappings())

    def fill(self, exec_id: ExecId) -> Fill | None:
        row = self._connection.execute(_FILL, {"exec_id": exec_id}).mappings().first()
        return None if row is None else fill_of(row)

    def fills_since(self, at: datetime) -> tuple[Fill, ...]:
        found = self._connection.execute(_FILLS_SINCE, {"at": at}).mappings().all()
        return tuple(fill_of(row) for row in sorted(found, key=lambda row: row["id"]))

    def last_fill_at(self) -> datetime | None:
        found: datetime | None = self._connection.execute(_LAST_FILL_AT).scalar()
        return found

    def order_fills(self, cl_ord_id: ClOrdId) -> tuple[Fill, ...]:
        found = self._connection.execute(_ORDER_FILLS, {"cl_ord_id": cl_ord_id})
        return tuple(fill_of(row) for row in found.mappings())

    def inferred_orders(self) -> frozenset[ClOrdId]:
        return frozenset(self._connection.execute(_INFERRED_ORDERS).scalars())

    def amendments(self, cl_ord_id: ClOrdId) -> tuple[ExecutionReport, ...]:
        found = self._connection.execute(_AMENDMENTS, {"cl_ord_id": cl_ord_id})
        return tuple(report_of(row) for row in found.mappings())

    def known_executions(self, exec_ids: Sequence[ExecId]) -> frozenset[ExecId]:
        found: set[ExecId] = set()
        for start in range(0, len(exec_ids), MOST_VALUES):
            values = {"exec_ids": exec_ids[start : start + MOST_VALUES]}
            found.update(self._connection.execute(_KNOWN_EXECUTIONS, values).scalars())
        return frozenset(found)

    def lots(self, symbol: Symbol | None = None) -> tuple[Lot, ...]:
        asked = _LOTS if symbol is None else _LOTS.where(t.lots.c.symbol == symbol)
        return tuple(lot_of(row) for row in self._connection.execute(asked).mappings())

    def external_lots(self) -> tuple[Symbol, ...]:
        return tuple(Symbol(each) for each in self._connection.execute(_EXTERNAL_LOTS).scalars())

    def lot_closes(self, symbol: Symbol | None = None) -> tuple[LotClose, ...]:
        asked = _CLOSES if symbol is None else _CLOSES.where(t.lot_closes.c.symbol == symbol)
        return tuple(close_of(row) for row in self._connection.execute(asked).mappings())


class SqlReader(SqlFillReader, SqlFillArchiveReader, SqlRiskReader, SqlSegmentReader, SqlUserReader):
    """`ports.storage.Reader` on one connection, inside a transaction that the store began."""

    def order(self, cl_ord_id: ClOrdId) -> Order | None:
        row = self._connection.execute(_ORDER, {"cl_ord_id": cl_ord_id}).mappings().first()
        return None if row is None else order_of(row)

    def open_orders(self) -> tuple[Order, ...]:
        return tuple(order_of(row) for row in self._connection.execute(_OPEN_ORDERS).mappings())

    def recent_orders(self, limit: int) -> tuple[Order, ...]:
        found = self._connection.execute(_RECENT_ORDERS, {"limit": max(0, limit)})
        return tuple(order_of(row) for row in found.mappings())

    def positions(self) -> tuple[Position, ...]:
        lots: dict[str, list[Lot]] = defaultdict(list)
        for lot in self.lots():
            lots[lot.symbol].append(lot)
        found = self._connection.execute(_POSITIONS).mappings()
        return tuple(position_of(row, tuple(lots[row["symbol"]])) for row in found)

    def idempotency(self, key: IdempotencyKey) -> IdempotencyRecord | None:
        row = self._connection.execute(_IDEMPOTENCY, {"key": key}).first()
        return None if row is None else IdempotencyRecord(*row)

    def living_keys(self, since_us: int) -> tuple[IdempotencyKey, ...]:
        found = self._connection.execute(_LIVING_KEYS, {"since_us": since_us}).scalars()
        return tuple(IdempotencyKey(key) for key in found)

    def verdict(self, cl_ord_id: ClOrdId) -> str | None:
        found: str | None = self._connection.execute(_VERDICT, {"cl_ord_id": cl_ord_id}).scalar()
        return found

    def trading_state(self) -> TradingStateRecord | None:
        row = self._connection.execute(_STATE).first()
        if row is None:
            return None
        return TradingStateRecord(TradingState(row.state), row.reason, row.actor, row.changed_at)

    def watchlists(self) -> tuple[Watchlist, ...]:
        symbols: dict[str, list[Symbol]] = defaultdict(list)
        for name, _, symbol in self._connection.execute(_LIST_SYMBOLS):
            symbols[name].append(symbol)
        lists = self._connection.execute(_LISTS)
        return tuple(Watchlist(name, tuple(symbols[name]), position) for name, position in lists)

    def settings(self) -> dict[str, str]:
        return {row.key: row.value for row in self._connection.execute(_SETTINGS)}

    def audit_head(self) -> AuditHead:
        row = self._connection.execute(_HEAD).first()
        return EMPTY_HEAD if row is None else AuditHead(row[0], row[1])

    def audit_records(self, after_seq: int, limit: int) -> tuple[AuditRecord, ...]:
        found = self._connection.execute(_CHAIN, {"after_seq": after_seq, "limit": max(0, limit)})
        return tuple(AuditRecord(*row) for row in found)

    def audit_page(self, query: AuditQuery) -> tuple[AuditRecord, ...]:
        return audit_page(self._connection, query)
