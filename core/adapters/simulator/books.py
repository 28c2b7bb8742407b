"""The exchange's books: orders, cash and positions, every change of them in the ledger first."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from core.adapters.simulator.account import Purse
from core.adapters.simulator.codec import report_to_json, terms_to_json
from core.adapters.simulator.hours import extended_end
from core.adapters.simulator.ledger import Ledger
from core.adapters.simulator.matching import Match, MatchingBook
from core.adapters.simulator.records import Orders
from core.adapters.simulator.working import Hold, LegRole, OrderList, WorkingOrder
from core.domain.execution import ExecType, ExecutionReport, Fill
from core.domain.money import ZERO, Money, Qty, plain
from core.domain.outcomes import CashFlow
from core.domain.terms import OrderTerms, OrdStatus, TimeInForce
from core.ids import ClOrdId, ExecId, OrderId

Listener = Callable[[ExecutionReport], None]


class Books:
    """What is true, and how it becomes true: recorded, committed, then told.

    Attributes:
        now: market time, UTC, that the next facts get.
        is_open: whether the market is open, in regular hours.
        day: the market day that was opened last; None before the first.
        listeners: called with every report, after it is in the ledger.
        flows: what the owner paid in and out, oldest first.
    """

    def __init__(self, ledger: Ledger, cash: Money) -> None:
        self.now = datetime(1970, 1, 1, tzinfo=UTC)
        self.is_open = False
        self.day: date | None = None
        self.start_equity: Decimal = cash
        self.purse = Purse(cash)
        self.orders = Orders()
        self.matching = MatchingBook()
        self.ledger = ledger
        self._outbox: list[ExecutionReport] = []
        self.listeners: list[Listener] = []
        self.flows: list[CashFlow] = []

    def open_day(self, day: date, start_equity: Decimal) -> None:
        """Record the beginning of a market day."""
        self.day, self.start_equity = day, start_equity
        self.ledger.record("day", {"day": day.isoformat(), "start_equity": plain(start_equity)})

    def trigger(self, order: WorkingOrder) -> None:
        """Let a stop work as a market or limit order from now on."""
        order.triggered = True
        self.ledger.record("triggered", {"order_id": order.order_id})

    def note_mark(self, order: WorkingOrder) -> None:
        """Record how far the trigger of a trailing stop has followed the market."""
        self.ledger.record("mark", {"order_id": order.order_id, "mark": _text(order.mark)})

    def enter(
        self, cl_ord_id: ClOrdId, terms: OrderTerms, hold: Hold, old: WorkingOrder | None = None
    ) -> WorkingOrder:
        """Begin an order, in the place of an old one if there is one.

        Its place in time is kept when only the quantity falls.
        """
        order = self._new(cl_ord_id, terms, hold)
        if old is not None:
            order.succeed(old)
            if terms.price == old.terms.price and terms.order_qty <= old.terms.order_qty:
                order.priority = old.priority
        elif terms.ord_type.has_trail:
            # In a closed market nothing stands: a trailing stop begins with the first trade of the day.
            order.mark = self.matching.last(terms.symbol) if self.is_open else None
        self._record(order, {"hold_qty": _text(hold.qty), "mark": _text(order.mark)})
        self.add(order)
        return order

    def enter_leg(
        self, group: OrderList, role: LegRole, terms: OrderTerms, *, suspended: bool
    ) -> WorkingOrder:
        """Begin a leg of a list, under an id of the exchange's own making."""
        order = self._new(ClOrdId(f"LEG-{self.ledger.next_seq():08d}"), terms, Hold())
        order.suspended = suspended
        self._record(
            order, {"list_id": group.list_id, "role": role.value, "suspended": True if suspended else None}
        )
        self.join(group, role, order)
        self.add(order)
        return order

    def join(self, group: OrderList, role: LegRole, order: WorkingOrder) -> None:
        """Make an order a leg of a list."""
        order.group, order.list_id = group, group.list_id
        group.legs[role] = order

    def add(self, order: WorkingOrder) -> None:
        """Know an order, and let it work unless it waits for another."""
        if order.terms.extended_hours and order.terms.time_in_force is TimeInForce.DAY:
            order.good_till = extended_end(self.now)
        self.orders.add(order)
        self.orders.open_list(order)
        if not order.suspended:
            self.matching.add(order)

    def begin(self, order: WorkingOrder) -> None:
        """Let a leg work that has waited."""
        order.suspended = False
        self.matching.add(order)

    def report(self, order: WorkingOrder, exec_type: ExecType, text: str = "") -> ExecutionReport:
        """Record and return a report of an order's state."""
        described = self.orders.describe(order, _exec_id(self.ledger), self.now)
        return self._keep(replace(described, exec_type=exec_type, text=text))

    def fill(self, order: WorkingOrder, match: Match, fee: Money) -> None:
        """Let shares change hands."""
        order.take_fill(match.qty, match.px)
        if not order.is_open:
            self.matching.drop_ended(order.terms.symbol)
        described = self.orders.describe(order, _exec_id(self.ledger), self.now)
        report = replace(described, exec_type=ExecType.TRADE, last_qty=match.qty, last_px=match.px, fee=fee)
        self._keep(report)
        if report.fill is not None:
            self.purse.apply(report.fill)

    def amend(self, order: WorkingOrder, old: Fill, new: Fill | None) -> None:
        """Take a fill back, or put another in its place, and say so."""
        cash = self.amended(order, old, new)
        described = self.orders.describe(order, _exec_id(self.ledger), self.now)
        stands = old if new is None else new
        report = replace(
            described,
            exec_type=ExecType.TRADE_CANCEL if new is None else ExecType.TRADE_CORRECT,
            last_qty=stands.last_qty,
            last_px=stands.last_px,
            fee=stands.fee,
            exec_ref_id=old.exec_id,
        )
        self._keep(report, cash)
        self.purse.amend(old.symbol, cash, self.orders.living_fills(old.symbol))

    def amended(self, order: WorkingOrder, old: Fill, new: Fill | None) -> Decimal:
        """Change what an order has filled; returns the dollars that come in by it."""
        if new is None:
            order.amend_fill(-old.last_qty, -old.value)
            return -old.cash_flow
        order.amend_fill(ZERO, new.value - old.value)
        return new.cash_flow - old.cash_flow

    def end(self, order: WorkingOrder, status: OrdStatus) -> None:
        """Stop an order from working; the report is the caller's."""
        order.ended = status
        self.matching.drop_ended(order.terms.symbol)

    def reject(self, cl_ord_id: ClOrdId, terms: OrderTerms, reason: str, orig: ClOrdId | None = None) -> None:
        """Record and tell that an order was not taken."""
        self._keep(
            ExecutionReport(
                exec_id=_exec_id(self.ledger),
                exec_type=ExecType.REJECTED,
                cl_ord_id=cl_ord_id,
                order_id=None,
                terms=terms,
                ord_status=OrdStatus.REJECTED,
                cum_qty=Qty(0),
                leaves_qty=Qty(0),
                avg_px=None,
                transact_time=self.now,
                orig_cl_ord_id=orig,
                text=reason,
            )
        )
        self.publish()

    def publish(self) -> None:
        """Commit what was recorded, then tell every listener of the new reports."""
        self.ledger.commit(self.now)
        outbox, self._outbox = self._outbox, []
        for report in outbox:
            for listener in self.listeners:
                listener(report)

    def _new(self, cl_ord_id: ClOrdId, terms: OrderTerms, hold: Hold) -> WorkingOrder:
        seq = self.ledger.next_seq()
        return WorkingOrder(OrderId(f"O-{seq:08d}"), cl_ord_id, terms, seq, hold.px, hold.qty)

    def _record(self, order: WorkingOrder, added: Mapping[str, object]) -> None:
        self.ledger.record(
            "order",
            {
                "order_id": order.order_id,
                "cl_ord_id": order.cl_ord_id,
                "orig_cl_ord_id": order.orig_cl_ord_id,
                "terms": terms_to_json(order.terms),
                "priority": order.priority,
                "hold_px": _text(order.hold_px),
                **{key: value for key, value in added.items() if value is not None},
            },
        )

    def _keep(self, report: ExecutionReport, cash: Decimal | None = None) -> ExecutionReport:
        flow = cash if report.fill is None else report.fill.cash_flow
        self.ledger.record("report", {"report": report_to_json(report), "cash": _text(flow)})
        self.orders.keep(report)
        self._outbox.append(report)
        return report


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _exec_id(ledger: Ledger) -> ExecId:
    return ExecId(f"X-{ledger.next_seq():08d}")
