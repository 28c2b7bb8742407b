"""The exchange's books: orders, cash and positions, every change of them in the ledger first."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from core.adapters.simulator.account import Purse
from core.adapters.simulator.codec import report_to_json, terms_to_json
from core.adapters.simulator.ledger import Fact, Ledger
from core.adapters.simulator.matching import Match, MatchingBook, WorkingOrder
from core.adapters.simulator.records import Orders
from core.domain.execution import ExecType, ExecutionReport
from core.domain.money import Money, Price, Qty, plain
from core.domain.portfolio import Account
from core.domain.terms import OrderTerms, OrdStatus
from core.ids import ClOrdId, ExecId, OrderId

Listener = Callable[[ExecutionReport], None]


class Books:
    """What is true, and how it becomes true: recorded, committed, then told.

    Attributes:
        now: market time, UTC, that the next facts get.
        day: the market day that was opened last; None before the first.
    """

    def __init__(self, ledger: Ledger, cash: Money) -> None:
        self.now = datetime(1970, 1, 1, tzinfo=UTC)
        self.day: date | None = None
        self.start_equity: Decimal = cash
        self.purse = Purse(cash)
        self.orders = Orders()
        self.matching = MatchingBook()
        self._ledger = ledger
        self._outbox: list[ExecutionReport] = []
        self._listeners: list[Listener] = []

    def facts(self) -> Iterator[Fact]:
        """Read the ledger from its beginning."""
        return self._ledger.facts()

    def next_seq(self) -> int:
        """Return the number of the next fact."""
        return self._ledger.next_seq()

    def open_account(self) -> None:
        """Record the first fact of a new ledger."""
        self._ledger.record("genesis", {"cash": plain(self.purse.cash)})

    def open_day(self, day: date) -> None:
        """Record the beginning of a market day."""
        self.day, self.start_equity = day, self.equity()
        self._ledger.record("day", {"day": day.isoformat(), "start_equity": plain(self.start_equity)})

    def note_time(self) -> None:
        """Write market time down, so that a restart goes on from here."""
        self._ledger.record("time", {})
        self.publish()

    def trigger(self, order: WorkingOrder) -> None:
        """Let a stop work as a market or limit order from now on."""
        order.triggered = True
        self._ledger.record("triggered", {"order_id": order.order_id})

    def enter(
        self, cl_ord_id: ClOrdId, terms: OrderTerms, hold_px: Price | None, old: WorkingOrder | None = None
    ) -> WorkingOrder:
        """Begin an order, in the place of an old one if there is one.

        Its place in time is kept when only the quantity falls.
        """
        seq = self._ledger.next_seq()
        order = WorkingOrder(OrderId(f"O-{seq:08d}"), cl_ord_id, terms, seq, hold_px)
        if old is not None:
            order.succeed(old)
            if terms.price == old.terms.price and terms.order_qty <= old.terms.order_qty:
                order.priority = old.priority
        self._ledger.record(
            "order",
            {
                "order_id": order.order_id,
                "cl_ord_id": cl_ord_id,
                "orig_cl_ord_id": order.orig_cl_ord_id,
                "terms": terms_to_json(terms),
                "priority": order.priority,
                "hold_px": None if hold_px is None else plain(hold_px),
            },
        )
        self.add(order)
        return order

    def add(self, order: WorkingOrder) -> None:
        """Let an order work."""
        self.orders.add(order)
        self.matching.add(order)

    def report(self, order: WorkingOrder, exec_type: ExecType, text: str = "") -> ExecutionReport:
        """Record and return a report of an order's state."""
        described = self.orders.describe(order, self._next_exec_id(), self.now)
        return self._keep(replace(described, exec_type=exec_type, text=text))

    def fill(self, order: WorkingOrder, match: Match, fee: Money) -> None:
        """Let shares change hands."""
        order.take_fill(match.qty, match.px)
        if not order.is_open:
            self.matching.drop_ended(order.terms.symbol)
        described = self.orders.describe(order, self._next_exec_id(), self.now)
        report = replace(described, exec_type=ExecType.TRADE, last_qty=match.qty, last_px=match.px, fee=fee)
        self._keep(report)
        if report.fill is not None:
            self.purse.apply(report.fill)

    def end(self, order: WorkingOrder, status: OrdStatus) -> None:
        """Stop an order from working; the report is the caller's."""
        order.ended = status
        self.matching.drop_ended(order.terms.symbol)

    def reject(self, cl_ord_id: ClOrdId, terms: OrderTerms, reason: str, orig: ClOrdId | None = None) -> None:
        """Record and tell that an order was not taken."""
        self._keep(
            ExecutionReport(
                exec_id=self._next_exec_id(),
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
        self._ledger.commit(self.now)
        outbox, self._outbox = self._outbox, []
        for report in outbox:
            for listener in self._listeners:
                listener(report)

    def listen(self, listener: Listener) -> None:
        """Call this with every report, after it is in the ledger."""
        self._listeners.append(listener)

    def equity(self) -> Decimal:
        """Return cash and the value of all positions at their last prices, dollars."""
        lasts = {symbol: depth.tick.last for symbol, depth in self.matching.depths.items()}
        return self.purse.cash + self.purse.value({s: last for s, last in lasts.items() if last is not None})

    def account(self) -> Account:
        """Return cash, buying power and equity."""
        return Account(
            account_id="SIM-000001",
            cash=Money(self.purse.cash),
            buying_power=Money(self.purse.cash - self.orders.held_cash()),
            equity=Money(self.equity()),
            start_equity=Money(self.start_equity),
        )

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def _next_exec_id(self) -> ExecId:
        return ExecId(f"X-{self._ledger.next_seq():08d}")

    def _keep(self, report: ExecutionReport) -> ExecutionReport:
        flow = None if report.fill is None else plain(report.fill.cash_flow)
        self._ledger.record("report", {"report": report_to_json(report), "cash": flow})
        self.orders.keep(report)
        self._outbox.append(report)
        return report
