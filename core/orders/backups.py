"""Backups while the profile is in use: one a day by itself, and one whenever an administrator wants it."""

import asyncio
import math
import threading
from datetime import datetime, timedelta

import structlog

from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.backup_commands import BackupFacts, BackupMoved, BackupStage, MakeBackup, StopBackup
from core.domain.messages import Notice, Severity
from core.errors import InvestIQError, RefusalCode, Refused, StorageError
from core.metrics import Instrument, watched
from core.orders.desk import Desk
from core.orders.supervision import Means
from core.ports.backups import Backups
from core.ports.journal import Journal

EVERY = timedelta(days=1)
FIRST_LOOK_S = 120.0  # a start has enough to do
LOOK_EVERY_S = 900.0

_log = structlog.get_logger("backup")


class BackupRoom:
    """Makes them beside the loop, one at a time. Runs on the core loop.

    Args:
        backups: where they are made; None for a throwaway profile, of which there are none.
        profile: its name, for the record.
        actor: in whose name the daily one is recorded.

    Attributes:
        instruments: how old the newest is.
    """

    def __init__(
        self, backups: Backups | None, profile: str, journal: Journal, actor: Actor, means: Means
    ) -> None:
        self._backups = backups
        self._profile = profile
        self._journal = journal
        self._actor = actor
        self._clock = means.clock
        self._bus = means.bus
        self._tasks = means.tasks
        self._is_making = self._is_failing = False
        self._newest: datetime | None = None
        self._has_looked = False
        self._is_stopped = threading.Event()
        self._stopped_by = ""
        self.instruments: tuple[Instrument, ...] = (
            watched(
                "investiq_backup_age_seconds",
                "Since the newest verified backup was made; infinite where there is none.",
                self._age,
            ),
        )

    def join(self, desk: Desk) -> None:
        """Carry out its commands from now on."""
        desk.route(MakeBackup, self.make)
        desk.route(StopBackup, self.stop)

    async def make(self, command: MakeBackup, actor: Actor) -> BackupFacts:
        """Make one now, to its end even where nobody waits for it any more.

        Raises:
            Refused: one is being made, it was stopped, or the profile is a throwaway one.
            StorageError: none was made; recorded.
        """
        del command
        return await self._tasks.see_through(self._make(actor, "on demand"), "backup on demand")

    async def stop(self, command: StopBackup, actor: Actor) -> bool:
        """End the one that is being made, at its next step."""
        del command
        if self._is_making:
            self._stopped_by = actor.user
            self._is_stopped.set()
        return self._is_making

    async def run(self) -> None:
        """Look every quarter of an hour whether one is due, until cancelled."""
        if self._backups is None:
            return
        try:
            await self._look_up(self._backups)
            await self._clock.sleep(FIRST_LOOK_S)
            while True:
                await self.look()
                await self._clock.sleep(LOOK_EVERY_S)
        finally:
            # The program ends, and does not wait for a long one.
            self._stopped_by = "the end of the program"
            self._is_stopped.set()

    async def look(self) -> None:
        """Make a backup if the newest is a day old, or there is none; one that fails is tried again."""
        if self._backups is None or self._is_making:
            return
        newest = await self._look_up(self._backups)
        if newest is not None and self._clock.now() - newest < EVERY:
            return
        try:
            await self._make(self._actor, "daily")
        except StorageError as error:
            if not self._is_failing:
                self._bus.publish(Notice(Severity.WARNING, f"No backup was made: {error}", "backup"))
            self._is_failing = True
        except Refused as refusal:  # stopped by a person: the next look tries again
            _log.info("backup.stopped", reason=refusal.message)

    async def _make(self, actor: Actor, reason: str) -> BackupFacts:
        backups, loop = self._backups, asyncio.get_running_loop()
        if backups is None:
            words = "A throwaway profile has no backups. Keep it first."
            raise Refused(RefusalCode.NOT_FOUND, words)
        if self._is_making:
            raise Refused(RefusalCode.IN_FLIGHT, "A backup is being made already.")
        self._is_making = True
        self._is_stopped.clear()
        seen: list[BackupStage] = []

        def going(stage: BackupStage) -> None:
            if self._is_stopped.is_set():
                words = f"The backup was stopped by {self._stopped_by}; earlier ones are as they were."
                raise Refused(RefusalCode.NOT_READY, words)
            if seen[-1:] != [stage]:
                seen.append(stage)
                loop.call_soon_threadsafe(self._bus.publish, BackupMoved(stage))

        try:
            made = await asyncio.to_thread(backups.make, self._clock.now(), going)
        except (StorageError, Refused) as error:
            await self._note_failure(actor, error)
            raise
        finally:
            self._is_making = False
            self._bus.publish(BackupMoved(None))
        self._is_failing = False
        await self._journal.record_anyway(backup_made(made, actor, reason))
        _log.info("backup.made", file=made.file, size=made.size)
        await self._look_up(backups)
        return made

    async def _note_failure(self, actor: Actor, error: InvestIQError) -> None:
        # The daily one is tried every quarter of an hour: recorded is the first failure.
        if actor is not self._actor or not self._is_failing:
            await self._journal.record_anyway(backup_failed(self._profile, actor, error))

    async def _look_up(self, backups: Backups) -> datetime | None:
        now = self._clock.now()
        # One from the future is of a clock that was wrong then or is now.
        found = [moment for moment in await asyncio.to_thread(backups.moments) if moment <= now]
        self._newest, self._has_looked = max(found, default=None), True
        return self._newest

    def _age(self) -> float | None:
        if not self._has_looked:
            return None
        if self._newest is None:
            return math.inf
        return (self._clock.now() - self._newest).total_seconds()


def backup_made(made: BackupFacts, actor: Actor, reason: str) -> AuditDraft:
    """Tell of a backup."""
    facts = {
        "reason": reason,
        "size": made.size,
        "head_seq": made.head_seq,
        "head_digest": made.head_digest,
        "removed": list(made.removed),
    }
    return AuditDraft(AuditAction.BACKUP_MADE, actor, made.file, payload_of(facts))


def backup_failed(profile: str, actor: Actor, error: InvestIQError) -> AuditDraft:
    """Tell of a backup that was not made."""
    return AuditDraft(AuditAction.BACKUP_FAILED, actor, profile, payload_of({"reason": str(error)}))
