"""Lists: what the orders of a bracket or of a pair do to one another.

A bracket's legs wait until the entry has filled completely, or has ended with some shares filled; then
they work, and one ends the other. The legs of an OCO work from the beginning.
"""

from collections.abc import Callable
from dataclasses import replace

from core.adapters.simulator.books import Books
from core.adapters.simulator.working import LegRole, OrderList, WorkingOrder
from core.domain.execution import ExecType
from core.domain.money import Qty, plain
from core.domain.terms import Legs, OrderTerms, OrdStatus, OrdType


class Lists:
    """Keeps the lists of a set of books."""

    def __init__(self, books: Books, arrive: Callable[[WorkingOrder], None]) -> None:
        self._books = books
        self._arrive = arrive

    def enter(self, first: WorkingOrder) -> None:
        """Begin the legs that hang on a new order, and report each."""
        group, legs = first.group, first.terms.legs
        if group is None or legs is None:
            return
        for role in LegRole:
            if role not in group.legs:
                terms = leg_terms(first.terms, legs, group, role)
                leg = self._books.enter_leg(group, role, terms, suspended=group.is_bracket)
                self._books.report(leg, ExecType.SUSPENDED if leg.suspended else ExecType.NEW)

    def settle(self, order: WorkingOrder) -> None:
        """Do to the others of its list what follows from an order's fill or end."""
        group = order.group
        if group is None:
            return
        if not group.is_bracket or group.first is not order:
            if not order.is_open or not group.remaining:
                self._end(group, order, "the other order of the pair has ended")
        elif not order.is_open:
            waiting = [leg for leg in group.legs.values() if leg.suspended and leg.is_open]
            if not group.remaining:
                self._end(group, order, "no shares of the entry are left")
            elif waiting:
                self._begin(group)

    def _begin(self, group: OrderList) -> None:
        if group.first.cum_qty < group.first.terms.order_qty:
            self._renew(group)
        else:
            for leg in group.legs.values():
                self._books.begin(leg)
                self._books.report(leg, ExecType.RESTATED, "the entry has filled: the order works")
        for leg in tuple(group.legs.values()):
            self._arrive(leg)

    def _renew(self, group: OrderList) -> None:
        # An order keeps its quantity for life, so legs for fewer shares are other orders.
        qty = Qty(group.first.cum_qty)
        for role, leg in tuple(group.legs.items()):
            self._books.end(leg, OrdStatus.CANCELED)
            text = f"the entry ended with {plain(qty)} shares filled: another order follows for those"
            self._books.report(leg, ExecType.CANCELED, text)
            new = self._books.enter_leg(group, role, replace(leg.terms, order_qty=qty), suspended=False)
            self._books.report(new, ExecType.NEW)

    def _end(self, group: OrderList, cause: WorkingOrder, text: str) -> None:
        is_over = cause.ended is OrdStatus.EXPIRED
        status = OrdStatus.EXPIRED if is_over else OrdStatus.CANCELED
        for leg in group.legs.values():
            if leg.is_open:
                self._books.end(leg, status)
                self._books.report(leg, ExecType.EXPIRED if is_over else ExecType.CANCELED, text)


def leg_terms(first: OrderTerms, legs: Legs, group: OrderList, role: LegRole) -> OrderTerms:
    """Write the body of a leg of a new list."""
    body = replace(first, side=group.side, price=None, legs=None)
    if role is LegRole.TAKE_PROFIT:
        return replace(body, ord_type=OrdType.LIMIT, price=legs.take_profit)
    kind = OrdType.STOP if legs.stop_limit is None else OrdType.STOP_LIMIT
    return replace(body, ord_type=kind, stop_px=legs.stop_px, price=legs.stop_limit)


def changed_legs(order: WorkingOrder, terms: OrderTerms) -> Legs | None:
    """Return the prices of a list as they would be if one of its orders were replaced; None without legs."""
    group = order.group
    if group is None:
        return None
    bodies = {role: terms if leg is order else leg.terms for role, leg in group.legs.items()}
    takes, stops = bodies[LegRole.TAKE_PROFIT], bodies[LegRole.STOP_LOSS]
    if takes.price is None or stops.stop_px is None:
        return None
    return Legs(group.contingency, takes.price, stops.stop_px, stops.price)
