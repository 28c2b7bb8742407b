"""The Alpaca server in one handle: two ports, the exchange behind them, faults and the journal."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.servers.alpaca.clock import MORNING, SimClock, rfc3339
from tests.servers.alpaca.control import sim_routes
from tests.servers.alpaca.data_rest import DataApi
from tests.servers.alpaca.data_stream import FEEDS, DataStream
from tests.servers.alpaca.discovery import DiscoveryApi
from tests.servers.alpaca.exchange import Exchange
from tests.servers.alpaca.ledger import Ledger
from tests.servers.alpaca.limits import RateLimit, gate_middleware
from tests.servers.alpaca.rest import refusal_middleware, trading_routes
from tests.servers.alpaca.trade_stream import TradeStream
from tests.servers.control import control_routes
from tests.servers.faults import Faults
from tests.servers.http_faults import fault_middleware
from tests.servers.journal import Journal, journal_middleware
from tests.servers.listener import Listener

KEY_ID = "PKTESTTESTTESTTEST01"
SECRET = "local-secret-of-the-test-server-0123456789"


class AlpacaServer:
    """Start it, talk to its addresses, stop it.

    Args:
        clock: A time at which the server stands until `clock.advance`, or a function that tells the time.
        port, data_port: 0 lets the system choose.
        ledger: File of what happened; a server that finds one goes on from there.
    """

    def __init__(
        self,
        *,
        clock: datetime | Callable[[], datetime] = MORNING,
        port: int = 0,
        data_port: int = 0,
        ledger: Path | None = None,
        seed: int = 0,
        cash: str = "100000",
        key_id: str = KEY_ID,
        secret: str = SECRET,
    ) -> None:
        self.key_id, self.secret = key_id, secret
        self.clock = SimClock(clock)
        self.ledger = None if ledger is None else Ledger(ledger)
        self.exchange = Exchange(self.clock, cash=cash, seed=seed, ledger=self.ledger)
        self.faults = Faults()
        self.journal = Journal(now=lambda: rfc3339(self.clock.now_ns()) or "", secrets=(secret,))
        self.rate_limit = RateLimit(self.clock)
        keys = {key_id: secret}
        self.trade_stream = TradeStream(self.exchange, self.faults, keys)
        self.data_stream = DataStream(self.exchange.market, self.faults, keys)
        self.data = DataApi(self.exchange.market, seed)
        self.discovery = DiscoveryApi(self.exchange.market)
        self.faults.settle = self.trade_stream.settle
        self.faults.refuse_connections = self.refuse_connections
        trading = self._app(self.rate_limit, keys, ("/stream",), 401)
        trading.add_routes(trading_routes(self.exchange, self.trade_stream))
        data = self._app(RateLimit(self.clock, 10_000), keys, FEEDS, 403)
        data.add_routes([*self.data.routes(), *self.discovery.routes(), *self.data_stream.routes()])
        self._trading = Listener(trading, port)
        self._data = Listener(data, data_port)

    async def start(self) -> None:
        await self._trading.start()
        await self._data.start()

    async def stop(self) -> None:
        self.faults.clear()
        await self.trade_stream.stop()
        await self.data_stream.stop()
        await self._trading.stop()
        await self._data.stop()
        if self.ledger is not None:
            self.ledger.close()

    async def refuse_connections(self, *, drop: bool = True) -> None:
        """Refuse new connections on both ports; `drop` breaks the open ones too."""
        await self._trading.refuse(drop=drop)
        await self._data.refuse(drop=drop)

    async def accept_connections(self) -> None:
        """Listen again, on the same ports."""
        await self._trading.accept()
        await self._data.accept()

    @property
    def trading_url(self) -> str:
        return f"http://{self._trading.address}"

    @property
    def trade_stream_url(self) -> str:
        return f"ws://{self._trading.address}/stream"

    @property
    def data_url(self) -> str:
        return f"http://{self._data.address}"

    @property
    def data_stream_url(self) -> str:
        """The feed `iex`; `sip` and `test` stand beside it."""
        return f"ws://{self._data.address}/v2/iex"

    def _app(
        self, limit: RateLimit, keys: dict[str, str], streams: tuple[str, ...], status: int
    ) -> web.Application:
        app = web.Application(
            middlewares=[
                journal_middleware(self.journal, streams=streams),
                fault_middleware(self.faults),
                gate_middleware(limit, keys, streams, status),
                self._events_after_reply(),
                refusal_middleware(),
            ]
        )
        app.add_routes([*control_routes(self.faults, self.journal), *sim_routes(self)])
        return app

    def _events_after_reply(self) -> Any:
        @web.middleware
        async def hold(request: web.Request, handler: Any) -> web.StreamResponse:
            if request.path == "/stream" or request.path in FEEDS:
                return await handler(request)
            self.trade_stream.hold()
            try:
                self.exchange.roll()
                return await handler(request)
            finally:
                # The reply is written before the loop comes to this, unless a fault delays or drops it.
                asyncio.get_running_loop().call_soon(self.trade_stream.let_go)

        return hold
