"""The breakers and what measures them, put together: what watches the desk while it trades."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.domain.access import Actor
from core.domain.audit import AuditAction
from core.domain.breakers import BreakerName
from core.domain.execution import Fill
from core.domain.messages import (
    AcknowledgeAlarms,
    AcknowledgeBreaker,
    ExportDailyReport,
    FillBooked,
    LinkChanged,
    LinkState,
    LoadAlarms,
    LoadBreakers,
    LoadDailyReport,
    OrderChanged,
    Part,
    Reconciled,
)
from core.domain.order import Order
from core.domain.outcomes import TradeOutcome
from core.domain.records import AuditQuery
from core.ids import ClOrdId
from core.orders.alarms import Alarms
from core.orders.breaker_book import BreakerBook
from core.orders.breakers import Breakers
from core.orders.counted import OrderCount
from core.orders.daily_report import DailyReports, decided_at
from core.orders.desk import Desk
from core.orders.drift_watch import DriftWatch
from core.orders.entries import EntryEnds
from core.orders.equity_watch import EquityWatch
from core.orders.exits import Exits
from core.orders.fill_watch import FillWatch
from core.orders.flows import CashFlows
from core.orders.gather import LiveState
from core.orders.intents import Intents
from core.orders.link_watch import LinkWatch
from core.orders.links import Links
from core.orders.oms import OrderManagement
from core.orders.order_watch import KEPT, RejectWatch, StreakWatch
from core.orders.reconcile import Reconciler
from core.orders.sending import Sending
from core.orders.supervision import Means
from core.orders.trading_state import TradingStateLatch
from core.orders.unsettled import Unsettled
from core.ports.broker import Broker
from core.ports.journal import Journal
from core.ports.storage import Reader, Store

LOOK_EVERY_S = 0.25
FLOWS_EVERY_S = 1.0
# So many fills are booked and not yet judged at most when a run ends without warning.
_NEWEST = 50


@dataclass(frozen=True, slots=True)
class Watched:
    """The parts of the order path that are watched, and stopped."""

    broker: Broker
    count: OrderCount
    latch: TradingStateLatch
    oms: OrderManagement
    intents: Intents
    exits: Exits
    unsettled: Unsettled
    reconciler: Reconciler
    links: Links
    sending: Sending


class Safeguards:
    """Watches all the time, and at once after each order's step. Runs on the core loop."""

    def __init__(
        self, state: LiveState, watched: Watched, store: Store, journal: Journal, desk: Actor, means: Means
    ) -> None:
        self._state = state
        self._watched = watched
        self._store = store
        self._clock = means.clock
        self._tasks = means.tasks
        self._book = BreakerBook(state, journal, means)
        ends = EntryEnds(state, watched.exits, watched.oms, journal, means.clock, means.tasks)
        self._breakers = Breakers(state, self._book, watched.latch, ends, store, desk, means)
        self._equity = EquityWatch(state, journal, means)
        self._streak = StreakWatch()
        self._fills = FillWatch(state, means.bus)
        confirm = watched.reconciler.holdings.confirm_account
        self._flows = CashFlows(state, watched.broker, store, journal, self._equity, confirm, desk, means)
        self._alarms = Alarms(journal, means.clock, means.bus)
        self._reports = DailyReports(state, store, means.clock)
        self._rejects = RejectWatch(state, means.clock, means.bus)
        self._breakers.watches = (
            self._equity,
            self._streak,
            self._rejects,
            self._fills,
            DriftWatch(state, means.clock, means.bus),
            watched.count,
            LinkWatch(state, means.clock, means.bus),
        )
        self._breakers.completes[BreakerName.DRAWDOWN] = self._equity.completed
        self._breakers.completes[BreakerName.LOSING_STREAK] = self._streak.completed
        self._hook(means)

    def _hook(self, means: Means) -> None:
        watched = self._watched
        watched.oms.on_outcome = self._on_outcome
        watched.oms.on_overfill = self._on_overfill
        watched.intents.on_written = self._on_written
        watched.unsettled.on_resent = watched.count.asked
        watched.sending.on_held_back = watched.count.called_off
        watched.count.on_mismatch = self._breakers.look
        # After the watches themselves, which subscribed before.
        means.bus.subscribe(FillBooked, lambda _: self._breakers.look())
        means.bus.subscribe(OrderChanged, self._on_order)
        means.bus.subscribe(Reconciled, lambda _: self._breakers.look())
        means.bus.subscribe(LinkChanged, self._on_link)

    def join(self, desk: Desk) -> None:
        """Carry out the commands about breakers, alarms and the report of a day from now on."""
        desk.route(AcknowledgeBreaker, self._breakers.acknowledge)
        desk.route(LoadBreakers, self._breakers.load)
        desk.route(AcknowledgeAlarms, self._alarms.acknowledge)
        desk.route(LoadAlarms, self._alarms.load)
        desk.route(LoadDailyReport, self._reports.load)
        desk.route(ExportDailyReport, self._reports.export)

    async def restore(self) -> None:
        """Begin where the last run ended, before any order is let out.

        Raises:
            StorageError: the book cannot be read or written.
        """
        self._equity.restore(await self._store.read(lambda reader: reader.peak()))
        await self._flows.restore()
        await self._breakers.restore()
        outcomes = await self._store.read(lambda reader: reader.outcomes(KEPT))
        count = await self._store.read(lambda reader: reader.outcome_count())
        self._streak.restore(outcomes, count, self._book.get((BreakerName.LOSING_STREAK, "")))
        working = [order.cl_ord_id for order in self._state.orders.open()]
        self._fills.restore(await self._store.read(lambda reader: _decided(reader, working)))
        await self._recover()

    async def _recover(self) -> None:
        # A crash may have come between what trips a breaker and the trip.
        stepped_at, orders = self._breakers.stepped_at, self._state.orders.recent()
        for order in orders:
            if order.is_overfilled and order.updated_at > stepped_at(BreakerName.OVERFILL):
                self._fills.overfilled(order)
        rejected = (
            order
            for order in orders
            if order.origin and order.updated_at > stepped_at(BreakerName.REJECT_RATE, order.origin.value)
        )
        self._rejects.restore(rejected, self._clock.now())
        slipped_at = stepped_at(BreakerName.SLIPPAGE)
        self._fills.recover(*await self._store.read(lambda reader: _unjudged(reader, slipped_at)))

    def begin(self) -> None:
        """Begin the work that goes on by itself."""
        self._tasks.spawn(self._run(), "breakers")
        self._tasks.spawn(self._follow_flows(), "cash flows")

    async def _run(self) -> None:
        while True:
            await self._watched.links.attempt("breakers", self._turn)
            await self._clock.sleep(LOOK_EVERY_S)

    async def _turn(self) -> None:
        self._flows.follow()
        self._equity.follow()
        self._watched.count.follow()
        self._alarms.follow()
        self._breakers.look()

    async def _follow_flows(self) -> None:
        while True:
            await self._watched.links.attempt("cash_flows", self._flows.ask, asks_broker=True)
            await self._clock.sleep(FLOWS_EVERY_S)

    def _on_outcome(self, outcome: TradeOutcome) -> None:
        self._streak.note(outcome)
        self._breakers.look()

    def _on_overfill(self, order: Order) -> None:
        self._fills.overfilled(order)
        self._breakers.look()

    def _on_written(self, order: Order, decision_px: Decimal | None) -> None:
        self._watched.count.asked(order.cl_ord_id)
        self._fills.decided(order, decision_px)

    def _on_link(self, event: LinkChanged) -> None:
        if event.part is Part.ORDERS and event.state is LinkState.UP:
            self._breakers.repeat_cancels()

    def _on_order(self, event: OrderChanged) -> None:
        if not event.order.is_open:
            self._breakers.look()


def _decided(reader: Reader, working: Iterable[ClOrdId]) -> dict[ClOrdId, Decimal]:
    found = {cl_ord_id: decided_at(reader, cl_ord_id) for cl_ord_id in working}
    return {cl_ord_id: price for cl_ord_id, price in found.items() if price is not None}


def _unjudged(reader: Reader, since: datetime) -> tuple[list[Fill], dict[ClOrdId, Decimal]]:
    # The time of a fill is the market's, that of its record is ours.
    records = reader.audit_page(AuditQuery(action=AuditAction.ORDER_FILLED.value, limit=_NEWEST))
    since_us = since.timestamp() * 1_000_000
    booked = {json.loads(each.payload)["exec_id"] for each in records if each.ts_utc_us > since_us}
    fills = [fill for fill in reader.fills(limit=_NEWEST) if fill.exec_id in booked]
    return fills, _decided(reader, {fill.cl_ord_id for fill in fills})
