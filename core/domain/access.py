"""Who acts, and in which role."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """Exactly these; an unknown word is a refusal and never a default."""

    VIEWER = "viewer"
    TRADER = "trader"
    ADMIN = "admin"


class Origin(StrEnum):
    """The way in that a command took."""

    WINDOW = "window"
    API = "api"
    AGENT = "agent"
    DESK = "desk"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who gave a command.

    Attributes:
        user: name of the local user, or of the part of the program that acts by itself.
        role: as text, so that an unknown one reaches the policy and is refused there.
        origin: the way in.
        session: name of the run of the program that the command came from.
    """

    user: str
    role: str
    origin: Origin
    session: str


@dataclass(frozen=True, slots=True)
class LockOut:
    """How the local API stands towards keys that are none of its own.

    Attributes:
        failures: when one was tried lately; our time, UTC, oldest first.
        until: no further one is looked at before this moment; None if there is no lock-out.
    """

    failures: tuple[datetime, ...] = ()
    until: datetime | None = None


class TradingState(StrEnum):
    """ACTIVE takes all; REDUCING takes what lessens a position; HALTED takes cancels only."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class Mode(StrEnum):
    """What an order costs: nothing, the broker's play money, or real money."""

    SIM = "sim"
    PAPER = "paper"
    LIVE = "live"
