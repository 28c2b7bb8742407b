"""Circuit breakers: what may trip, what a trip does, and the record of each step."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from core.domain.access import Origin
from core.domain.risk import Unit


class BreakerName(StrEnum):
    """What is watched; the letter and number are those of the control list."""

    DAILY_LOSS = "daily_loss"  # A22
    AGENT_LOSS = "agent_loss"  # A22
    LOSING_STREAK = "losing_streak"  # A22
    DRAWDOWN = "drawdown"  # A22
    REJECT_RATE = "reject_rate"  # B6
    SLIPPAGE = "slippage"  # B7
    OVERFILL = "overfill"  # B8
    DRIFT = "drift"  # B9
    ORDERS_OUT = "orders_out"  # B11
    STALE_DATA = "stale_data"  # B2
    DISCONNECTION = "disconnection"  # B2


class BreakerState(StrEnum):
    """ARMED watches. TRIPPED has acted and waits for a person. ACKNOWLEDGED waits for the cause to go."""

    ARMED = "ARMED"
    TRIPPED = "TRIPPED"
    ACKNOWLEDGED = "ACKNOWLEDGED"


class BreakerEffect(StrEnum):
    """What a trip does to orders that would open risk; proven exits and cancels always pass."""

    PAUSE_AGENT = "pause_agent"
    PAUSE_SOURCE = "pause_source"
    REDUCE = "reduce"
    HALT = "halt"


EFFECTS: dict[BreakerName, BreakerEffect] = {
    BreakerName.DAILY_LOSS: BreakerEffect.REDUCE,
    BreakerName.AGENT_LOSS: BreakerEffect.PAUSE_AGENT,
    BreakerName.LOSING_STREAK: BreakerEffect.PAUSE_AGENT,
    BreakerName.DRAWDOWN: BreakerEffect.HALT,
    BreakerName.REJECT_RATE: BreakerEffect.PAUSE_SOURCE,
    BreakerName.SLIPPAGE: BreakerEffect.PAUSE_AGENT,
    BreakerName.OVERFILL: BreakerEffect.HALT,
    BreakerName.DRIFT: BreakerEffect.REDUCE,
    BreakerName.ORDERS_OUT: BreakerEffect.HALT,
    BreakerName.STALE_DATA: BreakerEffect.REDUCE,
    BreakerName.DISCONNECTION: BreakerEffect.REDUCE,
}


@dataclass(frozen=True, slots=True)
class BreakerRecord:
    """One step of one breaker; the newest of each is its state, so a trip survives a restart.

    Attributes:
        source: the way in that is paused (an `Origin`), for `PAUSE_SOURCE`; empty otherwise.
        text: one plain sentence: what was found.
        value: the number that tripped it; None where there is none or it is not a trip.
        limit: what it was held against.
        unit: of both.
        actor: who took the step; "desk" for a trip.
        role: of that actor, at that time.
        reason: the person's words for an acknowledgement; empty for a trip.
        at: our time, UTC.
    """

    name: BreakerName
    state: BreakerState
    source: str
    text: str
    value: Decimal | None
    limit: Decimal | None
    unit: Unit
    actor: str
    role: str
    reason: str
    at: datetime

    @property
    def effect(self) -> BreakerEffect:
        """What a trip of it does."""
        return EFFECTS[self.name]

    def pauses(self, origin: Origin) -> bool:
        """Whether, while it is tripped, nothing new is opened by this way in."""
        if self.effect is BreakerEffect.PAUSE_AGENT:
            return origin is Origin.AGENT
        return self.effect is BreakerEffect.PAUSE_SOURCE and self.source == origin.value


@dataclass(frozen=True, slots=True)
class BreakerStanding:
    """How one breaker stands now.

    Attributes:
        source: the way in that it watches, for `PAUSE_SOURCE`; empty otherwise.
        figure: what it measures now, in `unit`; None is unknown, which neither trips nor clears.
        limit: what trips it.
        room: how far the figure may still go; None is unknown.
        record: its newest step; None where it never took one.
    """

    name: BreakerName
    source: str
    state: BreakerState
    figure: Decimal | None
    limit: Decimal
    unit: Unit
    room: Decimal | None
    record: BreakerRecord | None

    @property
    def effect(self) -> BreakerEffect:
        """What a trip of it does."""
        return EFFECTS[self.name]


@dataclass(frozen=True, slots=True)
class BreakerBoard:
    """All breakers, and every step that any of them took, newest first."""

    standings: tuple[BreakerStanding, ...]
    history: tuple[BreakerRecord, ...]
