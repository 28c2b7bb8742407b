"""Where orders are judged and traded: the door's view of the books, and what a match does to them."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from core.adapters.simulator.books import Books
from core.adapters.simulator.entry import DoorView, hold_price, hold_shares, refusal
from core.adapters.simulator.fees import FeeTable
from core.adapters.simulator.lists import Lists
from core.adapters.simulator.matching import Match
from core.adapters.simulator.replacing import list_refusal, old_refusal
from core.adapters.simulator.standing import free_cash
from core.adapters.simulator.working import Hold, WorkingOrder
from core.domain.execution import ExecType, Fill
from core.domain.instrument import Instrument
from core.domain.money import ZERO, Price
from core.domain.terms import OrderTerms, OrdStatus, Side, TimeInForce


class Floor:
    """Trading on a set of books."""

    def __init__(
        self,
        books: Books,
        instruments: tuple[Instrument, ...],
        fees: FeeTable,
        may_short: Callable[[], bool],
    ) -> None:
        self.lists = Lists(books, self.trade_on_arrival)
        self._books = books
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        self._fees = fees
        self._may_short = may_short

    def refusal(self, terms: OrderTerms) -> str | None:
        """Return why a new order is refused, or None where it is taken."""
        return refusal(terms, self._view(terms))

    def replace_refusal(self, old: WorkingOrder | None, terms: OrderTerms) -> str | None:
        """Return why a replacement is refused, or None where it is taken."""
        if old is None:
            return "unknown order: there is nothing to replace"
        view = self._view(terms, without=old)
        return old_refusal(old, terms) or (
            refusal(terms, view) if old.group is None else list_refusal(old, terms, view)
        )

    def hold(self, terms: OrderTerms, old: WorkingOrder | None = None) -> Hold:
        """Return what is set aside for an order; a leg has the shares of its list."""
        if old is not None and old.is_leg:
            return Hold()
        view = self._view(terms, without=old)
        return Hold(hold_price(terms, view), hold_shares(terms, view))

    def trade_on_arrival(self, order: WorkingOrder) -> None:
        """Trade what an arriving order can take at once; end it where that is all it may do."""
        in_force = order.terms.time_in_force
        if in_force is TimeInForce.FOK:
            match = self._books.matching.match(order, arriving=True)
            if match is None or match.qty < order.leaves_qty:
                self.end(order, OrdStatus.CANCELED, "fill or kill: not enough at this price")
                return
        self.trade(order, arriving=True)
        if in_force is TimeInForce.IOC and order.is_open:
            self.end(order, OrdStatus.CANCELED, "immediate or cancel: the rest did not fill")

    def trade(self, order: WorkingOrder, *, arriving: bool) -> None:
        """Trade an order against what stands, if it may and can."""
        if self._books.is_open or order.terms.extended_hours:
            self._take(order, self._books.matching.match(order, arriving=arriving))

    def trade_in_auction(self, order: WorkingOrder, text: str) -> None:
        """Trade an order at the price of an auction; what the auction did not fill ends with it."""
        self._take(order, self._books.matching.auction_match(order))
        if order.is_open:
            self.end(order, OrdStatus.CANCELED, text)

    def end(self, order: WorkingOrder, status: OrdStatus, text: str) -> None:
        """End an order and report it, and then what hangs on it."""
        self._books.end(order, status)
        exec_type = ExecType.EXPIRED if status is OrdStatus.EXPIRED else ExecType.CANCELED
        self._books.report(order, exec_type, text)
        self.lists.settle(order)

    def amend(self, order: WorkingOrder, old: Fill, px: Price | None) -> None:
        """Take a fill back, or where there is a price, correct it to that."""
        new = None
        if px is not None:
            new = replace(old, last_px=px, fee=self._fees.fee(old.side, old.last_qty, px))
        self._books.amend(order, old, new)
        self.lists.settle(order)

    def _take(self, order: WorkingOrder, match: Match | None) -> None:
        if match is None:
            return
        if order.terms.side is Side.BUY and not self._affords(order, match):
            self.end(order, OrdStatus.CANCELED, "insufficient buying power at this price")
            return
        self._books.matching.consume(order, match)
        self._books.fill(order, match, self._fees.fee(order.terms.side, match.qty, match.px))
        self.lists.settle(order)

    def _affords(self, order: WorkingOrder, match: Match) -> bool:
        # Only an order without a limit, or one for shares that are no longer owed, can come to cost more
        # than was held for it.
        if order.terms.is_cash or (order.hold_px is not None and match.px <= order.hold_px):
            return True
        owed = max(-self._books.purse.qty(order.terms.symbol), ZERO)
        needed = match.px * max(order.fillable(match.px) - owed, ZERO)
        return not needed or needed <= free_cash(self._books) + order.hold

    def _view(self, terms: OrderTerms, without: WorkingOrder | None = None) -> DoorView:
        books, symbol = self._books, terms.symbol
        held = books.purse.qty(symbol)
        selling, covering = books.orders.selling(symbol), books.orders.covering(symbol)
        cash, filled = free_cash(books), ZERO
        if without is not None:
            cash, filled = cash + without.hold, without.cum_qty
            selling, covering = selling - _sold(without), covering - _covered(without)
        return DoorView(
            instrument=self._instruments.get(symbol),
            depth=books.matching.depths.get(symbol),
            is_open=books.is_open,
            now=books.now,
            held_qty=held,
            free_cash=cash,
            free_qty=held - selling,
            owed_qty=-held - covering,
            filled_qty=filled,
            may_short=self._may_short(),
        )


def _sold(order: WorkingOrder) -> Decimal:
    return order.leaves_qty if order.terms.side is Side.SELL and not order.is_leg else ZERO


def _covered(order: WorkingOrder) -> Decimal:
    is_cover = order.terms.side is Side.BUY and order.hold_px is None
    return order.leaves_qty if is_cover and not order.is_leg else ZERO
