"""Units of work that carry their audit records, and the emergency file beside them."""

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import orjson
import structlog

from core.audit import ledger
from core.audit.folded import trips
from core.bus import Bus
from core.clock import Clock
from core.domain.access import Actor, Origin, TradingState
from core.domain.audit import AuditAction, AuditDraft, AuditRecord
from core.domain.messages import AuditAppended
from core.domain.records import TradingStateRecord
from core.errors import StorageError
from core.metrics import Histogram, Stopwatch
from core.ports.journal import Record
from core.ports.storage import Store, UnitOfWork

T = TypeVar("T")

_log = structlog.get_logger("audit")


class AuditJournal:
    """Writes through the store; every record is published after it is durable.

    Args:
        store: the database.
        emergency: append-only file for cancels and halts that the database would not record.

    Attributes:
        appends: how long each record took, durability aside.
    """

    def __init__(self, store: Store, clock: Clock, bus: Bus, emergency: Path) -> None:
        self._store = store
        self._clock = clock
        self._bus = bus
        self._emergency = emergency
        self.appends = Histogram(
            "investiq_audit_append_seconds", "Sealing an audit record and putting it into its transaction."
        )
        self._appending = Stopwatch(self.appends, clock.monotonic)

    async def write(self, work: Callable[[UnitOfWork, Record], T]) -> T:
        """Run the work in one transaction; publish its audit records once they are durable."""
        records: list[AuditRecord] = []

        def transaction(uow: UnitOfWork) -> T:
            def record(draft: AuditDraft) -> AuditRecord:
                lap = self._appending.begin()
                made = ledger.append(uow, draft, self._clock.now())
                lap.end()
                records.append(made)
                return made

            return work(uow, record)

        result = await self._store.write(transaction)
        if records:
            self._bus.publish(AuditAppended(tuple(records)))
        return result

    async def record(self, draft: AuditDraft) -> None:
        """Append one audit record by itself."""
        await self.write(lambda _, record: record(draft))

    async def record_anyway(self, draft: AuditDraft) -> None:
        """Append one audit record, or note it in the emergency file."""
        try:
            await self.record(draft)
        except StorageError as error:
            _log.error("audit.unwritable", action=draft.action.value, reason=str(error))
            self.note(draft)

    def note(self, draft: AuditDraft) -> None:
        """Append a line to the emergency file, and wait until it is on the disk."""
        line = orjson.dumps(
            {
                "at": self._clock.now().isoformat(),
                "action": draft.action.value,
                "actor": draft.actor.user,
                "role": draft.actor.role,
                "session": draft.actor.session,
                "entity": draft.entity,
                "payload": draft.payload,
                "order_id": draft.order_id,
                "cl_ord_id": draft.cl_ord_id,
            }
        )
        try:
            with open(self._emergency, "ab", opener=_private) as file:
                file.write(line + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            # The disk takes nothing at all: the act itself must not wait for its record.
            _log.error("emergency.unwritable", line=line.decode(), reason=str(error))

    async def fold_emergency(self, session: str) -> int:
        """Move what the emergency file holds into the chain; return how many lines.

        A halt that could not be written when it was given is stored as well, so that it holds on; and so is
        the trip of a breaker.
        The file is emptied only after the records are durable, so a crash in between folds a
        line twice and loses none.
        """
        try:
            lines = self._emergency.read_bytes().splitlines()
        except FileNotFoundError:
            return 0
        if not lines:
            return 0
        desk = Actor("desk", "admin", Origin.DESK, session)

        stored = await self._store.read(lambda reader: reader.trading_state())
        halt = _newest_state(lines)
        if halt is not None and stored is not None and stored.changed_at >= halt.changed_at:
            halt = None
        tripped = trips(lines, await self._store.read(lambda reader: reader.breakers()))

        def work(uow: UnitOfWork, record: Record) -> None:
            if halt is not None:
                uow.insert_trading_state(halt)
            for trip in tripped:
                uow.insert_breaker(trip)
            for line in lines:
                record(AuditDraft(AuditAction.EMERGENCY_FOLDED, desk, _entity(line), _payload(line)))

        await self.write(work)
        self._emergency.unlink()
        return len(lines)


def _newest_state(lines: Iterable[bytes]) -> TradingStateRecord | None:
    found = [state for state in map(_state, lines) if state is not None]
    return max(found, key=lambda state: state.changed_at, default=None)


def _state(line: bytes) -> TradingStateRecord | None:
    try:
        noted = orjson.loads(line)
        if noted["action"] != AuditAction.STATE_CHANGED.value:
            return None
        facts = orjson.loads(noted["payload"])
        at = datetime.fromisoformat(noted["at"])
        return TradingStateRecord(TradingState(facts["after"]), str(facts["reason"]), noted["actor"], at)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None


def _entity(line: bytes) -> str:
    try:
        return str(orjson.loads(line)["entity"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return "a torn line"


def _payload(line: bytes) -> str:
    return orjson.dumps({"line": line.decode("utf-8", "replace")}, option=orjson.OPT_SORT_KEYS).decode()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
