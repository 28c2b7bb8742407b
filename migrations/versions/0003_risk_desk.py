"""Make room for breakers, parameters, outcomes, snapshots, cash flows and proposals."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

# A copy, not an import: a revision stays as it was when it was released.
APPEND_ONLY = (
    "breakers",
    "cash_flows",
    "equity_snapshots",
    "portfolio_peak",
    "risk_parameters",
    "risk_target_profile",
    "trade_outcomes",
)


def upgrade() -> None:
    """Make the tables; an order of before has no origin."""
    op.add_column("orders", sa.Column("origin", sa.Text))
    _judgement()
    _history()
    _proposals()
    for table in APPEND_ONLY:
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{event} BEFORE {event} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, primary_key=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _time(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _judgement() -> None:
    op.create_table(
        "breakers",
        _id(),
        *map(_text, ("name", "state", "source", "text")),
        sa.Column("value", sa.Text),
        sa.Column("limit", sa.Text),
        *map(_text, ("unit", "actor", "role", "reason")),
        _time("at"),
    )
    op.create_index("ix_breakers_name", "breakers", ["name", "source"])
    op.create_table(
        "risk_parameters",
        _id(),
        *map(_text, ("scope", "name", "before", "after", "author", "role", "reason")),
        _time("decided_at"),
        _time("effective_at"),
    )
    axes = ("market", "volatility", "liquidity", "event", "concentration", "sentiment")
    op.create_table(
        "risk_target_profile", _id(), *map(_text, (*axes, "author", "reason")), _time("changed_at")
    )


def _history() -> None:
    op.create_table(
        "trade_outcomes",
        _id(),
        sa.Column("exec_id", sa.Text, nullable=False, unique=True),
        *map(_text, ("cl_ord_id", "symbol", "side", "qty", "realised", "fees")),
        _time("closed_at"),
        sa.Column("voids", sa.Text),
    )
    op.create_table("portfolio_peak", _id(), _text("equity"), _text("reason"), _time("at"))
    op.create_table(
        "equity_snapshots",
        _id(),
        sa.Column("market_date", sa.Text, nullable=False, unique=True),
        sa.Column("cash", sa.Text),
        sa.Column("positions_value", sa.Text),
        _text("flow"),
        sa.Column("missed", sa.Boolean, nullable=False),
        _time("taken_at"),
    )
    op.create_table(
        "cash_flows",
        _id(),
        sa.Column("activity_id", sa.Text, nullable=False, unique=True),
        _text("kind"),
        sa.Column("external", sa.Boolean, nullable=False),
        *map(_text, ("amount", "symbol")),
        _time("at"),
    )


def _proposals() -> None:
    op.create_table(
        "pending_trades",
        _id(),
        sa.Column("proposal_id", sa.Text, nullable=False, unique=True),
        *map(_text, ("source", "symbol", "side", "ord_type", "time_in_force", "order_qty")),
        *(sa.Column(name, sa.Text) for name in ("price", "stop_px", "trail_px", "trail_pct")),
        sa.Column("extended_hours", sa.Boolean, nullable=False, server_default=sa.false()),
        *(
            sa.Column(name, sa.Text)
            for name in ("cash_order_qty", "contingency", "take_profit", "leg_stop_px", "leg_stop_limit")
        ),
        *map(_text, ("thesis", "decision_px")),
        _time("made_at"),
        _time("expires_at"),
        *map(_text, ("state", "decided_by")),
        sa.Column("decided_at", sa.BigInteger),
        _text("reason"),
        sa.Column("cl_ord_id", sa.Text),
    )
    op.create_index(
        "ix_pending_trades_pending",
        "pending_trades",
        ["id"],
        sqlite_where=sa.text("state = 'pending'"),
    )
