"""All that crosses the bridge: commands go down, events come up. Frozen values only."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Generic, TypeVar

from core.domain.access import Mode
from core.domain.audit import AuditRecord, AuditReport
from core.domain.execution import ExecutionReport, Fill
from core.domain.instrument import Instrument
from core.domain.market import Bar, MarketSession, Quote, Timeframe
from core.domain.order import Order
from core.domain.portfolio import Account, LotClose, Position
from core.domain.records import AuditQuery, TradingStateRecord, Watchlist
from core.domain.risk import LimitUse, RuleCode, Verdict
from core.domain.terms import OrderDraft
from core.ids import ClOrdId, IdempotencyKey, Symbol

R = TypeVar("R")


class Command(Generic[R]):
    """Something that is wanted of the core; R is what comes back."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What an order would meet and change. `draft` is the one that was judged."""

    draft: OrderDraft
    verdict: Verdict
    quote: Quote | None


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
class AuditPage:
    """Some records, newest first, and whether older ones match too."""

    records: tuple[AuditRecord, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class PositionProof:
    """The fills, lots and price behind a position's figures; they re-add to them exactly.

    Attributes:
        position: the figures as shown.
        fills: all fills of the symbol, oldest first.
        closes: realised pieces; their sum is `position.realised`.
        last: dollars; the price used for the unrealised part, None if unknown.
        unrealised: dollars; sum over open lots of (last - price) x qty, turned for short lots.
    """

    position: Position
    fills: tuple[Fill, ...]
    closes: tuple[LotClose, ...]
    last: Decimal | None
    unrealised: Decimal | None


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
        age_s: seconds since the price was received.
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
    links: dict[Part, "LinkChanged"]
    audit: tuple[AuditRecord, ...]
    confirm_always: bool


@dataclass(frozen=True, slots=True)
class LoadSnapshot(Command[Snapshot]):
    """Everything at one moment."""


@dataclass(frozen=True, slots=True)
class PreviewOrder(Command[Preview]):
    """Judge an order without any side effect."""

    draft: OrderDraft


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
class ResumeTrading(Command[TradingStateRecord]):
    """Back to ACTIVE, by an administrator, with a reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class LoadBars(Command[tuple[Bar, ...]]):
    """The newest bars of a symbol, oldest first."""

    symbol: Symbol
    timeframe: Timeframe
    limit: int = 2000


@dataclass(frozen=True, slots=True)
class LoadAudit(Command[AuditPage]):
    """Search the audit log."""

    query: AuditQuery


@dataclass(frozen=True, slots=True)
class VerifyAudit(Command[AuditReport]):
    """Check the whole chain now."""


@dataclass(frozen=True, slots=True)
class ExplainPosition(Command[PositionProof]):
    """The fills, lots and prices behind a position."""

    symbol: Symbol


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
    passphrase: str


class Latest:
    """Newest wins: one value a key, taken by the window once a frame."""

    __slots__ = ()

    @property
    def lane_key(self) -> tuple[str, str]:
        """What a newer value replaces."""
        raise NotImplementedError


class InOrder:
    """All in order: nothing is lost."""

    __slots__ = ()


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
class TradingStateChanged(InOrder):
    """ACTIVE, REDUCING or HALTED, by whom and why."""

    record: TradingStateRecord


@dataclass(frozen=True, slots=True)
class AuditAppended(InOrder):
    """Records were added to the chain, durably."""

    records: tuple[AuditRecord, ...]


@dataclass(frozen=True, slots=True)
class AuditVerified(InOrder):
    """The chain was checked."""

    report: AuditReport


@dataclass(frozen=True, slots=True)
class LinkChanged(InOrder):
    """A part is up, slow or down, since when (our time, UTC), and why."""

    part: Part
    state: LinkState
    since: datetime
    text: str = ""


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


Event = Latest | InOrder | QuotesChanged
