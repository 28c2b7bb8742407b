"""Questions to Polygon over a real socket: answers, refusals, and everything a bad network sends."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from core.adapters.polygon.lanes import ANSWER_WITHIN_S
from core.adapters.polygon.rest import PolygonRest
from core.clock import ManualClock, settle
from core.domain.credentials import PolygonKey
from core.domain.market import Timeframe
from core.errors import BrokerUnavailable, CredentialsRefused, NotEntitled, RateLimited
from core.ids import Symbol
from core.tasks import Tasks
from tests.servers.polygon import PolygonServer

A, M = Symbol("AAPL"), Symbol("MSFT")
NOT_AUTHORIZED = {"status": "NOT_AUTHORIZED", "message": "You are not entitled to this data."}


@dataclass
class Lab:
    server: PolygonServer
    clock: ManualClock
    tasks: Tasks = field(default_factory=Tasks)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rest = self.with_key(self.server.key)

    def with_key(self, key: str) -> PolygonRest:
        return PolygonRest(self.server.base_url, PolygonKey(key), self.clock, self.tasks, self.told.append)

    def start(self, work):
        return self.tasks.spawn(work, "work")

    async def bars(self, limit: int = 50, timeframe: Timeframe = Timeframe.M1):
        return await self.rest.bars(A, timeframe, limit, self.clock.now())


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    server = PolygonServer()
    for symbol in (A, M):
        server.market.list_stock(symbol)
    await server.start()
    server.market.walk(200)
    made = Lab(server, ManualClock(server.market.now))
    yield made
    made.rest.close()
    await made.tasks.close()
    await server.stop()
    assert server.journal.problems() == []


async def until(is_so) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await settle()


async def test_bars_are_the_newest_oldest_first(lab):
    found = await lab.bars(3)

    minutes = lab.server.market.bars(A, 1, "minute")[-3:]
    assert [int(bar.time.timestamp() * 1000) for bar in found] == [row["t"] for row in minutes]
    assert [str(bar.close) for bar in found] == [str(row["c"]) for row in minutes]


async def test_bars_over_many_pages_are_joined_at_our_own_address(lab):
    lab.server.faults.http("edit", path="/v2/aggs/*", times=None, set={"adjusted": True})
    whole = await lab.bars(50)
    lab.server.journal.clear()
    lab.server.rest.largest_page = 1

    found = await lab.bars(50)

    assert found == whole
    assert len(lab.server.journal.requests("GET", "/v2/aggs")) == len(whole) > 3


async def test_bars_stop_at_a_limit_of_pages(lab, expected_log):
    expected_log("pages.cut")
    lab.server.market.walk(30 * 60)
    lab.server.rest.largest_page = 1

    found = await lab.rest.bars(A, Timeframe.M1, 5000, lab.server.market.now)

    assert len(found) == 20
    assert len(lab.server.journal.requests("GET", "/v2/aggs")) == 20


async def test_bars_that_came_twice_are_kept_once_and_those_of_the_future_are_not(lab):
    rows = lab.server.market.bars(A, 1, "minute")
    late = {**rows[0], "t": lab.server.market.now_ms + 120_000}
    body = json.dumps({"resultsCount": 9, "results": [late, rows[2], rows[2], rows[0], rows[1], rows[1]]})
    lab.server.faults.http("reply_status", path="/v2/aggs/*", status=200, body=body)

    found = await lab.bars()

    assert [int(bar.time.timestamp() * 1000) for bar in found] == [row["t"] for row in rows[:3]]


async def test_bars_of_a_symbol_without_any_are_none_and_no_error(lab):
    assert await lab.rest.bars(Symbol("NONE"), Timeframe.D1, 5, lab.clock.now()) == ()
    assert await lab.rest.bars(A, Timeframe.D1, 0, lab.clock.now()) == ()


@pytest.mark.parametrize("symbol", ["../v1/x", "A?b", "", "aapl", "A B", "\u202eA"])
async def test_symbol_that_is_none_is_never_sent(lab, symbol):
    with pytest.raises(BrokerUnavailable, match="no symbol"):
        await lab.rest.bars(Symbol(symbol), Timeframe.D1, 5, lab.clock.now())

    assert lab.server.journal.entries == []


async def test_unreadable_bars_among_others_are_left_out(lab):
    whole = await lab.bars()
    lab.server.faults.http("edit", path="/v2/aggs/*", nan=["results.0.c"], null=["results.1.o"])

    assert await lab.bars() == whole[:-2]


FAULTS = {
    "page instead of JSON": ("html_200", {}, "expected JSON"),
    "truncated": ("truncate", {}, "expected JSON"),
    "cut off": ("cut_off", {}, "broke off"),
    "10 MB": ("huge_body", {}, "longer than 4 MB"),
    "packed 20 MB": ("gzip_bomb", {"bytes": 20_000_000}, "longer than 4 MB"),
    "dropped": ("drop_before", {}, "broke off"),
    "no HTTP": ("garbage", {}, "broke off"),
    "redirect": ("redirect", {}, "answered 302"),
    "500 page": ("reply_status", {"status": 500, "body": "html"}, "answered 500"),
    "503 empty": ("reply_status", {"status": 503, "body": "empty"}, "answered 503"),
    "404": ("reply_status", {"status": 404}, "not found"),
    "empty 200": ("reply_status", {"status": 200, "body": "empty"}, "expected JSON, found nothing"),
    "no results": ("edit", {"drop": ["results"]}, "no results"),
    "results are null": ("edit", {"null": ["results"]}, "no results"),
    "results are a word": ("edit", {"set": {"results": "many"}}, "expected a list"),
    "rows are words": ("edit", {"set": {"results": ["a", 1, None]}}, "none of 3"),
    "NaN": ("edit", {"set": {"results": [{"t": 1}]}, "nan": ["results.0.t"]}, "none of 1"),
    "Infinity": ("edit", {"set": {"results": [{}]}, "text": {"results.0.t": "Infinity"}}, "none of 1"),
    "key refused": ("unauthorized", {}, "investiq secrets set polygon"),
    "plan": ("reply_status", {"status": 403, "body": json.dumps(NOT_AUTHORIZED)}, "not entitled"),
    "next page elsewhere": ("edit", {"set": {"next_url": "ftp:x"}}, "no path of the vendor's"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
async def test_bad_answer_is_a_typed_error_and_the_next_question_is_answered(lab, fault):
    action, options, words = FAULTS[fault]
    lab.server.faults.http(action, path="/v2/aggs/*", **options)

    with pytest.raises(BrokerUnavailable) as caught:
        await lab.bars()

    assert words in str(caught.value)
    assert lab.server.key not in str(caught.value)
    assert lab.server.key not in repr(caught.value.__cause__)
    assert await lab.bars()


async def test_server_that_is_gone_cannot_be_reached_and_comes_back(lab):
    await lab.server.refuse_connections()
    with pytest.raises(BrokerUnavailable, match="cannot be reached"):
        await lab.bars()

    await lab.server.accept_connections()

    assert await lab.bars()


async def test_wrong_key_is_refused_by_name_and_never_quoted(lab):
    rest = lab.with_key("wrong-key-123456")

    with pytest.raises(CredentialsRefused) as caught:
        await rest.market_status()

    rest.close()
    assert "'polygon'" in str(caught.value)
    assert "Unknown API Key" in str(caught.value)
    assert "wrong-key" not in str(caught.value)


async def test_key_that_the_vendor_repeats_is_masked(lab):
    body = json.dumps({"error": f"bad key {lab.server.key}"})
    lab.server.faults.http("reply_status", status=401, body=body)

    with pytest.raises(CredentialsRefused, match=r"bad key \*\*\*"):
        await lab.rest.market_status()


async def test_refusal_for_the_rate_says_when_and_keeps_the_next_one_waiting(lab):
    lab.server.faults.http("throttle", retry_after=7)
    with pytest.raises(RateLimited) as caught:
        await lab.bars()

    waiting = lab.start(lab.bars())
    await settle()
    count = len(lab.server.journal.entries)
    await lab.clock.advance(12)

    assert caught.value.retry_after_s == 7
    assert count == 1
    assert await waiting
    assert lab.told == ["Polygon: waiting 12 s for the plan's rate limit"]


@pytest.mark.parametrize("action", ["hang", "slow_body"])
async def test_answer_that_does_not_come_in_time_is_cut_and_the_lane_is_free_again(lab, action):
    options = {"tick_s": 0.05} if action == "slow_body" else {}
    rules = [lab.server.faults.http(action, path="/v2/aggs/*", **options) for _ in range(2)]
    asked = [lab.start(lab.bars()) for _ in range(2)]
    await until(lambda: sum(rule.hits for rule in rules) == 2)

    await lab.clock.advance(ANSWER_WITHIN_S)
    ends = await asyncio.gather(*asked, return_exceptions=True)

    assert [type(end) for end in ends] == [BrokerUnavailable] * 2
    assert "no complete answer within 20 s" in str(ends[0])
    assert await lab.bars()


async def test_question_that_is_given_up_frees_its_lane(lab):
    rule = lab.server.faults.http("hang", path="/v2/aggs/*", times=2)
    asked = [lab.start(lab.bars()) for _ in range(2)]
    await until(lambda: rule.hits == 2)

    for each in asked:
        each.cancel()

    assert await lab.bars()


async def test_question_that_is_given_up_while_it_waits_for_a_lane_takes_none(lab):
    rule = lab.server.faults.http("hang", path="/v2/aggs/*", times=2)
    asked = [lab.start(lab.bars()) for _ in range(4)]
    await until(lambda: rule.hits == 2)
    asked[2].cancel()
    await settle()

    lab.server.faults.release()
    await asyncio.wait(asked)

    assert asked[3].result()
    rule = lab.server.faults.http("hang", path="/v2/aggs/*", times=2)
    both = [lab.start(lab.bars()) for _ in range(2)]
    await until(lambda: rule.hits == 2)
    assert not any(each.done() for each in both)


async def test_core_loop_runs_on_while_an_answer_is_awaited(lab):
    lab.server.faults.http("hang", path="/v2/aggs/*")
    asked = lab.start(lab.bars())
    await until(lambda: lab.server.faults.waiting)

    status = await lab.rest.market_status()

    assert status.word == "open"
    assert not asked.done()


async def test_snapshots_of_many_come_in_one_call(lab):
    found, failed = await lab.rest.snapshots([A, M, A])

    assert set(found) == {A, M}
    assert failed == {}
    assert len(lab.server.journal.entries) == 1
    assert found[A].prev_close == 100


async def test_symbols_that_were_left_out_are_asked_for_alone_and_fail_by_name(lab):
    found, failed = await lab.rest.snapshots([A, Symbol("NONE"), Symbol("no/pe"), M])

    assert set(found) == {A, M}
    assert set(failed) == {"NONE", "no/pe"}
    assert "not found" in failed[Symbol("NONE")]
    assert len(lab.server.journal.entries) == 2


async def test_bad_answer_for_many_is_asked_for_one_by_one(lab):
    lab.server.faults.http("html_200", path="*/tickers")
    lab.server.faults.http("edit", path="*/tickers/MSFT", set={"ticker.ticker": "AAPL"})

    found, failed = await lab.rest.snapshots([A, M])

    assert set(found) == {A}
    assert failed == {M: "Polygon answered for AAPL"}


@pytest.mark.parametrize(
    ("action", "options", "words"),
    [
        ("drop_before", {}, "broke off"),
        ("unauthorized", {}, "refused the key"),
        ("throttle", {}, "too many requests"),
    ],
)
async def test_failure_of_all_is_told_for_each_and_not_asked_again(lab, action, options, words):
    lab.server.faults.http(action, path="*/tickers", **options)

    found, failed = await lab.rest.snapshots([A, M])

    assert found == {}
    assert set(failed) == {A, M}
    assert all(words in reason for reason in failed.values())
    assert len(lab.server.journal.entries) == 1


async def test_plan_without_snapshots_is_known_as_the_one_with_a_limit(lab):
    lab.server.rest.snapshots = False
    _, failed = await lab.rest.snapshots([A])

    asked = [lab.start(lab.rest.market_status()) for _ in range(6)]
    await until(lambda: sum(each.done() for each in asked) == 5)
    await settle()
    before = asked[5].done()
    await lab.clock.advance(12)

    assert "does not include snapshots" in failed[A]
    assert not before
    assert await asked[5]
    assert lab.told


async def test_last_trade_and_last_quote_are_read(lab):
    trade, quote = await lab.rest.last_trade(A), await lab.rest.last_quote(A)

    listing = lab.server.market.listings[A]
    assert (float(trade.price), float(quote.bid)) == (listing.trade["p"], listing.quote["bp"])
    assert trade.time == quote.time == lab.server.market.now
    lab.server.rest.last = False
    with pytest.raises(NotEntitled):
        await lab.rest.last_trade(A)


async def test_instruments_are_read_over_pages_each_symbol_once(lab):
    lab.server.market.list_stock("BACpL")
    lab.server.market.list_stock("BRK.B", name="Berkshire <b>Hathaway</b>\u202e")
    lab.server.market.list_stock("OLD", active=False)
    lab.server.rest.largest_page = 2

    found = await lab.rest.instruments()

    assert [each.symbol for each in found] == [A, "BRK.B", M]
    assert found[1].name == "Berkshire <b>Hathaway</b>"
    assert len(lab.server.journal.entries) == 3


async def test_market_status_tells_the_vendors_time(lab):
    lab.server.market.advance(7.5)

    assert (await lab.rest.market_status()).server_time == lab.clock.now() + timedelta(seconds=7.5)
