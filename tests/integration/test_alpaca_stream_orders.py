"""Alpaca's order stream against a server that refuses, falls silent, repeats, garbles and hangs up."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.adapters.alpaca import trade_stream
from core.adapters.alpaca.sockets import Deadlines, trading_key
from core.adapters.alpaca.trade_stream import TradeStream, decode
from core.clock import ManualClock, SystemClock
from core.domain.credentials import AlpacaCredentials, SecretName
from core.errors import BrokerUnavailable, ConnectionLimit, CredentialsRefused
from tests.fakes.scripted_stream import Line, ScriptedStream, scripted

KEY = AlpacaCredentials("PKTESTKEYID00001", "sEcReTsEcReTsEcReT000001")
FILL = {"event": "fill", "price": "179.08", "order": {"id": "o-1", "filled_qty": "100"}}
HEARD = {"stream": "listening", "data": {"streams": ["trade_updates"]}}


def update(**fields: Any) -> dict[str, Any]:
    return {"stream": "trade_updates", "data": {**FILL, **fields}}


async def welcome(line: Line) -> None:
    await line.hear()
    await line.say({"stream": "authorization", "data": {"status": "authorized", "action": "authenticate"}})
    await line.hear()
    await line.say(HEARD)


async def quiet(line: Line) -> None:
    await welcome(line)
    await line.stay()


@pytest.fixture
async def server() -> AsyncIterator[ScriptedStream]:
    async with scripted(quiet) as stream:
        yield stream


@pytest.fixture
async def stream(server: ScriptedStream) -> AsyncIterator[TradeStream]:
    stream = TradeStream(server.url, KEY, SystemClock(), Deadlines(open_s=5))
    yield stream
    await stream.close()


def say(*messages: Any, binary: bool = True) -> Any:
    async def script(line: Line) -> None:
        await welcome(line)
        for message in messages:
            await line.say(message, binary=binary)
        await line.stay()

    return script


async def take(stream: TradeStream, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        async for event in stream.events():
            found.append(event)
            if len(found) == count:
                break
    return found


async def loss(stream: TradeStream) -> str:
    with pytest.raises(BrokerUnavailable) as caught:
        await take(stream, 10_000)
    return str(caught.value)


async def test_orders_connect_logs_in_and_listens(server, stream):
    await stream.connect()

    assert server.lines[0].heard == [
        {"action": "authenticate", "data": {"key_id": KEY.key_id, "secret_key": KEY.secret}},
        {"action": "listen", "data": {"streams": ["trade_updates"]}},
    ]


@pytest.mark.parametrize("binary", [True, False])
async def test_orders_come_in_order_from_text_and_from_bytes(server, stream, binary):
    server.script = say(*(update(n=number) for number in range(50)), binary=binary)
    await stream.connect()

    assert [event["n"] for event in await take(stream, 50)] == list(range(50))


async def test_orders_numbers_stay_exact(server, stream):
    async def script(line: Line) -> None:
        await welcome(line)
        await line.connection.send(b'{"stream":"trade_updates","data":{"price":123456789.123456789}}')
        await line.stay()

    server.script = script
    await stream.connect()

    assert await take(stream, 1) == [{"price": Decimal("123456789.123456789")}]


async def test_orders_events_before_the_acknowledgement_are_kept(server, stream):
    async def script(line: Line) -> None:
        await line.hear()
        await line.say({"stream": "authorization", "data": {"status": "authorized"}})
        await line.hear()
        await line.say(update(n=1))
        await line.say(HEARD)
        await line.say(update(n=2))
        await line.stay()

    server.script = script
    await stream.connect()

    assert [event["n"] for event in await take(stream, 2)] == [1, 2]


async def test_orders_duplicates_reordering_and_unknown_events_pass(server, stream):
    sent = [update(n=2), update(n=1), update(n=2), update(event="held_by_moon", n=3)]
    server.script = say(*sent)
    await stream.connect()

    assert await take(stream, 4) == [each["data"] for each in sent]


async def test_orders_data_null_and_unknown_streams_are_passed_over(server, stream, expected_log):
    expected_log("frame.skipped")
    server.script = say(
        {"stream": "trade_updates", "data": None}, {"stream": "moon", "data": {}}, update(n=1)
    )
    await stream.connect()

    assert [event["n"] for event in await take(stream, 1)] == [1]


async def test_orders_message_in_many_frames_is_put_together(server, stream):
    text = json.dumps(update(note="x" * 100_000)).encode()

    async def script(line: Line) -> None:
        await welcome(line)
        await line.connection.send([text[at : at + 4096] for at in range(0, len(text), 4096)])
        await line.stay()

    server.script = script
    await stream.connect()

    assert (await take(stream, 1))[0]["note"] == "x" * 100_000


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (HTTPStatus.UNAUTHORIZED, CredentialsRefused),
        (HTTPStatus.FORBIDDEN, CredentialsRefused),
        (HTTPStatus.NOT_ACCEPTABLE, ConnectionLimit),
        (HTTPStatus.TOO_MANY_REQUESTS, ConnectionLimit),
        (HTTPStatus.BAD_GATEWAY, BrokerUnavailable),
        (HTTPStatus.OK, BrokerUnavailable),
    ],
)
async def test_orders_handshake_answer_tells_why_there_is_no_stream(server, stream, status, error):
    server.answer = status

    with pytest.raises(BrokerUnavailable) as caught:
        await stream.connect()

    assert type(caught.value) is error
    assert str(status.value) in str(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_orders_redirect_is_never_followed(server, stream, status):
    async with scripted(quiet) as other:
        server.answer, server.location = HTTPStatus(status), other.url

        with pytest.raises(BrokerUnavailable, match="not followed"):
            await stream.connect()

        assert other.requests == []
        server.location = server.url
        with pytest.raises(BrokerUnavailable, match="not followed"):
            await stream.connect()
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"stream": "authorization", "data": {"status": "unauthorized"}}, CredentialsRefused),
        ({"stream": "authorization", "data": {"status": "moon"}}, BrokerUnavailable),
        ({"T": "error", "code": 402, "msg": "auth failed"}, CredentialsRefused),
        ({"T": "error", "code": 406, "msg": "connection limit exceeded"}, ConnectionLimit),
        ({"action": "error", "data": {"error_message": "connection limit exceeded"}}, ConnectionLimit),
        ({"stream": "error", "data": {"error": "internal", "code": 500}}, BrokerUnavailable),
    ],
)
async def test_orders_refused_login_says_which_key_and_what_to_do(server, stream, answer, error):
    async def script(line: Line) -> None:
        await line.hear()
        await line.say(answer)
        await line.stay()

    server.script = script
    with pytest.raises(BrokerUnavailable) as caught:
        await stream.connect()

    assert type(caught.value) is error
    text = f"{caught.value!r} {caught.value.__cause__!r}"
    assert KEY.secret not in text
    assert KEY.key_id not in text
    if error is CredentialsRefused:
        assert "investiq secrets set alpaca.paper" in text
    assert len(server.lines) == 1


async def test_orders_listening_for_nothing_is_no_connection(server, stream):
    async def script(line: Line) -> None:
        await line.hear()
        await line.say({"stream": "authorization", "data": {"status": "authorized"}})
        await line.hear()
        await line.say({"stream": "listening", "data": {"streams": []}})
        await line.stay()

    server.script = script
    with pytest.raises(BrokerUnavailable, match="listen"):
        await stream.connect()


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, ""), (1008, "slow"), (1011, "")])
async def test_orders_closed_stream_is_a_loss_however_politely(server, stream, code, reason):
    async def script(line: Line) -> None:
        await welcome(line)
        await line.say(update(n=1))
        await line.connection.close(code, reason)

    server.script = script
    await stream.connect()

    assert [event["n"] for event in await take(stream, 1)] == [1]
    text = await loss(stream)
    assert str(code) in text
    assert reason in text


async def test_orders_broken_connection_is_a_loss(server, stream):
    async def script(line: Line) -> None:
        await welcome(line)
        line.connection.transport.abort()

    server.script = script
    await stream.connect()

    assert "broke off" in await loss(stream)


async def test_orders_half_closed_connection_is_a_loss(server, stream):
    async def script(line: Line) -> None:
        await welcome(line)
        line.connection.transport.write_eof()
        await line.stay()

    server.script = script
    await stream.connect()

    assert "broke off" in await loss(stream)


@pytest.mark.parametrize(
    "frame", [b"\xc1\xff\x00 not json", "}{ not json", b"[1]", "null", b"[" * 50_000, b"NaN"]
)
async def test_orders_unreadable_frame_is_a_loss_because_it_may_be_a_fill(server, stream, frame):
    async def script(line: Line) -> None:
        await welcome(line)
        await line.connection.send(frame)
        await line.stay()

    server.script = script
    await stream.connect()

    assert "could not be read" in await loss(stream)


async def test_orders_oversized_frame_is_a_loss(server, stream):
    async def script(line: Line) -> None:
        await welcome(line)
        await line.connection.send(" " * (16 * 2**20 + 1))
        await line.stay()

    server.script = script
    await stream.connect()

    assert "larger than 16 MB" in await loss(stream)


async def test_orders_large_frame_within_the_limit_is_read(server, stream):
    server.script = say(update(note="x" * 2**21))
    await stream.connect()

    assert len((await take(stream, 1))[0]["note"]) == 2**21


async def test_orders_unread_beyond_the_limit_is_a_loss(server, stream, monkeypatch):
    monkeypatch.setattr(trade_stream, "MOST_UNREAD", 3)
    server.script = say(*(update(n=number) for number in range(5)))
    await stream.connect()

    assert "not read in time" in await loss(stream)


async def test_orders_close_ends_the_iterator_without_an_error(server, stream):
    await stream.connect()
    reading = asyncio.get_running_loop().create_task(take(stream, 1))
    await asyncio.sleep(0)

    await stream.close()

    assert await reading == []


async def test_orders_connect_again_begins_afresh(server, stream):
    server.script = say(update(n=1))
    await stream.connect()
    server.script = say(update(n=2))

    await stream.connect()

    assert [event["n"] for event in await take(stream, 1)] == [2]
    assert len(server.lines) == 2


async def test_orders_without_a_connection_raise(stream):
    assert "not connected" in await loss(stream)


async def test_orders_refused_connection_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    stream = TradeStream(f"ws://127.0.0.1:{port}/stream", KEY, SystemClock())

    with pytest.raises(BrokerUnavailable, match="order stream"):
        await stream.connect()


async def turn(clock: ManualClock, work: asyncio.Task[Any], seconds: float = 60) -> None:
    """Turn the clock in steps while the loop's sockets do theirs, until the work is done or time is over."""
    for _ in range(int(seconds * 2)):
        if work.done():
            return
        await asyncio.sleep(0.002)
        await clock.advance(0.5)


async def test_orders_silent_server_is_given_up_at_the_deadline():
    clock = ManualClock()
    # The system takes the connection; nobody ever accepts it.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        stream = TradeStream(f"ws://127.0.0.1:{silent.getsockname()[1]}/stream", KEY, clock)
        connecting = asyncio.get_running_loop().create_task(stream.connect())
        await turn(clock, connecting)

        with pytest.raises(BrokerUnavailable, match="no answer within 10 s"):
            await connecting

    assert 10 <= clock.monotonic() <= 11


async def test_orders_unanswered_login_is_given_up_at_the_deadline(server):
    async def script(line: Line) -> None:
        await line.hear()
        await line.stay()

    server.script, clock = script, ManualClock()
    stream = TradeStream(server.url, KEY, clock)
    connecting = asyncio.get_running_loop().create_task(stream.connect())
    await turn(clock, connecting)

    with pytest.raises(BrokerUnavailable, match="not answered within 10 s"):
        await connecting


async def test_orders_unanswered_ping_is_a_loss(server):
    async def script(line: Line) -> None:
        await welcome(line)
        line.stop_reading()
        await line.connection.wait_closed()

    server.script, clock = script, ManualClock()
    stream = TradeStream(server.url, KEY, clock)
    await stream.connect()
    reading = asyncio.get_running_loop().create_task(loss(stream))
    await turn(clock, reading)

    assert "nor an answer to a ping" in await reading
    assert 30 <= clock.monotonic() <= 32
    await stream.close()


async def test_orders_quiet_stream_that_answers_pings_lives(server):
    clock = ManualClock()
    stream = TradeStream(server.url, KEY, clock)
    await stream.connect()
    reading = asyncio.get_running_loop().create_task(take(stream, 1))

    await turn(clock, reading, 100)

    assert not reading.done()
    await stream.close()
    assert await reading == []


async def test_orders_key_reaches_no_log(server, stream, caplog):
    caplog.set_level(logging.DEBUG)

    await stream.connect()

    # The server runs in this process too, and logs what it hears.
    ours = "\n".join(each.getMessage() for each in caplog.records if each.name != "websockets.server")
    assert "websockets.alpaca" not in {each.name for each in caplog.records}
    assert KEY.secret not in ours
    assert KEY.key_id not in ours


def test_orders_key_of_the_live_host_is_the_live_one():
    assert trading_key("wss://api.alpaca.markets/stream") is SecretName.ALPACA_LIVE
    assert trading_key("wss://paper-api.alpaca.markets/stream") is SecretName.ALPACA_PAPER
    assert trading_key("ws://127.0.0.1:9001/stream") is SecretName.ALPACA_PAPER


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.binary() | st.text() | VALUES.map(json.dumps))
@example('{"price": 1e99999999999999999999}')
def test_orders_decoder_gives_an_object_or_a_value_error(frame):
    try:
        message = decode(frame)
    except ValueError:
        return

    assert isinstance(message, dict)
