"""What automation has done lately: how often it opened a symbol, on which thesis, and what it is sending."""

from collections import deque
from collections.abc import Iterable

from core.clock import Clock
from core.domain.access import Origin
from core.domain.order import Order
from core.domain.proposals import Proposal, Thesis
from core.domain.terms import OrderTerms
from core.ids import Symbol
from core.state.orders import Reservation

ENTRIES_WINDOW_S = 600.0
# Of so many theses the newest are remembered; more orders than that cannot be sent on one day.
_MOST_THESES = 1_000
# The ways in by which a program orders.
AUTOMATED = (Origin.API, Origin.AGENT)


class Automation:
    """Remembers what was sent by programs. Lives on the core loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[Symbol, deque[float]] = {}
        self._theses: dict[Thesis, float] = {}
        self._reserved: dict[Reservation, Symbol] = {}

    def restore(self, orders: Iterable[Order]) -> None:
        """Begin with what is stored: an order of automation counts as an opening one, whatever it was."""
        now, steady = self._clock.now(), self._clock.monotonic()
        for order in sorted(orders, key=lambda each: each.created_at):
            age_s = (now - order.created_at).total_seconds()
            if order.origin in AUTOMATED and 0 <= age_s < ENTRIES_WINDOW_S:
                self._entries.setdefault(order.symbol, deque()).append(steady - age_s)

    def remember(self, proposal: Proposal, age_s: float) -> None:
        """Note a thesis that an order was sent on before this start, so many seconds ago."""
        self._theses[proposal.thesis_key] = self._clock.monotonic() - age_s

    def sent(
        self,
        terms: OrderTerms,
        origin: Origin,
        proposal: Proposal | None,
        reservation: Reservation,
        *,
        opens: bool,
    ) -> None:
        """Note an order that is on its way; of a person's nothing is kept.

        Args:
            opens: it is not proven to lessen a position; only then is it an entry.
        """
        now = self._clock.monotonic()
        if opens and origin in AUTOMATED:
            self._entries.setdefault(terms.symbol, deque()).append(now)
        if proposal is not None:
            self._theses.pop(proposal.thesis_key, None)
            self._theses[proposal.thesis_key] = now
            if len(self._theses) > _MOST_THESES:
                del self._theses[next(iter(self._theses))]
        if origin is Origin.AGENT:
            self._reserved[reservation] = terms.symbol

    def landed(self, reservation: Reservation) -> None:
        """Note that an order on its way is in the book by now, or has failed."""
        self._reserved.pop(reservation, None)

    def entries(self, symbol: Symbol, origin: Origin | None) -> int | None:
        """Return how often automation has opened a symbol in ten minutes; None where a person orders."""
        if origin not in AUTOMATED:
            return None
        found = self._entries.get(symbol)
        if found is None:
            return 0
        now = self._clock.monotonic()
        while found and now - found[0] >= ENTRIES_WINDOW_S:
            found.popleft()
        return len(found)

    def thesis_age_s(self, proposal: Proposal) -> float | None:
        """Return the seconds since an order on the same thesis was sent; None where there was none."""
        at = self._theses.get(proposal.thesis_key)
        return None if at is None else self._clock.monotonic() - at

    def reserved(self) -> tuple[Symbol, ...]:
        """List the symbols of the agent's orders that are on their way and not in the book yet."""
        return tuple(self._reserved.values())
