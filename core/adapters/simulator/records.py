"""Every order and report the exchange ever had, and the sums over those that work."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from core.adapters.simulator.working import LegRole, OrderList, WorkingOrder
from core.domain.execution import ExecType, ExecutionReport, Fill
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
        self._lists: dict[ClOrdId, OrderList] = {}

    def add(self, order: WorkingOrder) -> None:
        """Know an order."""
        self._by_order_id[order.order_id] = order
        self._by_cl_ord_id[order.cl_ord_id] = order
        self._open[order.order_id] = order

    def open_list(self, first: WorkingOrder) -> OrderList | None:
        """Begin the list that hangs on an order, if one does; its replacement goes on with the same."""
        legs = first.terms.legs
        if legs is None or first.group is not None:
            return None
        group = OrderList(first.cl_ord_id, legs.contingency, first)
        if not group.is_bracket:
            group.legs[LegRole.TAKE_PROFIT] = first
        first.group = self._lists[group.list_id] = group
        return group

    def list_of(self, list_id: ClOrdId) -> OrderList:
        """Return a known list."""
        return self._lists[list_id]

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
        """Sum the shares of a symbol that working sales may still take; those of a list count once."""
        sales = self._working(symbol, Side.SELL)
        alone = (
            o.leaves_qty if o.hold_qty is None else o.hold_qty - o.cum_qty for o in sales if not o.is_leg
        )
        return sum(alone, ZERO) + self._in_lists(symbol, Side.SELL)

    def covering(self, symbol: Symbol) -> Decimal:
        """Sum the shares that working purchases may still give back to where they were borrowed."""
        purchases = (o for o in self._working(symbol, Side.BUY) if o.hold_px is None and not o.terms.is_cash)
        alone = (order.leaves_qty for order in purchases if not order.is_leg)
        return sum(alone, ZERO) + self._in_lists(symbol, Side.BUY)

    def fill(self, exec_id: ExecId) -> tuple[WorkingOrder, Fill] | None:
        """Return a fill as it counts now, and its order; None where there is none, or no more."""
        found = next((r for r in self.reports if r.exec_id == exec_id and r.fill is not None), None)
        if found is None or found.order_id is None:
            return None
        living = {fill.exec_id: fill for fill in self.living_fills(found.terms.symbol)}
        fill = living.get(exec_id)
        return None if fill is None else (self._by_order_id[found.order_id], fill)

    def living_fills(self, symbol: Symbol) -> Iterable[Fill]:
        """List the fills of a symbol that count, oldest first: busted ones left out, others as corrected."""
        living: dict[ExecId, Fill] = {}
        for report in self.reports:
            if report.terms.symbol != symbol:
                continue
            fill, concerned = report.fill, report.exec_ref_id
            if fill is not None:
                living[fill.exec_id] = fill
            elif report.exec_type is ExecType.TRADE_CANCEL and concerned is not None:
                del living[concerned]
            elif report.exec_type is ExecType.TRADE_CORRECT and concerned is not None:
                corrected = report.last_px or living[concerned].last_px
                living[concerned] = replace(living[concerned], last_px=corrected, fee=report.fee)
        return tuple(living.values())

    def _working(self, symbol: Symbol, side: Side) -> tuple[WorkingOrder, ...]:
        return tuple(o for o in self.open() if o.terms.symbol == symbol and o.terms.side is side)

    def _in_lists(self, symbol: Symbol, side: Side) -> Decimal:
        # A leg that waits has the shares of its entry set aside as they come in.
        lists: dict[ClOrdId, OrderList] = {
            order.group.list_id: order.group
            for order in self._working(symbol, side)
            if order.group is not None and order.is_leg
        }
        return sum((each.remaining for each in lists.values()), ZERO)

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
            list_id=order.list_id,
        )
