"""What the day has lost, how far the account stands below its peak, and the peak itself (A22)."""

from decimal import Decimal

import structlog

from core.clock import Clock
from core.domain.breakers import BreakerName, BreakerRecord
from core.domain.market import SessionPhase
from core.domain.money import Money
from core.domain.outcomes import PortfolioPeak
from core.domain.portfolio import Account
from core.errors import RefusalCode, Refused, StorageError
from core.orders.gather import LiveState
from core.orders.supervision import Means
from core.orders.watching import Reading
from core.portfolio.day import market_date
from core.ports.journal import Journal, Record
from core.ports.storage import UnitOfWork
from core.risk.breakers import drawdown_pct, loss_pct
from core.risk.words import percent

# A peak is stored when it has risen by so much since it was stored last, and at the close.
STEP_PCT = Decimal("0.1")
RETRY_S = 5.0

_log = structlog.get_logger("breakers")


class EquityWatch:
    """Measures `DAILY_LOSS`, `AGENT_LOSS` and `DRAWDOWN`, and keeps the peak. Runs on the core loop.

    Attributes:
        is_settled: what the owner put in or took out is known; nothing is measured before.
    """

    def __init__(self, state: LiveState, journal: Journal, means: Means) -> None:
        self._state = state
        self._journal = journal
        self._clock: Clock = means.clock
        self._tasks = means.tasks
        self._stored: Decimal | None = None
        self._retry_at = 0.0
        self._phase: SessionPhase | None = None
        self._day: object = None
        self._of_yesterday: Account | None = None
        self.is_settled = False

    def restore(self, peak: PortfolioPeak | None) -> None:
        """Begin with the peak that is stored."""
        self._state.peak = peak
        self._stored = None if peak is None else peak.equity

    def follow(self) -> None:
        """Follow market time and equity: a new day, and a new peak."""
        self._note_day()
        self._raise_peak(self._equity())

    def readings(self) -> tuple[Reading, ...]:
        """Return the three figures; unknown while equity or the day's first equity is."""
        equity = self._equity()
        lost = loss_pct(self._start(), self._state.day_flows, equity)
        words = "" if lost is None else f"The day has lost {percent(lost)} of its first equity."
        peak = self._state.peak
        below = None if peak is None else drawdown_pct(peak.equity, equity)
        deep = "" if below is None else f"The account stands {percent(below)} below its peak."
        return (
            Reading(BreakerName.DAILY_LOSS, lost, words),
            Reading(BreakerName.AGENT_LOSS, lost, words),
            Reading(BreakerName.DRAWDOWN, below, deep),
        )

    def forget(self, record: BreakerRecord) -> None:
        """Take the peak that an acknowledged drawdown has set for stored."""
        if record.name is BreakerName.DRAWDOWN and self._state.peak is not None:
            self._stored = self._state.peak.equity

    def completed(self, record: BreakerRecord) -> tuple[BreakerRecord, PortfolioPeak | None]:
        """Set the peak anew at today's equity, for the acknowledgement of a drawdown.

        Raises:
            Refused: `NOT_READY`: equity is not known now.
        """
        equity = self._equity()
        if equity is None:
            text = "The account's equity is not known now, so no peak can be set; try again."
            raise Refused(RefusalCode.NOT_READY, text)
        return record, PortfolioPeak(Money(equity), record.reason, record.at)

    def moved(self, peak: PortfolioPeak) -> None:
        """Take a peak that money of the owner has moved, and that is stored."""
        self._state.peak, self._stored = peak, peak.equity

    def _start(self) -> Decimal | None:
        # When at night a broker's first equity becomes that of the new day is not known, so nothing is
        # measured while the market is closed; nor before the broker has answered on the new day.
        account, session = self._state.account.account, self._state.session
        is_open = session is not None and session.phase is not SessionPhase.CLOSED
        return account.start_equity if account not in (None, self._of_yesterday) and is_open else None

    def _equity(self) -> Decimal | None:
        return self._state.equity if self.is_settled else None

    def _note_day(self) -> None:
        session = self._state.session
        if session is None:
            return
        day = market_date(session.now)
        if self._day is not None and day != self._day:
            self._of_yesterday = self._state.account.account
        self._day = day

    def _raise_peak(self, equity: Decimal | None) -> None:
        phase = None if self._state.session is None else self._state.session.phase
        is_close = self._phase is SessionPhase.REGULAR and phase not in (None, SessionPhase.REGULAR)
        self._phase = phase or self._phase
        if equity is None or equity <= 0:
            return
        peak = self._state.peak
        if peak is None or equity > peak.equity:
            peak = PortfolioPeak(Money(equity), "peak", self._clock.now())
            self._state.peak = peak
        if self._clock.monotonic() < self._retry_at:
            return
        is_step = self._stored is None or peak.equity >= self._stored * (100 + STEP_PCT) / 100
        if is_step or (is_close and peak.equity != self._stored):
            self._stored = peak.equity
            self._tasks.spawn(self._store(peak), "peak")

    async def _store(self, peak: PortfolioPeak) -> None:
        def work(uow: UnitOfWork, record: Record) -> None:
            del record
            uow.insert_peak(peak)

        try:
            await self._journal.write(work)
        except StorageError as error:
            # It holds in memory; whoever writes to the book tells of the database.
            _log.info("peak.unwritable", reason=str(error))
            if self._stored == peak.equity:
                self._stored, self._retry_at = None, self._clock.monotonic() + RETRY_S
