"""Every order and report the exchange ever had, and the sums over those that work."""

from datetime import datetime
from decimal import Decimal

from core.adapters.simulator.matching import WorkingOrder
from core.domain.execution import ExecType, ExecutionReport
from core.domain.money import ZERO, Qty
from core.domain.terms import OrdStatus, Side
from core.errors import OutcomeUnknown
from core.ids import ClOrdId, ExecId, OrderId, Symbol


class Orders:
    """Look-up by either id; reports in the order in which they were made."""

    def __init__(self) -> None:
        self.reports: list[ExecutionReport] = []
        self._by_order_id: dict[OrderId, WorkingOrder] = {}
        self._by_cl_ord_id: dict[ClOrdId, WorkingOrder] = {}
        self._open: dict[OrderId, WorkingOrder] = {}
        self._rejections: dict[ClOrdId, ExecutionReport] = {}
        self._last: dict[OrderId, ExecutionReport] = {}

    def add(self, order: WorkingOrder) -> None:
        """Know an order."""
        self._by_order_id[order.order_id] = order
        self._by_cl_ord_id[order.cl_ord_id] = order
        self._open[order.order_id] = order

    def keep(self, report: ExecutionReport) -> None:
        """Remember a report."""
        self.reports.append(report)
        if report.order_id is not None:
            self._last[report.order_id] = report
        elif report.ord_status is OrdStatus.REJECTED:
            self._rejections[report.cl_ord_id] = report

    def by_cl_ord_id(self, cl_ord_id: ClOrdId) -> WorkingOrder | None:
        """Return the order that was accepted under an id."""
        return self._by_cl_ord_id.get(cl_ord_id)

    def by_order_id(self, order_id: OrderId) -> WorkingOrder:
        """Return a known order."""
        return self._by_order_id[order_id]

    def demand_new(self, cl_ord_id: ClOrdId) -> None:
        """Check that no order was accepted under an id.

        Raises:
            OutcomeUnknown: one was, so the caller cannot know which of the two is meant.
        """
        if cl_ord_id in self._by_cl_ord_id:
            raise OutcomeUnknown(f"cl_ord_id {cl_ord_id} must be unique: there is an order with it")

    def find(self, cl_ord_id: ClOrdId, order_id: str | None) -> WorkingOrder | None:
        """Return the order of a client id, or else of the exchange's own id."""
        found = self._by_cl_ord_id.get(cl_ord_id)
        return found if found is not None or order_id is None else self._by_order_id.get(OrderId(order_id))

    def rejection(self, cl_ord_id: ClOrdId) -> ExecutionReport | None:
        """Return the refusal of an id that was never accepted."""
        return self._rejections.get(cl_ord_id)

    def status(self, order: WorkingOrder) -> ExecutionReport:
        """Write an order's state as of its newest report; the same state has the same `exec_id`."""
        last = self._last[order.order_id]
        return self.describe(order, ExecId(f"S-{last.exec_id}"), last.transact_time)

    def open(self) -> tuple[WorkingOrder, ...]:
        """List what works, oldest first."""
        ended = [order_id for order_id, order in self._open.items() if not order.is_open]
        for order_id in ended:
            del self._open[order_id]
        return tuple(self._open.values())

    def held_cash(self) -> Decimal:
        """Sum what is held for working purchases, dollars."""
        return sum((order.hold for order in self.open()), ZERO)

    def selling(self, symbol: Symbol) -> Decimal:
        """Sum the shares of a symbol that working sales may still take."""
        return sum(
            (o.leaves_qty for o in self.open() if o.terms.symbol == symbol and o.terms.side is Side.SELL),
            ZERO,
        )

    def describe(self, order: WorkingOrder, exec_id: ExecId, time: datetime) -> ExecutionReport:
        """Write an order's state as a status report."""
        return ExecutionReport(
            exec_id=exec_id,
            exec_type=ExecType.ORDER_STATUS,
            cl_ord_id=order.cl_ord_id,
            order_id=order.order_id,
            terms=order.terms,
            ord_status=order.ord_status,
            cum_qty=Qty(order.cum_qty),
            leaves_qty=Qty(order.leaves_qty),
            avg_px=order.avg_px,
            transact_time=time,
            orig_cl_ord_id=order.orig_cl_ord_id,
        )
