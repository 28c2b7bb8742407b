"""What the working orders of one symbol may still do, in sums that a judgement takes as they are.

What depends on the market is kept apart from what does not: a limit and an amount bound a cost for good, and
the rest is named, to be priced at the moment of the judgement.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from core.domain.money import ZERO
from core.domain.order import Order, Resting
from core.domain.terms import OrderTerms, OrdStatus, OrdType, Side
from core.ids import ClOrdId

_AT_ONCE = (OrdType.MARKET, OrdType.LIMIT)

# Shares that may still fill, where they would, the order's body, and dollars filled so far.
_Part = tuple[Decimal, Decimal, OrderTerms, Decimal]


@dataclass(frozen=True, slots=True)
class Claim:
    """What one purchase may still do whose cost the market decides.

    Attributes:
        leaves_qty: shares.
    """

    terms: OrderTerms
    leaves_qty: Decimal


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
    return _awaited(order, opened) is not None


def sum_up(
    opened: Mapping[ClOrdId, Order], reserved: Iterable[OrderTerms], left_out: LeftOut = NOBODY
) -> Working:
    """Sum the open orders and the reservations of one symbol."""
    buys: dict[ClOrdId, _Part] = {}
    sells: dict[ClOrdId, _Part] = {}
    lists: set[ClOrdId] = set()
    resting: list[Order] = []
    for order in opened.values():
        if order.cl_ord_id in left_out.ids:
            continue
        head = order.list_id or order.cl_ord_id
        lists.add(head)
        entry = _awaited(order, opened)
        if entry is None and order.terms.ord_type in _AT_ONCE:
            resting.append(order)
        part = _part(order, entry)
        if part[0] > 0 and head not in left_out.ids and (head, order.terms.side) not in left_out.siblings:
            _keep(buys if order.terms.side is Side.BUY else sells, head, part)
    waiting = list(reserved)
    return _in_sums(
        [*buys.values(), *(_waiting(terms) for terms in waiting if terms.side is Side.BUY)],
        [*sells.values(), *(_waiting(terms) for terms in waiting if terms.side is Side.SELL)],
        _first(resting, waiting, Side.BUY),
        _first(resting, waiting, Side.SELL),
        len(lists) + len(waiting),
    )


def _in_sums(
    buys: Iterable[_Part],
    sells: Iterable[_Part],
    first_buy: Resting | None,
    first_sell: Resting | None,
    count: int,
) -> Working:
    buy_qty, sell_qty, cost, dearest = ZERO, ZERO, ZERO, ZERO
    unbounded = []
    for leaves_qty, _, terms, filled in buys:
        buy_qty += leaves_qty
        if terms.cash_order_qty is not None:
            cost += max(terms.cash_order_qty - filled, ZERO)
        elif terms.price is not None:
            cost += leaves_qty * terms.price
        else:
            unbounded.append(Claim(terms, leaves_qty))
    for leaves_qty, _, terms, _ in sells:
        sell_qty += leaves_qty
        if terms.price is not None and terms.price > dearest:
            dearest = terms.price
    return Working(buy_qty, sell_qty, cost, tuple(unbounded), dearest, first_buy, first_sell, count)


def _awaited(order: Order, opened: Mapping[ClOrdId, Order]) -> Order | None:
    if order.list_id is None or order.ord_status is not OrdStatus.SUSPENDED:
        return None
    entry = opened.get(order.list_id)
    return None if entry is None or entry.cl_ord_id == order.cl_ord_id else entry


def _part(order: Order, entry: Order | None) -> _Part:
    terms = order.terms
    leaves_qty = terms.order_qty - order.cum_qty  # it is open, or it would not be here
    if entry is not None:
        # A leg that waits is there for what its entry has filled so far: nobody else may sell those shares.
        leaves_qty = min(leaves_qty, entry.cum_qty)
    filled = ZERO
    if terms.cash_order_qty is not None and order.avg_px is not None:
        filled = order.cum_qty * order.avg_px
    return leaves_qty, terms.stop_px or terms.price or ZERO, terms, filled


def _keep(largest: dict[ClOrdId, _Part], head: ClOrdId, part: _Part) -> None:
    known = largest.get(head)
    if known is None or known[:2] < part[:2]:
        largest[head] = part


def _waiting(terms: OrderTerms) -> _Part:
    return terms.order_qty, ZERO, terms, ZERO


def _first(resting: Iterable[Order], waiting: Iterable[OrderTerms], side: Side) -> Resting | None:
    # The cheapest sale and the dearest purchase are met first, a market order before all.
    first: Order | None = None
    for order in resting:
        if order.terms.side is side and (first is None or _is_before(order.terms, first.terms)):
            first = order
    sent: OrderTerms | None = None if first is None else first.terms
    for terms in waiting:
        if terms.side is side and terms.ord_type in _AT_ONCE and (sent is None or _is_before(terms, sent)):
            sent = terms
    if sent is None:
        return None
    if first is None or sent is not first.terms:
        return Resting(None, sent.order_qty, sent.price)
    return Resting(first.cl_ord_id, first.leaves_qty, sent.price, first.external)


def _is_before(terms: OrderTerms, other: OrderTerms) -> bool:
    if terms.price is None or other.price is None:
        return other.price is not None
    return terms.price < other.price if terms.side is Side.SELL else terms.price > other.price
