"""The local Polygon server: REST and the websocket on one loopback port."""

from typing import Any

from aiohttp import web

from tests.servers.control import control_routes
from tests.servers.faults import Faults
from tests.servers.http_faults import fault_middleware
from tests.servers.journal import Journal, journal_middleware
from tests.servers.listener import Listener
from tests.servers.polygon.market import Market
from tests.servers.polygon.rest import Rest
from tests.servers.polygon.stream import Stream

KEY = "polygon-test-key-0123456789abcdef"


@web.middleware
async def client_gone(request: web.Request, handler: Any) -> web.StreamResponse:
    """Take it for an ordinary end when a client hangs up on a long answer."""
    try:
        return await handler(request)
    except ConnectionError:
        return web.Response()


class PolygonServer:
    """The handle for tests: `market` is moved by hand, `faults` make it fail, `journal` says what came."""

    def __init__(self, port: int = 0, key: str = KEY, market: Market | None = None) -> None:
        self.key = key
        self.market = market or Market()
        self.faults = Faults()
        self.journal = Journal(self._now, secrets=(key,))
        self.rest = Rest(self.market, key)
        self.stream = Stream(self.market, self.faults, key)
        guards = [
            client_gone,
            journal_middleware(self.journal, streams=("/stocks",)),
            fault_middleware(self.faults),
            self.rest.guard(),
        ]
        app = web.Application(middlewares=guards)
        app.add_routes(self.rest.routes())
        app.add_routes([web.get("/stocks", self.stream.handle)])
        app.add_routes(control_routes(self.faults, self.journal))
        self._listener = Listener(app, port)
        self.faults.settle = self.stream.settle
        self.faults.refuse_connections = self._listener.refuse

    def _now(self) -> str:
        return self.market.now.isoformat()

    @property
    def base_url(self) -> str:
        return f"http://{self._listener.address}"

    @property
    def stream_url(self) -> str:
        return f"ws://{self._listener.address}/stocks"

    async def start(self) -> None:
        await self._listener.start()

    async def stop(self) -> None:
        self.faults.clear()
        await self.stream.drop()
        await self._listener.stop()

    async def refuse_connections(self) -> None:
        """Drop what is open and refuse what comes."""
        await self._listener.refuse()

    async def accept_connections(self) -> None:
        """Listen again, on the same port."""
        await self._listener.accept()
