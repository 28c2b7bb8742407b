"""What the market's bells, quotes and hours do to orders."""

from datetime import datetime

from core.adapters.simulator.books import Books
from core.adapters.simulator.floor import Floor
from core.adapters.simulator.standing import equity
from core.adapters.simulator.tape import Bell, Tick
from core.adapters.simulator.working import WorkingOrder
from core.domain.terms import OrdStatus, TimeInForce
from core.ids import Symbol


class Day:
    """Moves a set of books through market time."""

    def __init__(self, books: Books, floor: Floor) -> None:
        self._books = books
        self._floor = floor

    def turn(self, now: datetime) -> None:
        """Let market time pass without an event."""
        self._pass_evening(now)
        self._books.now = now

    def on_bell(self, bell: Bell) -> None:
        """Open or close the market; at the close its auction is held, and what works for the day expires."""
        books = self._books
        self._pass_evening(bell.time)
        books.now, books.is_open = bell.time, bell.opens
        if bell.opens and bell.day != books.day:
            books.open_day(bell.day, equity(books))
        if not bell.opens:
            books.matching.forget_sizes()
            self._close()
        books.publish()

    def on_tick(self, tick: Tick) -> None:
        """Take a new quote: trigger stops, then trade in the order of price and time.

        A quote in a closed market is one of extended hours: only orders with the flag trade, no stop wakes.
        """
        books = self._books
        if not books.is_open:
            self._pass_evening(tick.time)
        books.now = tick.time
        books.matching.take_tick(tick)
        if books.matching.is_idle(tick.symbol):
            return
        reached = self._wake(tick.symbol) if books.is_open else ()
        for order in books.matching.working(tick.symbol):
            # The trade that woke a stop went by before it could take part.
            self._floor.trade(order, arriving=order in reached)
        books.publish()

    def _wake(self, symbol: Symbol) -> tuple[WorkingOrder, ...]:
        books = self._books
        for order in books.matching.opening(symbol):
            # The first trade of the day is the opening price; nobody may order for it once the market is open
            self._floor.trade_in_auction(order, "the opening auction did not fill it")
        for order in books.matching.moved_marks(symbol):
            books.note_mark(order)
        reached = books.matching.reached_stops(symbol)
        for order in reached:
            books.trigger(order)
        return reached

    def _close(self) -> None:
        for order in self._books.orders.open():
            if not order.is_open:
                continue  # it ended with another of its list
            if order.terms.time_in_force is TimeInForce.OPG:
                self._floor.end(order, OrdStatus.CANCELED, "there was no opening auction")
            elif order.terms.time_in_force is TimeInForce.CLS:
                self._floor.trade_in_auction(order, "the closing auction did not fill it")
            elif order.terms.time_in_force is TimeInForce.DAY and order.ends_at_close:
                self._floor.end(order, OrdStatus.EXPIRED, "the market day is over")

    def _pass_evening(self, until: datetime) -> None:
        books = self._books
        over = [o for o in books.orders.open() if o.good_till is not None and o.good_till <= until]
        for order in over:
            books.now = order.good_till or until
            self._floor.end(order, OrdStatus.EXPIRED, "the extended day is over")
        if over:
            books.publish()
