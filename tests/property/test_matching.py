"""Whatever orders and quotes come, the ledger re-adds: cash, positions, holds, and no fill out of bounds.

The oracle below reads the ledger file by itself and shares no code with the exchange.
"""

import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from core.adapters.simulator import Exchange, ExchangeSettings
from core.adapters.simulator.ledger import Ledger
from core.adapters.simulator.tape import Bell, Tick
from core.domain.execution import ExecutionReport
from core.domain.money import Price, Qty
from core.domain.terms import OrderCancelReplaceRequest, OrderCancelRequest, OrderTerms, Side, TimeInForce
from core.errors import BrokerError
from core.ids import ClOrdId
from tests.builders import AAPL, single, terms
from tests.contract.exchange_harness import INSTRUMENTS, OPENS

CENTS = st.integers(9_900, 10_100)
SIZES = st.integers(0, 120)
PRICES = st.one_of(st.none(), CENTS)

quotes = st.tuples(st.just("quote"), CENTS, st.integers(1, 5), SIZES, SIZES, CENTS, SIZES, st.booleans())
orders = st.tuples(
    st.just("order"), st.sampled_from(Side), st.integers(1, 400), PRICES, PRICES, st.sampled_from(TimeInForce)
)
cancels = st.tuples(st.just("cancel"), st.integers(0, 30))
replaces = st.tuples(st.just("replace"), st.integers(0, 30), st.integers(1, 400), CENTS)
bells = st.tuples(st.just("bell"))
restarts = st.tuples(st.just("restart"))
steps = st.lists(
    st.one_of(quotes, quotes, orders, orders, orders, cancels, replaces, bells, restarts), max_size=60
)


def dollars(cents: int | None) -> str | None:
    return None if cents is None else f"{cents // 100}.{cents % 100:02d}"


@dataclass
class Oracle:
    """Books by hand: Decimal, dictionaries, nothing of ours."""

    cash: Decimal = Decimal(0)
    qty: Decimal = Decimal(0)
    open: dict[str, dict] = field(default_factory=dict)
    clients: set[str] = field(default_factory=set)
    exec_ids: set[str] = field(default_factory=set)
    cum: dict[str, Decimal] = field(default_factory=dict)

    def read(self, path: Path) -> "Oracle":
        for line in path.read_text().splitlines():
            for fact in json.loads(line)["facts"]:
                getattr(self, f"on_{fact['kind']}")(fact)
        return self

    def on_genesis(self, fact: dict) -> None:
        self.cash = Decimal(fact["cash"])

    def on_day(self, fact: dict) -> None: ...

    def on_triggered(self, fact: dict) -> None: ...

    def on_order(self, fact: dict) -> None:
        assert fact["cl_ord_id"] not in self.clients, "an order twice"
        self.clients.add(fact["cl_ord_id"])
        self.open[fact["order_id"]] = fact
        self.cum[fact["order_id"]] = next(
            (self.cum[o] for o, old in self.open.items() if old["cl_ord_id"] == fact["orig_cl_ord_id"]),
            Decimal(0),
        )

    def on_report(self, fact: dict) -> None:
        report = fact["report"]
        assert report["exec_id"] not in self.exec_ids, "a report twice"
        self.exec_ids.add(report["exec_id"])
        if report["order_id"] is None or report["exec_type"] == "replace_rejected":
            return
        if report["exec_type"] == "trade":
            self.fill(report)
        assert Decimal(report["cum_qty"]) == self.cum[report["order_id"]]
        assert self.cum[report["order_id"]] <= Decimal(report["terms"]["order_qty"])
        if report["ord_status"] in ("FILLED", "CANCELED", "EXPIRED", "REPLACED"):
            self.open.pop(report["order_id"])
            assert Decimal(report["leaves_qty"]) == 0
        else:
            total = Decimal(report["cum_qty"]) + Decimal(report["leaves_qty"])
            assert total == Decimal(report["terms"]["order_qty"])

    def fill(self, report: dict) -> None:
        qty, px, fee = (Decimal(report[name]) for name in ("last_qty", "last_px", "fee"))
        sign = 1 if report["terms"]["side"] == "buy" else -1
        self.cash -= sign * qty * px + fee
        self.qty += sign * qty
        self.cum[report["order_id"]] += qty
        assert self.qty >= 0, "a short position"
        assert self.cash >= 0, "cash that was not there"


class Run:
    """Drives an exchange by steps and checks each fill against the quote it met."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.time = OPENS
        self.ids: list[ClOrdId] = []
        self.tick: Tick | None = None
        self.taken: dict[tuple[int, Side], Decimal] = {}
        self.ticks = 0
        self.exchange = self.start()
        self.exchange.on_bell(Bell(self.time.date(), self.time, opens=True))
        self.quote(10_000, 2, 50, 50, 10_000, 0, halted=False)

    def start(self) -> Exchange:
        exchange = Exchange(INSTRUMENTS, Ledger(self.path, fsync=False), ExchangeSettings(fsync=False))
        exchange.listen(self.judge)
        return exchange

    def judge(self, report: ExecutionReport) -> None:
        fill = report.fill
        if fill is None:
            return
        assert self.tick is not None
        assert not self.tick.halted
        limit, side = report.terms.price, fill.side
        shown = self.tick.ask if side is Side.BUY else self.tick.bid
        if limit is not None:
            assert (fill.last_px - limit) * side.sign <= 0, "worse than its limit"
        if fill.last_px != shown:
            assert fill.last_px == limit, "neither the quote nor its own limit"
            assert (self.tick.last - limit) * side.sign < 0, "no trade went through it"
            return
        key = (self.ticks, side)
        self.taken[key] = self.taken.get(key, Decimal(0)) + fill.last_qty
        assert self.taken[key] <= (self.tick.ask_size if side is Side.BUY else self.tick.bid_size)

    def do(self, step: tuple) -> None:
        name, *values = step
        try:
            getattr(self, name)(*values)
        except BrokerError:
            return

    def quote(self, bid, spread, bid_size, ask_size, last, size, halted) -> None:
        if not self.exchange.is_open:
            return
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

    def order(self, side, qty, price, stop, tif) -> None:
        self.exchange.submit(
            single(self.new_id(), terms(side, qty, dollars(price), stop=dollars(stop), tif=tif))
        )

    def cancel(self, number) -> None:
        self.exchange.cancel(OrderCancelRequest(self.some_id(number), None))

    def replace(self, number, qty, price) -> None:
        target = self.some_id(number)
        old = self.exchange.order(target)
        body = terms(Side.BUY, qty, dollars(price)) if old is None else self.changed(old.terms, qty, price)
        self.exchange.replace(OrderCancelReplaceRequest(self.new_id(), target, None, body))

    def changed(self, old: OrderTerms, qty: int, price: int) -> OrderTerms:
        return replace(old, order_qty=Qty(qty), price=None if old.price is None else Price(dollars(price)))

    def new_id(self) -> ClOrdId:
        self.ids.append(ClOrdId(f"IQ-{len(self.ids)}"))
        return self.ids[-1]

    def some_id(self, number: int) -> ClOrdId:
        return self.ids[-1 - number % len(self.ids)] if self.ids else ClOrdId("IQ-none")

    def bell(self) -> None:
        self.exchange.on_bell(Bell(self.time.date(), self.time, opens=not self.exchange.is_open))

    def restart(self) -> None:
        was_open = self.exchange.is_open
        self.exchange.close()
        self.exchange = self.start()
        if was_open and self.tick is not None:
            self.exchange.on_bell(Bell(self.time.date(), self.time, opens=True))
            self.ticks += 1
            self.exchange.on_tick(self.tick)

    def books(self) -> tuple[Decimal, Decimal, dict[str, tuple[Decimal, Decimal]]]:
        account = self.exchange.account()
        held = sum((position.qty for position in self.exchange.positions()), Decimal(0))
        works = {o.order_id: (o.cum_qty, o.leaves_qty) for o in self.exchange.open_orders()}
        buying = [o for o in self.exchange.open_orders() if o.terms.side is Side.BUY]
        assert account.cash - account.buying_power >= least_hold(buying)
        assert account.buying_power >= 0
        return account.cash, held, works


def least_hold(orders: Iterable[ExecutionReport]) -> Decimal:
    return sum((o.leaves_qty * (o.terms.price or o.terms.stop_px or Decimal(0)) for o in orders), Decimal(0))


@given(steps)
def test_books_re_add_from_the_ledger(walk: list[tuple]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder) / "exchange.jsonl")
        for step in walk:
            run.do(step)
        cash, held, works = run.books()
        run.exchange.close()

        oracle = Oracle().read(run.path)

        assert oracle.cash == cash
        assert oracle.qty == held
        assert {o: oracle.cum[o] for o in oracle.open} == {o: cum for o, (cum, _) in works.items()}


@given(steps)
def test_restart_anywhere_gives_the_same_books(walk: list[tuple]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder) / "exchange.jsonl")
        for step in walk:
            run.do(step)
        before, reports = run.books(), run.exchange.activities(OPENS)
        run.exchange.close()

        run.exchange = run.start()

        assert run.books() == before
        assert run.exchange.activities(OPENS) == reports
        run.exchange.close()
