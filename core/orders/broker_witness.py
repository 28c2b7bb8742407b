"""The broker's list of orders as a witness of the record: each id of ours has a piece of the chain in it."""

import structlog

from core.bus import Bus
from core.domain.messages import Notice, OrderChanged, Severity
from core.ids import ClOrdId, is_minted
from core.state.orders import OrderBook

_log = structlog.get_logger("audit")


class BrokerWitness:
    """Tells of an order that this program made, by its id, and that its record does not know.

    Such an order was recorded before it was sent. So the record was cut or put back to an earlier state, with
    every other witness, or another profile trades this account. Runs on the core loop.
    """

    def __init__(self, book: OrderBook, bus: Bus) -> None:
        self._bus = bus
        # What was told before the end of the program is not told again.
        self._known = {order.cl_ord_id for order in book.recent() if order.external}
        bus.subscribe(OrderChanged, self._on_changed)

    def _on_changed(self, event: OrderChanged) -> None:
        order = event.order
        if order.external and is_minted(order.cl_ord_id) and order.cl_ord_id not in self._known:
            self._known.add(order.cl_ord_id)
            self._tell(order.cl_ord_id)

    def _tell(self, cl_ord_id: ClOrdId) -> None:
        _log.warning("record.contradicted", cl_ord_id=cl_ord_id)
        words = (
            f"The broker has order {cl_ord_id}, which this program made, and the record does not know it. "
            "The record was cut or put back to an earlier state, or another profile trades this account. "
            "Run audit verify, and look at that order at the broker."
        )
        self._bus.publish(Notice(Severity.ALARM, words, f"witness:{cl_ord_id}"))
