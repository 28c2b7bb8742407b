"""Make room for the seals of archived audit records, and let exactly these be deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_REFUSE_UNSEALED = (
    "CREATE TRIGGER {table}_no_DELETE BEFORE DELETE ON {table} "
    "WHEN NOT EXISTS (SELECT 1 FROM audit_segments WHERE OLD.seq BETWEEN first_seq AND last_seq) "
    "BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
)


def upgrade() -> None:
    """Make the table and its triggers."""
    op.create_table(
        "audit_segments",
        sa.Column("first_seq", sa.Integer, primary_key=True),
        sa.Column("last_seq", sa.Integer, nullable=False),
        sa.Column("prev_digest", sa.Text, nullable=False),
        sa.Column("last_digest", sa.Text, nullable=False),
        sa.Column("sealed_at_us", sa.BigInteger, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.CheckConstraint("last_seq >= first_seq", name="segment_holds_records"),
    )
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_segments_no_{event} BEFORE {event} ON audit_segments "
            "BEGIN SELECT RAISE(ABORT, 'audit_segments is append-only'); END"
        )
    op.execute(
        "CREATE TRIGGER audit_segments_chain BEFORE INSERT ON audit_segments "
        "WHEN NEW.first_seq <> coalesce((SELECT max(last_seq) FROM audit_segments), 0) + 1 "
        "OR NEW.last_seq >= coalesce((SELECT max(seq) FROM audit_log), 0) "
        "OR NOT EXISTS (SELECT 1 FROM audit_log WHERE seq = NEW.first_seq AND prev_digest = NEW.prev_digest) "
        "OR NOT EXISTS (SELECT 1 FROM audit_log WHERE seq = NEW.last_seq AND digest = NEW.last_digest) "
        "BEGIN SELECT RAISE(ABORT, "
        "'audit_segments takes the oldest records that stand, never the newest'); END"
    )
    for table in ("audit_log", "audit_payload"):
        op.execute(f"DROP TRIGGER {table}_no_DELETE")
        op.execute(_REFUSE_UNSEALED.format(table=table))
