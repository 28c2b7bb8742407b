"""The local API in front of a whole core, asked over a real socket."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from core.api.entrance import Terms
from core.api.keys import Keys
from core.api.server import ApiServer
from core.domain.access import Role
from core.settings import ApiKey
from tests.fakes.rig import Rig

KEYS = {role: f"{role}-key-of-thirty-two-characters-or-more" for role in Role}

# The least that each call takes, written out by hand from the description of the interface.
ROLES = {
    ("GET", "/health"): "viewer",
    ("GET", "/metrics"): "viewer",
    ("GET", "/v1/account"): "viewer",
    ("GET", "/v1/positions"): "viewer",
    ("GET", "/v1/orders"): "viewer",
    ("GET", "/v1/orders/{cl_ord_id}"): "viewer",
    ("GET", "/v1/fills"): "viewer",
    ("GET", "/v1/watchlist"): "viewer",
    ("GET", "/v1/movers"): "viewer",
    ("GET", "/v1/quotes/{symbol}"): "viewer",
    ("GET", "/v1/risk"): "viewer",
    ("GET", "/v1/risk/parameters"): "viewer",
    ("PUT", "/v1/risk/parameters"): "admin",
    ("GET", "/v1/risk/target"): "viewer",
    ("PUT", "/v1/risk/target"): "admin",
    ("GET", "/v1/risk/radar"): "viewer",
    ("GET", "/v1/proposals"): "viewer",
    ("POST", "/v1/proposals"): "trader",
    ("POST", "/v1/proposals/{proposal_id}/review"): "trader",
    ("GET", "/v1/reconciliation"): "viewer",
    ("GET", "/v1/audit/head"): "viewer",
    ("GET", "/v1/audit"): "viewer",
    ("POST", "/v1/orders"): "trader",
    ("POST", "/v1/orders/preview"): "trader",
    ("PATCH", "/v1/orders/{cl_ord_id}"): "trader",
    ("DELETE", "/v1/orders/{cl_ord_id}"): "trader",
    ("POST", "/v1/orders/{cl_ord_id}/resend"): "trader",
    ("POST", "/v1/orders/{cl_ord_id}/give-up"): "trader",
    ("POST", "/v1/positions/{symbol}/close"): "trader",
    ("POST", "/v1/backups"): "admin",
    ("POST", "/v1/halt"): "trader",
    ("POST", "/v1/kill"): "trader",
    ("POST", "/v1/resume"): "admin",
}


@dataclass(frozen=True)
class Reply:
    """What came back; the body is always an object of JSON."""

    status: int
    body: Any
    headers: Any

    @property
    def code(self) -> str:
        return self.body["error"]["code"]

    @property
    def message(self) -> str:
        return self.body["error"]["message"]

    @property
    def details(self) -> dict[str, Any]:
        return self.body["error"]["details"]


class LocalApi:
    """A rig, its API on a port of the operating system's choice, and a client."""

    def __init__(self, rig: Rig, *, per_minute: int = 1_000_000, open_metrics: bool = False) -> None:
        self.rig = rig
        keys = Keys([ApiKey(text, role) for role, text in KEYS.items()], "s-1")
        terms = Terms(keys, "s-1", per_minute, open_metrics)
        self.server = ApiServer(rig.core.locking.execute, terms, rig.clock, rig.ids)
        self.client = aiohttp.ClientSession()

    @classmethod
    async def open(
        cls, folder: Path, *, per_minute: int = 1_000_000, open_metrics: bool = False, **settings: Any
    ) -> "LocalApi":
        rig = await Rig(folder, **settings).start()
        made = cls(rig, per_minute=per_minute, open_metrics=open_metrics)
        await made.server.start(0)
        return made

    async def close(self) -> None:
        await self.client.close()
        await self.server.stop()
        await self.rig.stop()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        role: str | None = "trader",
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """Send one request; a body that is bytes goes out as it is, anything else as JSON."""
        sent = dict(headers or {})
        if role is not None:
            sent.setdefault("X-API-Key", KEYS.get(role, role))
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        url = f"{self.address}{path}"
        async with self.client.request(method, url, data=data, headers=sent) as response:
            raw = await response.read()
            if response.content_type == "text/plain" and response.ok:
                return Reply(response.status, raw.decode(), response.headers)
            assert response.content_type == "application/json", raw
            return Reply(response.status, json.loads(raw) if raw else None, response.headers)

    async def get(self, path: str, role: str | None = "viewer") -> Reply:
        return await self.ask("GET", path, role=role)

    async def post(self, path: str, body: Any = None, role: str | None = "trader", **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.ask("POST", path, body, role=role, headers=named)

    async def raw(self, request: bytes) -> tuple[int, Any]:
        """Send bytes that need not be HTTP at all, and read the one answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write(request)
        await writer.drain()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)


def limit(qty: str = "10", price: str = "100.02", **more: Any) -> dict[str, Any]:
    """Make the body of a purchase that the standing quote fills at once."""
    return {
        "symbol": "AAPL",
        "side": "buy",
        "ord_type": "limit",
        "order_qty": qty,
        "price": price,
        **more,
    }
