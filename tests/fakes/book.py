"""The order management on a book in memory, and one trail of all that it wrote, published and called."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from core.bus import Bus
from core.clock import ManualClock, settle
from core.domain.access import Actor, Origin
from core.domain.audit import AuditDraft
from core.domain.breakers import BreakerRecord
from core.domain.execution import ExecType, ExecutionReport, Fill
from core.domain.limits import Limits
from core.domain.money import Money, Price, Qty
from core.domain.order import Order
from core.domain.outcomes import PortfolioPeak, TradeOutcome
from core.domain.portfolio import LotClose, Position
from core.domain.records import TradingStateRecord
from core.domain.terms import OrderTerms, OrdStatus
from core.errors import StorageUnwritable
from core.ids import ClOrdId, ExecId, OrderId
from core.orders.gather import LiveState
from core.orders.oms import OrderManagement
from core.state.account import AccountState
from core.state.orders import OrderBook
from core.state.positions import PositionBook
from core.state.quotes import QuoteBook
from core.tasks import Tasks
from tests import builders

DESK = Actor("desk", "trader", Origin.DESK, "s-1")
AMENDS = (ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT)
OURS, OLD = ClOrdId("IQ-1"), ClOrdId("IQ-0")
PX = Price("99.90")
TERMS = builders.terms(qty=10, price="99.90")
WORDS = "AAPL buy 10 limit 99.90"


def sent(cl_ord_id: ClOrdId = OURS, terms: OrderTerms = TERMS, **more: Any) -> Order:
    """Make an order that was sent at noon."""
    return Order(cl_ord_id, terms, builders.NOON, builders.NOON, **more)


def said(exec_type: ExecType, status: OrdStatus, cum: int = 0, last: int = 0, **more: Any) -> ExecutionReport:
    """Make a report on it, at noon; the id says what it is of."""
    facts = {
        "exec_id": ExecId(f"E-{exec_type}-{cum}"),
        "exec_type": exec_type,
        "cl_ord_id": OURS,
        "order_id": OrderId("B-7"),
        "terms": TERMS,
        "ord_status": status,
        "cum_qty": Qty(cum),
        "leaves_qty": Qty(10 - cum),
        "avg_px": PX if cum else None,
        "transact_time": builders.NOON,
        "last_qty": Qty(last) if last else None,
        "last_px": PX if last else None,
    }
    return ExecutionReport(**{**facts, **more})


ACCEPTED = said(ExecType.NEW, OrdStatus.NEW)
PART = said(ExecType.TRADE, OrdStatus.PARTIALLY_FILLED, 4, 4, fee=Money("0.02"))


@dataclass(frozen=True)
class Step:
    """One call that wrote, or that told somebody: its name and what it was given."""

    name: str
    values: tuple[object, ...]


@dataclass
class Book:
    """Journal, unit of work and store, as far as the order management asks; refuses so often as it is told.

    Attributes:
        trail: where each write is noted.
        refusals: how many of the next writes are refused.
        open: while it is not set, every write waits.
    """

    trail: list[object]
    refusals: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)
    stored: dict[ClOrdId, Order] = field(default_factory=dict)
    reports: dict[ExecId, ExecutionReport] = field(default_factory=dict)
    booked: dict[ExecId, Fill] = field(default_factory=dict)
    outcomes: dict[ExecId, TradeOutcome] = field(default_factory=dict)
    archived: dict[ClOrdId, Decimal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.open.set()

    async def write(self, work: Callable[[Any, Callable[[AuditDraft], object]], Any]) -> Any:
        await self.open.wait()
        if self.refusals:
            self.refusals -= 1
            raise StorageUnwritable("the disk is full")
        return work(self, self.trail.append)

    async def read(self, query: Callable[[Any], Any]) -> Any:
        return query(self)

    def _note(self, name: str, *values: object) -> None:
        self.trail.append(Step(name, values))

    def note(self, draft: AuditDraft) -> None:
        self._note("note", draft)

    def insert_trading_state(self, record: TradingStateRecord) -> None:
        self._note("insert_trading_state", record)

    def insert_breaker(self, record: BreakerRecord) -> None:
        self._note("insert_breaker", record)

    def insert_peak(self, peak: PortfolioPeak) -> None:
        self._note("insert_peak", peak)

    def order(self, cl_ord_id: ClOrdId) -> Order | None:
        return self.stored.get(cl_ord_id)

    def insert_order(self, order: Order, body: str, verdict: str) -> None:
        self.stored[order.cl_ord_id] = order
        self._note("insert_order", order, body, verdict)

    def update_order(self, order: Order) -> None:
        self.stored[order.cl_ord_id] = order
        self._note("update_order", order)

    def insert_execution(self, report: ExecutionReport) -> bool:
        is_new = report.exec_id not in self.reports
        self.reports.setdefault(report.exec_id, report)
        if is_new:
            self._note("insert_execution", report)
        return is_new

    def insert_fill(self, fill: Fill) -> None:
        self.booked[fill.exec_id] = fill
        self._note("insert_fill", fill)

    def save_position(self, position: Position, closes: Sequence[LotClose]) -> None:
        self._note("save_position", position)

    def record_trade_outcome(self, outcome: TradeOutcome) -> None:
        self.outcomes[outcome.exec_id] = outcome
        self._note("record_trade_outcome", outcome)

    def outcome(self, exec_id: ExecId) -> TradeOutcome | None:
        return self.outcomes.get(exec_id)

    def fill(self, exec_id: ExecId) -> Fill | None:
        return self.booked.get(exec_id)

    def order_fills(self, cl_ord_id: ClOrdId) -> tuple[Fill, ...]:
        return tuple(each for each in self.booked.values() if each.cl_ord_id == cl_ord_id)

    def archived_shares(self, cl_ord_ids: Sequence[ClOrdId]) -> dict[ClOrdId, Decimal]:
        return {each: self.archived[each] for each in cl_ord_ids if each in self.archived}

    def amendments(self, cl_ord_id: ClOrdId) -> tuple[ExecutionReport, ...]:
        found = self.reports.values()
        return tuple(each for each in found if each.cl_ord_id == cl_ord_id and each.exec_type in AMENDS)


class Managed:
    """One order management, and whoever listens to it.

    Attributes:
        trail: rows, audit drafts, events and calls, in the order in which they came.
        failed: name and error of each task that failed with nobody waiting.
    """

    def __init__(self, *, listens: bool = True) -> None:
        self.trail: list[object] = []
        self.failed: list[tuple[str, BaseException]] = []
        self.clock = ManualClock()
        self.book = Book(self.trail)
        self.bus = Bus()
        self.bus.subscribe_all(self.trail.append)
        self.tasks = Tasks(lambda name, error: self.failed.append((name, error)))
        quotes, account = QuoteBook(self.clock), AccountState(self.clock)
        self.state = LiveState(quotes, OrderBook(), PositionBook(), account, {}, Limits())
        book: Any = self.book
        self.oms = OrderManagement(self.state, book, book, self.clock, self.bus, DESK, self.tasks)
        for name in ("on_unknown", "on_sighted", "on_wish", "on_overfill", "on_outcome") if listens else ():
            setattr(self.oms, name, self._called(name))

    def _called(self, name: str) -> Callable[[object], None]:
        return lambda value: self.trail.append(Step(name, (value,)))

    def put(self, order: Order) -> Order:
        """Begin with an order that is in memory and in the book."""
        self.book.stored[order.cl_ord_id] = order
        self.state.orders.put(order)
        return order

    def order(self, cl_ord_id: ClOrdId) -> Order:
        found = self.state.orders.get(cl_ord_id)
        assert found is not None
        return found

    def named(self, name: str) -> list[Any]:
        """Return the first value of each step of a name."""
        return [each.values[0] for each in self.trail if isinstance(each, Step) and each.name == name]

    def of(self, kind: type) -> list[Any]:
        return [each for each in self.trail if isinstance(each, kind)]

    async def abandoned(self, work: Any) -> None:
        """Begin something, have whoever waits for it leave before it had its turn, and let it go on."""
        await self.oms.patience.applying.acquire()
        waiting = self.tasks.spawn(work, "waiter")
        await settle()
        waiting.cancel()
        await settle()
        self.oms.patience.applying.release()
        await settle()
