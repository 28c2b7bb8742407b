"""A local Alpaca in a process of its own: notes when the first byte of each order comes in, and fills it.

Prints its port, serves until its standard input ends, then prints the arrivals: nanoseconds of the monotonic
clock, which all processes of a computer share.
"""

import asyncio
import json
import sys
from time import perf_counter_ns
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from tests.fakes.tiny_alpaca import TinyAlpaca

MARK = b"POST /v2/orders"


class WireServer(TinyAlpaca):
    """Every order is filled at once, at its own price."""

    def __init__(self) -> None:
        super().__init__()
        rich = {"cash": "100000000", "equity": "100000000", "buying_power": "400000000"}
        self.account |= rich | {"shorting_enabled": True}
        self._held: dict[str, int] = {}
        self._telling: set[asyncio.Task[None]] = set()

    async def _post(self, request: web.Request) -> web.Response:
        response = await super()._post(request)
        order = self.orders[json.loads(response.body)["id"]]
        task = asyncio.get_running_loop().create_task(self._trade(order))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)
        return response

    async def _trade(self, order: dict[str, Any]) -> None:
        await self.tell("new", order)
        last = self.fill(order, int(order["qty"]), order["limit_price"], order["limit_price"])
        symbol, sign = order["symbol"], 1 if order["side"] == "buy" else -1
        self._held[symbol] = self._held.get(symbol, 0) + sign * int(order["qty"])
        self.positions = [
            {"symbol": name, "qty": str(qty), "avg_entry_price": order["limit_price"]}
            for name, qty in self._held.items()
        ]
        await self.tell("fill", order, **last)


def note_arrivals() -> list[int]:
    """Return the list to which every order's first byte adds its time."""
    found: list[int] = []
    received = RequestHandler.data_received

    def data_received(self: RequestHandler, data: bytes) -> None:
        now = perf_counter_ns()
        if data.startswith(MARK):
            found.append(now)
        received(self, data)

    RequestHandler.data_received = data_received
    return found


async def serve() -> None:
    arrivals = note_arrivals()
    server = WireServer()
    await server.listener.start()
    print(server.listener.port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps(arrivals), flush=True)
    for socket in list(server.sockets):
        await socket.close()
    await server.listener.stop()


if __name__ == "__main__":
    asyncio.run(serve())
