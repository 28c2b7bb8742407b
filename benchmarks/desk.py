"""A whole core over the embedded exchange: encrypted database, a ledger on the disk, prices moving."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from app.runtime import WindowConfirmer
from app.wiring import Core, Outside, profile_facts
from core.adapters.simulator import synthetic
from core.clock import SystemClock
from core.domain.access import Actor, Origin, Role
from core.domain.limits import Limits
from core.ids import RandomIds
from core.ports.broker import Broker
from core.storage import vault
from core.storage.store import open_store

ACTOR = Actor("demo", Role.TRADER, Origin.WINDOW, "run")
READY_WITHIN_S = 10.0


async def ready(core: Core) -> None:
    """Wait until orders are taken and every symbol has a price."""
    async with asyncio.timeout(READY_WITHIN_S):
        while not core.state.ready or len(core.state.quotes.all()) < len(core.state.instruments):
            await core.outside.clock.sleep(0.02)


@asynccontextmanager
async def running(
    folder: Path, limits: Limits, door: Callable[[Broker], Broker] = lambda broker: broker
) -> AsyncIterator[Core]:
    """Give a core that takes orders, and end it.

    Args:
        folder: an empty one, on a disk.
        limits: of the account.
        door: stands between the core and the exchange, to see what goes through.
    """
    clock = SystemClock()
    market = synthetic(clock, folder / "exchange.ledger")
    store = open_store(folder / "investiq.db", vault.create(folder, None), create=True)
    facts = profile_facts("benchmark", "demo", Role.TRADER.value, temporary=True)
    confirmer = WindowConfirmer(lambda _: asyncio.Future())  # type: ignore[arg-type,return-value]  # never asked
    outside = Outside(
        store, door(market.broker), market.feed, confirmer, clock, RandomIds(), facts, folder / "emergency",
        "run", limits,
    )  # fmt: skip
    core = Core(outside)
    await market.start()
    await core.start()
    await ready(core)
    gc.collect()
    gc.freeze()  # as the program does once it has started
    try:
        yield core
    finally:
        await core.stop()
        await market.stop()
        await store.close_async()
