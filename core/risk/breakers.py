"""The circuit breakers' machine: a figure, held against a limit, is all that moves one by itself.

ARMED trips when its figure reaches the limit. TRIPPED is left by a person's acknowledgement alone.
ACKNOWLEDGED goes back to ARMED once the figure is within the limit that it tripped at, whatever the limit is
by then: a change of parameters clears nothing. An unknown figure moves nothing either way.
"""

from decimal import Decimal

from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.limits import Limits
from core.domain.money import ZERO
from core.domain.risk import Unit

_N = BreakerName

UNITS: dict[BreakerName, Unit] = {
    _N.DAILY_LOSS: Unit.PERCENT,
    _N.AGENT_LOSS: Unit.PERCENT,
    _N.LOSING_STREAK: Unit.COUNT,
    _N.DRAWDOWN: Unit.PERCENT,
    _N.REJECT_RATE: Unit.COUNT,
    _N.SLIPPAGE: Unit.PERCENT,
    _N.OVERFILL: Unit.SHARES,
    _N.DRIFT: Unit.SHARES,
    _N.ORDERS_OUT: Unit.COUNT,
    _N.STALE_DATA: Unit.SECONDS,
    _N.DISCONNECTION: Unit.SECONDS,
}
# These trip beyond their limit, the others at it.
_BEYOND = frozenset({_N.SLIPPAGE, _N.OVERFILL, _N.DRIFT, _N.ORDERS_OUT})


def limit_of(name: BreakerName, limits: Limits, agent_limits: Limits) -> Decimal:
    """Return what a breaker's figure is held against now.

    Args:
        name: which breaker.
        limits: those of the way in that it watches; of everybody where it watches all.
        agent_limits: those of the agent, for the breakers that pause it.
    """
    match name:
        case _N.DAILY_LOSS:
            return limits.daily_loss_pct
        case _N.AGENT_LOSS:
            return agent_limits.daily_loss_pct
        case _N.LOSING_STREAK:
            return Decimal(agent_limits.losing_streak)
        case _N.DRAWDOWN:
            return limits.drawdown_pct
        case _N.REJECT_RATE:
            return Decimal(limits.rejects_max)
        case _N.SLIPPAGE:
            return agent_limits.slippage_pct
        case _N.STALE_DATA:
            return Decimal(str(limits.stale_s))
        case _N.DISCONNECTION:
            return Decimal(str(limits.down_s))
        case _:
            return ZERO  # any share too many, any difference, any order that nobody asked for


def is_over(name: BreakerName, figure: Decimal, limit: Decimal) -> bool:
    """Say whether a figure trips a breaker."""
    return figure > limit if name in _BEYOND else figure >= limit


def next_state(
    name: BreakerName, record: BreakerRecord | None, figure: Decimal | None, limit: Decimal
) -> BreakerState | None:
    """Return the state that a breaker goes to by itself; None where it stays.

    Args:
        name: which breaker.
        record: its newest step; None where it never took one, which is ARMED.
        figure: what is measured now; None is unknown.
        limit: what is in force now.
    """
    state = BreakerState.ARMED if record is None else record.state
    if figure is None:
        return None
    if state is BreakerState.ARMED:
        return BreakerState.TRIPPED if is_over(name, figure, limit) else None
    if state is BreakerState.ACKNOWLEDGED and record is not None:
        tripped_at = limit if record.limit is None else record.limit
        return None if is_over(name, figure, tripped_at) else BreakerState.ARMED
    return None


def loss_pct(start: Decimal | None, flows: Decimal, equity: Decimal | None) -> Decimal | None:
    """Return how much of the day's first equity is lost, realised, unrealised and fees (A22).

    Args:
        start: dollars at the start of the market day.
        flows: dollars that the owner put in since (or took out, negative).
        equity: dollars now: cash and the value of all positions.

    Returns:
        Percent, never below zero; None where something is unknown or there was nothing to lose.
    """
    if start is None or equity is None or start <= 0:
        return None
    return max((start + flows - equity) * 100 / start, ZERO)


def drawdown_pct(peak: Decimal | None, equity: Decimal | None) -> Decimal | None:
    """Return how far equity stands below its peak, in percent of the peak; None where one is unknown."""
    return loss_pct(peak, ZERO, equity)
