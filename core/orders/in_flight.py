"""Orders that wait for the broker's answer for too long: asked for by their id (D-29)."""

from dataclasses import dataclass

from core.clock import Clock
from core.domain.terms import OrdStatus
from core.ids import ClOrdId
from core.orders.gather import LiveState
from core.orders.lookups import LookUps

_WAITING = frozenset({OrdStatus.PENDING_NEW, OrdStatus.PENDING_CANCEL, OrdStatus.PENDING_REPLACE})
PATIENCE_S = 5.0
MOST_TRIES = 5
# After the quick tries it is left to the comparison with the broker, and asked for now and then.
SLOW_S = 30.0


@dataclass(slots=True)
class _Wait:
    status: OrdStatus
    due: float
    tries: int = 0


class InFlight:
    """Watches orders whose state says that an answer is due. Runs on the core loop."""

    def __init__(self, state: LiveState, lookups: LookUps, clock: Clock) -> None:
        self._state = state
        self._lookups = lookups
        self._clock = clock
        self._waits: dict[ClOrdId, _Wait] = {}

    async def look(self) -> None:
        """Ask once for each order that is due; called every two seconds.

        Raises:
            BrokerUnavailable, OutcomeUnknown: the broker did not answer.
        """
        now = self._clock.monotonic()
        waiting = {
            order.cl_ord_id: order for order in self._state.orders.open() if order.ord_status in _WAITING
        }
        self._waits = {each: wait for each, wait in self._waits.items() if each in waiting}
        for cl_ord_id, order in waiting.items():
            wait = self._waits.get(cl_ord_id)
            if wait is None or wait.status is not order.ord_status:
                self._waits[cl_ord_id] = _Wait(order.ord_status, now + PATIENCE_S)
            elif now >= wait.due:
                wait.tries += 1
                wait.due = now if wait.tries < MOST_TRIES else now + SLOW_S
                await self._lookups.ask(order)
