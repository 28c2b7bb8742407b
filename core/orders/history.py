"""What the broker has told before: asked for from where something may be missing, booked where it is new."""

from datetime import UTC, datetime, timedelta

from core.domain.execution import ExecutionReport
from core.orders.findings import Findings
from core.orders.gather import LiveState
from core.orders.oms import OrderManagement
from core.ports.broker import Broker
from core.ports.storage import Reader, Store

# Reports may have been on their way when the stream was lost, so the look back overlaps.
_OVERLAP = timedelta(minutes=2)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class History:
    """Reads the broker's activities. Runs on the core loop."""

    def __init__(
        self, state: LiveState, broker: Broker, oms: OrderManagement, store: Store, findings: Findings
    ) -> None:
        self._state = state
        self._broker = broker
        self._oms = oms
        self._store = store
        self._findings = findings

    async def take(self, report: ExecutionReport) -> None:
        """Book what a query told, and note it where it is new."""
        before = self._state.orders.get(report.cl_ord_id)
        after = await self._oms.apply(report)
        if after is not None:
            self._findings.told(before, after)
            self._findings.changed(before or after, after)

    async def read(self, since: datetime | None = None) -> None:
        """Book all that is new since a market time, UTC; by itself, since something may be missing.

        What is known costs one question to the database and no transaction.

        Raises:
            BrokerUnavailable, OutcomeUnknown: the query failed; what is missing still is.
        """
        reports = await self._broker.activities(await self._since() if since is None else since)
        ids = [report.exec_id for report in reports]
        known = await self._store.read(lambda reader: reader.known_executions(ids)) if ids else frozenset()
        for report in reports:
            if report.exec_id not in known:
                await self.take(report)

    async def _since(self) -> datetime:
        wanted = self._oms.tally.behind | self._oms.tally.inferred

        def query(reader: Reader) -> datetime:
            newest = reader.fills(limit=1)
            times = [newest[-1].transact_time if newest else BEGINNING + _OVERLAP]
            for cl_ord_id in wanted:
                # What is still missing of an order is as old as the order at most.
                told = reader.executions(cl_ord_id)
                times.append(min((each.transact_time for each in told), default=BEGINNING + _OVERLAP))
            return min(times) - _OVERLAP

        return await self._store.read(query)
