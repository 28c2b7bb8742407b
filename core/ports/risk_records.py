"""What the database keeps for the risk desk, the portfolio's history and proposals."""

from typing import Protocol

from core.domain.breakers import BreakerRecord
from core.domain.outcomes import CashFlow, EquitySnapshot, PortfolioPeak, TradeOutcome
from core.domain.parameters import ParameterChange, TargetProfile
from core.domain.proposals import Proposal
from core.ids import ExecId


class RiskReader(Protocol):
    """Questions. Used inside `Store.read` or `Store.write`, on a storage thread."""

    def breakers(self) -> tuple[BreakerRecord, ...]:
        """List the newest step of each breaker (and source) that ever took one."""
        ...

    def breaker_steps(self, limit: int) -> tuple[BreakerRecord, ...]:
        """List steps of all breakers, newest first."""
        ...

    def parameter_changes(self) -> tuple[ParameterChange, ...]:
        """List every change of every risk parameter, oldest first."""
        ...

    def target_profile(self) -> TargetProfile | None:
        """Return the target profile in force; None where nobody has set one."""
        ...

    def outcomes(self, limit: int) -> tuple[TradeOutcome, ...]:
        """List outcomes of closing fills, newest first, those that void others included."""
        ...

    def outcome(self, exec_id: ExecId) -> TradeOutcome | None:
        """Return the outcome of one closing fill."""
        ...

    def outcome_count(self) -> int:
        """Count the outcomes of closing fills, those that void others included."""
        ...

    def peak(self) -> PortfolioPeak | None:
        """Return the peak in force; None before the first."""
        ...

    def snapshots(self, limit: int) -> tuple[EquitySnapshot, ...]:
        """List the account at the closes, newest first."""
        ...

    def cash_flows(self, limit: int) -> tuple[CashFlow, ...]:
        """List money that moved without a trade, the last booked first."""
        ...

    def proposals(self, limit: int) -> tuple[Proposal, ...]:
        """List proposals, newest first."""
        ...

    def proposal(self, proposal_id: str) -> Proposal | None:
        """Return one proposal."""
        ...

    def pending_proposals(self) -> tuple[Proposal, ...]:
        """List the proposals that nobody has decided, oldest first."""
        ...


class RiskWriter(RiskReader, Protocol):
    """Changes; durable with everything else of their unit of work, or not at all."""

    def insert_breaker(self, record: BreakerRecord) -> None:
        """Append a step of a breaker."""
        ...

    def insert_parameter_change(self, change: ParameterChange) -> None:
        """Append a change of a risk parameter."""
        ...

    def update_target_profile(self, target: TargetProfile) -> None:
        """Append a target profile, which is in force from now on."""
        ...

    def record_trade_outcome(self, outcome: TradeOutcome) -> None:
        """Append the outcome of a closing fill.

        Raises:
            StorageError: that fill has one already.
        """
        ...

    def insert_peak(self, peak: PortfolioPeak) -> None:
        """Append a peak, which is in force from now on."""
        ...

    def insert_snapshot(self, snapshot: EquitySnapshot) -> bool:
        """Append the account at a close; False, and nothing changed, where that day has one."""
        ...

    def insert_cash_flow(self, flow: CashFlow) -> bool:
        """Append money that moved; False, and nothing changed, where that activity is booked."""
        ...

    def save_proposal(self, proposal: Proposal) -> None:
        """Store a proposal, or what became of it."""
        ...
