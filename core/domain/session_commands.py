"""What is wanted of the session in front of the window: lock it, unlock it, and when it locks by itself."""

from dataclasses import dataclass, field
from enum import StrEnum

from core.domain.answers import ProfileFacts
from core.domain.commands import Command

LOCK_AFTER = "lock_after_min"  # the setting that says after how many minutes the window locks
USUAL_MIN = 15


class LockReason(StrEnum):
    """Why the window locked."""

    KEY = "key"
    IDLE = "idle"
    CLOCK = "clock"  # it jumped: the computer slept, or somebody set it
    SYSTEM = "system"  # the operating system locks its screen, or is about to sleep


@dataclass(frozen=True, slots=True)
class LockSession(Command[None]):
    """Nothing is opened from now on until somebody unlocks; what lessens risk goes on."""

    reason: LockReason


@dataclass(frozen=True, slots=True)
class UnlockSession(Command[ProfileFacts]):
    """Let whoever knows a passphrase sit down; answers the profile, with their name and role."""

    passphrase: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SetLockAfter(Command[int]):
    """Lock after so many minutes without a key or a click, 1 to 60; answers them."""

    minutes: int
