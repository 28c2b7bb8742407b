"""Backups of a profile: where they are, how their audit chain is checked, and one every day."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from core.audit.journal import AuditJournal
from core.audit.verify import Verifier
from core.audit.witnessed import Witnesses
from core.bus import Bus
from core.clock import Clock
from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.messages import Notice, Severity
from core.errors import DatabaseDamaged, StorageError
from core.storage import backup
from core.storage.anchors import FILE, AnchorFile, find_signing_key
from core.storage.backup import Backup
from core.storage.backup_rotation import backups
from core.storage.segments import FOLDER, SegmentFiles
from core.storage.store import open_store
from core.storage.vault import Key

BACKUPS = "backups"
EVERY = timedelta(days=1)
FIRST_LOOK_S = 120.0  # a start has enough to do
LOOK_EVERY_S = 900.0

_log = structlog.get_logger("backup")


def backups_of(folder: Path) -> Path:
    """Return where the backups of the profile in a folder stand."""
    return folder.parent.parent / BACKUPS / folder.name


def make_backup(folder: Path, key: Key, now: datetime) -> Backup:
    """Back a profile up, verified. Blocks.

    Args:
        now: our time, UTC.

    Raises:
        StorageError: none was made; the profile and earlier backups are as they were.
    """
    return backup.make(folder, folder.name, key, backups_of(folder), now, check_chain)


def check_chain(folder: Path, database: Path, key: Key, installation_id: str) -> None:
    """Hold the audit chain of a copy against itself and against the signed heads in its folder.

    Raises:
        DatabaseDamaged: it does not hold; names the first record.
    """
    signer = find_signing_key(folder, key)
    side = (AnchorFile(folder / FILE),)
    known = None if signer is None else Witnesses(installation_id, signer.public_key, side)
    archives = SegmentFiles(folder / FOLDER)
    store = open_store(database, key, create=False)
    try:
        faults = asyncio.run(Verifier(store, known, archives).verify()).faults
    finally:
        store.close()
    if faults:
        raise DatabaseDamaged(
            f"the audit chain does not hold at record {faults[0].seq}: {faults[0].reason}. "
            "Run audit verify; earlier backups are as they were"
        )


def made(found: Backup, actor: Actor, reason: str) -> AuditDraft:
    """Tell of a backup."""
    facts = {
        "reason": reason,
        "size": found.size,
        "head_seq": found.manifest.head.seq,
        "head_digest": found.manifest.head.digest,
        "removed": [path.name for path in found.removed],
    }
    return AuditDraft(AuditAction.BACKUP_MADE, actor, found.path.name, payload_of(facts))


def failed(profile: str, actor: Actor, error: StorageError) -> AuditDraft:
    """Tell of a backup that could not be made."""
    return AuditDraft(AuditAction.BACKUP_FAILED, actor, profile, payload_of({"reason": str(error)}))


class DailyBackup:
    """Makes a backup once a day while the program runs, beside the loop; also after days without one.

    Args:
        folder: the profile's.
        make: makes one at a moment; blocks.
        actor: in whose name it is recorded.
    """

    def __init__(
        self,
        folder: Path,
        make: Callable[[datetime], Backup],
        journal: AuditJournal,
        actor: Actor,
        clock: Clock,
        bus: Bus,
    ) -> None:
        self._folder = folder
        self._make = make
        self._journal = journal
        self._actor = actor
        self._clock = clock
        self._bus = bus
        self._is_failing = False

    async def run(self) -> None:
        """Look every quarter of an hour whether one is due, until cancelled."""
        await self._clock.sleep(FIRST_LOOK_S)
        while True:
            await self.look()
            await self._clock.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Make a backup if the newest is a day old, or there is none; one that fails is tried again."""
        now = self._clock.now()
        found = await asyncio.to_thread(backups, backups_of(self._folder))
        # One from the future is of a clock that was wrong then or is now.
        if any(timedelta(0) <= now - moment < EVERY for moment in found.values()):
            return
        try:
            new = await asyncio.to_thread(self._make, now)
        except StorageError as error:
            await self._tell_failure(error)
            return
        self._is_failing = False
        await self._journal.record_anyway(made(new, self._actor, "daily"))
        _log.info("backup.made", file=new.path.name, size=new.size)

    async def _tell_failure(self, error: StorageError) -> None:
        if self._is_failing:
            return
        self._is_failing = True
        await self._journal.record_anyway(failed(self._folder.name, self._actor, error))
        self._bus.publish(Notice(Severity.WARNING, f"No backup was made: {error}", "backup"))
