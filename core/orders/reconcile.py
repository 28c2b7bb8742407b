"""Making our book agree with the broker's: at start, at every reconnect, when asked, and now and then.

Starting is recovering: a clean start and one after a crash run this same code, and running
it twice changes nothing.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import structlog

from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.execution import ExecutionReport
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
from core.errors import BrokerError, StorageError
from core.failpoints import failpoint
from core.ids import ClOrdId, is_ours
from core.orders.bodies import number
from core.orders.drift import Drift, Persistence, adjustment, compare
from core.orders.gather import LiveState
from core.orders.lookups import LookUps
from core.orders.oms import OrderManagement
from core.orders.supervision import Means
from core.ports.broker import Broker
from core.ports.journal import Journal
from core.ports.storage import Reader, Store

# Reports may have been on their way when the stream was lost, so the look back overlaps.
_OVERLAP = timedelta(minutes=2)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_ACCOUNT_TRIES = 5
# Look-ups of one comparison that need not be complete, and the pause after each.
MOST_LOOK_UPS = 10
PAUSE_S = 0.1
# An order that changed a moment ago may not be in the broker's list yet.
_SETTLING_S = 5.0

_log = structlog.get_logger("orders")


class Reconciler:
    """Compares and repairs, one comparison at a time. Runs on the core loop.

    Attributes:
        last_run: the newest comparison; None before the first.
        on_found: told of each order of which asking told something new.
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
        self._tasks = means.tasks
        self._running = asyncio.Lock()
        self._lasting = Persistence()
        self._found: list[Difference] = []
        self._recorded: tuple[Difference, ...] = ()
        self._asked: dict[ClOrdId, float] = {}
        self._is_account_due = False
        self._confirming: asyncio.Task[None] | None = None
        self.last_run: ReconciliationRun | None = None
        self.on_found: Callable[[ClOrdId], None] = lambda _: None

    async def load(self) -> None:
        """Fill the live state from the database; run once, before the first connection."""

        def query(reader: Reader) -> tuple[tuple[Order, ...], tuple[Order, ...]]:
            return reader.open_orders(), reader.recent_orders(200)

        opened, recent = await self._store.read(query)
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
        async with self._running:
            began, self._found = self._clock.now(), []
            try:
                await self._steps(is_complete=is_complete)
            except (BrokerError, StorageError) as error:
                self._end(began, str(error))
                raise
            run = self._end(began)
            await self._record(run)
            return run

    def _end(self, began: datetime, failure: str = "") -> ReconciliationRun:
        run = ReconciliationRun(began, self._clock.now(), tuple(self._found), failure)
        self.last_run = run
        self._bus.publish(Reconciled(run))
        return run

    async def _steps(self, *, is_complete: bool) -> None:
        failpoint("reconcile.before")
        working = await self._broker.open_orders()
        # What nobody can prove comes first: the person waits for it.
        for report in sorted(working, key=lambda each: not self._is_unproven(each.cl_ord_id)):
            await self._take_working(report)
        await self._look_up({report.cl_ord_id for report in working}, is_complete=is_complete)
        failpoint("reconcile.middle")
        await self._take_all(await self._broker.activities(await self._since()))
        await self._explain()
        await self._compare_positions()
        await self._compare_cash()

    def _is_unproven(self, cl_ord_id: ClOrdId) -> bool:
        order = self._state.orders.get(cl_ord_id)
        return order is not None and not order.acked

    async def _take_working(self, report: ExecutionReport) -> None:
        is_known = self._state.orders.get(report.cl_ord_id) is not None
        await self._take(report)
        if is_known:
            await self._lookups.repeat_wish(report)
        elif report.list_id is None or not is_ours(report.list_id):
            whose = "made by this program, by its id" if is_ours(report.cl_ord_id) else "of another program"
            text = f"working; {whose}; shown as external"
            self._find(DifferenceKind.EXTERNAL_ORDER, report.cl_ord_id, "not in our book", text)

    async def _take(self, report: ExecutionReport) -> None:
        before = self._state.orders.get(report.cl_ord_id)
        if not await self._oms.apply(report):
            return
        self.on_found(report.cl_ord_id)
        if before is not None:
            after = self._state.orders.get(report.cl_ord_id) or before
            self._find(DifferenceKind.MISSED_REPORT, report.cl_ord_id, _in_short(before), _in_short(after))

    def _find(self, kind: DifferenceKind, subject: str, ours: str, broker: str) -> None:
        known = [each for each in self._found if (each.kind, each.subject) == (kind, subject)]
        if not known:
            is_repaired = kind is not DifferenceKind.NOT_LISTED
            self._found.append(Difference(kind, subject, ours, broker, is_repaired))
            return
        self._found[self._found.index(known[0])] = replace(known[0], broker=broker)

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
        after = self._state.orders.get(order.cl_ord_id) or order
        if report is None and order.acked:
            self._find(DifferenceKind.NOT_LISTED, order.cl_ord_id, _in_short(order), "no such order")
        elif report is not None and _in_short(after) != _in_short(order):
            self.on_found(order.cl_ord_id)
            self._find(DifferenceKind.MISSED_REPORT, order.cl_ord_id, _in_short(order), _in_short(after))

    async def _since(self) -> datetime:
        """Return the market time from which reports are asked for."""
        wanted = self._oms.tally.behind | self._oms.tally.inferred

        def query(reader: Reader) -> datetime:
            newest = reader.fills(limit=1)
            times = [newest[-1].transact_time] if newest else [_BEGINNING + _OVERLAP]
            for cl_ord_id in wanted:
                # What is still missing of an order is as old as the order at most.
                told = reader.executions(cl_ord_id)
                times.append(min((each.transact_time for each in told), default=_BEGINNING + _OVERLAP))
            return min(times) - _OVERLAP

        return await self._store.read(query)

    async def _take_all(self, reports: tuple[ExecutionReport, ...]) -> None:
        """Book what is new; what is known costs one question and no transaction."""
        ids = [report.exec_id for report in reports]
        known = await self._store.read(lambda reader: reader.known_executions(ids)) if ids else frozenset()
        for report in reports:
            if report.exec_id not in known:
                await self._take(report)

    async def _explain(self) -> None:
        """Find the fills of orders that told of more; what nothing shows is inferred (D-17)."""
        if self._oms.tally.behind:
            await self._take_all(await self._broker.activities(await self._since()))
        for cl_ord_id in sorted(self._oms.tally.behind):
            await self._oms.infer(cl_ord_id, self._market_time())

    def _market_time(self) -> datetime:
        return self._clock.now() if self._state.session is None else self._state.session.now

    async def _drifts(self) -> tuple[Drift, ...]:
        return compare(self._state.positions.held(), await self._broker.positions())

    async def _compare_positions(self) -> None:
        drifts = await self._drifts()
        if any(self._lasting.is_new(each) for each in drifts):
            # A report may have been lost long before the newest fill, so the whole history is read, once.
            await self._take_all(await self._broker.activities(_BEGINNING))
            drifts = await self._drifts()
        lasting = self._lasting.lasting(drifts)
        for each in drifts:
            is_taken = each in lasting and self._is_quiet(each)
            if is_taken:
                await self._take_over(each)
            self._found.append(each.difference(repaired=is_taken))
            self._tell(each, is_taken=is_taken)

    def _is_quiet(self, drift: Drift) -> bool:
        waiting = (*self._state.in_flight, *self._state.orders.reserved())
        unproven = [order for order in self._state.orders.open(drift.symbol) if not order.acked]
        return not waiting and not unproven

    async def _take_over(self, drift: Drift) -> None:
        newest = await self._store.read(lambda reader: reader.fills(drift.symbol, 1))
        mark = newest[-1].exec_id if newest else ""
        position = self._state.positions.get(drift.symbol)
        await self._oms.apply(adjustment(drift, position, mark, self._market_time()))
        # The fills that were missing are in the number that was taken over.
        self._oms.tally.forgive(drift.symbol)
        self._state.account.begin_anew()

    def _tell(self, drift: Drift, *, is_taken: bool) -> None:
        ours, broker = number(drift.ours), number(drift.broker)
        text = f"{drift.symbol}: our book says {ours} shares, the broker says {broker}."
        if is_taken:
            text = f"{drift.symbol}: {broker} shares are taken over from the broker; our fills said {ours}."
        self._bus.publish(Notice(Severity.ALARM, text, f"drift:{drift.symbol}"))

    async def _compare_cash(self) -> None:
        drift = await self.refresh_account()
        if drift is None or not self._lasting.cash(drift):
            return
        account = self._state.account
        broker = account.cash
        if broker is not None:
            ours, theirs = str(number(broker - drift)), str(number(broker))
            self._found.append(Difference(DifferenceKind.CASH, "cash", ours, theirs, repaired=True))
            text = f"The broker's cash is {theirs} dollars; our fills say {ours}. The broker's figure holds."
            self._bus.publish(Notice(Severity.WARNING, text, "drift:cash"))
        account.begin_anew()

    async def refresh_account(self) -> Decimal | None:
        """Ask for the account until an answer holds every fill that we know of.

        Returns:
            Dollars by which the answer differs from what our fills make of the first one; None where no
            answer could be taken.

        Raises:
            BrokerUnavailable, OutcomeUnknown: the query failed; the last answer grows old.
        """
        for _ in range(_ACCOUNT_TRIES):
            asked_in = self._state.account.epoch
            if self._state.account.confirm(await self._broker.account(), asked_in):
                return self._state.account.drift
        return None

    async def confirm_account(self) -> None:
        """Ask for the account, and for the fills that are missing of it.

        Raises:
            BrokerUnavailable, OutcomeUnknown: a query failed; the last answer grows old.
        """
        async with self._running:
            if self._oms.tally.behind:
                await self._take_all(await self._broker.activities(await self._since()))
            await self.refresh_account()

    def want_account(self) -> None:
        """Have the account asked for soon: however many fills want it, one question at a time is asked."""
        self._is_account_due = True
        if self._confirming is None or self._confirming.done():
            self._confirming = self._tasks.spawn(self._confirm_while_due(), "account")

    async def _confirm_while_due(self) -> None:
        while self._is_account_due:
            self._is_account_due = False
            try:
                await self.confirm_account()
            except (BrokerError, StorageError) as error:
                # The last answer grows old, which the rules notice.
                _log.warning("account.unanswered", reason=str(error))

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


def _in_short(order: Order) -> str:
    return f"{order.ord_status}, {number(order.cum_qty)} filled"
