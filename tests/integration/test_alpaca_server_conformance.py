"""The vendor's released client talks to the local server and can read every reply."""

import asyncio
import threading
from datetime import UTC, datetime

import pytest
from alpaca.data.enums import DataFeed, MostActivesBy
from alpaca.data.historical import NewsClient, ScreenerClient, StockHistoricalDataClient
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from alpaca.data.live import StockDataStream
from alpaca.data.requests import (
    CorporateActionsRequest,
    MarketMoversRequest,
    MostActivesRequest,
    NewsRequest,
    StockBarsRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockQuotesRequest,
    StockSnapshotRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderSide, OrderStatus, QueryOrderStatus, TimeInForce
from alpaca.trading.requests import (
    ClosePositionRequest,
    GetAssetsRequest,
    GetCalendarRequest,
    GetOrdersRequest,
    GetPortfolioHistoryRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLimitOrderRequest,
    StopLossRequest,
    StopOrderRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
)
from alpaca.trading.stream import TradingStream

from tests.servers.alpaca.server import AlpacaServer


@pytest.fixture
async def server():
    server = AlpacaServer()
    await server.start()
    yield server
    await server.stop()
    assert server.exchange.check() == []


@pytest.fixture
def trading(server):
    client = TradingClient(server.key_id, server.secret, url_override=server.trading_url)
    client._retry = 0
    yield client
    client._session.close()


@pytest.fixture
def data(server):
    client = StockHistoricalDataClient(server.key_id, server.secret, url_override=server.data_url)
    yield client
    client._session.close()


def market(symbol="AAPL", qty=10, side=OrderSide.BUY, **more):
    return MarketOrderRequest(symbol=symbol, qty=qty, side=side, time_in_force=TimeInForce.DAY, **more)


def limit(price, symbol="AAPL", qty=10, side=OrderSide.BUY, **more):
    more = {"time_in_force": TimeInForce.DAY} | more
    return LimitOrderRequest(symbol=symbol, qty=qty, side=side, limit_price=price, **more)


EXITS = {"take_profit": TakeProfitRequest(limit_price=250), "stop_loss": StopLossRequest(stop_price=200)}
REQUESTS = [
    market(),
    MarketOrderRequest(symbol="AAPL", notional=100.25, side=OrderSide.BUY, time_in_force=TimeInForce.DAY),
    market(qty=0.123456789),
    limit(200, extended_hours=True),
    limit(200, time_in_force=TimeInForce.GTC),
    StopOrderRequest(symbol="AAPL", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, stop_price=250),
    StopLimitOrderRequest(
        symbol="AAPL",
        qty=1,
        side=OrderSide.BUY,
        time_in_force=TimeInForce.GTC,
        stop_price=250,
        limit_price=251,
    ),
    TrailingStopOrderRequest(
        symbol="AAPL", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.GTC, trail_percent=2
    ),
    market(order_class=OrderClass.BRACKET, **EXITS),
    limit(220, order_class=OrderClass.BRACKET, **EXITS),
    limit(220, order_class=OrderClass.OTO, stop_loss=StopLossRequest(stop_price=200, limit_price=199)),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda r: f"{type(r).__name__}-{r.order_class}")
async def test_client_reads_the_order_of_each_kind(trading, request_):
    sent = await asyncio.to_thread(trading.submit_order, request_)
    read = await asyncio.to_thread(trading.get_order_by_id, sent.id)
    listed = await asyncio.to_thread(
        trading.get_orders, GetOrdersRequest(status=QueryOrderStatus.ALL, nested=True)
    )

    assert sent.status is OrderStatus.PENDING_NEW
    assert read.id in {order.id for order in listed}


async def test_client_reads_an_oco_its_replacement_and_its_end(server, trading):
    def work():
        trading.submit_order(market())
        oco = trading.submit_order(limit(250, side=OrderSide.SELL, order_class=OrderClass.OCO, **EXITS))
        moved = trading.replace_order_by_id(oco.id, ReplaceOrderRequest(limit_price=255))
        old = trading.get_order_by_id(oco.id)
        trading.cancel_order_by_id(moved.id)
        ended = trading.get_order_by_client_id(moved.client_order_id)
        return oco, moved, old, ended

    oco, moved, old, ended = await asyncio.to_thread(work)

    assert [leg.status for leg in oco.legs] == [OrderStatus.HELD]
    assert (old.status, old.replaced_by, moved.replaces) == (OrderStatus.REPLACED, moved.id, oco.id)
    assert ended.status is OrderStatus.CANCELED


async def test_client_reads_the_rest_of_the_trading_api(server, trading):
    def work():
        trading.submit_order(market())
        trading.submit_order(limit(210))
        cancels = trading.cancel_orders()
        return {
            "account": trading.get_account().buying_power,
            "configuration": trading.get_account_configurations().max_margin_multiplier,
            "positions": [p.qty for p in trading.get_all_positions()],
            "position": trading.get_open_position("AAPL").avg_entry_price,
            "assets": len(trading.get_all_assets(GetAssetsRequest())),
            "asset": trading.get_asset("MSFT").symbol,
            "open": trading.get_clock().is_open,
            "days": len(trading.get_calendar(GetCalendarRequest(start="2026-11-23", end="2026-11-27"))),
            "activities": trading.get("/account/activities", {"activity_types": "FILL"}),
            "history": trading.get_portfolio_history(GetPortfolioHistoryRequest()).equity[-1] > 0,
            "cancels": [c.status for c in cancels],
            "close": trading.close_position("AAPL", ClosePositionRequest(qty="4")).qty,
            "close_all": [row.status for row in trading.close_all_positions(cancel_orders=True)],
        }

    read = await asyncio.to_thread(work)

    activities = read.pop("activities")
    assert [row["cum_qty"] for row in activities] == ["10"]
    assert read == {
        "account": "397699.6", "configuration": "4", "positions": ["10"], "position": "230.01", "assets": 26,
        "asset": "MSFT", "open": True, "days": 4, "history": True, "cancels": [200], "close": "4",
        "close_all": [200],
    }  # fmt: skip
    assert server.journal.problems() == []


async def test_client_reads_market_data(data):
    start, end = datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)
    both = ["AAPL", "MSFT"]

    def work():
        bars = data.get_stock_bars(
            StockBarsRequest(
                symbol_or_symbols=both, timeframe=TimeFrame.Minute, start=start, end=end, limit=12_000
            )
        )
        hour = {
            "start": datetime(2026, 11, 20, 15, tzinfo=UTC),
            "end": datetime(2026, 11, 20, 16, tzinfo=UTC),
        }
        return {
            "bars": [len(bars.data[symbol]) for symbol in both],
            "days": len(
                data.get_stock_bars(
                    StockBarsRequest(symbol_or_symbols="AAPL", timeframe=TimeFrame.Day, start=start, end=end)
                ).data["AAPL"]
            ),
            "trades": len(
                data.get_stock_trades(StockTradesRequest(symbol_or_symbols="AAPL", **hour)).data["AAPL"]
            ),
            "quotes": len(
                data.get_stock_quotes(StockQuotesRequest(symbol_or_symbols="AAPL", **hour)).data["AAPL"]
            ),
            "quote": data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=both))[
                "MSFT"
            ].ask_price,
            "trade": data.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols=both))[
                "MSFT"
            ].price
            > 0,
            "snapshot": data.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=both))[
                "AAPL"
            ].previous_daily_bar.close,
        }

    assert await asyncio.to_thread(work) == {
        "bars": [14 * 390, 14 * 390], "days": 14, "trades": 361, "quotes": 361, "quote": 430.01,
        "trade": True, "snapshot": 230.0,
    }  # fmt: skip


ARTICLE = {
    "id": 1, "headline": "Apples", "author": "A. Writer", "created_at": "2026-11-24T14:00:00Z", "content": "",
    "updated_at": "2026-11-24T14:00:00Z", "summary": "", "url": "http://127.0.0.1/1", "images": [],
    "symbols": ["AAPL"], "source": "local",
}  # fmt: skip
DIVIDEND = {
    "id": "7b9c4a1e-3c2f-4f57-9a55-0d6c6b0f3f11", "symbol": "AAPL", "cusip": "037833100", "rate": 0.26,
    "special": False, "foreign": False, "process_date": "2026-11-24", "ex_date": "2026-11-20",
}  # fmt: skip


async def test_client_reads_movers_news_and_corporate_actions(server):
    for price in ("231", "240"):
        server.exchange.price("AAPL", price)
    server.exchange.price("F", "10")
    server.discovery.articles = [{**ARTICLE, "id": number} for number in range(12)]
    server.discovery.actions = {"cash_dividends": [DIVIDEND]}
    clients = [
        client(server.key_id, server.secret, url_override=server.data_url)
        for client in (ScreenerClient, NewsClient, CorporateActionsClient)
    ]
    screener, news, actions = clients

    def work():
        movers = screener.get_market_movers(MarketMoversRequest(top=5))
        active = screener.get_most_actives(MostActivesRequest(by=MostActivesBy.VOLUME, top=5))
        articles = news.get_news(NewsRequest(symbols="AAPL"))
        paid = actions.get_corporate_actions(CorporateActionsRequest(symbols=["AAPL"]))
        return movers, active, articles.data["news"], paid.data["cash_dividends"]

    movers, active, articles, paid = await asyncio.to_thread(work)
    for client in clients:
        client._session.close()

    assert ([m.symbol for m in movers.gainers], [m.symbol for m in movers.losers]) == (["AAPL"], ["F"])
    assert (active.most_actives[0].symbol, active.most_actives[0].trade_count) == ("AAPL", 2)
    assert (len(articles), paid[0].rate) == (12, 0.26)


class Reader:
    """Runs one of the vendor's streams in a thread of its own, until enough has come."""

    def __init__(self, stream, wanted):
        self.stream, self.wanted, self.got, self.full = stream, wanted, [], threading.Event()
        self.thread = threading.Thread(target=stream.run, daemon=True)

    async def take(self, message):
        self.got.append(message)
        if len(self.got) == self.wanted:
            self.full.set()

    async def until_full(self, nudge):
        """Wait for all, then stop the stream; it sees that only when a frame comes, which `nudge` causes."""
        assert await asyncio.to_thread(self.full.wait, 10)
        stopping = asyncio.gather(asyncio.to_thread(self.stream.stop))
        while self.thread.is_alive():
            nudge()
            await asyncio.sleep(0.02)
        await stopping


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the state of the server is what is waited for
            await asyncio.sleep(0.005)


async def test_client_reads_trade_updates(server):
    stream = TradingStream(server.key_id, server.secret, url_override=server.trade_stream_url)
    reader = Reader(stream, 7)
    stream.subscribe_trade_updates(reader.take)
    reader.thread.start()
    await until(lambda: server.trade_stream.listeners)

    server.exchange.partial_fills("AAPL", [4, 6], at_once=True)
    server.exchange.external_order(symbol="AAPL", qty="10", side="buy")
    resting = server.exchange.external_order(
        symbol="AAPL", qty="1", side="buy", type="limit", limit_price="100"
    )
    server.exchange.cancel(resting["id"])
    await reader.until_full(lambda: server.trade_stream.push(server.trade_stream.sent[-1]))

    words = [getattr(update.event, "value", update.event) for update in reader.got[:7]]
    assert words == ["pending_new", "new", "partial_fill", "fill", "pending_new", "new", "canceled"]
    assert (reader.got[3].qty, reader.got[3].position_qty, reader.got[3].price) == (6, 10, 230.01)


async def test_client_reads_quotes_trades_and_statuses(server):
    stream = StockDataStream(
        server.key_id, server.secret, feed=DataFeed.IEX, url_override=server.data_stream_url
    )
    reader = Reader(stream, 3)
    stream.subscribe_quotes(reader.take, "AAPL")
    stream.subscribe_trades(reader.take, "*")
    stream.subscribe_trading_statuses(reader.take, "AAPL")
    reader.thread.start()
    await until(lambda: server.data_stream.clients and server.data_stream.clients[0].symbols["statuses"])

    server.exchange.price("AAPL", "231")
    server.exchange.quote("MSFT", "430", "431")
    server.exchange.halt("AAPL")
    await reader.until_full(lambda: server.exchange.quote("AAPL", "231", "232"))

    quote, trade, status = reader.got[:3]
    assert (quote.ask_price, trade.price, status.status_code) == (231.01, 231.0, "H")
    assert quote.timestamp.replace(microsecond=0) == datetime(2026, 11, 24, 15, tzinfo=UTC)
