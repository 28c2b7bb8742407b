"""ACTIVE, REDUCING, HALTED: changed by a person or a breaker, kept over restarts."""

from dataclasses import dataclass

import structlog

from core.bus import Bus
from core.clock import Clock
from core.domain.access import Actor, Origin, TradingState
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.breakers import BreakerEffect
from core.domain.messages import HaltTrading, Notice, ResumeTrading, Severity, TradingStateChanged
from core.domain.records import TradingStateRecord
from core.errors import RefusalCode, Refused, StorageError
from core.orders.gather import LiveState
from core.ports.journal import Journal, Record
from core.ports.storage import UnitOfWork

# Effects of a breaker that stop trading for everybody.
STOPS = {BreakerEffect.REDUCE: TradingState.REDUCING, BreakerEffect.HALT: TradingState.HALTED}
_STRICTNESS = {TradingState.ACTIVE: 0, TradingState.REDUCING: 1, TradingState.HALTED: 2}

_log = structlog.get_logger("orders")


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the state, and its record."""

    record: TradingStateRecord
    draft: AuditDraft


class TradingStateLatch:
    """Halting takes effect before it is written; resuming only after."""

    def __init__(self, state: LiveState, journal: Journal, clock: Clock, bus: Bus) -> None:
        self._state = state
        self._journal = journal
        self._clock = clock
        self._bus = bus
        self.record = TradingStateRecord(TradingState.HALTED, "not read yet", "desk", clock.now())

    def restore(self, record: TradingStateRecord | None) -> None:
        """Begin with what is stored; a new profile begins ACTIVE."""
        self.record = record or TradingStateRecord(
            TradingState.ACTIVE, "new profile", "desk", self._clock.now()
        )
        self._state.trading_state = self.record.state

    async def halt(self, command: HaltTrading, actor: Actor) -> TradingStateRecord:
        """Stop new orders at once; cancels nothing."""
        return await self.move(TradingState.HALTED, command.reason or "no reason given", actor)

    async def resume(self, command: ResumeTrading, actor: Actor) -> TradingStateRecord:
        """Go back to ACTIVE.

        Raises:
            Refused: `REASON_MISSING`; `HALTED` if a halt came meanwhile, or while a breaker that stopped
                trading is tripped.
            StorageError: it could not be recorded, so the state stays as it is.
        """
        if not command.reason.strip():
            raise Refused(RefusalCode.REASON_MISSING, "Resuming needs a reason; it is kept in the record.")
        self._refuse_if_tripped()
        return await self.move(TradingState.ACTIVE, command.reason.strip(), actor)

    def _refuse_if_tripped(self) -> None:
        stopping = [each for each in self._state.tripped if each.effect in STOPS]
        if stopping:
            names = ", ".join(each.name.value for each in stopping)
            text = f"A breaker has tripped: {stopping[0].text} An administrator acknowledges it first."
            raise Refused(RefusalCode.HALTED, text, {"breakers": names})

    async def move(self, to: TradingState, reason: str, actor: Actor) -> TradingStateRecord:
        """Change the state; a stricter one holds even if it cannot be written."""
        before = self.record
        change = self._change(to, reason, actor)
        stricter = to is TradingState.HALTED or _STRICTNESS[to] > _STRICTNESS[before.state]
        if stricter:
            self._take(change.record)
        try:
            await self.store(change)
        except StorageError as error:
            if not stricter:
                raise
            _log.error("trading_state.unwritable", reason=str(error))
            self._journal.note(change.draft)
            text = f"{to.value} is in force but could not be written: {error}"
            self._bus.publish(Notice(Severity.ALARM, text, "trading_state"))
        if not stricter:
            if self.record is not before:
                raise Refused(RefusalCode.HALTED, "Trading was halted while the resume was being written.")
            await self._undo_if_tripped(before)
            self._take(change.record)
        return change.record

    async def _undo_if_tripped(self, before: TradingStateRecord) -> None:
        # A breaker that finds the state as strict as it wants writes none, so the resume would stand there
        # as the last word, and hold from the next start on.
        try:
            self._refuse_if_tripped()
        except Refused as refusal:
            undone = TradingStateRecord(before.state, refusal.message, "desk", self._clock.now())
            facts = {
                "before": TradingState.ACTIVE.value,
                "after": undone.state.value,
                "reason": undone.reason,
            }
            desk = Actor("desk", "admin", Origin.DESK, "")
            words = f"{TradingState.ACTIVE.value} to {undone.state.value}"
            change = Change(undone, AuditDraft(AuditAction.STATE_CHANGED, desk, words, payload_of(facts)))
            try:
                await self.store(change)
            except StorageError as error:
                _log.error("trading_state.unwritable", reason=str(error))
                self._journal.note(change.draft)
            raise

    def halt_at_once(self, reason: str, actor: Actor) -> Change:
        """Halt, without waiting for anything; the change is still to be stored."""
        change = self._change(TradingState.HALTED, reason or "no reason given", actor)
        self._take(change.record)
        return change

    def tighten(self, to: TradingState, reason: str, actor: Actor) -> Change | None:
        """Go to a stricter state without waiting for anything; the change is still to be stored.

        Returns:
            None where the state is as strict already: nothing was changed.
        """
        if _STRICTNESS[to] <= _STRICTNESS[self.record.state]:
            return None
        change = self._change(to, reason, actor)
        self._take(change.record)
        return change

    async def store(self, change: Change) -> None:
        """Store a change with its record.

        Raises:
            StorageError: nothing was written.
        """

        def work(uow: UnitOfWork, record_audit: Record) -> None:
            uow.insert_trading_state(change.record)
            record_audit(change.draft)

        await self._journal.write(work)

    def _change(self, to: TradingState, reason: str, actor: Actor) -> Change:
        before = self.record.state
        facts = {"before": before.value, "after": to.value, "reason": reason}
        words = f"{before.value} to {to.value}"
        draft = AuditDraft(AuditAction.STATE_CHANGED, actor, words, payload_of(facts))
        return Change(TradingStateRecord(to, reason, actor.user, self._clock.now()), draft)

    def _take(self, record: TradingStateRecord) -> None:
        self.record = record
        self._state.trading_state = record.state
        self._bus.publish(TradingStateChanged(record))
