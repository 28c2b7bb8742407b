"""What one use of the kill switch has come to."""

from dataclasses import dataclass, field
from decimal import Decimal

from core.domain.messages import KillReport, KillStage
from core.ids import ClOrdId, Symbol


@dataclass(slots=True)
class Progress:
    """Counts up while the switch is at work.

    Attributes:
        ours: our orders that were open at the beginning, and those that landed meanwhile.
        confirmed: those of them that the broker has shown to have ended.
        failures: one sentence each, by what it is about; a later success takes one away.
    """

    stage: KillStage = KillStage.CANCELLING
    recorded: bool = False
    ours: set[ClOrdId] = field(default_factory=set)
    confirmed: set[ClOrdId] = field(default_factory=set)
    foreign: set[ClOrdId] = field(default_factory=set)
    closing: list[ClOrdId] = field(default_factory=list)
    held: dict[Symbol, Decimal] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def report(self) -> KillReport:
        """Say how far it has come."""
        return KillReport(
            stage=self.stage,
            recorded=self.recorded,
            total=len(self.ours),
            confirmed=len(self.confirmed),
            unconfirmed=tuple(sorted(self.ours - self.confirmed)),
            foreign=tuple(sorted(self.foreign)),
            closing=tuple(self.closing),
            held=tuple(sorted(self.held.items())),
            failures=tuple(self.failures.values()),
        )
