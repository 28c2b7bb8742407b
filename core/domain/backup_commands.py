"""What is wanted of backups while a profile is in use, and how far one is."""

from dataclasses import dataclass
from enum import StrEnum

from core.domain.commands import Command
from core.domain.lanes import InOrder


class BackupStage(StrEnum):
    """What is done for a backup, in this order."""

    COPYING = "copying"
    CHECKING = "checking"
    WRITING = "writing"
    READING = "reading"  # what was written


@dataclass(frozen=True, slots=True)
class BackupFacts:
    """A backup that was made and holds.

    Attributes:
        file: its name, without a folder.
        size: bytes.
        head_seq: number of the newest audit record in it.
        head_digest: of that record.
        removed: older ones that were removed for it.
    """

    file: str
    size: int
    head_seq: int
    head_digest: str
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BackupMoved(InOrder):
    """A backup came to its next stage; None where it ended, one way or the other."""

    stage: BackupStage | None


@dataclass(frozen=True, slots=True)
class MakeBackup(Command[BackupFacts]):
    """Back the profile up now, verified, while it is in use."""


@dataclass(frozen=True, slots=True)
class StopBackup(Command[bool]):
    """End a backup that is being made; answers whether there was one. Earlier ones stay."""
