"""A whole core on an encrypted database and an exchange turned by hand; it can be killed and restarted."""

import asyncio
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from app.wiring import Core, Outside, profile_facts
from core.clock import ManualClock, settle
from core.domain.access import Actor, Mode, Origin
from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.limits import Limits
from core.domain.messages import Command, Notice, Severity, SubmitOrder
from core.domain.order import Order
from core.domain.risk import RuleCode
from core.domain.terms import OrderDraft, OrdType, Side, TimeInForce
from core.ids import ClOrdId, CountedIds, IdempotencyKey
from core.ports.storage import Reader, UnitOfWork
from core.storage.store import SqlStore, open_store
from core.storage.vault import Key
from tests.builders import AAPL
from tests.fakes.market import HandMarket
from tests.fakes.oracle import Oracle, read_oracle

R = TypeVar("R")
T = TypeVar("T")

EVERY_RULE = frozenset(RuleCode)
# The rules of pace have tests of their own; elsewhere they would only be in the way.
EASY = Limits(
    duplicate_hard_count=1_000_000,
    burst=1_000_000,
    per_second=1e6,
    per_minute=1_000_000,
    per_day=1_000_000,
    working_total=1_000_000,
    working_per_symbol=1_000_000,
    turnover_pct=Decimal(1_000_000),
    entries_max=1_000_000,
    stale_s=1e9,
    down_s=1e9,
)

_template: list[tuple[bytes, Key]] = []


def template() -> tuple[bytes, Key]:
    """Return an empty database and its random key; made once, for making one takes longest."""
    if not _template:
        with tempfile.TemporaryDirectory() as folder:
            key = Key(os.urandom(32))
            open_store(Path(folder) / "empty.db", key, create=True).close()
            _template.append(((Path(folder) / "empty.db").read_bytes(), key))
    return _template[0]


def lay_out(folder: Path) -> Key:
    """Put an empty database into a folder, unless there is one, and return its key."""
    raw = folder / "raw.key"
    if not raw.exists():
        content, key = template()
        (folder / "book.db").write_bytes(content)
        raw.write_bytes(key.reveal())
    return Key(raw.read_bytes())


class WatchedStore:
    """The store, with a count of what it has not answered yet, so that a test can wait for quiet."""

    def __init__(self, store: SqlStore) -> None:
        self.inner = store
        self.path = store.path
        self.installation_id = store.installation_id
        self.created_at_us = store.created_at_us
        self.instruments = store.instruments
        self._pending = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def write(self, work: Callable[[UnitOfWork], T]) -> T:
        return await self._watch(self.inner.write(work))

    async def read(self, query: Callable[[Reader], T]) -> T:
        return await self._watch(self.inner.read(query))

    async def _watch(self, answer: Any) -> Any:
        self._pending += 1
        self._idle.clear()
        try:
            return await answer
        finally:
            self._pending -= 1
            if not self._pending:
                self._idle.set()

    @property
    def is_idle(self) -> bool:
        return not self._pending

    async def idle(self) -> None:
        await self._idle.wait()

    def close(self) -> None:
        self.inner.close()


class Nobody:
    """A confirmer that notes what it is asked and answers by a function, or never."""

    def __init__(self) -> None:
        self.asked: list[ConfirmationRequest] = []
        self.answer: Callable[[ConfirmationRequest], ConfirmationReply] | None = None

    async def ask(self, request: ConfirmationRequest) -> ConfirmationReply:
        self.asked.append(request)
        if self.answer is None:
            await asyncio.get_running_loop().create_future()
            raise AssertionError
        return self.answer(request)


class Rig:
    """Drives one core through its desk.

    Attributes:
        events: all that was published, over all starts.
        opened: called with the store of each start, before anybody uses it.
    """

    def __init__(
        self, folder: Path, *, limits: Limits = EASY, mode: Mode = Mode.SIM, label: str = "T"
    ) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.ids = CountedIds(label)
        self.confirmer = Nobody()
        self.limits = limits
        self.mode = mode
        self.events: list[object] = []
        self.opened: Callable[[WatchedStore], None] = lambda _: None
        self.ledger = folder / "exchange.jsonl"
        self.market = HandMarket(self.clock, self.ledger)
        self._key = lay_out(folder)
        self._keys = 0
        self._label = label

    async def start(self) -> "Rig":
        """Open the files and start; also what follows a `kill`."""
        self.store = WatchedStore(open_store(self.folder / "book.db", self._key, create=False))
        self.opened(self.store)
        facts = replace(profile_facts("demo", "demo", "trader", temporary=True), mode=self.mode)
        self.core = Core(
            Outside(
                self.store,
                self.market.broker,
                self.market.feed,
                self.confirmer,
                self.clock,
                self.ids,
                facts,
                self.folder / "emergency.jsonl",
                "s-1",
                self.limits,
                rng=Random(1),
            )
        )
        self.core.bus.subscribe_all(self.events.append)
        await self.core.start()
        await self.quiet()
        return self

    async def kill(self) -> None:
        """Abandon the core where it stands, and the exchange with it; only the files remain."""
        await self.core.tasks.close()
        await self.store.idle()
        self.store.close()
        self.market.exchange.close()
        self.market = HandMarket(self.clock, self.ledger, self.market.now)

    async def stop(self) -> None:
        await self.core.stop()
        await self.store.idle()
        self.store.close()
        self.market.exchange.close()

    async def quiet(self) -> None:
        """Let everything run that can run without a clock or a market that moves."""
        still = 0
        while still < 3:
            await settle(12)
            if self.store.is_idle:
                still += 1
            else:
                await self.store.idle()
                still = 0

    async def wait(self, seconds: float, step: float = 5.0, *, refresh: bool = True) -> None:
        """Let our time pass, in steps; whoever sleeps wakes once a step at most. Then quotes are fresh."""
        left = seconds
        while left > 0:
            self.clock.turn(min(step, left))
            left -= step
            await self.clock.advance(0)
            await self.quiet()
        if refresh:
            self.market.refresh()
        await self.quiet()

    async def until_ready(self, *, refresh: bool = True) -> None:
        """Let so much time pass that the comparison ends, whose look-ups are a tenth of a second apart."""
        for _ in range(100):
            if self.core.state.ready:
                return
            await self.wait(0.5, 0.5, refresh=refresh)

    def actor(self, role: str = "trader") -> Actor:
        return Actor("kim", role, Origin.WINDOW, "s-1")

    async def begin(self, command: Command[R], role: str = "trader") -> "asyncio.Task[R]":
        """Give a command and let all happen that needs no clock; it may still be waiting."""
        task = asyncio.get_running_loop().create_task(self.core.desk.execute(command, self.actor(role)))
        await self.quiet()
        return task

    async def do(self, command: Command[R], role: str = "trader") -> R:
        """Give a command and let everything settle."""
        task = await self.begin(command, role)
        assert task.done(), f"{command} waits for something"
        return task.result()

    def key(self) -> IdempotencyKey:
        self._keys += 1
        return IdempotencyKey(f"k-{self._label}{self._keys}")

    async def submit(self, draft: OrderDraft, key: IdempotencyKey | None = None) -> Order:
        """Send an order with every soft rule acknowledged."""
        done = await self.do(SubmitOrder(draft, key or self.key(), EVERY_RULE))
        return done.order

    def order(self, cl_ord_id: str) -> Order:
        found = self.core.state.orders.get(ClOrdId(cl_ord_id))
        assert found is not None
        return found

    def oracle(self) -> Oracle:
        return read_oracle(self.ledger)

    def alarms(self) -> list[str]:
        return [e.text for e in self.events if isinstance(e, Notice) and e.severity is Severity.ALARM]

    def audit_actions(self) -> Callable[[Reader], list[str]]:
        return lambda reader: [record.action for record in reader.audit_records(0, 100_000)]


def draft(
    side: Side = Side.BUY,
    qty: int | str = 10,
    price: str = "",
    *,
    stop: str = "",
    tif: TimeInForce = TimeInForce.DAY,
    symbol: str = AAPL,
) -> OrderDraft:
    """Make a draft whose type follows from the prices that are given."""
    types = {
        (False, False): OrdType.MARKET,
        (True, False): OrdType.LIMIT,
        (False, True): OrdType.STOP,
        (True, True): OrdType.STOP_LIMIT,
    }
    return OrderDraft(symbol, side, types[bool(price), bool(stop)], tif, str(qty), price, stop)
