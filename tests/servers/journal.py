"""What the client sent: every request, without the secrets, for tests to count and to accuse."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import web

AUTH_HEADERS = frozenset({"apca-api-key-id", "apca-api-secret-key", "authorization"})
PRESENT = "(present)"


@dataclass(slots=True)
class Entry:
    """One request. `status` is None while it is open and after a connection was dropped unanswered."""

    at: str
    host: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    auth: bool
    body: Any
    status: int | None = None
    fault: str | None = None


@dataclass(slots=True)
class Journal:
    """Requests in the order of arrival.

    `secrets` are the texts that may stand in an authentication header only, `public` the path prefixes that
    carry no authentication. `now` tells the server's time as text.
    """

    now: Callable[[], str]
    secrets: tuple[str, ...] = ()
    public: tuple[str, ...] = ("/_sim/",)
    entries: list[Entry] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)

    def requests(self, method: str = "*", path: str = "") -> list[Entry]:
        """The requests of one method (`*`: any) whose path begins with `path`."""
        return [e for e in self.entries if method in ("*", e.method) and e.path.startswith(path)]

    def posts(self, client_order_id: str) -> int:
        """How often an order with this client_order_id was POSTed: more than 1 is a doubled order."""
        return self.posts_by_id()[client_order_id]

    def posts_by_id(self) -> Counter[str]:
        """POSTs of orders counted by client_order_id; `""` counts those that carried none."""
        return Counter(
            str(e.body.get("client_order_id") or "") if isinstance(e.body, dict) else ""
            for e in self.entries
            if e.method == "POST" and e.path.endswith("/orders")
        )

    def problems(self) -> list[str]:
        """Say what no client may do: a request without authentication, or a secret outside its header."""
        bare = [
            f"{e.method} {e.path}: no authentication"
            for e in self.entries
            if not e.auth and not self._is_public(e)
        ]
        return [*bare, *self.leaks]

    def as_rows(self) -> list[dict[str, Any]]:
        return [asdict(entry) for entry in self.entries]

    def clear(self) -> None:
        self.entries.clear()
        self.leaks.clear()

    def write(self, request: web.Request, body: bytes) -> Entry:
        """Note one request; secrets are looked for everywhere but in the authentication headers."""
        query = dict(request.query)
        entry = Entry(
            at=self.now(),
            host=request.host,
            method=request.method,
            path=request.path,
            query={name: self._clean(value, f"query of {request.path}") for name, value in query.items()},
            headers={name: self._header(name, value) for name, value in request.headers.items()},
            auth=any(name.lower() in AUTH_HEADERS for name in request.headers),
            body=_parsed(self._clean(body.decode(errors="replace"), f"body of {request.path}")),
        )
        self.entries.append(entry)
        return entry

    def _is_public(self, entry: Entry) -> bool:
        return entry.path.startswith(self.public)

    def _header(self, name: str, value: str) -> str:
        return PRESENT if name.lower() in AUTH_HEADERS else self._clean(value, f"header {name}")

    def _clean(self, text: str, place: str) -> str:
        for secret in self.secrets:
            if secret in text:
                self.leaks.append(f"secret in the {place}")
                text = text.replace(secret, "(secret)")
        return text


ENTRY = web.RequestKey("journal_entry", Entry)


def _parsed(text: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def journal_middleware(journal: Journal, *, streams: Iterable[str] = ()) -> Any:
    """Note every request but those to `/_sim/`; put it outermost.

    `streams` are the websocket paths: they authenticate by a message, so no header is wanted there.
    """
    journal.public = (*journal.public, *streams)

    @web.middleware
    async def write(request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path.startswith("/_sim/"):
            return await handler(request)
        entry = journal.write(request, await request.read())
        request[ENTRY] = entry
        response = await handler(request)
        if request.transport is not None and not request.transport.is_closing():
            entry.status = response.status
        return response

    return write
