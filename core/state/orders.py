"""Open orders and recent ones, and what the working ones may still do."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import NewType

from core.domain.order import Order
from core.domain.terms import OrderTerms
from core.ids import ClOrdId, Symbol
from core.state.working import NOBODY, NOTHING, LeftOut, Working, sleeps, sum_up

Reservation = NewType("Reservation", int)

_RECENT = 500


class OrderBook:
    """Live truth in memory; written by the core loop only.

    A reservation is an order between the judgement and its durable intent: it counts in
    every sum from the moment it is made. Sums are kept by symbol, and made anew for a symbol when they are
    next asked for after one of its orders or reservations changed; quotes and positions are no part of them.
    """

    def __init__(self) -> None:
        self._open: dict[ClOrdId, Order] = {}
        self._by_symbol: dict[Symbol, dict[ClOrdId, Order]] = {}
        self._ended: OrderedDict[ClOrdId, Order] = OrderedDict()
        self._reserved: dict[Reservation, OrderTerms] = {}
        self._count = 0
        self._working: dict[Symbol, Working] = {}
        self._stale: set[Symbol] = set()

    def put(self, order: Order) -> None:
        """Keep an order's newest state."""
        self._stale.add(order.symbol)
        if order.is_open:
            self._ended.pop(order.cl_ord_id, None)
            self._open[order.cl_ord_id] = order
            self._by_symbol.setdefault(order.symbol, {})[order.cl_ord_id] = order
            return
        self._open.pop(order.cl_ord_id, None)
        self._by_symbol.get(order.symbol, {}).pop(order.cl_ord_id, None)
        self._ended[order.cl_ord_id] = order
        self._ended.move_to_end(order.cl_ord_id)
        if len(self._ended) > _RECENT:
            self._ended.popitem(last=False)

    def get(self, cl_ord_id: ClOrdId) -> Order | None:
        """Return an open or recent order; None says only that it is not in memory."""
        return self._open.get(cl_ord_id) or self._ended.get(cl_ord_id)

    def open(self, symbol: Symbol | None = None) -> tuple[Order, ...]:
        """List open orders, of one symbol or of all, oldest first."""
        found = self._open if symbol is None else self._by_symbol.get(symbol, {})
        return tuple(found.values())

    def recent(self) -> tuple[Order, ...]:
        """List open and recently ended orders, newest first."""
        both = (*self._open.values(), *self._ended.values())
        return tuple(sorted(both, key=lambda order: order.created_at, reverse=True))

    def reserve(self, terms: OrderTerms) -> Reservation:
        """Count an order that has passed the rules and is not written yet."""
        self._count += 1
        ticket = Reservation(self._count)
        self._reserved[ticket] = terms
        self._stale.add(terms.symbol)
        return ticket

    def release(self, reservation: Reservation) -> None:
        """Stop counting it: it was written (and is an order now), or it failed."""
        terms = self._reserved.pop(reservation, None)
        if terms is not None:
            self._stale.add(terms.symbol)

    def reserved(self) -> tuple[OrderTerms, ...]:
        """List the reservations."""
        return tuple(self._reserved.values())

    def sleeps(self, order: Order) -> bool:
        """Say whether an order is a leg that waits for its entry, and so can do nothing yet."""
        return sleeps(order, self._by_symbol.get(order.symbol, {}))

    def working(self, symbol: Symbol, *without: ClOrdId | None) -> Working:
        """Return what may still fill of a symbol.

        Args:
            symbol: the symbol.
            without: orders that are left out, with what hangs on them.
        """
        ids = frozenset(each for each in without if each is not None)
        if not ids:
            return self.by_symbol().get(symbol, NOTHING)
        found = (self.get(each) for each in ids)
        siblings = frozenset(
            (each.list_id, each.side) for each in found if each is not None and each.list_id is not None
        )
        return self._sum_up(symbol, LeftOut(ids, siblings))

    def by_symbol(self) -> Mapping[Symbol, Working]:
        """Return what may still fill of every symbol in which an order works or is reserved."""
        for symbol in self._stale:
            working = self._sum_up(symbol)
            if working is NOTHING:
                self._working.pop(symbol, None)
            else:
                self._working[symbol] = working
        self._stale.clear()
        return self._working

    def _sum_up(self, symbol: Symbol, left_out: LeftOut = NOBODY) -> Working:
        opened = self._by_symbol.get(symbol, {})
        reserved = [terms for terms in self._reserved.values() if terms.symbol == symbol]
        return sum_up(opened, reserved, left_out) if opened or reserved else NOTHING
