"""The real alpaca-py against a local server that fails in every way: what each failure proves."""

import asyncio
import gzip
import json
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.adapters.alpaca import rest as rest_module
from core.adapters.alpaca.lanes import open_lanes
from core.adapters.alpaca.limiter import Limiter, Priority
from core.adapters.alpaca.request import Request
from core.adapters.alpaca.rest import Rest, is_not_found
from core.adapters.alpaca.sockets import Peer
from core.clock import SystemClock
from core.domain.access import Mode
from core.domain.credentials import AlpacaCredentials, SecretName
from core.errors import (
    BrokerRejected,
    BrokerUnavailable,
    CredentialsRefused,
    NotEntitled,
    OutcomeUnknown,
    RateLimited,
)
from core.settings import AlpacaAddresses
from tests.servers.faults import Faults
from tests.servers.http_faults import fault_middleware
from tests.servers.journal import Journal, journal_middleware
from tests.servers.listener import Listener

SECRET = "hush-hush"
LIMIT_S = 0.4


class Small:
    """A server that takes orders and knows nothing else, and the client under test."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.journal = Journal(now=lambda: "now", secrets=(SECRET,))
        self.orders = 0
        self.answer = web.json_response
        app = web.Application(middlewares=[journal_middleware(self.journal), fault_middleware(self.faults)])
        app.add_routes([web.post("/v2/orders", self.order), web.get("/v2/clock", self.clock)])
        app.add_routes([web.delete("/v2/orders/{id}", self.cancel), web.get("/v2/orders/{id}", self.missing)])
        self.listener = Listener(app)
        self.faults.refuse_connections = self.listener.refuse

    async def order(self, request: web.Request) -> web.Response:
        self.orders += 1
        return web.json_response({"id": f"o-{self.orders}", "price": 0.1})

    async def cancel(self, _request: web.Request) -> web.Response:
        return web.Response(status=204)

    async def clock(self, _request: web.Request) -> web.Response:
        return web.json_response({"is_open": True})

    async def missing(self, _request: web.Request) -> web.Response:
        return web.json_response({"code": 40410000, "message": "order not found"}, status=404)

    async def open(self) -> "Small":
        await self.listener.start()
        http, ws = f"http://{self.listener.address}", f"ws://{self.listener.address}"
        addresses = AlpacaAddresses(http, f"{ws}/stream", http, f"{ws}/v2/iex")
        clock = SystemClock()
        self.lanes = open_lanes(Mode.PAPER, addresses, AlpacaCredentials("PKTEST", SECRET), clock)
        self.limiter = Limiter(clock)
        self.rest = Rest(Peer("Alpaca (paper)", SecretName.ALPACA_PAPER), self.limiter, clock)
        return self

    async def submit(self, total_s: float = 5.0) -> object:
        body = {"client_order_id": "IQ-1", "qty": "1"}
        request = Request("POST", "/orders", body, total_s=total_s)
        return await self.rest.tell(self.lanes.submit, request, Priority.ORDER)

    async def arrives(self) -> None:
        """Wait until the server has a request."""
        async with asyncio.timeout(5):
            while not self.journal.entries:  # noqa: ASYNC110 - the journal has nothing to wait for
                await asyncio.sleep(0.01)

    async def ask(self, path: str = "/clock", total_s: float = 5.0) -> object:
        request = Request("GET", path, total_s=total_s)
        return await self.rest.ask(self.lanes.query, request, Priority.LOOKUP)


@pytest.fixture
async def small(monkeypatch) -> AsyncIterator[Small]:
    monkeypatch.setattr(rest_module, "_PAUSES_S", (0.01, 0.01))
    server = await Small().open()
    # The library's import and the first connection belong to no test's deadline.
    await server.submit()
    server.journal.clear()
    server.orders = 0
    yield server
    assert server.journal.problems() == []
    server.faults.clear()
    await server.lanes.close()
    await server.limiter.close()
    await server.listener.stop()


async def test_order_is_sent_once_with_our_texts_and_read_exactly(small):
    answer = await small.submit()

    [entry] = small.journal.requests("POST")
    assert entry.body == {"client_order_id": "IQ-1", "qty": "1"}
    assert entry.headers["User-Agent"].startswith("APCA-PY/0.44")
    assert str(answer["price"]) == "0.1"


@pytest.mark.parametrize(
    ("action", "options", "processed"),
    [
        ("reply_status", {"status": 504, "phase": "after"}, 1),
        ("reply_status", {"status": 504}, 0),
        ("reply_status", {"status": 500, "phase": "after", "body": "html"}, 1),
        ("reply_status", {"status": 502, "body": "empty"}, 0),
        ("reply_status", {"status": 503}, 0),
        ("reply_status", {"status": 409}, 0),
        ("hang", {}, 0),
        ("hang", {"phase": "after"}, 1),
        ("drop_before", {}, 0),
        ("drop_before", {"how": "close"}, 0),
        ("drop_after", {}, 1),
        ("drop_after", {"how": "close"}, 1),
        ("html_200", {"phase": "after"}, 1),
        ("truncate", {}, 1),
        ("cut_off", {}, 1),
        ("edit", {"nan": ["price"]}, 1),
        ("edit", {"text": {"price": "Infinity"}}, 1),
        ("huge_body", {"bytes": 10 * 2**20}, 1),
        ("slow_body", {"tick_s": 0.1}, 1),
        ("gzip_bomb", {"bytes": 50 * 2**20}, 0),
        ("garbage", {}, 0),
        ("redirect", {}, 0),
        ("delay_reply", {}, 1),
    ],
)
async def test_order_without_a_usable_answer_is_unknown_and_never_sent_twice(
    small, action, options, processed
):
    small.faults.http(action, "POST", "/v2/orders", **options)

    begun = perf_counter()
    with pytest.raises(OutcomeUnknown) as unknown:
        await small.submit(total_s=LIMIT_S if action in ("hang", "slow_body", "delay_reply") else 5.0)
    took = perf_counter() - begun

    assert small.journal.posts("IQ-1") == 1
    assert small.orders == processed
    assert SECRET not in str(unknown.value)
    assert took < 4.0  # far from the 10 s of a socket that is only read, on a busy machine too


async def test_order_to_a_closed_port_was_not_sent(small):
    await small.listener.refuse()
    await asyncio.sleep(0.05)  # until the end of the open connection has arrived

    with pytest.raises(BrokerUnavailable, match="nothing was sent"):
        await small.submit()

    assert small.journal.posts("IQ-1") == 0


async def test_order_behind_a_hanging_one_is_taken_back_unsent(small):
    small.faults.http("hang", "POST", "/v2/orders")
    first = asyncio.get_running_loop().create_task(small.submit(total_s=1.0))
    await asyncio.sleep(0.05)

    with pytest.raises(BrokerUnavailable, match="nothing was sent"):
        await small.submit(total_s=0.1)
    with pytest.raises(OutcomeUnknown):
        await first
    small.faults.clear()
    await small.submit()

    assert small.journal.posts("IQ-1") == 2  # the hanging one, and the one after all


async def test_order_nobody_waits_for_is_seen_through(small):
    small.faults.http("delay_reply", "POST", "/v2/orders", s=0.1)
    task = asyncio.get_running_loop().create_task(small.submit())
    await small.arrives()

    task.cancel()
    await asyncio.wait({task})
    await small.submit()

    assert small.orders == 2


async def test_cancel_has_no_content_and_does_not_stand_behind_orders(small):
    small.faults.http("hang", "POST", "/v2/orders")
    order = asyncio.get_running_loop().create_task(small.submit(total_s=LIMIT_S))
    await asyncio.sleep(0.05)

    answer = await small.rest.tell(small.lanes.cancel, Request("DELETE", "/orders/1"), Priority.CANCEL)

    assert (answer, order.done()) == (None, False)
    with pytest.raises(OutcomeUnknown):
        await order


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (422, {"code": 42210000, "message": "<b>price</b> is off"}, BrokerRejected, "<b>price</b> is off"),
        (403, {"code": 40310000, "message": "insufficient qty"}, BrokerRejected, "insufficient qty"),
        (400, {"message": "bad"}, BrokerRejected, "bad"),
        (404, {"code": 40410000, "message": "order not found"}, BrokerRejected, "not found"),
        (401, {"message": "forbidden."}, CredentialsRefused, "alpaca.paper"),
        (403, {"message": "forbidden."}, CredentialsRefused, "alpaca.paper"),
        (401, {"code": 40110000, "message": "not authorized"}, CredentialsRefused, "investiq secrets set"),
        (403, {"message": "subscription does not permit querying recent SIP data"}, NotEntitled, "SIP"),
        (429, {"message": "too many requests."}, RateLimited, "not accepted"),
    ],
)  # fmt: skip
async def test_definitive_refusal_proves_that_nothing_was_accepted(small, status, body, kind, words):
    small.faults.http("reply_status", "POST", status=status, body=json.dumps(body))

    with pytest.raises(kind) as refused:
        await small.submit()

    assert words in str(refused.value)
    assert not isinstance(refused.value, OutcomeUnknown)
    assert SECRET not in str(refused.value)
    assert "PKTEST" not in str(refused.value)
    assert small.journal.posts("IQ-1") == 1
    if kind is BrokerRejected:
        assert refused.value.code == str(body.get("code", status))


async def test_page_of_a_proxy_says_nothing_about_the_key(small):
    small.faults.http("reply_status", "POST", status=403, body="html")

    with pytest.raises(BrokerUnavailable) as refused:
        await small.submit()

    assert not isinstance(refused.value, CredentialsRefused)


async def test_throttled_order_is_not_sent_again_and_tells_when(small):
    reset = int(SystemClock().now().timestamp()) + 30
    small.faults.http("throttle", "POST", reset=reset, times=None)

    with pytest.raises(RateLimited) as refused:
        await small.submit()

    assert 25 < refused.value.retry_after_s <= 30
    assert small.journal.posts("IQ-1") == 1


@pytest.mark.parametrize("action", ["drop_before", "truncate", "html_200", "garbage", "cut_off"])
async def test_question_is_asked_again(small, action):
    small.faults.http(action, "GET", times=2)

    assert await small.ask() == {"is_open": True}
    assert len(small.journal.requests("GET")) == 3


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_question_without_an_answer_is_given_up_after_three_tries(small, status):
    small.faults.http("reply_status", "GET", status=status, body="html", times=None)

    with pytest.raises(BrokerUnavailable, match=str(status)):
        await small.ask()

    assert len(small.journal.requests("GET")) == 3


async def test_throttled_question_waits_at_the_limiter_and_is_asked_again(small):
    small.faults.http("throttle", "GET", retry_after=1)

    begun = perf_counter()
    answer = await small.ask()

    assert answer == {"is_open": True}
    assert 0.9 < perf_counter() - begun < 4


@pytest.mark.parametrize("action", ["redirect", "unauthorized"])
async def test_question_that_no_repetition_helps_is_asked_once(small, action):
    small.faults.http(action, "GET", times=None)

    with pytest.raises(BrokerUnavailable):
        await small.ask()

    assert len(small.journal.entries) == 1


async def test_redirect_takes_the_key_nowhere(small):
    small.faults.http("redirect", "GET", location=f"http://{small.listener.address}/elsewhere")

    with pytest.raises(BrokerUnavailable, match="not followed"):
        await small.ask()

    assert [entry.path for entry in small.journal.entries] == ["/v2/clock"]


async def test_absence_is_proved_by_alpaca_and_by_no_page_of_another(small):
    with pytest.raises(BrokerRejected) as absent:
        await small.ask("/orders/1")
    small.faults.http("reply_status", "GET", status=404, body="html", times=None)
    with pytest.raises(BrokerUnavailable):
        await small.ask("/orders/1")

    assert is_not_found(absent.value)


@pytest.mark.parametrize("action", ["hang", "slow_body"])
async def test_hanging_answer_blocks_neither_the_loop_nor_the_lane(small, action):
    small.faults.http(action, "GET", times=2, tick_s=0.2)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.get_running_loop().create_task(tick())
    request = Request("GET", "/clock", total_s=LIMIT_S)
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            await small.lanes.query.run(request)
    ticking.cancel()

    assert ticks > 20
    assert (await small.lanes.query.run(Request("GET", "/clock"))).status == 200


async def test_answer_too_large_ends_early_and_the_connection_with_it(small):
    small.faults.http("gzip_bomb", "GET", bytes=50 * 2**20)

    with pytest.raises(OutcomeUnknown, match="8 MB"):
        await small.lanes.query.run(Request("GET", "/clock"))

    assert (await small.lanes.query.run(Request("GET", "/clock"))).content == {"is_open": True}


async def test_packed_answer_is_read(small):
    async def packed(_request: web.Request) -> web.Response:
        body = gzip.compress(b'{"is_open": false}')
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    small.listener._runner.app.router._resources[1]._routes["GET"]._handler = packed

    assert await small.ask() == {"is_open": False}


async def test_proxies_of_the_environment_are_not_used(small, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert await small.ask() == {"is_open": True}


async def test_lanes_closed_end_what_is_under_way_and_open_again(small):
    small.faults.http("hang", "GET")
    asking = asyncio.get_running_loop().create_task(small.lanes.query.run(Request("GET", "/clock")))
    await small.arrives()

    await small.lanes.close()

    with pytest.raises(OutcomeUnknown):
        await asking
    assert await small.ask() == {"is_open": True}


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = SystemClock().now()
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def test_server_with_a_certificate_of_its_own_is_told_nothing(tmp_path):
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=self_signed(tmp_path)) as server:
        port = server.sockets[0].getsockname()[1]
        https, ws = f"https://localhost:{port}", f"ws://127.0.0.1:{port}"
        addresses = AlpacaAddresses(https, f"{ws}/stream", https, f"{ws}/v2/iex")
        lanes = open_lanes(Mode.PAPER, addresses, AlpacaCredentials("PKTEST", SECRET), SystemClock())

        with pytest.raises(BrokerUnavailable, match="nothing was sent"):
            await lanes.submit.run(Request("POST", "/orders", {"qty": "1"}))

        await lanes.close()
    assert b"".join(heard) == b""
