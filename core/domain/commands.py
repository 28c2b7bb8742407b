"""What is wanted of the core; every command names what it answers."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from core.domain.answers import (
    AuditPage,
    FillPage,
    KillReport,
    LiveView,
    OrderStory,
    Part,
    PositionProof,
    Preview,
    ReconciliationRun,
    Reviewed,
    Sized,
    Snapshot,
    Submitted,
)
from core.domain.audit import AuditReport
from core.domain.figures import FigureName, FigureProof, PortfolioReport
from core.domain.market import Bar, Timeframe
from core.domain.movers import LARGE_CAPS, MoversScan
from core.domain.order import Order
from core.domain.parameters import ParameterEdit, RadarAxis, RiskView, TargetProfile
from core.domain.proposals import Proposal
from core.domain.radar import Radar
from core.domain.records import AuditQuery, TradingStateRecord, Watchlist
from core.domain.risk import RuleCode
from core.domain.terms import OrderDraft
from core.ids import ClOrdId, ExecId, IdempotencyKey, Symbol

R = TypeVar("R")


class Command(Generic[R]):
    """Something that is wanted of the core; R is what comes back."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class LoadSnapshot(Command[Snapshot]):
    """Everything at one moment."""


@dataclass(frozen=True, slots=True)
class LoadLive(Command[LiveView]):
    """What is in memory at one moment, without a question to the database."""


@dataclass(frozen=True, slots=True)
class LoadFills(Command[FillPage]):
    """The fills that were booked after one of them, or from the first one on; oldest first."""

    after: ExecId | None = None
    limit: int = 500


@dataclass(frozen=True, slots=True)
class LoadExternal(Command[frozenset[Symbol]]):
    """The symbols of which something is held that no order of this program bought or sold."""


@dataclass(frozen=True, slots=True)
class PreviewOrder(Command[Preview]):
    """Judge an order without any side effect; one that takes another's place leaves that out of the sums."""

    draft: OrderDraft
    replaces: ClOrdId | None = None


@dataclass(frozen=True, slots=True)
class SizeOrder(Command[Sized]):
    """Ask how many shares to take; the numbers are text as typed, and the draft's quantity is not read.

    Attributes:
        risk_pct: what the trade may lose, percent of the equity at the start of the day.
        risk: the same in dollars; one of the two.
        stop_px: where the loss is stopped, dollars a share.
        atr_times: the same, in average true ranges away from the entry; one of the two.
    """

    draft: OrderDraft
    risk_pct: str = ""
    risk: str = ""
    stop_px: str = ""
    atr_times: str = ""


@dataclass(frozen=True, slots=True)
class SubmitOrder(Command[Submitted]):
    """Send an order, once for this key."""

    draft: OrderDraft
    key: IdempotencyKey
    acknowledged: frozenset[RuleCode] = frozenset()


@dataclass(frozen=True, slots=True)
class CancelOrder(Command[None]):
    """Ask for an order's end; its state tells the rest."""

    cl_ord_id: ClOrdId


@dataclass(frozen=True, slots=True)
class CancelOrders(Command[int]):
    """Ask for the end of all our open orders, of one symbol or of all; answers how many were asked for."""

    symbol: Symbol | None = None


@dataclass(frozen=True, slots=True)
class ReplaceOrder(Command[Submitted]):
    """Ask for new terms; the numbers are text as typed. Quantity counts what is already filled."""

    cl_ord_id: ClOrdId
    key: IdempotencyKey
    order_qty: str
    price: str = ""
    stop_px: str = ""
    acknowledged: frozenset[RuleCode] = frozenset()
    trail_px: str = ""
    trail_pct: str = ""


@dataclass(frozen=True, slots=True)
class ClosePosition(Command[Submitted]):
    """Sell what is held (or buy back what is owed) by an ordinary order of ours."""

    symbol: Symbol
    key: IdempotencyKey
    acknowledged: frozenset[RuleCode] = frozenset()


@dataclass(frozen=True, slots=True)
class ResendOrder(Command[Order]):
    """Send an UNKNOWN order again: same id, same body."""

    cl_ord_id: ClOrdId


@dataclass(frozen=True, slots=True)
class GiveUpOrder(Command[Order]):
    """End the waiting for an UNKNOWN order that the broker does not know."""

    cl_ord_id: ClOrdId


@dataclass(frozen=True, slots=True)
class CheckOrder(Command[Order]):
    """Look an UNKNOWN order up at the broker now."""

    cl_ord_id: ClOrdId


@dataclass(frozen=True, slots=True)
class HaltTrading(Command[TradingStateRecord]):
    """No new order leaves, from now on; cancels nothing."""

    reason: str


@dataclass(frozen=True, slots=True)
class KillTrading(Command[KillReport]):
    """Halt, cancel all of ours, and where it is asked for close every position; proven by the broker."""

    reason: str
    flatten: bool = False


@dataclass(frozen=True, slots=True)
class Reconnect(Command[None]):
    """Try a link again that has stopped trying (a refused key, a second program, too many failures)."""

    part: Part


@dataclass(frozen=True, slots=True)
class Reconcile(Command[ReconciliationRun]):
    """Compare with the broker now."""


@dataclass(frozen=True, slots=True)
class ResumeTrading(Command[TradingStateRecord]):
    """Back to ACTIVE, by an administrator, with a reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class ProposeOrder(Command[Proposal]):
    """Propose an order, which a person decides on; nothing is sent.

    Attributes:
        source: who proposes, such as the name of a strategy.
        thesis: why, in one sentence.
    """

    draft: OrderDraft
    source: str
    thesis: str


@dataclass(frozen=True, slots=True)
class ReviewProposal(Command[Reviewed]):
    """Decide on a proposal, with a reason; an approval sends its order, if every rule lets it through now."""

    proposal_id: str
    approve: bool
    reason: str


@dataclass(frozen=True, slots=True)
class LoadProposals(Command[tuple[Proposal, ...]]):
    """The newest proposals, newest first."""

    limit: int = 200


@dataclass(frozen=True, slots=True)
class LoadRisk(Command[RiskView]):
    """The risk parameters in force, what waits, and how they came to be."""


@dataclass(frozen=True, slots=True)
class SetRiskParameters(Command[RiskView]):
    """Change risk parameters, all of them or none; what loosens waits. Never changes the trading state."""

    edits: tuple[ParameterEdit, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class GetTargetProfile(Command[TargetProfile]):
    """How much risk is aimed at on each axis of the radar."""


@dataclass(frozen=True, slots=True)
class UpdateTargetProfile(Command[TargetProfile]):
    """Aim at another risk; the scores are text as typed, and an axis that is not named stays as it is."""

    targets: tuple[tuple[RadarAxis, str], ...]
    reason: str


@dataclass(frozen=True, slots=True)
class LoadRadar(Command[Radar]):
    """The radar of a symbol, or of the portfolio."""

    symbol: Symbol | None = None


@dataclass(frozen=True, slots=True)
class LoadBars(Command[tuple[Bar, ...]]):
    """The newest bars of a symbol, oldest first."""

    symbol: Symbol
    timeframe: Timeframe
    limit: int = 2000


@dataclass(frozen=True, slots=True)
class ScanMovers(Command[MoversScan]):
    """What moved most today among these symbols, ranked; and what could not be."""

    universe: tuple[Symbol, ...] = LARGE_CAPS


@dataclass(frozen=True, slots=True)
class LoadAudit(Command[AuditPage]):
    """Search the audit log."""

    query: AuditQuery


@dataclass(frozen=True, slots=True)
class FollowAudit(Command[AuditPage]):
    """The records after a number, oldest first."""

    after_seq: int = 0
    limit: int = 500


@dataclass(frozen=True, slots=True)
class VerifyAudit(Command[AuditReport]):
    """Check the whole chain now."""


@dataclass(frozen=True, slots=True)
class ExplainPosition(Command[PositionProof]):
    """The fills, lots and prices behind a position."""

    symbol: Symbol


@dataclass(frozen=True, slots=True)
class LoadPortfolio(Command[PortfolioReport]):
    """The figures of the portfolio as they stand now, the closes so far and what they say."""


@dataclass(frozen=True, slots=True)
class ExplainFigure(Command[FigureProof]):
    """The fills, lots and prices behind a figure of the portfolio, as it stands now.

    Attributes:
        of: the symbol or sector it is about; empty where it is about all.
    """

    name: FigureName
    of: str = ""


@dataclass(frozen=True, slots=True)
class ExplainOrder(Command[OrderStory]):
    """The judgement and the reports of one order."""

    cl_ord_id: ClOrdId


@dataclass(frozen=True, slots=True)
class SaveWatchlist(Command[tuple[Watchlist, ...]]):
    """Store a list under its name; answers all lists."""

    watchlist: Watchlist


@dataclass(frozen=True, slots=True)
class RemoveWatchlist(Command[tuple[Watchlist, ...]]):
    """Forget a list; answers all lists."""

    name: str


@dataclass(frozen=True, slots=True)
class ImportWatchlist(Command[Watchlist]):
    """Read a CSV file of symbols into a list; the window stays as it was if the file is bad."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class SaveSetting(Command[None]):
    """Store a setting of the window (layout, density, theme, columns) as JSON text."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class SetConfirmAlways(Command[bool]):
    """Switch the confirmation sheet on or off where it is not compulsory."""

    on: bool


@dataclass(frozen=True, slots=True)
class KeepProfile(Command[Path]):
    """Make a throwaway profile permanent, under a passphrase; answers its folder."""

    name: str
    passphrase: str = field(repr=False)
