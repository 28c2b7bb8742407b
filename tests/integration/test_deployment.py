"""The files of docs/deployment.md, carried out: nginx and Caddy with TLS in front of a real API."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from core.domain.access import Role
from tests.fakes.front_end import NAME, FrontEnd, begin
from tests.fakes.local_api import KEYS, LocalApi, limit


class Here(AbstractResolver):
    """Every name is this computer's."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        pass


class Outside:
    """A client elsewhere: it knows the name, the certificate and a key."""

    def __init__(self, api: LocalApi, proxy: FrontEnd) -> None:
        self.api = api
        self.proxy = proxy
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Here()))

    async def close(self) -> None:
        await self._session.close()

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        role: Role | None = Role.TRADER,
        **headers: str,
    ) -> tuple[int, bytes]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {} if role is None else {"X-API-Key": KEYS[role]}
        if body is not None:
            sent["Content-Type"] = "application/json"
        url = f"https://{NAME}:{self.proxy.port}{path}"
        context = self.proxy.context()
        async with self._session.request(method, url, data=body, headers=sent, ssl=context) as answer:
            return answer.status, await answer.read()


@pytest.fixture(params=["nginx", "caddy"])
async def outside(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Outside]:
    data, folder = tmp_path / "data", tmp_path / "proxy"
    data.mkdir()
    folder.mkdir()
    api = await LocalApi.open(data, open_metrics=True)
    proxy = await begin(request.param, folder, api.server.port)
    made = Outside(api, proxy)
    yield made
    await made.close()
    await proxy.stop()
    await api.close()


def error_of(body: bytes) -> Any:
    return json.loads(body)["error"]["code"]


async def test_order_goes_through_once_and_the_key_decides(outside: Outside) -> None:
    status, health = await outside.ask("GET", "/health")
    placed, order = await outside.ask("POST", "/v1/orders", json.dumps(limit()).encode())
    without, _ = await outside.ask("GET", "/v1/account", role=None)
    viewer, refused = await outside.ask("POST", "/v1/orders", json.dumps(limit()).encode(), Role.VIEWER)

    assert (status, json.loads(health)["status"]) == (200, "ok")
    assert (placed, json.loads(order)["order"]["symbol"]) == (201, "AAPL")
    assert (without, viewer, error_of(refused)) == (401, 403, "not_permitted")
    assert len(outside.api.rig.oracle().orders) == 1


async def test_page_of_the_web_is_refused_behind_it_too(outside: Outside) -> None:
    status, body = await outside.ask("GET", "/v1/account", Origin="https://example.com")

    assert (status, error_of(body)) == (403, "forbidden")


async def test_other_name_does_not_come_as_far_as_the_api(outside: Outside) -> None:
    before = outside.api.server._entrance.numbers.registry.families()[0].samples

    status, body = await outside.ask("GET", "/v1/account", Host="attacker.example")

    after = outside.api.server._entrance.numbers.registry.families()[0].samples
    assert b"cash" not in body
    assert (status, body) == (200, b"") or status == 421  # Caddy answers an unknown name with nothing
    assert before == after


async def test_numbers_are_not_for_outside(outside: Outside) -> None:
    here = await outside.api.get("/metrics", role=None)

    status, body = await outside.ask("GET", "/metrics")

    assert (here.status, status) == (200, 404)
    assert b"investiq_" not in body


async def test_body_above_the_limit_is_refused(outside: Outside) -> None:
    status, _ = await outside.ask("POST", "/v1/orders", b" " * 70_000)

    assert status == 413
    assert outside.api.rig.oracle().orders == {}


async def test_cancel_and_answers_of_every_status_come_back(outside: Outside) -> None:
    _, placed = await outside.ask("POST", "/v1/orders", json.dumps(limit(price="99.00")).encode())
    order = json.loads(placed)["order"]["cl_ord_id"]

    cancel, _ = await outside.ask("DELETE", f"/v1/orders/{order}")
    unknown, _ = await outside.ask("GET", "/v1/orders/IQ-none")
    malformed, _ = await outside.ask("POST", "/v1/orders", b"{")

    assert (cancel, unknown, malformed) == (202, 404, 400)


async def test_name_nobody_has_gets_no_handshake(outside: Outside) -> None:
    context = outside.proxy.context()
    context.check_hostname = False

    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection(
            "127.0.0.1", outside.proxy.port, ssl=context, server_hostname="attacker.example"
        )


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
async def test_old_tls_is_refused(outside: Outside) -> None:
    context = outside.proxy.context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")

    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", outside.proxy.port, ssl=context, server_hostname=NAME)


async def test_plain_text_gets_no_answer_of_the_api(outside: Outside) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", outside.proxy.port)
    request = (
        f"GET /health HTTP/1.1\r\nHost: {NAME}\r\nX-API-Key: {KEYS[Role.VIEWER]}\r\nConnection: close\r\n\r\n"
    )
    writer.write(request.encode())
    answer = await reader.read()
    writer.close()

    assert b"parts" not in answer
    assert not answer.startswith(b"HTTP/1.1 200")
