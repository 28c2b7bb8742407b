"""Every paper check against the local Alpaca server: an answer to each question, and nothing left behind."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.adapters.alpaca.limiter import Limiter
from core.adapters.alpaca.paper_bench import Bench, Patience, Seen
from core.adapters.alpaca.paper_checks import answer
from core.clock import SystemClock
from core.domain.credentials import AlpacaCredentials
from core.errors import CredentialsRefused
from core.settings import AlpacaAddresses
from core.tasks import Tasks
from tests.servers.alpaca.server import AlpacaServer

QUICK = Patience(tries=2, listen_s=0.1, find_s=3.0, again_s=0.05, reconnect_s=3.0)


class Table:
    """A server and what is needed to ask it."""

    def __init__(self, server: AlpacaServer) -> None:
        self.server = server
        self.file = io.BytesIO()
        self.told: list[str] = []

    def bench(self, secret: str = "", patience: Patience = QUICK) -> Bench:
        server, clock = self.server, SystemClock()
        addresses = AlpacaAddresses(
            server.trading_url, server.trade_stream_url, server.data_url, server.data_stream_url
        )
        keys = AlpacaCredentials(server.key_id, secret or server.secret)
        return Bench(addresses, keys, clock, Limiter(clock), self.file, self.told.append, patience)

    async def ask(self, check_id: str, patience: Patience = QUICK):
        bench = self.bench(patience=patience)
        try:
            return await answer(check_id, bench)
        finally:
            await bench.close()

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.file.getvalue().splitlines()]


@pytest.fixture
async def table() -> AsyncIterator[Table]:
    server = AlpacaServer()
    await server.start()
    found = Table(server)
    yield found
    assert server.exchange.book.open() == [], "an order was left behind"
    assert server.exchange.check() == []
    assert server.journal.problems() == []
    assert server.secret not in found.file.getvalue().decode()
    assert server.key_id not in found.file.getvalue().decode()
    await server.stop()


@pytest.mark.parametrize(
    ("check_id", "passed", "words"),
    [
        ("P1", True, "HTTP 422, code 40010001: client_order_id must be unique"),
        ("P2", True, "HTTP 422, code 40010001"),
        ("P3", True, "an accepted order was found 2 of 2 times"),
        ("P4", True, "replaced (the old), new (the new)"),
        ("P5", True, "the order ended as canceled while nobody listened; heard afterwards: nothing"),
        ("P6", True, "5 binary; 3 of them trade updates"),
        ("P7", True, "x-ratelimit-limit 200"),
        ("P8", True, "let in"),
        ("P9", True, "easy_to_borrow is there"),
        ("P10", True, "canceled (the entry)"),
        ("P11", None, "needs a person and an open market (it is open)"),
        ("P12", True, "taken: HTTP 200"),
        ("P13", None, "needs a person"),
    ],
)
async def test_question_is_answered_as_the_documents_say(table, check_id, passed, words):
    seen = await table.ask(check_id)

    assert (seen.passed, words in seen.text) == (passed, True), seen
    assert {line["check"] for line in table.lines()} == {check_id}


async def test_order_that_is_found_late_is_told_with_its_time(table):
    table.server.faults.http("reply_status", "GET", "/v2/orders:by_client_order_id", times=3, status=404)

    seen = await table.ask("P3")

    assert seen.passed, seen
    assert "2 of 2 times" in seen.text


async def test_order_that_is_never_found_fails_and_is_named_to_the_person(table):
    table.server.faults.http("reply_status", "GET", "/v2/orders:by_client_order_id", times=None, status=404)

    seen = await table.ask("P3", replace(QUICK, tries=1, find_s=0.1))

    assert (seen.passed, "0 of 1" in seen.text) == (False, True), seen


async def test_lost_answers_are_found_out_about(table):
    # Longer than the program waits, so that the answer comes to nobody.
    table.server.faults.http("delay_reply", "POST", "/v2/orders", times=None, s=0.3)

    seen = await table.ask("P14")

    assert seen.passed, seen
    assert "an order without an answer was found 2 of 2 times" in seen.text
    assert set(table.server.journal.posts_by_id().values()) == {1}


async def test_change_outside_the_session_needs_an_open_market(table):
    table.server.exchange.settings.auto_ack = False
    table.server.exchange.settings.session = "closed"

    seen = await table.ask("P4")

    assert seen.passed is None, seen
    assert seen.text.startswith("needs an open market; the change was refused with HTTP 422")


async def test_data_stream_that_another_program_reads_is_told(table):
    table.server.data_stream.ghosts = 1

    seen = await table.ask("P8")

    assert seen == Seen(None, "the data stream was refused with 406: close the other program that reads it")


async def test_order_that_is_refused_fails_with_the_brokers_words(table):
    table.server.exchange.account.blocks["trading_blocked"] = True

    for check_id in ("P1", "P4", "P10"):
        seen = await table.ask(check_id)
        assert (seen.passed, "an order of one share was not taken" in seen.text) == (False, True)


async def test_throttled_request_is_asked_again(table):
    table.server.faults.http("throttle", "POST", "/v2/orders", retry_after=1)

    seen = await table.ask("P1")

    assert seen.passed, seen


async def test_key_that_opens_nothing_ends_the_asking(table):
    bench = table.bench(secret="another-secret")

    with pytest.raises(CredentialsRefused):
        await bench.open()
    await bench.close()


async def test_question_that_is_stopped_leaves_no_order(table):
    placed = asyncio.Event()
    table.server.exchange.listeners.append(lambda _: placed.set())
    asking = Tasks().spawn(table.ask("P3", replace(QUICK, tries=1000)), "work")
    await placed.wait()

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert table.server.exchange.book.open() == []


async def test_order_that_cannot_be_ended_is_named(table):
    table.server.exchange.settings.auto_cancel = False

    await table.ask("P1", replace(QUICK, find_s=0.3))

    assert any("look for this order at Alpaca" in words for words in table.told)
    for order in table.server.exchange.book.open():
        table.server.exchange.hand.cancel(order.id)


async def test_tape_holds_what_was_said_without_keys(table):
    await table.ask("P6")

    lines = table.lines()
    login = next(line["sent"] for line in lines if line.get("sent", {}).get("action") == "authenticate")
    assert login["data"] == {"key_id": "removed", "secret_key": "removed"}
    assert any(line.get("heard", {}).get("data", {}).get("event") == "canceled" for line in lines)
    assert any(line.get("headers", {}).get("x-ratelimit-limit") == "200" for line in lines)
