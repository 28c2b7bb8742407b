"""The local API's server: on loopback, in the core's own loop, so that it answers while the window is stuck.

A request passes, in this order: where it was sent to, who sent it, how often its key asked, which call it is.
Then the desk decides, as it does for the window. Every answer but that of `/metrics` is JSON.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import structlog
from aiohttp import web

from core.api import backups, metrics, orders, proposals, reads, risk, trading
from core.api.calls import Answer, Call, Door, Route
from core.api.crowd import Crowd
from core.api.entrance import METRICS, Entrance, Terms
from core.api.keys import Keys
from core.api.numbers import NO_ROUTE
from core.api.pace import NOBODY
from core.api.problems import Problem, problem_of
from core.clock import Clock
from core.domain.access import Actor
from core.errors import RefusalCode, Refused, SettingInvalid
from core.ids import IdSource
from core.settings import ENVIRONMENT, ApiSettings, Environment

HOST = "127.0.0.1"
MOST_BYTES = 64 * 1024
STOP_WITHIN_S = 2.0
KEEP_OPEN_S = 60.0

ROUTES: tuple[Route, ...] = (
    Route("GET", "/health", reads.health),
    Route("GET", METRICS, metrics.metrics),
    Route("GET", "/v1/account", reads.account),
    Route("GET", "/v1/positions", reads.positions),
    Route("GET", "/v1/orders", reads.orders, frozenset({"state"})),
    Route("GET", "/v1/orders/{cl_ord_id}", reads.one_order),
    Route("GET", "/v1/fills", reads.fills, frozenset({"after"})),
    Route("GET", "/v1/watchlist", reads.watchlist),
    Route("GET", "/v1/quotes/{symbol}", reads.quote),
    Route("GET", "/v1/movers", reads.movers),
    Route("GET", "/v1/risk", risk.risk),
    Route("GET", "/v1/risk/parameters", risk.parameters),
    Route("PUT", "/v1/risk/parameters", risk.set_parameters),
    Route("GET", "/v1/risk/target", risk.target),
    Route("PUT", "/v1/risk/target", risk.set_target),
    Route("GET", "/v1/risk/radar", risk.radar, frozenset({"symbol"})),
    Route("GET", "/v1/proposals", proposals.proposals),
    Route("POST", "/v1/proposals", proposals.propose),
    Route("POST", "/v1/proposals/{proposal_id}/review", proposals.review),
    Route("GET", "/v1/reconciliation", reads.reconciliation),
    Route("GET", "/v1/audit/head", reads.audit_head),
    Route("GET", "/v1/audit", reads.audit, frozenset({"after"})),
    Route("POST", "/v1/orders", orders.submit),
    Route("POST", "/v1/orders/preview", orders.preview),
    Route("PATCH", "/v1/orders/{cl_ord_id}", orders.replace),
    Route("DELETE", "/v1/orders/{cl_ord_id}", orders.cancel, ends_risk=True),
    Route("POST", "/v1/orders/{cl_ord_id}/resend", orders.resend),
    Route("POST", "/v1/orders/{cl_ord_id}/give-up", orders.give_up),
    Route("POST", "/v1/positions/{symbol}/close", orders.close_position),
    Route("POST", "/v1/backups", backups.create),
    Route("POST", "/v1/halt", trading.halt, ends_risk=True),
    Route("POST", "/v1/resume", trading.resume),
    Route("POST", "/v1/kill", trading.kill, ends_risk=True),
)

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Server": "InvestIQ"}
_ACTOR = web.RequestKey("actor", Actor)
_ROUTE = web.RequestKey("route", str)

_MISTAKE = "The program made a mistake; it is in the log. What became of an order, its state tells."

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_log = structlog.get_logger("api")


def require_key(environment: Environment) -> None:
    """Say whether the local API may be opened at all.

    Raises:
        SettingInvalid: there is no key, and without one nothing is opened.
    """
    if not environment.api_keys:
        words = "the local API starts with a key only; put lines of key:role into a file and name that file"
        raise SettingInvalid(ENVIRONMENT, "API_KEYS_FILE", words)


async def start_api(
    desk: Door, api: ApiSettings, environment: Environment, clock: Clock, ids: IdSource, session: str
) -> "ApiServer":
    """Open the local API on the running loop, which must be the core's.

    Raises:
        SettingInvalid: there is no key.
        Refused: `NOT_READY`: the port cannot be had.
    """
    require_key(environment)
    keys = Keys(environment.api_keys, session)
    terms = Terms(keys, session, environment.rate_limit_per_minute, api.open_metrics)
    server = ApiServer(desk, terms, clock, ids)
    try:
        await server.start(api.port)
    except OSError as error:
        await server.stop()
        words = f"The local API cannot have port {api.port}: {error.strerror}. Another program may use it; "
        raise Refused(RefusalCode.NOT_READY, f"{words}change [api] port in profile.toml") from error
    return server


class ApiServer:
    """One listening port. Lives on the core loop."""

    def __init__(self, desk: Door, terms: Terms, clock: Clock, ids: IdSource) -> None:
        self._desk = desk
        self._clock = clock
        self._ids = ids
        self._entrance = Entrance(desk, terms, clock)
        self._crowd = Crowd()
        app = web.Application(client_max_size=MOST_BYTES)
        for route in ROUTES:
            app.router.add_route(route.method, route.path, partial(self._carry_out, route))
        self._runner = web.AppRunner(app, shutdown_timeout=STOP_WITHIN_S)
        self._listener: asyncio.Server | None = None

    async def start(self, port: int) -> None:
        """Listen; 0 takes any port that is free.

        Raises:
            OSError: the port cannot be had.
        """
        await self._runner.setup()
        manager = self._runner.server
        if manager is None:
            raise RuntimeError("a runner that is set up has a server")
        inner = manager.request_handler

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            return await self._answer(request, inner)

        # Around everything else, the router's own refusals included.
        manager.request_handler = answer
        loop = asyncio.get_running_loop()
        connection = partial(
            _Connection,
            manager,
            crowd=self._crowd,
            loop=loop,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=KEEP_OPEN_S,
            lingering_time=STOP_WITHIN_S,
        )
        self._listener = await loop.create_server(connection, HOST, port)
        await self._entrance.open(frozenset({f"{HOST}:{self.port}", f"localhost:{self.port}"}))
        _log.info("api.opened", port=self.port)

    @property
    def port(self) -> int:
        """Where it listens."""
        sockets = self._listener.sockets if self._listener is not None else ()
        return int(sockets[0].getsockname()[1]) if sockets else 0

    async def stop(self) -> None:
        """Take no more requests, let those that are under way end for a moment, and close."""
        if self._listener is not None:
            self._listener.close()
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest, inner: Handler) -> web.StreamResponse:
        begun = self._clock.monotonic()
        try:
            actor = request[_ACTOR] = await self._entrance.admit(request)
            if actor.user != NOBODY:
                self._crowd.leave(request.protocol)
            response = await inner(request)
        except ConnectionError:
            raise  # whoever asked has gone
        except Exception as error:
            response = self._failed(request, error)
        route = request.get(_ROUTE, NO_ROUTE)
        self._entrance.numbers.answered(
            request.method, route, response.status, self._clock.monotonic() - begun
        )
        _log.debug("api.answered", method=request.method, route=route, status=response.status)
        return response

    async def _carry_out(self, route: Route, request: web.Request) -> web.Response:
        request[_ROUTE] = route.path
        actor = request[_ACTOR]
        if not route.ends_risk:
            self._entrance.take_turn(actor)
        route.check_query(request)
        call = Call(request, actor, self._desk, self._clock, self._ids, self._entrance.numbers.registry)
        return _response(await route.carry_out(call))

    def _failed(self, request: web.BaseRequest, error: Exception) -> web.Response:
        actor = request.get(_ACTOR)
        if actor is not None and _ROUTE not in request and isinstance(error, web.HTTPException):
            # A call that there is none of costs a turn too.
            try:
                self._entrance.take_turn(actor)
            except Refused as refusal:
                error = refusal
        return _failed(error)


class _Connection(web.RequestHandler):
    """What is no HTTP at all never reaches a call; it is told so in JSON too."""

    def __init__(self, manager: web.Server, *, crowd: Crowd, **settings: Any) -> None:
        super().__init__(manager, **settings)
        self._crowd = crowd

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; aiohttp calls this."""
        super().connection_made(transport)
        self._crowd.enter(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """End; aiohttp calls this."""
        self._crowd.leave(self)
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that could not be read."""
        _log.debug("api.unreadable", status=status, kind=type(exc).__name__)
        problem = Problem(status, "malformed", "This is not a request that can be read.")
        response = _response(_told(problem))
        response.force_close()
        return response


def _failed(error: Exception) -> web.Response:
    problem = problem_of(error)
    if problem is None or problem.code == "internal":
        _log.error("api.failed", exc_info=error)
        problem = Problem(500, "internal", _MISTAKE)
    return _response(_told(problem))


def _told(problem: Problem) -> Answer:
    error = {"code": problem.code, "message": problem.message, "details": problem.details}
    return Answer({"error": error}, problem.status, problem.headers)


def _response(answer: Answer) -> web.Response:
    body = answer.body if isinstance(answer.body, bytes) else _text(answer.body).encode("ascii")
    headers = {"Content-Type": answer.content_type, **_HEADERS, **answer.headers}
    return web.Response(body=body, status=answer.status, headers=headers)


def _text(body: Mapping[str, object]) -> str:
    # ASCII: a broker's text may hold anything, and an answer must not fail for it.
    return json.dumps(body, separators=(",", ":"), allow_nan=False)
