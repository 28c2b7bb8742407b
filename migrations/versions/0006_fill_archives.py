"""Make room for archives of fills and closed lots, and let exactly these be deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_REFUSE_FILLS = (
    "CREATE TRIGGER fills_no_DELETE BEFORE DELETE ON fills "
    "WHEN NOT EXISTS (SELECT 1 FROM archived_orders "
    "WHERE cl_ord_id = OLD.cl_ord_id AND OLD.id <= last_fill) "
    "BEGIN SELECT RAISE(ABORT, 'fills is append-only'); END"
)
_REFUSE_CLOSES = (
    "CREATE TRIGGER lot_closes_no_DELETE BEFORE DELETE ON lot_closes "
    "WHEN NOT EXISTS (SELECT 1 FROM fills JOIN archived_orders USING (cl_ord_id) "
    "WHERE fills.exec_id IN (OLD.open_exec_id, OLD.close_exec_id) AND fills.id <= last_fill) "
    "BEGIN SELECT RAISE(ABORT, 'lot_closes is append-only'); END"
)


def upgrade() -> None:
    """Make tables, indexes and triggers."""
    op.create_table(
        "fill_archives",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("fills", sa.Integer, nullable=False),
        sa.Column("closes", sa.Integer, nullable=False),
        sa.Column("up_to", sa.BigInteger, nullable=False),
        sa.Column("sealed_at_us", sa.BigInteger, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.CheckConstraint("fills >= 1", name="archive_holds_fills"),
    )
    _make_sums()
    for table in ("fill_archives", "carried_forward", "placed_shares", "archived_orders"):
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{event} BEFORE {event} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    op.execute(
        "CREATE TRIGGER fill_archives_chain BEFORE INSERT ON fill_archives "
        "WHEN NEW.number <> coalesce((SELECT max(number) FROM fill_archives), 0) + 1 "
        "BEGIN SELECT RAISE(ABORT, 'fill_archives takes the next number'); END"
    )
    for table, trigger in (("fills", _REFUSE_FILLS), ("lot_closes", _REFUSE_CLOSES)):
        op.execute(f"DROP TRIGGER {table}_no_DELETE")
        op.execute(trigger)
    op.create_index("ix_fills_cl_ord_id", "fills", ["cl_ord_id"])
    op.create_index("ix_fills_transact_time", "fills", ["transact_time"])
    op.create_index("ix_fills_inferred", "fills", ["id"], sqlite_where=sa.text("inferred IS 1"))
    op.create_index("ix_lot_closes_open_exec_id", "lot_closes", ["open_exec_id"])
    op.create_index("ix_lot_closes_close_exec_id", "lot_closes", ["close_exec_id"])


def _make_sums() -> None:
    def of_archive() -> sa.Column[int]:
        return sa.Column("archive", sa.Integer, sa.ForeignKey("fill_archives.number"), nullable=False)

    op.create_table(
        "carried_forward",
        of_archive(),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("fills", sa.Integer, nullable=False),
        sa.Column("closes", sa.Integer, nullable=False),
        sa.Column("qty", sa.Text, nullable=False),
        sa.Column("paid", sa.Text, nullable=False),
        sa.Column("realised", sa.Text, nullable=False),
        sa.Column("fees", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("archive", "symbol", name="pk_carried_forward"),
    )
    op.create_table(
        "placed_shares",
        of_archive(),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("exec_id", sa.Text, nullable=False),
        sa.Column("qty", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("archive", "exec_id", name="pk_placed_shares"),
    )
    op.create_index("ix_placed_shares_symbol", "placed_shares", ["symbol"])
    op.create_table(
        "archived_orders",
        sa.Column("cl_ord_id", sa.Text, sa.ForeignKey("orders.cl_ord_id"), primary_key=True),
        of_archive(),
        sa.Column("shares", sa.Text, nullable=False),
        sa.Column("last_fill", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
