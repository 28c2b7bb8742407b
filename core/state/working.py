"""What the working orders of one symbol may still do, in sums that a judgement takes as they are.

What depends on the market is kept apart from what does not: a limit and an amount bound a cost for good, and
the rest is named, to be priced at the moment of the judgement.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from core.domain.money import ZERO
from core.domain.order import Order, Resting
from core.domain.terms import OrderTerms, OrdStatus, Side
from core.ids import ClOrdId


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

    @property
    def cost(self) -> Decimal | None:
        """Dollars that it comes to at most, by its amount or its limit; None where the market decides."""
        if self.terms.cash_order_qty is not None:
            return max(self.terms.cash_order_qty - self.filled, ZERO)
        return None if self.terms.price is None else self.leaves_qty * self.terms.price


@dataclass(frozen=True, slots=True)
class Working:
    """All that may still fill of a symbol, UNKNOWN orders and reservations included.

    Attributes:
        buy_qty: shares that purchases may still bring; of those that end each other, the largest.
        sell_qty: shares that sales may still take; the same.
        cost: dollars of the purchases that are bounded, whatever the market does; fees aside.
        unbounded: the purchases whose cost the market decides.
        dearest: dollars a share; the highest limit of the sales, zero without one.
        first_buy: the purchase at the best price, a market order before all; None where none rests.
        first_sell: the same of the sales.
        count: orders; those of one list count once.
    """

    buy_qty: Decimal = ZERO
    sell_qty: Decimal = ZERO
    cost: Decimal = ZERO
    unbounded: tuple[Claim, ...] = ()
    dearest: Decimal = ZERO
    first_buy: Resting | None = None
    first_sell: Resting | None = None
    count: int = 0

    def first(self, side: Side) -> Resting | None:
        """Return the order that one of the other side would meet first."""
        return self.first_buy if side is Side.BUY else self.first_sell


NOTHING = Working()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Orders that are not summed, with what hangs on them.

    Attributes:
        ids: the orders.
        siblings: list and side of those that are legs: of legs that end each other the others do no more
            than the one that is left out would.
    """

    ids: frozenset[ClOrdId] = frozenset()
    siblings: frozenset[tuple[ClOrdId, Side]] = frozenset()


NOBODY = LeftOut()


def sleeps(order: Order, opened: Mapping[ClOrdId, Order]) -> bool:
    """Say whether an order is a leg that waits for its entry, and so can do nothing yet.

    Once the entry has ended, or where it is not known, the leg counts: it may be at work already.

    Args:
        order: the leg.
        opened: all open orders of its symbol.
    """
    if order.list_id is None or order.ord_status is not OrdStatus.SUSPENDED:
        return False
    entry = opened.get(order.list_id)
    return entry is not None and entry.cl_ord_id != order.cl_ord_id


def sum_up(
    opened: Mapping[ClOrdId, Order], reserved: Iterable[OrderTerms], left_out: LeftOut = NOBODY
) -> Working:
    """Sum the open orders and the reservations of one symbol."""
    counted = [order for order in opened.values() if order.cl_ord_id not in left_out.ids]
    waiting = list(reserved)
    buys, sells = _claims(counted, opened, left_out)
    buys += [Claim(terms, terms.order_qty) for terms in waiting if terms.side is Side.BUY]
    sells += [Claim(terms, terms.order_qty) for terms in waiting if terms.side is Side.SELL]
    costs = [(claim, claim.cost) for claim in buys]
    resting = [
        (order.side, Resting(order.cl_ord_id, order.leaves_qty, order.terms.price, order.external))
        for order in counted
        if not order.ord_type.waits and not sleeps(order, opened)
    ]
    resting += [
        (terms.side, Resting(None, terms.order_qty, terms.price))
        for terms in waiting
        if not terms.ord_type.waits
    ]
    return Working(
        sum((claim.leaves_qty for claim in buys), ZERO),
        sum((claim.leaves_qty for claim in sells), ZERO),
        sum((cost for _, cost in costs if cost is not None), ZERO),
        tuple(claim for claim, cost in costs if cost is None),
        max((claim.terms.price or ZERO for claim in sells), default=ZERO),
        _first(resting, Side.BUY),
        _first(resting, Side.SELL),
        len({order.list_id or order.cl_ord_id for order in counted}) + len(waiting),
    )


def _claims(
    orders: Iterable[Order], opened: Mapping[ClOrdId, Order], left_out: LeftOut
) -> tuple[list[Claim], list[Claim]]:
    buys: dict[ClOrdId, Claim] = {}
    sells: dict[ClOrdId, Claim] = {}
    for order in orders:
        head, side = order.list_id or order.cl_ord_id, order.side
        leaves_qty = _may_fill(order, opened)
        if not leaves_qty or head in left_out.ids or (head, side) in left_out.siblings:
            continue
        largest = buys if side is Side.BUY else sells
        claim = Claim(order.terms, leaves_qty, _spent(order))
        known = largest.get(head)
        if known is None or _size(known) < _size(claim):
            largest[head] = claim
    return list(buys.values()), list(sells.values())


def _may_fill(order: Order, opened: Mapping[ClOrdId, Order]) -> Decimal:
    # A leg that waits is there for what its entry has filled so far: nobody else may sell those shares.
    if order.list_id is None or not sleeps(order, opened):
        return order.leaves_qty
    return min(order.leaves_qty, opened[order.list_id].cum_qty)


def _spent(order: Order) -> Decimal:
    return ZERO if order.avg_px is None or not order.terms.is_cash else order.cum_qty * order.avg_px


def _size(claim: Claim) -> tuple[Decimal, Decimal]:
    return claim.leaves_qty, claim.terms.stop_px or claim.terms.price or ZERO


def _first(resting: Iterable[tuple[Side, Resting]], side: Side) -> Resting | None:
    found = (each for its_side, each in resting if its_side is side)
    return min(found, key=lambda each: _place(each, side), default=None)


def _place(resting: Resting, side: Side) -> tuple[bool, Decimal]:
    # The cheapest sale and the dearest purchase are met first.
    return resting.price is not None, -(resting.price or ZERO) * side.sign
