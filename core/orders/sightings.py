"""Orders that turn up at the broker after all: what was given up, and what was to be cancelled."""

from core.domain.audit import AuditAction
from core.domain.messages import Notice, Severity
from core.domain.order import Order
from core.orders.exits import Exits
from core.orders.oms import OrderManagement
from core.orders.supervision import Means
from core.ports.journal import Journal


class Sightings:
    """Ends such orders. Runs on the core loop."""

    def __init__(self, oms: OrderManagement, exits: Exits, journal: Journal, means: Means) -> None:
        self._oms = oms
        self._exits = exits
        self._journal = journal
        self._bus = means.bus
        self._tasks = means.tasks
        oms.on_sighted = self._on_sighted
        oms.on_wish = self._on_wish

    def _on_sighted(self, order: Order) -> None:
        text = (
            f"{order.symbol}: an order that was given up has been seen at the broker; it is being cancelled."
        )
        self._bus.publish(Notice(Severity.ALARM, text, order.cl_ord_id))
        draft = self._oms.draft(AuditAction.ORDER_SIGHTED, order, {})
        self._tasks.spawn(self._journal.record_anyway(draft), "sighted")
        self._tasks.spawn(self._exits.cancel_sighted(order), "cancel sighted")

    def _on_wish(self, order: Order) -> None:
        text = f"{order.symbol}: the broker has the order that was to be cancelled; it is being cancelled."
        self._bus.publish(Notice(Severity.WARNING, text, order.cl_ord_id))
        self._tasks.spawn(self._exits.carry_out_wish(order), "cancel sighted")
