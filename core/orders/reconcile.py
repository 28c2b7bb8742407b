"""Making our book agree with the broker's: at start, at every reconnect, and now and then.

Starting is recovering: a clean start and one after a crash run this same code, and running
it twice changes nothing.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import structlog

from core.bus import Bus
from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.execution import ExecutionReport
from core.domain.messages import Notice, Severity
from core.domain.order import Order, Pending
from core.domain.terms import OrderCancelRequest
from core.errors import BrokerError, BrokerRejected, StorageError
from core.failpoints import failpoint
from core.ids import ClOrdId, is_ours
from core.orders.bodies import number
from core.orders.gather import LiveState
from core.orders.oms import OrderManagement
from core.orders.unsettled import Unsettled
from core.ports.broker import Broker
from core.ports.journal import Journal
from core.ports.storage import Reader, Store

# Reports may have been on their way when the stream was lost, so the look back overlaps.
_OVERLAP = timedelta(minutes=2)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_ACCOUNT_TRIES = 5

_log = structlog.get_logger("orders")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which we and the broker did not agree."""

    subject: str
    ours: str
    broker: str


class Reconciler:
    """Compares and repairs. Runs on the core loop, with the order stream connected and not yet read."""

    def __init__(
        self,
        state: LiveState,
        broker: Broker,
        oms: OrderManagement,
        unsettled: Unsettled,
        store: Store,
        journal: Journal,
        bus: Bus,
        desk: Actor,
    ) -> None:
        self._state = state
        self._broker = broker
        self._oms = oms
        self._unsettled = unsettled
        self._store = store
        self._journal = journal
        self._bus = bus
        self._desk = desk

    async def load(self) -> None:
        """Fill the live state from the database; run once, before the first connection."""

        def query(reader: Reader) -> tuple[tuple[Order, ...], tuple[Order, ...]]:
            return reader.open_orders(), reader.recent_orders(200)

        opened, recent = await self._store.read(query)
        for order in (*reversed(recent), *opened):
            self._state.orders.put(order)
        self._state.positions.load(await self._store.read(lambda reader: reader.positions()))

    async def run(self) -> tuple[Difference, ...]:
        """Bring the book up to the broker's, order by order.

        Returns:
            What had to be repaired or could not be.

        Raises:
            BrokerUnavailable, OutcomeUnknown: a query failed; nothing may be concluded from it.
        """
        failpoint("reconcile.before")
        working = await self._broker.open_orders()
        missed = await self._broker.activities(await self._since())
        differences: list[Difference] = []
        for report in missed:
            await self._oms.apply(report)
        for report in working:
            differences += await self._take(report)
        failpoint("reconcile.middle")
        listed = {report.cl_ord_id for report in working}
        for order in self._state.orders.open():
            if order.cl_ord_id not in listed and order.cl_ord_id not in self._state.in_flight:
                await self._settle(order)
        drift = await self._drift()
        if drift or self._oms.behind:
            await self.catch_up()
            drift = await self._drift()
        await self.refresh_account()
        self._alarm(drift)
        differences += drift
        await self._report(differences)
        return tuple(differences)

    async def _since(self) -> datetime:
        newest = await self._store.read(lambda reader: reader.fills(limit=1))
        return newest[-1].transact_time - _OVERLAP if newest else _BEGINNING

    async def _take(self, report: ExecutionReport) -> list[Difference]:
        order = self._state.orders.get(report.cl_ord_id)
        await self._oms.apply(report)
        if order is None:
            whose = "made by this program, by its id" if is_ours(report.cl_ord_id) else "of another program"
            return [Difference(report.cl_ord_id, "not in our book", f"working; {whose}; shown as external")]
        if order.pending is Pending.CANCEL:
            # The person wanted it ended and the request may have been lost: asking twice does no harm.
            with suppress(BrokerRejected):
                await self._broker.cancel(OrderCancelRequest(order.cl_ord_id, report.order_id))
        if order.pending is Pending.REPLACE and not self._has_open_replacement(order.cl_ord_id):
            await self._oms.change(order.cl_ord_id, lambda known: replace(known, pending=None), [])
        return []

    def _has_open_replacement(self, cl_ord_id: ClOrdId) -> bool:
        return any(order.orig_cl_ord_id == cl_ord_id for order in self._state.orders.open())

    async def _settle(self, order: Order) -> None:
        """Ask for one order that we think is open and that the broker does not list."""
        report = await self._broker.order(order.cl_ord_id)
        if report is not None:
            await self._oms.apply(report)
        elif order.unknown:
            self._unsettled.watch(order)
        elif not order.acked:
            await self._oms.mark_unknown(order.cl_ord_id, "not in the broker's book after a reconnect")
        else:
            text = f"{order.symbol}: an accepted order is not in the broker's book; it still counts as live."
            self._bus.publish(Notice(Severity.ALARM, text, order.cl_ord_id))

    async def refresh_account(self) -> None:
        """Ask for the account until an answer holds every fill that we know of.

        Raises:
            BrokerUnavailable, OutcomeUnknown: the query failed; the last answer grows old.
        """
        for _ in range(_ACCOUNT_TRIES):
            asked_in = self._state.account.epoch
            if self._state.account.confirm(await self._broker.account(), asked_in):
                return

    async def catch_up(self) -> None:
        """Go through the broker's whole history: a report may have been lost long before the newest fill.

        Raises:
            BrokerUnavailable, OutcomeUnknown: the query failed; what is missing still is.
        """
        behind = set(self._oms.behind)
        for report in await self._broker.activities(_BEGINNING):
            await self._oms.apply(report)
        self._oms.behind -= behind

    async def _drift(self) -> list[Difference]:
        theirs = {position.symbol: position.qty for position in await self._broker.positions()}
        symbols = {position.symbol for position in self._state.positions.held()} | set(theirs)
        pairs = [
            (each, self._state.positions.qty(each), theirs.get(each, Decimal(0))) for each in sorted(symbols)
        ]
        return [
            Difference(each, str(number(ours)), str(number(broker)))
            for each, ours, broker in pairs
            if ours != broker
        ]

    def _alarm(self, drift: list[Difference]) -> None:
        for each in drift:
            text = f"{each.subject}: our book says {each.ours} shares, the broker says {each.broker}."
            self._bus.publish(Notice(Severity.ALARM, text, f"drift:{each.subject}"))

    async def _report(self, differences: list[Difference]) -> None:
        if not differences:
            return
        facts = [{"subject": each.subject, "ours": each.ours, "broker": each.broker} for each in differences]
        draft = AuditDraft(
            AuditAction.RECONCILED,
            self._desk,
            f"{len(differences)} differences",
            payload_of({"differences": facts}),
        )
        await self._journal.record_anyway(draft)

    async def refresh_account_quietly(self) -> None:
        """Ask for the account; a failure only leaves the last answer to grow old, which the rules notice."""
        try:
            if self._oms.behind:
                await self.catch_up()
            await self.refresh_account()
        except (BrokerError, StorageError) as error:
            _log.warning("account.unanswered", reason=str(error))
