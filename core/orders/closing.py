"""The account at each close: recorded when the market day ends, and never made up afterwards."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import structlog

from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.market import MarketSession
from core.domain.messages import EquityClosed
from core.domain.money import Money
from core.domain.outcomes import EquitySnapshot
from core.errors import StorageError
from core.orders.bodies import number
from core.orders.gather import LiveState
from core.orders.supervision import Means
from core.orders.valuation import Valuation
from core.portfolio.day import market_date
from core.portfolio.performance import flow_into
from core.ports.journal import Journal, Record
from core.ports.storage import UnitOfWork

LOOK_EVERY_S = 0.5
# The closing auction's fills come a moment after the bell.
SETTLE_S = 5.0
# Market time that nobody looked at for longer than this: the close was not seen.
MOST_UNSEEN_S = 30.0
# How long a close that is unknown, for want of a price or of the account, is waited for.
MOST_WAIT_S = 60.0
_RETRY_S = 30.0
_ALL = 1_000_000

_log = structlog.get_logger("closing")


@dataclass(frozen=True, slots=True)
class Close:
    """What is to be written of a market day; None is unknown."""

    day: date
    cash: Decimal | None = None
    net: Decimal | None = None
    missed: bool = False


@dataclass(frozen=True, slots=True)
class _Look:
    """The account as it was seen last before the close of a market day."""

    close: Close
    closes: datetime
    at: float


class Closing:
    """Watches market time and records closes. Runs on the core loop."""

    def __init__(
        self, state: LiveState, valuation: Valuation, journal: Journal, actor: Actor, means: Means
    ) -> None:
        self._state = state
        self._valuation = valuation
        self._journal = journal
        self._actor = actor
        self._clock = means.clock
        self._bus = means.bus
        self._look: _Look | None = None
        self._rung_at: float | None = None
        self._due: list[Close] = []

    @property
    def expected(self) -> frozenset[date]:
        """The market days whose close is watched for, or waits to be written."""
        watched = [] if self._look is None else [self._look.close.day]
        return frozenset((*watched, *(close.day for close in self._due)))

    async def run(self) -> None:
        """Look at market time again and again, until cancelled."""
        next_try = 0.0
        while True:
            session, now = self._state.session, self._clock.monotonic()
            if session is not None:
                self._watch(session, now)
            if now >= next_try:
                next_try = 0.0 if await self._write_due() else now + _RETRY_S
            await self._clock.sleep(LOOK_EVERY_S)

    def _watch(self, session: MarketSession, now: float) -> None:
        look = self._look
        if look is not None and session.now >= look.closes:
            close = self._decide(look, session, now)
            if close is None:
                return
            self._due.append(close)
            self._look = self._rung_at = None
        if session.now < session.closes:
            seen = Close(market_date(session.closes), self._state.account.cash, self._valuation.net)
            self._look = _Look(seen, session.closes, now)

    def _decide(self, look: _Look, session: MarketSession, now: float) -> Close | None:
        """Return what is to be written now that the close has passed; None while it must be waited for."""
        rung_at = look.at if self._rung_at is None else self._rung_at
        if now - rung_at > MOST_UNSEEN_S + (0 if self._rung_at is None else MOST_WAIT_S):
            return Close(look.close.day, missed=True)
        if market_date(session.now) != look.close.day:
            # A replay goes over the closed hours: what was seen last is of that day, what is seen now is not.
            return look.close
        if self._rung_at is None:
            self._rung_at = now
        seen = Close(look.close.day, self._state.account.cash, self._valuation.net)
        waited, is_known = now - self._rung_at, seen.cash is not None and seen.net is not None
        return seen if waited >= (SETTLE_S if is_known else MOST_WAIT_S) else None

    async def _write_due(self) -> bool:
        while self._due:
            try:
                await self.record(self._due[0])
            except StorageError as error:
                # What is due stays due.
                _log.warning("close.unwritten", day=str(self._due[0].day), reason=str(error))
                return False
            self._due.pop(0)
        return True

    async def record(self, close: Close) -> None:
        """Write a close, at most one a day, with the money that moved since the one before.

        Raises:
            StorageError: nothing was written.
        """

        def work(uow: UnitOfWork, record: Record) -> EquitySnapshot | None:
            flow = Money(0)
            if not close.missed:
                flow = flow_into(close.day, uow.snapshots(_ALL), uow.cash_flows(_ALL))
            made = EquitySnapshot(
                market_date=close.day,
                cash=None if close.cash is None else Money(close.cash),
                positions_value=None if close.net is None else Money(close.net),
                flow=flow,
                missed=close.missed,
                taken_at=self._clock.now(),
            )
            if not uow.insert_snapshot(made):
                return None
            facts = {
                "cash": number(made.cash),
                "positions_value": number(made.positions_value),
                "flow": number(made.flow),
                "missed": made.missed,
            }
            day = made.market_date.isoformat()
            record(AuditDraft(AuditAction.EQUITY_CLOSED, self._actor, day, payload_of(facts)))
            return made

        made = await self._journal.write(work)
        if made is not None:
            self._bus.publish(EquityClosed(made))
