"""The local server's wire: streams, faults, the journal, the control routes and the program."""

import asyncio
import json
import os
import signal
import sys
from datetime import UTC, datetime

import aiohttp
import msgpack
import pytest

from tests.arch.source import ROOT
from tests.servers.alpaca import ledger
from tests.servers.alpaca.server import AlpacaServer

BUY = {"symbol": "AAPL", "qty": "10", "side": "buy", "type": "market", "time_in_force": "day"}
RESTING = BUY | {"type": "limit", "limit_price": "200"}
LOST = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError)


@pytest.fixture
async def server():
    server = AlpacaServer()
    await server.start()
    yield server
    await server.stop()
    assert server.exchange.check() == []


@pytest.fixture
async def http(server):
    headers = {"APCA-API-KEY-ID": server.key_id, "APCA-API-SECRET-KEY": server.secret}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(5)) as session:
        yield session


class Stream:
    """A client of `/stream`, without any library of the vendor."""

    def __init__(self, server, http):
        self.server, self.http = server, http

    async def __aenter__(self):
        self.ws = await self.http.ws_connect(self.server.trade_stream_url)
        return self

    async def __aexit__(self, *_error):
        await self.ws.close()

    async def read(self):
        frame = await self.ws.receive(timeout=5)
        return json.loads(frame.data) if frame.type is aiohttp.WSMsgType.BINARY else frame

    async def listen(self):
        data = {"key_id": self.server.key_id, "secret_key": self.server.secret}
        await self.ws.send_json({"action": "authenticate", "data": data})
        first = await self.read()
        await self.ws.send_json({"action": "listen", "data": {"streams": ["trade_updates"]}})
        return first, await self.read()

    async def events(self, count):
        return [(await self.read())["data"]["event"] for _ in range(count)]


async def post(server, http, body, **more):
    async with http.post(f"{server.trading_url}/v2/orders", json=body | more) as reply:
        return reply.status, await reply.json(), dict(reply.headers)


async def test_stream_authenticates_listens_and_tells(server, http):
    async with Stream(server, http) as stream:
        acks = await stream.listen()
        await post(server, http, BUY, client_order_id="IQ-1")
        updates = [(await stream.read())["data"] for _ in range(3)]

    assert acks == (
        {"stream": "authorization", "data": {"status": "authorized", "action": "authenticate"}},
        {"stream": "listening", "data": {"streams": ["trade_updates"]}},
    )
    assert [update["event"] for update in updates] == ["pending_new", "new", "fill"]
    fill = updates[-1]
    assert {name: fill[name] for name in ("price", "qty", "position_qty")} == {
        "price": "230.01", "qty": "10", "position_qty": "10",
    }  # fmt: skip
    assert (fill["order"]["client_order_id"], fill["order"]["status"]) == ("IQ-1", "filled")
    assert fill["execution_id"] in server.exchange.book.executions


async def test_stream_takes_the_other_form_of_authentication(server, http):
    async with Stream(server, http) as stream:
        await stream.ws.send_json({"action": "auth", "key": server.key_id, "secret": server.secret})

        assert (await stream.read())["data"]["status"] == "authorized"


async def test_stream_with_a_wrong_key_is_unauthorized_and_closed(server, http):
    async with Stream(server, http) as stream:
        await stream.ws.send_json({"action": "auth", "key": server.key_id, "secret": "wrong"})
        answer, end = await stream.read(), await stream.read()

    assert (answer["data"]["status"], end.type) == ("unauthorized", aiohttp.WSMsgType.CLOSE)


async def test_stream_beyond_the_limit_is_refused_at_the_upgrade(server, http):
    server.trade_stream.limit = 1
    async with Stream(server, http):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(server.trade_stream_url)

    assert refused.value.status == 429


async def test_events_come_before_the_reply_when_a_fault_asks(server, http):
    server.faults.http("event_first", "POST", "/v2/orders")
    order = []
    async with Stream(server, http) as stream:
        await stream.listen()

        async def reply():
            await post(server, http, BUY)
            order.append("reply")

        async def event():
            await stream.events(3)
            order.append("events")

        await asyncio.gather(event(), reply())

    assert order == ["events", "reply"]


async def test_lost_reply_has_placed_the_order_and_the_second_is_a_duplicate(server, http):
    server.faults.http("drop_after", "POST", "/v2/orders")
    with pytest.raises(LOST):
        await post(server, http, BUY, client_order_id="IQ-1")

    status, body, _headers = await post(server, http, BUY, client_order_id="IQ-1")

    assert (status, body["code"]) == (422, 40010001)
    assert server.journal.posts("IQ-1") == 2
    assert server.exchange.account.qty("AAPL") == 10
    assert server.journal.problems() == []


async def test_order_gone_before_processing_was_never_placed(server, http):
    server.faults.http("reply_status", "POST", status=504, body="html")
    async with http.post(f"{server.trading_url}/v2/orders", json=BUY) as reply:
        assert reply.status == 504

    assert not server.exchange.book.orders


async def test_events_lost_doubled_and_unknown_reach_the_client_so(server, http):
    server.faults.frame("lose", "/stream", "pending_new")
    server.faults.frame("duplicate", "/stream", "fill")
    server.faults.frame("edit", "/stream", "new", set={"data.event": "quantum"})
    async with Stream(server, http) as stream:
        await stream.listen()
        await post(server, http, BUY)

        assert await stream.events(3) == ["quantum", "fill", "fill"]


async def test_reconnect_sends_new_of_open_orders_once_more(server, http):
    server.trade_stream.replay_new = True
    await post(server, http, RESTING)
    async with Stream(server, http) as stream:
        await stream.listen()

        assert await stream.events(1) == ["new"]


async def test_null_data_and_a_broken_connection(server, http):
    async with Stream(server, http) as stream:
        await stream.listen()
        server.trade_stream.push(None)
        empty = await stream.read()
        await server.trade_stream.close_all(1006)
        end = await stream.read()

    assert empty == {"stream": "trade_updates", "data": None}
    assert end.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def test_rate_limit_is_told_and_once_enforced_kept(server, http):
    server.rate_limit.per_minute = 2
    server.rate_limit.enforced = True
    replies = [await post(server, http, RESTING) for _ in range(3)]

    assert [status for status, _body, _headers in replies] == [200, 200, 429]
    assert [headers["X-RateLimit-Remaining"] for _s, _b, headers in replies] == ["1", "0", "0"]
    assert replies[0][2]["X-RateLimit-Reset"] == "1795532460"


async def test_missing_keys_are_forbidden_and_noted(server):
    async with aiohttp.ClientSession() as bare, bare.get(f"{server.trading_url}/v2/account") as reply:
        status, body = reply.status, await reply.json()

    assert (status, body) == (401, {"message": "forbidden."})
    assert server.journal.problems() == ["GET /v2/account: no authentication"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v2/orders/00000000-0000-0000-0000-000000000000", 404, 40410000),
        ("DELETE", "/v2/orders/00000000-0000-0000-0000-000000000000", 404, 40410000),
        ("GET", "/v2/orders:by_client_order_id?client_order_id=IQ-9", 404, 40410000),
        ("GET", "/v2/positions/MSFT", 404, 40410000),
        ("GET", "/v2/assets/NOPE", 404, 40410000),
        ("GET", "/v2/orders?limit=501", 422, 42210000),
        ("GET", "/v2/account/activities?page_size=101", 422, 42210000),
    ],
)
async def test_refusals_have_their_status_and_code(server, http, method, path, status, code):
    async with http.request(method, server.trading_url + path) as reply:
        body = await reply.json()

    assert (reply.status, body["code"]) == (status, code)


async def test_cancel_answers_204_then_422_in_words(server, http):
    _status, order, _headers = await post(server, http, RESTING)
    url = f"{server.trading_url}/v2/orders/{order['id']}"
    first = await http.delete(url)
    second = await http.delete(url)

    assert (first.status, await first.read(), second.status) == (204, b"", 422)
    assert await second.json() == {"code": 42210000, "message": 'order is already in "canceled" state'}


async def test_cancel_all_answers_207_with_a_row_each(server, http):
    server.exchange.settings.auto_cancel = False
    orders = [(await post(server, http, RESTING))[1]["id"] for _ in range(2)]
    await http.delete(f"{server.trading_url}/v2/orders/{orders[0]}")
    async with http.delete(f"{server.trading_url}/v2/orders") as reply:
        rows = {row["id"]: row["status"] for row in await reply.json()}

    assert (reply.status, rows) == (207, {orders[0]: 500, orders[1]: 200})


class Data:
    """A client of the data websocket."""

    def __init__(self, server, http, *, packed=False):
        self.server, self.http = server, http
        self.headers = {"Content-Type": "application/msgpack"} if packed else {}

    async def __aenter__(self):
        # The session's keys would authenticate at the upgrade.
        self.session = aiohttp.ClientSession(headers=self.headers)
        self.ws = await self.session.ws_connect(self.server.data_stream_url)
        return self

    async def __aexit__(self, *_error):
        await self.ws.close()
        await self.session.close()

    async def read(self):
        frame = await self.ws.receive(timeout=5)
        if frame.type is aiohttp.WSMsgType.BINARY:
            return msgpack.unpackb(frame.data)
        return json.loads(frame.data) if frame.type is aiohttp.WSMsgType.TEXT else frame

    async def auth(self, secret=None):
        message = {"action": "auth", "key": self.server.key_id, "secret": secret or self.server.secret}
        await self.ws.send_json(message)
        return [await self.read(), await self.read()]

    async def subscribe(self, **channels):
        await self.ws.send_json({"action": "subscribe"} | channels)
        return (await self.read())[0]


CONNECTED, AUTHENTICATED = {"T": "success", "msg": "connected"}, {"T": "success", "msg": "authenticated"}


@pytest.mark.parametrize("packed", [False, True])
async def test_data_stream_greets_acknowledges_and_quotes(server, http, packed):
    async with Data(server, http, packed=packed) as data:
        greeting = await data.auth()
        first = await data.subscribe(quotes=["AAPL"], trades=["*"])
        await data.ws.send_json({"action": "unsubscribe", "trades": ["*"]})
        second = (await data.read())[0]
        server.exchange.price("AAPL", "231")
        quote = (await data.read())[0]

    assert greeting == [[CONNECTED], [AUTHENTICATED]]
    assert (first["quotes"], first["trades"], first["corrections"]) == (["AAPL"], ["*"], ["*"])
    assert (second["quotes"], second["trades"]) == (["AAPL"], [])
    at = quote["t"].to_datetime() if packed else datetime.fromisoformat(quote["t"][:19] + "Z")
    assert (quote["ap"], quote["bs"], at.replace(microsecond=0)) == (
        231.01,
        1000,
        datetime(2026, 11, 24, 15, tzinfo=UTC),
    )


async def test_data_stream_reassembles_a_large_subscription(server, http):
    server.exchange.market.generate(6000)
    names = sorted(server.exchange.market.assets)
    async with Data(server, http) as data:
        await data.auth()
        text = json.dumps({"action": "subscribe", "quotes": names}).encode()
        middle = len(text) // 2
        writer = data.ws._writer
        writer.transport.write(client_frame(text[:middle], opcode=1, final=False))
        writer.transport.write(client_frame(text[middle:], opcode=0, final=True))

        assert (await data.read())[0]["quotes"] == names


def client_frame(payload, opcode, *, final):
    """One masked frame of a client, with a mask of zeros."""
    head = bytes([opcode | (0x80 if final else 0), 0x80 | 127]) + len(payload).to_bytes(8, "big")
    return head + bytes(4) + payload


@pytest.mark.parametrize(
    ("prepare", "action", "code"),
    [
        (None, {"action": "subscribe", "quotes": ["AAPL"]}, 401),
        (None, {"action": "dance"}, 401),
        (None, {"action": "auth", "key": "PK", "secret": "no"}, 402),
        (("ghosts", 1), "auth", 406),
        (("auth_timeout_s", 0.01), None, 404),
    ],
)
async def test_data_stream_refuses_before_authentication(server, http, prepare, action, code):
    if prepare is not None:
        setattr(server.data_stream, *prepare)
    async with Data(server, http) as data:
        await data.read()
        if action == "auth":
            action = {"action": "auth", "key": server.key_id, "secret": server.secret}
        if action is not None:
            await data.ws.send_json(action)

        assert (await data.read())[0]["code"] == code


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ({"action": "auth", "key": "PK", "secret": "no"}, 403),
        ({"action": "subscribe", "quotes": ["AAPL", "MSFT", "F"]}, 405),
        ({"action": "dance"}, 400),
    ],
)
async def test_data_stream_refuses_after_authentication_and_stays_open(server, http, action, code):
    server.data_stream.symbol_limit = 2
    async with Data(server, http) as data:
        await data.auth()
        await data.ws.send_json(action)

        assert (await data.read())[0]["code"] == code
        assert (await data.subscribe(bars=["*"]))["bars"] == ["*"]


async def test_newcomer_on_the_feed_is_refused_and_the_first_stays(server, http):
    async with Data(server, http) as first, Data(server, http) as second:
        await first.auth()
        refused = await second.auth()
        await first.subscribe(quotes=["AAPL"])
        server.exchange.quote("AAPL", "1", "2")

        assert refused[1][0]["code"] == 406
        assert (await first.read())[0]["ap"] == 2.0


async def test_minute_of_trades_is_told_as_a_bar_once_it_is_over(server, http):
    async with Data(server, http) as data:
        await data.auth()
        await data.subscribe(bars=["AAPL"])
        for price, size in (("230", 100), ("232", 300), ("231", 100)):
            server.exchange.trade("AAPL", price, size)
        server.exchange.step(60)
        bar = (await data.read())[0]

    assert bar == {
        "T": "b", "S": "AAPL", "t": "2026-11-24T15:00:00.000000000Z", "v": 500, "n": 3, "vw": 231.4,
        "o": 230.0, "h": 232.0, "l": 230.0, "c": 231.0,
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/stream", "/v2/iex"])
async def test_pings_stay_unanswered_when_a_fault_asks(server, path):
    server.faults.frame("no_pong", path, "*")
    base = server.trade_stream_url if path == "/stream" else server.data_stream_url
    async with aiohttp.ClientSession() as session:
        ws = await session.ws_connect(base, autoping=False)
        await ws.send_json({"action": "auth", "key": server.key_id, "secret": server.secret})
        await ws.receive(timeout=5)
        await ws.ping(b"there?")
        await ws.send_str("nonsense")
        types = [(await ws.receive(timeout=5)).type for _ in range(2 if path != "/stream" else 1)]
        await ws.close()

    assert aiohttp.WSMsgType.PONG not in types


async def test_stream_speaks_msgpack_to_who_asks_for_it(server):
    headers = {"Content-Type": "application/msgpack"}
    async with aiohttp.ClientSession(headers=headers) as session:
        ws = await session.ws_connect(server.trade_stream_url)
        await ws.send_bytes(msgpack.packb({"action": "auth", "key": server.key_id, "secret": server.secret}))
        answer = msgpack.unpackb((await ws.receive(timeout=5)).data)
        await ws.close()

    assert answer["data"]["status"] == "authorized"


async def test_listing_orders_uses_up_no_part_of_the_script(server, http):
    server.exchange.partial_fills("AAPL", [4, 3])
    await post(server, http, BUY)
    for _ in range(3):
        await http.get(f"{server.trading_url}/v2/orders")

    assert server.exchange.account.qty("AAPL") == 4


async def test_slow_client_is_told_and_closed(server, http):
    async with Data(server, http) as data:
        await data.auth()
        server.data_stream.error(407)

        assert (await data.read())[0]["code"] == 407
        assert (await data.read()).type is aiohttp.WSMsgType.CLOSE


async def test_burst_delivers_every_quote_in_order(server, http):
    async with Data(server, http, packed=True) as data:
        await data.auth()
        await data.subscribe(quotes=["*"])

        async def read():
            return [message["bs"] for _ in range(300) for message in await data.read()]

        frames, seen = await asyncio.gather(server.data_stream.burst(["AAPL", "MSFT"], 3000, 10), read())

    assert frames == 300
    assert seen == list(range(1, 3001))


async def test_recent_data_of_the_tape_takes_a_paid_plan(server, http):
    server.data.free_plan = True
    url = f"{server.data_url}/v2/stocks/bars?symbols=AAPL&timeframe=1Day&start=2026-11-01"

    assert (await http.get(url)).status == 403
    assert (await http.get(url + "&feed=iex")).status == 200


async def test_bars_page_over_symbols_without_loss(server, http):
    url = f"{server.data_url}/v2/stocks/bars"
    query = {
        "symbols": "MSFT,AAPL,NOPE",
        "timeframe": "1Hour",
        "start": "2026-11-16",
        "end": "2026-11-20T23:00:00Z",
    }
    rows, token = [], None
    while True:
        async with http.get(
            url, params=query | {"limit": "9"} | ({"page_token": token} if token else {})
        ) as reply:
            page = await reply.json()
        rows += [(symbol, bar["t"]) for symbol, bars in page["bars"].items() for bar in bars]
        token = page["next_page_token"]
        if token is None:
            break
    async with http.get(url, params=query) as reply:
        whole = (await reply.json())["bars"]

    assert rows == [(symbol, bar["t"]) for symbol in ("AAPL", "MSFT") for bar in whole[symbol]]
    assert len(rows) == 2 * 5 * 7


async def test_control_routes_drive_the_exchange(server, http):
    base = server.trading_url + "/_sim"
    await http.patch(f"{base}/settings", json={"auto_fill": False})
    _status, order, _headers = await post(server, http, BUY)
    await http.post(f"{base}/hand/fill", json={"order_id": order["id"], "qty": 4, "price": "229.5"})
    await http.post(f"{base}/exchange/price", json={"symbol": "AAPL", "price": "240"})
    unknown = await http.post(f"{base}/exchange/explode", json={})
    async with http.get(f"{base}/state") as reply:
        state = await reply.json()

    assert (state["positions"], state["problems"], unknown.status) == ({"AAPL": "4"}, [], 404)
    assert [(e["qty"], e["price"]) for e in state["executions"]] == [("4", "229.5")]


async def test_server_that_refuses_and_accepts_again_has_kept_its_ports(server, http):
    await server.refuse_connections()
    with pytest.raises(LOST):
        await post(server, http, BUY)

    await server.accept_connections()

    assert (await post(server, http, BUY))[0] == 200


async def start_program(*arguments):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.servers.alpaca", *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    return process, json.loads(await asyncio.wait_for(process.stdout.readline(), 30))


async def test_program_that_is_killed_goes_on_from_its_ledger(tmp_path):
    file = tmp_path / "ledger"
    options = ("--ledger", str(file), "--speed", "0", "--still")
    process, addresses = await start_program(*options)
    headers = {"APCA-API-KEY-ID": addresses["key_id"], "APCA-API-SECRET-KEY": addresses["secret"]}
    async with aiohttp.ClientSession(headers=headers) as http:
        url = addresses["trading_url"] + "/v2/orders"
        for number in range(3):
            assert (await http.post(url, json=BUY | {"client_order_id": f"IQ-{number}"})).status == 200
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    process, addresses = await start_program(*options)
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.get(addresses["trading_url"] + "/_sim/state") as reply:
            state = await reply.json()
        duplicate = await http.post(
            addresses["trading_url"] + "/v2/orders", json=BUY | {"client_order_id": "IQ-1"}
        )
    process.terminate()

    assert (await process.wait(), duplicate.status) == (0, 422)
    assert (state["positions"], state["problems"]) == ({"AAPL": "30"}, [])
    assert {name: order["status"] for name, order in ledger.orders(file).items()} == {
        "IQ-0": "filled", "IQ-1": "filled", "IQ-2": "filled",
    }  # fmt: skip


async def test_program_moves_prices_by_itself(tmp_path):
    process, addresses = await start_program("--speed", "50")
    async with aiohttp.ClientSession() as session:
        ws = await session.ws_connect(addresses["data_stream_url"])
        await ws.receive()
        await ws.send_json({"action": "auth", "key": addresses["key_id"], "secret": addresses["secret"]})
        await ws.receive()
        await ws.send_json({"action": "subscribe", "quotes": ["*"]})
        await ws.receive()
        seen = [json.loads((await ws.receive(timeout=10)).data)[0]["T"] for _ in range(5)]
        await ws.close()
    process.terminate()

    assert seen == ["q"] * 5
    assert await process.wait() == 0
