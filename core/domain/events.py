"""What happened in the core, for whoever subscribed and for the window."""

from dataclasses import dataclass

from core.domain.alarms import Alarm
from core.domain.answers import AccountMark, KillReport, PositionMark, ReconciliationRun, Severity
from core.domain.audit import AuditRecord, AuditReport
from core.domain.breakers import BreakerRecord
from core.domain.execution import Fill
from core.domain.figures import PortfolioFigures
from core.domain.lanes import InOrder, Latest
from core.domain.limits import Limits
from core.domain.market import Bar, MarketSession, Quote, Timeframe
from core.domain.order import Order
from core.domain.outcomes import EquitySnapshot
from core.domain.parameters import ParameterChange, TargetProfile
from core.domain.portfolio import Position
from core.domain.proposals import Proposal
from core.domain.records import TradingStateRecord


@dataclass(frozen=True, slots=True)
class QuotesChanged:
    """New bests and trades, many at once; the bridge keeps the newest of each symbol."""

    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class PositionMarked(Latest):
    """A position valued anew."""

    mark: PositionMark

    @property
    def lane_key(self) -> tuple[str, str]:
        """One value a symbol."""
        return ("mark", self.mark.symbol)


@dataclass(frozen=True, slots=True)
class AccountMarked(Latest):
    """The account valued anew, with how much of each limit is used."""

    mark: AccountMark

    @property
    def lane_key(self) -> tuple[str, str]:
        """One value in all."""
        return ("account", "")


@dataclass(frozen=True, slots=True)
class PortfolioMarked(Latest):
    """The figures of the portfolio, made anew from what changed."""

    figures: PortfolioFigures

    @property
    def lane_key(self) -> tuple[str, str]:
        """One value in all."""
        return ("portfolio", "")


@dataclass(frozen=True, slots=True)
class BarChanged(Latest):
    """The running bar of a symbol that a chart shows."""

    timeframe: Timeframe
    bar: Bar

    @property
    def lane_key(self) -> tuple[str, str]:
        """One value a symbol, timeframe and bar, so that a finished bar is never lost."""
        return ("bar", f"{self.bar.symbol}/{self.timeframe}/{self.bar.time.isoformat()}")


@dataclass(frozen=True, slots=True)
class SessionTicked(Latest):
    """Market time moved."""

    session: MarketSession

    @property
    def lane_key(self) -> tuple[str, str]:
        """One value in all."""
        return ("session", "")


@dataclass(frozen=True, slots=True)
class AckMeasured(Latest):
    """Milliseconds from send to acknowledgement: the last, and the p99 of the newest 200."""

    last_ms: float
    p99_ms: float

    @property
    def lane_key(self) -> tuple[str, str]:
        """One value in all."""
        return ("ack", "")


@dataclass(frozen=True, slots=True)
class OrderChanged(InOrder):
    """An order is new or has another state."""

    order: Order


@dataclass(frozen=True, slots=True)
class FillBooked(InOrder):
    """A fill is in the book, durably."""

    fill: Fill
    position: Position


@dataclass(frozen=True, slots=True)
class EquityClosed(InOrder):
    """The account at the close of a market day is in the book, durably."""

    close: EquitySnapshot


@dataclass(frozen=True, slots=True)
class TradingStateChanged(InOrder):
    """ACTIVE, REDUCING or HALTED, by whom and why."""

    record: TradingStateRecord


@dataclass(frozen=True, slots=True)
class RiskParametersChanged(InOrder):
    """Risk parameters were changed, or one that waited is in force."""

    limits: Limits
    agent_limits: Limits
    pending: tuple[ParameterChange, ...]


@dataclass(frozen=True, slots=True)
class TargetProfileChanged(InOrder):
    """Another risk is aimed at."""

    target: TargetProfile


@dataclass(frozen=True, slots=True)
class BreakerChanged(InOrder):
    """A breaker took a step; `cancelled` is how many working entry orders its trip asks the end of."""

    record: BreakerRecord
    cancelled: int = 0


@dataclass(frozen=True, slots=True)
class ProposalChanged(InOrder):
    """A proposal was made, decided, or ran out."""

    proposal: Proposal


@dataclass(frozen=True, slots=True)
class AlarmsChanged(InOrder):
    """The alarms that nobody has seen, oldest first: one was raised, or escalated, or was seen."""

    waiting: tuple[Alarm, ...]


@dataclass(frozen=True, slots=True)
class AlarmEscalated(InOrder):
    """Nobody has seen an alarm in time."""

    alarm: Alarm


@dataclass(frozen=True, slots=True)
class InstrumentsKnown(InOrder):
    """The feed has told what can be traded, for the first time: what was shown before had no names."""

    count: int


@dataclass(frozen=True, slots=True)
class AuditAppended(InOrder):
    """Records were added to the chain, durably."""

    records: tuple[AuditRecord, ...]


@dataclass(frozen=True, slots=True)
class AuditVerified(InOrder):
    """The chain was checked."""

    report: AuditReport


@dataclass(frozen=True, slots=True)
class Notice(InOrder):
    """Something a person should know; `subject` merges repeats."""

    severity: Severity
    text: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class OrderLookedUp(InOrder):
    """An UNKNOWN order was asked for at the broker.

    Attributes:
        tries: how often so far.
        next_in_s: seconds until the next try; None if there is none.
        may_settle: the broker was asked for long enough: the person may send again or give up.
    """

    order: Order
    tries: int
    next_in_s: float | None
    may_settle: bool


@dataclass(frozen=True, slots=True)
class KillProgressed(Latest):
    """The kill switch went a step on."""

    report: KillReport

    @property
    def lane_key(self) -> tuple[str, str]:
        """One value in all."""
        return ("kill", "")


@dataclass(frozen=True, slots=True)
class Reconciled(InOrder):
    """Our book was compared with the broker's."""

    run: ReconciliationRun


@dataclass(frozen=True, slots=True)
class RequestsWaiting(Latest):
    """Requests wait for the broker's rate limit: how many, and the seconds until the first may leave."""

    count: int
    wait_s: float

    @property
    def lane_key(self) -> tuple[str, str]:
        """One value in all."""
        return ("requests", "")


Event = Latest | InOrder | QuotesChanged
