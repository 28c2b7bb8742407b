"""The `/_sim/` routes that every local server has, for tests in another process."""

from aiohttp import web

from tests.servers.faults import Faults, UnknownFaultError
from tests.servers.journal import Journal


def control_routes(faults: Faults, journal: Journal) -> list[web.RouteDef]:
    """Give the routes of the fault rules and of the journal.

    `POST /_sim/faults` takes a rule as JSON: `{"action", "channel": "http" | "frame", "method", "path",
    "word", "skip", "times"}` and the options; `GET` lists the rules with their hits, `DELETE` forgets
    them and lets go what hangs. `POST /_sim/release` only lets go. `GET /_sim/journal` answers
    `{"requests", "posts", "problems"}`, `DELETE` empties it.
    """

    async def add_rule(request: web.Request) -> web.Response:
        try:
            faults.add(await request.json())
        except UnknownFaultError as unknown:
            return web.json_response({"message": str(unknown)}, status=422)
        return web.json_response({"rules": len(faults.rules)})

    async def list_rules(_request: web.Request) -> web.Response:
        rows = [
            {"action": r.action, "channel": r.channel, "method": r.method, "path": r.path, "word": r.word}
            | {"skip": r.skip, "times": r.times, "seen": r.seen, "hits": r.hits}
            for r in faults.rules
        ]
        return web.json_response(rows)

    async def clear_rules(_request: web.Request) -> web.Response:
        faults.clear()
        return web.json_response({})

    async def release(_request: web.Request) -> web.Response:
        faults.release()
        return web.json_response({})

    async def show_journal(_request: web.Request) -> web.Response:
        return web.json_response(
            {"requests": journal.as_rows(), "posts": journal.posts_by_id(), "problems": journal.problems()}
        )

    async def clear_journal(_request: web.Request) -> web.Response:
        journal.clear()
        return web.json_response({})

    return [
        web.post("/_sim/faults", add_rule),
        web.get("/_sim/faults", list_rules),
        web.delete("/_sim/faults", clear_rules),
        web.post("/_sim/release", release),
        web.get("/_sim/journal", show_journal),
        web.delete("/_sim/journal", clear_journal),
    ]
