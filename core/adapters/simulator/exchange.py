"""The embedded exchange: takes orders, matches them, keeps the books and its ledger.

Pure and synchronous: it moves only when it is called, with market time from the tape. Whatever it
answers is in the ledger first. The same calls on the same tape give the same ledger, byte for byte.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from core.adapters.simulator.books import Books, Listener
from core.adapters.simulator.fees import NO_FEES, US_2026
from core.adapters.simulator.floor import Floor
from core.adapters.simulator.ledger import Ledger
from core.adapters.simulator.matching import Depth
from core.adapters.simulator.restore import restore
from core.adapters.simulator.tape import Bell, Tick
from core.domain.execution import ExecType, ExecutionReport
from core.domain.instrument import Instrument
from core.domain.money import Money
from core.domain.portfolio import Account, BrokerPosition
from core.domain.terms import (
    NewOrderList,
    NewOrderSingle,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    OrderTerms,
    OrdStatus,
    TimeInForce,
)
from core.errors import BrokerRejected
from core.ids import ClOrdId, OrderId, Symbol


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
    """One account at one exchange, continued from its ledger. Called from one thread."""

    def __init__(
        self, instruments: tuple[Instrument, ...], ledger: Ledger, settings: ExchangeSettings
    ) -> None:
        self.settings = settings
        self._books = Books(ledger, settings.cash)
        restore(self._books)
        self._floor = Floor(self._books, instruments, US_2026 if settings.fees else NO_FEES)

    @property
    def is_open(self) -> bool:
        """Whether the market is open."""
        return self._floor.is_open

    def listen(self, listener: Listener) -> None:
        """Call this with every report, after it is in the ledger."""
        self._books.listen(listener)

    def turn(self, now: datetime) -> None:
        """Let market time pass without an event."""
        self._books.now = now

    def depth(self, symbol: Symbol) -> Depth | None:
        """Return the standing quote and what is left of it."""
        return self._books.matching.depths.get(symbol)

    def on_bell(self, bell: Bell) -> None:
        """Open or close the market; at the close what works for the day expires."""
        books = self._books
        books.now, self._floor.is_open = bell.time, bell.opens
        if bell.opens and bell.day != books.day:
            books.open_day(bell.day)
        if not bell.opens:
            books.matching.forget_sizes()
            for order in books.orders.open():
                if order.terms.time_in_force is TimeInForce.DAY:
                    self._floor.end(order, OrdStatus.EXPIRED, ExecType.EXPIRED, "the market day is over")
        books.publish()

    def on_tick(self, tick: Tick) -> None:
        """Take a new quote: trigger stops, then trade in the order of price and time."""
        books = self._books
        books.now = tick.time
        books.matching.take_tick(tick)
        if not books.matching.working(tick.symbol):
            return
        reached = books.matching.reached_stops(tick.symbol)
        for order in reached:
            books.trigger(order)
        for order in books.matching.working(tick.symbol):
            # The trade that woke a stop went by before it could take part.
            self._floor.trade(order, arriving=order in reached)
        books.publish()

    def submit(self, order: NewOrderSingle | NewOrderList) -> ExecutionReport:
        """Take a new order and return its acknowledgement; fills at once are reported behind it.

        Raises:
            BrokerRejected: it was refused, and a report says so too.
            OutcomeUnknown: the id is that of an earlier order.
        """
        self._books.orders.demand_new(order.cl_ord_id)
        reason = self._floor.refusal(order.terms)
        if reason is not None:
            self._books.reject(order.cl_ord_id, order.terms, reason)
            raise BrokerRejected(reason)
        entered = self._books.enter(order.cl_ord_id, order.terms, self._floor.hold(order.terms))
        ack = self._books.report(entered, ExecType.NEW)
        self._floor.trade_on_arrival(entered)
        self._books.publish()
        return ack

    def cancel(self, request: OrderCancelRequest) -> None:
        """End what still works of an order.

        Raises:
            BrokerRejected: there is nothing to cancel; the text says why.
        """
        order = self._books.orders.find(request.cl_ord_id, request.order_id)
        if order is None:
            raise BrokerRejected("unknown order: there is nothing to cancel", "unknown_order")
        if not order.is_open:
            raise BrokerRejected(
                f"the order is {order.ord_status.value}: there is nothing to cancel", "not_open"
            )
        self._floor.end(order, OrdStatus.CANCELED, ExecType.CANCELED, "canceled on request")
        self._books.publish()

    def replace(self, request: OrderCancelReplaceRequest) -> None:
        """End one order and begin another in one step; nothing fills in between.

        Raises:
            BrokerRejected: the old order is as it was; a report for each of the two says so.
            OutcomeUnknown: the new id is that of an earlier order.
        """
        self._books.orders.demand_new(request.cl_ord_id)
        old = self._books.orders.find(request.orig_cl_ord_id, request.order_id)
        reason = self._floor.replace_refusal(old, request.terms)
        if old is None or reason is not None:
            reason = reason or "unknown order"
            if old is not None:
                self._books.report(old, ExecType.REPLACE_REJECTED, reason)
            self._books.reject(request.cl_ord_id, request.terms, reason, request.orig_cl_ord_id)
            raise BrokerRejected(reason)
        self._books.end(old, OrdStatus.REPLACED)
        new = self._books.enter(request.cl_ord_id, request.terms, self._floor.hold(request.terms), old)
        self._books.report(old, ExecType.REPLACED)
        self._books.report(new, ExecType.REPLACED)
        self._floor.trade_on_arrival(new)
        self._books.publish()

    def place_external(self, terms: OrderTerms) -> OrderId:
        """Take an order that was made elsewhere, as on the broker's own page; returns its `order_id`."""
        ack = self.submit(NewOrderSingle(ClOrdId(f"EXT-{self._books.next_seq():08d}"), terms))
        return ack.order_id or OrderId("")

    def cancel_external(self, order_id: OrderId) -> None:
        """Cancel by `order_id`, as from the broker's own page."""
        self.cancel(OrderCancelRequest(ClOrdId(""), order_id))

    def order(self, cl_ord_id: ClOrdId) -> ExecutionReport | None:
        """Return an order's state, or None where no such id was ever seen."""
        order = self._books.orders.by_cl_ord_id(cl_ord_id)
        if order is not None:
            return self._books.orders.status(order)
        rejected = self._books.orders.rejection(cl_ord_id)
        return None if rejected is None else replace(rejected, exec_type=ExecType.ORDER_STATUS)

    def open_orders(self) -> tuple[ExecutionReport, ...]:
        """List all that works, oldest first."""
        return tuple(self._books.orders.status(order) for order in self._books.orders.open())

    def positions(self) -> tuple[BrokerPosition, ...]:
        """List what is held."""
        return self._books.purse.positions()

    def account(self) -> Account:
        """Return cash, buying power and equity."""
        return self._books.account()

    def activities(self, since: datetime) -> tuple[ExecutionReport, ...]:
        """List every report at or after a market time, oldest first."""
        return tuple(report for report in self._books.orders.reports if report.transact_time >= since)

    def last_time(self) -> datetime | None:
        """Return the market time that the ledger has come to; None before the first market day."""
        return None if self._books.day is None else self._books.now

    def note_time(self) -> None:
        """Write market time down, so that a restart goes on from here."""
        self._books.note_time()

    def close(self) -> None:
        """Close the ledger as it stands, which is also what a crash leaves behind."""
        self._books.close()
