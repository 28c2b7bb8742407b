"""Holding the order stream against what a query tells: a live connection is no proof that it delivers."""

from core.clock import Clock
from core.ids import ClOrdId

# A change that was found by asking may still be on its way on the stream for this long.
PATIENCE_S = 5.0


class CrossCheck:
    """What was found by asking and was not heard on the stream yet. Lives on the core loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._found: dict[ClOrdId, float] = {}

    def found(self, cl_ord_id: ClOrdId) -> None:
        """Note that a query told something new of an order."""
        self._found.setdefault(cl_ord_id, self._clock.monotonic())

    def heard(self, cl_ord_id: ClOrdId) -> None:
        """Note that the stream told something of an order."""
        self._found.pop(cl_ord_id, None)

    def forget(self) -> None:
        """Begin anew with a new stream: what was told before is known by asking."""
        self._found.clear()

    def unheard(self) -> ClOrdId | None:
        """Return an order of which the stream should have told by now; None if it keeps up."""
        now = self._clock.monotonic()
        late = (cl_ord_id for cl_ord_id, at in self._found.items() if now - at >= PATIENCE_S)
        return next(late, None)
