"""The plan of every question: an index where the table is large, a whole walk only for a whole answer."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from core.domain.archives import FillArchive
from core.domain.records import AuditQuery
from core.ids import ClOrdId, ExecId, IdempotencyKey, Symbol
from core.ports.fill_archives import FillArchiveReader
from core.ports.risk_records import RiskReader
from core.ports.segments import SegmentReader
from core.ports.storage import FillReader, Reader
from core.ports.users import UserReader
from core.storage import engine, vault
from core.storage.reader import SqlReader
from core.storage.store import open_store

AAPL = Symbol("AAPL")
ORDER = ClOrdId("IQ-1")
AT = datetime(2026, 1, 5, tzinfo=UTC)
ARCHIVE = FillArchive(1, 1, 1, AT, 0, "f", "s", "d", "k")

QUESTIONS: dict[str, tuple[Callable[[Reader], object], str]] = {
    "order": (lambda r: r.order(ORDER), "orders USING INDEX sqlite_autoindex_orders_1 (cl_ord_id=?)"),
    "open_orders": (lambda r: r.open_orders(), "orders USING INDEX ix_orders_open"),
    "recent_orders": (lambda r: r.recent_orders(50), "orders USING INTEGER PRIMARY KEY (rowid<?)"),
    "executions": (
        lambda r: r.executions(ORDER),
        "executions USING INDEX ix_executions_cl_ord_id (cl_ord_id=?)",
    ),
    "fills of a symbol": (lambda r: r.fills(AAPL), "fills USING INDEX ix_fills_symbol (symbol=?)"),
    "newest fills": (lambda r: r.fills(limit=50), "fills USING INTEGER PRIMARY KEY (rowid<?)"),
    "newest fills of a symbol": (
        lambda r: r.fills(AAPL, 50),
        "fills USING INDEX ix_fills_symbol (symbol=? AND rowid<?)",
    ),
    "fills_after the first": (
        lambda r: r.fills_after(None, 50),
        "fills USING INTEGER PRIMARY KEY (rowid>?)",
    ),
    "fills_after one": (
        lambda r: r.fills_after(ExecId("e"), 50),
        "fills USING COVERING INDEX sqlite_autoindex_fills_1 (exec_id=?)",
    ),
    "fill": (lambda r: r.fill(ExecId("e")), "fills USING INDEX sqlite_autoindex_fills_1 (exec_id=?)"),
    "order_fills": (lambda r: r.order_fills(ORDER), "fills USING INDEX ix_fills_cl_ord_id (cl_ord_id=?)"),
    "last_fill_at": (lambda r: r.last_fill_at(), "fills USING COVERING INDEX ix_fills_transact_time"),
    "fills_since": (
        lambda r: r.fills_since(AT),
        "fills USING INDEX ix_fills_transact_time (transact_time>?)",
    ),
    "inferred_orders": (lambda r: r.inferred_orders(), "fills USING INDEX ix_fills_inferred"),
    "placed_shares": (
        lambda r: r.placed_shares(AAPL),
        "placed_shares USING INDEX ix_placed_shares_symbol (symbol=?)",
    ),
    "archived_shares": (
        lambda r: r.archived_shares([ORDER]),
        "archived_orders USING PRIMARY KEY (cl_ord_id=?)",
    ),
    "old_trades": (lambda r: r.old_trades(AAPL, AT), "fills USING INDEX ix_fills_symbol (symbol=?)"),
    "amendments": (
        lambda r: r.amendments(ORDER),
        "executions USING INDEX ix_executions_cl_ord_id (cl_ord_id=?)",
    ),
    "known_executions": (
        lambda r: r.known_executions([ExecId("e"), ExecId("f")]),
        "executions USING COVERING INDEX sqlite_autoindex_executions_1 (exec_id=?)",
    ),
    "lots of a symbol": (lambda r: r.lots(AAPL), "lots USING INDEX ix_lots_symbol (symbol=?)"),
    "closes of a symbol": (
        lambda r: r.lot_closes(AAPL),
        "lot_closes USING INDEX ix_lot_closes_symbol (symbol=?)",
    ),
    "idempotency": (
        lambda r: r.idempotency(IdempotencyKey("k")),
        "trade_idempotency USING PRIMARY KEY (key=?)",
    ),
    "verdict": (lambda r: r.verdict(ORDER), "order_bodies USING PRIMARY KEY (cl_ord_id=?)"),
    "trading_state": (lambda r: r.trading_state(), "trading_state USING INTEGER PRIMARY KEY (rowid<?)"),
    "audit_head": (lambda r: r.audit_head(), "audit_log USING INTEGER PRIMARY KEY (rowid<?)"),
    "audit_records": (lambda r: r.audit_records(5, 50), "audit_log USING INTEGER PRIMARY KEY (rowid>?)"),
    "audit newest": (lambda r: r.audit_page(AuditQuery()), "audit_log USING INTEGER PRIMARY KEY (rowid<?)"),
    "audit text": (lambda r: r.audit_page(AuditQuery("x")), "audit_log USING INTEGER PRIMARY KEY (rowid<?)"),
    "audit by the beginning of an order": (
        lambda r: r.audit_page(AuditQuery(order="IQ-1")),
        "audit_log USING INTEGER PRIMARY KEY (rowid<?)",
    ),
    "audit of an actor": (
        lambda r: r.audit_page(AuditQuery(actor="kim")),
        "audit_log USING INTEGER PRIMARY KEY (rowid<?)",
    ),
    "audit from a time to another": (
        lambda r: r.audit_page(AuditQuery(since_us=1, until_us=2)),
        "audit_log USING INTEGER PRIMARY KEY (rowid>?)",
    ),
    "audit action": (
        lambda r: r.audit_page(AuditQuery(action="x")),
        "audit_log USING INDEX ix_audit_log_action (action=? AND rowid<?)",
    ),
    "audit order": (
        lambda r: r.audit_page(AuditQuery(cl_ord_id="x")),
        "audit_log USING INDEX ix_audit_log_cl_ord_id (cl_ord_id=? AND rowid<?)",
    ),
}
_NEWEST = {
    "breaker_steps": (lambda r: r.breaker_steps(9), "breakers"),
    "target_profile": (lambda r: r.target_profile(), "risk_target_profile"),
    "outcomes": (lambda r: r.outcomes(9), "trade_outcomes"),
    "outcome_count": (lambda r: r.outcome_count(), "trade_outcomes"),
    "peak": (lambda r: r.peak(), "portfolio_peak"),
    "snapshots": (lambda r: r.snapshots(9), "equity_snapshots"),
    "cash_flows": (lambda r: r.cash_flows(9), "cash_flows"),
    "proposals": (lambda r: r.proposals(9), "pending_trades"),
}
QUESTIONS |= {
    name: (question, f"{table} USING INTEGER PRIMARY KEY (rowid<?)")
    for name, (question, table) in _NEWEST.items()
}
QUESTIONS |= {
    "outcome": (
        lambda r: r.outcome(ExecId("e")),
        "trade_outcomes USING INDEX sqlite_autoindex_trade_outcomes_1 (exec_id=?)",
    ),
    "proposal": (
        lambda r: r.proposal("p"),
        "pending_trades USING INDEX sqlite_autoindex_pending_trades_1 (proposal_id=?)",
    ),
    "pending_proposals": (
        lambda r: r.pending_proposals(),
        "pending_trades USING INDEX ix_pending_trades_pending",
    ),
    "first_audit_after": (
        lambda r: r.first_audit_after(1),
        "audit_log USING INTEGER PRIMARY KEY (rowid>?)",
    ),
}
# Asked for whole, and read whole.
WHOLE: dict[str, tuple[Callable[[Reader], object], set[str]]] = {
    "all fills": (lambda r: r.fills(), {"fills"}),
    "all lots": (lambda r: r.lots(), {"lots"}),
    "fill_archives": (lambda r: r.fill_archives(), {"fill_archives"}),  # a few a month
    "carried_forward": (lambda r: r.carried_forward(AAPL), {"carried_forward"}),  # a row a symbol of these
    "carried_of": (lambda r: r.carried_of(ARCHIVE), {"carried_forward", "archived_orders"}),  # when checked
    "all closes": (lambda r: r.lot_closes(), {"lot_closes"}),
    "external_lots": (lambda r: r.external_lots(), {"lots"}),  # what is open now, and no more
    "positions": (lambda r: r.positions(), {"positions", "lots"}),
    "living_keys": (lambda r: r.living_keys(0), {"trade_idempotency", "orders"}),  # once, at the start
    "breakers": (lambda r: r.breakers(), {"breakers"}),  # once, at the start
    "parameter_changes": (lambda r: r.parameter_changes(), {"risk_parameters"}),  # once, at the start
    "audit_segments": (lambda r: r.audit_segments(), {"audit_segments"}),  # a row a month
    "settings": (lambda r: r.settings(), {"settings"}),
    "users": (lambda r: r.users(), {"users"}),  # a handful of rows, at start and unlock
    "watchlists": (lambda r: r.watchlists(), {"watchlist", "watchlist_symbols"}),
}


@pytest.fixture
def plans(tmp_path: Path):
    key = vault.create(tmp_path, None)
    open_store(tmp_path / "a.db", key, create=True).close()
    reader = engine.reading_engine(tmp_path / "a.db", key)

    def ask(question: Callable[[Reader], object]) -> list[str]:
        asked: list[tuple[str, Any]] = []
        with reader.connect() as connection:
            event.listen(
                connection,
                "before_cursor_execute",
                lambda _c, _k, sql, values, *_: asked.append((sql, values)),
            )
            question(SqlReader(connection))
            return [
                row[3]
                for sql, values in asked[:]
                for row in connection.connection.dbapi_connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)
            ]

    yield ask
    reader.dispose()


def test_every_question_of_the_port_is_here():
    asked = {name.split()[0] for name in (*QUESTIONS, *WHOLE)}
    spoken = {"fills": {"fills", "newest", "all"}, "lots": {"lots", "all"}, "lot_closes": {"closes", "all"}}
    questions = {
        name
        for port in (Reader, FillReader, FillArchiveReader, RiskReader, SegmentReader, UserReader)
        for name in vars(port)
        if not name.startswith("_")
    }

    assert all(spoken.get(name, {name, name.split("_")[0]}) & asked for name in questions)


@pytest.mark.parametrize("name", QUESTIONS)
def test_question_uses_its_index(plans, name):
    question, index = QUESTIONS[name]

    plan = plans(question)

    assert index in plan[0]
    assert not any("TEMP B-TREE" in step for step in plan)
    # What is open or pending is a walk along an index that holds nothing else.
    assert not any(
        step.startswith("SCAN") and not any(part in step for part in ("_open", "_pending", "_inferred"))
        for step in plan
        if not step.startswith("SCAN fills USING COVERING INDEX ix_fills_transact_time")
    )


@pytest.mark.parametrize("name", WHOLE)
def test_whole_table_is_walked_only_where_the_whole_is_asked_for(plans, name):
    question, tables = WHOLE[name]

    plan = plans(question)

    assert {step.split()[1] for step in plan if step.startswith("SCAN")} == tables
