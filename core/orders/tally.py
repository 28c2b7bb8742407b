"""How many shares of each order are in the book, against what the order itself says has filled."""

from collections.abc import Iterable
from decimal import Decimal

from core.domain.execution import Fill
from core.domain.money import ZERO
from core.domain.order import Order
from core.ids import ClOrdId, Symbol
from core.orders.booking import living_inferred, shares_of
from core.orders.gather import LiveState


class Tally:
    """Counts shares by order. Lives on the core loop.

    Attributes:
        behind: orders of which more shares were told than the entries in the book explain.
        inferred: orders of which some shares are booked that no fill has shown yet.
    """

    def __init__(self, state: LiveState) -> None:
        self._state = state
        self.behind: set[ClOrdId] = state.behind
        self.inferred: set[ClOrdId] = set()
        self._shares: dict[ClOrdId, Decimal] = {}

    def restore(self, fills: Iterable[Fill]) -> None:
        """Begin with the fills that are stored; what they do not explain of an order is still missing."""
        by_order: dict[ClOrdId, list[Fill]] = {}
        for fill in fills:
            by_order.setdefault(fill.cl_ord_id, []).append(fill)
        self.inferred.update(each for each, found in by_order.items() if living_inferred(found))
        for order in self._state.orders.recent():
            self.count(order, shares_of(order.side, by_order.get(order.cl_ord_id, ())))

    def shares(self, order: Order) -> Decimal | None:
        """Return what is booked of an order; None where that is to be read."""
        return self._shares.get(order.cl_ord_id, None if order.cum_qty else ZERO)

    def count(self, order: Order, shares: Decimal) -> None:
        """Note what is booked of an order now."""
        self._shares[order.cl_ord_id] = shares
        if shares < order.cum_qty:
            self.behind.add(order.cl_ord_id)
        else:
            self.behind.discard(order.cl_ord_id)

    def forgive(self, symbol: Symbol) -> None:
        """Take the orders of a symbol for explained: what they filled is in the position all the same."""
        for cl_ord_id in tuple(self.behind):
            order = self._state.orders.get(cl_ord_id)
            if order is None:
                self.behind.discard(cl_ord_id)
            elif order.symbol == symbol:
                self.count(order, order.cum_qty)

    def note(self, fill: Fill) -> None:
        """Note an entry, which may be inferred, or take an inferred one back."""
        if fill.inferred and fill.corrects is not None:
            self.inferred.discard(fill.cl_ord_id)
        elif fill.inferred:
            self.inferred.add(fill.cl_ord_id)
