"""What comes back from commands: judgements, proofs, marks and the whole picture at one moment."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from core.domain.access import Mode
from core.domain.archives import Archived
from core.domain.audit import AuditRecord
from core.domain.execution import ExecutionReport, Fill
from core.domain.figures import PriceUsed
from core.domain.instrument import Instrument
from core.domain.lanes import InOrder
from core.domain.limits import Limits
from core.domain.market import MarketSession, Quote
from core.domain.money import Qty
from core.domain.order import Order
from core.domain.portfolio import Account, LotClose, Position
from core.domain.proposals import Proposal
from core.domain.records import TradingStateRecord, Watchlist
from core.domain.risk import LimitUse, RuleCode, Verdict
from core.domain.terms import OrderDraft, OrderTerms
from core.ids import ClOrdId, Symbol


@dataclass(frozen=True, slots=True)
class Preview:
    """What an order would meet and change.

    Attributes:
        draft: the one that was judged.
        sent: what would go out of it now: a market order goes out as a limit order (A9). None where it
            could not be read.
    """

    draft: OrderDraft
    verdict: Verdict
    quote: Quote | None
    sent: OrderTerms | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """An order on its way.

    Attributes:
        repeated: the key was used before for the same order, which this is; nothing new was sent.
    """

    order: Order
    verdict: Verdict
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A proposal that was decided, and the order that came of it; None where it was rejected."""

    proposal: Proposal
    submitted: Submitted | None


@dataclass(frozen=True, slots=True)
class Sized:
    """How many shares to take so that a stop loses no more than was set out to be risked.

    Attributes:
        order_qty: shares, a whole number of lots; what passes every rule.
        by_risk: shares that the risk alone would allow.
        loss: dollars that are lost when the stop fills at its price, fees of both ways included.
        risk: dollars that were set out to be risked.
        stop_px: dollars a share; where the loss is stopped.
        atr: dollars a share; the average true range that the stop was made of, None where it was typed.
        binding: the rule that allows no more shares; None where it is the risk itself.
        text: the same in one plain sentence.
    """

    order_qty: Qty
    by_risk: Qty
    loss: Decimal
    risk: Decimal
    stop_px: Decimal
    atr: Decimal | None
    binding: RuleCode | None
    text: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some records in the order that was asked for, and whether more of them match."""

    records: tuple[AuditRecord, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class FillPage:
    """Some fills, oldest first, and whether newer ones are there."""

    fills: tuple[Fill, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class PositionProof:
    """The fills, lots and price behind a position's figures; they re-add to them exactly.

    Attributes:
        position: the figures as shown.
        fills: all fills of the symbol that stand in the database, oldest first.
        closes: realised pieces, likewise.
        archived: what is carried forward of those that stand in archives.
        last: dollars; the price used for the unrealised part, None if unknown.
        priced: the same, with what it is and its time.
        unrealised: dollars; sum over open lots of (last - price) x qty, turned for short lots.
    """

    position: Position
    fills: tuple[Fill, ...]
    closes: tuple[LotClose, ...]
    last: Decimal | None
    unrealised: Decimal | None
    priced: PriceUsed | None = None
    archived: Archived = field(default_factory=Archived)


@dataclass(frozen=True, slots=True)
class OrderStory:
    """All that is known of one order: the stored judgement (JSON) and every report."""

    order: Order
    verdict: str
    reports: tuple[ExecutionReport, ...]


@dataclass(frozen=True, slots=True)
class PositionMark:
    """A position valued at the last price; None is unknown.

    Attributes:
        day_pnl: dollars since the last close, or since the fill for what was traded today, fees included.
        total_pnl: dollars, realised and unrealised, fees included.
        value: dollars, signed.
        weight_pct: percent of equity.
        stop_cover: shares that working stop orders protect.
        received: monotonic seconds of our clock at which the price came.
        priced: the price of `last`, with what it is and its time.
    """

    symbol: Symbol
    qty: Decimal
    avg_px: Decimal | None
    last: Decimal | None
    day_pnl: Decimal | None
    total_pnl: Decimal | None
    unrealised: Decimal | None
    value: Decimal | None
    weight_pct: Decimal | None
    stop_cover: Decimal
    opened_at: datetime | None
    received: float | None
    priced: PriceUsed | None = None


@dataclass(frozen=True, slots=True)
class AccountMark:
    """The account valued now; None is unknown."""

    account: Account | None
    equity: Decimal | None
    day_pnl: Decimal | None
    day_pnl_pct: Decimal | None
    buying_power: Decimal | None
    uses: tuple[LimitUse, ...]


class Part(StrEnum):
    """The parts whose health the status bar shows."""

    BROKER = "broker"
    ORDERS = "orders"
    FEED = "feed"
    DATABASE = "database"
    AUDIT = "audit"


class LinkState(StrEnum):
    """How a part does."""

    UP = "up"
    SLOW = "slow"
    DOWN = "down"
    CONNECTING = "connecting"


class Severity(StrEnum):
    """How loud a notice is."""

    FACT = "fact"
    WARNING = "warning"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class ProfileFacts:
    """What the window must know of the profile it shows."""

    name: str
    mode: Mode
    broker: str
    user: str
    role: str
    temporary: bool
    account: str


@dataclass(frozen=True, slots=True)
class LinkChanged(InOrder):
    """A part is up, slow or down, since when (our time, UTC), and why."""

    part: Part
    state: LinkState
    since: datetime
    text: str = ""


class KillStage(StrEnum):
    """How far the kill switch has come."""

    CANCELLING = "cancelling"
    FLATTENING = "flattening"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class KillReport:
    """What the kill switch has done, and what the broker has not confirmed.

    Attributes:
        stage: how far it has come.
        recorded: the halt is in the audit log; else in the emergency file.
        total: our orders that were open at the beginning.
        confirmed: how many of them the broker has shown to have ended.
        unconfirmed: those it has not.
        foreign: open orders of other programs, which were left alone.
        closing: orders that were sent to close positions.
        held: what is still held, signed shares by symbol; empty once flat, or where it was not asked for.
        failures: what went wrong, one sentence each.
    """

    stage: KillStage
    recorded: bool
    total: int
    confirmed: int
    unconfirmed: tuple[ClOrdId, ...] = ()
    foreign: tuple[ClOrdId, ...] = ()
    closing: tuple[ClOrdId, ...] = ()
    held: tuple[tuple[Symbol, Decimal], ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def is_proven(self) -> bool:
        """Whether the broker has confirmed all that was asked of it."""
        return self.stage is KillStage.DONE and not (self.unconfirmed or self.held or self.failures)


class DifferenceKind(StrEnum):
    """In what we and the broker did not agree."""

    EXTERNAL_ORDER = "external_order"
    MISSED_REPORT = "missed_report"
    NOT_LISTED = "not_listed"
    UNREADABLE_ORDER = "unreadable_order"
    SHARES_MOVED = "shares_moved"
    POSITION = "position"
    CASH = "cash"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which we and the broker did not agree.

    Attributes:
        subject: a `cl_ord_id`, a symbol, or "cash".
        ours: what our book said.
        broker: what the broker said.
        repaired: our book says the same now.
    """

    kind: DifferenceKind
    subject: str
    ours: str
    broker: str
    repaired: bool


@dataclass(frozen=True, slots=True)
class ReconciliationRun:
    """One comparison with the broker.

    Attributes:
        began: our time, UTC.
        ended: our time, UTC.
        differences: what was found.
        failure: why it could not be ended; nothing may then be concluded from it. Empty if it ended.
    """

    began: datetime
    ended: datetime
    differences: tuple[Difference, ...] = ()
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the window shows, at one moment: at start, and when it fell behind."""

    profile: ProfileFacts
    instruments: tuple[Instrument, ...]
    watchlists: tuple[Watchlist, ...]
    settings: dict[str, str]
    orders: tuple[Order, ...]
    fills: tuple[Fill, ...]
    positions: tuple[Position, ...]
    quotes: tuple[Quote, ...]
    marks: tuple[PositionMark, ...]
    account: AccountMark
    trading_state: TradingStateRecord
    session: MarketSession
    links: dict[Part, LinkChanged]
    audit: tuple[AuditRecord, ...]
    confirm_always: bool
    reconciliation: ReconciliationRun | None = None


@dataclass(frozen=True, slots=True)
class LiveView:
    """What is in memory at one moment; nothing was asked of the database or the broker.

    Attributes:
        cash: dollars, fills since the broker's last answer included; None if unknown.
        account_age_s: seconds since the broker last confirmed the account; None if it never did.
        orders: open and recently ended ones, newest first.
        marks: of what is held, and of what was.
        reconciliation: the last comparison with the broker; None before the first.
    """

    profile: ProfileFacts
    instruments: tuple[Instrument, ...]
    links: tuple[LinkChanged, ...]
    trading_state: TradingStateRecord
    limits: Limits
    session: MarketSession | None
    account: AccountMark
    cash: Decimal | None
    account_age_s: float | None
    orders: tuple[Order, ...]
    marks: tuple[PositionMark, ...]
    quotes: tuple[Quote, ...]
    reconciliation: ReconciliationRun | None
