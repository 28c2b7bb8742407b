"""Backups of a profile: where they are, and how their audit chain is checked."""

import asyncio
from datetime import datetime
from pathlib import Path

from core.audit.verify import Progress, Verifier
from core.audit.witnessed import Witnesses
from core.domain.backup_commands import BackupFacts, BackupStage
from core.errors import DatabaseDamaged
from core.portfolio.archive_check import FillCheck
from core.ports.backups import Going
from core.storage import backup
from core.storage.anchors import FILE, AnchorFile, find_signing_key
from core.storage.archive_folder import FOLDER
from core.storage.backup import Backup
from core.storage.backup_rotation import backups
from core.storage.fill_files import FillFiles
from core.storage.segments import SegmentFiles
from core.storage.store import open_store
from core.storage.vault import Key

BACKUPS = "backups"


def backups_of(folder: Path) -> Path:
    """Return where the backups of the profile in a folder stand."""
    return folder.parent.parent / BACKUPS / folder.name


def make_backup(folder: Path, key: Key, now: datetime, going: Going = lambda _: None) -> Backup:
    """Back a profile up, verified. Blocks.

    Args:
        now: our time, UTC.
        going: told what is done now; where it raises, no backup is made.

    Raises:
        StorageError: none was made; the profile and earlier backups are as they were.
    """

    def check(copy: Path, database: Path, its_key: Key, installation_id: str) -> None:
        check_chain(copy, database, its_key, installation_id, lambda _: going(BackupStage.CHECKING))

    return backup.make(folder, folder.name, key, backups_of(folder), now, check, going)


def check_chain(
    folder: Path, database: Path, key: Key, installation_id: str, progress: Progress = lambda _: None
) -> None:
    """Hold the audit chain of a copy against itself and the signed heads in its folder, and archived fills.

    Raises:
        DatabaseDamaged: it does not hold; names the first record, or the archive.
    """
    signer = find_signing_key(folder, key)
    side = (AnchorFile(folder / FILE),)
    known = None if signer is None else Witnesses(installation_id, signer.public_key, side)
    archives = SegmentFiles(folder / FOLDER)
    store = open_store(database, key, create=False)
    try:
        report = asyncio.run(Verifier(store, known, archives).verify(progress))
        fills = asyncio.run(FillCheck(store, FillFiles(folder / FOLDER)).archives(report))
    finally:
        store.close()
    found = [f"the audit chain does not hold at record {each.seq}: {each.reason}" for each in report.faults]
    found += [f"archived fills do not hold: {each}" for each in fills.faults]
    if found:
        raise DatabaseDamaged(f"{found[0]}. Run audit verify; earlier backups are as they were")


def facts_of(found: Backup) -> BackupFacts:
    """Say of a backup what the record says of it."""
    head = found.manifest.head
    removed = tuple(path.name for path in found.removed)
    return BackupFacts(found.path.name, found.size, head.seq, head.digest, removed)


class ProfileBackups:
    """`ports.backups.Backups` of a profile that is open.

    Args:
        folder: the profile's.
    """

    def __init__(self, folder: Path, key: Key) -> None:
        self._folder = folder
        self._key = key

    def make(self, now: datetime, going: Going) -> BackupFacts:
        """Back the profile up, verified."""
        return facts_of(make_backup(self._folder, self._key, now, going))

    def moments(self) -> tuple[datetime, ...]:
        """List when those were made that are there, UTC."""
        return tuple(backups(backups_of(self._folder)).values())
