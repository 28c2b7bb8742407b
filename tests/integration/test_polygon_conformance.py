"""The released client of the vendor reads every answer of the local server."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from polygon import RESTClient, WebSocketClient
from polygon.exceptions import AuthError, BadResponse
from polygon.rest.models import Agg, TickerSnapshot
from polygon.websocket.models import EquityQuote, EquityTrade
from urllib3.exceptions import MaxRetryError

from core.adapters.polygon.client import quieten
from tests.servers.polygon import PolygonServer

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def server() -> AsyncIterator[PolygonServer]:
    quieten()
    made = PolygonServer()
    made.market.list_stock("AAPL", 100.0)
    made.market.list_stock("MSFT", 50.0)
    await made.start()
    made.market.walk(150)
    yield made
    await made.stop()
    assert made.journal.problems() == []


async def ask(server: PolygonServer, question: Any, key: str | None = None) -> Any:
    client = RESTClient(key or server.key, base=server.base_url, retries=0)
    try:
        return await asyncio.to_thread(question, client)
    finally:
        client.client.clear()


async def test_client_follows_every_page_of_bars(server):
    def bars(client: RESTClient) -> list[Agg]:
        return list(client.list_aggs("AAPL", 1, "minute", "2026-11-24", "2026-11-24", limit=1))

    found = await ask(server, bars)

    assert [bar.timestamp for bar in found] == sorted(server.market.listings["AAPL"].minutes)
    assert len(server.journal.requests("GET", "/v2/aggs")) == len(found) == 3
    assert found[0].open is not None


async def test_client_reads_snapshots(server):
    def both(client: RESTClient) -> tuple[list[TickerSnapshot], TickerSnapshot]:
        return client.get_snapshot_all("stocks", ["AAPL", "MSFT"]), client.get_snapshot_ticker(
            "stocks", "AAPL"
        )

    rows, one = await ask(server, both)

    assert [row.ticker for row in rows] == ["AAPL", "MSFT"]
    assert one.last_trade.price == server.market.listings["AAPL"].trade["p"]
    assert one.last_quote.ask_price - one.last_quote.bid_price == pytest.approx(0.02)
    assert (one.prev_day.close, one.day.volume) == (100.0, server.market.listings["AAPL"].volume)


async def test_client_reads_movers_last_values_tickers_and_status(server):
    def all_of(client: RESTClient) -> tuple[Any, ...]:
        return (
            client.get_snapshot_direction("stocks", "gainers"),
            client.get_previous_close_agg("AAPL"),
            client.get_last_trade("AAPL"),
            client.get_last_quote("AAPL"),
            list(client.list_tickers(market="stocks", limit=1)),
            client.get_market_status(),
        )

    gainers, previous, trade, quote, tickers, status = await ask(server, all_of)

    assert {row.ticker for row in gainers} == {"AAPL", "MSFT"}
    assert previous[0].close == 100.0
    assert trade.price == server.market.listings["AAPL"].trade["p"]
    assert quote.bid_price == server.market.listings["AAPL"].quote["bp"]
    assert [ticker.ticker for ticker in tickers] == ["AAPL", "MSFT"]
    assert status.market == "open"


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/v2/snapshot/locale/us/markets/stocks/tickers/NONE", "NOT_FOUND"),
        ("/v2/last/trade/NONE", "NOT_FOUND"),
    ],
)
async def test_client_raises_what_the_server_refuses(server, path, word):
    with pytest.raises(BadResponse, match=word):
        await ask(server, lambda client: client._get(path))


async def test_client_with_another_key_is_refused(server):
    with pytest.raises(BadResponse, match="Unknown API Key"):
        await ask(server, lambda client: client.get_market_status(), "another")


async def test_plan_without_snapshots_and_its_rate_are_refused(server):
    server.rest.snapshots, server.rest.per_minute = False, 1

    with pytest.raises(BadResponse, match="NOT_AUTHORIZED"):
        await ask(server, lambda client: client.get_snapshot_all("stocks"))
    with pytest.raises(MaxRetryError, match="429"):
        await ask(server, lambda client: client.get_market_status())


def stream_client(server: PolygonServer, key: str) -> WebSocketClient:
    address = server.stream_url.removeprefix("ws://").removesuffix("/stocks")
    return WebSocketClient(
        key, feed=address, market="stocks", secure=False, subscriptions=["T.AAPL", "Q.*"], max_reconnects=0
    )


async def test_stream_client_reads_trades_and_quotes(server):
    client, found = stream_client(server, server.key), asyncio.Queue[Any]()

    async def take(messages: list[Any]) -> None:
        for message in messages:
            found.put_nowait(message)

    running = asyncio.get_running_loop().create_task(client.connect(take))
    async with asyncio.timeout(10):
        await server.stream.until_subscribed("T.AAPL", "Q.*")
        server.market.walk(1)
        kinds = [type(await found.get()) for _ in range(3)]
    await client.close()
    await running

    assert kinds == [EquityQuote, EquityTrade, EquityQuote]


async def test_stream_client_with_another_key_is_refused(server):
    with pytest.raises(AuthError):
        await stream_client(server, "another").connect(None)


async def test_newcomer_with_the_same_key_ends_the_older_stream(server):
    first = stream_client(server, server.key)
    first.raw = True
    heard: list[Any] = []

    async def take(text: str) -> None:
        heard.extend(json.loads(text))

    older = asyncio.get_running_loop().create_task(first.connect(take))
    async with asyncio.timeout(10):
        await server.stream.until_subscribed("T.AAPL", "Q.*")
        newer = asyncio.get_running_loop().create_task(stream_client(server, server.key).connect(take))
        with pytest.raises(Exception, match="max_connections"):
            await older
    newer.cancel()
    await asyncio.wait({newer})

    assert "max_connections" in {message["status"] for message in heard}


async def test_server_by_itself_prints_its_addresses_and_answers():
    command = (sys.executable, "-m", "tests.servers.polygon", "--key", "k" * 32)
    program = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    assert program.stdout is not None
    async with asyncio.timeout(20):
        printed = json.loads(await program.stdout.readline())
    client = RESTClient(printed["key"], base=printed["base_url"], retries=0)

    rows = await asyncio.to_thread(client.get_snapshot_all, "stocks")

    client.client.clear()
    program.terminate()
    await program.wait()
    assert len(rows) == 20
    assert printed["stream_url"].endswith("/stocks")
