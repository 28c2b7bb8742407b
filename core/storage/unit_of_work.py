"""Changes that become durable together. Runs on the writer thread, inside its transaction."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import SQLAlchemyError

from core.domain.audit import AuditHead, AuditRecord
from core.domain.execution import ExecutionReport, Fill
from core.domain.order import Order
from core.domain.portfolio import LotClose, Position
from core.domain.records import IdempotencyRecord, TradingStateRecord, Watchlist
from core.errors import AuditUnwritable, StorageError
from core.failpoints import failpoint
from core.storage import tables as t
from core.storage.archive_store import SqlFillArchiveWriter
from core.storage.reader import SqlReader
from core.storage.retention import SqlSegmentWriter
from core.storage.risk_store import SqlRiskWriter
from core.storage.rows import (
    audit_values,
    close_values,
    fill_values,
    lot_values,
    order_values,
    position_values,
    report_values,
)
from core.storage.user_store import SqlUserWriter

KEY_LIFE_US = 24 * 60 * 60 * 1_000_000

_INSERT_ORDER = insert(t.orders)
_INSERT_BODY = insert(t.order_bodies)
_UPDATE_ORDER = update(t.orders).where(t.orders.c.cl_ord_id == bindparam("which"))
_INSERT_EXECUTION = upsert(t.executions).on_conflict_do_nothing(index_elements=["exec_id"])
_INSERT_FILL = insert(t.fills)
_SAVE_POSITION = upsert(t.positions).on_conflict_do_update(
    index_elements=["symbol"],
    set_={name: upsert(t.positions).excluded[name] for name in ("qty", "cost", "realised", "fees")},
)
_INSERT_LOT = insert(t.lots)
_REDUCE_LOT = update(t.lots).where(t.lots.c.exec_id == bindparam("which"))
_DELETE_LOT = delete(t.lots).where(t.lots.c.exec_id == bindparam("which"))
_INSERT_CLOSE = insert(t.lot_closes)
_DELETE_KEY = delete(t.trade_idempotency).where(t.trade_idempotency.c.key == bindparam("which"))
_INSERT_KEY = upsert(t.trade_idempotency).on_conflict_do_nothing(index_elements=["key"])
_INSERT_STATE = insert(t.trading_state)
_SAVE_SETTING = upsert(t.settings).on_conflict_do_update(
    index_elements=["key"], set_={"value": upsert(t.settings).excluded.value}
)
_SAVE_LIST = upsert(t.watchlist).on_conflict_do_update(
    index_elements=["name"], set_={"position": upsert(t.watchlist).excluded.position}
)
_DELETE_LIST = delete(t.watchlist).where(
    t.watchlist.c.name == bindparam("which", type_=t.watchlist.c.name.type)
)
_DELETE_SYMBOLS = delete(t.watchlist_symbols).where(
    t.watchlist_symbols.c.name == bindparam("which", type_=t.watchlist_symbols.c.name.type)
)
_INSERT_SYMBOL = insert(t.watchlist_symbols)
_INSERT_AUDIT = insert(t.audit_log)
_INSERT_PAYLOAD = insert(t.audit_payload)


class SqlUnitOfWork(SqlReader, SqlFillArchiveWriter, SqlRiskWriter, SqlSegmentWriter, SqlUserWriter):
    """`ports.storage.UnitOfWork` on the writing connection: a reader that can also change things."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._head: AuditHead | None = None

    def audit_head(self) -> AuditHead:
        # Nobody else writes meanwhile, so what was read or appended here still stands.
        if self._head is None:
            self._head = super().audit_head()
        return self._head

    def insert_order(self, order: Order, body: str, verdict: str) -> None:
        failpoint("uow.insert_order")
        self._connection.execute(_INSERT_ORDER, order_values(order))
        values = {"cl_ord_id": order.cl_ord_id, "body": body, "verdict": verdict}
        self._connection.execute(_INSERT_BODY, values)

    def update_order(self, order: Order) -> None:
        failpoint("uow.update_order")
        changed = self._connection.execute(_UPDATE_ORDER, {**order_values(order), "which": order.cl_ord_id})
        if changed.rowcount != 1:
            raise StorageError(f"order {order.cl_ord_id} is not in the database, so it cannot be changed")

    def insert_execution(self, report: ExecutionReport) -> bool:
        failpoint("uow.insert_execution")
        return self._connection.execute(_INSERT_EXECUTION, report_values(report)).rowcount == 1

    def insert_fill(self, fill: Fill) -> None:
        failpoint("uow.insert_fill")
        self._connection.execute(_INSERT_FILL, fill_values(fill))

    def save_position(self, position: Position, closes: Sequence[LotClose]) -> None:
        failpoint("uow.save_position")
        self._connection.execute(_SAVE_POSITION, position_values(position))
        self._save_lots(position)
        if closes:
            self._connection.execute(_INSERT_CLOSE, [close_values(close) for close in closes])

    def _save_lots(self, position: Position) -> None:
        known = {lot.exec_id: lot for lot in self.lots(position.symbol)}
        wanted = {lot.exec_id: lot for lot in position.lots}
        kept = [exec_id for exec_id in known if exec_id in wanted]
        if kept != list(wanted)[: len(kept)]:
            # A lot moved in the order (a fill that came late): row numbers are the order, so write anew.
            kept = []
        gone = [{"which": exec_id} for exec_id in known if exec_id not in kept]
        if gone:
            self._connection.execute(_DELETE_LOT, gone)
        for exec_id in kept:
            if wanted[exec_id] != known[exec_id]:
                self._connection.execute(_REDUCE_LOT, {**lot_values(wanted[exec_id]), "which": exec_id})
        new = [lot_values(lot) for lot in position.lots[len(kept) :]]
        if new:
            self._connection.execute(_INSERT_LOT, new)

    def insert_idempotency(self, record: IdempotencyRecord) -> None:
        failpoint("uow.insert_idempotency")
        values = {
            "key": record.key,
            "fingerprint": record.fingerprint,
            "cl_ord_id": record.cl_ord_id,
            "created_at_us": record.created_at_us,
        }
        if self._connection.execute(_INSERT_KEY, values).rowcount == 1:
            return
        known = self.idempotency(record.key)
        if known is not None and not self._is_expired(known, record.created_at_us):
            raise StorageError(f"idempotency key {record.key} is in use for order {known.cl_ord_id}")
        self._connection.execute(_DELETE_KEY, {"which": record.key})
        self._connection.execute(_INSERT_KEY, values)

    def _is_expired(self, known: IdempotencyRecord, now_us: int) -> bool:
        order = self.order(known.cl_ord_id)
        return known.created_at_us + KEY_LIFE_US <= now_us and (order is None or not order.is_open)

    def insert_trading_state(self, record: TradingStateRecord) -> None:
        failpoint("uow.insert_trading_state")
        values = {
            "state": record.state.value,
            "reason": record.reason,
            "actor": record.actor,
            "changed_at": record.changed_at,
        }
        self._connection.execute(_INSERT_STATE, values)

    def save_setting(self, key: str, value: str) -> None:
        failpoint("uow.save_setting")
        self._connection.execute(_SAVE_SETTING, {"key": key, "value": value})

    def save_watchlist(self, watchlist: Watchlist) -> None:
        failpoint("uow.save_watchlist")
        name = watchlist.name
        self._connection.execute(_SAVE_LIST, {"name": name, "position": watchlist.position})
        self._connection.execute(_DELETE_SYMBOLS, {"which": name})
        rows = [
            {"name": name, "place": place, "symbol": symbol} for place, symbol in enumerate(watchlist.symbols)
        ]
        if rows:
            self._connection.execute(_INSERT_SYMBOL, rows)

    def delete_watchlist(self, name: str) -> None:
        failpoint("uow.delete_watchlist")
        self._connection.execute(_DELETE_LIST, {"which": name})

    def append_audit(self, record: AuditRecord) -> None:
        failpoint("uow.append_audit")
        try:
            self._connection.execute(_INSERT_AUDIT, audit_values(record))
            self._connection.execute(_INSERT_PAYLOAD, {"seq": record.seq, "payload": record.payload})
        except (SQLAlchemyError, UnicodeEncodeError, OverflowError) as error:
            raise AuditUnwritable(
                f"audit record {record.seq} could not be appended: {type(error).__name__}"
            ) from error
        self._head = AuditHead(record.seq, record.digest)
