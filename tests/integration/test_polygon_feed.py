"""The Polygon feed against a server on a real socket: the contract of feeds, and what streams do wrong."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from core.adapters.calendar import MarketCalendar
from core.adapters.polygon import PolygonFeed
from core.adapters.polygon.feed import MUTE_AFTER_S
from core.adapters.polygon.stream import OPEN_WITHIN_S
from core.clock import ManualClock, settle
from core.domain.credentials import PolygonKey
from core.domain.instrument import Instrument
from core.domain.market import Quote, SessionPhase, Timeframe
from core.domain.money import CENT
from core.domain.movers import LARGE_CAPS
from core.errors import BrokerUnavailable, ConnectionLimit, CredentialsRefused, NotEntitled
from core.ids import Symbol
from core.settings import PolygonAddresses
from core.signals.movers import scan_top_movers
from tests.contract.feed_contract import FeedContract, FeedHarness, watch
from tests.servers.polygon import PolygonServer

A, M = Symbol("AAPL"), Symbol("MSFT")
CALENDAR = MarketCalendar()  # read once: the library is slow


class PolygonHarness:
    """A feed, its server, and both clocks."""

    def __init__(self, server: PolygonServer, key: str | None = None) -> None:
        self.server = server
        self.market = server.market
        self.clock = ManualClock(server.market.now)
        self.symbols = (A, M)
        self.told: list[str] = []
        self.marked = self.marks_seen = 0
        self.feed = self.make(key)
        take = self.feed._on_frame

        def count(frame) -> None:
            take(frame)
            self.marks_seen += any(event.symbol == "MARK" for event in frame.events)

        self.feed._on_frame = count
        self._stream: AsyncIterator[tuple[Quote, ...]] | None = None

    def make(self, key: str | None = None, **options) -> PolygonFeed:
        return PolygonFeed(
            PolygonAddresses(self.server.base_url, self.server.stream_url),
            PolygonKey(key or self.server.key),
            self.clock,
            CALENDAR,
            tell=self.told.append,
            **options,
        )

    async def advance(self, seconds: float) -> None:
        """Let both times pass; every stock trades once a second."""
        await self.synced()
        self.clock.turn(seconds)
        self.market.walk(int(seconds))
        await self.synced()

    async def synced(self) -> None:
        """Wait until what is subscribed to is what was asked for, and everything sent has arrived."""
        wanted = [f"{kind}.{symbol}" for symbol in self.feed._wanted for kind in "QT"]
        async with asyncio.timeout(10):
            await self.server.stream.until_subscribed(*wanted)
            await until(lambda: all(task.done() for task in self.feed._work[1:]))
        await self.arrived()

    async def arrived(self) -> None:
        """Wait until every frame sent so far was read."""
        await self.server.stream.settle()
        marks, self.marked = self.marked, self.marked + 1
        self.server.stream.push([{"ev": "T", "sym": "MARK", "p": 1, "s": 1, "t": 10**12, "q": self.marked}])
        await until(lambda: self.feed._lost is not None or self.marks_seen > marks)

    async def next_batch(self) -> tuple[Quote, ...]:
        self._stream = self._stream or self.feed.quotes()
        async with asyncio.timeout(10):
            try:
                return await anext(self._stream)
            except BaseException:
                self._stream = None
                raise

    async def fail_next_query(self) -> None:
        self.server.faults.http("reply_status", path="/v2/aggs/*", status=502, body="html")

    async def lose_stream(self) -> None:
        await self.server.stream.drop()

    def monotonic(self) -> float:
        return self.clock.monotonic()

    async def loss(self) -> BrokerUnavailable:
        """Read on until the stream is lost."""
        await until(lambda: self.feed._lost is not None)
        with pytest.raises(BrokerUnavailable) as caught:
            await self.next_batch()
        return caught.value


@pytest.fixture
async def server() -> AsyncIterator[PolygonServer]:
    made = PolygonServer()
    for symbol in (A, M):
        made.market.list_stock(symbol)
    await made.start()
    made.market.walk(60)
    yield made
    await made.stop()
    assert made.journal.problems() == []


@pytest.fixture
async def harness(server: PolygonServer) -> AsyncIterator[PolygonHarness]:
    made = PolygonHarness(server)
    yield made
    await made.feed.close()


async def until(is_so) -> None:
    async with asyncio.timeout(10):
        while not is_so():
            await settle()


class TestPolygonFeed(FeedContract):
    """Cases 4 and 6 are asked batch by batch: a batch holds the newest quote of each symbol only."""

    async def test_fc_04_quotes_come_in_time_order_with_the_offer_above_the_bid(
        self, harness: FeedHarness
    ) -> None:
        await watch(harness, *harness.symbols)
        found = list(await harness.next_batch())

        for _ in range(5):
            await harness.advance(1)
            found += await harness.next_batch()

        assert len(found) == 12
        assert [quote.time for quote in found] == sorted(quote.time for quote in found)
        for quote in found:
            assert quote.bid is not None
            assert quote.ask is not None
            assert quote.bid < quote.ask
            assert quote.bid % CENT == 0

    async def test_fc_06_volume_never_falls_within_a_day(self, harness: FeedHarness) -> None:
        await watch(harness, harness.symbols[0])
        volumes = [quote.volume for quote in await harness.next_batch()]

        for _ in range(3):
            await harness.advance(20)
            volumes += [quote.volume for quote in await harness.next_batch()]

        assert volumes == sorted(set(volumes))
        assert len(volumes) == 4


async def test_stream_is_subscribed_to_quotes_and_trades_only_after_the_key_was_taken(harness):
    await harness.feed.subscribe([A])

    await harness.feed.connect()
    await harness.server.stream.until_subscribed("Q.AAPL", "T.AAPL")

    assert [each["action"] for each in harness.server.stream.actions] == ["auth", "subscribe"]


async def test_key_is_in_no_line_of_the_log(harness, caplog, capsys):
    caplog.set_level(logging.DEBUG)

    await watch(harness, A)
    await harness.advance(1)

    assert harness.server.key not in caplog.text
    assert capsys.readouterr().out == ""


async def test_symbols_that_are_no_longer_wanted_are_unsubscribed(harness):
    await watch(harness, A, M)
    await harness.synced()

    await harness.feed.subscribe([M])

    async with asyncio.timeout(5):
        await harness.server.stream.until_subscribed("Q.MSFT", "T.MSFT")


async def test_slow_reader_gets_the_newest_of_each_symbol_and_holds_nothing_up(harness):
    await watch(harness, A, M)
    await harness.advance(300)

    batch = await harness.next_batch()

    assert [quote.symbol for quote in batch] == [A, M]
    for quote in batch:
        listing = harness.market.listings[quote.symbol]
        assert float(quote.last) == listing.trade["p"]
        assert (float(quote.bid), float(quote.ask)) == (listing.quote["bp"], listing.quote["ap"])
        assert (quote.volume, quote.prev_close) == (listing.volume, 100)


async def test_quotes_come_without_snapshots_where_the_plan_has_none(harness):
    harness.server.rest.snapshots = harness.server.rest.last = False
    await watch(harness, A)
    async with asyncio.timeout(10):
        await harness.server.stream.until_subscribed("Q.AAPL", "T.AAPL")

    harness.market.walk(1)
    await harness.arrived()
    (quote,) = await harness.next_batch()

    assert (quote.prev_close, float(quote.last)) == (None, harness.market.listings[A].trade["p"])


async def test_snapshots_that_failed_are_asked_for_again(harness):
    rule = harness.server.faults.http("drop_before", path="*/tickers")
    await watch(harness, A)
    await until(lambda: rule.hits == 1)
    await until(lambda: 5.0 in {deadline for deadline, _, _ in harness.clock._sleepers})

    await harness.clock.advance(5)

    assert [quote.symbol for quote in await harness.next_batch()] == [A]


async def test_last_values_are_asked_for_where_the_day_was_cleared(harness):
    harness.market.is_cleared = True
    await watch(harness, A)
    await harness.synced()

    (quote,) = await harness.next_batch()

    listing = harness.market.listings[A]
    assert (float(quote.last), float(quote.bid)) == (listing.trade["p"], listing.quote["bp"])
    assert quote.prev_close == 100


async def test_brokers_instruments_stand_in_for_the_vendors(harness):
    async def of_broker() -> tuple[Instrument, ...]:
        return (Instrument(M, "Microsoft", "Nasdaq"),)

    feed = harness.make(instruments=of_broker)

    assert [each.symbol for each in await feed.instruments()] == [M]
    await feed.close()


async def test_snapshots_for_a_scan_name_what_failed(harness):
    found, failed = await harness.feed.snapshots([A, Symbol("NONE")])

    assert (found[A].prev_close, found[A].usual_volume) == (100, 1_000_000)
    assert found[A].as_of == harness.market.now
    assert list(failed) == ["NONE"]


async def test_large_caps_are_scanned_in_one_call_and_partial_failures_shown(harness):
    for place, symbol in enumerate(LARGE_CAPS[2:-1]):
        harness.market.list_stock(symbol, 50.0 + place)
        harness.market.trade(symbol, round((50.0 + place) * (1 + (place - 8) / 100), 2))
    found, failed = await harness.feed.snapshots(LARGE_CAPS)

    scan = scan_top_movers(found, failed, harness.market.now)

    assert [row.symbol for row in scan.rows][:3] == ["CRM", "GOOGL", "AMZN"]
    assert len(scan.rows) == 19
    assert [symbol for symbol, _ in scan.excluded] == ["ORCL"]
    assert len(harness.server.journal.requests("GET", "/v2/snapshot")) == 2


async def test_question_after_the_end_is_a_typed_error(harness):
    await watch(harness, A)
    rule = harness.server.faults.http("hang", path="/v2/aggs/*")
    asked = [asyncio.get_running_loop().create_task(harness.feed.bars(A, Timeframe.M1, 5)) for _ in range(4)]
    await until(lambda: rule.hits == 1)

    await harness.feed.close()
    await harness.feed.close()

    for each in [*asked, harness.feed.bars(A, Timeframe.M1, 5), harness.feed.connect()]:
        with pytest.raises(BrokerUnavailable):
            await each


async def test_feed_that_is_closed_while_it_opens_ends_at_once(harness):
    rule = harness.server.faults.frame("mute", word="auth")
    opening = asyncio.get_running_loop().create_task(harness.feed.connect())
    await until(lambda: rule.hits == 1)

    await harness.feed.close()

    with pytest.raises(BrokerUnavailable):
        await opening


async def test_wrong_key_is_refused_at_the_first_question(server):
    harness = PolygonHarness(server, key="another-key")

    with pytest.raises(CredentialsRefused, match="investiq secrets set polygon"):
        await harness.feed.connect()

    assert server.stream.actions == []
    await harness.feed.close()


async def test_key_that_only_the_stream_refuses_is_refused(harness):
    harness.server.stream.key = "another"

    with pytest.raises(CredentialsRefused, match="authentication failed") as caught:
        await harness.feed.connect()

    assert harness.server.key not in str(caught.value)


def status(word: str, text: str) -> list[dict[str, str]]:
    return [{"ev": "status", "status": word, "message": text}]


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (status("auth_failed", "Your plan doesn't include websocket access"), NotEntitled, "no stream"),
        (status("max_connections", "Maximum number of connections"), ConnectionLimit, "Another program"),
        (status("auth_timeout", "too late"), CredentialsRefused, "too late"),
        (status("strange", "<b>what\u202e</b>"), BrokerUnavailable, "<b>what</b>"),
        ([{"ev": "status"}], BrokerUnavailable, "Polygon stream"),
        ([], BrokerUnavailable, "no answer to the key"),
        ([None], BrokerUnavailable, "no answer to the key"),
        ({"a": 1}, BrokerUnavailable, "no answer to the key"),
        (7, BrokerUnavailable, "no answer to the key"),
    ],
)
async def test_odd_answer_to_the_key_is_a_typed_error(harness, answer, error, words):
    harness.server.faults.frame("replace", word="auth", message=answer)

    with pytest.raises(error, match=words) as caught:
        await harness.feed.connect()

    assert type(caught.value) is error


@pytest.mark.parametrize("word", ["connect", "auth"])
@pytest.mark.parametrize(
    ("action", "options"),
    [
        ("close", {"code": 1000}),
        ("close", {"code": 1001}),
        ("close", {"code": 1006}),
        ("close", {"code": 1008}),
        ("half_close", {}),
        ("oversized", {"bytes": 2_000_000}),
    ],
)
async def test_stream_that_ends_before_it_is_open_is_unavailable_and_the_next_one_opens(
    harness, word, action, options
):
    harness.server.faults.frame(action, word=word, **options)

    with pytest.raises(BrokerUnavailable):
        await harness.feed.connect()
    await watch(harness, A)

    assert await harness.next_batch()


async def test_garbage_as_the_answer_to_the_key_is_unavailable(harness):
    for text in (True, False):
        harness.server.faults.frame("garbage", word="auth", text=text)
        with pytest.raises(BrokerUnavailable, match="expected JSON"):
            await harness.feed.connect()


@pytest.mark.parametrize("word", ["connect", "auth"])
async def test_silence_before_the_stream_is_open_ends_at_the_deadline(harness, word):
    rule = harness.server.faults.frame("mute", word=word)
    opening = harness.feed._tasks.spawn(harness.feed.connect(), "work")
    await until(lambda: rule.hits == 1)

    await harness.clock.advance(OPEN_WITHIN_S)

    with pytest.raises(BrokerUnavailable, match="within 10 s"):
        await opening


@pytest.mark.parametrize(
    ("action", "options", "words"),
    [
        ("reply_status", {"status": 403}, "refused it"),
        ("redirect", {"location": "/elsewhere"}, "refused it"),
        ("drop_before", {}, "refused it"),
        ("garbage", {}, "refused it"),
    ],
)
async def test_handshake_that_is_refused_is_unavailable_at_once(harness, action, options, words):
    harness.server.faults.http(action, path="/stocks", times=None, **options)

    with pytest.raises(BrokerUnavailable, match=words):
        await harness.feed.connect()


async def test_handshake_that_hangs_ends_at_the_deadline(harness):
    harness.server.faults.http("hang", path="/stocks")
    opening = harness.feed._tasks.spawn(harness.feed.connect(), "work")
    await until(lambda: harness.server.faults.waiting)

    await harness.clock.advance(OPEN_WITHIN_S)

    with pytest.raises(BrokerUnavailable, match="within 10 s"):
        await opening


async def test_stream_that_refuses_connections_is_unavailable_at_once(harness):
    stream = PolygonServer()
    await stream.start()
    addresses = PolygonAddresses(harness.server.base_url, stream.stream_url)
    await stream.stop()
    feed = PolygonFeed(addresses, PolygonKey(harness.server.key), harness.clock, CALENDAR)

    with pytest.raises(BrokerUnavailable, match="cannot be reached"):
        await feed.connect()

    await feed.close()


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1008, 1011])
async def test_stream_that_is_closed_is_lost_and_comes_back(harness, code):
    await watch(harness, A)
    await harness.synced()

    await harness.server.stream.drop(code)

    assert "stream was lost" in str(await harness.loss())
    await harness.feed.connect()
    assert await harness.next_batch()


async def test_another_program_with_the_key_is_a_limit_that_a_person_must_settle(harness):
    await watch(harness, A)
    await harness.synced()
    other = PolygonHarness(harness.server)

    await other.feed.connect()

    assert isinstance(await harness.loss(), ConnectionLimit)
    assert harness.server.key not in str(await harness.loss())
    await other.feed.close()


async def test_key_that_is_revoked_while_the_stream_is_open_is_refused(harness):
    await watch(harness, A)
    await harness.synced()

    harness.server.stream.say("auth_failed", "key revoked")

    assert isinstance(await harness.loss(), CredentialsRefused)


async def test_silent_stream_is_lost_in_an_open_market(harness):
    await watch(harness, A)
    await harness.synced()

    await harness.clock.advance(MUTE_AFTER_S + 2)

    assert "silent for 30 s" in str(await harness.loss())


async def test_silent_stream_is_kept_while_nothing_is_subscribed_to(harness):
    await harness.feed.connect()

    await harness.clock.advance(MUTE_AFTER_S + 2)

    assert harness.feed._lost is None


async def test_silent_stream_is_kept_before_the_market_opens_and_has_its_time_after(server):
    server.market.now = server.market.now.replace(hour=14, minute=25)
    harness = PolygonHarness(server)
    await watch(harness, A)
    await harness.synced()

    await harness.clock.advance(5 * 60 + MUTE_AFTER_S - 5)
    early = harness.feed._lost
    await harness.clock.advance(10)

    assert early is None
    assert "silent" in str(await harness.loss())
    await harness.feed.close()


async def test_market_day_begins_with_a_new_close_and_no_volume(server):
    server.market.now = server.market.now.replace(hour=8, minute=59, second=50)
    server.market.walk(1)
    harness = PolygonHarness(server)
    await watch(harness, A)
    await harness.synced()
    (before,) = await harness.next_batch()
    server.market.is_cleared = True
    server.market.listings[A].days[-1]["c"] = 123.0

    await harness.clock.advance(12)
    await harness.synced()

    (quote,) = await harness.next_batch()
    assert harness.feed.session().phase is SessionPhase.PRE
    assert before.volume > 0
    assert (quote.volume, quote.prev_close) == (0, 123)
    await harness.feed.close()


async def test_stream_that_comes_back_on_another_day_begins_that_day(harness):
    await watch(harness, A)
    await harness.synced()
    (before,) = await harness.next_batch()
    await harness.server.stream.drop()
    await harness.loss()
    harness.market.is_cleared = True
    harness.market.advance(86_400)
    harness.clock.turn(86_400)

    await harness.feed.connect()
    await harness.synced()

    (after,) = await harness.next_batch()
    assert (before.volume > 0, after.volume) == (True, 0)


async def test_refusals_without_end_are_told_a_few_times(harness, expected_log):
    expected_log("stream.status")
    await watch(harness, A)
    await harness.synced()

    for number in range(100):
        harness.server.stream.say("error", f"refused {number % 50}")
    await harness.arrived()

    assert harness.told == [f"Polygon's stream says: refused {number}" for number in range(5)]


async def test_clock_that_differs_from_the_vendors_is_told(harness, expected_log):
    expected_log("clock.differs")
    harness.clock.turn(90)

    await harness.feed.connect()

    assert harness.told == ["This computer's clock and Polygon's differ by 90 s; set it right"]


@pytest.mark.parametrize(("late_s", "old_s"), [(0, 0), (20, 20), (900, 900)])
async def test_quotes_of_a_stream_that_is_late_are_as_old_as_that(harness, late_s, old_s):
    await watch(harness, A)
    await harness.synced()
    await harness.next_batch()
    # Past all that was told before; the market's own clock stands.
    harness.clock.turn(2_000)
    at = harness.clock.now() - timedelta(seconds=late_s)
    quote = harness.market.listings[A].quote | {"t": round(at.timestamp() * 1000), "q": 10**6}

    harness.server.stream.push([quote])
    await harness.arrived()
    found = (await harness.next_batch())[0]

    assert harness.clock.monotonic() - found.received == pytest.approx(old_s, abs=0.01)


async def test_broker_is_asked_for_the_market_days_once_a_day(server):
    asked = []

    async def told(first, last):
        asked.append((first, last))
        return ()

    calendar = MarketCalendar(told)
    harness = PolygonHarness(server)
    await CALENDAR.prepare(harness.clock.now())
    calendar._days, calendar._until = CALENDAR._days, CALENDAR._until
    harness.feed._calendar = calendar

    await harness.feed.subscribe((A,))
    await harness.feed.connect()
    await until(lambda: asked)
    await harness.feed.connect()
    await settle()
    await harness.feed.close()

    assert len(asked) == 1


async def test_refused_subscriptions_are_told_and_the_rest_goes_on(harness, expected_log):
    expected_log("stream.status")
    harness.server.stream.refused = ("Q",)
    await watch(harness, A)
    async with asyncio.timeout(10):
        await harness.server.stream.until_subscribed("T.AAPL")

    harness.market.walk(1)
    await harness.arrived()

    assert float((await harness.next_batch())[0].last) == harness.market.listings[A].trade["p"]
    assert harness.told == ["Polygon's stream says: not authorized for channel Q.AAPL"]


async def test_plan_that_has_neither_quotes_nor_trades_is_not_entitled(harness, expected_log):
    expected_log("stream.status")
    harness.server.stream.refused = ("Q", "T")

    await watch(harness, A)

    assert isinstance(await harness.loss(), NotEntitled)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("error", "Subscription limit reached"),
        ("slow_consumer", "too slow"),
        ("new_word", "<i>\u202ehello</i>"),
    ],
)
async def test_other_words_of_the_stream_are_told_and_it_goes_on(harness, expected_log, word, text):
    expected_log("stream.status")
    await watch(harness, A)
    await harness.synced()

    harness.server.stream.say(word, text)
    await harness.advance(1)

    assert await harness.next_batch()
    assert harness.told == [f"Polygon's stream says: {text.replace(chr(0x202E), '')}"]


BAD_FRAMES = {
    "page": "<html><body>502</body></html>",
    "truncated": '[{"ev":"T","sym":"AAPL"',
    "empty": "",
    "number": "7",
    "null": "null",
    "nested": "[" * 50_000,
    "null message": "[null]",
    "words": '["a", 1, [2]]',
    "no symbol": '[{"ev":"T","p":1,"s":1,"t":1}]',
    "NaN": '[{"ev":"T","sym":"AAPL","p":NaN,"s":1,"t":1795532460000}]',
    "Infinity": '[{"ev":"Q","sym":"AAPL","bp":Infinity,"ap":1,"t":1795532460000}]',
    "crossed": '[{"ev":"Q","sym":"AAPL","bp":300,"bs":1,"ap":200,"as":1,"t":1795532460000}]',
    "negative": '[{"ev":"T","sym":"AAPL","p":-5,"s":1,"t":1795532460000}]',
    "words for numbers": '[{"ev":"T","sym":"AAPL","p":"five","s":1,"t":1795532460000}]',
    "huge number": '[{"ev":"T","sym":"AAPL","p":1e999999999999999999999,"s":1,"t":1}]',
}  # fmt: skip
QUIET_FRAMES = {
    "unknown event": '[{"ev":"NEW","sym":"AAPL","x":{"y":[1]}}]',
    "event without a kind": "[{}]",
    "from the future": '[{"ev":"T","sym":"AAPL","p":300,"s":1,"t":1895532460000}]',
    "from the past": '[{"ev":"T","sym":"AAPL","p":300,"s":1,"t":1695532460000}]',
    "another symbol": '[{"ev":"T","sym":"TSLA","p":300,"s":1,"t":1795532460000}]',
    "empty list": "[]",
}


@pytest.mark.parametrize("frame", [*BAD_FRAMES, *QUIET_FRAMES])
async def test_bad_frame_changes_nothing_and_the_stream_goes_on(harness, expected_log, frame):
    if frame in BAD_FRAMES and frame != "empty":  # the vendor's client drops an empty one
        expected_log("stream.unreadable")
    await watch(harness, A)
    await harness.synced()
    before = await harness.next_batch()

    harness.server.stream.push({**BAD_FRAMES, **QUIET_FRAMES}[frame])
    await harness.arrived()
    await harness.feed.subscribe([A, M])
    await harness.synced()

    quotes = {quote.symbol: quote for quote in await harness.next_batch()}
    assert set(quotes) == {M}
    await harness.advance(1)
    after = next(quote for quote in await harness.next_batch() if quote.symbol == A)
    assert float(after.last) == harness.market.listings[A].trade["p"]
    assert after.volume == before[0].volume + harness.market.listings[A].trade["s"]


async def test_frame_that_is_too_large_ends_the_stream(harness):
    await watch(harness, A)
    await harness.synced()

    harness.server.stream.push("[" + " " * 10_000_000 + "]")

    assert "stream was lost" in str(await harness.loss())


@pytest.mark.parametrize("action", ["duplicate", "reorder", "lose", "data_null"])
async def test_repeated_reordered_and_lost_events_end_in_the_newest(harness, expected_log, action):
    if action == "data_null":
        expected_log("stream.unreadable")
    await watch(harness, A)
    await harness.synced()
    await harness.next_batch()
    for word in "QT":
        harness.server.faults.frame(action, word=word, skip=1, times=2)

    await harness.advance(8)

    (quote,) = await harness.next_batch()
    listing = harness.market.listings[A]
    assert (float(quote.last), float(quote.bid)) == (listing.trade["p"], listing.quote["bp"])
    assert quote.time == harness.market.now


async def test_half_of_a_day_of_quotes_keeps_memory_to_one_of_each_symbol(harness):
    await watch(harness, A, M)
    await harness.synced()
    frame = [
        {**harness.market.quote(symbol, 99.0, 99.5), "t": harness.market.now_ms, "q": 10**9 + number}
        for number in range(2_000)
        for symbol in (A, M)
    ]
    for start in range(0, len(frame), 500):
        harness.server.stream.push(json.dumps(frame[start : start + 500]))
    await harness.arrived()

    batch = await harness.next_batch()

    assert len(batch) == 2
    assert all(replace(quote, time=batch[0].time).bid == 99 for quote in batch)


async def test_feed_that_was_closed_ends_its_quotes(harness):
    await watch(harness, A)
    stream = harness.feed.quotes()
    await anext(stream)
    waiting = harness.feed._tasks.spawn(anext(stream, None), "work")
    await settle()

    await harness.feed._hang_up()

    assert await waiting is None
