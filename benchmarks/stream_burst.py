"""150,000 quotes in one second, then 20,000 a second of one symbol, from Alpaca's stream through the core.

A local Alpaca in a process of its own sends frames of ten in MessagePack. The core is all there: the feed
and the broker adapter, encrypted database, book, valuation, bus. Four times a second a resting order is
cancelled, and the first byte of that cancel is noted by the server: once with the core by itself, once under
the window. Beside it, on the same burst, alpaca-py's
own StockDataStream with a handler that only counts. It prints and never fails.
"""

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

import uvloop

from app.runtime import Running, WindowConfirmer
from app.wiring import Core, Outside, profile_facts
from benchmarks.harness import (
    ROOT,
    SCREEN,
    Row,
    head,
    keep,
    report,
    scratch,
    virtual_screen,
    window_environment,
)
from benchmarks.passing import PASSING
from benchmarks.peers.burst_server import LAST_BID
from benchmarks.stalls import StallWatch
from core.adapters.alpaca.broker import AlpacaBroker
from core.adapters.alpaca.feed import AlpacaFeed
from core.adapters.alpaca.limiter import Limiter
from core.adapters.calendar import MarketCalendar
from core.clock import SystemClock
from core.domain.access import Actor, Mode, Origin, Role
from core.domain.credentials import AlpacaCredentials
from core.domain.market import MarketSession, SessionPhase
from core.domain.messages import CancelOrder, LinkChanged, LinkState, Part, QuotesChanged, SubmitOrder
from core.domain.terms import OrderDraft, OrdType, Side, TimeInForce
from core.ids import ClOrdId, RandomIds, new_idempotency_key
from core.logs import LogSettings, configure
from core.settings import AlpacaAddresses
from core.storage import vault
from core.storage.store import open_store
from core.tasks import Tasks

SYMBOLS, CANCELS, CANCEL_EVERY_S, SETTLE_S = 200, 20, 0.25, 1.0
SWITCH_INTERVAL_S = 0.0005  # as the program sets it
READY_WITHIN_S, END_WITHIN_S = 20.0, 60.0
BAR_DRAIN_MS, BAR_STALL_MS, BAR_MB, BAR_CANCEL_MS = 250.0, 50.0, 50.0, 100.0
KEYS = AlpacaCredentials("PKBENCH", "not-a-secret")
PEER = "alpaca-py 0.44 StockDataStream"


class OpenMarket(MarketCalendar):
    """Regular hours, whatever the time of day at which this is run."""

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self._hours = now - timedelta(hours=2), now + timedelta(hours=4)

    def session(self, now: datetime) -> MarketSession:
        return MarketSession(now, SessionPhase.REGULAR, *self._hours)


class Server:
    """The server's process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        assert process.stdout is not None
        assert process.stdin is not None
        self._out, self._in = process.stdout, process.stdin
        self.port = int(self._out.readline())

    def begin(self) -> None:
        self._say()

    def end(self) -> dict[str, Any]:
        self._say()
        return dict(json.loads(self._out.readline()))

    def _say(self) -> None:
        self._in.write("\n")
        self._in.flush()


@contextmanager
def server() -> Iterator[Server]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.peers.burst_server", "--symbols", str(SYMBOLS)],
        cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Server(process)
    finally:
        process.kill()
        process.wait(10)


class Watcher:
    """What the bus tells: quotes, the last of them, and a feed that went down."""

    def __init__(self) -> None:
        self.quotes = self.losses = self.ended_ns = 0
        self.is_measured = False
        self.ended = asyncio.Event()

    def __call__(self, event: object) -> None:
        if isinstance(event, QuotesChanged):
            self.quotes += len(event.quotes)
            if any(quote.bid is not None and float(quote.bid) == LAST_BID for quote in event.quotes):
                self.ended_ns = perf_counter_ns()
                self.ended.set()
        elif isinstance(event, LinkChanged) and event.part is Part.FEED and event.state is LinkState.DOWN:
            self.losses += 1


async def start(folder: Path, port: int, confirmer: WindowConfirmer, *hear: Callable[[object], None]) -> Core:
    clock, ids = SystemClock(), RandomIds()
    http, ws = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
    addresses = AlpacaAddresses(http, f"{ws}/stream", http, f"{ws}/v2/iex")
    broker = AlpacaBroker(Mode.PAPER, addresses, KEYS, clock, folder, Limiter(clock, 10**6))
    feed = AlpacaFeed(Mode.PAPER, addresses, KEYS, clock, OpenMarket(clock.now()), broker.assets)
    store = open_store(folder / "investiq.db", vault.create(folder, None), create=True)
    facts = profile_facts("benchmark", "demo", Role.TRADER.value, temporary=True)
    core = Core(
        Outside(store, broker, feed, confirmer, clock, ids, facts, folder / "emergency", "run", PASSING)
    )
    for each in hear:
        core.bus.subscribe_all(each)
    await core.start()
    async with asyncio.timeout(READY_WITHIN_S):
        while not core.state.ready or len(core.state.quotes.all()) < SYMBOLS:
            await clock.sleep(0.02)
    return core


async def rest_orders(core: Core, actor: Actor, ids: RandomIds) -> list[ClOrdId]:
    symbol, found = min(core.state.instruments), []
    for _ in range(CANCELS):
        draft = OrderDraft(symbol, Side.BUY, OrdType.LIMIT, TimeInForce.DAY, "1", "99.50")
        submitted = await core.desk.execute(SubmitOrder(draft, new_idempotency_key(ids)), actor)
        found.append(submitted.order.cl_ord_id)
    return found


async def drive(core: Core, own: Server, watcher: Watcher) -> dict[str, Any]:
    """Let the burst come, and cancel meanwhile."""
    actor = Actor("demo", Role.TRADER, Origin.WINDOW, "run")
    resting = await rest_orders(core, actor, RandomIds())
    await asyncio.sleep(SETTLE_S)
    gc.collect()
    gc.freeze()  # as the program does once it has started
    begun: list[int] = []
    own.begin()
    watcher.is_measured = True
    async with StallWatch() as stalls:
        for cl_ord_id in resting:
            await asyncio.sleep(CANCEL_EVERY_S)
            begun.append(perf_counter_ns())
            await core.desk.execute(CancelOrder(cl_ord_id), actor)
        with suppress(TimeoutError):
            async with asyncio.timeout(END_WITHIN_S):
                await watcher.ended.wait()
    watcher.is_measured = False
    said = await asyncio.to_thread(own.end)
    return {
        "drain_ms": (watcher.ended_ns - said["last_ns"]) / 1e6 if watcher.ended_ns else None,
        "stall_ms": stalls.worst_ms,
        "stalls_over_50_ms": len(stalls.over_ms),
        "mb": stalls.grown_mb,
        "cancel_ms": [(came - click) / 1e6 for click, came in zip(begun, said["cancels"], strict=False)],
        "losses": watcher.losses,
        "shown": watcher.quotes,
        "sent": said["sent"],
        "behind_s": said["behind_s"],
    }


async def stop(core: Core) -> None:
    await core.stop()
    await core.outside.store.close_async()


async def bare(folder: Path, own: Server) -> dict[str, Any]:
    """Measure the core by itself."""
    watcher = Watcher()
    nobody = WindowConfirmer(lambda _: asyncio.Future())  # type: ignore[arg-type,return-value]  # never asked
    core = await start(folder, own.port, nobody, watcher)
    found = await drive(core, own, watcher)
    await stop(core)
    return found


def windowed(folder: Path, own: Server, screen: str | None) -> dict[str, Any]:
    """Measure the core on its thread, under the real window with its watchlist."""
    os.environ.update(window_environment(screen))
    # Qt reads the environment when it is loaded.
    from benchmarks.stream_window import StreamWindow

    watcher, found, driving = Watcher(), dict[str, Any](), Tasks()

    async def begin(publish: Callable[[object], None], confirmer: WindowConfirmer) -> Running:
        core = await start(folder, own.port, confirmer, watcher, publish)

        async def measure() -> None:
            found.update(await drive(core, own, watcher))

        driving.spawn(measure(), "measure").add_done_callback(lambda _: over.append(True))
        actor = Actor("demo", Role.TRADER, Origin.WINDOW, "run")
        return Running(core.desk.execute, actor, lambda: stop(core))

    over: list[bool] = []
    window = StreamWindow(begin, lambda: watcher.is_measured, lambda: bool(over), SCREEN)
    window.run()
    return {**found, "gui_ms": max(window.gaps_ms), "gui_over_50_ms": sum(gap > 50 for gap in window.gaps_ms)}


def peer(other: Server) -> dict[str, Any] | None:
    script = ROOT / "benchmarks" / "peers" / "alpacapy_burst.py"
    process = subprocess.Popen(
        [sys.executable, str(script), str(other.port), str(SYMBOLS)], text=True, stdout=subprocess.PIPE
    )
    try:
        if process.stdout is None or process.stdout.readline().strip() != "ready":
            return None
        other.begin()
        found = dict(json.loads(process.stdout.readline()))
    finally:
        process.kill()
        process.wait(10)
    said = other.end()
    drain = (found["ended_ns"] - said["last_ns"]) / 1e6 if found["ended_ns"] else None
    return {
        **found,
        "drain_ms": drain,
        "behind_s": said["behind_s"],
        "sent": said["sent"],
        "slow": said["slow"],
    }


def late_ms(found: dict[str, Any] | None) -> float | None:
    """Say how late the last quote was: what waited at the server, and what the client had yet to work off."""
    if found is None or found["drain_ms"] is None:
        return None
    return float(found["drain_ms"] + found["behind_s"] * 1_000)


def show(kind: str, mine: dict[str, Any], theirs: dict[str, Any] | None) -> None:
    waits = mine.pop("cancel_ms")
    detail = {**mine, "cancels": len(waits), "cancel_median_ms": median(waits), "peer": theirs}
    name = f"stream, {kind}: 150,000 quotes in 1 s"

    def row(what: str, own: float | None, other: float | None, bar: float, unit: str = "ms") -> None:
        is_met = own is not None and own <= bar and not mine["losses"]
        report(Row(f"{name}, {what}", own, other, PEER, bar, unit, is_met, detail))

    known = theirs or {"stall_ms": None, "mb": None}
    row("lateness", late_ms(mine), late_ms(theirs), BAR_DRAIN_MS)
    row("core stall", mine["stall_ms"], known["stall_ms"], BAR_STALL_MS)
    row("memory", mine["mb"], known["mb"], BAR_MB, "MB")
    row("cancel, most", max(waits) if len(waits) == CANCELS else None, None, BAR_CANCEL_MS)
    if "gui_ms" in mine:
        row("window stall", mine["gui_ms"], None, BAR_STALL_MS)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--no-peer", action="store_true")
    options.add_argument("--no-window", action="store_true")
    asked = options.parse_args()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    configure(LogSettings(None))  # as the program writes it, which is not every frame
    theirs, runs = None, dict[str, dict[str, Any]]()
    if not asked.no_peer:
        with server() as other:
            theirs = peer(other)
    with scratch() as folder, server() as own, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runs["core"] = runner.run(bare(folder, own))
    if not asked.no_window:
        with virtual_screen() as screen, scratch() as folder, server() as own:
            runs["window"] = windowed(folder, own, screen)
    keep("stream_burst", {**runs, "peer": theirs})
    head()
    for kind, mine in runs.items():
        show(kind, mine, theirs)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
