"""A day on which much goes wrong, by chances that a seed decides: for practice and for long tests.

Between us and the exchange the chances are drawn one after the other, so the same calls meet the same
misfortune. In the market each minute of each symbol has its own, so a restart need not play the day again.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import Enum, auto
from random import Random

from core.adapters.simulator.tape import Tick
from core.domain.money import Price, Qty
from core.ids import Symbol


@dataclass(frozen=True, slots=True)
class RoughDay:
    """How often things go wrong; a chance is between 0 and 1.

    Attributes:
        latency_s: seconds of our clock that a call takes each way, at most; each draws its own.
        lose_request: chance that an order, a cancel or a replacement gets lost on its way.
        lose_answer: chance that its answer does.
        be_unavailable: chance that a call or a query finds nobody.
        drop_report: chance that a report is never delivered.
        duplicate_report: chance that it is delivered twice.
        reorder_report: chance that it is delivered after the one that follows it.
        disconnect: chance that the report stream is cut instead.
        halt: chance that a symbol is halted for a minute.
        wide: chance that its spread is many times as wide for a minute.
        thin: chance that its quotes display a few shares only for a minute.
    """

    latency_s: float = 0.0
    lose_request: float = 0.0
    lose_answer: float = 0.0
    be_unavailable: float = 0.0
    drop_report: float = 0.0
    duplicate_report: float = 0.0
    reorder_report: float = 0.0
    disconnect: float = 0.0
    halt: float = 0.0
    wide: float = 0.0
    thin: float = 0.0


CALM_DAY = RoughDay()
ROUGH_DAY = RoughDay(
    latency_s=0.8,
    lose_request=0.02,
    lose_answer=0.04,
    be_unavailable=0.02,
    drop_report=0.03,
    duplicate_report=0.05,
    reorder_report=0.05,
    disconnect=0.02,
    halt=0.01,
    wide=0.05,
    thin=0.25,
)


class Luck:
    """Draws between us and the exchange, in the order in which they are asked for."""

    def __init__(self, day: RoughDay, seed: int) -> None:
        self.day = day
        self._random = Random(seed)

    def strikes(self, chance: float) -> bool:
        """Say whether a misfortune of this chance happens now."""
        return chance > 0 and self._random.random() < chance

    def delay_s(self) -> float:
        """Draw how many seconds a call is on its way."""
        return self._random.uniform(0, self.day.latency_s) if self.day.latency_s else 0.0


class _Minute(Enum):
    CALM = auto()
    HALTED = auto()
    WIDE = auto()
    THIN = auto()


class Weather:
    """What a rough day does to quotes, minute by minute."""

    def __init__(self, day: RoughDay, seed: int) -> None:
        self._day = day
        self._seed = seed
        self._minutes: dict[Symbol, tuple[datetime, _Minute, int]] = {}

    def through(self, tick: Tick) -> Tick:
        """Return a quote as it is in its minute."""
        if self._day is CALM_DAY:
            return tick
        kind, strength = self._minute(tick)
        if tick.halted or kind is _Minute.CALM:
            return tick
        if kind is _Minute.HALTED:
            nothing = Qty(0)
            return replace(
                tick, bid=None, ask=None, bid_size=nothing, ask_size=nothing, last_size=nothing, halted=True
            )
        return _widened(tick, strength) if kind is _Minute.WIDE else _thinned(tick, strength)

    def _minute(self, tick: Tick) -> tuple[_Minute, int]:
        start = tick.time.replace(second=0, microsecond=0)
        known = self._minutes.get(tick.symbol)
        if known is None or known[0] != start:
            random = Random(f"{self._seed} {tick.symbol} {start.isoformat()}")
            known = self._minutes[tick.symbol] = (start, self._kind(random.random()), random.randrange(4, 17))
        return known[1], known[2]

    def _kind(self, draw: float) -> _Minute:
        for kind, chance in (
            (_Minute.HALTED, self._day.halt),
            (_Minute.WIDE, self._day.wide),
            (_Minute.THIN, self._day.thin),
        ):
            if draw < chance:
                return kind
            draw -= chance
        return _Minute.CALM


def _widened(tick: Tick, times: int) -> Tick:
    if tick.bid is None or tick.ask is None:
        return tick
    more = (tick.ask - tick.bid) * times / Decimal(2)
    more -= more % (tick.ask - tick.bid)  # stays on a tick
    if more >= tick.bid:
        return tick
    return replace(tick, bid=Price(tick.bid - more), ask=Price(tick.ask + more))


def _thinned(tick: Tick, most: int) -> Tick:
    return replace(
        tick, bid_size=Qty(min(tick.bid_size, Qty(most))), ask_size=Qty(min(tick.ask_size, Qty(most)))
    )
