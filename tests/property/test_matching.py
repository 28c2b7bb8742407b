"""Whatever orders and quotes come, the ledger re-adds: cash, positions, holds, and no fill out of bounds.

The oracle below reads the ledger file by itself and shares no code with the exchange.
"""

import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from core.adapters.simulator import Exchange, ExchangeSettings
from core.adapters.simulator.ledger import Ledger
from core.adapters.simulator.tape import Bell, Tick
from core.domain.execution import ExecType, ExecutionReport
from core.domain.instrument import Instrument
from core.domain.money import Money, Price, Qty
from core.domain.order import Order, apply_report
from core.domain.terms import (
    Contingency,
    Legs,
    NewOrderList,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    OrderTerms,
    OrdType,
    Side,
    TimeInForce,
)
from core.errors import BrokerError
from core.ids import ClOrdId
from tests.builders import AAPL, single, terms
from tests.contract.exchange_harness import OPENS

INSTRUMENT = Instrument(AAPL, "Apple Inc.", "NASDAQ", fractionable=True, shortable=True)
CENTS = st.integers(9_900, 10_100)
SIZES = st.integers(0, 120)
PRICES = st.one_of(st.none(), CENTS)
SHARES = st.one_of(st.integers(1, 400), st.sampled_from(("0.5", "1.000000001", "33.3")))
LASTING = st.sampled_from((TimeInForce.DAY, TimeInForce.GTC))

quotes = st.tuples(st.just("quote"), CENTS, st.integers(1, 5), SIZES, SIZES, CENTS, SIZES, st.booleans())
orders = st.tuples(
    st.just("order"),
    st.sampled_from(Side),
    SHARES,
    PRICES,
    PRICES,
    st.sampled_from(TimeInForce),
    st.booleans(),
)
trailing = st.tuples(
    st.just("trailing"),
    st.sampled_from(Side),
    st.integers(1, 400),
    st.sampled_from(("px", "pct")),
    st.integers(1, 90),
    LASTING,
)
lists = st.tuples(
    st.just("pair"),
    st.sampled_from(Contingency),
    st.sampled_from(Side),
    st.integers(1, 300),
    PRICES,
    st.integers(1, 60),
    st.integers(1, 60),
    st.booleans(),
    LASTING,
)
amounts = st.tuples(st.just("amount"), st.sampled_from(Side), st.integers(100, 999_999), PRICES)
cancels = st.tuples(st.just("cancel"), st.integers(0, 30))
replaces = st.tuples(st.just("replace"), st.integers(0, 30), st.one_of(st.none(), st.integers(1, 400)), CENTS)
bells = st.tuples(st.just("bell"))
evenings = st.tuples(st.just("evening"))
restarts = st.tuples(st.just("restart"))
amendments = st.tuples(st.just("amend"), st.integers(0, 30), PRICES)

lawful = st.one_of(
    quotes, quotes, quotes, orders, orders, trailing, lists, lists, amounts, cancels, replaces, bells,
    evenings, restarts,
)  # fmt: skip
steps = st.lists(lawful, max_size=60)
unlucky_steps = st.lists(st.one_of(lawful, amendments), max_size=60)


def dollars(cents: int | None) -> str | None:
    return None if cents is None else f"{cents // 100}.{cents % 100:02d}"


@dataclass
class Pair:
    """A list by hand: what its legs may sell, or buy back, and what they did."""

    is_bracket: bool
    qty: Decimal
    entered: Decimal = Decimal(0)
    left: Decimal = Decimal(0)


@dataclass
class Oracle:
    """Books by hand: Decimal, dictionaries, nothing of ours."""

    may_short: bool = False
    cash: Decimal = Decimal(0)
    qty: Decimal = Decimal(0)
    amended: bool = False
    open: dict[str, dict] = field(default_factory=dict)
    clients: dict[str, str] = field(default_factory=dict)
    exec_ids: set[str] = field(default_factory=set)
    cum: dict[str, Decimal] = field(default_factory=dict)
    fills: dict[str, dict] = field(default_factory=dict)
    pairs: dict[str, Pair] = field(default_factory=dict)
    pair_of: dict[str, str] = field(default_factory=dict)
    firsts: set[str] = field(default_factory=set)

    def read(self, path: Path) -> "Oracle":
        for line in path.read_text().splitlines():
            for fact in json.loads(line)["facts"]:
                getattr(self, f"on_{fact['kind']}")(fact)
            self.judge()
        return self

    def judge(self) -> None:
        """Hold what must be true whenever a commit is whole."""
        if not self.amended:
            assert self.may_short or self.qty >= 0, "a short position"
            assert self.may_short or self.cash >= 0, "cash that was not there"
            for pair in self.pairs.values():
                assert pair.left <= (pair.entered if pair.is_bracket else pair.qty), "legs that oversell"

    def on_genesis(self, fact: dict) -> None:
        self.cash = Decimal(fact["cash"])

    def on_day(self, fact: dict) -> None: ...

    def on_time(self, fact: dict) -> None: ...

    def on_triggered(self, fact: dict) -> None: ...

    def on_mark(self, fact: dict) -> None: ...

    def on_order(self, fact: dict) -> None:
        order_id, body = fact["order_id"], fact["terms"]
        assert fact["cl_ord_id"] not in self.clients, "an order twice"
        self.clients[fact["cl_ord_id"]] = order_id
        self.open[order_id] = fact
        old = self.clients.get(fact["orig_cl_ord_id"])
        self.cum[order_id] = self.cum.get(old, Decimal(0))
        if old in self.pair_of:
            self.pair_of[order_id] = self.pair_of[old]
            self.firsts |= {order_id} if old in self.firsts else set()
        elif "list_id" in fact:
            self.pair_of[order_id] = fact["list_id"]
        elif "contingency" in body:
            self.pairs[fact["cl_ord_id"]] = Pair(body["contingency"] == "bracket", Decimal(body["order_qty"]))
            self.pair_of[order_id] = fact["cl_ord_id"]
            self.firsts.add(order_id)

    def on_report(self, fact: dict) -> None:
        report = fact["report"]
        assert report["exec_id"] not in self.exec_ids, "a report twice"
        self.exec_ids.add(report["exec_id"])
        if report["order_id"] is None or report["exec_type"] == "replace_rejected":
            return
        if report["exec_type"] == "trade":
            self.fills[report["exec_id"]] = report
            self.move(report, 1)
        elif report["exec_type"] == "trade_cancel":
            self.move(self.fills.pop(report["exec_ref_id"]), -1)
        elif report["exec_type"] == "trade_correct":
            old = self.fills[report["exec_ref_id"]]
            self.move(old, -1)
            changed = {"last_px": report["last_px"], "fee": report["fee"]}
            self.fills[report["exec_ref_id"]] = {**old, **changed}
            self.move(self.fills[report["exec_ref_id"]], 1)
        self.amended |= report["exec_type"].startswith("trade_c")
        self.check(report)

    def check(self, report: dict) -> None:
        order_id, is_cash = report["order_id"], "cash_order_qty" in report["terms"]
        cum, order_qty = self.cum[order_id], Decimal(report["terms"]["order_qty"])
        assert Decimal(report["cum_qty"]) == cum
        assert is_cash or cum <= order_qty
        if report["ord_status"] in ("FILLED", "CANCELED", "EXPIRED", "REPLACED"):
            self.open.pop(order_id, None)
            assert Decimal(report["leaves_qty"]) == 0
            assert is_cash or (report["ord_status"] == "FILLED") == (cum == order_qty)
        elif not is_cash:
            assert cum + Decimal(report["leaves_qty"]) == order_qty
        if is_cash and report["terms"]["side"] == "buy":
            value = sum(
                Decimal(fill["last_qty"]) * Decimal(fill["last_px"])
                for fill in self.fills.values()
                if fill["order_id"] == order_id
            )
            assert self.amended or value <= Decimal(report["terms"]["cash_order_qty"])

    def move(self, fill: dict, times: int) -> None:
        qty, px, fee = (Decimal(fill[name]) for name in ("last_qty", "last_px", "fee"))
        assert qty > 0
        sign = times * (1 if fill["terms"]["side"] == "buy" else -1)
        self.cash -= sign * qty * px + times * fee
        self.qty += sign * qty
        self.cum[fill["order_id"]] += times * qty
        pair = self.pairs.get(self.pair_of.get(fill["order_id"], ""))
        if pair is not None and pair.is_bracket and fill["order_id"] in self.firsts:
            pair.entered += times * qty
        elif pair is not None:
            pair.left += times * qty


class Run:
    """Drives an exchange by steps and checks each fill against the quote it met."""

    def __init__(self, path: Path, *, may_short: bool = False) -> None:
        self.path = path
        self.may_short = may_short
        self.time = OPENS
        self.ids: list[ClOrdId] = []
        self.tick: Tick | None = None
        self.taken: dict[tuple[int, Side | None], Decimal] = {}
        self.ticks = 0
        self.exchange = self.start()
        self.exchange.on_bell(Bell(self.time.date(), self.time, opens=True))
        self.quote(10_000, 2, 50, 50, 10_000, 0, halted=False)

    def start(self) -> Exchange:
        settings = ExchangeSettings(fsync=False, may_short=self.may_short)
        exchange = Exchange((INSTRUMENT,), Ledger(self.path, fsync=False), settings)
        exchange.listen(self.judge)
        return exchange

    def judge(self, report: ExecutionReport) -> None:
        if report.cl_ord_id.startswith("LEG-") and report.cl_ord_id not in self.ids:
            self.ids.append(report.cl_ord_id)
        fill = report.fill
        if fill is None:
            return
        assert self.tick is not None
        assert not self.tick.halted
        limit, side = report.terms.price, fill.side
        shown = self.tick.ask if side is Side.BUY else self.tick.bid
        if limit is not None:
            assert (fill.last_px - limit) * side.sign <= 0, "worse than its limit"
        if report.terms.time_in_force.is_auction:
            assert fill.last_px == self.tick.last
            return
        assert self.exchange.is_open or report.terms.extended_hours
        if fill.last_px == shown and self.take(side, fill.last_qty):
            return
        assert fill.last_px == limit, "neither the quote nor its own limit"
        assert (self.tick.last - limit) * side.sign < 0, "no trade went through it"
        assert self.take(None, fill.last_qty), "more than was traded"

    def take(self, source: Side | None, qty: Decimal) -> bool:
        """Take shares of the quote that meets a side, or of the trade; return whether there were so many."""
        shown = {Side.BUY: self.tick.ask_size, Side.SELL: self.tick.bid_size, None: self.tick.last_size}
        taken = self.taken.get((self.ticks, source), Decimal(0)) + qty
        if taken > shown[source]:
            return False
        self.taken[self.ticks, source] = taken
        return True

    def do(self, step: tuple) -> None:
        name, *values = step
        try:
            getattr(self, name)(*values)
        except BrokerError:
            return

    def quote(self, bid, spread, bid_size, ask_size, last, size, halted) -> None:
        self.ticks += 1
        self.tick = Tick(
            AAPL,
            None if halted else Price(dollars(bid)),
            None if halted else Price(dollars(bid + spread)),
            Qty(0 if halted else bid_size),
            Qty(0 if halted else ask_size),
            Price(dollars(last)),
            Qty(0 if halted else size),
            Qty(0),
            halted=halted,
            prev_close=None,
            time=self.time,
        )
        self.exchange.on_tick(self.tick)

    def order(self, side, qty, price, stop, tif, extended) -> None:
        body = terms(side, qty, dollars(price), stop=dollars(stop), tif=tif)
        self.exchange.submit(single(self.new_id(), replace(body, extended_hours=extended)))

    def trailing(self, side, qty, unit, trail, tif) -> None:
        body = replace(terms(side, qty, tif=tif), ord_type=OrdType.TRAILING_STOP)
        distance = {"trail_px": Price(dollars(trail))} if unit == "px" else {"trail_pct": Decimal(trail) / 50}
        self.exchange.submit(single(self.new_id(), replace(body, **distance)))

    def pair(self, contingency, side, qty, price, profit, loss, limited, tif) -> None:
        closing = side if contingency is Contingency.OCO else side.opposite
        base = price or 10_000
        takes, stops = base - closing.sign * profit, base + closing.sign * loss
        legs = Legs(
            contingency,
            Price(dollars(takes)),
            Price(dollars(stops)),
            Price(dollars(stops)) if limited else None,
        )
        entry = takes if contingency is Contingency.OCO else price
        body = replace(terms(side, qty, dollars(entry), tif=tif), legs=legs)
        self.exchange.submit(NewOrderList(self.new_id(), body))

    def amount(self, side, cents, price) -> None:
        body = replace(terms(side, 1, dollars(price)), cash_order_qty=Money(dollars(cents)))
        self.exchange.submit(single(self.new_id(), body))

    def cancel(self, number) -> None:
        self.exchange.cancel(OrderCancelRequest(self.some_id(number), None))

    def replace(self, number, qty, price) -> None:
        target = self.some_id(number)
        old = self.exchange.order(target)
        body = (
            terms(Side.BUY, qty or 1, dollars(price)) if old is None else self.changed(old.terms, qty, price)
        )
        self.exchange.replace(OrderCancelReplaceRequest(self.new_id(), target, None, body))

    def changed(self, old: OrderTerms, qty: int | None, price: int) -> OrderTerms:
        new = Price(dollars(price))
        return replace(
            old,
            order_qty=old.order_qty if qty is None else Qty(qty),
            price=None if old.price is None else new,
            stop_px=None if old.stop_px is None or qty is not None else new,
        )

    def amend(self, number, price) -> None:
        fills = [report for report in self.exchange.activities(OPENS) if report.fill is not None]
        if not fills:
            return
        exec_id = fills[-1 - number % len(fills)].exec_id
        if price is None:
            self.exchange.amendments.bust(exec_id)
        else:
            self.exchange.amendments.correct(exec_id, Price(dollars(price)))

    def new_id(self) -> ClOrdId:
        self.ids.append(ClOrdId(f"IQ-{len(self.ids)}"))
        return self.ids[-1]

    def some_id(self, number: int) -> ClOrdId:
        return self.ids[-1 - number % len(self.ids)] if self.ids else ClOrdId("IQ-none")

    def bell(self) -> None:
        if self.exchange.is_open:
            self.time = self.time.replace(hour=21, minute=0)
        else:
            opens = self.time.replace(hour=14, minute=30)
            self.time = opens if opens > self.time else opens + timedelta(days=1)
        self.exchange.on_bell(Bell(self.time.date(), self.time, opens=not self.exchange.is_open))

    def evening(self) -> None:
        """Pass 19:00 in New York, and in other runs 20:00."""
        if not self.exchange.is_open and self.time.hour == 21:
            self.time += timedelta(hours=3, minutes=30 if len(self.ids) % 2 else 300)
            self.exchange.turn(self.time)

    def restart(self) -> None:
        was_open = self.exchange.is_open
        self.exchange.note_time()
        self.exchange.close()
        self.exchange = self.start()
        if was_open and self.tick is not None:
            self.exchange.on_bell(Bell(self.time.date(), self.time, opens=True))
            self.ticks += 1
            # The standing quote; the trade that came with it went by.
            self.tick = replace(self.tick, last_size=Qty(0))
            self.exchange.on_tick(self.tick)

    def books(self) -> tuple[Decimal, Decimal, dict[str, tuple[Decimal, Decimal]]]:
        account = self.exchange.account()
        held = sum((position.qty for position in self.exchange.positions()), Decimal(0))
        return (
            account.cash,
            held,
            {o.order_id: (o.cum_qty, o.leaves_qty) for o in self.exchange.open_orders()},
        )

    def judge_holds(self) -> None:
        account = self.exchange.account()
        buying = [o for o in self.exchange.open_orders() if o.terms.side is Side.BUY]
        alone = [o for o in buying if o.list_id is None and o.terms.legs is None and not o.terms.is_cash]
        assert account.cash - account.buying_power >= least_hold(alone)
        assert account.buying_power >= 0


def least_hold(orders: Iterable[ExecutionReport]) -> Decimal:
    return sum((o.leaves_qty * (o.terms.price or o.terms.stop_px or Decimal(0)) for o in orders), Decimal(0))


def walk_through(folder: str, walk: list[tuple], *, may_short: bool) -> Run:
    run = Run(Path(folder) / "exchange.jsonl", may_short=may_short)
    for step in walk:
        run.do(step)
    return run


@given(steps)
def test_books_of_an_account_without_shorts_re_add_and_hold_what_orders_may_cost(walk: list[tuple]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = walk_through(folder, walk, may_short=False)
        run.judge_holds()
        cash, held, works = run.books()
        run.exchange.close()

        oracle = Oracle().read(run.path)

        assert oracle.cash == cash
        assert oracle.qty == held
        assert {o: oracle.cum[o] for o in oracle.open} == {o: cum for o, (cum, _) in works.items()}


@given(unlucky_steps)
def test_books_re_add_with_short_sales_busts_and_corrections(walk: list[tuple]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = walk_through(folder, walk, may_short=True)
        cash, held, works = run.books()
        run.exchange.close()

        oracle = Oracle(may_short=True).read(run.path)

        assert oracle.cash == cash
        assert oracle.qty == held
        assert {o: oracle.cum[o] for o in oracle.open} == {o: cum for o, (cum, _) in works.items()}


@given(unlucky_steps, st.booleans())
def test_restart_anywhere_gives_the_same_books(walk: list[tuple], may_short: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = walk_through(folder, walk, may_short=may_short)
        before, positions = run.books(), run.exchange.positions()
        reports, working = run.exchange.activities(OPENS), run.exchange.open_orders()
        run.exchange.note_time()
        run.exchange.close()

        run.exchange = run.start()

        assert run.books() == before
        assert run.exchange.positions() == positions
        assert run.exchange.activities(OPENS) == reports
        assert run.exchange.open_orders() == working
        run.exchange.close()


trades = st.lists(
    st.one_of(st.integers(9_500, 10_500), st.sampled_from(("restart", "quote", "night"))),
    min_size=1,
    max_size=40,
)


@given(st.sampled_from(Side), st.booleans(), st.integers(1, 300), st.integers(9_900, 10_100), trades)
def test_trailing_stop_wakes_at_its_distance_from_the_best_trade_so_far(
    side: Side, in_percent: bool, trail: int, first: int, walk: list[int | str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder) / "exchange.jsonl")
        run.quote(9_999, 1, 1_000, 1_000, first, 1, halted=False)
        run.order(Side.BUY, 100, None, None, TimeInForce.DAY, False)
        unit = "pct" if in_percent else "px"
        run.trailing(side, 100, unit, trail, TimeInForce.GTC)
        order_id, best, woke = run.ids[-1], Decimal(first), False
        for step in walk:
            if step == "restart":
                run.restart()
            elif step == "night":
                run.bell()
                run.quote(9_999, 1, 10, 10, 1 if side is Side.SELL else 99_999, 100, halted=False)
                run.bell()
            elif step == "quote":
                run.quote(1, 1, 10, 10, 1, 0, halted=False)
            else:
                best = max(best, Decimal(step)) if side is Side.SELL else min(best, Decimal(step))
                away = best * trail / 5_000 if in_percent else Decimal(trail)
                woke = woke or (step - best - away * side.sign) * side.sign >= 0
                run.quote(9_999, 1, 1_000, 1_000, step, 1, halted=False)
            report = run.exchange.order(order_id)
            assert report is not None
            assert (report.cum_qty > 0) == woke
        run.exchange.close()


def near_quote(bid: int, bid_size: int, ask_size: int, size: int) -> tuple:
    return "quote", bid, 1, bid_size, ask_size, bid, size, False


near_quotes = st.builds(
    near_quote,
    st.integers(9_970, 10_030),
    st.integers(1, 60),
    st.integers(1, 60),
    st.sampled_from((0, 1, 40)),
)
sales = st.tuples(
    st.just("order"), st.just(Side.SELL), st.integers(1, 100), PRICES, st.none(), LASTING, st.just(False)
)
leg_cancels = st.tuples(st.just("cancel"), st.integers(0, 3))
leg_prices = st.tuples(st.just("replace"), st.integers(0, 3), st.none(), st.integers(9_940, 10_060))
seldom = st.one_of(sales, leg_cancels, leg_prices, bells, restarts)
near_steps = st.lists(st.one_of(*[near_quotes] * 12, seldom), min_size=6, max_size=25)


@given(
    st.sampled_from(Contingency),
    st.integers(1, 150),
    st.one_of(st.none(), st.integers(10_001, 10_010)),
    st.integers(3, 15),
    st.integers(3, 15),
    st.booleans(),
    LASTING,
    near_steps,
)
def test_legs_never_trade_more_than_their_entry_whatever_happens_to_them(
    contingency: Contingency,
    qty: int,
    price: int | None,
    profit: int,
    loss: int,
    limited: bool,
    tif: TimeInForce,
    walk: list[tuple],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder) / "exchange.jsonl")
        side = Side.BUY
        if contingency is Contingency.OCO:
            side = Side.SELL
            run.quote(9_999, 1, 200, 200, 10_000, 0, halted=False)
            run.order(Side.BUY, qty, None, None, TimeInForce.DAY, False)
        run.do(("pair", contingency, side, qty, price, profit, loss, limited, tif))
        for step in walk:
            run.do(step)
        works = run.exchange.open_orders()
        cash, held, _ = run.books()
        run.exchange.close()

        oracle = Oracle().read(run.path)

        assert (oracle.cash, oracle.qty) == (cash, held)
        for list_id, pair in oracle.pairs.items():
            at_work = [o for o in works if list_id == o.list_id or o.terms.legs is not None]
            legs = [o for o in at_work if o.list_id is not None or not pair.is_bracket]
            assert len(legs) in (0, 2), "a leg without the other"
            assert not legs or pair.is_bracket or pair.left < pair.qty


def folded(reports: Iterable[ExecutionReport]) -> dict[ClOrdId, Order]:
    """Fold reports as the order path does."""
    known: dict[ClOrdId, Order] = {}
    for report in reports:
        order = known.get(report.cl_ord_id)
        if order is None:
            order = Order(report.cl_ord_id, report.terms, report.transact_time, report.transact_time)
        known[report.cl_ord_id] = apply_report(order, report, report.transact_time)
    return known


@given(unlucky_steps, st.booleans())
def test_reports_fold_to_the_states_that_the_exchange_has(walk: list[tuple], may_short: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = walk_through(folder, walk, may_short=may_short)

        reports = run.exchange.activities(OPENS)
        orders = folded(reports)

        busted = {report.cl_ord_id for report in reports if report.exec_type is ExecType.TRADE_CANCEL}
        for cl_ord_id, order in orders.items():
            if order.terms.is_cash and cl_ord_id in busted:
                continue  # an amount that has filled stays so in the fold, whatever is taken back
            status = run.exchange.order(cl_ord_id)
            assert status is not None
            assert (order.ord_status, order.cum_qty) == (status.ord_status, status.cum_qty)
            assert order.leaves_qty == status.leaves_qty
            assert order.list_id == status.list_id
        run.exchange.close()
