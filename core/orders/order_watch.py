"""Rejects of the broker, and trades that lose: what pauses a way in or the agent."""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from core.bus import Bus
from core.clock import Clock
from core.domain.access import Origin
from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.messages import OrderChanged
from core.domain.order import Order
from core.domain.outcomes import PortfolioPeak, TradeOutcome
from core.domain.terms import OrdStatus
from core.ids import ClOrdId
from core.orders.gather import LiveState
from core.orders.refusals import NOT_SENT
from core.orders.watching import Reading
from core.portfolio.outcomes import losing_streak

KEPT = 500
_SOURCES = (Origin.WINDOW, Origin.API, Origin.AGENT)


class RejectWatch:
    """Measures `REJECT_RATE`: what the broker rejected of each way in, within a while (B6)."""

    def __init__(self, state: LiveState, clock: Clock, bus: Bus) -> None:
        self._state = state
        self._clock = clock
        self._at: dict[Origin, deque[float]] = {source: deque(maxlen=KEPT) for source in _SOURCES}
        self._seen: deque[ClOrdId] = deque(maxlen=KEPT)
        bus.subscribe(OrderChanged, lambda event: self._on_order(event.order))

    def restore(self, orders: Iterable[Order], now: datetime) -> None:
        """Begin with what the last run saw rejected, and no breaker's step has taken into account.

        Args:
            orders: ended ones that changed after the last step of the breaker of their way in.
            now: our time, UTC.
        """
        steady = self._clock.monotonic()
        for order in orders:
            self._note(order, steady - (now - order.updated_at).total_seconds())

    def _on_order(self, order: Order) -> None:
        self._note(order, self._clock.monotonic())

    def _note(self, order: Order, at: float) -> None:
        is_broker_s = order.ord_status is OrdStatus.REJECTED and not order.text.startswith(NOT_SENT)
        if not is_broker_s or order.gave_up or order.origin not in self._at or order.cl_ord_id in self._seen:
            return
        self._seen.append(order.cl_ord_id)
        self._at[order.origin].append(at)

    def readings(self) -> tuple[Reading, ...]:
        """Return the count of each way in."""
        return tuple(self._reading(source) for source in _SOURCES)

    def _reading(self, source: Origin) -> Reading:
        window_s = self._state.limits_for(source).rejects_s
        now = self._clock.monotonic()
        count = sum(now - at < window_s for at in self._at[source])
        text = f"The broker rejected {count} orders of the {source.value} within {window_s:g} s."
        return Reading(BreakerName.REJECT_RATE, Decimal(count), text, source.value)

    def forget(self, record: BreakerRecord) -> None:
        """Begin to count anew."""
        if record.name is BreakerName.REJECT_RATE:
            self._at[Origin(record.source)].clear()


class StreakWatch:
    """Measures `LOSING_STREAK`: losing trades in a row since the last acknowledgement (A22)."""

    def __init__(self) -> None:
        self._outcomes: deque[TradeOutcome] = deque(maxlen=KEPT)
        self._count = 0
        self._streak = 0

    def restore(self, outcomes: Iterable[TradeOutcome], count: int, record: BreakerRecord | None) -> None:
        """Begin with what is stored: outcomes newest first, how many there are in all, and the last step."""
        self._count = count
        passed = 0 if record is None else _passed(record)
        newest = list(outcomes)[: max(count - passed, 0)]
        self._outcomes.extend(reversed(newest))
        self._streak = losing_streak(reversed(self._outcomes))

    def note(self, outcome: TradeOutcome) -> None:
        """Take an outcome that was booked just now."""
        self._count += 1
        self._outcomes.append(outcome)
        self._streak = losing_streak(reversed(self._outcomes))

    def readings(self) -> tuple[Reading, ...]:
        """Return the streak."""
        text = f"{self._streak} trades in a row have lost."
        return (Reading(BreakerName.LOSING_STREAK, Decimal(self._streak), text),)

    def forget(self, record: BreakerRecord) -> None:
        """Count from here."""
        if record.name is BreakerName.LOSING_STREAK:
            self._outcomes.clear()
            self._streak = 0

    def completed(self, record: BreakerRecord) -> tuple[BreakerRecord, PortfolioPeak | None]:
        """Note in an acknowledgement how many outcomes there were by then."""
        return replace(record, value=Decimal(self._count)), None


def _passed(record: BreakerRecord) -> int:
    # While tripped, its value is the streak; from the acknowledgement on, the outcomes that do not count.
    if record.state is BreakerState.TRIPPED or record.value is None:
        return 0
    return int(record.value)
