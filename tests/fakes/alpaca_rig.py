"""A whole core on an encrypted database, on Alpaca's client and on the local Alpaca server, all in one loop.

Time is turned by hand for the core and for the server alike; the bytes between them are real. What the server
did is read from its exchange, which shares no code with the program.
"""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from app.wiring import Core, Outside, profile_facts
from core.adapters.alpaca.broker import AlpacaBroker
from core.adapters.alpaca.limiter import Limiter
from core.clock import settle
from core.domain.access import Mode
from core.domain.credentials import AlpacaCredentials
from core.domain.limits import Limits
from core.domain.messages import Command, LinkState, Part, Reconnect
from core.domain.money import Price, Qty, normal, plain
from core.domain.terms import OrdStatus
from core.errors import BrokerUnavailable
from core.ids import is_ours
from core.ports.market_data import MarketDataFeed
from core.settings import AlpacaAddresses
from core.storage.store import open_store
from tests.builders import AAPL
from tests.fakes.rig import EASY, R, Rig, WatchedStore
from tests.servers.alpaca.server import AlpacaServer

MANY = 1_000_000
CASH = "100000"
# What a thread of the client is given, before it is looked at again, to read or to write a few hundred bytes.
_THREAD_S = 0.0005
_STILL = 4
_LONGEST_STEPS = 300
# The server's words for a state, and ours.
STATUS = {
    "pending_new": "NEW",
    "accepted": "NEW",
    "new": "NEW",
    "held": "SUSPENDED",
    "partially_filled": "PARTIALLY_FILLED",
    "filled": "FILLED",
    "canceled": "CANCELED",
    "expired": "EXPIRED",
    "rejected": "REJECTED",
    "replaced": "REPLACED",
}
WAITING = frozenset({"PENDING_CANCEL", "PENDING_REPLACE"})


class AlpacaRig(Rig):
    """Drives one core at the local Alpaca server.

    Args:
        per_minute: requests that the client allows itself and that the server grants.

    Attributes:
        server: keeps its orders over every `kill` of the core.
        broker: Alpaca's, of the running core.
        feed: of the running core.
    """

    def __init__(
        self, folder: Path, *, limits: Limits = EASY, label: str = "T", per_minute: int = MANY
    ) -> None:
        super().__init__(folder, limits=limits, mode=Mode.PAPER, label=label)
        self._per_minute = per_minute
        self.server = AlpacaServer(clock=self.clock.now, cash=CASH)
        # The server counts by the minutes of a clock that stands.
        self.server.rate_limit.per_minute = per_minute
        self.broker: AlpacaBroker
        self.feed: MarketDataFeed
        self.waits: list[tuple[int, float]] = []
        self._is_offline = False
        connect = self.market.feed.connect

        async def connect_feed() -> None:
            if self._is_offline:
                raise BrokerUnavailable("there is no network")
            await connect()

        self.market.feed.connect = connect_feed

    async def serve(self) -> "AlpacaRig":
        """Begin to listen, with the quotes of the market, and start the core."""
        await self.server.start()
        for symbol in self.market.ticks:
            self.show(symbol)
        await self.start()
        return self

    def show(self, symbol: str = AAPL, *, price: str = "", size: int = 1000) -> None:
        """Show a quote, two cents wide, to the core and to the server; without a price the standing one."""
        tick = self.market.ticks[symbol]
        bid = tick.bid if not price else Price(price)
        ask = Price(bid + Decimal("0.02"))
        shown = {"bid_size": Qty(size), "ask_size": Qty(size)}
        self.market.show(symbol, bid=bid, ask=ask, last=bid, **shown)
        self.server.exchange.quote(symbol, bid, ask, size, size)

    async def start(self) -> "AlpacaRig":
        """Open the files and start; also what follows a `kill`."""
        self.store = WatchedStore(open_store(self.folder / "book.db", self._key, create=False))
        facts = replace(profile_facts("paper", "kim", "trader", temporary=False), mode=self.mode)
        limiter = Limiter(self.clock, self._per_minute, lambda *told: self.waits.append(told))
        server = self.server
        keys = AlpacaCredentials(server.key_id, server.secret)
        urls = server.trading_url, server.trade_stream_url, server.data_url, server.data_stream_url
        addresses = AlpacaAddresses(*urls)
        self.broker = AlpacaBroker(self.mode, addresses, keys, self.clock, self.folder, limiter)
        self.feed = self.make_feed(addresses, keys)
        self.core = Core(
            Outside(
                self.store,
                self.broker,
                self.feed,
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

    def make_feed(self, addresses: AlpacaAddresses, keys: AlpacaCredentials) -> MarketDataFeed:
        """Return what streams the market: here the one that is turned by hand."""
        del addresses, keys
        return self.market.feed

    async def kill(self) -> None:
        """Abandon the core where it stands; its sockets end with it."""
        await self.core.tasks.close()
        await self.broker.close()
        await self.feed.close()
        await self.store.idle()
        self.store.close()

    async def stop(self) -> None:
        self.server.faults.clear()
        await self.core.stop()
        await self.store.idle()
        self.store.close()
        self.market.exchange.close()
        await self.server.stop()

    async def quiet(self) -> None:
        """Let everything run that can run without a clock that turns, the bytes under way included."""
        still = 0
        while still < _STILL:
            await settle(8)
            if self.store.is_idle and self._asked <= self.server.faults.waiting:
                still += 1
                continue
            still = 0
            await (self.store.idle() if not self.store.is_idle else asyncio.sleep(_THREAD_S))

    async def do(self, command: Command[R], role: str = "trader") -> R:
        """Give a command and let everything settle; our time passes where it waits for that."""
        return await self.end(await self.begin(command, role))

    async def end(self, task: "asyncio.Task[R]") -> R:
        """Let time pass until a command that was begun has ended."""
        for _ in range(_LONGEST_STEPS):
            if task.done():
                return task.result()
            await self.wait(0.5, 0.5, refresh=False)
        raise AssertionError(f"{task} does not end")

    @property
    def _asked(self) -> int:
        """How many requests are on a thread of the client."""
        return sum(len(lane._running) for lane in self.broker._lanes.all)

    async def reconnect(self) -> None:
        """Mend what is broken, and connect and compare anew; no price moves meanwhile."""
        self.server.faults.clear()
        await self.connect()

    async def lose_network(self) -> None:
        """Break every connection, the feed's included, and let none begin."""
        self._is_offline = True
        await self.server.refuse_connections()
        self.market.feed.drop_stream()

    async def have_network(self) -> None:
        """Let connections begin again."""
        self._is_offline = False
        await self.server.accept_connections()

    async def connect(self) -> None:
        """Have a network, and connect and compare anew."""
        await self.have_network()
        for part in (Part.ORDERS, Part.FEED):
            if part is Part.ORDERS or self.core.links.states[part].state is not LinkState.UP:
                await self.do(Reconnect(part))
        for _ in range(200):
            if self.core.state.ready and self.is_feed_up:
                return
            await self.wait(0.5, 0.5, refresh=False)
        raise AssertionError(self.core.links.states)

    @property
    def is_feed_up(self) -> bool:
        return self.core.links.states[Part.FEED].state is LinkState.UP

    def at_server(self, cl_ord_id: str) -> Any:
        """The server's order under an id of ours; None where it has none."""
        return self.server.exchange.book.by_client.get(cl_ord_id)

    async def agree(self) -> None:
        """Hold our book against the server's: orders, fills, shares and cash, to the last digit."""
        exchange = self.server.exchange
        assert exchange.check() == []
        orders, fills, positions = await self.store.read(
            lambda reader: (reader.recent_orders(MANY), reader.fills(), reader.positions())
        )
        ours = {order.cl_ord_id: order for order in orders}
        for cl_ord_id, known in exchange.book.by_client.items():
            order = ours[cl_ord_id]
            assert order.cum_qty == known.filled_qty, (order, known)
            assert order.ord_status in {STATUS[known.status], *WAITING}, (order, known)
        for cl_ord_id, order in ours.items():
            if cl_ord_id not in exchange.book.by_client:
                assert order.ord_status in (OrdStatus.UNKNOWN, OrdStatus.REJECTED), order
        assert {(fill.exec_id, fill.signed_qty, fill.last_px) for fill in fills} == self.executions()
        held = {each.symbol: each.qty for each in positions if each.qty}
        assert held == {symbol: each.qty for symbol, each in exchange.account.positions.items()}
        assert {each.symbol: each.qty for each in self.core.state.positions.held()} == held
        assert self.core.state.account.cash == exchange.account.cash

    def executions(self) -> set[tuple[str, Decimal, Decimal]]:
        """List what was executed, under the ids that fills of ours have: signed shares and price."""
        return {
            (f"{each.order_id}:{plain(normal(each.cum_qty))}", each.signed_qty, each.price)
            for each in self.server.exchange.book.executions.values()
            if not each.busted
        }

    def ours_at_server(self) -> dict[str, Any]:
        """List the server's orders that this program made, by client id."""
        return {
            cl_ord_id: order
            for cl_ord_id, order in self.server.exchange.book.by_client.items()
            if is_ours(cl_ord_id)
        }
