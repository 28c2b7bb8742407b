"""The database, as the rest of the core sees it: one writer, many readers, all or nothing."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from core.domain.audit import AuditHead, AuditRecord
from core.domain.execution import ExecutionReport, Fill
from core.domain.order import Order
from core.domain.portfolio import Lot, LotClose, Position
from core.domain.records import (
    AuditQuery,
    IdempotencyRecord,
    TradingStateRecord,
    Watchlist,
)
from core.ids import ClOrdId, ExecId, IdempotencyKey, Symbol
from core.ports.fill_archives import FillArchiveReader, FillArchiveWriter
from core.ports.risk_records import RiskReader, RiskWriter
from core.ports.segments import SegmentReader, SegmentWriter
from core.ports.users import UserReader, UserWriter

T = TypeVar("T")


class FillReader(Protocol):
    """Questions about what the broker said and what changed hands."""

    def executions(self, cl_ord_id: ClOrdId) -> tuple[ExecutionReport, ...]:
        """List what the broker said of one order, in the order of arrival."""
        ...

    def fills(self, symbol: Symbol | None = None, limit: int | None = None) -> tuple[Fill, ...]:
        """List fills, oldest first; with a limit, the newest so many."""
        ...

    def fills_after(self, exec_id: ExecId | None, limit: int) -> tuple[Fill, ...] | None:
        """List the fills that were booked after one, or from the first on; None if there is no such fill."""
        ...

    def fill(self, exec_id: ExecId) -> Fill | None:
        """Return one fill."""
        ...

    def fills_since(self, at: datetime) -> tuple[Fill, ...]:
        """List the fills of a market time and later, in the order of arrival."""
        ...

    def last_fill_at(self) -> datetime | None:
        """Return the newest market time of a fill; None where there is none."""
        ...

    def order_fills(self, cl_ord_id: ClOrdId) -> tuple[Fill, ...]:
        """List the fills of one order, oldest first; none where they stand in an archive."""
        ...

    def inferred_orders(self) -> frozenset[ClOrdId]:
        """Name the orders with inferred fills, those that were taken back included."""
        ...

    def amendments(self, cl_ord_id: ClOrdId) -> tuple[ExecutionReport, ...]:
        """List the busts and corrections of one order's fills, in the order of arrival."""
        ...

    def known_executions(self, exec_ids: Sequence[ExecId]) -> frozenset[ExecId]:
        """Return those of the ids that are stored."""
        ...

    def lots(self, symbol: Symbol | None = None) -> tuple[Lot, ...]:
        """List open lots, oldest first."""
        ...

    def external_lots(self) -> tuple[Symbol, ...]:
        """List the symbols with open lots of orders that this program did not make, each once."""
        ...

    def lot_closes(self, symbol: Symbol | None = None) -> tuple[LotClose, ...]:
        """List closed pieces, oldest first."""
        ...


class Reader(FillReader, FillArchiveReader, RiskReader, SegmentReader, UserReader, Protocol):
    """Questions to the database. Used inside `Store.read` or `Store.write`, on a storage thread."""

    def order(self, cl_ord_id: ClOrdId) -> Order | None:
        """Return one order."""
        ...

    def open_orders(self) -> tuple[Order, ...]:
        """List the orders that may still fill, UNKNOWN ones included, oldest first."""
        ...

    def recent_orders(self, limit: int) -> tuple[Order, ...]:
        """List the newest orders, newest first."""
        ...

    def positions(self) -> tuple[Position, ...]:
        """List every position that ever was, flat ones included, with their open lots."""
        ...

    def idempotency(self, key: IdempotencyKey) -> IdempotencyRecord | None:
        """Return what a key was used for, expired or not."""
        ...

    def living_keys(self, since_us: int) -> tuple[IdempotencyKey, ...]:
        """List the keys made since a moment, microseconds of UTC, and those whose orders may still fill."""
        ...

    def verdict(self, cl_ord_id: ClOrdId) -> str | None:
        """Return the judgement that was stored with an order, as JSON."""
        ...

    def trading_state(self) -> TradingStateRecord | None:
        """Return the newest state change, or None before the first."""
        ...

    def watchlists(self) -> tuple[Watchlist, ...]:
        """List the watchlists in their order."""
        ...

    def settings(self) -> dict[str, str]:
        """Return every stored setting as JSON text by key."""
        ...

    def audit_head(self) -> AuditHead:
        """Return where the chain stands (seq 0 and the digest of 32 zero bytes when empty)."""
        ...

    def audit_records(self, after_seq: int, limit: int) -> tuple[AuditRecord, ...]:
        """List records by number, ascending, for verification."""
        ...

    def audit_page(self, query: AuditQuery) -> tuple[AuditRecord, ...]:
        """List records that match, newest first."""
        ...


class UnitOfWork(Reader, FillArchiveWriter, RiskWriter, SegmentWriter, UserWriter, Protocol):
    """Changes that become durable together, or not at all."""

    def insert_order(self, order: Order, body: str, verdict: str) -> None:
        """Store a new order with the exact body that will be sent and the judgement, both JSON."""
        ...

    def update_order(self, order: Order) -> None:
        """Store an order's new state."""
        ...

    def insert_execution(self, report: ExecutionReport) -> bool:
        """Store a report; False, and nothing changed, when its `exec_id` is known."""
        ...

    def insert_fill(self, fill: Fill) -> None:
        """Store a fill."""
        ...

    def save_position(self, position: Position, closes: Sequence[LotClose]) -> None:
        """Store a position with its open lots, and the pieces that were closed just now."""
        ...

    def insert_idempotency(self, record: IdempotencyRecord) -> None:
        """Store a key; replaces an expired row of the same key.

        Raises:
            StorageError: the key is in use.
        """
        ...

    def insert_trading_state(self, record: TradingStateRecord) -> None:
        """Append a state change."""
        ...

    def save_setting(self, key: str, value: str) -> None:
        """Store a setting as JSON text."""
        ...

    def save_watchlist(self, watchlist: Watchlist) -> None:
        """Store a watchlist under its name, replacing the one before."""
        ...

    def delete_watchlist(self, name: str) -> None:
        """Remove a watchlist; unknown names are no error."""
        ...

    def append_audit(self, record: AuditRecord) -> None:
        """Append a sealed record.

        Raises:
            AuditUnwritable: it could not be appended; the unit of work must not go on.
        """
        ...


class Store(Protocol):
    """The database. `write` and `read` are awaited on the core loop; the work runs on a storage thread."""

    async def write(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run the work in one transaction; once it returns, all of it is on stable storage.

        The work may run only once and must touch nothing but the unit of work and its own values.

        Raises:
            StorageError: nothing was written (`StorageUnwritable`, `AuditUnwritable`, `DatabaseDamaged`).
            Exception: whatever the work raised; nothing was written.
        """
        ...

    async def read(self, query: Callable[[Reader], T]) -> T:
        """Run a query on a read thread, on a snapshot of what was committed."""
        ...
