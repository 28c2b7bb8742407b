"""Rows of the risk desk's tables from values, and values from rows."""

from dataclasses import fields
from datetime import date
from enum import Enum

from sqlalchemy import RowMapping

from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.outcomes import CashFlow, EquitySnapshot, PortfolioPeak, TradeOutcome
from core.domain.parameters import ParameterChange, Scope, TargetProfile
from core.domain.proposals import Proposal, ProposalState
from core.domain.risk import Unit
from core.domain.terms import Side
from core.storage.rows import Values, terms_of, terms_values

Flat = BreakerRecord | CashFlow | ParameterChange | PortfolioPeak | TargetProfile | TradeOutcome


def values_of(record: Flat) -> Values:
    """Write a record whose fields are the columns of its table; a word list's word is stored as text."""
    found = {field.name: getattr(record, field.name) for field in fields(record)}
    return {name: value.value if isinstance(value, Enum) else value for name, value in found.items()}


def breaker_of(row: RowMapping) -> BreakerRecord:
    return BreakerRecord(
        name=BreakerName(row["name"]),
        state=BreakerState(row["state"]),
        source=row["source"],
        text=row["text"],
        value=row["value"],
        limit=row["limit"],
        unit=Unit(row["unit"]),
        actor=row["actor"],
        role=row["role"],
        reason=row["reason"],
        at=row["at"],
    )


def change_of(row: RowMapping) -> ParameterChange:
    return ParameterChange(
        scope=Scope(row["scope"]),
        name=row["name"],
        before=row["before"],
        after=row["after"],
        author=row["author"],
        role=row["role"],
        reason=row["reason"],
        decided_at=row["decided_at"],
        effective_at=row["effective_at"],
    )


def target_of(row: RowMapping) -> TargetProfile:
    return TargetProfile(**{field.name: row[field.name] for field in fields(TargetProfile)})


def outcome_of(row: RowMapping) -> TradeOutcome:
    return TradeOutcome(
        exec_id=row["exec_id"],
        cl_ord_id=row["cl_ord_id"],
        symbol=row["symbol"],
        side=Side(row["side"]),
        qty=row["qty"],
        realised=row["realised"],
        fees=row["fees"],
        closed_at=row["closed_at"],
        voids=row["voids"],
    )


def peak_of(row: RowMapping) -> PortfolioPeak:
    return PortfolioPeak(row["equity"], row["reason"], row["at"])


def flow_of(row: RowMapping) -> CashFlow:
    return CashFlow(**{field.name: row[field.name] for field in fields(CashFlow)})


def snapshot_values(snapshot: EquitySnapshot) -> Values:
    return {
        "market_date": snapshot.market_date.isoformat(),
        "cash": snapshot.cash,
        "positions_value": snapshot.positions_value,
        "flow": snapshot.flow,
        "missed": snapshot.missed,
        "taken_at": snapshot.taken_at,
    }


def snapshot_of(row: RowMapping) -> EquitySnapshot:
    return EquitySnapshot(
        market_date=date.fromisoformat(row["market_date"]),
        cash=row["cash"],
        positions_value=row["positions_value"],
        flow=row["flow"],
        missed=row["missed"],
        taken_at=row["taken_at"],
    )


def proposal_values(proposal: Proposal) -> Values:
    return {
        **terms_values(proposal.terms),
        "proposal_id": proposal.proposal_id,
        "source": proposal.source,
        "thesis": proposal.thesis,
        "decision_px": proposal.decision_px,
        "made_at": proposal.made_at,
        "expires_at": proposal.expires_at,
        "state": proposal.state.value,
        "decided_by": proposal.decided_by,
        "decided_at": proposal.decided_at,
        "reason": proposal.reason,
        "cl_ord_id": proposal.cl_ord_id,
    }


def proposal_of(row: RowMapping) -> Proposal:
    return Proposal(
        proposal_id=row["proposal_id"],
        source=row["source"],
        terms=terms_of(row),
        thesis=row["thesis"],
        decision_px=row["decision_px"],
        made_at=row["made_at"],
        expires_at=row["expires_at"],
        state=ProposalState(row["state"]),
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        reason=row["reason"],
        cl_ord_id=row["cl_ord_id"],
    )
