"""Risk parameters with their history, and the profile of risk that is aimed at."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from core.domain.limits import Limits


class Scope(StrEnum):
    """Whom a parameter binds: everybody, or the agent on top of that (whichever is tighter holds)."""

    ALL = "all"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """One change of one risk parameter; the history is append-only.

    Attributes:
        name: a field of `Limits`.
        before: the value that was in force, as text.
        after: the new value, as text.
        effective_at: our time, UTC; later than `decided_at` where the change loosens.
    """

    scope: Scope
    name: str
    before: str
    after: str
    author: str
    role: str
    reason: str
    decided_at: datetime
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class ParameterEdit:
    """A wish of a person: this parameter of this scope shall have this value, as typed."""

    scope: Scope
    name: str
    value: str


class RadarAxis(StrEnum):
    """The axes of the radar."""

    MARKET = "market"
    VOLATILITY = "volatility"
    LIQUIDITY = "liquidity"
    EVENT = "event"
    CONCENTRATION = "concentration"
    SENTIMENT = "sentiment"


@dataclass(frozen=True, slots=True)
class TargetProfile:
    """How much risk is aimed at, on each axis, 0 to 100; drawn beside the radar.

    Attributes:
        author: who set it; "default" for the values a profile begins with.
        changed_at: our time, UTC; None for the defaults.
    """

    market: Decimal = Decimal(50)
    volatility: Decimal = Decimal(50)
    liquidity: Decimal = Decimal(30)
    event: Decimal = Decimal(40)
    concentration: Decimal = Decimal(40)
    sentiment: Decimal = Decimal(50)
    author: str = "default"
    reason: str = ""
    changed_at: datetime | None = None

    def target(self, axis: RadarAxis) -> Decimal:
        """Return the target of one axis, 0 to 100."""
        found: Decimal = getattr(self, axis.value)
        return found


@dataclass(frozen=True, slots=True)
class RiskView:
    """The risk parameters and how they came to be.

    Attributes:
        limits: what everybody is held against now.
        agent_own: the agent's own values, as they were set.
        agent_limits: what the agent is held against now: of `limits` and `agent_own` the tighter each.
        pending: changes that loosen and still wait, the first to take effect first; `effective_at` is when
            they will, however often the program was started since.
        history: changes, newest first, those that wait and first values included.
        target: the profile of risk that is aimed at.
    """

    limits: Limits
    agent_own: Limits
    agent_limits: Limits
    pending: tuple[ParameterChange, ...]
    history: tuple[ParameterChange, ...]
    target: TargetProfile
