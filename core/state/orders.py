"""Open orders and recent ones, and what the working ones may still do."""

from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from typing import NewType

from core.domain.money import ZERO
from core.domain.order import Order
from core.domain.terms import OrderTerms, Side
from core.ids import ClOrdId, Symbol

Reservation = NewType("Reservation", int)

_RECENT = 500


@dataclass(frozen=True, slots=True)
class Working:
    """Shares of a symbol that working orders may still buy and sell."""

    buy_qty: Decimal
    sell_qty: Decimal


class OrderBook:
    """Live truth in memory; written by the core loop only.

    A reservation is an order between the judgement and its durable intent: it counts in
    every sum from the moment it is made.
    """

    def __init__(self) -> None:
        self._open: dict[ClOrdId, Order] = {}
        self._by_symbol: dict[Symbol, dict[ClOrdId, Order]] = {}
        self._ended: OrderedDict[ClOrdId, Order] = OrderedDict()
        self._reserved: dict[Reservation, OrderTerms] = {}
        self._count = 0

    def put(self, order: Order) -> None:
        """Keep an order's newest state."""
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
        return ticket

    def release(self, reservation: Reservation) -> None:
        """Stop counting it: it was written (and is an order now), or it failed."""
        self._reserved.pop(reservation, None)

    def reserved(self) -> tuple[OrderTerms, ...]:
        """List the reservations."""
        return tuple(self._reserved.values())

    def working(self, symbol: Symbol, without: ClOrdId | None = None) -> Working:
        """Sum what may still be bought and sold of a symbol, UNKNOWN orders and reservations included."""
        buy, sell = ZERO, ZERO
        for order in self._by_symbol.get(symbol, {}).values():
            if order.cl_ord_id == without:
                continue
            if order.side is Side.BUY:
                buy += order.leaves_qty
            else:
                sell += order.leaves_qty
        for terms in self._reserved.values():
            if terms.symbol != symbol:
                continue
            if terms.side is Side.BUY:
                buy += terms.order_qty
            else:
                sell += terms.order_qty
        return Working(buy, sell)
