"""The fault rules that the local servers share, on a server of three lines."""

import asyncio
import json

import aiohttp
import pytest
from aiohttp import web

from tests.servers.control import control_routes
from tests.servers.faults import Faults, UnknownFaultError
from tests.servers.frame_faults import FaultySocket
from tests.servers.http_faults import fault_middleware
from tests.servers.journal import Journal, journal_middleware
from tests.servers.listener import Listener

AUTH = {"APCA-API-KEY-ID": "PK1", "APCA-API-SECRET-KEY": "hush-hush"}


class Small:
    """A server that counts orders and streams numbers."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.journal = Journal(now=lambda: "now", secrets=("hush-hush",))
        self.orders = 0
        app = web.Application(
            middlewares=[
                journal_middleware(self.journal, streams=("/stream",)),
                fault_middleware(self.faults),
            ]
        )
        app.add_routes([web.post("/v2/orders", self.order), web.get("/stream", self.stream)])
        app.add_routes(control_routes(self.faults, self.journal))
        self.listener = Listener(app)
        self.faults.refuse_connections = self.listener.refuse

    async def order(self, request: web.Request) -> web.Response:
        self.orders += 1
        return web.json_response({"id": self.orders, "status": "new", "qty": "10"})

    async def stream(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(timeout=0.1)
        await ws.prepare(request)
        sock = FaultySocket(ws, request, self.faults, json.dumps)
        for number in range(4):
            await sock.send([{"T": "q", "number": number}], "q")
        async for message in ws:
            await sock.send([{"T": "echo", "text": message.data}], "echo")
        return ws


@pytest.fixture
async def small():
    server = Small()
    await server.listener.start()
    yield server
    server.faults.clear()
    await server.listener.stop()


@pytest.fixture
async def client(small):
    timeout = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(
        f"http://{small.listener.address}", timeout=timeout, headers=AUTH
    ) as session:
        yield session


async def post(client, **body):
    async with client.post(
        "/v2/orders", json={"client_order_id": "IQ-1"} | body, allow_redirects=False
    ) as reply:
        return reply.status, await reply.read()


LOST = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError)


@pytest.mark.parametrize(("action", "processed"), [("drop_before", 0), ("drop_after", 1), ("garbage", 0)])
@pytest.mark.parametrize("how", ["reset", "close"])
async def test_dropped_request_gives_no_reply(small, client, action, processed, how):
    small.faults.http(action, "POST", "/v2/orders", how=how)

    with pytest.raises((*LOST, aiohttp.ClientResponseError)):
        await post(client)

    assert small.orders == processed
    assert small.journal.posts("IQ-1") == 1
    assert small.journal.entries[0].fault == action
    assert small.journal.entries[0].status is None


@pytest.mark.parametrize(
    ("options", "status", "orders"),
    [
        ({"status": 504}, 504, 0),
        ({"status": 504, "phase": "after"}, 504, 1),
        ({"status": 502, "body": "html"}, 502, 0),
    ],
)
async def test_reply_status_by_phase_processes_or_not(small, client, options, status, orders):
    small.faults.http("reply_status", "POST", **options)

    answered, _body = await post(client)

    assert (answered, small.orders) == (status, orders)


async def test_rule_acts_on_the_nth_match_only(small, client):
    rule = small.faults.http("unauthorized", "POST", "/v2/*", skip=1, times=1)

    statuses = [(await post(client))[0] for _ in range(3)]

    assert statuses == [200, 401, 200]
    assert (rule.seen, rule.hits) == (2, 1)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"set": {"status": "quantum"}}, b'{"id": 1, "status": "quantum", "qty": "10"}'),
        ({"drop": ["status"]}, b'{"id": 1, "qty": "10"}'),
        ({"null": ["status"], "nan": ["qty"]}, b'{"id": 1, "status": null, "qty": NaN}'),
        ({"text": {"qty": "Infinity"}}, b'{"id": 1, "status": "new", "qty": Infinity}'),
    ],
)
async def test_edit_changes_the_reply(small, client, options, text):
    small.faults.http("edit", **options)

    assert await post(client) == (200, text)


@pytest.mark.parametrize(
    ("action", "options", "check"),
    [
        ("truncate", {}, lambda got: got[1] == b'{"id": 1, "status":'),
        ("html_200", {}, lambda got: got[1].startswith(b"<html>")),
        ("redirect", {"status": 307}, lambda got: got[0] == 307),
        ("throttle", {"reset": 99}, lambda got: got[0] == 429),
        ("slow_body", {"tick_s": 0, "bytes": 7}, lambda got: json.loads(got[1])["qty"] == "10"),
        ("huge_body", {"bytes": 2_500_000}, lambda got: len(got[1]) > 2_500_000 and json.loads(got[1])),
        ("gzip_bomb", {"bytes": 3_000_000}, lambda got: len(got[1]) == 3_000_000),
        ("delay_reply", {"s": 0.01}, lambda got: got[0] == 200),
        ("event_first", {}, lambda got: got[0] == 200),
    ],
)
async def test_reply_fault_shapes_the_reply(small, client, action, options, check):
    small.faults.http(action, **options)

    assert check(await post(client))


async def test_cut_off_body_ends_in_the_middle(small, client):
    small.faults.http("cut_off")

    with pytest.raises(LOST):
        await post(client)

    assert small.orders == 1


async def test_hanging_request_waits_until_released(small, client):
    small.faults.http("hang", phase="after")
    request = asyncio.gather(post(client), return_exceptions=True)
    async with asyncio.timeout(5):
        while small.faults.waiting == 0:  # noqa: ASYNC110 - the state of the server is what is waited for
            await asyncio.sleep(0.001)

    small.faults.release()

    assert isinstance((await request)[0], LOST)
    assert small.orders == 1


async def test_refused_connection_is_taken_again_at_the_same_port(small, client):
    small.faults.http("refuse_connect")
    with pytest.raises(LOST):
        await post(client)
    with pytest.raises(aiohttp.ClientConnectorError):
        await post(client)

    await small.listener.accept()

    assert (await post(client))[0] == 200


async def frames(client, count):
    async with client.ws_connect("/stream") as ws:
        read = [await ws.receive() for _ in range(count)]
        return [json.loads(frame.data) if frame.type is aiohttp.WSMsgType.TEXT else frame for frame in read]


def numbers(read):
    return [frame[0]["number"] for frame in read]


@pytest.mark.parametrize(
    ("action", "options", "seen"),
    [
        ("lose", {}, [0, 2, 3]),
        ("duplicate", {}, [0, 1, 1, 2, 3]),
        ("reorder", {}, [0, 2, 1, 3]),
        ("edit", {"set": {"0.number": 77}}, [0, 77, 2, 3]),
        ("delay", {"s": 0.001}, [0, 1, 2, 3]),
        ("replace", {"message": [{"number": 5}]}, [0, 5, 2, 3]),
    ],
)
async def test_frame_fault_changes_the_order_of_frames(small, client, action, options, seen):
    small.faults.frame(action, "/stream", "q", skip=1, **options)

    assert numbers(await frames(client, len(seen))) == seen


@pytest.mark.parametrize("code", [1000, 1001, 1008])
async def test_close_fault_closes_with_its_code(small, client, code):
    small.faults.frame("close", skip=1, code=code)

    read = await frames(client, 2)

    assert (read[1].type, read[1].data) == (aiohttp.WSMsgType.CLOSE, code)


@pytest.mark.parametrize(("action", "options"), [("close", {"code": 1006}), ("half_close", {})])
async def test_broken_connection_ends_without_a_close_frame(small, client, action, options):
    small.faults.frame(action, skip=3, **options)

    read = await frames(client, 4)

    assert read[3].type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def test_muted_stream_stays_open_and_answers_pings(small, client):
    small.faults.frame("mute", skip=1)

    async with client.ws_connect("/stream") as ws:
        first = await ws.receive_json()
        await ws.ping()
        await ws.send_str("anybody?")

        with pytest.raises(TimeoutError):
            await ws.receive(timeout=0.05)

    assert first[0]["number"] == 0


async def test_oversized_and_garbage_frames_arrive_as_such(small, client):
    small.faults.frame("oversized", bytes=3_000_000)
    small.faults.frame("garbage", skip=1)
    small.faults.frame("data_null", skip=2)

    async with client.ws_connect("/stream") as ws:
        big, wild, empty = [await ws.receive() for _ in range(3)]

    assert len(big.data) == 3_000_000
    assert wild.type is aiohttp.WSMsgType.BINARY
    assert json.loads(empty.data) == [None]


async def test_journal_finds_a_secret_in_the_query_and_a_missing_header(small):
    async with aiohttp.ClientSession() as bare:
        await bare.post(f"http://{small.listener.address}/v2/orders?key=hush-hush", json={"a": "hush-hush"})

    assert sorted(small.journal.problems()) == [
        "POST /v2/orders: no authentication",
        "secret in the body of /v2/orders",
        "secret in the query of /v2/orders",
    ]
    assert "hush-hush" not in json.dumps(small.journal.as_rows())


async def test_control_routes_add_list_and_forget_rules(small, client):
    rule = {"action": "reply_status", "method": "POST", "status": 503, "times": None}
    await client.post("/_sim/faults", json=rule)
    status, _body = await post(client)
    async with client.get("/_sim/faults") as reply:
        listed = await reply.json()
    async with client.get("/_sim/journal") as reply:
        journal = await reply.json()

    await client.delete("/_sim/faults")

    assert status == 503
    assert (listed[0]["hits"], journal["posts"], journal["problems"]) == (1, {"IQ-1": 1}, [])
    assert (await post(client))[0] == 200


def test_unknown_action_is_refused():
    with pytest.raises(UnknownFaultError, match="drop_after"):
        Faults().http("drop_aftr")
