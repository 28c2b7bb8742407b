"""From opening the files to the moment at which orders may leave again: reading, connecting, comparing.

The profile has 10,000 past orders, 200 that work and 100,000 audit records; the exchange has the same. The
whole core is there, on an encrypted database on this disk. Each start follows an end without a farewell, as
after a crash. Twice: at the embedded exchange, and with Alpaca's client at the local Alpaca server in a
process of its own, under Alpaca's limit of requests. Beside the latter, in the same run: asking that server
for each working order by its id, one request after the other, as a program does that knows no list; no limit
holds it up. It prints and never fails.
"""

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import uvloop

from app.runtime import WindowConfirmer
from app.wiring import Core, Outside, profile_facts
from benchmarks.harness import ROOT, Row, head, keep, report, scratch
from core.adapters.alpaca.broker import AlpacaBroker
from core.adapters.alpaca.limiter import Limiter
from core.adapters.simulator import ExchangeSettings, Simulator, synthetic
from core.adapters.simulator.session import HALTED_SYMBOL, SyntheticSession
from core.audit import ledger
from core.clock import Clock, SystemClock
from core.domain.access import Actor, Mode, Origin, Role
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.credentials import AlpacaCredentials
from core.domain.execution import ExecType, ExecutionReport
from core.domain.limits import Limits
from core.domain.money import Money, Price, Qty
from core.domain.order import Order
from core.domain.portfolio import Position
from core.domain.terms import (
    NewOrderSingle,
    OrderCancelRequest,
    OrderTerms,
    OrdType,
    Side,
    TimeInForce,
)
from core.ids import ClOrdId, CountedIds, RandomIds, Symbol, mint_cl_ord_id
from core.logs import LogSettings, configure
from core.orders.bodies import order_body, order_in_words, order_message
from core.orders.folding import fold
from core.orders.history import BEGINNING
from core.portfolio.lots import apply_fill
from core.ports.broker import Broker
from core.ports.market_data import MarketDataFeed
from core.ports.storage import UnitOfWork
from core.settings import AlpacaAddresses
from core.storage import vault
from core.storage.store import SqlStore, open_store

if TYPE_CHECKING:
    from tests.servers.alpaca.server import AlpacaServer

PAST, WORKING, RECORDS, STARTS = 10_000, 200, 100_000, 5
BAR_S = 3.0
READY_WITHIN_S = 60.0
SWITCH_INTERVAL_S = 0.0005  # as the program sets it
ORDERS_A_COMMIT = 500
CANCELED_EVERY = 5
STEP_S = 0.5
NO_PEER = "no peer recovers from a record of its own"
PEER = "the same orders asked for one by one"
SERVER = "benchmarks.recovery"
TOO_CHEAP = "PENNY"  # one share of it costs less than the least that Alpaca takes an order for
KEYS = AlpacaCredentials("PKBENCH", "not-a-secret")
MANY = 1_000_000
ACTOR = Actor("demo", Role.TRADER, Origin.WINDOW, "run")
RICH = Money(10_000_000)
FAR_BELOW = Price("1.00")


@dataclass(frozen=True)
class Shape:
    """How much there is to recover."""

    past: int
    working: int
    records: int


@dataclass(frozen=True)
class Start:
    """One recovery, in seconds.

    Attributes:
        opened: opening the database and the exchange's ledger, before the core starts.
        ready: from `Core.start` to the open door.
    """

    opened: float
    ready: float

    @property
    def whole(self) -> float:
        return self.opened + self.ready


def numbered(count: int, label: str) -> list[ClOrdId]:
    ids = CountedIds(label)
    return [mint_cl_ord_id(ids, "A" * 43) for _ in range(count)]


def resting(symbol: Symbol, price: Price = FAR_BELOW) -> OrderTerms:
    return OrderTerms(symbol, Side.BUY, OrdType.LIMIT, TimeInForce.GTC, Qty(1), price)


def trade_at_simulator(market: Simulator, shape: Shape) -> None:
    """Give the embedded exchange its past and its working orders."""
    exchange = market.exchange
    symbols = [each.symbol for each in SyntheticSession().instruments if each.symbol != HALTED_SYMBOL]
    market.market.start()
    for number, cl_ord_id in enumerate(numbered(shape.past, "P")):
        pair = number // 2
        symbol = symbols[pair % len(symbols)]
        market.step(STEP_S)
        if pair % CANCELED_EVERY == 0:
            exchange.submit(NewOrderSingle(cl_ord_id, resting(symbol)))
            exchange.cancel(OrderCancelRequest(cl_ord_id, None))
        else:
            side = (Side.BUY, Side.SELL)[number % 2]
            terms = OrderTerms(symbol, side, OrdType.MARKET, TimeInForce.DAY, Qty(1))
            exchange.submit(NewOrderSingle(cl_ord_id, terms))
    for number, cl_ord_id in enumerate(numbered(shape.working, "W")):
        exchange.submit(NewOrderSingle(cl_ord_id, resting(symbols[number % len(symbols)])))


class Past:
    """Writes a book as the program would have, many orders to a commit.

    Args:
        store: an empty database.
        records_an_order: audit records that each order leaves.
    """

    def __init__(self, store: SqlStore, records_an_order: int) -> None:
        self._store = store
        self._records = records_an_order
        self._positions: dict[Symbol, Position] = {}

    async def write(self, reports: Sequence[ExecutionReport]) -> None:
        """Store every order that the reports are about, as they leave it."""
        await self._store.write(self._begin)
        told: dict[ClOrdId, list[ExecutionReport]] = {}
        for each in reports:
            told.setdefault(each.cl_ord_id, []).append(each)
        orders = list(told.values())
        for start in range(0, len(orders), ORDERS_A_COMMIT):
            part = orders[start : start + ORDERS_A_COMMIT]
            await self._store.write(partial(self._put_all, part))

    def _begin(self, uow: UnitOfWork) -> None:
        draft = ledger.genesis(self._store.installation_id, self._store.created_at_us, ACTOR)
        ledger.append(uow, draft, SystemClock().now())

    def _put_all(self, told: Sequence[Sequence[ExecutionReport]], uow: UnitOfWork) -> None:
        for reports in told:
            self._put(uow, reports)

    def _put(self, uow: UnitOfWork, reports: Sequence[ExecutionReport]) -> None:
        first = reports[0]
        at = first.transact_time
        order = Order(first.cl_ord_id, first.terms, at, at, sent_at=at)
        for each in reports:
            order = fold(order, each, each.transact_time)
        uow.insert_order(order, order_body(order_message(order)), "{}")
        for each in reports:
            if each.exec_type is not ExecType.ORDER_STATUS:
                uow.insert_execution(each)
            if each.fill is not None:
                uow.insert_fill(each.fill)
                position, closes = apply_fill(self._positions.get(order.symbol), each.fill)
                uow.save_position(position, closes)
                self._positions[order.symbol] = position
        words = order_in_words(order)
        for number in range(self._records):
            facts = payload_of({"answer": "as before", "try": number})
            draft = AuditDraft(
                AuditAction.ORDER_LOOKED_UP, ACTOR, words, facts, order.order_id or "", order.cl_ord_id
            )
            ledger.append(uow, draft, at)


def core_on(store: SqlStore, broker: Broker, feed: MarketDataFeed, clock: Clock, folder: Path) -> Core:
    facts = profile_facts("benchmark", "demo", Role.TRADER.value, temporary=True)
    confirmer = WindowConfirmer(lambda _: asyncio.Future())  # type: ignore[arg-type,return-value]  # never asked
    return Core(
        Outside(
            store, broker, feed, confirmer, clock, RandomIds(), facts, folder / "emergency", "run", Limits()
        )
    )


async def door_open(core: Core) -> None:
    """Return once orders may leave."""
    opened = asyncio.Event()

    def look(_: object) -> None:
        if core.state.ready:
            opened.set()

    core.bus.subscribe_all(look)
    async with asyncio.timeout(READY_WITHIN_S):
        await opened.wait()


async def recover(core: Core, opened: float, shape: Shape) -> Start:
    """Start a core, and end it as a crash does: nothing is noted."""
    ready_in = asyncio.ensure_future(door_open(core))
    began = perf_counter()
    await core.start()
    await ready_in
    ready = perf_counter() - began
    assert len(core.state.orders.open()) == shape.working
    await core.tasks.close()
    return Start(opened, ready)


async def at_simulator(folder: Path, shape: Shape, starts: int) -> list[Start]:
    """Measure recoveries against the embedded exchange."""
    clock, path, key = SystemClock(), folder / "exchange.ledger", vault.create(folder, None)
    market = synthetic(clock, path, settings=replace(ExchangeSettings(cash=RICH), fsync=False))
    trade_at_simulator(market, shape)
    store = open_store(folder / "investiq.db", key, create=True)
    await Past(store, shape.records // (shape.past + shape.working)).write(
        market.exchange.activities(BEGINNING)
    )
    await store.close_async()
    market.exchange.note_time()
    market.exchange.close()
    found = []
    for _ in range(starts):
        began = perf_counter()
        store = open_store(folder / "investiq.db", key, create=False)
        market = synthetic(clock, path)
        core = core_on(store, market.broker, market.feed, clock, folder)
        await market.start()
        found.append(await recover(core, perf_counter() - began, shape))
        await core.outside.feed.close()
        await market.broker.close()
        await market.stop()
        await store.close_async()
    return found


def trade_at_alpaca(server: "AlpacaServer", shape: Shape) -> None:
    """Give the local Alpaca server its past and its working orders."""
    exchange = server.exchange
    symbols = [symbol for symbol in exchange.market.assets if symbol != TOO_CHEAP]
    for number, cl_ord_id in enumerate(numbered(shape.past, "P")):
        pair = number // 2
        server.clock.advance(STEP_S)
        terms = {"symbol": symbols[pair % len(symbols)], "qty": "1", "client_order_id": cl_ord_id}
        if pair % CANCELED_EVERY == 0:
            exchange.submit(terms | _resting_at_alpaca())
            exchange.cancel(exchange.order(cl_ord_id).id)
        else:
            side = ("buy", "sell")[number % 2]
            exchange.submit(terms | {"side": side, "type": "market", "time_in_force": "day"})
    for number, cl_ord_id in enumerate(numbered(shape.working, "W")):
        terms = {"symbol": symbols[number % len(symbols)], "qty": "1", "client_order_id": cl_ord_id}
        exchange.submit(terms | _resting_at_alpaca())


def _resting_at_alpaca() -> dict[str, str]:
    # Every listed share is worth more than this.
    return {"side": "buy", "type": "limit", "time_in_force": "gtc", "limit_price": "0.10", "qty": "10"}


async def serve(shape: Shape) -> None:
    """Be the server, until killed; one line says where it listens."""
    from tests.servers.alpaca.server import AlpacaServer

    server = AlpacaServer(key_id=KEYS.key_id, secret=KEYS.secret, cash=str(RICH))
    server.exchange.settings.session = "regular"
    server.rate_limit.per_minute = MANY
    trade_at_alpaca(server, shape)
    await server.start()
    urls = server.trading_url, server.trade_stream_url, server.data_url, server.data_stream_url
    print(json.dumps(urls), flush=True)
    await asyncio.Event().wait()


@contextmanager
def alpaca_server(shape: Shape) -> Iterator[AlpacaAddresses]:
    command = [
        sys.executable,
        "-m",
        SERVER,
        "--serve",
        "--past",
        str(shape.past),
        "--working",
        str(shape.working),
    ]
    process = subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield AlpacaAddresses(*json.loads(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()


async def look_up_one_by_one(broker: AlpacaBroker, working: int) -> float:
    """Return the seconds that asking for each working order by its id takes."""
    began = perf_counter()
    for cl_ord_id in numbered(working, "W"):
        assert await broker.order(cl_ord_id) is not None
    return perf_counter() - began


async def at_alpaca(
    folder: Path, addresses: AlpacaAddresses, shape: Shape, starts: int
) -> tuple[list[Start], float]:
    """Measure recoveries at Alpaca's server, and the look-ups beside them."""
    clock, key = SystemClock(), vault.create(folder, None)
    free = AlpacaBroker(Mode.PAPER, addresses, KEYS, clock, folder, Limiter(clock, MANY))
    store = open_store(folder / "investiq.db", key, create=True)
    await Past(store, shape.records // (shape.past + shape.working)).write(await free.activities(BEGINNING))
    await store.close_async()
    found = []
    for number in range(starts):
        began = perf_counter()
        store = open_store(folder / "investiq.db", key, create=False)
        market = synthetic(clock, folder / f"prices-{number}.ledger")
        broker = AlpacaBroker(Mode.PAPER, addresses, KEYS, clock, folder)
        core = core_on(store, broker, market.feed, clock, folder)
        await market.start()
        found.append(await recover(core, perf_counter() - began, shape))
        await core.outside.feed.close()
        await broker.close()
        await market.stop()
        await store.close_async()
    looked_up = await look_up_one_by_one(free, shape.working)
    await free.close()
    return found, looked_up


def tell(name: str, starts: Sequence[Start], shape: Shape, peer: float | None, peer_name: str) -> Row:
    """Make the line of one exchange; what counts is the slowest start."""
    whole = [each.whole for each in starts]
    detail = {
        "past_orders": shape.past,
        "working": shape.working,
        "audit_records": shape.records,
        "starts": len(starts),
        "median_s": round(median(whole), 3),
        "opening_files_s": round(median(each.opened for each in starts), 3),
        "core_start_to_ready_s": round(median(each.ready for each in starts), 3),
    }
    ours = max(whole)
    return Row(
        f"recovery: files to open door, {name}", ours, peer, peer_name, BAR_S, "s", ours <= BAR_S, detail
    )


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--past", type=int, default=PAST)
    options.add_argument("--working", type=int, default=WORKING)
    options.add_argument("--records", type=int, default=RECORDS)
    options.add_argument("--starts", type=int, default=STARTS)
    options.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    asked = options.parse_args()
    shape = Shape(asked.past, asked.working, asked.records)
    if asked.serve:
        asyncio.run(serve(shape))
        return 0
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    configure(LogSettings(None))
    rows = []
    with scratch() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        (folder / "simulator").mkdir()
        simulated = runner.run(at_simulator(folder / "simulator", shape, asked.starts))
        rows.append(tell("embedded exchange", simulated, shape, None, NO_PEER))
        (folder / "alpaca").mkdir()
        with alpaca_server(shape) as addresses:
            measured = at_alpaca(folder / "alpaca", addresses, shape, asked.starts)
            at_broker, looked_up = runner.run(measured)
        rows.append(tell("Alpaca", at_broker, shape, looked_up, PEER))
    keep(
        "recovery",
        {"embedded_s": [each.whole for each in simulated], "alpaca_s": [each.whole for each in at_broker]},
    )
    head()
    for row in rows:
        report(row)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
