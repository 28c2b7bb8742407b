"""Alpaca's market-data stream against a server that refuses, falls silent, repeats, garbles and hangs up."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from core.adapters.alpaca import data_stream
from core.adapters.alpaca.feed import MUTE_AFTER_S, AlpacaFeed, feed_of
from core.clock import settle
from core.domain.market import Quote
from core.errors import BrokerUnavailable, ConnectionLimit, CredentialsRefused, NotEntitled
from core.ids import Symbol
from tests.fakes.tape_alpaca import KEY, TapeAlpaca, tape_alpaca, turned

AAPL, MSFT = Symbol("AAPL"), Symbol("MSFT")


@pytest.fixture
async def tape() -> AsyncIterator[TapeAlpaca]:
    async with tape_alpaca() as tape:
        yield tape


@pytest.fixture
async def feed(tape: TapeAlpaca) -> AsyncIterator[AlpacaFeed]:
    feed = tape.feed()
    yield feed
    await feed.close()


async def up(feed: AlpacaFeed, *symbols: Symbol) -> AsyncIterator[tuple[Quote, ...]]:
    """Connect, subscribe, and read away the standing quotes."""
    await feed.connect()
    await feed.subscribe(symbols or (AAPL, MSFT))
    quotes = feed.quotes()
    await anext(quotes)
    return quotes


async def ask(tape: TapeAlpaca, quotes: AsyncIterator[tuple[Quote, ...]]) -> dict[str, Quote]:
    """Return the next batch by symbol."""
    await tape.clock.advance(0.1)
    async with asyncio.timeout(5):
        return {quote.symbol: quote for quote in await anext(quotes)}


async def loss(tape: TapeAlpaca, quotes: AsyncIterator[tuple[Quote, ...]]) -> BrokerUnavailable:
    async def read_on() -> None:
        while True:
            await ask(tape, quotes)

    with pytest.raises(BrokerUnavailable) as caught:
        await read_on()
    return caught.value


async def raw(tape: TapeAlpaca, frame: str | bytes | list[bytes]) -> None:
    await tape.lines[-1].connection.send(frame)
    await settle()


@pytest.mark.parametrize("packed", [True, False])
async def test_quotes_are_exact_from_messagepack_and_from_json(tape, feed, packed):
    tape.packed = packed
    quotes = await up(feed)

    await tape.send(tape.quote("AAPL", 179.08, 179.1), tape.trade("AAPL", 17_909, 7))
    found = (await ask(tape, quotes))[AAPL]

    assert (found.bid, found.ask, found.last) == (Decimal("179.08"), Decimal("179.1"), Decimal("179.09"))
    assert (found.bid_size, found.ask_size) == (100, 200)
    assert tape.lines[0].connection.request.headers["Content-Type"] == "application/msgpack"


async def test_quotes_only_the_newest_of_a_symbol_is_delivered(tape, feed):
    quotes = await up(feed)

    for cents in range(18_000, 18_500):
        await tape.put(tape.lines[0], tape.quote("AAPL", cents / 100, cents / 100 + 0.01))
    await tape.send(tape.quote("MSFT", 400.0, 400.01))
    found = await ask(tape, quotes)

    assert found[AAPL].bid == Decimal("184.99")
    assert found[MSFT].bid == Decimal("400.0")


async def test_quotes_older_than_the_known_one_are_dropped(tape, feed):
    quotes = await up(feed)
    early = tape.quote("AAPL", 100.0, 100.1, t=tape.clock.now() - timedelta(seconds=3))

    await tape.send(tape.quote("AAPL", 180.0, 180.1), early)
    found = (await ask(tape, quotes))[AAPL]

    assert found.bid == Decimal("180.0")


async def test_quotes_trades_twice_the_same_or_lost_leave_the_last_one(tape, feed):
    quotes = await up(feed)
    first, second = tape.trade("AAPL", 18_000), tape.trade("AAPL", 18_100)

    await tape.send(first)
    await tape.send(second, second)
    found = (await ask(tape, quotes))[AAPL]

    assert found.last == Decimal("181.0")


async def test_quotes_subscription_sends_the_difference_only(tape, feed):
    await up(feed, AAPL)

    await feed.subscribe((AAPL, MSFT))
    await feed.subscribe((MSFT,))

    heard = [(each["action"], each["quotes"]) for each in tape.lines[0].heard if "quotes" in each]
    assert heard == [("subscribe", ["AAPL"]), ("subscribe", ["MSFT"]), ("unsubscribe", ["AAPL"])]
    assert tape.asked == ["AAPL", "MSFT"]


@pytest.mark.parametrize("free", [30, 1])
async def test_quotes_beyond_the_plan_are_named_and_the_first_delivered(
    tape, monkeypatch, expected_log, free
):
    expected_log("symbols.undelivered")
    monkeypatch.setattr(data_stream, "FREE_SYMBOLS", free)
    tape.most = 1
    told: list[str] = []
    feed = tape.feed(tell=told.append)
    await feed.connect()

    await feed.subscribe((MSFT, AAPL))

    assert tape.subscribed == {"MSFT"}
    assert "1 of 2" in told[0]
    assert "AAPL" in told[0]
    assert {quote.symbol for quote in await anext(feed.quotes())} == {MSFT}
    await feed.close()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (402, CredentialsRefused),
        (404, CredentialsRefused),
        (406, ConnectionLimit),
        (409, NotEntitled),
        (500, BrokerUnavailable),
    ],
)
async def test_quotes_refused_login_is_told_by_kind_and_without_the_key(tape, feed, code, error):
    tape.refusal = {"T": "error", "code": code, "msg": "no"}

    with pytest.raises(BrokerUnavailable) as caught:
        await feed.connect()

    assert type(caught.value) is error
    assert str(code) in str(caught.value)
    assert KEY.secret not in repr(caught.value)
    assert len(tape.lines) == 1


@pytest.mark.parametrize("code", [409, 410, 411])
async def test_quotes_refused_subscription_says_that_the_plan_lacks_it(tape, feed, code, monkeypatch):
    async def refuse(line: Any, asked: Any) -> None:
        await tape.put(line, {"T": "error", "code": code, "msg": "insufficient subscription"})

    monkeypatch.setattr(tape, "answer", refuse)
    await feed.connect()

    with pytest.raises(NotEntitled, match="insufficient subscription"):
        await feed.subscribe((AAPL,))


async def test_quotes_unanswered_subscription_is_given_up(tape, feed, monkeypatch):
    async def ignore(line: Any, asked: Any) -> None:
        return

    monkeypatch.setattr(tape, "answer", ignore)
    await feed.connect()
    asking = asyncio.get_running_loop().create_task(feed.subscribe((AAPL,)))
    await turned(tape.clock, asking, 30)

    with pytest.raises(BrokerUnavailable, match="no answer to a subscription"):
        await asking


@pytest.mark.parametrize("code", [407, 500])
async def test_quotes_error_of_the_server_ends_the_stream(tape, feed, code):
    quotes = await up(feed)

    await tape.put(tape.lines[0], {"T": "error", "code": code, "msg": "slow client"})
    await tape.lines[0].connection.close(1008)
    await settle()

    assert str(code) in str(await loss(tape, quotes))


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011])
async def test_quotes_closed_stream_is_a_loss_however_politely(tape, feed, code):
    quotes = await up(feed)

    await tape.lines[0].connection.close(code)
    await settle()

    assert str(code) in str(await loss(tape, quotes))


async def test_quotes_broken_and_half_closed_connections_are_losses(tape, feed):
    for end in ("abort", "write_eof"):
        quotes = await up(feed)
        getattr(tape.lines[-1].connection.transport, end)()

        assert "broke off" in str(await loss(tape, quotes))


async def test_quotes_oversized_frame_is_a_loss(tape, feed):
    quotes = await up(feed)

    await raw(tape, b" " * (16 * 2**20 + 1))
    await asyncio.sleep(0.05)

    assert "larger than 16 MB" in str(await loss(tape, quotes))


@pytest.mark.parametrize(
    "frame", [b"\xc1\xff\x00 not json", "}{ not json", b"", b"\xa2\xff\xfe", b"\x91" * 5000]
)
async def test_quotes_garbage_is_passed_over_and_told_once(tape, feed, frame, expected_log):
    expected_log("frame.unreadable")
    quotes = await up(feed)

    await raw(tape, frame)
    await raw(tape, frame)
    await tape.send(tape.quote("AAPL", 180.0, 180.1))

    assert (await ask(tape, quotes))[AAPL].bid == Decimal("180.0")


async def test_quotes_unknown_and_broken_messages_cost_their_neighbours_nothing(tape, feed, expected_log):
    expected_log("frame.unreadable")
    quotes = await up(feed)
    broken = tape.quote("AAPL", 1.0, 1.0, bp=None)

    await tape.send({"T": "moon", "S": "AAPL"}, broken, tape.quote("AAPL", 180.0, 180.1))

    assert (await ask(tape, quotes))[AAPL].bid == Decimal("180.0")


async def test_quotes_frame_in_many_fragments_is_put_together(tape, feed):
    quotes = await up(feed)
    frame = msgspec.msgpack.encode([tape.quote("AAPL", 180.0, 180.1)] * 200)

    await raw(tape, [frame[at : at + 100] for at in range(0, len(frame), 100)])
    await tape.send(tape.quote("MSFT", 400.0, 400.1))

    assert (await ask(tape, quotes))[AAPL].bid == Decimal("180.0")


async def test_quotes_mute_stream_of_an_open_market_is_a_loss(tape, feed):
    quotes = await up(feed)
    begun = tape.clock.monotonic()
    reading = asyncio.get_running_loop().create_task(loss(tape, quotes))

    await turned(tape.clock, reading, MUTE_AFTER_S + 10)

    assert "mute" in str(await reading)
    assert MUTE_AFTER_S <= tape.clock.monotonic() - begun <= MUTE_AFTER_S + 3


async def test_quotes_mute_stream_of_a_closed_market_is_none(tape, feed):
    quotes = await up(feed)
    await tape.clock.advance(0.1)
    tape.clock.turn(8 * 3600)
    reading = asyncio.get_running_loop().create_task(anext(quotes))

    await turned(tape.clock, reading, MUTE_AFTER_S * 2)

    assert not reading.done()
    await feed.close()
    with pytest.raises(StopAsyncIteration):
        await reading


async def test_quotes_unanswered_ping_is_a_loss(tape, feed):
    quotes = await up(feed)
    tape.lines[0].stop_reading()
    reading = asyncio.get_running_loop().create_task(loss(tape, quotes))

    await turned(tape.clock, reading, 60)

    assert "nor an answer to a ping" in str(await reading)


async def test_quotes_close_ends_the_iterator(tape, feed):
    quotes = await up(feed)
    reading = asyncio.get_running_loop().create_task(anext(quotes))
    await settle()

    await feed.close()

    with pytest.raises(StopAsyncIteration):
        await reading


async def test_quotes_reader_that_sleeps_holds_nothing_up(tape, feed):
    quotes = await up(feed)

    for number in range(2_000):
        await tape.put(tape.lines[0], *[tape.quote("AAPL", 100 + number / 100, 200.0)] * 10)
    await tape.send(tape.quote("MSFT", 400.0, 400.1))
    found = await ask(tape, quotes)

    assert len(found) == 2
    assert found[AAPL].bid == Decimal("119.99")


async def test_quotes_new_market_day_begins_at_the_last_close_with_nothing_traded(tape, feed):
    quotes = await up(feed, AAPL)
    close = tape.snapshot("AAPL")["dailyBar"]["c"]
    tape.asked.clear()

    tape.clock.turn(16 * 3600)
    reading = asyncio.get_running_loop().create_task(ask(tape, quotes))
    await turned(tape.clock, reading, 10)
    found = (await reading)[AAPL]

    assert tape.asked == ["AAPL"]
    assert (found.prev_close, found.volume) == (Decimal(str(close)), 0)


async def test_quotes_clock_that_is_off_is_told_once(tape, expected_log):
    expected_log("clock.differs")
    told: list[str] = []
    feed = tape.feed(tell=told.append)
    quotes = await up(feed)

    for second in range(3):
        time = tape.clock.now() + timedelta(seconds=10)
        await tape.send(tape.quote("AAPL", 180.0 + second, 190.0, t=time))
        await ask(tape, quotes)
        await tape.clock.advance(1)

    assert len(told) == 1
    assert "-10 s" in told[0]
    await feed.close()


async def test_quotes_key_reaches_no_log(tape, feed, caplog):
    caplog.set_level(logging.DEBUG)

    await feed.connect()

    # The server runs in this process too, and logs what it hears.
    ours = "\n".join(each.getMessage() for each in caplog.records if each.name != "websockets.server")
    assert "websockets.alpaca" not in {each.name for each in caplog.records}
    assert KEY.secret not in ours
    assert KEY.key_id not in ours


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("wss://stream.data.alpaca.markets/v2/sip", "sip"),
        ("ws://127.0.0.1:9/v2/iex", "iex"),
        ("wss://stream.data.alpaca.markets/v2/test", "iex"),
    ],
)
def test_quotes_feed_word_is_that_of_the_stream(url, word):
    assert feed_of(url) == word
