"""nautilus_trader: its RiskEngine, from `execute` to the door of the execution engine. Own environment.

The cache holds as many positions and working orders as ours; cash account, every limit that it knows is set.
"""

import json
import sys
from time import perf_counter_ns

from nautilus_trader.accounting.factory import AccountFactory
from nautilus_trader.cache.cache import Cache
from nautilus_trader.common.component import LiveClock, MessageBus
from nautilus_trader.common.factories import OrderFactory
from nautilus_trader.config import RiskEngineConfig
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import SubmitOrder
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import OmsType, OrderSide
from nautilus_trader.model.identifiers import (
    InstrumentId,
    PositionId,
    StrategyId,
    Symbol,
    Venue,
    VenueOrderId,
)
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.model.orders import Order
from nautilus_trader.model.position import Position
from nautilus_trader.portfolio.portfolio import Portfolio
from nautilus_trader.risk.engine import RiskEngine
from nautilus_trader.test_kit.stubs.events import TestEventStubs
from nautilus_trader.test_kit.stubs.identifiers import TestIdStubs

TRADER, STRATEGY, VENUE = TestIdStubs.trader_id(), StrategyId("S-001"), Venue("SIM")
WARM_UP = 200
PRICE, FAR, STOP = Price.from_str("100.01"), Price.from_str("90.00"), Price.from_str("105.00")
# What `execute` asks of every order of a cash account, read in risk/engine.pyx of this version. What it asks
# of others only (reduce-only, an expiry, lists, instruments with a notional of their own) is not asked here.
CONTROLS = (
    "instrument known",
    "quantity precision",
    "quantity at most",
    "quantity at least",
    "notional of an order",
    "free balance",
    "free balance, orders of a list together",
    "trading state",
    "rate of orders",
)
OF_A_PRICE = ("price precision", "price above zero")
KINDS = 3


class Bench:
    """A risk engine over a full cache, with a door in place of the execution engine."""

    def __init__(self, positions: int, orders: int) -> None:
        clock = LiveClock()
        bus = MessageBus(TRADER, clock)
        self._cache = Cache()
        self.passed: list[int] = []
        self.denied: list[str] = []
        bus.register("ExecEngine.execute", lambda _: self.passed.append(perf_counter_ns()))
        bus.register("ExecEngine.process", lambda event: self.denied.append(str(event)))
        self._cache.add_account(AccountFactory.create(TestEventStubs.cash_account_state()))
        self._factory = OrderFactory(TRADER, STRATEGY, clock)
        self._equities = [_equity(number) for number in range(positions)]
        config = RiskEngineConfig(
            max_order_submit_rate="1000000/00:00:01",
            max_notional_per_order={str(each.id): 10_000_000 for each in self._equities},
        )
        portfolio = Portfolio(bus, self._cache, clock)
        self.engine = RiskEngine(portfolio, bus, self._cache, clock, config)
        self.engine.start()
        for number, equity in enumerate(self._equities):
            self._hold(number, equity)
        for number in range(orders):
            equity = self._equities[number % (orders // 2)]
            self._work(self._factory.limit(equity.id, OrderSide.BUY, Quantity.from_int(10), FAR), number)

    def _work(self, order: Order, number: int) -> None:
        self._cache.add_order(order)
        for event in (
            TestEventStubs.order_submitted(order),
            TestEventStubs.order_accepted(order, venue_order_id=VenueOrderId(f"V-{number}")),
        ):
            order.apply(event)
            self._cache.update_order(order)

    def _hold(self, number: int, equity: Equity) -> None:
        self._cache.add_instrument(equity)
        size = Quantity.from_int(300)
        self._cache.add_quote_tick(QuoteTick(equity.id, Price.from_str("99.99"), PRICE, size, size, 0, 0))
        order = self._factory.market(equity.id, OrderSide.BUY, Quantity.from_int(60))
        self._work(order, 10_000 + number)
        fill = TestEventStubs.order_filled(
            order, equity, position_id=PositionId(f"P-{number}"), last_px=PRICE, strategy_id=STRATEGY
        )
        order.apply(fill)
        self._cache.update_order(order)
        self._cache.add_position(Position(equity, fill), OmsType.NETTING)

    def commands(self, count: int) -> list[SubmitOrder]:
        """Make the orders in advance: a limit, a market and a stop order in turn."""
        equity, made = self._equities[0].id, []
        for number in range(count):
            size = Quantity.from_int(5 + number % 20)
            order = (
                self._factory.limit(equity, OrderSide.BUY, size, PRICE),
                self._factory.market(equity, OrderSide.BUY, size),
                self._factory.stop_market(equity, OrderSide.BUY, size, STOP),
            )[number % KINDS]
            made.append(SubmitOrder(TRADER, STRATEGY, order, UUID4(), 0))
        return made

    def describe(self) -> str:
        """Say what the cache holds."""
        held, working = self._cache.positions_open_count(), self._cache.orders_open_count()
        return f"{held} positions, {working} working orders"


def _equity(number: int) -> Equity:
    name = f"S{number}"
    return Equity(
        instrument_id=InstrumentId(Symbol(name), VENUE),
        raw_symbol=Symbol(name),
        currency=USD,
        price_precision=2,
        price_increment=Price.from_str("0.01"),
        lot_size=Quantity.from_int(1),
        max_quantity=Quantity.from_int(10_000),
        min_quantity=Quantity.from_int(1),
        ts_event=0,
        ts_init=0,
    )


def main() -> int:
    positions, orders, rounds = (int(each) for each in sys.argv[1:4])
    bench = Bench(positions, orders)
    taken = []
    for command in bench.commands(rounds + WARM_UP):
        begin = perf_counter_ns()
        bench.engine.execute(command)
        taken.append((perf_counter_ns() - begin) / 1_000)
    if bench.denied or len(bench.passed) != rounds + WARM_UP:
        raise SystemExit(f"not all passed: {len(bench.passed)}, {bench.denied[:1]}")
    controls = [len(CONTROLS) + (len(OF_A_PRICE) if number != 1 else 0) for number in range(KINDS)]
    print(
        json.dumps(
            {
                "us": taken[WARM_UP:],
                "holds": bench.describe(),
                "controls": [min(controls), max(controls)],
            }
        )
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
