"""The tables of what was archived of fills and closed lots, each with its reason.

As in `tables`, whose metadata they join: a change here needs a revision under `migrations/versions`.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from core.domain.money import Money, Qty
from core.storage.columns import ExactDecimal, UtcMicros
from core.storage.tables import REFUSE_CHANGE, metadata

# The seals of archived fills, for ever. Each archive has a key of its own, as those of the audit have.
fill_archives = Table(
    "fill_archives",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("fills", Integer, nullable=False),
    Column("closes", Integer, nullable=False),
    Column("up_to", UtcMicros, nullable=False),
    Column("sealed_at_us", BigInteger, nullable=False),
    Column("file", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("key", Text, nullable=False),
    CheckConstraint("fills >= 1", name="archive_holds_fills"),
)

# What the fills of an archive come to, so that every figure and its proof stay as they were.
carried_forward = Table(
    "carried_forward",
    metadata,
    Column("archive", Integer, ForeignKey("fill_archives.number"), nullable=False),
    Column("symbol", Text, nullable=False),
    Column("fills", Integer, nullable=False),
    Column("closes", Integer, nullable=False),
    Column("qty", ExactDecimal(Qty), nullable=False),
    Column("paid", ExactDecimal(Money), nullable=False),
    Column("realised", ExactDecimal(Money), nullable=False),
    Column("fees", ExactDecimal(Money), nullable=False),
    PrimaryKeyConstraint("archive", "symbol", name="pk_carried_forward"),
)

# The shares of a fill that stays in pieces that were archived: found again, as its others are.
placed_shares = Table(
    "placed_shares",
    metadata,
    Column("archive", Integer, ForeignKey("fill_archives.number"), nullable=False),
    Column("symbol", Text, nullable=False),
    Column("exec_id", Text, nullable=False),
    Column("qty", ExactDecimal(Qty), nullable=False),
    PrimaryKeyConstraint("archive", "exec_id", name="pk_placed_shares"),
)
# The proof behind a position reads one symbol.
Index("ix_placed_shares_symbol", placed_shares.c.symbol)

# Orders whose fills stand in an archive, so that no share of them is taken for missing.
archived_orders = Table(
    "archived_orders",
    metadata,
    Column("cl_ord_id", Text, ForeignKey("orders.cl_ord_id"), primary_key=True),
    Column("archive", Integer, ForeignKey("fill_archives.number"), nullable=False),
    Column("shares", ExactDecimal(Qty), nullable=False),
    Column("last_fill", Integer, nullable=False),
    sqlite_with_rowid=False,
)

APPEND_ONLY = ("fill_archives", "carried_forward", "placed_shares", "archived_orders")
_SEAL = (
    "CREATE TRIGGER fill_archives_chain BEFORE INSERT ON fill_archives "
    "WHEN NEW.number <> coalesce((SELECT max(number) FROM fill_archives), 0) + 1 "
    "BEGIN SELECT RAISE(ABORT, 'fill_archives takes the next number'); END"
)
_KEEP_FILLS = (
    "CREATE TRIGGER fills_no_DELETE BEFORE DELETE ON fills "
    "WHEN NOT EXISTS (SELECT 1 FROM archived_orders "
    "WHERE cl_ord_id = OLD.cl_ord_id AND OLD.id <= last_fill) "
    "BEGIN SELECT RAISE(ABORT, 'fills is append-only'); END"
)
_KEEP_CLOSES = (
    "CREATE TRIGGER lot_closes_no_DELETE BEFORE DELETE ON lot_closes "
    "WHEN NOT EXISTS (SELECT 1 FROM fills JOIN archived_orders USING (cl_ord_id) "
    "WHERE fills.exec_id IN (OLD.open_exec_id, OLD.close_exec_id) AND fills.id <= last_fill) "
    "BEGIN SELECT RAISE(ABORT, 'lot_closes is append-only'); END"
)
TRIGGERS = (
    *(
        REFUSE_CHANGE.format(table=table, event=event)
        for table in APPEND_ONLY
        for event in ("UPDATE", "DELETE")
    ),
    *(REFUSE_CHANGE.format(table=table, event="UPDATE") for table in ("fills", "lot_closes")),
    _SEAL,
    _KEEP_FILLS,
    _KEEP_CLOSES,
)
