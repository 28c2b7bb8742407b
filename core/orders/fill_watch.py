"""Fills that are worse than the decision counted on, and fills of more than was ordered (B7, B8)."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from core.bus import Bus
from core.domain.breakers import BreakerName, BreakerRecord
from core.domain.execution import Fill
from core.domain.messages import FillBooked, OrderChanged
from core.domain.money import ZERO
from core.domain.order import Order
from core.ids import ClOrdId
from core.orders.gather import LiveState
from core.orders.watching import Reading
from core.risk.slippage import decision_price, slip_pct
from core.risk.words import percent, price


class FillWatch:
    """Measures `SLIPPAGE` and `OVERFILL`. Lives on the core loop."""

    def __init__(self, state: LiveState, bus: Bus) -> None:
        self._state = state
        self._decided: dict[ClOrdId, Decimal] = {}
        self._worst: tuple[Decimal, str] = (ZERO, "")
        self._excess: tuple[Decimal, str] = (ZERO, "")
        self._known: dict[ClOrdId, Decimal] = {}
        bus.subscribe(FillBooked, self._on_fill)
        bus.subscribe(OrderChanged, self._on_order)

    def restore(self, decided: Mapping[ClOrdId, Decimal]) -> None:
        """Begin with the decision prices of the orders that may still fill."""
        self._decided.update(decided)

    def recover(self, fills: Iterable[Fill], decided: Mapping[ClOrdId, Decimal]) -> None:
        """Measure fills that the last run booked, and may have ended before it judged them."""
        for fill in fills:
            self._measure(fill, decided.get(fill.cl_ord_id))

    def decided(self, order: Order, decision_px: Decimal | None) -> None:
        """Note what an order that was written ahead counts on."""
        if decision_px is not None:
            self._decided[order.cl_ord_id] = decision_px

    def _on_order(self, event: OrderChanged) -> None:
        # A fill is booked before its order is told of; after the last one nothing more is expected.
        if not event.order.is_open:
            self._decided.pop(event.order.cl_ord_id, None)

    def _on_fill(self, event: FillBooked) -> None:
        self._measure(event.fill, self._decision_px(event.fill.cl_ord_id))

    def _measure(self, fill: Fill, decision_px: Decimal | None) -> None:
        if decision_px is None or decision_px <= 0 or fill.corrects is not None or fill.inferred:
            return
        worse = slip_pct(fill.side, decision_px, fill.last_px)
        if worse > self._worst[0]:
            words = f"{fill.symbol}: a fill at {price(fill.last_px)} is {percent(worse)} worse than"
            self._worst = (worse, f"{words} {price(decision_px)}, at which it was decided.")

    def _decision_px(self, cl_ord_id: ClOrdId) -> Decimal | None:
        found = self._decided.get(cl_ord_id)
        order = self._state.orders.get(cl_ord_id)
        if found is not None or order is None or order.external:
            return found
        return decision_price(order.terms, None)  # of a stop that hangs on an entry

    def overfilled(self, order: Order) -> None:
        """Note an order that has filled more than it asked for."""
        if order.cum_qty <= self._known.get(order.cl_ord_id, order.order_qty):
            return
        self._known[order.cl_ord_id] = order.cum_qty
        text = f"{order.symbol}: more was filled ({order.cum_qty}) than ordered ({order.order_qty})."
        self._excess = (order.cum_qty - order.order_qty, text)

    def readings(self) -> tuple[Reading, ...]:
        """Return the worst fill, and the shares too many, since the last acknowledgement."""
        return (
            Reading(BreakerName.SLIPPAGE, *self._worst),
            Reading(BreakerName.OVERFILL, *self._excess),
        )

    def forget(self, record: BreakerRecord) -> None:
        """Begin anew."""
        if record.name is BreakerName.SLIPPAGE:
            self._worst = (ZERO, "")
        elif record.name is BreakerName.OVERFILL:
            self._excess = (ZERO, "")
