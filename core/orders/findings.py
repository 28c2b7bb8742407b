"""What a comparison with the broker finds, as it goes."""

from collections.abc import Callable
from dataclasses import replace

from core.domain.messages import Difference, DifferenceKind
from core.domain.order import Order
from core.ids import ClOrdId
from core.orders.bodies import number


class Findings:
    """The differences of the running comparison. Lives on the core loop.

    Attributes:
        on_told: told of each order of which asking told something new.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[DifferenceKind, str], Difference] = {}
        self.on_told: Callable[[ClOrdId], None] = lambda _: None

    def begin(self) -> None:
        """Forget what an earlier comparison found."""
        self._found.clear()

    @property
    def all(self) -> tuple[Difference, ...]:
        """What was found, in order; one for each kind and subject."""
        return tuple(self._found.values())

    def add(self, found: Difference) -> None:
        """Note a difference; of several of one kind and subject, the first of ours and the last of theirs."""
        key = (found.kind, found.subject)
        first = self._found.get(key)
        self._found[key] = found if first is None else replace(found, ours=first.ours)

    def told(self, before: Order | None, after: Order) -> None:
        """Note that asking told something of which the stream should tell as well.

        It need not where a leg waits or begins: not every broker says so.
        """
        filled = after.cum_qty if before is None else after.cum_qty - before.cum_qty
        if after.list_id is None or filled or not after.is_open:
            self.on_told(after.cl_ord_id)

    def changed(self, before: Order, after: Order) -> None:
        """Note what asking changed in our book."""
        if in_short(before) != in_short(after):
            kind = DifferenceKind.MISSED_REPORT
            self.add(Difference(kind, after.cl_ord_id, in_short(before), in_short(after), repaired=True))


def in_short(order: Order) -> str:
    """Say where an order stands."""
    return f"{order.ord_status}, {number(order.cum_qty)} filled"
