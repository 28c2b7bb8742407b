"""AlpacaBroker against the local Alpaca server that fails: what it says is what the server knows."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.adapters.alpaca import entry
from core.adapters.alpaca.broker import AlpacaBroker
from core.clock import SystemClock
from core.domain.access import Mode
from core.domain.credentials import AlpacaCredentials
from core.domain.execution import ExecType
from core.domain.terms import OrderCancelReplaceRequest, OrderCancelRequest, OrdStatus, Side
from core.errors import BrokerError, BrokerRejected, BrokerUnavailable, OutcomeUnknown
from core.ids import ClOrdId
from core.settings import AlpacaAddresses
from tests.builders import single, terms
from tests.servers.alpaca.server import AlpacaServer
from tests.servers.http_faults import HTTP_ACTIONS

LIMIT = terms(Side.BUY, 10, "99")
LIMIT_S = 0.5
# What an action needs to be told, and the ones that leave the request as it was.
OPTIONS: dict[str, dict[str, Any]] = {
    "delay_reply": {"s": 0.05},
    "throttle": {"retry_after": 1},
    "slow_body": {"bytes": 20, "tick_s": 0.05},
    "gzip_bomb": {"bytes": 20 * 2**20},
    "edit": {"nan": ["filled_qty"]},
}


@pytest.fixture
async def server() -> AsyncIterator[AlpacaServer]:
    made = AlpacaServer()
    await made.start()
    yield made
    await made.stop()
    assert made.exchange.check() == []
    assert made.journal.problems() == []


@pytest.fixture
async def broker(server, tmp_path: Path, monkeypatch) -> AsyncIterator[AlpacaBroker]:
    addresses = AlpacaAddresses(
        server.trading_url, server.trade_stream_url, server.data_url, server.data_stream_url
    )
    keys = AlpacaCredentials(server.key_id, server.secret)
    made = AlpacaBroker(Mode.PAPER, addresses, keys, SystemClock(), tmp_path)
    await made.connect()
    monkeypatch.setattr(entry, "ORDER_S", LIMIT_S)
    yield made
    await made.close()


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("action", sorted(HTTP_ACTIONS))
async def test_what_a_submit_says_is_what_the_server_knows(server, broker, action, phase):
    options = {"phase": phase} | OPTIONS.get(action, {})
    server.faults.http(action, "POST", "/v2/orders", **options)
    error: BrokerError | None = None

    try:
        ack = await broker.submit(single("IQ-1", LIMIT))
    except (BrokerRejected, BrokerUnavailable, OutcomeUnknown) as raised:
        error = raised
    else:
        assert (ack.cl_ord_id, ack.exec_type) == ("IQ-1", ExecType.NEW)

    await server.accept_connections()
    known = await broker.order(ClOrdId("IQ-1"))
    assert server.journal.posts("IQ-1") == 1
    assert (known is not None) is ("IQ-1" in server.exchange.book.by_client)
    if error is None:
        assert known is not None
    elif not isinstance(error, OutcomeUnknown):
        assert known is None


@pytest.mark.parametrize("action", ["drop_after", "reply_status", "html_200", "hang"])
async def test_order_sent_again_after_a_lost_answer_is_one_order(server, broker, action):
    server.faults.http(action, "POST", "/v2/orders", phase="after", status=504)
    with pytest.raises(OutcomeUnknown):
        await broker.submit(single("IQ-1", LIMIT))

    again = await broker.submit(single("IQ-1", LIMIT))

    assert again.cl_ord_id == "IQ-1"
    assert len(server.exchange.book.orders) == 1


@pytest.mark.parametrize("action", ["drop_after", "reply_status", "truncate"])
async def test_replacement_without_an_answer_is_found_by_its_id(server, broker, action):
    await broker.submit(single("IQ-1", LIMIT))
    server.faults.http(action, "PATCH", phase="after", status=500)
    request = OrderCancelReplaceRequest(ClOrdId("IQ-2"), ClOrdId("IQ-1"), None, terms(Side.BUY, 10, "98"))

    with pytest.raises(OutcomeUnknown):
        await broker.replace(request)

    old, new = [await broker.order(ClOrdId(name)) for name in ("IQ-1", "IQ-2")]
    assert (old.ord_status, new.ord_status) == (OrdStatus.REPLACED, OrdStatus.NEW)
    assert new.orig_cl_ord_id == "IQ-1"


async def test_cancel_without_an_answer_has_arrived_or_not(server, broker):
    await broker.submit(single("IQ-1", LIMIT))
    server.faults.http("drop_after", "DELETE")

    with pytest.raises(OutcomeUnknown):
        await broker.cancel(OrderCancelRequest(ClOrdId("IQ-1"), None))
    with pytest.raises(BrokerRejected, match="already"):
        await broker.cancel(OrderCancelRequest(ClOrdId("IQ-1"), None))

    assert (await broker.order(ClOrdId("IQ-1"))).ord_status is OrdStatus.CANCELED


async def test_market_order_the_wrong_way_is_refused_in_alpacas_words(server, broker):
    await broker.submit(single("IQ-1", LIMIT))

    with pytest.raises(BrokerRejected, match="potential wash trade detected") as refused:
        await broker.submit(single("IQ-2", terms(Side.SELL, 10)))

    assert refused.value.code == "40310000"


async def test_lists_assets_and_the_market_are_read(server, broker):
    server.exchange.market.generate(12_000)

    assets = await broker.assets()
    clock = await broker.market_clock()

    assert len(assets) == 12_000
    assert next(each for each in assets if each.symbol == "AAPL").fractionable
    assert clock.is_open
