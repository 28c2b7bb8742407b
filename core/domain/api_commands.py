"""What the local API wants for itself: the numbers, and where it stands towards wrong keys."""

from dataclasses import dataclass

from core.domain.access import LockOut
from core.domain.commands import Command
from core.metrics import Family


@dataclass(frozen=True, slots=True)
class LoadMetrics(Command[tuple[Family, ...]]):
    """Every number of the running program, from memory."""


@dataclass(frozen=True, slots=True)
class LoadLockOut(Command[LockOut]):
    """How the local API stands towards wrong keys, as it was noted last."""


@dataclass(frozen=True, slots=True)
class NoteLockOut(Command[None]):
    """Keep how the local API stands towards wrong keys; the beginning of a lock-out is recorded."""

    lock_out: LockOut
