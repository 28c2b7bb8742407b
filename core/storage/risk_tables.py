"""The tables of the risk desk, of the portfolio's history and of proposals, each with its reason.

As in `tables`, whose metadata they join: a change here needs a revision under `migrations/versions`.
"""

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text

from core.domain.money import Money, Price, Qty
from core.storage.columns import ExactDecimal, UtcMicros, Words
from core.storage.tables import REFUSE_CHANGE, metadata, order_terms

# Every step of every breaker; the newest row of each breaker and source is its state, so a trip survives.
breakers = Table(
    "breakers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("text", Words, nullable=False),
    Column("value", ExactDecimal(Money)),
    Column("limit", ExactDecimal(Money)),
    Column("unit", Text, nullable=False),
    Column("actor", Words, nullable=False),
    Column("role", Text, nullable=False),
    Column("reason", Words, nullable=False),
    Column("at", UtcMicros, nullable=False),
)
# A start asks for the newest step of each.
Index("ix_breakers_name", breakers.c.name, breakers.c.source)

# Every change of every risk parameter, with who and why; few rows, read whole at start.
risk_parameters = Table(
    "risk_parameters",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("scope", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("before", Words, nullable=False),
    Column("after", Words, nullable=False),
    Column("author", Words, nullable=False),
    Column("role", Text, nullable=False),
    Column("reason", Words, nullable=False),
    Column("decided_at", UtcMicros, nullable=False),
    Column("effective_at", UtcMicros, nullable=False),
)

# The risk that is aimed at; the newest row is in force, the others are its history.
risk_target_profile = Table(
    "risk_target_profile",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("market", ExactDecimal(Money), nullable=False),
    Column("volatility", ExactDecimal(Money), nullable=False),
    Column("liquidity", ExactDecimal(Money), nullable=False),
    Column("event", ExactDecimal(Money), nullable=False),
    Column("concentration", ExactDecimal(Money), nullable=False),
    Column("sentiment", ExactDecimal(Money), nullable=False),
    Column("author", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("changed_at", UtcMicros, nullable=False),
)

# What each closing fill has realised, written with the fill; the newest ones make the losing streak.
# The fill's id once: a closing fill has one outcome; one that was taken back is voided by a row of its own.
trade_outcomes = Table(
    "trade_outcomes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("exec_id", Text, nullable=False, unique=True),
    Column("cl_ord_id", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("qty", ExactDecimal(Qty), nullable=False),
    Column("realised", ExactDecimal(Money), nullable=False),
    Column("fees", ExactDecimal(Money), nullable=False),
    Column("closed_at", UtcMicros, nullable=False),
    Column("voids", Text),
)

# The highest equity and every reason it moved for; the newest row is in force.
portfolio_peak = Table(
    "portfolio_peak",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("equity", ExactDecimal(Money), nullable=False),
    Column("reason", Words, nullable=False),
    Column("at", UtcMicros, nullable=False),
)

# The account at each close, one row a market day; returns are made of these.
equity_snapshots = Table(
    "equity_snapshots",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("market_date", Text, nullable=False, unique=True),
    Column("cash", ExactDecimal(Money)),
    Column("positions_value", ExactDecimal(Money)),
    Column("flow", ExactDecimal(Money), nullable=False),
    Column("missed", Boolean, nullable=False),
    Column("taken_at", UtcMicros, nullable=False),
)

# Money that moved without a trade, each activity once; no profit and no loss where the owner moved it.
cash_flows = Table(
    "cash_flows",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("activity_id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("external", Boolean, nullable=False),
    Column("amount", ExactDecimal(Money), nullable=False),
    Column("symbol", Text, nullable=False),
    Column("at", UtcMicros, nullable=False),
)

# Orders that somebody proposes; a row changes once, from pending to what was decided.
pending_trades = Table(
    "pending_trades",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("proposal_id", Text, nullable=False, unique=True),
    Column("source", Words, nullable=False),
    *order_terms(),
    Column("thesis", Words, nullable=False),
    Column("decision_px", ExactDecimal(Price), nullable=False),
    Column("made_at", UtcMicros, nullable=False),
    Column("expires_at", UtcMicros, nullable=False),
    Column("state", Text, nullable=False),
    Column("decided_by", Words, nullable=False),
    Column("decided_at", UtcMicros),
    Column("reason", Words, nullable=False),
    Column("cl_ord_id", Text),
)
# Few wait, of very many that were decided.
Index(
    "ix_pending_trades_pending",
    pending_trades.c.id,
    sqlite_where=pending_trades.c.state == "pending",
    postgresql_where=pending_trades.c.state == "pending",
)

APPEND_ONLY = (
    "breakers",
    "cash_flows",
    "equity_snapshots",
    "portfolio_peak",
    "risk_parameters",
    "risk_target_profile",
    "trade_outcomes",
)
TRIGGERS = tuple(
    REFUSE_CHANGE.format(table=table, event=event) for table in APPEND_ONLY for event in ("UPDATE", "DELETE")
)
