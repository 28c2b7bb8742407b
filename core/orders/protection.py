"""Which shares working stops protect, and a word as soon as some are not."""

from decimal import Decimal

from core.bus import Bus
from core.domain.messages import FillBooked, Notice, Severity
from core.domain.money import ZERO
from core.domain.order import Order
from core.domain.terms import Contingency, OrdStatus, Side
from core.ids import ClOrdId, Symbol
from core.orders.bodies import number
from core.orders.gather import LiveState


def may_cover(order: Order) -> bool:
    """Say whether an order can protect a position: a stop, a trailing stop, or a pair with a stop in it."""
    legs = order.terms.legs
    return order.ord_type.waits or (legs is not None and legs.contingency is Contingency.OCO)


def stop_cover(state: LiveState, symbol: Symbol) -> Decimal:
    """Return the shares of a position that stops protect which the broker shows at work.

    Legs of one list end one another, so they count once; a leg whose entry still works protects nothing.
    """
    held = state.positions.qty(symbol)
    closing = Side.SELL if held > 0 else Side.BUY
    largest: dict[ClOrdId, Decimal] = {}
    for order in state.orders.open(symbol):
        if order.side is closing and order.acked and may_cover(order) and not state.orders.sleeps(order):
            head = order.list_id or order.cl_ord_id
            largest[head] = max(largest.get(head, ZERO), order.leaves_qty)
    return min(sum(largest.values(), ZERO), abs(held))


class Protection:
    """Says at once when shares were bought (or sold short) that no stop protects. Runs on the core loop.

    Attributes:
        is_wanted: whether this profile wants a stop behind each position.
    """

    def __init__(self, state: LiveState, bus: Bus) -> None:
        self._state = state
        self._bus = bus
        self.is_wanted = True
        bus.subscribe(FillBooked, self._on_fill)

    def _on_fill(self, event: FillBooked) -> None:
        held, fill = event.position.qty, event.fill
        opens = held * fill.signed_qty > 0 and fill.corrects is None
        if not self.is_wanted or not opens or self._has_legs_to_come(fill.cl_ord_id):
            return
        bare = abs(held) - stop_cover(self._state, fill.symbol)
        if bare > 0:
            text = f"{fill.symbol}: {number(bare)} of {number(abs(held))} shares have no stop behind them."
            self._bus.publish(Notice(Severity.FACT, text, f"cover:{fill.symbol}"))

    def _has_legs_to_come(self, cl_ord_id: ClOrdId) -> bool:
        order = self._state.orders.get(cl_ord_id)
        if order is None or order.terms.legs is None:
            return False
        return order.ord_status is not OrdStatus.CANCELED
