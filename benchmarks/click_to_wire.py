"""From the click to the first byte of the order at a local Alpaca server, with the intent durable before it.

The whole core is there: encrypted database on this disk, every risk pass, moving prices, the real client on
its thread; the server runs in a process of its own and fills what it gets. A person sends one order after the
other, so 20 ms lie between two. Beside it, to the same server at the same pace, alpaca-py's own submit_order,
which stores nothing and asks no rule. It prints and never fails.
"""

import argparse
import asyncio
import gc
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter_ns, sleep

import uvloop

from app.runtime import WindowConfirmer
from app.wiring import Core, Outside, profile_facts
from benchmarks.harness import ROOT, Row, head, interval, keep, report, scratch, spread
from benchmarks.passing import PASSING
from core.adapters.alpaca.broker import AlpacaBroker
from core.adapters.alpaca.limiter import Limiter
from core.adapters.simulator import synthetic
from core.clock import SystemClock
from core.domain.access import Actor, Mode, Origin, Role
from core.domain.credentials import AlpacaCredentials
from core.domain.execution import ExecutionReport
from core.domain.messages import SubmitOrder
from core.domain.money import plain
from core.domain.terms import NewOrderList, NewOrderSingle, OrderDraft, OrdType, Side, TimeInForce
from core.ids import RandomIds, Symbol, new_idempotency_key
from core.logs import LogSettings, configure
from core.settings import AlpacaAddresses
from core.storage import vault
from core.storage.store import open_store

PAUSE_S = 0.02
BAR_P50_MS, BAR_P99_MS = 5.0, 25.0
ORDERS, WARM_UP = 1_000, 30
SWITCH_INTERVAL_S = 0.0005  # as the program sets it
READY_WITHIN_S = 15.0
KEYS = AlpacaCredentials("PKBENCH", "not-a-secret")
PEER = "alpaca-py 0.44 submit_order, nothing stored"


class Server:
    """The server's process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdout is not None
        self.address = f"127.0.0.1:{int(process.stdout.readline())}"

    def arrivals(self) -> list[int]:
        """End it, and return when each order came in."""
        out, _ = self._process.communicate("", timeout=30)
        found: list[int] = json.loads(out.strip().splitlines()[-1])
        return found


@contextmanager
def server() -> Iterator[Server]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.peers.wire_server"],
        cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Server(process)
    finally:
        if process.poll() is None:
            process.kill()


class Door:
    """Alpaca's broker port; notes when an order comes in."""

    def __init__(self, broker: AlpacaBroker) -> None:
        self._broker = broker
        self.entered: list[int] = []

    async def submit(self, order: NewOrderSingle | NewOrderList) -> ExecutionReport:
        self.entered.append(perf_counter_ns())
        return await self._broker.submit(order)

    def __getattr__(self, name: str) -> object:
        return getattr(self._broker, name)


async def ready(core: Core) -> None:
    async with asyncio.timeout(READY_WITHIN_S):
        while not core.state.ready or len(core.state.quotes.all()) < len(core.state.instruments):
            await core.outside.clock.sleep(0.02)


def draft(core: Core, symbols: list[Symbol], number: int) -> OrderDraft:
    """Buy one share of each symbol, then sell each, and so on, at the price that is shown."""
    symbol, side = symbols[number % len(symbols)], (Side.BUY, Side.SELL)[number // len(symbols) % 2]
    quote = core.state.quotes.get(symbol)
    price = None if quote is None else quote.ask if side is Side.BUY else quote.bid
    assert price is not None
    return OrderDraft(symbol, side, OrdType.LIMIT, TimeInForce.DAY, "1", plain(price))


async def click(folder: Path, address: str, count: int) -> tuple[list[int], list[int], list[int]]:
    """Send orders through a desk.

    Returns:
        The nanoseconds of each click, of each entry at the broker's door, and of each answer in the book.
    """
    clock, ids = SystemClock(), RandomIds()
    market = synthetic(clock, folder / "exchange.ledger")
    http, ws = f"http://{address}", f"ws://{address}"
    addresses = AlpacaAddresses(http, f"{ws}/stream", http, f"{ws}/v2/iex")
    door = Door(AlpacaBroker(Mode.PAPER, addresses, KEYS, clock, folder, Limiter(clock, 10**6)))
    store = open_store(folder / "investiq.db", vault.create(folder, None), create=True)
    facts = profile_facts("benchmark", "demo", Role.TRADER.value, temporary=True)
    confirmer = WindowConfirmer(lambda _: asyncio.Future())  # type: ignore[arg-type,return-value]  # never asked
    outside = Outside(
        store, door, market.feed, confirmer, clock, ids, facts, folder / "emergency", "run", PASSING  # type: ignore[arg-type]
    )  # fmt: skip
    core = Core(outside)
    await market.start()
    await core.start()
    await ready(core)
    gc.collect()
    gc.freeze()  # as the program does once it has started
    actor = Actor("demo", Role.TRADER, Origin.WINDOW, "run")
    symbols = sorted(core.state.instruments)
    begun, answered = [], []
    for number in range(count):
        command = SubmitOrder(draft(core, symbols, number), new_idempotency_key(ids))
        begun.append(perf_counter_ns())
        await core.desk.execute(command, actor)
        answered.append(perf_counter_ns())
        await asyncio.sleep(PAUSE_S)
    await core.stop()
    await market.stop()
    await store.close_async()
    return begun, door.entered, answered


def peer(address: str, count: int) -> list[int]:
    """Send orders as alpaca-py does; return the nanoseconds of each call."""
    from alpaca.trading.client import TradingClient
    from alpaca.trading.enums import OrderSide
    from alpaca.trading.enums import TimeInForce as Tif
    from alpaca.trading.requests import LimitOrderRequest

    client = TradingClient(KEYS.key_id, KEYS.secret, url_override=f"http://{address}", raw_data=True)
    begun = []
    for number in range(count):
        begun.append(perf_counter_ns())
        client.submit_order(
            LimitOrderRequest(
                symbol="AAPL", qty=1, side=(OrderSide.BUY, OrderSide.SELL)[number % 2], time_in_force=Tif.DAY,
                limit_price=99.0, client_order_id=f"peer-{number}",
            )
        )  # fmt: skip
        sleep(PAUSE_S)
    return begun


def between(begun: list[int], arrived: list[int]) -> list[float]:
    return [(after - before) / 1e6 for before, after in zip(begun, arrived, strict=True)][WARM_UP:]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--orders", type=int, default=ORDERS)
    count = options.parse_args().orders + WARM_UP
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    configure(LogSettings(None))  # as the program writes it, which is not every request
    with scratch() as folder, server() as own, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        begun, entered, answered = runner.run(click(folder, own.address, count))
        arrived = own.arrivals()
    with server() as other:
        called = peer(other.address, count)
        theirs = between(called, other.arrivals())
    ours, answers, carried = between(begun, arrived), between(begun, answered), between(entered, arrived)
    keep("click_to_wire", {"wire_ms": ours, "carried_ms": carried, "answer_ms": answers, "peer_ms": theirs})
    (p50, p99, most), (peer_p50, peer_p99, _) = spread(ours), spread(theirs)
    detail = {
        "orders": count - WARM_UP,
        "p50_ms": round(p50, 3),
        "p99_ms": round(p99, 3),
        "max_ms": round(most, 3),
        "p50_95pct": interval(ours, 50),
        "p99_95pct": interval(ours, 99),
        "from_broker_p50_ms": round(spread(carried)[0], 3),
        "from_broker_p99_ms": round(spread(carried)[1], 3),
        "answer_p50_ms": round(spread(answers)[0], 3),
        "peer_p50_ms": round(peer_p50, 3),
        "peer_p99_ms": round(peer_p99, 3),
    }
    name = "order: click to the first byte at the server"
    head()
    report(Row(f"{name}, p50", p50, peer_p50, PEER, BAR_P50_MS, "ms", p50 <= BAR_P50_MS, detail))
    report(Row(f"{name}, p99", p99, peer_p99, PEER, BAR_P99_MS, "ms", p99 <= BAR_P99_MS, detail))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
