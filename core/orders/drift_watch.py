"""Positions that differ from the broker's, until they are explained (B9)."""

from datetime import timedelta
from decimal import Decimal

from core.bus import Bus
from core.clock import Clock
from core.domain.breakers import BreakerName, BreakerRecord
from core.domain.messages import Difference, DifferenceKind, Reconciled
from core.domain.money import ZERO
from core.ids import Symbol
from core.orders.gather import LiveState
from core.orders.watching import Reading

# An order that works, or ended so lately, may have a fill of which the broker tells a moment later.
_LATELY = timedelta(seconds=60)


class DriftWatch:
    """Measures `DRIFT`, from what the comparisons with the broker find. Lives on the core loop.

    What a comparison lists was looked for in the whole history of fills before. It counts at once; where an
    order of the symbol works or ended a moment ago, only when the next comparison finds it too. A
    comparison that could not be ended says nothing.
    """

    def __init__(self, state: LiveState, clock: Clock, bus: Bus) -> None:
        self._state = state
        self._clock = clock
        self._before: frozenset[str] = frozenset()
        self._differ: tuple[Decimal | None, str] = (None, "")
        bus.subscribe(Reconciled, self._on_run)

    def _on_run(self, event: Reconciled) -> None:
        if event.run.failure:
            return
        found = [each for each in event.run.differences if each.kind is DifferenceKind.POSITION]
        counted = [each for each in found if each.subject in self._before or self._is_quiet(each.subject)]
        self._before = frozenset(each.subject for each in found)
        shares = sum((abs(Decimal(each.ours) - Decimal(each.broker)) for each in counted), ZERO)
        self._differ = (shares, _words(counted[0]) if counted else "")

    def _is_quiet(self, symbol: str) -> bool:
        since = self._clock.now() - _LATELY
        recent = (order for order in self._state.orders.recent() if order.symbol == Symbol(symbol))
        return not any(order.is_open or order.updated_at >= since for order in recent)

    def readings(self) -> tuple[Reading, ...]:
        """Return the shares that differ; unknown before the first comparison."""
        return (Reading(BreakerName.DRIFT, *self._differ),)

    def forget(self, record: BreakerRecord) -> None:
        """Nothing to forget: it is over when a comparison finds none."""


def _words(found: Difference) -> str:
    return f"{found.subject}: our book said {found.ours} shares, the broker {found.broker}."
