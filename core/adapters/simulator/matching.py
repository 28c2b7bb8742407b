"""Price-time matching of our orders against the quote path. No clock, no file, no network."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto

from core.adapters.simulator.tape import Tick
from core.adapters.simulator.working import WorkingOrder
from core.domain.money import ZERO, Price, Qty
from core.domain.terms import OrdType, Side, TimeInForce
from core.ids import Symbol


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


class Source(Enum):
    """What an order trades against."""

    QUOTE = auto()  # what stands on the other side
    TRADE = auto()  # a trade of others went through the order's limit
    AUCTION = auto()


@dataclass(frozen=True, slots=True)
class Match:
    """Shares that can change hands now."""

    qty: Qty
    px: Price
    source: Source


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

    def last(self, symbol: Symbol) -> Price | None:
        """Return the last trade that was shown; None before the first."""
        depth = self.depths.get(symbol)
        return None if depth is None else depth.tick.last

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

    def is_idle(self, symbol: Symbol) -> bool:
        """Say whether no order of a symbol works."""
        return not self._working.get(symbol)

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
        reached = [o for o in self._working.get(symbol, ()) if o.is_resting_stop and _reaches(o, last)]
        return tuple(sorted(reached, key=_rank))

    def moved_marks(self, symbol: Symbol) -> tuple[WorkingOrder, ...]:
        """Let the trailing stops of a symbol follow the trade of the last tick; list those that moved."""
        depth = self.depths[symbol]
        last = depth.tick.last
        if last is None or not depth.traded_left:
            return ()
        trailing = (o for o in self._working.get(symbol, ()) if o.terms.ord_type.has_trail)
        return tuple(order for order in trailing if order.is_resting_stop and order.take_mark(last))

    def match(self, order: WorkingOrder, *, arriving: bool) -> Match | None:
        """Return what an order trades now, or None.

        At the quote the price is the quote's, never better. A resting limit that the quote did
        not reach trades at its own price when a trade went through it. An arriving order has not been
        there for that trade.
        """
        depth = self.depths.get(order.terms.symbol)
        if (
            depth is None
            or depth.tick.halted
            or order.is_resting_stop
            or order.terms.time_in_force.is_auction
        ):
            return None
        side, limit = order.terms.side, order.limit
        px = depth.price_for(side)
        if px is not None and depth.left[side] > 0 and (limit is None or _within(side, px, limit)):
            return _match(order, depth.left[side], px, Source.QUOTE)
        if arriving or limit is None or depth.tick.last is None or depth.traded_left <= 0:
            return None
        if depth.tick.last != limit and _within(side, depth.tick.last, limit):
            return _match(order, depth.traded_left, Price(limit), Source.TRADE)
        return None

    def auction_match(self, order: WorkingOrder) -> Match | None:
        """Return what an order trades in an auction at the price of the last trade, or None.

        An auction gathers the whole market: it has enough for every order that its price is good for.
        """
        depth = self.depths.get(order.terms.symbol)
        if depth is None or depth.tick.halted or depth.tick.last is None:
            return None
        last = depth.tick.last
        if order.limit is not None and not _within(order.terms.side, last, order.limit):
            return None
        return _match(order, order.leaves_qty, last, Source.AUCTION)

    def opening(self, symbol: Symbol) -> tuple[WorkingOrder, ...]:
        """List the orders of a symbol that wait for the opening, if the last tick brought a trade."""
        if not self.depths[symbol].traded_left:
            return ()
        return tuple(o for o in self._working.get(symbol, ()) if o.terms.time_in_force is TimeInForce.OPG)

    def consume(self, order: WorkingOrder, match: Match) -> None:
        """Take matched shares out of what is displayed."""
        depth = self.depths[order.terms.symbol]
        if match.source is Source.TRADE:
            depth.traded_left -= match.qty
        elif match.source is Source.QUOTE:
            depth.left[order.terms.side] -= match.qty


def _within(side: Side, px: Decimal, limit: Decimal) -> bool:
    return px <= limit if side is Side.BUY else px >= limit


def _match(order: WorkingOrder, there: Decimal, px: Price, source: Source) -> Match | None:
    qty = min(order.fillable(px), there)
    return Match(Qty(qty), px, source) if qty > 0 else None


def _reaches(order: WorkingOrder, last: Decimal) -> bool:
    trigger = order.trigger_px
    return trigger is not None and (last - trigger) * order.terms.side.sign >= 0


def _rank(order: WorkingOrder) -> tuple[bool, Decimal, int]:
    limit = order.limit
    if limit is None or order.terms.ord_type is OrdType.MARKET:
        return False, ZERO, order.priority
    return True, -limit * order.terms.side.sign, order.priority
