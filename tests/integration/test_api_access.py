"""The local API: who may ask what, from where, and in which shape; anything else is told so in JSON."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.access.policy import PERMISSIONS
from core.api.server import MOST_BYTES, ROUTES
from core.domain.access import Role
from core.domain.messages import KillReport, KillStage, KillTrading
from core.domain.records import AuditQuery
from core.errors import StorageUnwritable
from tests.fakes.local_api import KEYS, ROLES, LocalApi, limit

TRADERS = frozenset({Role.TRADER, Role.ADMIN})
REPORT = KillReport(KillStage.DONE, recorded=True, total=0, confirmed=0)

ALLOWED = {"viewer": frozenset(Role), "trader": TRADERS, "admin": frozenset({Role.ADMIN})}
CALLS = [(method, path, ALLOWED[role]) for (method, path), role in ROLES.items()]
BODIES = {
    ("POST", "/v1/orders"): limit(qty="3"),
    ("POST", "/v1/orders/preview"): limit(),
    ("PATCH", "/v1/orders/{cl_ord_id}"): {"price": "98.00"},
    ("POST", "/v1/proposals"): {"order": limit(), "source": "a", "thesis": "b"},
    ("POST", "/v1/proposals/{proposal_id}/review"): {"decision": "reject", "reason": "test"},
    ("POST", "/v1/halt"): {"reason": "test"},
    ("POST", "/v1/resume"): {"reason": "test"},
    ("POST", "/v1/kill"): {"reason": "test", "flatten": False},
}


async def killed(_command, _actor) -> KillReport:
    return REPORT


@pytest.fixture
async def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made = await LocalApi.open(tmp_path)
    # The kill switch has tests of its own; here its time, which is turned by hand, would stand still.
    made.rig.core.desk._handlers[KillTrading] = killed
    monkeypatch.setitem(PERMISSIONS, KillTrading, TRADERS)
    yield made
    await made.close()


def test_every_call_is_in_the_matrix():
    assert {(route.method, route.path) for route in ROUTES} == {(method, path) for method, path, _ in CALLS}


@pytest.mark.parametrize(("method", "path", "roles"), CALLS, ids=[f"{m} {p}" for m, p, _ in CALLS])
async def test_call_is_answered_for_its_roles_only(api: LocalApi, method, path, roles) -> None:
    resting = await api.post("/v1/orders", limit(price="99.00"))
    here = path.format(cl_ord_id=resting.body["order"]["cl_ord_id"], symbol="AAPL", proposal_id="p-1")
    body = BODIES.get((method, path))

    # The strongest last: it may end the order that the others ask for.
    seen = {role: await api.ask(method, here, body, role=role) for role in Role}
    unknown = await api.ask(method, here, body, role="x" * 40)
    nobody = await api.ask(method, here, body, role=None)

    assert {role for role, reply in seen.items() if reply.status != 403} == roles
    assert all(seen[role].code == "not_permitted" for role in Role if role not in roles)
    assert all(reply.status not in (401, 500) for reply in seen.values())
    for refused in (unknown, nobody):
        assert (refused.status, refused.code) == (401, "unauthorized")
        assert refused.headers["WWW-Authenticate"] == "Bearer"


async def test_denied_call_is_in_the_record(api: LocalApi) -> None:
    await api.post("/v1/orders", limit(), role=Role.VIEWER)

    (record,) = await api.rig.store.read(lambda reader: reader.audit_page(AuditQuery(action="access.denied")))

    assert (record.role, record.entity, json.loads(record.payload)["origin"]) == (
        "viewer",
        "SubmitOrder",
        "api",
    )


async def test_bearer_is_as_good_as_the_own_header(api: LocalApi) -> None:
    found = await api.ask(
        "GET", "/health", role=None, headers={"Authorization": f"Bearer {KEYS[Role.VIEWER]}"}
    )

    assert found.status == 200


@pytest.mark.parametrize(
    "host",
    ["example.com:{port}", "127.0.0.1", "localhost", "127.0.0.1:1", "127.0.0.2:{port}", "LOCALHOST:{port}",
     "localhost.:{port}", "[::1]:{port}", "127.0.0.1:{port}.example.com", ""],
)  # fmt: skip
async def test_other_host_is_refused_before_the_key_is_looked_at(api: LocalApi, host: str) -> None:
    named = {"Host": host.format(port=api.server.port)}

    refused = await api.ask("GET", "/health", headers=named)
    without_key = await api.ask("GET", "/health", role=None, headers=named)

    assert (refused.status, refused.code) == (403, "forbidden")
    assert without_key.status == 403


async def test_both_names_of_this_computer_are_answered(api: LocalApi) -> None:
    for name in ("127.0.0.1", "localhost"):
        found = await api.ask("GET", "/health", headers={"Host": f"{name}:{api.server.port}"})

        assert found.status == 200


@pytest.mark.parametrize("origin", ["null", "http://127.0.0.1:{port}", "https://example.com", ""])
async def test_page_of_the_web_is_refused(api: LocalApi, origin: str) -> None:
    refused = await api.ask("GET", "/health", headers={"Origin": origin.format(port=api.server.port)})

    assert (refused.status, refused.code) == (403, "forbidden")
    assert "Access-Control-Allow-Origin" not in refused.headers


async def test_two_hosts_are_refused(api: LocalApi) -> None:
    host = f"Host: 127.0.0.1:{api.server.port}\r\n"
    head = f"GET /health HTTP/1.1\r\n{host}{host}X-API-Key: {KEYS[Role.VIEWER]}\r\nConnection: close\r\n\r\n"

    status, body = await api.raw(head.encode())

    assert (status, body["error"]["code"]) in ((403, "forbidden"), (400, "malformed"))


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/nope", "/v1/orders/", "/V1/account", "/health/x", "//health"]
)
async def test_unknown_path_is_not_found_with_a_key_and_unauthorized_without(
    api: LocalApi, path: str
) -> None:
    found = await api.get(path)
    without = await api.get(path, role=None)

    assert (found.status, found.code) == (404, "not_found")
    assert without.status == 401


@pytest.mark.parametrize("name", ["a%00b", "%20", "x" * 129, "%E2%82%AC", "a%0Ab"])
async def test_name_that_nothing_can_have_is_not_found(api: LocalApi, name: str) -> None:
    for reply in (
        await api.get(f"/v1/orders/{name}"),
        await api.get(f"/v1/quotes/{name}"),
        await api.post(f"/v1/positions/{name}/close"),
    ):
        assert (reply.status, reply.code) == (404, "not_found")


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "TRACE"])
async def test_other_method_is_told_which_there_are(api: LocalApi, method: str) -> None:
    refused = await api.ask(method, "/v1/orders")

    assert (refused.status, refused.code) == (405, "method_not_allowed")
    assert set(refused.headers["Allow"].split(",")) == {"GET", "POST"}


async def test_head_is_another_method_and_has_no_body(api: LocalApi) -> None:
    refused = await api.ask("HEAD", "/health")

    assert (refused.status, refused.body) == (405, None)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ("application/json; charset=UTF8", 201),
        ("application/json; charset=latin-1", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("", 415),
        (";;;", 415),
    ],
)
async def test_only_json_in_utf8_is_read(api: LocalApi, kind: str, status: int) -> None:
    reply = await api.ask("POST", "/v1/orders", limit(), headers={"Content-Type": kind})

    assert reply.status == status


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "identity, gzip", "nonsense"])
async def test_compressed_body_is_not_unpacked(api: LocalApi, coding: str) -> None:
    reply = await api.ask("POST", "/v1/orders", limit(), headers={"Content-Encoding": coding})

    assert (reply.status, reply.code) == (415, "unsupported_media_type")


async def test_body_above_the_limit_is_too_large(api: LocalApi) -> None:
    padding = b" " * (MOST_BYTES - len(json.dumps(limit())))
    body = json.dumps(limit()).encode()

    fits = await api.ask("POST", "/v1/orders", body + padding)
    exceeds = await api.ask("POST", "/v1/orders", body + padding + b" ")

    assert fits.status == 201
    assert (exceeds.status, exceeds.code) == (413, "too_large")


async def test_chunks_above_the_limit_are_too_large(api: LocalApi) -> None:
    async def chunks():
        for _ in range(40):
            yield b" " * 4_096

    sent = {"X-API-Key": KEYS[Role.TRADER], "Content-Type": "application/json"}
    async with api.client.post(f"{api.address}/v1/orders", data=chunks(), headers=sent) as response:
        told = await response.json()

    assert (response.status, told["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "request_line",
    [
        b"nonsense\r\n\r\n",
        b"BREW /v1/orders HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 300 + b"\r\n",
        b"POST /v1/orders HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/orders HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_told_so_in_json(api: LocalApi, request_line: bytes) -> None:
    status, body = await api.raw(request_line)

    assert (status, body["error"]["code"]) == (400, "malformed")


@pytest.mark.parametrize(("expects", "status"), [("200-ok", 417), ("100-continue", 200)])
async def test_expectation_is_met_or_refused_in_json(api: LocalApi, expects: str, status: int) -> None:
    reply = await api.ask("GET", "/health", headers={"Expect": expects})

    assert reply.status == status


async def test_chunks_that_are_none_are_malformed(api: LocalApi) -> None:
    head = (
        f"POST /v1/orders HTTP/1.1\r\nHost: 127.0.0.1:{api.server.port}\r\nX-API-Key: {KEYS[Role.TRADER]}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nnot a number\r\n"
    )

    status, body = await api.raw(head.encode())

    assert (status, body["error"]["code"]) == (400, "malformed")


async def test_sender_who_hangs_up_in_the_middle_leaves_nothing(api: LocalApi) -> None:
    head = (
        f"POST /v1/orders HTTP/1.1\r\nHost: 127.0.0.1:{api.server.port}\r\nX-API-Key: {KEYS[Role.TRADER]}\r\n"
        'Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{"symbol"'
    )
    _, writer = await asyncio.open_connection("127.0.0.1", api.server.port)
    writer.write(head.encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    assert (await api.get("/v1/orders")).body["orders"] == []


async def test_body_that_does_not_come_is_not_waited_for(api: LocalApi, monkeypatch) -> None:
    monkeypatch.setattr("core.api.calls.READ_WITHIN_S", 0.05)
    head = (
        f"POST /v1/orders HTTP/1.1\r\nHost: 127.0.0.1:{api.server.port}\r\nX-API-Key: {KEYS[Role.TRADER]}\r\n"
        "Content-Type: application/json\r\nContent-Length: 500\r\nConnection: close\r\n\r\n"
    )

    status, body = await api.raw(head.encode())

    assert (status, body["error"]["code"]) == (408, "request_timeout")


async def test_answers_are_not_to_be_kept(api: LocalApi) -> None:
    found = await api.get("/v1/account")

    assert found.headers["Cache-Control"] == "no-store"
    assert "aiohttp" not in found.headers["Server"]


async def test_mistake_of_the_program_is_told_without_its_traceback(api: LocalApi, expected_log) -> None:
    expected_log("api.failed")
    api.rig.core.desk._handlers.pop(KillTrading)

    failed = await api.post("/v1/kill", {"reason": "x"})

    assert (failed.status, failed.code) == (500, "internal")
    assert "KillTrading" not in json.dumps(failed.body)


async def test_database_that_takes_nothing_is_told(api: LocalApi) -> None:
    async def full(*_):
        raise StorageUnwritable("the disk is full")

    api.rig.core.desk._handlers[KillTrading] = full

    failed = await api.post("/v1/kill")

    assert (failed.status, failed.code, failed.message) == (503, "storage_unavailable", "the disk is full")


_VERBS = st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"])
_WORDS = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=12).map(
    lambda text: text.replace("?", "").replace("#", "").replace("/", "").replace("%", "")
)
_PATHS = st.sampled_from([route.path for route in ROUTES]) | st.text("/ab.", max_size=12).map("/{}".format)
_BODIES = st.binary(max_size=64) | st.builds(
    lambda **given: json.dumps({name: value for name, value in given.items() if value is not None}).encode(),
    symbol=st.sampled_from(["AAPL", "aapl", "NOPE", "", None]),
    side=st.sampled_from(["buy", "sell", "up", None]),
    ord_type=st.sampled_from(["market", "limit", "stop", "stop_limit", "trailing_stop"]),
    order_qty=st.none() | st.text(max_size=8) | st.integers().map(str),
    cash_order_qty=st.none() | st.text(max_size=4),
    price=st.none() | st.text(max_size=8) | st.decimals(allow_nan=True).map(str),
    trail_pct=st.none() | st.text(max_size=4),
    time_in_force=st.sampled_from(["day", "gtc", "ioc", "opg"]),
    reason=st.none() | st.text(max_size=8),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(verb=_VERBS, path=_PATHS, word=_WORDS, body=_BODIES)
async def test_whatever_is_asked_is_answered_in_json_and_never_by_a_mistake(api, verb, path, word, body):
    here = path.format(cl_ord_id=word, symbol=word, proposal_id=word)

    reply = await api.ask(verb, here, body, role=Role.ADMIN)

    assert reply.status in (200, 201, 202, 400, 404, 405, 409, 422, 423, 429)
    assert reply.status < 400 or (reply.code and reply.message.isprintable())
