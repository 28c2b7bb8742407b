"""Where orders are judged and traded: the door's view of the books, and what a match does to them."""

from core.adapters.simulator.books import Books
from core.adapters.simulator.entry import DoorView, hold_price, refusal
from core.adapters.simulator.fees import FeeTable
from core.adapters.simulator.matching import Match, WorkingOrder
from core.domain.execution import ExecType
from core.domain.instrument import Instrument
from core.domain.money import ZERO, Price
from core.domain.terms import OrderTerms, OrdStatus, Side, TimeInForce


class Floor:
    """Trading on a set of books.

    Attributes:
        is_open: whether the market is open.
    """

    def __init__(self, books: Books, instruments: tuple[Instrument, ...], fees: FeeTable) -> None:
        self.is_open = False
        self._books = books
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        self._fees = fees

    def refusal(self, terms: OrderTerms) -> str | None:
        """Return why a new order is refused, or None where it is taken."""
        return refusal(terms, self._view(terms))

    def replace_refusal(self, old: WorkingOrder | None, terms: OrderTerms) -> str | None:
        """Return why a replacement is refused, or None where it is taken."""
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

    def hold(self, terms: OrderTerms) -> Price | None:
        """Return the dollars a share that are held for a purchase; None for a sale."""
        px = (
            None
            if terms.side is Side.SELL
            else hold_price(terms, self._books.matching.depths.get(terms.symbol))
        )
        return None if px is None else Price(px)

    def trade_on_arrival(self, order: WorkingOrder) -> None:
        """Trade what an arriving order can take at once; end it where that is all it may do."""
        in_force = order.terms.time_in_force
        if in_force is TimeInForce.FOK:
            match = self._books.matching.match(order, arriving=True)
            if match is None or match.qty < order.leaves_qty:
                self.end(
                    order, OrdStatus.CANCELED, ExecType.CANCELED, "fill or kill: not enough at this price"
                )
                return
        if self.is_open:
            self.trade(order, arriving=True)
        if in_force is TimeInForce.IOC and order.is_open:
            self.end(
                order, OrdStatus.CANCELED, ExecType.CANCELED, "immediate or cancel: the rest did not fill"
            )

    def trade(self, order: WorkingOrder, *, arriving: bool) -> None:
        """Trade an order against what stands, if it can."""
        match = self._books.matching.match(order, arriving=arriving)
        if match is None:
            return
        if order.hold_px is not None and match.px > order.hold_px and not self._affords(order, match):
            self.end(order, OrdStatus.CANCELED, ExecType.CANCELED, "insufficient buying power at this price")
            return
        self._books.matching.consume(order, match)
        self._books.fill(order, match, self._fees.fee(order.terms.side, match.qty, match.px))

    def end(self, order: WorkingOrder, status: OrdStatus, exec_type: ExecType, text: str) -> None:
        """End an order and report it."""
        self._books.end(order, status)
        self._books.report(order, exec_type, text)

    def _affords(self, order: WorkingOrder, match: Match) -> bool:
        # Only an order without a limit can come to cost more than was held for it.
        free = self._books.purse.cash - self._books.orders.held_cash() + order.hold
        return match.px * order.leaves_qty <= free

    def _view(self, terms: OrderTerms, without: WorkingOrder | None = None) -> DoorView:
        held, selling = self._books.orders.held_cash(), self._books.orders.selling(terms.symbol)
        if without is not None:
            held -= without.hold
            selling -= without.leaves_qty if without.terms.side is Side.SELL else ZERO
        return DoorView(
            instrument=self._instruments.get(terms.symbol),
            depth=self._books.matching.depths.get(terms.symbol),
            is_open=self.is_open,
            today=self._books.now.date(),
            free_cash=self._books.purse.cash - held,
            free_qty=self._books.purse.qty(terms.symbol) - selling,
            filled_qty=ZERO if without is None else without.cum_qty,
        )
