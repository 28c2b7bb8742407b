"""Every table and index, each with its reason, and the triggers that keep history as it was.

Kept to what PostgreSQL has too. A change here needs a revision under `migrations/versions`;
a test holds both to the same schema.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    false,
)
from sqlalchemy.sql.schema import SchemaItem

from core.domain.money import Money, Price, Qty
from core.storage.columns import ExactDecimal, UtcMicros, Words

metadata = MetaData()


def _terms() -> list[SchemaItem]:
    return [
        Column("symbol", Text, nullable=False),
        Column("side", Text, nullable=False),
        Column("ord_type", Text, nullable=False),
        Column("time_in_force", Text, nullable=False),
        Column("order_qty", ExactDecimal(Qty), nullable=False),
        Column("price", ExactDecimal(Price)),
        Column("stop_px", ExactDecimal(Price)),
    ]


# Added by revision 0002, which is why they stand last in their tables.
def _list_terms() -> list[SchemaItem]:
    return [
        Column("trail_px", ExactDecimal(Price)),
        Column("trail_pct", ExactDecimal(Price)),
        Column("extended_hours", Boolean, nullable=False, server_default=false()),
        Column("cash_order_qty", ExactDecimal(Money)),
        Column("contingency", Text),
        Column("take_profit", ExactDecimal(Price)),
        Column("leg_stop_px", ExactDecimal(Price)),
        Column("leg_stop_limit", ExactDecimal(Price)),
    ]


def order_terms() -> list[SchemaItem]:
    """Make the columns of an order's terms, for a table that had all of them from the start."""
    return [*_terms(), *_list_terms()]


# One row says which database this is: the audit chain's first record is bound to it.
meta = Table(
    "meta",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("installation_id", Text, nullable=False),
    Column("created_at", UtcMicros, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

# Alembic's own table, so that a new database is made in one step and carries its revision.
alembic_version = Table(
    "alembic_version",
    metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

# The orders as they stand. `is_open` follows from the facts and is stored for its index.
orders = Table(
    "orders",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("cl_ord_id", Text, nullable=False, unique=True),
    Column("orig_cl_ord_id", Text),
    Column("order_id", Text),
    *_terms(),
    Column("cum_qty", ExactDecimal(Qty), nullable=False),
    Column("avg_px", ExactDecimal(Price)),
    Column("acked", Boolean, nullable=False),
    Column("ended", Text),
    Column("pending", Text),
    Column("suspended", Boolean, nullable=False),
    Column("unknown", Boolean, nullable=False),
    Column("gave_up", Boolean, nullable=False),
    Column("sent_at", UtcMicros),
    Column("text", Words, nullable=False),
    Column("external", Boolean, nullable=False),
    Column("created_at", UtcMicros, nullable=False),
    Column("updated_at", UtcMicros, nullable=False),
    Column("is_open", Boolean, nullable=False),
    *_list_terms(),
    Column("list_id", Text),
    # The way in of the decision, added by revision 0003; empty for external orders and for older ones.
    Column("origin", Text),
)
# Start-up, reconciliation and the orders panel ask for open orders; few are, of very many.
Index(
    "ix_orders_open",
    orders.c.id,
    sqlite_where=orders.c.is_open.is_(True),
    postgresql_where=orders.c.is_open.is_(True),
)

# What was sent, byte for byte, and why it was allowed to be; never changed, so apart from `orders`, which is.
order_bodies = Table(
    "order_bodies",
    metadata,
    Column("cl_ord_id", Text, ForeignKey("orders.cl_ord_id"), primary_key=True),
    Column("body", Words, nullable=False),
    Column("verdict", Words, nullable=False),
    sqlite_with_rowid=False,  # one page less to encrypt in each write-ahead
)

# What the broker said, in the order of arrival; `exec_id` once, so that a report said twice is one fact.
# No foreign key: what was said of an order that we do not know yet is kept all the same.
executions = Table(
    "executions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("exec_id", Text, nullable=False, unique=True),
    Column("exec_type", Text, nullable=False),
    Column("cl_ord_id", Text, nullable=False),
    Column("orig_cl_ord_id", Text),
    Column("order_id", Text),
    *_terms(),
    Column("ord_status", Text, nullable=False),
    Column("cum_qty", ExactDecimal(Qty), nullable=False),
    Column("leaves_qty", ExactDecimal(Qty), nullable=False),
    Column("avg_px", ExactDecimal(Price)),
    Column("last_qty", ExactDecimal(Qty)),
    Column("last_px", ExactDecimal(Price)),
    Column("fee", ExactDecimal(Money), nullable=False),
    Column("text", Words, nullable=False),
    Column("transact_time", UtcMicros, nullable=False),
    *_list_terms(),
    Column("list_id", Text),
    Column("exec_ref_id", Text),
)
# The story of one order is read by its id; every index ends in the row number, the order of arrival.
Index("ix_executions_cl_ord_id", executions.c.cl_ord_id)

# Shares that changed hands: what positions are a fold of.
fills = Table(
    "fills",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("exec_id", Text, nullable=False, unique=True),
    Column("cl_ord_id", Text, ForeignKey("orders.cl_ord_id"), nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("last_qty", ExactDecimal(Qty), nullable=False),
    Column("last_px", ExactDecimal(Price), nullable=False),
    Column("fee", ExactDecimal(Money), nullable=False),
    Column("transact_time", UtcMicros, nullable=False),
    Column("inferred", Boolean, nullable=False),
    Column("corrects", Text),
)
# A chart's marks and the proof behind a position read one symbol; a start reads the orders that are in use
# and the last days; what was inferred is looked for, and is little.
Index("ix_fills_symbol", fills.c.symbol)
Index("ix_fills_cl_ord_id", fills.c.cl_ord_id)
Index("ix_fills_transact_time", fills.c.transact_time)
Index(
    "ix_fills_inferred",
    fills.c.id,
    sqlite_where=fills.c.inferred.is_(True),
    postgresql_where=fills.c.inferred.is_(True),
)

# The fold of the fills, so that a start need not fold them all; one row a symbol that was ever traded.
positions = Table(
    "positions",
    metadata,
    Column("symbol", Text, primary_key=True),
    Column("qty", ExactDecimal(Qty), nullable=False),
    Column("cost", ExactDecimal(Money), nullable=False),
    Column("realised", ExactDecimal(Money), nullable=False),
    Column("fees", ExactDecimal(Money), nullable=False),
)

# Open lots only, oldest first by row number; a closed one is in `lot_closes`.
lots = Table(
    "lots",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("exec_id", Text, ForeignKey("fills.exec_id"), nullable=False, unique=True),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("opened_qty", ExactDecimal(Qty), nullable=False),
    Column("open_qty", ExactDecimal(Qty), nullable=False),
    Column("price", ExactDecimal(Price), nullable=False),
    Column("fee", ExactDecimal(Money), nullable=False),
    Column("opened_at", UtcMicros, nullable=False),
)
# Each fill reads and changes the lots of its symbol.
Index("ix_lots_symbol", lots.c.symbol)

# Realised profit and loss, piece by piece; what tax and proof are made of.
lot_closes = Table(
    "lot_closes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("open_exec_id", Text, ForeignKey("fills.exec_id"), nullable=False),
    Column("close_exec_id", Text, ForeignKey("fills.exec_id"), nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("qty", ExactDecimal(Qty), nullable=False),
    Column("open_px", ExactDecimal(Price), nullable=False),
    Column("close_px", ExactDecimal(Price), nullable=False),
    Column("realised", ExactDecimal(Money), nullable=False),
    Column("closed_at", UtcMicros, nullable=False),
)
# The proof behind a position reads one symbol; a fill that is to be archived must have no piece that stays.
Index("ix_lot_closes_symbol", lot_closes.c.symbol)
Index("ix_lot_closes_open_exec_id", lot_closes.c.open_exec_id)
Index("ix_lot_closes_close_exec_id", lot_closes.c.close_exec_id)

# One decision, one order: the key is taken in the transaction that stores the order.
trade_idempotency = Table(
    "trade_idempotency",
    metadata,
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("cl_ord_id", Text, ForeignKey("orders.cl_ord_id"), nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# Every change of the trading state; the newest row is the one in force, so a halt survives a restart.
trading_state = Table(
    "trading_state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Words, nullable=False),
    Column("actor", Words, nullable=False),
    Column("changed_at", UtcMicros, nullable=False),
)

# The chain. No column may be empty in the sense of NULL: absence has one spelling, and the digest covers it.
audit_log = Table(
    "audit_log",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("ts_utc_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("cl_ord_id", Text, nullable=False),
    Column("payload_hash", Text, nullable=False),
    Column("prev_digest", Text, nullable=False),
    Column("digest", Text, nullable=False),
    CheckConstraint("seq >= 1", name="seq_from_one"),
    CheckConstraint("ts_utc_us >= 0", name="ts_after_1970"),
    CheckConstraint("action <> ''", name="action_named"),
    CheckConstraint("length(payload_hash) = 43", name="payload_hash_43"),
    CheckConstraint("length(prev_digest) = 43", name="prev_digest_43"),
    CheckConstraint("length(digest) = 43", name="digest_43"),
)
# The audit panel filters by action, and shows the records of one order; most records have none.
Index("ix_audit_log_action", audit_log.c.action)
Index("ix_audit_log_cl_ord_id", audit_log.c.cl_ord_id)

# Apart, so that a payload can one day be erased for privacy and the chain still holds.
audit_payload = Table(
    "audit_payload",
    metadata,
    Column("seq", Integer, ForeignKey("audit_log.seq"), primary_key=True),
    Column("payload", Text, nullable=False),
)

# The seals of what moved into archives, for ever: they keep the rest of the chain verifiable.
# Each archive has a key of its own, so that a new key of the database leaves it as it was sealed.
audit_segments = Table(
    "audit_segments",
    metadata,
    Column("first_seq", Integer, primary_key=True),
    Column("last_seq", Integer, nullable=False),
    Column("prev_digest", Text, nullable=False),
    Column("last_digest", Text, nullable=False),
    Column("sealed_at_us", BigInteger, nullable=False),
    Column("file", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("key", Text, nullable=False),
    CheckConstraint("last_seq >= first_seq", name="segment_holds_records"),
)

# Named lists, and their symbols in the order in which they are shown.
watchlist = Table(
    "watchlist",
    metadata,
    Column("name", Words, primary_key=True),
    Column("position", Integer, nullable=False),
)
watchlist_symbols = Table(
    "watchlist_symbols",
    metadata,
    Column("name", Words, ForeignKey("watchlist.name", ondelete="CASCADE"), nullable=False),
    Column("place", Integer, nullable=False),
    Column("symbol", Words, nullable=False),
    PrimaryKeyConstraint("name", "place", name="pk_watchlist_symbols"),
)

# What the window and the desk remember, as JSON; few rows, read whole at start.
settings = Table(
    "settings",
    metadata,
    Column("key", Words, primary_key=True),
    Column("value", Words, nullable=False),
)

# Every change of a user's role; the newest row of a name is in force. Few rows, read whole.
users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Words, nullable=False),
    Column("role", Text, nullable=False),
    Column("changed_by", Words, nullable=False),
    Column("changed_at", UtcMicros, nullable=False),
    CheckConstraint("role IN ('viewer', 'trader', 'admin', '')", name="role_known"),
)

# Fills and closed lots too, but for those that stand in an archive: `archive_tables`.
APPEND_ONLY = (
    "audit_segments",
    "executions",
    "order_bodies",
    "trading_state",
    "users",
)
REFUSE_CHANGE = (
    "CREATE TRIGGER {table}_no_{event} BEFORE {event} ON {table} "
    "BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
)
# A guard against bugs, not against attackers: the chain is the guard against those.
_CHAIN = (
    "CREATE TRIGGER audit_log_chain BEFORE INSERT ON audit_log "
    "WHEN NEW.seq <> coalesce((SELECT max(seq) FROM audit_log), 0) + 1 "
    "OR NEW.prev_digest <> coalesce("
    "(SELECT digest FROM audit_log ORDER BY seq DESC LIMIT 1), NEW.prev_digest) "
    "BEGIN SELECT RAISE(ABORT, 'audit_log takes the next number and the head before it'); END"
)
_REFUSE_UNSEALED = (
    "CREATE TRIGGER {table}_no_DELETE BEFORE DELETE ON {table} "
    "WHEN NOT EXISTS (SELECT 1 FROM audit_segments WHERE OLD.seq BETWEEN first_seq AND last_seq) "
    "BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
)
_SEAL = (
    "CREATE TRIGGER audit_segments_chain BEFORE INSERT ON audit_segments "
    "WHEN NEW.first_seq <> coalesce((SELECT max(last_seq) FROM audit_segments), 0) + 1 "
    "OR NEW.last_seq >= coalesce((SELECT max(seq) FROM audit_log), 0) "
    "OR NOT EXISTS (SELECT 1 FROM audit_log WHERE seq = NEW.first_seq AND prev_digest = NEW.prev_digest) "
    "OR NOT EXISTS (SELECT 1 FROM audit_log WHERE seq = NEW.last_seq AND digest = NEW.last_digest) "
    "BEGIN SELECT RAISE(ABORT, 'audit_segments takes the oldest records that stand, never the newest'); END"
)
AUDIT = ("audit_log", "audit_payload")
TRIGGERS = (
    *(REFUSE_CHANGE.format(table=table, event="UPDATE") for table in AUDIT),
    *(_REFUSE_UNSEALED.format(table=table) for table in AUDIT),
    _SEAL,
    *(
        REFUSE_CHANGE.format(table=table, event=event)
        for table in APPEND_ONLY
        for event in ("UPDATE", "DELETE")
    ),
    _CHAIN,
)
