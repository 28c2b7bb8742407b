"""The processes of the crash tests at Alpaca: server, a core that trades until it is killed, and recovery."""

import asyncio
import json
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

import core.adapters.alpaca.transport  # noqa: F401 - so that no fork has to import it
from app.wiring import Core, Outside, profile_facts
from core.adapters.alpaca.broker import AlpacaBroker
from core.adapters.alpaca.limiter import Limiter
from core.audit.verify import Verifier
from core.clock import SystemClock
from core.domain.access import Actor, Mode, Origin
from core.domain.credentials import AlpacaCredentials
from core.domain.messages import CancelOrder, Command, Notice, ReplaceOrder, Severity, SubmitOrder
from core.domain.money import Price, Qty, plain
from core.domain.order import Order
from core.domain.terms import OrderDraft, OrdStatus, OrdType, Side
from core.errors import InvestIQError
from core.ids import IdempotencyKey, RandomIds
from core.logs import LogSettings, configure
from core.ports.storage import Reader
from core.settings import AlpacaAddresses
from core.storage.store import open_store
from tests.builders import AAPL
from tests.crash.child import MOST, UNWATCHED, decide_again, die_at
from tests.fakes.market import MSFT, OPENS, HandMarket
from tests.fakes.rig import EVERY_RULE, Nobody, R, draft, lay_out
from tests.servers.alpaca.server import KEY_ID, SECRET, AlpacaServer

ORDERS = "/v2/orders"
READY_WITHIN_S = 20.0
ANSWERS_WITHIN_S = 20.0
HEARD_WITHIN_S = 5.0
MANY = 1_000_000
ON_ITS_WAY = frozenset({OrdStatus.PENDING_NEW, OrdStatus.PENDING_CANCEL, OrdStatus.PENDING_REPLACE})


class MarketClock(SystemClock):
    """The machine's clock on the day of the market; it goes on over every crash of a profile."""

    def __init__(self, folder: Path) -> None:
        path = folder / "began"
        if not path.exists():
            path.write_text(SystemClock().now().isoformat())
        self._shift: timedelta = OPENS - datetime.fromisoformat(path.read_text())

    def now(self) -> datetime:
        return super().now() + self._shift


def serve(folder: Path) -> None:
    """Be the server of a profile until killed; once it listens, its addresses are in a file."""
    asyncio.run(_serve(folder))


async def _serve(folder: Path) -> None:
    server = AlpacaServer(clock=MarketClock(folder).now, ledger=folder / "alpaca.jsonl")
    server.rate_limit.per_minute = MANY
    for symbol in (AAPL, MSFT):
        server.exchange.quote(symbol, "100.00", "100.02")
    await server.start()
    urls = (server.trading_url, server.trade_stream_url, server.data_url, server.data_stream_url)
    (folder / "addresses.part").write_text(json.dumps(urls))
    (folder / "addresses.part").rename(folder / "addresses.json")
    await asyncio.Event().wait()


class Profile:
    """A core on the files of a folder, at the server of that folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = MarketClock(folder)
        self.urls = json.loads((folder / "addresses.json").read_text())
        self.alarms: list[str] = []
        self.prices = HandMarket(self.clock, folder / "prices.jsonl", self.clock.now())

    async def start(self) -> None:
        self.store = open_store(self.folder / "book.db", lay_out(self.folder), create=False)
        keys = AlpacaCredentials(KEY_ID, SECRET)
        limiter = Limiter(self.clock, MANY)
        self.broker = AlpacaBroker(
            Mode.PAPER, AlpacaAddresses(*self.urls), keys, self.clock, self.folder, limiter
        )
        facts = profile_facts("paper", "kim", "trader", temporary=False)
        self.core = Core(
            Outside(
                self.store,
                self.broker,
                self.prices.feed,
                Nobody(),
                self.clock,
                RandomIds(),
                facts,
                self.folder / "emergency.jsonl",
                "s-1",
                UNWATCHED,
            )
        )
        self.core.bus.subscribe(Notice, self._hear)
        await self.core.start()

    def _hear(self, notice: Notice) -> None:
        if notice.severity is Severity.ALARM:
            self.alarms.append(notice.text)

    async def ready(self) -> None:
        """Return once orders may leave, and whatever was on its way is answered."""
        until = self.clock.monotonic() + READY_WITHIN_S
        while not self.core.state.ready or self._is_waiting:
            if self.clock.monotonic() > until:
                raise AssertionError((self.core.links.states, self.core.state.orders.open()))
            await self.clock.sleep(0.01)

    @property
    def _is_waiting(self) -> bool:
        opened = self.core.state.orders.open()
        # Of a replacement that nobody can prove, its order waits until a person has settled it.
        held = {each.orig_cl_ord_id for each in opened if each.ord_status is OrdStatus.UNKNOWN}
        return any(each.ord_status in ON_ITS_WAY and each.cl_ord_id not in held for each in opened)

    async def end(self) -> None:
        await self.core.tasks.close()
        await self.broker.close()
        await self.prices.feed.close()
        await self.store.close_async()

    async def do(self, command: Command[R]) -> R:
        self.prices.refresh()
        await asyncio.sleep(0)
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            return await self.core.desk.execute(command, Actor("kim", "trader", Origin.WINDOW, "s-1"))


def victim(folder: Path, seed: int, place: str | None, passes: int) -> None:
    """Trade until killed: at a named place, or by whoever started this."""
    if place is not None:
        die_at(place, passes)
    configure(LogSettings(None))
    asyncio.run(_Trader(folder, seed).live())


class _Trader:
    def __init__(self, folder: Path, seed: int) -> None:
        self.profile = Profile(folder)
        self.rng = random.Random(seed)
        self.keys = 0
        self.seed = seed
        self.decided = (folder / "decided.jsonl").open("a")
        self.answered = (folder / "answered.txt").open("a")

    async def live(self) -> None:
        async with aiohttp.ClientSession(self.profile.urls[0]) as self.session:
            await self.profile.start()
            await self.profile.ready()
            steps: tuple[Callable[[], Any], ...] = (
                self.buy, self.buy, self.rest, self.rest, self.market, self.market, self.sell, self.cancel,
                self.replace, self.lose_answer, self.lose_answer, self.spoil_stream, self.close_stream,
                self.lose_request,
            )  # fmt: skip
            for step in (self.rest, self.buy, self.lose_answer, self.rest, self.cancel):
                await step()
            while True:
                await self.rng.choice(steps)()

    async def tell(self, where: str, /, **body: Any) -> None:
        async with self.session.post(f"/_sim/{where}", json=body) as answer:
            await answer.read()

    async def submit(self, wanted: OrderDraft) -> None:
        self.keys += 1
        key = IdempotencyKey(f"k-{self.seed}-{self.keys}")
        fields = [wanted.symbol, wanted.side, wanted.time_in_force, wanted.order_qty, wanted.price]
        print(json.dumps([key, *fields]), file=self.decided, flush=True)
        with suppress(InvestIQError):
            done = await self.profile.do(SubmitOrder(wanted, key, EVERY_RULE))
            print(done.order.cl_ord_id, file=self.answered, flush=True)

    def symbol(self) -> str:
        return self.rng.choice((AAPL, MSFT))

    async def buy(self) -> None:
        await self.submit(draft(qty=self.rng.randint(1, 30), symbol=self.symbol()))

    async def rest(self) -> None:
        price = f"{self.rng.randint(9_950, 10_002) / 100:.2f}"
        await self.submit(draft(qty=self.rng.randint(1, 30), price=price, symbol=self.symbol()))

    async def sell(self) -> None:
        await self.submit(draft(Side.SELL, self.rng.randint(1, 20), symbol=self.symbol()))

    async def market(self) -> None:
        symbol, bid = self.symbol(), Price(f"{self.rng.randint(9_960, 10_040) / 100:.2f}")
        ask = Price(bid + Price("0.02"))
        parts = [self.rng.randint(1, 9) for _ in range(self.rng.randint(0, 3))]
        self.profile.prices.show(symbol, bid=bid, ask=ask, last=bid, bid_size=Qty(1000), ask_size=Qty(1000))
        await self.tell("exchange/partial_fills", key=symbol, parts=parts)
        await self.tell("exchange/quote", symbol=symbol, bid=plain(bid), ask=plain(ask))

    def _open(self) -> Order | None:
        found = self.profile.core.state.orders.open()
        return self.rng.choice(found) if found else None

    async def cancel(self) -> None:
        order = self._open()
        if order is not None:
            with suppress(InvestIQError):
                await self.profile.do(CancelOrder(order.cl_ord_id))

    async def replace(self) -> None:
        order = self._open()
        if order is not None and order.ord_type is OrdType.LIMIT:
            qty = plain(order.order_qty + self.rng.randint(-3, 5))
            self.keys += 1
            key = IdempotencyKey(f"k-{self.seed}-{self.keys}")
            with suppress(InvestIQError):
                await self.profile.do(ReplaceOrder(order.cl_ord_id, key, qty, "99.70", "", EVERY_RULE))

    async def lose_answer(self) -> None:
        method = self.rng.choice(("POST", "PATCH", "DELETE"))
        how = self.rng.choice((
            {"action": "drop_after"}, {"action": "truncate"},
            {"action": "reply_status", "status": 504, "phase": "after"},
        ))  # fmt: skip
        await self.tell("faults", method=method, path=f"{ORDERS}*", **how)

    async def lose_request(self) -> None:
        await self.tell("faults", action="drop_before", method="POST", path=ORDERS)

    async def spoil_stream(self) -> None:
        action = self.rng.choice(("duplicate", "reorder", "lose"))
        await self.tell("faults", channel="frame", action=action, word="[!al]*", skip=self.rng.randint(0, 3))

    async def close_stream(self) -> None:
        await self.tell("streams", close=self.rng.choice((1000, 1006, 1011)))
        await asyncio.sleep(0.01)


def recovery(folder: Path) -> None:
    """Start on what is left, twice, and write down what the book says each time."""
    configure(LogSettings(None))
    asyncio.run(_recover(folder))


async def _recover(folder: Path) -> None:
    profile = Profile(folder)
    async with aiohttp.ClientSession(profile.urls[0]) as session:
        await (await session.delete("/_sim/faults")).read()
        before = await _posts(session)
        await profile.start()
        await profile.ready()
        first = await _book(profile)
        await profile.end()
        await profile.start()
        await profile.ready()
        second = await _book(profile)
        sent_by_itself = sum((await _posts(session)).values()) - sum(before.values())
        repeated = await decide_again(profile)
        await profile.ready()
        await _heard(profile, session)
        answer = {
            "first": first,
            "second": second,
            "sent_by_itself": sent_by_itself,
            "repeated": repeated,
            "last": await _book(profile),
            "alarms": profile.alarms,
            "posts": await _posts(session),
            "state": await (await session.get("/_sim/state")).json(),
        }
        await profile.end()
    (folder / "book.json").write_text(json.dumps(answer))


async def _posts(session: aiohttp.ClientSession) -> dict[str, int]:
    async with session.get("/_sim/journal") as answer:
        found: dict[str, int] = (await answer.json())["posts"]
    return found


async def _heard(profile: Profile, session: aiohttp.ClientSession) -> None:
    """Return once the stream has told what the server knows, or should have by now."""
    until = profile.clock.monotonic() + HEARD_WITHIN_S
    while profile.clock.monotonic() < until:
        state = await (await session.get("/_sim/state")).json()
        told = {each.cl_ord_id: each.cum_qty for each in profile.core.state.orders.recent()}
        known = {each["client_order_id"]: Decimal(each["filled_qty"]) for each in state["orders"]}
        if all(told[each] == qty for each, qty in known.items() if each in told):
            return
        await profile.clock.sleep(0.02)


async def _book(profile: Profile) -> dict[str, Any]:
    def query(reader: Reader) -> dict[str, Any]:
        return {
            "orders": {
                order.cl_ord_id: [order.ord_status.value, str(order.cum_qty), str(order.order_qty)]
                for order in reader.recent_orders(MOST)
            },
            "fills": {
                fill.exec_id: [fill.cl_ord_id, str(fill.signed_qty), str(fill.last_px)]
                for fill in reader.fills()
            },
            "positions": {each.symbol: str(each.qty) for each in reader.positions()},
        }

    book: dict[str, Any] = await profile.store.read(query)
    report = await Verifier(profile.store).verify()
    cash = profile.core.state.account.cash
    return {
        **book,
        "in_memory": {each.symbol: str(each.qty) for each in profile.core.state.positions.all()},
        "cash": None if cash is None else str(cash),
        "faults": [fault.reason for fault in report.faults],
    }
