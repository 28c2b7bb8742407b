"""The `/_sim/` routes of the Alpaca server: prices, orders by hand, the ledger."""

from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.servers.alpaca.refusals import Refusal
from tests.servers.alpaca.wire import account_json, text

if TYPE_CHECKING:
    from tests.servers.alpaca.server import AlpacaServer

EXCHANGE = frozenset(
    {"quote", "trade", "price", "halt", "step", "partial_fills", "external_order", "bust", "correct"}
)
EXCHANGE_TOO = frozenset({"pay", "split", "rename"})
HAND = frozenset(
    {
        "acknowledge", "reject_next", "reject", "cancel", "refuse_cancel", "fill", "finish_replace",
        "refuse_replace",
    }
)  # fmt: skip
SETTINGS = frozenset({"auto_ack", "auto_fill", "auto_cancel", "auto_replace", "limited_size", "session"})


def sim_routes(server: "AlpacaServer") -> list[web.RouteDef]:
    """Give the routes that drive the exchange from another process.

    `POST /_sim/exchange/{name}` calls `exchange.name(**body)`, `POST /_sim/hand/{name}` calls
    `exchange.hand.name(**body)`, `PATCH /_sim/settings` sets `exchange.settings`. `GET /_sim/state` answers
    the account, the orders, the executions, the positions and what `exchange.check()` says.
    `POST /_sim/streams` with `{"stream": "trade" | "data", "close": code}` closes the connections.
    `POST /_sim/burst` with `{"symbols", "count", "per_frame", "over_s"}` floods the data stream.
    """
    return [*exchange_routes(server), *server_routes(server)]


def exchange_routes(server: "AlpacaServer") -> list[web.RouteDef]:
    ex = server.exchange

    async def call(request: web.Request, target: object, allowed: frozenset[str]) -> web.Response:
        name = request.match_info["name"]
        if name not in allowed:
            return web.json_response({"message": f"{name} is not one of {sorted(allowed)}"}, status=404)
        body: dict[str, Any] = await request.json() if request.can_read_body else {}
        try:
            result = getattr(target, name)(**body)
        except Refusal as refusal:
            return web.json_response(refusal.body, status=refusal.status)
        return web.json_response(result)

    async def on_exchange(request: web.Request) -> web.Response:
        return await call(request, ex, EXCHANGE | EXCHANGE_TOO)

    async def on_hand(request: web.Request) -> web.Response:
        return await call(request, ex.hand, HAND)

    async def settings(request: web.Request) -> web.Response:
        for name, value in (await request.json()).items():
            if name in SETTINGS:
                setattr(ex.settings, name, value)
        return web.json_response({name: getattr(ex.settings, name) for name in sorted(SETTINGS)})

    return [
        web.post("/_sim/exchange/{name}", on_exchange),
        web.post("/_sim/hand/{name}", on_hand),
        web.patch("/_sim/settings", settings),
    ]


def server_routes(server: "AlpacaServer") -> list[web.RouteDef]:
    ex = server.exchange

    async def state(_request: web.Request) -> web.Response:
        return web.json_response(
            {
                "account": account_json(ex.account, ex.book, ex.market, ex.clock.now_ns()),
                "orders": [ex.show(order_id, nested=False) for order_id in ex.book.orders],
                "executions": [
                    {
                        "id": e.id,
                        "order_id": e.order_id,
                        "qty": text(e.qty),
                        "price": text(e.price),
                        "busted": e.busted,
                    }
                    for e in ex.book.executions.values()
                ],
                "positions": {symbol: text(p.qty) for symbol, p in ex.account.positions.items()},
                "problems": ex.check(),
            }
        )

    async def streams(request: web.Request) -> web.Response:
        body = await request.json()
        stream = server.trade_stream if body.get("stream", "trade") == "trade" else server.data_stream
        await stream.close_all(int(body.get("close", 1000)))
        return web.json_response({})

    async def burst(request: web.Request) -> web.Response:
        body = await request.json()
        frames = await server.data_stream.burst(
            body["symbols"], int(body["count"]), int(body.get("per_frame", 10)), over_s=body.get("over_s", 0)
        )
        return web.json_response({"frames": frames})

    async def ledger(_request: web.Request) -> web.Response:
        return web.json_response([] if server.ledger is None else server.ledger.rows())

    return [
        web.get("/_sim/state", state),
        web.post("/_sim/streams", streams),
        web.post("/_sim/burst", burst),
        web.get("/_sim/ledger", ledger),
    ]
