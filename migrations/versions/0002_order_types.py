"""Make room for trailing stops, lists, cash orders, extended hours, busts and corrections."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; each is empty in every row that is there."""
    for table in ("orders", "executions"):
        for name in ("trail_px", "trail_pct"):
            op.add_column(table, sa.Column(name, sa.Text))
        op.add_column(
            table, sa.Column("extended_hours", sa.Boolean, nullable=False, server_default=sa.false())
        )
        for name in (
            "cash_order_qty",
            "contingency",
            "take_profit",
            "leg_stop_px",
            "leg_stop_limit",
            "list_id",
        ):
            op.add_column(table, sa.Column(name, sa.Text))
    op.add_column("executions", sa.Column("exec_ref_id", sa.Text))
    op.add_column("fills", sa.Column("corrects", sa.Text))
