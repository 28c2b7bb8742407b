"""Money that moved without a trade: booked once, and neither a profit nor a loss where the owner moved it."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import structlog

from core.clock import Clock
from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.money import ZERO, Money
from core.domain.outcomes import CashFlow, PortfolioPeak
from core.orders.bodies import number
from core.orders.equity_watch import EquityWatch
from core.orders.gather import LiveState
from core.orders.supervision import Means
from core.portfolio.day import market_date
from core.ports.broker import Broker
from core.ports.journal import Journal, Record
from core.ports.storage import Store, UnitOfWork

ASK_EVERY_S = 60.0
RETRY_S = 10.0
_KEPT = 500
# Flows are told with their date only, and late.
_OVERLAP = timedelta(days=7)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

_log = structlog.get_logger("orders")


class CashFlows:
    """Books what the broker tells of, and says what the owner moved today. Runs on the core loop.

    Args:
        confirm: asks for the account anew.
    """

    def __init__(
        self,
        state: LiveState,
        broker: Broker,
        store: Store,
        journal: Journal,
        equity: EquityWatch,
        confirm: Callable[[], Awaitable[None]],
        desk: Actor,
        means: Means,
    ) -> None:
        self._state = state
        self._broker = broker
        self._store = store
        self._journal = journal
        self._equity = equity
        self._desk = desk
        self._confirm = confirm
        self._clock: Clock = means.clock
        self._flows: list[CashFlow] = []
        self._asked_at: float | None = None
        self._looked_into = ZERO

    async def restore(self) -> None:
        """Begin with what is booked."""
        self._flows = list(await self._store.read(lambda reader: reader.cash_flows(_KEPT)))

    def follow(self) -> None:
        """Say what the owner has moved on this market day; while market time is unknown it stays."""
        session = self._state.session
        if session is not None:
            today = market_date(session.now)
            moved = [flow.amount for flow in self._flows if flow.external and market_date(flow.at) == today]
            self._state.day_flows = sum(moved, ZERO)

    async def ask(self) -> None:
        """Ask the broker now and then, and at once when cash has moved that nothing explains.

        Raises:
            BrokerUnavailable, OutcomeUnknown: a query failed; what is missing still is.
            StorageError: it could not be booked.
        """
        now, drift = self._clock.monotonic(), self._state.account.drift or ZERO
        is_due = self._asked_at is None or now - self._asked_at >= ASK_EVERY_S
        if not self._state.ready or not (is_due or drift not in (ZERO, self._looked_into)):
            return
        # Where it fails it is tried again, but not at every turn.
        self._asked_at, self._looked_into = now - ASK_EVERY_S + RETRY_S, drift
        since = max((flow.at for flow in self._flows), default=_BEGINNING + _OVERLAP) - _OVERLAP
        known = {flow.activity_id for flow in self._flows}
        new = [flow for flow in await self._broker.cash_flows(since) if flow.activity_id not in known]
        if new:
            # So that the cash is newer than what explains it.
            await self._confirm()
        together = self._explains([flow.amount for flow in new])
        for flow in new:
            await self._book(flow, explains=together or self._explains([flow.amount]))
        self._asked_at, self._looked_into = now, self._state.account.drift or ZERO
        self.follow()
        self._equity.is_settled = True

    async def _book(self, flow: CashFlow, *, explains: bool) -> None:
        """Book one: row, audit record and the peak that it moves, in one unit of work."""
        peak = self._moved_peak(flow, explains=explains)
        facts = {"activity_id": flow.activity_id, "kind": flow.kind, "amount": number(flow.amount)}
        words = f"{flow.kind} {number(flow.amount)}"
        draft = AuditDraft(AuditAction.CASH_FLOW_BOOKED, self._desk, words, payload_of(facts))

        def work(uow: UnitOfWork, record: Record) -> None:
            if not uow.insert_cash_flow(flow):
                return
            record(draft)
            if peak is not None:
                uow.insert_peak(peak)

        await self._journal.write(work)
        self._flows.append(flow)
        if peak is not None:
            self._equity.moved(peak)
        if explains:
            self._state.account.explain(flow.amount)
        _log.info("cash_flow.booked", kind=flow.kind, amount=str(number(flow.amount)))

    def _explains(self, amounts: Sequence[Decimal]) -> bool:
        # What moved before the first answer of this run is in that answer already, and explains nothing.
        drift, moved = self._state.account.drift or ZERO, sum(amounts, ZERO)
        return moved == drift or abs(drift - moved) < abs(drift)

    def _moved_peak(self, flow: CashFlow, *, explains: bool) -> PortfolioPeak | None:
        peak = self._state.peak
        if peak is None or not flow.external:
            return None
        # A deposit that is told of late, after its cash was taken for explained, is in the peak already.
        if flow.amount > 0 and self._equity.is_settled and not explains:
            return None
        return PortfolioPeak(Money(max(peak.equity + flow.amount, ZERO)), "flow", self._clock.now())
