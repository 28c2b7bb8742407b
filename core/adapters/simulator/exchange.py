"""The embedded exchange: takes orders, matches them, keeps the books and its ledger.

Pure and synchronous: it moves only when it is called, with market time from the tape. Whatever it
answers is in the ledger first. The same calls on the same tape give the same ledger, byte for byte.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from core.adapters.simulator.amendments import Amendments
from core.adapters.simulator.books import Books, Listener
from core.adapters.simulator.cashier import Cashier
from core.adapters.simulator.day import Day
from core.adapters.simulator.fees import NO_FEES, US_2026
from core.adapters.simulator.floor import Floor
from core.adapters.simulator.ledger import Ledger
from core.adapters.simulator.matching import Depth
from core.adapters.simulator.restore import restore
from core.adapters.simulator.standing import account
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
        may_short: whether the account may sell what it does not hold, where shares can be borrowed.
    """

    cash: Money = Money(100_000)
    latency_s: float = 0.0
    fees: bool = True
    fsync: bool = True
    closed_pause_s: float = 3.0
    may_short: bool = False


class Exchange:
    """One account at one exchange, continued from its ledger. Called from one thread.

    Attributes:
        settings: how it behaves.
        amendments: busts and corrections.
        cashier: what the owner pays in and out.
    """

    def __init__(
        self, instruments: tuple[Instrument, ...], ledger: Ledger, settings: ExchangeSettings
    ) -> None:
        self.settings = settings
        self._books = Books(ledger, settings.cash)
        self.cashier = Cashier(self._books)
        restore(self._books)
        fees = US_2026 if settings.fees else NO_FEES
        self._floor = Floor(self._books, instruments, fees, lambda: self.settings.may_short)
        self._day = Day(self._books, self._floor)
        self.amendments = Amendments(self._books, self._floor)

    @property
    def is_open(self) -> bool:
        """Whether the market is open."""
        return self._books.is_open

    def listen(self, listener: Listener) -> None:
        """Call this with every report, after it is in the ledger."""
        self._books.listeners.append(listener)

    def turn(self, now: datetime) -> None:
        """Let market time pass without an event."""
        self._day.turn(now)

    def depth(self, symbol: Symbol) -> Depth | None:
        """Return the standing quote and what is left of it."""
        return self._books.matching.depths.get(symbol)

    def on_bell(self, bell: Bell) -> None:
        """Open or close the market."""
        self._day.on_bell(bell)

    def on_tick(self, tick: Tick) -> None:
        """Take a new quote and trade what it lets trade."""
        self._day.on_tick(tick)

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
        self._floor.lists.enter(entered)
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
        self._floor.end(order, OrdStatus.CANCELED, "canceled on request")
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
        hold = self._floor.hold(request.terms, old)
        self._books.end(old, OrdStatus.REPLACED)
        new = self._books.enter(request.cl_ord_id, request.terms, hold, old)
        self._books.report(old, ExecType.REPLACED)
        self._books.report(new, ExecType.REPLACED)
        if new.suspended:
            self._books.report(new, ExecType.SUSPENDED)
        self._floor.trade_on_arrival(new)
        self._books.publish()

    def place_external(self, terms: OrderTerms) -> OrderId:
        """Take an order that was made elsewhere, as on the broker's own page; returns its `order_id`."""
        ack = self.submit(NewOrderSingle(ClOrdId(f"EXT-{self._books.ledger.next_seq():08d}"), terms))
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
        return account(self._books, may_short=self.settings.may_short)

    def activities(self, since: datetime) -> tuple[ExecutionReport, ...]:
        """List every report at or after a market time, oldest first."""
        return tuple(report for report in self._books.orders.reports if report.transact_time >= since)

    def last_time(self) -> datetime | None:
        """Return the market time that the ledger has come to; None before the first market day."""
        return None if self._books.day is None else self._books.now

    def note_time(self) -> None:
        """Write market time down, so that a restart goes on from here."""
        self._books.ledger.record("time", {})
        self._books.publish()

    def close(self) -> None:
        """Close the ledger as it stands, which is also what a crash leaves behind."""
        self._books.ledger.close()
