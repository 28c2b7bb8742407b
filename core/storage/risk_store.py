"""Questions to the risk desk's tables, and their changes, in one transaction with everything else."""

from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Select,
    Table,
    bindparam,
    func,
    insert,
    literal_column,
    select,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from core.domain.breakers import BreakerRecord
from core.domain.outcomes import CashFlow, EquitySnapshot, PortfolioPeak, TradeOutcome
from core.domain.parameters import ParameterChange, TargetProfile
from core.domain.proposals import Proposal, ProposalState
from core.failpoints import failpoint
from core.ids import ExecId
from core.storage import risk_rows as rows
from core.storage import risk_tables as t

# A bound that is always there makes "the newest" a walk down the primary key, in plan and in fact.
_LARGEST = 2**63 - 1


def _newest(table: Table, limit: int | BindParameter[Any]) -> Select[Any]:
    return select(table).where(table.c.id <= _LARGEST).order_by(table.c.id.desc()).limit(limit)


_NEWEST = select(func.max(t.breakers.c.id)).group_by(t.breakers.c.name, t.breakers.c.source)
_BREAKERS = select(t.breakers).where(t.breakers.c.id.in_(_NEWEST)).order_by(t.breakers.c.id)
_BREAKER_STEPS = _newest(t.breakers, bindparam("limit"))
_PARAMETERS = select(t.risk_parameters).order_by(t.risk_parameters.c.id)
_TARGET = _newest(t.risk_target_profile, 1)
_OUTCOMES = _newest(t.trade_outcomes, bindparam("limit"))
_OUTCOME = select(t.trade_outcomes).where(t.trade_outcomes.c.exec_id == bindparam("exec_id"))
_LAST_OUTCOME = _newest(t.trade_outcomes, 1).with_only_columns(t.trade_outcomes.c.id)
_PEAK = _newest(t.portfolio_peak, 1)
_SNAPSHOTS = _newest(t.equity_snapshots, bindparam("limit"))
_FLOWS = _newest(t.cash_flows, bindparam("limit"))
_PROPOSALS = _newest(t.pending_trades, bindparam("limit"))
_PROPOSAL = select(t.pending_trades).where(t.pending_trades.c.proposal_id == bindparam("proposal_id"))
_PENDING = (
    select(t.pending_trades)
    # As text, and not as a bound value, so that the planner sees that the partial index has it.
    .where(t.pending_trades.c.state == literal_column(f"'{ProposalState.PENDING.value}'"))
    .order_by(t.pending_trades.c.id)
)
_INSERT_BREAKER = insert(t.breakers)
_INSERT_CHANGE = insert(t.risk_parameters)
_INSERT_TARGET = insert(t.risk_target_profile)
_INSERT_OUTCOME = insert(t.trade_outcomes)
_INSERT_PEAK = insert(t.portfolio_peak)
_INSERT_SNAPSHOT = upsert(t.equity_snapshots).on_conflict_do_nothing(index_elements=["market_date"])
_INSERT_FLOW = upsert(t.cash_flows).on_conflict_do_nothing(index_elements=["activity_id"])
_SAVE_PROPOSAL = upsert(t.pending_trades).on_conflict_do_update(
    index_elements=["proposal_id"],
    set_={
        name: upsert(t.pending_trades).excluded[name]
        for name in ("state", "decided_by", "decided_at", "reason", "cl_ord_id")
    },
)


class SqlRiskReader:
    """`ports.risk_records.RiskReader` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def breakers(self) -> tuple[BreakerRecord, ...]:
        return tuple(rows.breaker_of(row) for row in self._connection.execute(_BREAKERS).mappings())

    def breaker_steps(self, limit: int) -> tuple[BreakerRecord, ...]:
        found = self._connection.execute(_BREAKER_STEPS, {"limit": max(0, limit)}).mappings()
        return tuple(rows.breaker_of(row) for row in found)

    def parameter_changes(self) -> tuple[ParameterChange, ...]:
        return tuple(rows.change_of(row) for row in self._connection.execute(_PARAMETERS).mappings())

    def target_profile(self) -> TargetProfile | None:
        row = self._connection.execute(_TARGET).mappings().first()
        return None if row is None else rows.target_of(row)

    def outcomes(self, limit: int) -> tuple[TradeOutcome, ...]:
        found = self._connection.execute(_OUTCOMES, {"limit": max(0, limit)}).mappings()
        return tuple(rows.outcome_of(row) for row in found)

    def outcome(self, exec_id: ExecId) -> TradeOutcome | None:
        row = self._connection.execute(_OUTCOME, {"exec_id": exec_id}).mappings().first()
        return None if row is None else rows.outcome_of(row)

    def outcome_count(self) -> int:
        # Rows are never removed, so the highest number is how many there are.
        return self._connection.execute(_LAST_OUTCOME).scalar() or 0

    def peak(self) -> PortfolioPeak | None:
        row = self._connection.execute(_PEAK).mappings().first()
        return None if row is None else rows.peak_of(row)

    def snapshots(self, limit: int) -> tuple[EquitySnapshot, ...]:
        found = self._connection.execute(_SNAPSHOTS, {"limit": max(0, limit)}).mappings()
        return tuple(rows.snapshot_of(row) for row in found)

    def cash_flows(self, limit: int) -> tuple[CashFlow, ...]:
        found = self._connection.execute(_FLOWS, {"limit": max(0, limit)}).mappings()
        return tuple(rows.flow_of(row) for row in found)

    def proposals(self, limit: int) -> tuple[Proposal, ...]:
        found = self._connection.execute(_PROPOSALS, {"limit": max(0, limit)}).mappings()
        return tuple(rows.proposal_of(row) for row in found)

    def proposal(self, proposal_id: str) -> Proposal | None:
        row = self._connection.execute(_PROPOSAL, {"proposal_id": proposal_id}).mappings().first()
        return None if row is None else rows.proposal_of(row)

    def pending_proposals(self) -> tuple[Proposal, ...]:
        return tuple(rows.proposal_of(row) for row in self._connection.execute(_PENDING).mappings())


class SqlRiskWriter(SqlRiskReader):
    """`ports.risk_records.RiskWriter` on the writing connection."""

    def insert_breaker(self, record: BreakerRecord) -> None:
        failpoint("uow.insert_breaker")
        self._connection.execute(_INSERT_BREAKER, rows.values_of(record))

    def insert_parameter_change(self, change: ParameterChange) -> None:
        failpoint("uow.insert_parameter_change")
        self._connection.execute(_INSERT_CHANGE, rows.values_of(change))

    def update_target_profile(self, target: TargetProfile) -> None:
        failpoint("uow.update_target_profile")
        self._connection.execute(_INSERT_TARGET, rows.values_of(target))

    def record_trade_outcome(self, outcome: TradeOutcome) -> None:
        failpoint("uow.record_trade_outcome")
        self._connection.execute(_INSERT_OUTCOME, rows.values_of(outcome))

    def insert_peak(self, peak: PortfolioPeak) -> None:
        failpoint("uow.insert_peak")
        self._connection.execute(_INSERT_PEAK, rows.values_of(peak))

    def insert_snapshot(self, snapshot: EquitySnapshot) -> bool:
        failpoint("uow.insert_snapshot")
        return self._connection.execute(_INSERT_SNAPSHOT, rows.snapshot_values(snapshot)).rowcount == 1

    def insert_cash_flow(self, flow: CashFlow) -> bool:
        failpoint("uow.insert_cash_flow")
        return self._connection.execute(_INSERT_FLOW, rows.values_of(flow)).rowcount == 1

    def save_proposal(self, proposal: Proposal) -> None:
        failpoint("uow.save_proposal")
        self._connection.execute(_SAVE_PROPOSAL, rows.proposal_values(proposal))
