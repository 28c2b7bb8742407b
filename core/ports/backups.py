"""Where the backups of a profile are made, beside the loop."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from core.domain.backup_commands import BackupFacts, BackupStage

Going = Callable[[BackupStage], None]
"""Told what is done now, often, on the thread that does it; where it raises, the backup ends."""


class Backups(Protocol):
    """Makes backups of one profile, one at a time. Every call blocks: used on a thread."""

    def make(self, now: datetime, going: Going) -> BackupFacts:
        """Back the profile up, verified; a part of one is never left behind.

        Args:
            now: our time, UTC.

        Raises:
            StorageError: none was made; earlier ones are as they were. Also what `going` raised.
        """
        ...

    def moments(self) -> tuple[datetime, ...]:
        """List when those were made that are there, UTC."""
        ...
