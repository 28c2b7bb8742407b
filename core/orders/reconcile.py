"""Making our book agree with the broker's: at start, at every reconnect, when asked, and now and then.

Starting is recovering: a clean start and one after a crash run this same code, and running
it twice changes nothing.
"""

from datetime import datetime

from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.execution import ExecutionReport, UnreadableOrder
from core.domain.messages import (
    Difference,
    DifferenceKind,
    Notice,
    Reconcile,
    Reconciled,
    ReconciliationRun,
    Severity,
)
from core.domain.order import Order
from core.domain.terms import OrdStatus
from core.errors import BrokerError, StorageError
from core.failpoints import failpoint
from core.ids import ClOrdId, is_ours
from core.orders.findings import Findings, in_short
from core.orders.gather import LiveState
from core.orders.history import History
from core.orders.holdings import Holdings
from core.orders.lookups import LookUps
from core.orders.oms import OrderManagement
from core.orders.supervision import Means
from core.ports.broker import Broker
from core.ports.journal import Journal
from core.ports.storage import Reader, Store

# Look-ups of one comparison that need not be complete, and the pause after each.
MOST_LOOK_UPS = 10
PAUSE_S = 0.1
# An order that changed a moment ago may not be in the broker's list yet.
_SETTLING_S = 5.0


class Reconciler:
    """Compares and repairs, one comparison at a time. Runs on the core loop.

    Attributes:
        findings: of the running comparison.
        holdings: the part that compares positions and cash.
        last_run: the newest comparison; None before the first.
    """

    def __init__(
        self,
        state: LiveState,
        broker: Broker,
        oms: OrderManagement,
        lookups: LookUps,
        store: Store,
        journal: Journal,
        desk: Actor,
        means: Means,
    ) -> None:
        self._state = state
        self._broker = broker
        self._oms = oms
        self._lookups = lookups
        self._store = store
        self._journal = journal
        self._desk = desk
        self._clock = means.clock
        self._bus = means.bus
        self.findings = Findings()
        self._history = History(state, broker, oms, store, self.findings)
        self.holdings = Holdings(state, broker, oms, store, self._history, self.findings, means)
        self._recorded: tuple[Difference, ...] = ()
        self._asked: dict[ClOrdId, float] = {}
        self.last_run: ReconciliationRun | None = None

    async def load(self) -> None:
        """Fill the live state from the database; run once, before the first connection."""

        def query(reader: Reader) -> tuple[tuple[Order, ...], tuple[Order, ...], dict[ClOrdId, ClOrdId]]:
            opened, recent = reader.open_orders(), reader.recent_orders(200)
            return opened, recent, _chains(reader, (*opened, *recent))

        opened, recent, chains = await self._store.read(query)
        self._oms.tally.link(chains)
        for order in (*reversed(recent), *opened):
            self._state.orders.put(order)
        self._state.positions.load(await self._store.read(lambda reader: reader.positions()))

    async def now(self, command: Reconcile, actor: Actor) -> ReconciliationRun:
        """Compare because a person asked.

        Raises:
            BrokerUnavailable, OutcomeUnknown: a query failed; nothing may be concluded from it.
        """
        del command, actor
        return await self.run()

    async def check(self) -> ReconciliationRun:
        """Compare in the course of the day: some look-ups may be left to the next time."""
        return await self._compare(is_complete=False)

    async def run(self) -> ReconciliationRun:
        """Bring the book up to the broker's, order by order.

        Returns:
            What had to be repaired or could not be.

        Raises:
            BrokerUnavailable, OutcomeUnknown: a query failed; nothing may be concluded from it.
        """
        return await self._compare(is_complete=True)

    async def _compare(self, *, is_complete: bool) -> ReconciliationRun:
        async with self.holdings.running:
            began = self._clock.now()
            self.findings.begin()
            try:
                await self._steps(is_complete=is_complete)
            except (BrokerError, StorageError) as error:
                self._end(began, str(error))
                raise
            run = self._end(began)
            await self._record(run)
            return run

    def _end(self, began: datetime, failure: str = "") -> ReconciliationRun:
        run = ReconciliationRun(began, self._clock.now(), self.findings.all, failure)
        self.last_run = run
        self._bus.publish(Reconciled(run))
        return run

    async def _steps(self, *, is_complete: bool) -> None:
        failpoint("reconcile.before")
        working = await self._broker.open_orders()
        unreadable = self._broker.unreadable
        self._note_unreadable(unreadable)
        # What nobody can prove comes first: the person waits for it.
        for report in sorted(working, key=lambda each: not self._is_unproven(each.cl_ord_id)):
            await self._take_working(report)
        listed = {each.cl_ord_id for each in working} | {each.cl_ord_id for each in unreadable}
        await self._look_up(listed, is_complete=is_complete)
        failpoint("reconcile.middle")
        await self._history.read()
        await self._wake_sleepers(working)
        await self._explain()
        await self.holdings.compare_positions()
        await self.holdings.compare_cash()

    def _note_unreadable(self, found: tuple[UnreadableOrder, ...]) -> None:
        before, self._state.opaque = self._state.opaque, frozenset(each.symbol for each in found)
        for each in found:
            known = self._state.orders.get(each.cl_ord_id)
            ours = "not in our book" if known is None else in_short(known)
            kind = DifferenceKind.UNREADABLE_ORDER
            self.findings.add(Difference(kind, each.cl_ord_id, ours, each.text, repaired=False))
        for symbol in sorted(self._state.opaque - before):
            text = f"{symbol}: an order that works at the broker cannot be read. Nothing goes out in {symbol}"
            text += " until it has ended; look at it on the broker's site, and end it there."
            self._bus.publish(Notice(Severity.ALARM, text, f"unreadable:{symbol}"))

    def _is_unproven(self, cl_ord_id: ClOrdId) -> bool:
        order = self._state.orders.get(cl_ord_id)
        return order is not None and not order.acked

    async def _take_working(self, report: ExecutionReport) -> None:
        is_known = self._state.orders.get(report.cl_ord_id) is not None
        await self._history.take(report)
        if is_known:
            await self._lookups.repeat_wish(report)
            return
        if not is_ours(report.list_id or ""):
            whose = "made by this program, by its id" if is_ours(report.cl_ord_id) else "of another program"
            text = f"working; {whose}; shown as external"
            kind, subject = DifferenceKind.EXTERNAL_ORDER, report.cl_ord_id
            self.findings.add(Difference(kind, subject, "not in our book", text, repaired=True))

    async def _wake_sleepers(self, working: tuple[ExecutionReport, ...]) -> None:
        # What is told late may put a leg to sleep that works by now; its own state is the newest word.
        for report in working:
            order = self._state.orders.get(report.cl_ord_id)
            if order is not None and order.suspended is not (report.ord_status is OrdStatus.SUSPENDED):
                await self._ask(order)

    async def _explain(self) -> None:
        """Find the fills of orders that told of more; what nothing shows is inferred (D-17)."""
        if self._oms.tally.behind:
            await self._history.read()
        for cl_ord_id in sorted(self._oms.tally.behind):
            await self._oms.infer(cl_ord_id, self.holdings.market_time())

    async def _look_up(self, listed: set[ClOrdId], *, is_complete: bool) -> None:
        """Ask for each order that we think is open and that the broker does not list."""
        missing = [order for order in self._state.orders.open() if self._is_missing(order, listed)]
        if not is_complete:
            missing = [order for order in missing if not self._is_fresh(order)]
        # Unproven ones first, then those that were asked for longest ago.
        missing.sort(key=lambda order: (order.acked, self._asked.get(order.cl_ord_id, 0.0)))
        for place, order in enumerate(missing if is_complete else missing[:MOST_LOOK_UPS]):
            if place:
                await self._clock.sleep(PAUSE_S)
            self._asked[order.cl_ord_id] = self._clock.monotonic()
            await self._ask(order)
        self._asked = {
            order.cl_ord_id: self._asked[order.cl_ord_id]
            for order in missing
            if order.cl_ord_id in self._asked
        }

    def _is_missing(self, order: Order, listed: set[ClOrdId]) -> bool:
        return order.cl_ord_id not in listed and order.cl_ord_id not in self._state.in_flight

    def _is_fresh(self, order: Order) -> bool:
        return abs((self._clock.now() - order.updated_at).total_seconds()) < _SETTLING_S

    async def _ask(self, order: Order) -> None:
        report = await self._lookups.ask(order)
        if report is not None:
            after = self._state.orders.get(order.cl_ord_id) or order
            if in_short(after) != in_short(order):
                self.findings.told(order, after)
                self.findings.changed(order, after)
        elif order.acked:
            kind, text = DifferenceKind.NOT_LISTED, "no such order"
            self.findings.add(Difference(kind, order.cl_ord_id, in_short(order), text, repaired=False))

    async def _record(self, run: ReconciliationRun) -> None:
        before, self._recorded = self._recorded, run.differences
        if not run.differences or run.differences == before:
            return
        facts = [
            {"kind": each.kind.value, "subject": each.subject, "ours": each.ours, "broker": each.broker}
            for each in run.differences
        ]
        entity = f"{len(facts)} differences"
        draft = AuditDraft(AuditAction.RECONCILED, self._desk, entity, payload_of({"differences": facts}))
        await self._journal.record_anyway(draft)


def _chains(reader: Reader, orders: tuple[Order, ...]) -> dict[ClOrdId, ClOrdId]:
    """Return for each order, and for those before it, whose place it took."""
    chains: dict[ClOrdId, ClOrdId] = {}
    for each in orders:
        order: Order | None = each
        while order is not None and order.orig_cl_ord_id is not None and order.cl_ord_id not in chains:
            chains[order.cl_ord_id] = order.orig_cl_ord_id
            order = reader.order(order.orig_cl_ord_id)
    return chains
