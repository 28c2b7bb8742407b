"""The people of a profile: who has which role, and who said so."""

from dataclasses import dataclass
from datetime import datetime

NO_ROLE = ""  # of a user who was removed; no command takes it


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A change of a user's role; the newest of a name is in force.

    Attributes:
        role: as text, so that an unknown one reaches the policy and is refused there.
        changed_by: name of the user, or of the part of the program, that did it.
        changed_at: our time, UTC.
    """

    name: str
    role: str
    changed_by: str
    changed_at: datetime
