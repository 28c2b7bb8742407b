"""Open orders and recent ones, and what the working ones may still do."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NewType

from core.domain.money import ZERO
from core.domain.order import Order, Resting
from core.domain.terms import OrderTerms, OrdStatus, Side
from core.ids import ClOrdId, Symbol

Reservation = NewType("Reservation", int)

_RECENT = 500


@dataclass(frozen=True, slots=True)
class Working:
    """Shares of a symbol that working orders may still buy and sell."""

    buy_qty: Decimal
    sell_qty: Decimal


@dataclass(frozen=True, slots=True)
class Claim:
    """What one order, or one of several that end each other, may still do.

    Attributes:
        leaves_qty: shares, by our estimate where dollars were ordered.
        filled: dollars that a cash order has spent or raised so far.
    """

    terms: OrderTerms
    leaves_qty: Decimal
    filled: Decimal = ZERO


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

    def sleeps(self, order: Order) -> bool:
        """Say whether an order is a leg that waits for its entry, and so can do nothing yet.

        Once the entry has ended, or where it is not known, the leg counts: it may be at work already.
        """
        if order.ord_status is not OrdStatus.SUSPENDED or order.list_id is None:
            return False
        entry = self._open.get(order.list_id)
        return entry is not None and entry.cl_ord_id != order.cl_ord_id

    def claims(
        self, symbol: Symbol | None = None, without: Iterable[ClOrdId | None] = ()
    ) -> tuple[Claim, ...]:
        """List what may still fill, reservations included; of orders that end each other, the largest.

        Args:
            symbol: of one symbol or of all.
            without: orders that are left out, with what hangs on them.
        """
        left_out = frozenset(each for each in without if each is not None)
        # Of legs that end each other the others do no more than the one that is left out would.
        found = (self.get(each) for each in left_out)
        siblings = {
            (each.list_id, each.side) for each in found if each is not None and each.list_id is not None
        }
        largest: dict[tuple[ClOrdId, Side], Claim] = {}
        for order in self.open(symbol):
            head, leaves_qty = order.list_id or order.cl_ord_id, self._may_fill(order)
            if order.cl_ord_id in left_out or head in left_out or not leaves_qty:
                continue
            if (head, order.side) in siblings:
                continue
            claim = Claim(order.terms, leaves_qty, _spent(order))
            known = largest.get((head, order.side))
            if known is None or _size(known) < _size(claim):
                largest[head, order.side] = claim
        waiting = [Claim(terms, terms.order_qty) for terms in self._reserved.values()]
        return (*largest.values(), *(each for each in waiting if symbol in (None, each.terms.symbol)))

    def _may_fill(self, order: Order) -> Decimal:
        # A leg that waits is there for what its entry has filled so far: nobody else may sell those shares.
        entry = self._open.get(order.list_id) if order.list_id is not None else None
        if entry is None or not self.sleeps(order):
            return order.leaves_qty
        return min(order.leaves_qty, entry.cum_qty)

    def count(self, symbol: Symbol | None = None, without: ClOrdId | None = None) -> int:
        """Count what may still fill, reservations included; an order and its legs count once."""
        heads = {each.list_id or each.cl_ord_id for each in self.open(symbol) if each.cl_ord_id != without}
        return len(heads) + sum(symbol in (None, terms.symbol) for terms in self._reserved.values())

    def first_met(self, symbol: Symbol, side: Side, without: ClOrdId | None = None) -> Resting | None:
        """Return the order of a side at the best price; a market order before all, None if none rests.

        An order that waits for its trigger or for its entry does not rest yet.
        """
        found = [
            Resting(order.cl_ord_id, order.leaves_qty, order.terms.price, order.external)
            for order in self.open(symbol)
            if _rests(order.terms, side) and order.cl_ord_id != without and not self.sleeps(order)
        ]
        found += [
            Resting(None, terms.order_qty, terms.price)
            for terms in self._reserved.values()
            if terms.symbol == symbol and _rests(terms, side)
        ]
        return min(found, key=lambda each: _place(each, side), default=None)

    def working(self, symbol: Symbol, *without: ClOrdId | None) -> Working:
        """Sum what may still be bought and sold of a symbol, UNKNOWN orders and reservations included."""
        buy, sell = ZERO, ZERO
        for claim in self.claims(symbol, without):
            if claim.terms.side is Side.BUY:
                buy += claim.leaves_qty
            else:
                sell += claim.leaves_qty
        return Working(buy, sell)


def _rests(terms: OrderTerms, side: Side) -> bool:
    return terms.side is side and not terms.ord_type.waits


def _place(resting: Resting, side: Side) -> tuple[bool, Decimal]:
    # The cheapest sale and the dearest purchase are met first.
    return resting.price is not None, -(resting.price or ZERO) * side.sign


def _spent(order: Order) -> Decimal:
    return ZERO if order.avg_px is None or not order.terms.is_cash else order.cum_qty * order.avg_px


def _size(claim: Claim) -> tuple[Decimal, Decimal]:
    return claim.leaves_qty, claim.terms.stop_px or claim.terms.price or ZERO
