"""The sums of working orders that are kept are those that counting every order anew would give."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.clock import ManualClock
from core.domain.instrument import Instrument
from core.domain.limits import Limits
from core.domain.market import MarketSession, Quote, SessionPhase
from core.domain.money import Money, Price, Qty
from core.domain.order import Order, Pending, Resting
from core.domain.portfolio import Account, Position
from core.domain.terms import OrderTerms, OrdStatus, OrdType, Side
from core.ids import ClOrdId, Symbol
from core.orders.gather import FEE_RATE_PCT, Gatherer, LiveState
from core.orders.throttle import Figures
from core.risk.facts import Facts
from core.risk.pricing import far_touch, worst_price
from core.state.account import AccountState
from core.state.orders import OrderBook
from core.state.positions import PositionBook
from core.state.quotes import QuoteBook
from tests import scale
from tests.builders import NOON, terms

SYMBOLS = [Symbol("AAPL"), Symbol("MSFT"), Symbol("XOM")]
SECTORS = {SYMBOLS[0]: "Technology", SYMBOLS[1]: "Technology", SYMBOLS[2]: None}
FIGURES = Figures(5, 0, 0)
BUY, SELL = Side.BUY, Side.SELL
STEPS, USUAL_EXAMPLES = 30, 100

picks = st.integers(0, 10**6)
prices = st.integers(1, 40).map(lambda n: Price(Decimal(n) * Decimal("5.05")))
maybe_prices = st.none() | prices


@st.composite
def bodies(draw):
    made = terms(draw(st.sampled_from(Side)), draw(st.integers(1, 30)), symbol=draw(st.sampled_from(SYMBOLS)))
    kind = draw(st.sampled_from(OrdType))
    if kind.has_trail:
        trail = draw(st.sampled_from([{"trail_px": Price("1.50")}, {"trail_pct": Decimal(4)}]))
        return replace(made, ord_type=kind, **trail)
    price, stop = draw(prices) if kind.has_price else None, draw(prices) if kind.has_stop else None
    cash = draw(st.none() | st.integers(1, 900).map(Money)) if not kind.waits else None
    return replace(made, ord_type=kind, price=price, stop_px=stop, cash_order_qty=cash)


def live_state() -> LiveState:
    clock = ManualClock()
    made = LiveState(QuoteBook(clock), OrderBook(), PositionBook(), AccountState(clock), {}, Limits())
    for symbol, sector in SECTORS.items():
        made.instruments[symbol] = Instrument(symbol, symbol, "Nasdaq", sector)
        made.positions.classify(symbol, sector)
    made.session = MarketSession(NOON, SessionPhase.REGULAR, NOON, NOON)
    made.account.confirm(Account("SIM", *[Money(10_000)] * 4), 0)
    return made


class Counting(RuleBasedStateMachine):
    """Changes orders, reservations, quotes and positions in any order, and counts all anew each time."""

    def __init__(self) -> None:
        super().__init__()
        self.state = live_state()
        self.gatherer = Gatherer(self.state, ManualClock())
        self.known: dict[ClOrdId, Order] = {}
        self.waiting: dict[int, OrderTerms] = {}
        self.count = 0

    def name(self) -> ClOrdId:
        self.count += 1
        return ClOrdId(f"IQ-{self.count}")

    def put(self, order: Order) -> None:
        self.known.pop(order.cl_ord_id, None) if not order.is_open else None
        self.known[order.cl_ord_id] = order
        self.state.orders.put(order)

    def any_order(self, pick: int) -> Order:
        return list(self.known.values())[pick % len(self.known)]

    @rule(body=bodies(), acked=st.booleans(), external=st.booleans())
    def opens(self, body: OrderTerms, acked: bool, external: bool) -> None:
        self.put(Order(self.name(), body, NOON, NOON, acked=acked, external=external))

    @rule(body=bodies(), is_pair=st.booleans(), suspended=st.booleans(), size=st.integers(1, 30), stop=prices)
    def opens_a_list(self, body: OrderTerms, is_pair: bool, suspended: bool, size: int, stop: Price) -> None:
        head = Order(self.name(), replace(body, cash_order_qty=None), NOON, NOON, acked=True)
        side = body.side if is_pair else body.side.opposite
        leg = terms(side, size, stop=str(stop), symbol=body.symbol)
        self.put(head)
        self.put(Order(self.name(), leg, NOON, NOON, list_id=head.cl_ord_id, suspended=suspended))
        if not is_pair:
            leg = terms(side, size, price=str(stop), symbol=body.symbol)
            self.put(Order(self.name(), leg, NOON, NOON, list_id=head.cl_ord_id, suspended=suspended))

    @precondition(lambda self: self.known)
    @rule(pick=picks, shares=st.integers(0, 35), price=maybe_prices)
    def fills_or_is_busted(self, pick: int, shares: int, price: Price | None) -> None:
        self.put(replace(self.any_order(pick), cum_qty=Qty(shares), avg_px=price))

    @precondition(lambda self: self.known)
    @rule(
        pick=picks,
        change=st.sampled_from(
            [
                {"ended": OrdStatus.CANCELED},
                {"ended": OrdStatus.FILLED},
                {"ended": None},
                {"unknown": True},
                {"unknown": False, "acked": True},
                {"pending": Pending.CANCEL},
                {"pending": None},
                {"suspended": True},
                {"suspended": False},
            ]
        ),
    )
    def changes(self, pick: int, change: dict) -> None:
        self.put(replace(self.any_order(pick), **change))

    @precondition(lambda self: self.known)
    @rule(pick=picks, size=st.integers(1, 30), keeps_both=st.booleans())
    def is_replaced(self, pick: int, size: int, keeps_both: bool) -> None:
        old = self.any_order(pick)
        new = replace(old, cl_ord_id=self.name(), orig_cl_ord_id=old.cl_ord_id, ended=None)
        self.put(replace(new, terms=replace(old.terms, order_qty=Qty(size))))
        if not keeps_both:
            self.put(replace(old, ended=OrdStatus.REPLACED))

    @rule(body=bodies())
    def reserves(self, body: OrderTerms) -> None:
        self.waiting[self.state.orders.reserve(body)] = body

    @rule(pick=picks)
    def releases(self, pick: int) -> None:
        tickets = [*self.waiting, 10**9]
        ticket = tickets[pick % len(tickets)]
        self.waiting.pop(ticket, None)
        self.state.orders.release(ticket)

    @rule(symbol=st.sampled_from(SYMBOLS), bid=maybe_prices, ask=maybe_prices, last=maybe_prices)
    def is_quoted(self, symbol: Symbol, bid: Price | None, ask: Price | None, last: Price | None) -> None:
        one = Qty(1)
        quote = Quote(symbol, bid, ask, one, one, last, None, one, halted=False, time=NOON, received=0.0)
        self.state.quotes.apply([quote])

    @rule(symbol=st.sampled_from(SYMBOLS), qty=st.integers(-20, 20), last=st.integers(1, 90))
    def holds(self, symbol: Symbol, qty: int, last: int) -> None:
        self.state.positions.put(Position(symbol, Qty(qty), Money(1), Money(0), Money(0), ()))
        self.state.positions.price(symbol, Decimal(last))

    @invariant()
    def sums_are_those_of_counting_anew(self) -> None:
        for symbol in SYMBOLS:
            self.compare(symbol, None)

    @precondition(lambda self: any(order.is_open for order in self.known.values()))
    @rule(pick=picks)
    def sums_are_those_of_counting_anew_without_an_order(self, pick: int) -> None:
        opened = [order for order in self.known.values() if order.is_open]
        order = opened[pick % len(opened)]
        self.compare(order.symbol, order)

    def compare(self, symbol: Symbol, old: Order | None) -> None:
        for side in Side:
            found = self.gatherer.facts(terms(side, 1, symbol=symbol), FIGURES, old)
            assert shown(found) == self.anew(symbol, side, old)

    def anew(self, symbol: Symbol, side: Side, old: Order | None) -> tuple:
        """Count every order, in the plainest way."""
        claims = self.claims(old)
        mine = [(each, leaves) for each, leaves, _ in claims if each.symbol == symbol]
        costs = [(each, self.cost(each, leaves, filled)) for each, leaves, filled in claims]
        costs += [(terms(SELL, 1, symbol=each), self.held_back(each, claims)) for each in SYMBOLS]
        is_known = all(cost is not None for _, cost in costs)
        adds = sum((cost for _, cost in costs), Decimal(0)) if is_known else None
        sector = SECTORS[symbol]
        of_sector = None
        if is_known and sector is not None:
            in_sector = (cost for each, cost in costs if SECTORS[each.symbol] == sector)
            held = (self.worth(each) for each in SYMBOLS if SECTORS[each] == sector)
            of_sector = sum(in_sector, Decimal(0)) + sum(held)
        gross = sum(self.worth(each) for each in SYMBOLS)
        return (
            sum(leaves for each, leaves in mine if each.side is BUY),
            sum(leaves for each, leaves in mine if each.side is SELL),
            None if adds is None else adds + adds * FEE_RATE_PCT / 100,
            None if adds is None else gross + adds,
            None if adds is None else adds + sum(self.turned_over(each, claims) for each in SYMBOLS),
            of_sector,
            self.met(symbol, side.opposite, old),
            self.number(None, old),
            self.number(symbol, old),
        )

    def worth(self, symbol: Symbol) -> Decimal:
        last = self.state.positions.last(symbol)
        return abs(self.state.positions.qty(symbol) * (last or 0))

    def sleeps(self, order: Order) -> bool:
        entry = None if order.list_id is None else self.known.get(order.list_id)
        is_waited_for = entry is not None and entry.is_open and entry is not order
        return order.ord_status is OrdStatus.SUSPENDED and is_waited_for

    def claims(self, old: Order | None) -> list[tuple[OrderTerms, Decimal, Decimal]]:
        """List body, shares and dollars filled of what may still fill; of rivals the largest."""
        groups: dict[tuple[ClOrdId, Side], list[tuple[Decimal, Decimal, Order]]] = {}
        for order in self.known.values():
            leaves = order.leaves_qty
            if self.sleeps(order):
                leaves = min(leaves, self.known[order.list_id].cum_qty)
            group = order.list_id or order.cl_ord_id, order.side
            is_left_out = old is not None and (
                old.cl_ord_id in (order.cl_ord_id, group[0])
                or (old.list_id is not None and group == (old.list_id, old.side))
            )
            if leaves and not is_left_out:
                at = order.terms.stop_px or order.terms.price or Decimal(0)
                groups.setdefault(group, []).append((leaves, at, order))
        found = [max(group, key=lambda each: each[:2]) for group in groups.values()]
        spent = {order.cl_ord_id: order.cum_qty * (order.avg_px or 0) for order in self.known.values()}
        claims = [(order.terms, leaves, spent[order.cl_ord_id]) for leaves, _, order in found]
        return claims + [(each, each.order_qty, Decimal(0)) for each in self.waiting.values()]

    def cost(self, body: OrderTerms, leaves: Decimal, filled: Decimal) -> Decimal | None:
        if body.side is SELL:
            return Decimal(0)
        if body.cash_order_qty is not None:
            return max(body.cash_order_qty - filled, Decimal(0))
        price = worst_price(body, self.state.quotes.get(body.symbol))
        return None if price is None else leaves * price

    def held_back(self, symbol: Symbol, claims: list) -> Decimal | None:
        sales = [(each, leaves) for each, leaves, _ in claims if each.side is SELL and each.symbol == symbol]
        short = sum(leaves for _, leaves in sales) - max(self.state.positions.qty(symbol), Decimal(0))
        if short <= 0:
            return Decimal(0)
        ask = far_touch(BUY, self.state.quotes.get(symbol))
        if ask is None:
            return None
        return short * max(ask * Decimal("1.03"), *(each.price or Decimal(0) for each, _ in sales))

    def turned_over(self, symbol: Symbol, claims: list) -> Decimal:
        sales = [(each, leaves) for each, leaves, _ in claims if each.side is SELL and each.symbol == symbol]
        dearest = max(
            (
                self.state.positions.last(symbol) or Decimal(0),
                *(each.price or Decimal(0) for each, _ in sales),
            )
        )
        return sum(leaves for _, leaves in sales) * dearest

    def met(self, symbol: Symbol, side: Side, old: Order | None) -> tuple | None:
        """Return price and whether one rests, as orders at the same price are met in any order."""
        resting = [
            order.terms.price
            for order in self.known.values()
            if order.is_open and order is not old and not self.sleeps(order)
            and order.symbol == symbol and order.side is side and not order.ord_type.waits
        ]  # fmt: skip
        resting += [
            each.price
            for each in self.waiting.values()
            if each.symbol == symbol and each.side is side and not each.ord_type.waits
        ]
        if None in resting:
            return (None,)
        return (min(resting) if side is SELL else max(resting),) if resting else None

    def number(self, symbol: Symbol | None, old: Order | None) -> int:
        lists = {
            order.list_id or order.cl_ord_id
            for order in self.known.values()
            if order.is_open and order is not old and symbol in (None, order.symbol)
        }
        return len(lists) + sum(symbol in (None, each.symbol) for each in self.waiting.values())


def shown(facts: Facts) -> tuple:
    opposite: Resting | None = facts.opposite
    return (
        facts.working_buy_qty,
        facts.working_sell_qty,
        facts.reserved_cash,
        facts.gross_exposure,
        facts.turnover,
        facts.sector_exposure,
        None if opposite is None else (opposite.price,),
        facts.working_total,
        facts.working_in_symbol,
    )


TestCounting = Counting.TestCase
TestCounting.settings = settings(
    max_examples=scale.examples(USUAL_EXAMPLES), stateful_step_count=STEPS, deadline=None
)
