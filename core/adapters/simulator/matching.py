"""Price-time matching of our orders against the quote path. No clock, no file, no network."""

from dataclasses import dataclass, field
from decimal import Decimal

from core.adapters.simulator.tape import Tick
from core.domain.money import ZERO, Money, Price, Qty
from core.domain.terms import OrderTerms, OrdStatus, OrdType, Side
from core.ids import ClOrdId, OrderId, Symbol

AVG_STEP = Decimal("0.000001")


@dataclass(slots=True)
class WorkingOrder:
    """An order as the exchange holds it.

    Attributes:
        priority: place in time; a smaller number was there earlier.
        value: dollars of all fills, fees aside.
        triggered: a stop that was reached works as a market or limit order.
        hold_px: dollars a share that are held for what a purchase may still cost; None for a sale.
    """

    order_id: OrderId
    cl_ord_id: ClOrdId
    terms: OrderTerms
    priority: int
    hold_px: Price | None
    orig_cl_ord_id: ClOrdId | None = None
    cum_qty: Decimal = ZERO
    value: Decimal = ZERO
    ended: OrdStatus | None = None
    triggered: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it may still fill."""
        return self.ended is None

    @property
    def leaves_qty(self) -> Decimal:
        """Shares that may still fill."""
        return self.terms.order_qty - self.cum_qty if self.is_open else ZERO

    @property
    def ord_status(self) -> OrdStatus:
        """The FIX state."""
        if self.ended is not None:
            return self.ended
        return OrdStatus.PARTIALLY_FILLED if self.cum_qty else OrdStatus.NEW

    @property
    def avg_px(self) -> Price | None:
        """Dollars a share so far, to six decimals; None while nothing is filled."""
        return Price((self.value / self.cum_qty).quantize(AVG_STEP)) if self.cum_qty else None

    @property
    def hold(self) -> Money:
        """Dollars held for what it may still cost."""
        return Money(ZERO if self.hold_px is None else self.hold_px * self.leaves_qty)

    @property
    def is_resting_stop(self) -> bool:
        """Whether it waits for its trigger."""
        return self.terms.ord_type.has_stop and not self.triggered

    def succeed(self, old: "WorkingOrder") -> None:
        """Take over what the order that this one replaces has done."""
        self.orig_cl_ord_id = old.cl_ord_id
        self.cum_qty, self.value, self.triggered = old.cum_qty, old.value, old.triggered

    def take_fill(self, qty: Decimal, px: Price) -> None:
        """Count a fill; the last one ends the order."""
        self.cum_qty += qty
        self.value += qty * px
        if self.cum_qty == self.terms.order_qty:
            self.ended = OrdStatus.FILLED
        elif self.hold_px is not None:
            self.hold_px = max(self.hold_px, px)

    @property
    def limit(self) -> Decimal | None:
        """The worst price it takes; None takes any."""
        return self.terms.price if self.terms.ord_type.has_price else None


@dataclass(slots=True)
class Depth:
    """What one symbol's quote still has to give; a new tick refreshes it."""

    tick: Tick
    left: dict[Side, Decimal] = field(default_factory=dict)
    traded_left: Decimal = ZERO

    def refresh(self, tick: Tick) -> None:
        """Take a new quote."""
        self.tick = tick
        # A purchase takes from the offer, a sale from the bid.
        self.left = {Side.BUY: tick.ask_size, Side.SELL: tick.bid_size}
        self.traded_left = tick.last_size

    def price_for(self, side: Side) -> Price | None:
        """Return what a purchase pays, or a sale brings, now."""
        return self.tick.ask if side is Side.BUY else self.tick.bid


@dataclass(frozen=True, slots=True)
class Match:
    """Shares that can change hands now; `from_trade`: a trade went through the order's limit."""

    qty: Qty
    px: Price
    from_trade: bool


class MatchingBook:
    """Working orders of one account, by symbol, and the quotes they meet."""

    def __init__(self) -> None:
        self.depths: dict[Symbol, Depth] = {}
        self._working: dict[Symbol, list[WorkingOrder]] = {}

    def take_tick(self, tick: Tick) -> None:
        """Show a new quote; what the old one displayed is gone."""
        depth = self.depths.get(tick.symbol)
        if depth is None:
            depth = self.depths[tick.symbol] = Depth(tick)
        depth.refresh(tick)

    def forget_sizes(self) -> None:
        """Take away what all quotes display: at the close nothing stands any more."""
        for depth in self.depths.values():
            depth.left = dict.fromkeys(Side, ZERO)
            depth.traded_left = ZERO

    def add(self, order: WorkingOrder) -> None:
        """Let an order work."""
        self._working.setdefault(order.terms.symbol, []).append(order)

    def drop_ended(self, symbol: Symbol) -> None:
        """Forget the orders of a symbol that have ended."""
        self._working[symbol] = [order for order in self._working.get(symbol, ()) if order.is_open]

    def working(self, symbol: Symbol) -> tuple[WorkingOrder, ...]:
        """List a symbol's working orders in the order in which they trade: market, best price, earliest."""
        orders = self._working.get(symbol)
        return tuple(sorted(orders, key=_rank)) if orders else ()

    def reached_stops(self, symbol: Symbol) -> tuple[WorkingOrder, ...]:
        """List the stops that the trade of the last tick has reached."""
        depth = self.depths[symbol]
        last = depth.tick.last
        if last is None or not depth.traded_left:
            return ()
        return tuple(
            order for order in self.working(symbol) if order.is_resting_stop and _reaches(order.terms, last)
        )

    def match(self, order: WorkingOrder, *, arriving: bool) -> Match | None:
        """Return what an order trades now, or None.

        At the quote the price is the quote's, never better. A resting limit that the quote did
        not reach trades at its own price when a trade went through it. An arriving order has not been
        there for that trade.
        """
        depth = self.depths.get(order.terms.symbol)
        if depth is None or depth.tick.halted or order.is_resting_stop or not order.leaves_qty:
            return None
        side, limit = order.terms.side, order.limit
        px = depth.price_for(side)
        if px is not None and depth.left[side] > 0 and (limit is None or _within(side, px, limit)):
            return Match(Qty(min(order.leaves_qty, depth.left[side])), px, from_trade=False)
        if arriving or limit is None or depth.tick.last is None or depth.traded_left <= 0:
            return None
        if depth.tick.last != limit and _within(side, depth.tick.last, limit):
            return Match(Qty(min(order.leaves_qty, depth.traded_left)), Price(limit), from_trade=True)
        return None

    def consume(self, order: WorkingOrder, match: Match) -> None:
        """Take matched shares out of what is displayed."""
        depth = self.depths[order.terms.symbol]
        if match.from_trade:
            depth.traded_left -= match.qty
        else:
            depth.left[order.terms.side] -= match.qty


def _within(side: Side, px: Decimal, limit: Decimal) -> bool:
    return px <= limit if side is Side.BUY else px >= limit


def _reaches(terms: OrderTerms, last: Decimal) -> bool:
    if terms.stop_px is None:
        return False
    return last >= terms.stop_px if terms.side is Side.BUY else last <= terms.stop_px


def _rank(order: WorkingOrder) -> tuple[bool, Decimal, int]:
    limit = order.limit
    if limit is None or order.terms.ord_type is OrdType.MARKET:
        return False, ZERO, order.priority
    return True, -limit * order.terms.side.sign, order.priority
