"""Lay the tables of the first program: orders, portfolio, keys, state, audit, lists and settings."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# As they were when this revision was written; core/storage/tables.py moves on, this does not.
APPEND_ONLY = (
    "audit_log",
    "audit_payload",
    "executions",
    "fills",
    "lot_closes",
    "order_bodies",
    "trading_state",
)
_REFUSE = (
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


def upgrade() -> None:
    """Make them."""
    _orders()
    _portfolio()
    _decisions()
    _audit()
    _rest()
    for table in APPEND_ONLY:
        for event in ("UPDATE", "DELETE"):
            op.execute(_REFUSE.format(table=table, event=event))
    op.execute(_CHAIN)


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("cl_ord_id", sa.Text, nullable=False, unique=True),
        sa.Column("orig_cl_ord_id", sa.Text),
        sa.Column("order_id", sa.Text),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("ord_type", sa.Text, nullable=False),
        sa.Column("time_in_force", sa.Text, nullable=False),
        sa.Column("order_qty", sa.Text, nullable=False),
        sa.Column("price", sa.Text),
        sa.Column("stop_px", sa.Text),
        sa.Column("cum_qty", sa.Text, nullable=False),
        sa.Column("avg_px", sa.Text),
        sa.Column("acked", sa.Boolean, nullable=False),
        sa.Column("ended", sa.Text),
        sa.Column("pending", sa.Text),
        sa.Column("suspended", sa.Boolean, nullable=False),
        sa.Column("unknown", sa.Boolean, nullable=False),
        sa.Column("gave_up", sa.Boolean, nullable=False),
        sa.Column("sent_at", sa.BigInteger),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("external", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("is_open", sa.Boolean, nullable=False),
    )
    op.create_index(
        "ix_orders_open",
        "orders",
        ["id"],
        sqlite_where=sa.text("is_open IS 1"),
        postgresql_where=sa.text("is_open"),
    )
    op.create_table(
        "order_bodies",
        sa.Column("cl_ord_id", sa.Text, sa.ForeignKey("orders.cl_ord_id"), primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "executions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("exec_id", sa.Text, nullable=False, unique=True),
        sa.Column("exec_type", sa.Text, nullable=False),
        sa.Column("cl_ord_id", sa.Text, nullable=False),
        sa.Column("orig_cl_ord_id", sa.Text),
        sa.Column("order_id", sa.Text),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("ord_type", sa.Text, nullable=False),
        sa.Column("time_in_force", sa.Text, nullable=False),
        sa.Column("order_qty", sa.Text, nullable=False),
        sa.Column("price", sa.Text),
        sa.Column("stop_px", sa.Text),
        sa.Column("ord_status", sa.Text, nullable=False),
        sa.Column("cum_qty", sa.Text, nullable=False),
        sa.Column("leaves_qty", sa.Text, nullable=False),
        sa.Column("avg_px", sa.Text),
        sa.Column("last_qty", sa.Text),
        sa.Column("last_px", sa.Text),
        sa.Column("fee", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("transact_time", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_executions_cl_ord_id", "executions", ["cl_ord_id"])


def _portfolio() -> None:
    op.create_table(
        "fills",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("exec_id", sa.Text, nullable=False, unique=True),
        sa.Column("cl_ord_id", sa.Text, sa.ForeignKey("orders.cl_ord_id"), nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("last_qty", sa.Text, nullable=False),
        sa.Column("last_px", sa.Text, nullable=False),
        sa.Column("fee", sa.Text, nullable=False),
        sa.Column("transact_time", sa.BigInteger, nullable=False),
        sa.Column("inferred", sa.Boolean, nullable=False),
    )
    op.create_index("ix_fills_symbol", "fills", ["symbol"])
    op.create_table(
        "lots",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("exec_id", sa.Text, sa.ForeignKey("fills.exec_id"), nullable=False, unique=True),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("opened_qty", sa.Text, nullable=False),
        sa.Column("open_qty", sa.Text, nullable=False),
        sa.Column("price", sa.Text, nullable=False),
        sa.Column("fee", sa.Text, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_lots_symbol", "lots", ["symbol"])
    op.create_table(
        "lot_closes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("open_exec_id", sa.Text, sa.ForeignKey("fills.exec_id"), nullable=False),
        sa.Column("close_exec_id", sa.Text, sa.ForeignKey("fills.exec_id"), nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("qty", sa.Text, nullable=False),
        sa.Column("open_px", sa.Text, nullable=False),
        sa.Column("close_px", sa.Text, nullable=False),
        sa.Column("realised", sa.Text, nullable=False),
        sa.Column("closed_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_lot_closes_symbol", "lot_closes", ["symbol"])
    op.create_table(
        "positions",
        sa.Column("symbol", sa.Text, primary_key=True),
        sa.Column("qty", sa.Text, nullable=False),
        sa.Column("cost", sa.Text, nullable=False),
        sa.Column("realised", sa.Text, nullable=False),
        sa.Column("fees", sa.Text, nullable=False),
    )


def _decisions() -> None:
    op.create_table(
        "trade_idempotency",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("cl_ord_id", sa.Text, sa.ForeignKey("orders.cl_ord_id"), nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "trading_state",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )


def _audit() -> None:
    op.create_table(
        "audit_log",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("ts_utc_us", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("session", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("cl_ord_id", sa.Text, nullable=False),
        sa.Column("payload_hash", sa.Text, nullable=False),
        sa.Column("prev_digest", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.CheckConstraint("seq >= 1", name="seq_from_one"),
        sa.CheckConstraint("ts_utc_us >= 0", name="ts_after_1970"),
        sa.CheckConstraint("action <> ''", name="action_named"),
        sa.CheckConstraint("length(payload_hash) = 43", name="payload_hash_43"),
        sa.CheckConstraint("length(prev_digest) = 43", name="prev_digest_43"),
        sa.CheckConstraint("length(digest) = 43", name="digest_43"),
    )
    op.create_index("ix_audit_log_cl_ord_id", "audit_log", ["cl_ord_id"])
    op.create_index("ix_audit_log_action", "audit_log", ["action"])
    op.create_table(
        "audit_payload",
        sa.Column("seq", sa.Integer, sa.ForeignKey("audit_log.seq"), primary_key=True),
        sa.Column("payload", sa.Text, nullable=False),
    )


def _rest() -> None:
    op.create_table(
        "meta",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("installation_id", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.CheckConstraint("id = 1", name="one_row"),
    )
    op.create_table(
        "watchlist",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
    )
    op.create_table(
        "watchlist_symbols",
        sa.Column("name", sa.Text, sa.ForeignKey("watchlist.name", ondelete="CASCADE"), nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", "place", name="pk_watchlist_symbols"),
    )
    op.create_table(
        "settings",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
