"""Whether it is proven that an order can only lessen a position, by what is known at this moment."""

from decimal import Decimal

from core.domain.money import ZERO
from core.domain.order import Order
from core.domain.terms import Contingency, Side
from core.orders.gather import LiveState


def is_proven_exit(state: LiveState, order: Order) -> bool:
    """Say whether what an order may still fill is held, and not on its way out already.

    The order itself, and the one whose place it takes, are left out of the sums. While fills are missing,
    nothing is proven.
    """
    legs = order.terms.legs
    if order.terms.is_cash or (legs is not None and legs.contingency is Contingency.BRACKET):
        # How many shares an amount is, only the broker will know; and the legs of a bracket open anew.
        return False
    behind = (state.orders.get(cl_ord_id) for cl_ord_id in state.behind)
    if order.symbol in state.opaque or any(each is None or each.symbol == order.symbol for each in behind):
        return False
    working = state.orders.working(order.symbol, order.cl_ord_id, order.orig_cl_ord_id)
    held = state.positions.qty(order.symbol)
    left = held - working.sell_qty if order.side is Side.SELL else -held - working.buy_qty
    return order.leaves_qty - _filled_before(state, order) <= left


def _filled_before(state: LiveState, order: Order) -> Decimal:
    # A replacement's quantity counts the shares that the old order has filled.
    old = None if order.orig_cl_ord_id is None else state.orders.get(order.orig_cl_ord_id)
    return ZERO if old is None else old.cum_qty
