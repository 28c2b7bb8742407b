"""The embedded exchange: takes orders, matches them, keeps the books and its ledger.

Pure and synchronous: it moves only when it is called, with market time from the tape. Whatever it
answers is in the ledger first. The same calls on the same tape give the same ledger, byte for byte.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal

from core.adapters.simulator.account import Purse
from core.adapters.simulator.codec import report_from_json, report_to_json, terms_from_json, terms_to_json
from core.adapters.simulator.entry import DoorView, hold_price, refusal
from core.adapters.simulator.fees import NO_FEES, US_2026
from core.adapters.simulator.ledger import Fact, Ledger
from core.adapters.simulator.matching import Match, MatchingBook, WorkingOrder
from core.adapters.simulator.records import Orders
from core.adapters.simulator.tape import Bell, Tick
from core.domain.execution import ExecType, ExecutionReport
from core.domain.instrument import Instrument
from core.domain.money import ZERO, Money, Price, Qty, plain
from core.domain.portfolio import Account, BrokerPosition
from core.domain.terms import (
    NewOrderSingle,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    OrderTerms,
    OrdStatus,
    Side,
    TimeInForce,
)
from core.errors import BrokerRejected, OutcomeUnknown
from core.ids import ClOrdId, ExecId, OrderId

Listener = Callable[[ExecutionReport], None]


@dataclass(frozen=True, slots=True)
class ExchangeSettings:
    """How the exchange behaves.

    Attributes:
        cash: dollars in the account at its opening.
        latency_s: seconds of our clock that a call takes to arrive, and its answer to come back, each.
        fees: whether sales are charged what they cost in the United States.
        fsync: whether a fact is on stable storage before it is answered; off only in tests.
        closed_pause_s: seconds of our clock that a closed market is shown before the next day opens.
    """

    cash: Money = Money(100_000)
    latency_s: float = 0.0
    fees: bool = True
    fsync: bool = True
    closed_pause_s: float = 3.0


class Exchange:
    """One account at one exchange. Called from one thread."""

    def __init__(
        self, instruments: tuple[Instrument, ...], ledger: Ledger, settings: ExchangeSettings
    ) -> None:
        self.instruments = {instrument.symbol: instrument for instrument in instruments}
        self.settings = settings
        self.now = datetime(1970, 1, 1, tzinfo=UTC)
        self.is_open = False
        self.book = MatchingBook()
        self._fees = US_2026 if settings.fees else NO_FEES
        self._ledger = ledger
        self._purse = Purse(settings.cash)
        self._start_equity: Decimal = settings.cash
        self._day: date | None = None
        self._orders = Orders()
        self._outbox: list[ExecutionReport] = []
        self._listeners: list[Listener] = []
        self._restore()

    def listen(self, listener: Listener) -> None:
        """Call this with every report, after it is in the ledger."""
        self._listeners.append(listener)

    def on_bell(self, bell: Bell) -> None:
        """Open or close the market; at the close what works for the day expires."""
        self.now, self.is_open = bell.time, bell.opens
        if bell.opens and bell.day != self._day:
            self._day, self._start_equity = bell.day, self._equity()
            self._ledger.record(
                "day", {"day": bell.day.isoformat(), "start_equity": plain(self._start_equity)}
            )
        if not bell.opens:
            for order in self._orders.open():
                if order.terms.time_in_force is TimeInForce.DAY:
                    self._end(order, OrdStatus.EXPIRED, ExecType.EXPIRED, "the market day is over")
        self._publish()

    def on_tick(self, tick: Tick) -> None:
        """Take a new quote: trigger stops, then trade in the order of price and time."""
        self.now = tick.time
        self.book.take_tick(tick)
        working = self.book.working(tick.symbol)
        if not working:
            return
        reached = self.book.reached_stops(tick.symbol)
        for order in reached:
            order.triggered = True
            self._ledger.record("triggered", {"order_id": order.order_id})
        for order in self.book.working(tick.symbol):
            # The trade that woke a stop went by before it could take part.
            self._trade(order, arriving=order in reached)
        self._publish()

    def submit(self, order: NewOrderSingle) -> ExecutionReport:
        """Take a new order and return its acknowledgement; fills at once are reported behind it.

        Raises:
            BrokerRejected: it was refused, and a report says so too.
            OutcomeUnknown: the id is that of an earlier order.
        """
        if self._orders.by_cl_ord_id(order.cl_ord_id) is not None:
            raise OutcomeUnknown(f"cl_ord_id {order.cl_ord_id} must be unique: there is an order with it")
        reason = refusal(order.terms, self._view(order.terms))
        if reason is not None:
            self._refuse(order.cl_ord_id, order.terms, reason)
        return self._accept(order.cl_ord_id, order.terms)

    def place_external(self, terms: OrderTerms) -> OrderId:
        """Take an order that was made elsewhere, as on the broker's own page; returns its `order_id`."""
        ack = self.submit(NewOrderSingle(ClOrdId(f"EXT-{self._ledger.next_seq():08d}"), terms))
        return ack.order_id or OrderId("")

    def cancel_external(self, order_id: OrderId) -> None:
        """Cancel by `order_id`, as from the broker's own page."""
        self.cancel(OrderCancelRequest(ClOrdId(""), order_id))

    def cancel(self, request: OrderCancelRequest) -> None:
        """End what still works of an order.

        Raises:
            BrokerRejected: there is nothing to cancel; the text says why.
        """
        order = self._orders.find(request.cl_ord_id, request.order_id)
        if order is None:
            raise BrokerRejected("unknown order: there is nothing to cancel", "unknown_order")
        if not order.is_open:
            raise BrokerRejected(
                f"the order is {order.ord_status.value}: there is nothing to cancel", "not_open"
            )
        self._end(order, OrdStatus.CANCELED, ExecType.CANCELED, "canceled on request")
        self._publish()

    def replace(self, request: OrderCancelReplaceRequest) -> None:
        """End one order and begin another in one step; nothing fills in between.

        Raises:
            BrokerRejected: the old order is as it was; a report for each of the two says so.
            OutcomeUnknown: the new id is that of an earlier order.
        """
        if self._orders.by_cl_ord_id(request.cl_ord_id) is not None:
            raise OutcomeUnknown(f"cl_ord_id {request.cl_ord_id} must be unique: there is an order with it")
        old = self._orders.find(request.orig_cl_ord_id, request.order_id)
        reason = self._replace_refusal(old, request.terms)
        if old is None or reason is not None:
            if old is not None:
                self._report(old, ExecType.REPLACE_REJECTED, text=reason or "")
            self._refuse(request.cl_ord_id, request.terms, reason or "unknown order", request.orig_cl_ord_id)
            return
        self._swap(old, request.cl_ord_id, request.terms)
        self._publish()

    def order(self, cl_ord_id: ClOrdId) -> ExecutionReport | None:
        """Return an order's state, or None where no such id was ever seen."""
        order = self._orders.by_cl_ord_id(cl_ord_id)
        if order is not None:
            return self._status(order)
        rejected = self._orders.rejection(cl_ord_id)
        return None if rejected is None else replace(rejected, exec_type=ExecType.ORDER_STATUS)

    def open_orders(self) -> tuple[ExecutionReport, ...]:
        """List all that works, oldest first."""
        return tuple(self._status(order) for order in self._orders.open())

    def positions(self) -> tuple[BrokerPosition, ...]:
        """List what is held."""
        return self._purse.positions()

    def account(self) -> Account:
        """Return cash, buying power and equity."""
        return Account(
            account_id="SIM-000001",
            cash=Money(self._purse.cash),
            buying_power=Money(self._purse.cash - self._orders.held_cash()),
            equity=Money(self._equity()),
            start_equity=Money(self._start_equity),
        )

    def activities(self, since: datetime) -> tuple[ExecutionReport, ...]:
        """List every report at or after a market time, oldest first."""
        return tuple(report for report in self._orders.reports if report.transact_time >= since)

    def last_time(self) -> datetime | None:
        """Return the market time of the last fact in the ledger; None in a new one."""
        return None if self._day is None else self.now

    def remember_time(self) -> None:
        """Write market time down, so that a restart goes on from here."""
        self._ledger.record("time", {})
        self._ledger.commit(self.now)

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def _equity(self) -> Decimal:
        marks = {symbol: depth.tick.last for symbol, depth in self.book.depths.items()}
        known = {symbol: last for symbol, last in marks.items() if last is not None}
        return self._purse.cash + self._purse.value(known)

    def _view(self, terms: OrderTerms, without: WorkingOrder | None = None) -> DoorView:
        held, selling = self._orders.held_cash(), self._orders.selling(terms.symbol)
        if without is not None:
            held -= without.hold
            selling -= without.leaves_qty if without.terms.side is Side.SELL else ZERO
        return DoorView(
            instrument=self.instruments.get(terms.symbol),
            depth=self.book.depths.get(terms.symbol),
            is_open=self.is_open,
            today=self.now.date(),
            free_cash=self._purse.cash - held,
            free_qty=self._purse.qty(terms.symbol) - selling,
            filled_qty=ZERO if without is None else without.cum_qty,
        )

    def _accept(self, cl_ord_id: ClOrdId, terms: OrderTerms) -> ExecutionReport:
        order = self._enter(cl_ord_id, terms, None)
        ack = self._report(order, ExecType.NEW)
        self._trade_on_arrival(order)
        self._publish()
        return ack

    def _enter(self, cl_ord_id: ClOrdId, terms: OrderTerms, old: WorkingOrder | None) -> WorkingOrder:
        seq = self._ledger.next_seq()
        order = WorkingOrder(OrderId(f"O-{seq:08d}"), cl_ord_id, terms, seq, self._hold(terms))
        if old is not None:
            order.orig_cl_ord_id = old.cl_ord_id
            order.cum_qty, order.value, order.triggered = old.cum_qty, old.value, old.triggered
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
                "hold_px": None if order.hold_px is None else plain(order.hold_px),
            },
        )
        self._orders.add(order)
        self.book.add(order)
        return order

    def _hold(self, terms: OrderTerms) -> Price | None:
        if terms.side is Side.SELL:
            return None
        px = hold_price(terms, self.book.depths.get(terms.symbol))
        return None if px is None else Price(px)

    def _swap(self, old: WorkingOrder, cl_ord_id: ClOrdId, terms: OrderTerms) -> None:
        old.ended = OrdStatus.REPLACED
        self.book.drop_ended(old.terms.symbol)
        new = self._enter(cl_ord_id, terms, old)
        self._report(old, ExecType.REPLACED)
        self._report(new, ExecType.REPLACED)
        self._trade_on_arrival(new)

    def _replace_refusal(self, old: WorkingOrder | None, terms: OrderTerms) -> str | None:
        if old is None:
            return "unknown order: there is nothing to replace"
        if not old.is_open:
            return f"the order is {old.ord_status.value}: there is nothing to replace"
        if (terms.symbol, terms.side, terms.ord_type) != (
            old.terms.symbol,
            old.terms.side,
            old.terms.ord_type,
        ):
            return "symbol, side and order type cannot be replaced"
        if terms.order_qty <= old.cum_qty:
            return f"{old.cum_qty} shares are filled already: the new quantity must be more"
        return refusal(terms, self._view(terms, without=old))

    def _trade_on_arrival(self, order: WorkingOrder) -> None:
        at_once = order.terms.time_in_force
        if at_once is TimeInForce.FOK:
            match = self._match(order, arriving=True)
            if match is None or match.qty < order.leaves_qty:
                self._end(
                    order, OrdStatus.CANCELED, ExecType.CANCELED, "fill or kill: not enough at this price"
                )
                return
        if self.is_open:
            self._trade(order, arriving=True)
        if at_once is TimeInForce.IOC and order.is_open:
            self._end(
                order, OrdStatus.CANCELED, ExecType.CANCELED, "immediate or cancel: the rest did not fill"
            )

    def _match(self, order: WorkingOrder, *, arriving: bool) -> Match | None:
        return self.book.match(order, arriving=arriving) if order.is_open else None

    def _trade(self, order: WorkingOrder, *, arriving: bool) -> None:
        match = self._match(order, arriving=arriving)
        if match is None:
            return
        if order.hold_px is not None and match.px > order.hold_px and not self._affords(order, match):
            self._end(order, OrdStatus.CANCELED, ExecType.CANCELED, "insufficient buying power at this price")
            return
        self.book.consume(order, match)
        self._fill(order, match)

    def _affords(self, order: WorkingOrder, match: Match) -> bool:
        # Only an order without a limit can come to cost more than was held for it.
        free = self._purse.cash - self._orders.held_cash() + order.hold
        return match.px * order.leaves_qty <= free

    def _fill(self, order: WorkingOrder, match: Match) -> None:
        order.cum_qty += match.qty
        order.value += match.qty * match.px
        if order.cum_qty == order.terms.order_qty:
            order.ended = OrdStatus.FILLED
            self.book.drop_ended(order.terms.symbol)
        elif order.hold_px is not None:
            order.hold_px = max(order.hold_px, match.px)
        fee = self._fees.fee(order.terms.side, match.qty, match.px)
        report = self._report(order, ExecType.TRADE, match=match, fee=fee)
        if report.fill is not None:
            self._purse.apply(report.fill)

    def _end(self, order: WorkingOrder, status: OrdStatus, exec_type: ExecType, text: str) -> None:
        order.ended = status
        self.book.drop_ended(order.terms.symbol)
        self._report(order, exec_type, text=text)

    def _refuse(
        self, cl_ord_id: ClOrdId, terms: OrderTerms, reason: str, orig: ClOrdId | None = None
    ) -> None:
        report = ExecutionReport(
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
        self._keep(report)
        self._publish()
        raise BrokerRejected(reason)

    def _report(
        self,
        order: WorkingOrder,
        exec_type: ExecType,
        *,
        match: Match | None = None,
        fee: Money = Money(0),
        text: str = "",
    ) -> ExecutionReport:
        report = replace(
            self._orders.describe(order, self._next_exec_id(), self.now),
            exec_type=exec_type,
            last_qty=None if match is None else match.qty,
            last_px=None if match is None else match.px,
            fee=fee,
            text=text,
        )
        self._keep(report)
        return report

    def _next_exec_id(self) -> ExecId:
        return ExecId(f"X-{self._ledger.next_seq():08d}")

    def _keep(self, report: ExecutionReport) -> None:
        flow = None if report.fill is None else plain(report.fill.cash_flow)
        self._ledger.record("report", {"report": report_to_json(report), "cash": flow})
        self._orders.keep(report)
        self._outbox.append(report)

    def _publish(self) -> None:
        self._ledger.commit(self.now)
        outbox, self._outbox = self._outbox, []
        for report in outbox:
            for listener in self._listeners:
                listener(report)

    def _status(self, order: WorkingOrder) -> ExecutionReport:
        last = self._orders.last_report(order)
        return self._orders.describe(order, ExecId(f"S-{last.exec_id}"), last.transact_time)

    def _restore(self) -> None:
        known = False
        for fact in self._ledger.facts():
            known = True
            self.now = datetime.fromisoformat(str(fact["time"]))
            self._restore_fact(fact)
        if not known:
            self._ledger.record("genesis", {"cash": plain(self.settings.cash)})

    def _restore_fact(self, fact: Fact) -> None:
        kind = fact["kind"]
        if kind == "genesis":
            self._purse = Purse(Money(str(fact["cash"])))
            self._start_equity = self._purse.cash
        elif kind == "day":
            self._day = date.fromisoformat(str(fact["day"]))
            self._start_equity = Decimal(str(fact["start_equity"]))
        elif kind == "order":
            self._restore_order(fact)
        elif kind == "triggered":
            self._orders.by_order_id(OrderId(str(fact["order_id"]))).triggered = True
        elif kind == "report" and isinstance(body := fact["report"], dict):
            self._restore_report(report_from_json(body))

    def _restore_order(self, fact: Fact) -> None:
        body, hold, orig, seq = (fact[key] for key in ("terms", "hold_px", "orig_cl_ord_id", "priority"))
        if not isinstance(body, dict):
            raise TypeError("the terms of an order are a mapping")
        order = WorkingOrder(
            order_id=OrderId(str(fact["order_id"])),
            cl_ord_id=ClOrdId(str(fact["cl_ord_id"])),
            terms=terms_from_json(body),
            priority=int(str(seq)),
            hold_px=None if hold is None else Price(str(hold)),
        )
        old = None if orig is None else self._orders.by_cl_ord_id(ClOrdId(str(orig)))
        if old is not None:
            order.orig_cl_ord_id = old.cl_ord_id
            order.cum_qty, order.value, order.triggered = old.cum_qty, old.value, old.triggered
        self._orders.add(order)
        self.book.add(order)

    def _restore_report(self, report: ExecutionReport) -> None:
        self._orders.keep(report)
        if report.order_id is None:
            return
        order = self._orders.by_order_id(report.order_id)
        fill = report.fill
        if fill is not None:
            order.cum_qty += fill.last_qty
            order.value += fill.value
            if order.hold_px is not None:
                order.hold_px = max(order.hold_px, fill.last_px)
            self._purse.apply(fill)
        if report.ord_status in (OrdStatus.FILLED, OrdStatus.CANCELED, OrdStatus.EXPIRED, OrdStatus.REPLACED):
            order.ended = report.ord_status
            self.book.drop_ended(order.terms.symbol)
