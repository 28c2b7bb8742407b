"""How many shares of each order are in the book, against what the order itself says has filled."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from core.domain.execution import Fill
from core.domain.money import ZERO
from core.domain.order import Order
from core.ids import ClOrdId, Symbol
from core.orders.booking import living_inferred
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
        self._own: dict[ClOrdId, Decimal] = {}
        self._before: dict[ClOrdId, ClOrdId] = {}

    def wanted(self) -> tuple[ClOrdId, ...]:
        """Name the orders in memory, and those whose places they took."""
        orders = self._state.orders.recent()
        chains = (each for order in orders for each in self.chain(order))
        return tuple(dict.fromkeys((*(order.cl_ord_id for order in orders), *chains)))

    def restore(self, fills: Iterable[Fill], archived: Mapping[ClOrdId, Decimal]) -> None:
        """Begin with what is stored of orders; what it does not explain of one in memory is still missing.

        Args:
            fills: all of each order, oldest first.
            archived: shares, signed, of the orders whose fills stand in an archive.
        """
        self.learn(fills, archived)
        for order in self._state.orders.recent():
            self.count(order, self._own.get(order.cl_ord_id, ZERO))

    def learn(self, fills: Iterable[Fill], archived: Mapping[ClOrdId, Decimal]) -> None:
        """Take what is stored of orders that are not known yet; none is held against it."""
        by_order: dict[ClOrdId, list[Fill]] = {}
        for fill in fills:
            by_order.setdefault(fill.cl_ord_id, []).append(fill)
        # What is known already may be more: an order that was forgiven is explained.
        for cl_ord_id in (by_order.keys() | archived.keys()) - self._own.keys():
            found = by_order.get(cl_ord_id, [])
            # All that an order has filled is on its side; what was taken back is less than that.
            signed = sum((fill.signed_qty for fill in found), archived.get(cl_ord_id, ZERO))
            self._own[cl_ord_id] = abs(signed)
            if living_inferred(found):
                self.inferred.add(cl_ord_id)

    def link(self, chains: Mapping[ClOrdId, ClOrdId]) -> None:
        """Note which order took the place of which."""
        self._before.update(chains)

    def own(self, order: Order) -> Decimal | None:
        """Return what is booked of an order itself; None where that is to be read."""
        return self._own.get(order.cl_ord_id, None if order.cum_qty else ZERO)

    def chain(self, order: Order) -> tuple[ClOrdId, ...]:
        """Name the orders whose place it took, newest first; their fills count in its `cum_qty`."""
        found: list[ClOrdId] = []
        old = order.orig_cl_ord_id
        while old is not None and old not in found:
            found.append(old)
            old = self._before.get(old)
        return tuple(found)

    def inherited(self, order: Order) -> Decimal:
        """Return the shares that the orders before it in its chain have filled.

        They count as part of its `cum_qty`, as FIX has it and as the embedded exchange does. Alpaca does not
        say whether its `filled_qty` of a replacement begins anew, so no report can carry the answer (paper
        check P13 asks for it). Taken for counted, a fill that is missing of such an order may be found only
        by the position that differs; taken for not counted, shares could be inferred, and booked, twice. It
        matters only where a part fills while the replacement is on its way: with a part filled, none is sent.
        """
        return sum((self._own.get(each, ZERO) for each in self.chain(order)), ZERO)

    def count(self, order: Order, own: Decimal) -> None:
        """Note what is booked of an order itself now."""
        self._own[order.cl_ord_id] = own
        if order.orig_cl_ord_id is not None:
            self._before[order.cl_ord_id] = order.orig_cl_ord_id
        if own + self.inherited(order) < order.cum_qty:
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
                self.count(order, order.cum_qty - self.inherited(order))

    def note(self, fill: Fill) -> None:
        """Note an entry, which may be inferred, or take an inferred one back."""
        if fill.inferred and fill.corrects is not None:
            self.inferred.discard(fill.cl_ord_id)
        elif fill.inferred:
            self.inferred.add(fill.cl_ord_id)
