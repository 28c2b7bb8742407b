"""Authentication and the rate limit, in front of every request."""

import base64
from typing import Any

from aiohttp import web

from tests.servers.alpaca.clock import SECOND, SimClock

MINUTE = 60


class RateLimit:
    """`per_minute` requests in each minute of the server's clock; beyond it 429, if `enforced`."""

    def __init__(self, clock: SimClock, per_minute: int = 200, *, enforced: bool = False) -> None:
        self.clock = clock
        self.per_minute = per_minute
        self.enforced = enforced
        self._minute = 0
        self._used = 0

    def count(self) -> dict[str, str]:
        """Count one request, and give the headers of its reply."""
        minute = self.clock.now_ns() // SECOND // MINUTE
        if minute != self._minute:
            self._minute, self._used = minute, 0
        self._used += 1
        return {
            "X-RateLimit-Limit": str(self.per_minute),
            "X-RateLimit-Remaining": str(max(0, self.per_minute - self._used)),
            "X-RateLimit-Reset": str((minute + 1) * MINUTE),
        }

    @property
    def is_exceeded(self) -> bool:
        return self.enforced and self._used > self.per_minute


def is_authorized(request: web.Request, keys: dict[str, str]) -> bool:
    headers = request.headers
    key, secret = headers.get("APCA-API-KEY-ID"), headers.get("APCA-API-SECRET-KEY")
    if key is None and headers.get("Authorization", "").startswith("Basic "):
        pair = base64.b64decode(headers["Authorization"][6:]).decode(errors="replace")
        key, _, secret = pair.partition(":")
    return key is not None and keys.get(key) == secret


def gate_middleware(limit: RateLimit, keys: dict[str, str], streams: tuple[str, ...], status: int) -> Any:
    """Refuse requests without the right keys (with `status`) or beyond the limit; streams look themselves."""

    @web.middleware
    async def check(request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path.startswith(("/_sim/", *streams)):
            return await handler(request)
        headers = limit.count() | {"X-Request-ID": f"{limit.clock.now_ns():x}"}
        if not is_authorized(request, keys):
            return web.json_response({"message": "forbidden."}, status=status, headers=headers)
        if limit.is_exceeded:
            body = {"code": 42910000, "message": "rate limit exceeded"}
            return web.json_response(body, status=429, headers=headers)
        response = await handler(request)
        if not response.prepared:
            response.headers.update(headers)
        return response

    return check
