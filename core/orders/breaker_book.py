"""What every breaker did last, in memory and in the database; memory is never behind."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.messages import Notice, Severity
from core.domain.outcomes import PortfolioPeak
from core.errors import RefusalCode, Refused, StorageError
from core.orders.bodies import number
from core.orders.gather import LiveState
from core.orders.supervision import Means
from core.orders.trading_state import Change
from core.ports.journal import Journal, Record
from core.ports.storage import UnitOfWork

_RETRY_S = 5.0
_ACTIONS = {
    BreakerState.TRIPPED: AuditAction.BREAKER_TRIPPED,
    BreakerState.ACKNOWLEDGED: AuditAction.BREAKER_ACKNOWLEDGED,
    BreakerState.ARMED: AuditAction.BREAKER_ARMED,
}

Key = tuple[BreakerName, str]

_log = structlog.get_logger("breakers")


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a breaker, and what becomes durable with it.

    Attributes:
        change: of the trading state, by a trip.
        peak: from which the drawdown is measured anew.
    """

    record: BreakerRecord
    actor: Actor
    change: Change | None = None
    peak: PortfolioPeak | None = None


class BreakerBook:
    """Keeps the newest step of each breaker. Lives on the core loop.

    A step that the desk takes by itself holds before it is written, and whether or not it can be: it is noted
    in the emergency file, and tried again until the database takes it.
    """

    def __init__(self, state: LiveState, journal: Journal, means: Means) -> None:
        self._state = state
        self._journal = journal
        self._clock = means.clock
        self._bus = means.bus
        self._tasks = means.tasks
        self._records: dict[Key, BreakerRecord] = {}
        self._owed: list[Step] = []
        self._writing = asyncio.Lock()
        self._paying: asyncio.Task[None] | None = None

    def restore(self, records: Iterable[BreakerRecord]) -> None:
        """Begin with what is stored."""
        for record in records:
            self._records[record.name, record.source] = record
        self._show()

    def get(self, key: Key) -> BreakerRecord | None:
        """Return the newest step of a breaker; None where it never took one."""
        return self._records.get(key)

    @property
    def keys(self) -> tuple[Key, ...]:
        """Every breaker that ever took a step."""
        return tuple(self._records)

    def take(self, step: Step) -> None:
        """Hold a step in memory, and write it as soon as the database lets it."""
        self._keep(step.record)
        self._owed.append(step)
        if self._paying is None or self._paying.done():
            self._paying = self._tasks.spawn(self._pay(), "breaker record")

    async def take_when_written(self, step: Step, before: BreakerRecord) -> None:
        """Write a step, with those that are still owed, and hold it only then.

        Raises:
            Refused: `NOT_FOUND`: the step before it is not the newest any more.
            StorageError: it was not written, and memory is as it was.
        """
        async with self._writing:
            if self.get((before.name, before.source)) is not before:
                raise Refused(RefusalCode.NOT_FOUND, f"The breaker {before.name.value} has moved meanwhile.")
            owed = len(self._owed)
            await self._write((*self._owed, step))
            del self._owed[:owed]
            self._keep(step.record)

    def _keep(self, record: BreakerRecord) -> None:
        self._records[record.name, record.source] = record
        self._show()

    def _show(self) -> None:
        tripped = (each for each in self._records.values() if each.state is BreakerState.TRIPPED)
        self._state.tripped = tuple(tripped)

    async def _pay(self) -> None:
        noted: set[int] = set()
        while self._owed:
            async with self._writing:
                steps = tuple(self._owed)
                try:
                    await self._write(steps)
                except StorageError as error:
                    self._note((each for each in steps if id(each) not in noted), error)
                    noted.update(map(id, steps))
                else:
                    del self._owed[: len(steps)]
                    continue
            await self._clock.sleep(_RETRY_S)

    def _note(self, steps: Iterable[Step], error: StorageError) -> None:
        for step in steps:
            _log.error("breaker.unwritable", breaker=step.record.name.value, reason=str(error))
            for draft in _drafts(step):
                self._journal.note(draft)
            text = f"A breaker's step is in force but could not be written: {error}"
            self._bus.publish(Notice(Severity.ALARM, text, f"unwritten:{step.record.name.value}"))

    async def _write(self, steps: tuple[Step, ...]) -> None:
        def work(uow: UnitOfWork, record: Record) -> None:
            for step in steps:
                uow.insert_breaker(step.record)
                if step.change is not None:
                    uow.insert_trading_state(step.change.record)
                if step.peak is not None:
                    uow.insert_peak(step.peak)
                for draft in _drafts(step):
                    record(draft)

        if steps:
            await self._journal.write(work)


def _drafts(step: Step) -> tuple[AuditDraft, ...]:
    record = step.record
    facts = {
        "name": record.name.value,
        "source": record.source,
        "text": record.text,
        "value": number(record.value),
        "limit": number(record.limit),
        "unit": record.unit.value,
        "effect": record.effect.value,
        "reason": record.reason,
    }
    entity = record.name.value if not record.source else f"{record.name.value} {record.source}"
    draft = AuditDraft(_ACTIONS[record.state], step.actor, entity, payload_of(facts))
    return (draft,) if step.change is None else (draft, step.change.draft)
