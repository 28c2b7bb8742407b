"""From SubmitOrder to the entry of `Broker.submit`, with durable intent, audit and every risk pass.

The whole core is there: encrypted database on this disk, embedded exchange with its own synced ledger, prices
moving. A person sends one order after the other, so 20 ms lie between two; the figures of orders sent without
a pause, each behind the booking of the fill before it, stand in the details. Beside it, in the same run: a
synced append of 4 KB (the physical limit), and vn.py's send_order, which stores nothing and asks no rule.
It prints and never fails.
"""

import argparse
import asyncio
import gc
import os
import sys
from pathlib import Path
from time import perf_counter_ns

import uvloop

from app.runtime import WindowConfirmer
from app.wiring import Core, Outside, profile_facts
from benchmarks.harness import PEER_NAME, Row, head, interval, keep, report, run_peer, scratch, spread
from benchmarks.passing import PASSING
from core.adapters.simulator import Simulator, synthetic
from core.clock import SystemClock
from core.domain.access import Actor, Origin, Role
from core.domain.execution import ExecutionReport
from core.domain.messages import SubmitOrder
from core.domain.terms import NewOrderSingle, OrderDraft, OrdType, Side, TimeInForce
from core.ids import RandomIds, Symbol, new_idempotency_key
from core.storage import vault
from core.storage.store import open_store

PAUSE_S = 0.02
BAR_P50_MS, BAR_P99_MS = 3.0, 15.0
ORDERS, WARM_UP, APPEND_EVERY = 2_000, 30, 10
SWITCH_INTERVAL_S = 0.0005  # as the program sets it
BLOCK = bytes(4_096)
READY_WITHIN_S = 10.0


class Door:
    """The exchange's broker port; notes when an order comes in."""

    def __init__(self, market: Simulator) -> None:
        self._broker = market.broker
        self.entered: list[int] = []

    async def submit(self, order: NewOrderSingle) -> ExecutionReport:
        self.entered.append(perf_counter_ns())
        return await self._broker.submit(order)

    def __getattr__(self, name: str) -> object:
        return getattr(self._broker, name)


class Limit:
    """One append of 4 KB that is on stable storage when it returns."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "append", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        self.ms: list[float] = []

    def append(self) -> None:
        begin = perf_counter_ns()
        os.write(self._file, BLOCK)
        os.fsync(self._file)
        self.ms.append((perf_counter_ns() - begin) / 1e6)


async def ready(core: Core) -> None:
    async with asyncio.timeout(READY_WITHIN_S):
        while not core.state.ready or len(core.state.quotes.all()) < len(core.state.instruments):
            await core.outside.clock.sleep(0.02)


def drafts(symbols: list[Symbol], count: int) -> list[OrderDraft]:
    """Buy one share of each symbol, then sell each, and so on."""
    sides = (Side.BUY, Side.SELL)
    return [
        OrderDraft(
            symbols[number % len(symbols)],
            sides[number // len(symbols) % 2],
            OrdType.MARKET,
            TimeInForce.DAY,
            "1",
        )
        for number in range(count)
    ]


async def measure(folder: Path, count: int, pause_s: float) -> tuple[list[float], list[float], list[float]]:
    """Return ms to the broker's door, ms to the broker's answer in the book, and ms of the appends.

    A ticket is sent by a person, so the desk has booked the fill before it: `pause_s` lies between two
    orders. Without a pause an order waits for the fill of the one before it to be written.
    """
    clock, ids = SystemClock(), RandomIds()
    market = synthetic(clock, folder / "exchange.ledger")
    door, limit = Door(market), Limit(folder)
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
    begun, answered = [], []
    for number, draft in enumerate(drafts(sorted(core.state.instruments), count + WARM_UP)):
        command = SubmitOrder(draft, new_idempotency_key(ids))
        begun.append(perf_counter_ns())
        await core.desk.execute(command, actor)
        answered.append(perf_counter_ns())
        if number % APPEND_EVERY == 0:
            limit.append()
        await asyncio.sleep(pause_s)
    await core.stop()
    await market.stop()
    await store.close_async()
    door_ms = [(after - before) / 1e6 for before, after in zip(begun, door.entered, strict=True)]
    answer_ms = [(after - before) / 1e6 for before, after in zip(begun, answered, strict=True)]
    return door_ms[WARM_UP:], answer_ms[WARM_UP:], limit.ms


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--orders", type=int, default=ORDERS)
    count = options.parse_args().orders
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with scratch() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        (folder / "paced").mkdir()
        (folder / "pressed").mkdir()
        ours, answers, appends = runner.run(measure(folder / "paced", count, PAUSE_S))
        pressed, _, _ = runner.run(measure(folder / "pressed", count // 4, 0.0))
    keep(
        "order_to_broker",
        {"door_ms": ours, "answer_ms": answers, "append_ms": appends, "back_to_back_ms": pressed},
    )
    (p50, p99, most), (limit_p50, limit_p99, _) = spread(ours), spread(appends)
    detail = {
        "orders": count,
        "p50_ms": round(p50, 3),
        "p99_ms": round(p99, 3),
        "max_ms": round(most, 3),
        "p50_95pct": interval(ours, 50),
        "p99_95pct": interval(ours, 99),
        "answer_p50_ms": round(spread(answers)[0], 3),
        "back_to_back_p50_ms": round(spread(pressed)[0], 3),
        "back_to_back_p99_ms": round(spread(pressed)[1], 3),
        "append_p50_ms": round(limit_p50, 3),
        "append_p99_ms": round(limit_p99, 3),
    }
    found = run_peer("vnpy_send.py", str(count), within_s=120)
    theirs = spread(found["ms"]) if found else None
    name, limit_name = "order: ticket to Broker.submit", "limit: one synced append of 4 KB"
    peer_name = f"{PEER_NAME} send_order, nothing stored"
    head()
    report(Row(f"{name}, p50", p50, limit_p50, limit_name, BAR_P50_MS, "ms", p50 <= BAR_P50_MS, detail))
    report(Row(f"{name}, p99", p99, limit_p99, limit_name, BAR_P99_MS, "ms", p99 <= BAR_P99_MS, detail))
    report(
        Row(f"{name}, p50", p50, theirs and theirs[0], peer_name, BAR_P50_MS, "ms", p50 <= BAR_P50_MS, detail)
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
