"""The profile of risk that is aimed at: set by an administrator, with a reason, drawn beside the radar."""

import asyncio
import re
from dataclasses import replace
from decimal import Decimal

from core.bus import Bus
from core.clock import Clock
from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.messages import GetTargetProfile, TargetProfileChanged, UpdateTargetProfile
from core.domain.parameters import RadarAxis, TargetProfile
from core.orders.bodies import number
from core.ports.journal import Journal, Record
from core.ports.storage import Store, UnitOfWork
from core.risk.parameters import malformed, reason_of
from core.tasks import Tasks

_MOST = Decimal(100)
_SCORE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?")


class Targets:
    """Answers `GetTargetProfile` and `UpdateTargetProfile`. Runs on the core loop.

    Attributes:
        target: what is in force; the defaults where nobody has set one.
    """

    def __init__(self, store: Store, journal: Journal, clock: Clock, bus: Bus, tasks: Tasks) -> None:
        self._store = store
        self._journal = journal
        self._clock = clock
        self._bus = bus
        self._tasks = tasks
        self._lock = asyncio.Lock()
        self.target = TargetProfile()

    async def load(self) -> None:
        """Begin with what is stored.

        Raises:
            StorageError: it cannot be read.
        """
        stored = await self._store.read(lambda reader: reader.target_profile())
        if stored is not None:
            self.target = stored

    async def get_target_profile(self, command: GetTargetProfile, actor: Actor) -> TargetProfile:
        """Return what is aimed at."""
        del command, actor
        return self.target

    async def update_target_profile(self, command: UpdateTargetProfile, actor: Actor) -> TargetProfile:
        """Aim at another risk; an axis that is not named stays as it is.

        Raises:
            Refused: `REASON_MISSING`, or `MALFORMED` with the axis.
            StorageError: nothing was changed.
        """
        return await self._tasks.see_through(self._carry_out(command, actor), "target profile")

    async def _carry_out(self, command: UpdateTargetProfile, actor: Actor) -> TargetProfile:
        async with self._lock:
            reason, scores = reason_of(command.reason), _scores(command)
            before = self.target
            if all(before.target(axis) == score for axis, score in scores.items()):
                return before
            target = replace(
                before,
                **{axis.value: score for axis, score in scores.items()},
                author=actor.user,
                reason=reason,
                changed_at=self._clock.now(),
            )
            facts = {"before": _facts(before), "after": _facts(target), "reason": reason}
            draft = AuditDraft(AuditAction.RISK_TARGET_CHANGED, actor, "risk target", payload_of(facts))

            def work(uow: UnitOfWork, record: Record) -> None:
                uow.update_target_profile(target)
                record(draft)

            await self._journal.write(work)
            self.target = target
            self._bus.publish(TargetProfileChanged(target))
            return target


def _scores(command: UpdateTargetProfile) -> dict[RadarAxis, Decimal]:
    if not command.targets:
        raise malformed("targets", "Expected an axis to change, found none.")
    found: dict[RadarAxis, Decimal] = {}
    for axis, text in command.targets:
        if axis in found:
            raise malformed(axis.value, f"{axis.value} stands there twice.")
        typed = text.strip()
        if not _SCORE.fullmatch(typed) or Decimal(typed) > _MOST:
            raise malformed(
                axis.value, f"{axis.value}: expected a number from 0 to 100, found {typed[:40]!r}."
            )
        found[axis] = Decimal(typed)
    return found


def _facts(target: TargetProfile) -> dict[str, str | None]:
    return {axis.value: number(target.target(axis)) for axis in RadarAxis}
