"""What a fault rule does to a request: an aiohttp middleware."""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiohttp import web

from tests.servers.faults import HTTP, Faults, Rule
from tests.servers.journal import ENTRY

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
HTML = "<html><head><title>{status}</title></head><body><h1>{status} from the proxy</h1></body></html>"
TEN_MB = 10_000_000
MEGABYTE = 1_000_000


class Failing:
    """One request under one rule."""

    def __init__(self, faults: Faults, rule: Rule, request: web.Request, handler: Handler) -> None:
        self.faults = faults
        self.rule = rule
        self.request = request
        self.handler = handler

    def hang_up(self) -> web.Response:
        """End the connection unanswered: `how` is `reset` (RST, the default) or `close` (FIN)."""
        transport = self.request.transport
        if transport is not None:
            if self.rule.option("how", "reset") == "close":
                transport.close()
            else:
                transport.abort()
        return web.Response()

    async def answered(self) -> web.StreamResponse:
        """Let the server do its work. A refusal that it raises is an answer too."""
        try:
            return await self.handler(self.request)
        except web.HTTPException as refusal:
            return refusal

    async def body(self) -> tuple[web.StreamResponse, bytes]:
        response = await self.answered()
        body = response.body if isinstance(response, web.Response) else b""
        return response, bytes(body or b"") if isinstance(body, bytes | bytearray) else b""

    async def streamed(self, chunks: Any, headers: dict[str, str], status: int = 200) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(self.request)
        with suppress(ConnectionError):  # the client had enough
            async for chunk in chunks:
                await response.write(chunk)
            await response.write_eof()
        return response


async def hang(failing: Failing) -> web.StreamResponse:
    """Accept and stay silent until released. `phase="after"`: the request is processed first."""
    if failing.rule.option("phase") == "after":
        await failing.answered()
    await failing.faults.hold()
    return failing.hang_up()


async def drop_before(failing: Failing) -> web.StreamResponse:
    return failing.hang_up()


async def drop_after(failing: Failing) -> web.StreamResponse:
    await failing.answered()
    return failing.hang_up()


async def refuse_connect(failing: Failing) -> web.StreamResponse:
    """Drop this request and close the listeners, until the server's `accept_connections`."""
    if failing.faults.refuse_connections is not None:
        await failing.faults.refuse_connections()
    return failing.hang_up()


async def reply_status(failing: Failing) -> web.StreamResponse:
    """Answer `status` with `body` (`html`, `json`, `empty`, or a text); `phase="after"` processes first."""
    status, kind = int(failing.rule.option("status", 500)), failing.rule.option("body", "json")
    if failing.rule.option("phase") == "after":
        await failing.answered()
    headers = {str(name): str(value) for name, value in failing.rule.option("headers", {}).items()}
    if kind == "html":
        return web.Response(
            status=status, text=HTML.format(status=status), content_type="text/html", headers=headers
        )
    if kind == "empty":
        return web.Response(status=status, headers=headers)
    text = (
        json.dumps({"message": failing.rule.option("message", "internal server error")})
        if kind == "json"
        else kind
    )
    return web.Response(status=status, text=text, content_type="application/json", headers=headers)


async def unauthorized(failing: Failing) -> web.StreamResponse:
    return web.json_response({"message": "forbidden."}, status=int(failing.rule.option("status", 401)))


async def throttle(failing: Failing) -> web.StreamResponse:
    """429; `reset` is the epoch second at which the limit ends, `retry_after` adds that header."""
    headers = {
        "X-RateLimit-Limit": str(failing.rule.option("limit", 200)),
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(failing.rule.option("reset", 0)),
    }
    if failing.rule.option("retry_after") is not None:
        headers["Retry-After"] = str(failing.rule.option("retry_after"))
    body = failing.rule.option("body", {"message": "too many requests."})
    return web.json_response(body, status=429, headers=headers)


async def delay_reply(failing: Failing) -> web.StreamResponse:
    """Process, then answer `s` seconds of real time later, or once released (None).

    `phase="before"` waits first.
    """
    before = failing.rule.option("phase") == "before"
    response = None if before else await failing.answered()
    wait = failing.rule.option("s")
    await (failing.faults.hold() if wait is None else asyncio.sleep(float(wait)))
    return await failing.answered() if response is None else response


async def event_first(failing: Failing) -> web.StreamResponse:
    """Send the events that the request causes before its reply."""
    response = await failing.answered()
    if failing.faults.settle is not None:
        await failing.faults.settle()
    return response


async def truncate(failing: Failing) -> web.StreamResponse:
    """Answer only the first `bytes` of the JSON (half of it by default), as if that were all."""
    response, body = await failing.body()
    cut = body[: int(failing.rule.option("bytes", len(body) // 2))]
    return web.Response(status=response.status, body=cut, content_type="application/json")


async def cut_off(failing: Failing) -> web.StreamResponse:
    """Announce the whole body, send half of it, end the connection."""
    response, body = await failing.body()
    started = web.StreamResponse(status=response.status, headers={"Content-Length": str(len(body) + 1)})
    started.content_type = "application/json"
    await started.prepare(failing.request)
    await started.write(body[: len(body) // 2])
    failing.hang_up()
    return started


async def edit(failing: Failing) -> web.StreamResponse:
    """Change the JSON: `set` {field: value}, `drop`, `null` and `nan` [fields], `text` {field: raw JSON}.

    A field is a dotted path (`legs.0.status`). Every row of a list is edited, or the one numbered `row`.
    """
    response, body = await failing.body()
    text = edited(body, failing.rule.options) if body else body
    return web.Response(status=response.status, body=text, content_type="application/json")


async def slow_body(failing: Failing) -> web.StreamResponse:
    """Send `bytes` (1) per `tick_s` (0.01) seconds of real time."""
    response, body = await failing.body()
    step, tick_s = int(failing.rule.option("bytes", 1)), float(failing.rule.option("tick_s", 0.01))

    async def chunks() -> Any:
        for start in range(0, len(body), step):
            await asyncio.sleep(tick_s)
            yield body[start : start + step]

    return await failing.streamed(chunks(), {"Content-Type": "application/json"}, response.status)


async def huge_body(failing: Failing) -> web.StreamResponse:
    """Lead the JSON with `bytes` (10 MB) of blanks: well formed, and too much."""
    response, body = await failing.body()
    size = int(failing.rule.option("bytes", TEN_MB))

    async def chunks() -> Any:
        for start in range(0, size, MEGABYTE):
            yield b" " * min(MEGABYTE, size - start)
        yield body

    return await failing.streamed(chunks(), {"Content-Type": "application/json"}, response.status)


async def html_200(failing: Failing) -> web.StreamResponse:
    """Answer 200 with a page, as a captive portal does. `phase="after"` processes first."""
    if failing.rule.option("phase") == "after":
        await failing.answered()
    return web.Response(text=HTML.format(status=200), content_type="text/html")


async def redirect(failing: Failing) -> web.StreamResponse:
    location = failing.rule.option("location", "http://127.0.0.1:9/elsewhere")
    return web.Response(status=int(failing.rule.option("status", 302)), headers={"Location": location})


async def gzip_bomb(failing: Failing) -> web.StreamResponse:
    """Answer `bytes` (200 MB) of zeros, packed."""
    size = int(failing.rule.option("bytes", 200 * MEGABYTE))
    body = gzip.compress(b"0" * size, compresslevel=1)
    return web.Response(body=body, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})


async def garbage(failing: Failing) -> web.StreamResponse:
    """Send bytes that are no HTTP, then end the connection."""
    if failing.request.transport is not None:
        failing.request.transport.write(b"\x00\xff\xfeNOT-HTTP\r\n\r\n")
        failing.request.transport.close()
    return web.Response()


HTTP_ACTIONS: dict[str, Callable[[Failing], Awaitable[web.StreamResponse]]] = {
    action.__name__: action
    for action in (
        hang, drop_before, drop_after, refuse_connect, reply_status, unauthorized, throttle, delay_reply,
        event_first, truncate, cut_off, edit, slow_body, huge_body, html_200, redirect, gzip_bomb, garbage,
    )
}  # fmt: skip


def edited(body: bytes, options: dict[str, Any]) -> bytes:
    """The JSON text after the changes that `edit` names."""
    document = json.loads(body)
    rows = document if isinstance(document, list) else [document]
    if "row" in options:
        rows = [rows[int(options["row"])]]
    raw = dict.fromkeys(options.get("nan", ()), "NaN") | dict(options.get("text", {}))
    marks = {}
    for row in rows:
        for field, value in options.get("set", {}).items():
            change(row, field, value)
        for field in options.get("null", ()):
            change(row, field, None)
        for field in options.get("drop", ()):
            change(row, field, DROP)
        for field, token in raw.items():
            mark = f"__raw_{len(marks)}__"
            marks[json.dumps(mark)] = token
            change(row, field, mark)
    text = json.dumps(document)
    for mark, token in marks.items():
        text = text.replace(mark, token)
    return text.encode()


DROP = object()


def change(row: Any, field: str, value: object) -> None:
    """Set or drop one dotted field of a JSON document in place."""
    head, _, rest = field.partition(".")
    key: Any = int(head) if isinstance(row, list) else head
    if rest:
        change(row[key], rest, value)
    elif value is DROP:
        del row[key]
    else:
        row[key] = value


def fault_middleware(faults: Faults) -> Any:
    """Let the rules act on every request but those to `/_sim/`; put it just inside the journal's."""

    @web.middleware
    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_sim/"):
            return await handler(request)
        rule = faults.take(HTTP, request.method, request.path)
        if rule is None:
            return await handler(request)
        if ENTRY in request:
            request[ENTRY].fault = rule.action
        return await HTTP_ACTIONS[rule.action](Failing(faults, rule, request, handler))

    return act
