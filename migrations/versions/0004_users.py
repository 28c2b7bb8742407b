"""Make room for users and their roles."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table; a profile of before has one user, who could do everything."""
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.CheckConstraint("role IN ('viewer', 'trader', 'admin', '')", name="role_known"),
    )
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER users_no_{event} BEFORE {event} ON users "
            "BEGIN SELECT RAISE(ABORT, 'users is append-only'); END"
        )
    op.execute(
        "INSERT INTO users (name, role, changed_by, changed_at) "
        "VALUES ('owner', 'admin', 'upgrade', CAST(strftime('%s', 'now') AS INTEGER) * 1000000)"
    )
