"""The risk desk's records come back as they were stored, and their history cannot be rewritten."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, update
from sqlalchemy.exc import SQLAlchemyError

from core.domain.access import Origin
from core.domain.breakers import BreakerEffect, BreakerName, BreakerRecord, BreakerState
from core.domain.money import Money, Price, Qty
from core.domain.outcomes import CashFlow, EquitySnapshot, PortfolioPeak, TradeOutcome, TradeResult
from core.domain.parameters import ParameterChange, RadarAxis, Scope, TargetProfile
from core.domain.proposals import Proposal, ProposalState
from core.domain.risk import Unit
from core.domain.terms import OrderTerms, OrdType, Side, TimeInForce
from core.ids import ClOrdId, ExecId
from core.storage import engine, migration, risk_tables, vault
from core.storage.unit_of_work import SqlUnitOfWork
from tests.builders import AAPL

NOW = datetime(2026, 1, 5, 15, tzinfo=UTC)
TRIP = BreakerRecord(
    BreakerName.REJECT_RATE,
    BreakerState.TRIPPED,
    Origin.API.value,
    "5 rejects in 60 s",
    Decimal(5),
    Decimal(5),
    Unit.COUNT,
    "desk",
    "admin",
    "",
    NOW,
)
CHANGE = ParameterChange(
    Scope.AGENT, "position_pct", "5", "4", "kim", "admin", "calmer", NOW, NOW + timedelta(seconds=60)
)
TARGET = TargetProfile(market=Decimal(40), author="kim", reason="calmer", changed_at=NOW)
OUTCOME = TradeOutcome(
    ExecId("E-2"), ClOrdId("O-2"), AAPL, Side.BUY, Qty(5), Money("-3.1"), Money("0.2"), NOW
)
PEAK = PortfolioPeak(Money("100000.01"), "peak", NOW)
CLOSE = EquitySnapshot(date(2026, 1, 5), Money(10), Money("-2.5"), Money(0), missed=False, taken_at=NOW)
FLOW = CashFlow("A-1", "deposit", external=True, amount=Money(500), symbol="", at=NOW)
PROPOSAL = Proposal(
    "P-1",
    "momentum",
    OrderTerms(AAPL, Side.BUY, OrdType.LIMIT, TimeInForce.DAY, Qty(2), Price("189.5")),
    "it rises",
    Price("189.4"),
    NOW,
    NOW + timedelta(minutes=15),
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    maker = engine.building_engine(tmp_path / "a.db", vault.create(tmp_path, None))
    with maker.connect() as made:
        with made.begin():
            migration.create_schema(made)
        yield made
    maker.dispose()


@pytest.fixture
def uow(connection: Connection) -> SqlUnitOfWork:
    made = SqlUnitOfWork(connection)
    made.insert_breaker(TRIP)
    made.insert_parameter_change(CHANGE)
    made.update_target_profile(TARGET)
    made.record_trade_outcome(OUTCOME)
    made.insert_peak(PEAK)
    made.insert_snapshot(CLOSE)
    made.insert_cash_flow(FLOW)
    made.save_proposal(PROPOSAL)
    return made


def test_records_come_back_as_they_were_stored(uow: SqlUnitOfWork) -> None:
    assert uow.breakers() == (TRIP,)
    assert uow.parameter_changes() == (CHANGE,)
    assert uow.target_profile() == TARGET
    assert uow.outcomes(9) == (OUTCOME,)
    assert uow.outcome_count() == 1
    assert uow.outcome(ExecId("E-2")) == OUTCOME
    assert uow.outcome(ExecId("E-1")) is None
    assert uow.peak() == PEAK
    assert uow.snapshots(9) == (CLOSE,)
    assert uow.cash_flows(9) == (FLOW,)
    assert uow.proposals(9) == (PROPOSAL,)
    assert uow.pending_proposals() == (PROPOSAL,)


def test_a_new_database_has_none_of_them(connection: Connection) -> None:
    uow = SqlUnitOfWork(connection)

    assert (uow.breakers(), uow.target_profile(), uow.peak(), uow.pending_proposals()) == ((), None, None, ())
    assert uow.outcome_count() == 0


def test_the_newest_step_of_each_breaker_and_source_is_its_state(uow: SqlUnitOfWork) -> None:
    window = replace(TRIP, source=Origin.WINDOW.value)
    cleared = replace(TRIP, state=BreakerState.ACKNOWLEDGED, actor="kim", reason="seen")
    for each in (window, cleared):
        uow.insert_breaker(each)

    assert uow.breakers() == (window, cleared)
    assert uow.breaker_steps(2) == (cleared, window)
    assert TRIP.effect is BreakerEffect.PAUSE_SOURCE


def test_the_newest_target_and_peak_are_in_force(uow: SqlUnitOfWork) -> None:
    later = replace(TARGET, event=Decimal("12.5"))
    lower = replace(PEAK, equity=Money(90), reason="flow")
    uow.update_target_profile(later)
    uow.insert_peak(lower)

    assert uow.target_profile() == later
    assert [later.target(axis) for axis in RadarAxis][3] == Decimal("12.5")
    assert uow.peak() == lower


def test_a_day_has_one_close_and_an_activity_is_booked_once(uow: SqlUnitOfWork) -> None:
    missed = EquitySnapshot(date(2026, 1, 6), None, None, Money(0), missed=True, taken_at=NOW)

    assert not uow.insert_snapshot(replace(CLOSE, cash=Money(99)))
    assert uow.insert_snapshot(missed)
    assert not uow.insert_cash_flow(replace(FLOW, amount=Money(1)))
    assert uow.snapshots(9) == (missed, CLOSE)
    assert [each.equity for each in uow.snapshots(9)] == [None, Decimal("7.5")]
    assert uow.cash_flows(9) == (FLOW,)


def test_an_outcome_is_recorded_once(uow: SqlUnitOfWork) -> None:
    with pytest.raises(SQLAlchemyError, match="UNIQUE"):
        uow.record_trade_outcome(OUTCOME)


@pytest.mark.parametrize(
    ("realised", "fees", "result"),
    [("0.21", "0.2", TradeResult.WIN), ("0.2", "0.2", TradeResult.EVEN), ("0.19", "0.2", TradeResult.LOSS)],
)
def test_an_outcome_counts_its_fees(realised: str, fees: str, result: TradeResult) -> None:
    outcome = replace(OUTCOME, realised=Money(realised), fees=Money(fees))

    assert outcome.result is result


def test_a_decided_proposal_waits_no_more(uow: SqlUnitOfWork) -> None:
    decided = replace(
        PROPOSAL,
        state=ProposalState.APPROVED,
        decided_by="kim",
        decided_at=NOW,
        reason="agreed",
        cl_ord_id=ClOrdId("O-9"),
    )

    uow.save_proposal(decided)

    assert uow.pending_proposals() == ()
    assert uow.proposals(9) == (decided,)


@pytest.mark.parametrize("name", risk_tables.APPEND_ONLY)
@pytest.mark.parametrize("change", [update, delete])
def test_history_refuses_to_be_changed(
    uow: SqlUnitOfWork, connection: Connection, name: str, change: type
) -> None:
    table = risk_tables.metadata.tables[name]
    asked = change(table).values({"id": 7}) if change is update else change(table)

    with pytest.raises(SQLAlchemyError, match="append-only"):
        connection.execute(asked)
