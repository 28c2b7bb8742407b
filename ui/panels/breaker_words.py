"""Breakers in the words and figures of the risk panel and its sheet."""

from collections.abc import Sequence

from core.domain.breakers import BreakerEffect, BreakerName, BreakerRecord, BreakerStanding, BreakerState
from ui.panels import risk_words as words

NAMES: dict[BreakerName, str] = {
    BreakerName.DAILY_LOSS: "Daily loss",
    BreakerName.AGENT_LOSS: "Daily loss, agent",
    BreakerName.LOSING_STREAK: "Losing streak",
    BreakerName.DRAWDOWN: "Drawdown",
    BreakerName.REJECT_RATE: "Rejects",
    BreakerName.SLIPPAGE: "Slippage",
    BreakerName.OVERFILL: "Overfill",
    BreakerName.DRIFT: "Position drift",
    BreakerName.ORDERS_OUT: "Orders out",
    BreakerName.STALE_DATA: "Stale data",
    BreakerName.DISCONNECTION: "Disconnection",
}
EFFECTS: dict[BreakerEffect, str] = {
    BreakerEffect.PAUSE_AGENT: "pauses the agent",
    BreakerEffect.PAUSE_SOURCE: "pauses the way in",
    BreakerEffect.REDUCE: "exits only",
    BreakerEffect.HALT: "halts trading",
}
STATES: dict[BreakerState, str] = {
    BreakerState.ARMED: "armed",
    BreakerState.TRIPPED: "tripped",
    BreakerState.ACKNOWLEDGED: "acknowledged",
}


def name_of(name: BreakerName, source: str) -> str:
    """Name a breaker, with the way in that it watches: ``Rejects, api``."""
    return f"{NAMES[name]}, {source}" if source else NAMES[name]


def tripped(standings: Sequence[BreakerStanding]) -> list[BreakerStanding]:
    """Return those that wait for a person."""
    return [each for each in standings if each.state is BreakerState.TRIPPED]


def summary(standings: Sequence[BreakerStanding]) -> str:
    """Say how all of them stand: ``11 of 11 armed``, or what has tripped."""
    down = tripped(standings)
    if not standings:
        return ""
    if not down:
        armed = sum(each.state is BreakerState.ARMED for each in standings)
        return f"{armed} of {len(standings)} armed"
    if len(down) == 1:
        return f"{name_of(down[0].name, down[0].source)} tripped"
    return f"{len(down)} tripped"


def figure(standing: BreakerStanding) -> str:
    """Write what a breaker measures, of what trips it: ``0.4 of 10 %``."""
    measured = words.figure(standing.figure, standing.unit)
    if standing.limit == 0:  # one is enough
        return "none" if standing.figure == 0 else measured
    return f"{measured} of {words.bound(standing.limit, standing.unit)}"


def step_words(record: BreakerRecord) -> str:
    """Say one step of the history in a sentence."""
    if record.state is BreakerState.TRIPPED:
        return record.text
    who = record.actor if record.actor != "desk" else "itself"
    reason = f": {record.reason}" if record.reason else ""
    return f"{STATES[record.state].capitalize()} by {who}{reason}"
