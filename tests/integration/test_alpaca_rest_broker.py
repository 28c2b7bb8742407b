"""The broker port on Alpaca, with the real client, over orders that the test writes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from core.adapters.alpaca.broker import AlpacaBroker, probe_account
from core.clock import ManualClock, SystemClock
from core.domain.access import Mode
from core.domain.credentials import AlpacaCredentials
from core.domain.execution import ExecType
from core.domain.money import Price
from core.domain.terms import (
    Contingency,
    Legs,
    NewOrderList,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    OrdStatus,
    Side,
)
from core.errors import (
    BrokerRejected,
    BrokerUnavailable,
    CredentialsRefused,
    OutcomeUnknown,
    SettingInvalid,
)
from core.ids import ClOrdId
from core.settings import vendor_addresses
from tests.builders import dec, single, terms
from tests.fakes.tiny_alpaca import KEYS, MODE, PAGE, START, TinyAlpaca, tiny_alpaca

LIMIT = terms(Side.BUY, 100, "99")
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
async def alpaca(expected_log) -> AsyncIterator[TinyAlpaca]:
    async with tiny_alpaca() as server:
        yield server
        assert server.journal.problems() == []


@pytest.fixture
async def broker(alpaca, tmp_path) -> AsyncIterator[AlpacaBroker]:
    made = AlpacaBroker(MODE, alpaca.addresses, KEYS, SystemClock(), tmp_path)
    await made.connect()
    alpaca.journal.clear()
    yield made
    await made.close()


async def take(broker, count):
    stream = broker.reports()
    async with asyncio.timeout(5):
        return [await anext(stream) for _ in range(count)]


async def held(alpaca):
    """Wait until a request hangs at the server."""
    for _ in range(5_000):
        if alpaca.faults.waiting:
            return
        await asyncio.sleep(0.001)
    pytest.fail("nothing was asked")


# Sending


async def test_submit_returns_the_acknowledgement_and_tells_it_once(broker, alpaca):
    ack = await broker.submit(single("IQ-1", LIMIT))

    assert (ack.exec_id, ack.exec_type, ack.ord_status) == ("o-1:new", ExecType.NEW, OrdStatus.NEW)
    assert ack.terms == LIMIT
    assert alpaca.journal.posts("IQ-1") == 1


async def test_submit_answered_by_a_refusal_in_the_order_is_a_rejection(broker, alpaca):
    alpaca.status = "rejected"

    report = await broker.submit(single("IQ-1", LIMIT))

    assert (report.exec_type, report.proves_acceptance) == (ExecType.REJECTED, False)


async def test_lost_answer_is_unknown_and_sending_again_finds_the_order(broker, alpaca):
    alpaca.faults.http("reply_status", "POST", status=504, phase="after")
    with pytest.raises(OutcomeUnknown):
        await broker.submit(single("IQ-1", LIMIT))
    found = await broker.order(ClOrdId("IQ-1"))

    again = await broker.submit(single("IQ-1", LIMIT))

    assert found.ord_status is OrdStatus.NEW
    assert again.exec_id == "o-1:new"
    assert len(alpaca.orders) == 1


async def test_id_of_another_order_is_unknown_and_says_what_differs(broker, alpaca):
    alpaca.add("IQ-1", qty="7", side="sell")

    with pytest.raises(OutcomeUnknown, match="another order at Alpaca \\(side, qty differ\\)"):
        await broker.submit(single("IQ-1", LIMIT))


@pytest.mark.parametrize("action", ["hang_up", "vanish"])
async def test_id_that_is_taken_and_cannot_be_seen_is_unknown(broker, alpaca, action):
    alpaca.add("IQ-1")
    if action == "vanish":
        alpaca.faults.http("reply_status", "GET", status=404, body='{"code": 40410000, "message": "no"}')
    else:
        alpaca.faults.http("drop_before", "GET", times=None)

    with pytest.raises(OutcomeUnknown, match="IQ-1"):
        await broker.submit(single("IQ-1", LIMIT))


async def test_malformed_value_under_the_code_of_duplicates_is_a_rejection(broker, alpaca):
    body = '{"code": 40010001, "message": "invalid qty"}'
    alpaca.faults.http("reply_status", "POST", status=422, body=body)

    with pytest.raises(BrokerRejected, match="invalid qty"):
        await broker.submit(single("IQ-1", LIMIT))


async def test_second_order_under_an_acknowledged_id_is_unknown_and_not_sent(broker, alpaca):
    await broker.submit(single("IQ-1", LIMIT))

    with pytest.raises(OutcomeUnknown):
        await broker.submit(single("IQ-1", LIMIT))

    assert alpaca.journal.posts("IQ-1") == 1


@pytest.mark.parametrize(
    "edit",
    [
        {"drop": ["id"]},
        {"null": ["qty"]},
        {"null": ["status"]},
        {"set": {"client_order_id": "IQ-other"}},
        {"set": {"filled_qty": "plenty"}},
        {"set": {"side": "sideways"}},
    ],
)
async def test_success_that_cannot_be_read_is_unknown(broker, alpaca, edit):
    alpaca.faults.http("edit", "POST", **edit)

    with pytest.raises(OutcomeUnknown):
        await broker.submit(single("IQ-1", LIMIT))


async def test_success_in_new_words_and_with_less_is_accepted(broker, alpaca, expected_log):
    expected_log("word.unknown")
    alpaca.faults.http(
        "edit", "POST", set={"status": "ruminating", "asset_class": "ipo"}, null=["created_at", "legs"],
        drop=["extended_hours", "notional", "filled_avg_price"],
    )  # fmt: skip

    ack = await broker.submit(single("IQ-1", LIMIT))

    assert (ack.exec_type, ack.text) == (ExecType.NEW, "ruminating")


async def test_list_is_sent_as_one_and_its_legs_are_told_with_its_id(broker, alpaca):
    body = replace(LIMIT, legs=Legs(Contingency.BRACKET, Price("110"), Price("95")))
    leg = alpaca.add("leg", side="sell", type="stop", stop_price="95", status="held", order_class="bracket")
    alpaca.faults.http("edit", "POST", set={"legs": [leg]})

    ack = await broker.submit(NewOrderList(ClOrdId("IQ-1"), body))
    [told] = await take(broker, 1)

    [entry] = alpaca.journal.requests("POST")
    assert (ack.cl_ord_id, entry.body["order_class"]) == ("IQ-1", "bracket")
    assert (told.cl_ord_id, told.list_id, told.ord_status) == ("leg", "IQ-1", OrdStatus.SUSPENDED)


# Cancels and replacements


async def test_cancel_of_an_unknown_id_looks_it_up(broker, alpaca):
    order = alpaca.add("IQ-1")

    await broker.cancel(OrderCancelRequest(ClOrdId("IQ-1"), None))

    assert order["status"] == "canceled"


@pytest.mark.parametrize(("cl_ord_id", "order_id"), [("IQ-1", "o-1"), ("IQ-9", None), ("", "o-9/../x")])
async def test_cancel_of_nothing_is_rejected(broker, alpaca, cl_ord_id, order_id):
    alpaca.add("IQ-1", status="filled")

    with pytest.raises(BrokerRejected, match=r"already|not found"):
        await broker.cancel(OrderCancelRequest(ClOrdId(cl_ord_id), order_id))


async def test_cancel_without_an_answer_is_unknown(broker, alpaca):
    alpaca.add("IQ-1")
    alpaca.faults.http("drop_after", "DELETE")

    with pytest.raises(OutcomeUnknown):
        await broker.cancel(OrderCancelRequest(ClOrdId("IQ-1"), "o-1"))


async def test_cancel_all_answers_order_by_order(broker, alpaca):
    alpaca.add("IQ-1")
    alpaca.add("other")

    first, second = await broker._entry.cancel_all()

    assert (first.order_id, first.is_taken, first.text) == ("o-1", True, "")
    assert (second.order_id, second.is_taken, second.text) == ("o-2", False, "try again")
    assert await broker.cancel_all() is True


async def test_replace_sends_a_new_id_and_tells_both_orders(broker, alpaca):
    await broker.submit(single("IQ-1", LIMIT))

    await broker.replace(
        OrderCancelReplaceRequest(ClOrdId("IQ-2"), ClOrdId("IQ-1"), "o-1", terms(Side.BUY, 120, "98"))
    )
    [told] = await take(broker, 1)
    await alpaca.tell("replaced", alpaca.orders["o-1"])
    [old] = await take(broker, 1)

    [entry] = alpaca.journal.requests("PATCH")
    assert entry.body == {"client_order_id": "IQ-2", "limit_price": "98", "qty": "120"}
    assert (told.cl_ord_id, told.orig_cl_ord_id, told.ord_status) == ("IQ-2", "IQ-1", OrdStatus.NEW)
    assert (old.cl_ord_id, old.exec_type, old.ord_status) == ("IQ-1", ExecType.REPLACED, OrdStatus.REPLACED)


async def test_replace_sent_again_after_a_lost_answer_finds_what_it_made(broker, alpaca):
    await broker.submit(single("IQ-1", LIMIT))
    request = OrderCancelReplaceRequest(ClOrdId("IQ-2"), ClOrdId("IQ-1"), None, terms(Side.BUY, 100, "98"))
    alpaca.add("IQ-2", replaces="o-1", limit_price="98")

    await broker.replace(request)

    assert len(alpaca.orders) == 2


async def test_replace_under_the_id_of_another_order_is_unknown(broker, alpaca):
    await broker.submit(single("IQ-1", LIMIT))
    alpaca.add("IQ-2")

    with pytest.raises(OutcomeUnknown):
        await broker.replace(OrderCancelReplaceRequest(ClOrdId("IQ-2"), ClOrdId("IQ-1"), None, LIMIT))


@pytest.mark.parametrize("status", ["accepted", "filled"])
async def test_replace_that_alpaca_would_refuse_is_not_sent(broker, alpaca, status):
    alpaca.add("IQ-1", status=status)

    with pytest.raises(BrokerRejected, match="not sent"):
        await broker.replace(OrderCancelReplaceRequest(ClOrdId("IQ-2"), ClOrdId("IQ-1"), "o-1", LIMIT))

    assert alpaca.journal.requests("PATCH") == []


@pytest.mark.parametrize("order_id", ["o-9", None])
async def test_replace_of_nothing_is_rejected(broker, alpaca, order_id):
    with pytest.raises(BrokerRejected, match="no order"):
        await broker.replace(OrderCancelReplaceRequest(ClOrdId("IQ-2"), ClOrdId("IQ-1"), order_id, LIMIT))


async def test_replace_of_what_cannot_be_seen_is_not_sent(broker, alpaca):
    alpaca.faults.http("reply_status", "GET", status=503, times=None)

    with pytest.raises(BrokerUnavailable, match="not sent"):
        await broker.replace(OrderCancelReplaceRequest(ClOrdId("IQ-2"), ClOrdId("IQ-1"), None, LIMIT))


# Questions


async def test_order_that_alpaca_does_not_know_is_none(broker):
    assert await broker.order(ClOrdId("IQ-9")) is None


async def test_order_that_cannot_be_asked_for_is_not_absent(broker, alpaca):
    alpaca.faults.http("reply_status", "GET", status=404, body="html", times=None)

    with pytest.raises(BrokerUnavailable):
        await broker.order(ClOrdId("IQ-9"))


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1203])
async def test_open_orders_have_no_gap_and_no_double_over_pages(broker, alpaca, count):
    for number in range(count):  # seven of one moment, over the edges of pages
        alpaca.add(f"IQ-{number}", submitted_at=START.replace(microsecond=number // 7).isoformat())

    listed = [report.cl_ord_id for report in await broker.open_orders()]

    assert sorted(listed) == sorted(f"IQ-{number}" for number in range(count))


async def test_open_orders_that_never_end_are_given_up(broker, alpaca):
    for number in range(PAGE + 5):
        alpaca.add(f"IQ-{number}", submitted_at=START.isoformat())

    with pytest.raises(BrokerUnavailable, match="do not come to an end"):
        await broker.open_orders()


async def test_open_legs_are_known_as_legs_though_their_entry_has_filled(broker, alpaca):
    legs = [alpaca.add(name, side="sell", order_class="bracket") for name in ("profit", "stop")]
    legs[1]["status"] = "held"
    alpaca.add(
        "IQ-1", order_class="bracket", status="filled", filled_qty="100", filled_avg_price="99", legs=legs
    )

    listed = {report.cl_ord_id: report for report in await broker.open_orders()}

    assert {name: report.list_id for name, report in listed.items()} == {"profit": "IQ-1", "stop": "IQ-1"}
    assert listed["stop"].ord_status is OrdStatus.SUSPENDED


async def test_open_bundle_of_options_hides_no_other_order(broker, alpaca, expected_log):
    expected_log("word.unknown")
    alpaca.add("bundle", order_class="mleg", symbol="", side="")
    alpaca.add("IQ-1")

    assert [report.cl_ord_id for report in await broker.open_orders()] == ["IQ-1"]


async def test_order_that_cannot_be_read_is_named_and_the_others_are_listed(broker, alpaca, expected_log):
    expected_log("word.unknown")
    alpaca.add("IQ-1")
    alpaca.add("web-1", side="flip", symbol="MSFT")
    alpaca.add("IQ-3", qty="plenty")
    alpaca.add("web-2", qty="many", symbol="TSLA", status="filled")
    parent = alpaca.add("IQ-2", order_class="bracket")
    parent["legs"] = [{**alpaca.add("leg-1", side=None), "legs": None}]

    listed = await broker.open_orders()
    named = {each.cl_ord_id: (each.symbol, each.text) for each in broker.unreadable}
    told = await broker.activities(BEGINNING)

    assert [report.cl_ord_id for report in listed] == ["IQ-1", "IQ-2"]
    assert named == {
        "web-1": ("MSFT", "Alpaca: order side: expected buy or sell, found 'flip'"),
        "IQ-3": ("AAPL", "Alpaca: order qty: expected a number, found 'plenty'"),
        "leg-1": ("AAPL", "Alpaca: order side: expected a text, found nothing"),
    }
    assert {report.cl_ord_id for report in told} == {"IQ-1"}


@pytest.mark.parametrize("missing", ["symbol", "id"])
async def test_order_that_cannot_even_be_named_makes_the_list_unreadable(broker, alpaca, missing):
    order = alpaca.add("web-1", side="flip")
    order[missing] = None
    if missing == "id":
        order["client_order_id"] = None

    with pytest.raises(BrokerUnavailable):
        await broker.open_orders()


async def test_fill_of_an_order_that_cannot_be_read_is_left_to_the_positions(broker, alpaca, expected_log):
    expected_log("word.unknown")
    order = alpaca.add("web-1", side="flip")
    since = alpaca.now
    alpaca.tick()
    alpaca.fill(order, 60, "99", "99")
    other = alpaca.add("IQ-1")
    alpaca.fill(other, 60, "99", "99")

    told = await broker.activities(since)

    assert {report.cl_ord_id for report in told} == {"IQ-1"}


async def test_activities_tell_acceptances_fills_and_ends_oldest_first(broker, alpaca):
    before = alpaca.add("IQ-old")
    alpaca.tick()
    since = alpaca.now
    order = alpaca.add("IQ-1")
    alpaca.fill(order, 60, "99", "99")
    alpaca.fill(before, 100, "98", "98")
    alpaca.fill(order, 40, "98.5", "98.8")
    canceled = alpaca.add("IQ-2")
    alpaca.change(canceled, status="canceled")

    told = await broker.activities(since)

    assert [report.exec_id for report in told if report.exec_type is not ExecType.ORDER_STATUS] == [
        "o-2:new", "o-2:60", "o-1:100", "o-2:100", "o-3:new",
    ]  # fmt: skip
    ends = {
        report.cl_ord_id: report.ord_status for report in told if report.exec_type is ExecType.ORDER_STATUS
    }
    assert ends == {"IQ-1": OrdStatus.FILLED, "IQ-2": OrdStatus.CANCELED}
    assert [report.transact_time for report in told] == sorted(report.transact_time for report in told)
    assert {report.terms.symbol for report in told} == {"AAPL"}


async def test_activities_of_all_time_come_over_many_pages(broker, alpaca):
    orders = [alpaca.add(f"IQ-{number}") for number in range(3)]
    for number in range(250):
        alpaca.fill(orders[number % 3], 1, "99", "99")

    told = await broker.activities(BEGINNING)

    fills = [report for report in told if report.fill is not None]
    assert len({report.exec_id for report in fills}) == 250
    assert max(report.cum_qty for report in fills) == 84


async def test_account_positions_and_market_are_read(broker, alpaca):
    alpaca.positions = [
        {"symbol": "AAPL", "qty": "-5", "side": "short", "avg_entry_price": "99.1"},
        {"symbol": "MSFT", "qty": "0", "avg_entry_price": "1"},
    ]

    [held] = await broker.positions()
    account = await broker.account()
    clock = await broker.market_clock()
    [first, last] = await broker.calendar(date(2026, 11, 24), date(2026, 11, 25))

    assert (held.symbol, held.qty, held.avg_px) == ("AAPL", -5, dec("99.1"))
    assert (account.cash, account.blocked) == (1000, "")
    assert clock.is_open
    assert clock.now == START
    assert abs(clock.skew_s) > 60  # the server stands in another time
    assert (first.opens.hour, last.day.day) == (14, 25)


async def test_assets_are_asked_for_once_a_day_and_kept(alpaca, tmp_path, expected_log):
    expected_log("assets.")
    alpaca.assets = [
        {"symbol": "AAPL", "class": "us_equity", "name": "Apple", "tradable": True, "status": "active"},
        {"symbol": "BTC/USD", "class": "crypto"},
        {"symbol": "HALT", "class": "us_equity", "tradable": False},
    ]
    clock = ManualClock()

    async def ask():
        broker = AlpacaBroker(MODE, alpaca.addresses, KEYS, clock, tmp_path)
        try:
            return [(each.symbol, each.tradable) for each in await broker.assets()]
        finally:
            await broker.close()

    first, second = await ask(), await ask()
    asked = len(alpaca.journal.requests("GET", "/v2/assets"))
    clock.turn(86_400)
    alpaca.faults.http("reply_status", "GET", status=401, times=None)
    stale = await ask()
    alpaca.faults.clear()
    (tmp_path / "alpaca-assets-paper.json").write_text("{")
    fresh = await ask()

    assert first == [("AAPL", True), ("HALT", False)]
    assert (first, first, first) == (second, stale, fresh)
    assert asked == 1


# The stream


async def test_events_are_told_and_doubted_fills_are_asked_for(broker, alpaca):
    order = alpaca.add("IQ-1")
    await alpaca.tell("new", order)
    await alpaca.tell("partial_fill", order, **alpaca.fill(order, 60, "99", "99"))
    alpaca.fill(order, 20, "98", "98.75")  # its event is lost
    await alpaca.tell("fill", order, **alpaca.fill(order, 20, "97", "98.4"))
    await alpaca.tell("canceled", alpaca.add("IQ-2", status="canceled"))

    both = await take(broker, 7)
    told = [report for report in both if report.cl_ord_id == "IQ-1"]

    assert [report.exec_id for report in told[:5]] == ["o-1:new", "o-1:60", "o-1:60", "o-1:80", "o-1:100"]
    assert told[1] == told[2]
    assert (told[4].last_px, told[4].avg_px, told[4].ord_status) == (97, dec("98.4"), OrdStatus.FILLED)
    assert told[5].exec_type is ExecType.ORDER_STATUS
    assert [report.exec_type for report in both if report.cl_ord_id == "IQ-2"] == [ExecType.CANCELED]


async def test_doubted_fill_keeps_its_own_order_waiting_and_no_other(broker, alpaca):
    order = alpaca.add("IQ-1")
    alpaca.faults.http("delay_reply", "GET", "/v2/account/activities")
    alpaca.fill(order, 60, "99", "99")  # its event is lost
    await alpaca.tell("partial_fill", order, **alpaca.fill(order, 20, "98", "98.75"))
    await alpaca.tell("partial_fill", order, **alpaca.fill(order, 10, "97", "98.56"))
    await alpaca.tell("canceled", alpaca.change(order, status="canceled"))
    other = alpaca.add("IQ-2")
    await alpaca.tell("new", other)
    await alpaca.tell("partial_fill", other, **alpaca.fill(other, 60, "99", "99"))

    meanwhile = await take(broker, 2)
    await held(alpaca)
    alpaca.faults.release()
    told = [(await take(broker, 1))[0]]
    while told[-1].exec_type is not ExecType.CANCELED:
        told += await take(broker, 1)

    assert [report.exec_id for report in meanwhile] == ["o-2:new", "o-2:60"]
    assert list(dict.fromkeys(report.exec_id for report in told if report.fill)) == [
        "o-1:60", "o-1:80", "o-1:90",
    ]  # fmt: skip


async def test_doubted_fills_that_waited_together_are_asked_for_once_more(broker, alpaca):
    order = alpaca.add("IQ-1")
    rule = alpaca.faults.http("delay_reply", "GET", "/v2/account/activities", times=2)
    last = alpaca.fill(order, 60, "99", "99")
    await alpaca.tell("partial_fill", order, **last | {"qty": "1"})
    await held(alpaca)
    for _ in range(20):
        last = alpaca.fill(order, 1, "99", "99")
        await alpaca.tell("partial_fill", order, **last | {"qty": "0.5"})
    await alpaca.tell("new", alpaca.add("IQ-2"))
    await take(broker, 1)

    alpaca.faults.release()
    first = await take(broker, 2)
    await held(alpaca)
    alpaca.faults.release()
    second = await take(broker, 22)

    assert [report.exec_id for report in first if report.fill] == ["o-1:60"]
    assert [report.cum_qty for report in second if report.fill] == [60, *range(61, 81)]
    assert (second[-1].exec_type, second[-1].cum_qty) == (ExecType.ORDER_STATUS, 80)
    assert rule.hits == 2


async def test_doubted_fills_without_an_answer_leave_the_order_behind(broker, alpaca, expected_log):
    expected_log("fills.unanswered")
    order = alpaca.add("IQ-1")
    alpaca.faults.http("reply_status", "GET", "/v2/account/activities", status=500, times=None)
    last = alpaca.fill(order, 60, "99", "99")

    await alpaca.tell("partial_fill", order, **last | {"qty": "0.5"})
    [told] = await take(broker, 1)

    assert (told.exec_type, told.cum_qty) == (ExecType.ORDER_STATUS, 60)


async def test_event_that_cannot_be_read_loses_the_stream(broker, alpaca):
    await alpaca.tell("new", alpaca.add("IQ-1", qty="plenty"))

    with pytest.raises(BrokerUnavailable, match="qty"):
        await take(broker, 1)


async def test_event_of_an_order_that_cannot_be_read_loses_the_stream_until_the_list_has_named_it(
    broker, alpaca, expected_log
):
    expected_log("word.unknown")
    order = alpaca.add("web-1", side="flip")
    await alpaca.tell("new", order)
    with pytest.raises(BrokerUnavailable, match="side"):
        await take(broker, 1)
    await broker.connect()
    await broker.open_orders()

    await alpaca.tell("partial_fill", order, **alpaca.fill(order, 60, "99", "99"))
    await alpaca.tell("new", alpaca.add("IQ-1"))

    assert [report.cl_ord_id for report in await take(broker, 1)] == ["IQ-1"]


async def test_lost_stream_raises_and_connecting_again_reads_anew(broker, alpaca):
    await alpaca.sockets[0].close()
    with pytest.raises(BrokerUnavailable):
        await take(broker, 1)

    await broker.connect()
    await alpaca.tell("new", alpaca.add("IQ-1"))

    assert (await take(broker, 1))[0].cl_ord_id == "IQ-1"


async def test_close_ends_the_reports(broker):
    reading = asyncio.get_running_loop().create_task(take(broker, 1))
    await asyncio.sleep(0.05)

    await broker.close()

    with pytest.raises((StopAsyncIteration, RuntimeError)):
        await reading


# Keys and hosts


async def test_key_that_opens_another_account_than_before_is_refused(broker, alpaca):
    alpaca.account["account_number"] = "PA0009999"

    with pytest.raises(CredentialsRefused, match="another account"):
        await broker.connect()


async def test_refused_key_stops_at_the_first_answer(broker, alpaca):
    alpaca.faults.http("unauthorized", times=None)

    with pytest.raises(CredentialsRefused, match=r"alpaca\.paper"):
        await broker.connect()

    assert len(alpaca.journal.entries) == 1


def test_paper_broker_with_a_live_host_cannot_be_made(tmp_path):
    with pytest.raises(SettingInvalid):
        AlpacaBroker(Mode.PAPER, vendor_addresses(Mode.LIVE), KEYS, ManualClock(), tmp_path)


async def test_probe_says_what_a_key_opens(alpaca):
    opened = await probe_account(MODE, alpaca.addresses, KEYS, SystemClock())
    alpaca.faults.http("unauthorized", times=None)
    refused = await probe_account(MODE, alpaca.addresses, AlpacaCredentials("A", "hush-hush"), SystemClock())

    assert (opened.is_open, opened.text) == (True, "paper account …1234: open for trading; equity $1,000.00")
    assert not refused.is_open
    assert "refused" in refused.text
    assert "hush" not in refused.text
