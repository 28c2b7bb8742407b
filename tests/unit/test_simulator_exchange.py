"""What the embedded exchange does beyond the contract: holds, fees, restarts, races, faults."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.adapters.simulator import Call, read_ledger
from core.adapters.simulator.fees import US_2026
from core.clock import ManualClock
from core.domain.execution import ExecType
from core.domain.terms import OrderCancelReplaceRequest, OrderCancelRequest, OrdStatus, Side, TimeInForce
from core.errors import BadInput, BrokerRejected, BrokerUnavailable, OutcomeUnknown
from core.failpoints import arm, disarm_all
from core.ids import ClOrdId
from tests.builders import dec, single, terms
from tests.contract.exchange_harness import ExchangeHarness

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture(autouse=True)
def harmless_failpoints() -> Iterator[None]:
    yield
    disarm_all()


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[ExchangeHarness]:
    harness = await ExchangeHarness(tmp_path / "exchange.jsonl").open()
    yield harness
    harness.exchange.close()


def cancel(cl_ord_id: str) -> OrderCancelRequest:
    return OrderCancelRequest(ClOrdId(cl_ord_id), None)


def swap(new: str, old: str, body) -> OrderCancelReplaceRequest:
    return OrderCancelReplaceRequest(ClOrdId(new), ClOrdId(old), None, body)


@pytest.mark.parametrize(
    ("side", "qty", "px", "fee"),
    [
        (BUY, "100000", "500", "0"),
        (SELL, "1", "10.00", "0.02"),
        (SELL, "1000", "100.00", "2.26"),
        (SELL, "100000", "1.00", "11.85"),
    ],
)
def test_fees_fall_on_sales_and_round_up(side: Side, qty: str, px: str, fee: str) -> None:
    assert US_2026.fee(side, dec(qty), dec(px)) == dec(fee)


async def test_fee_of_a_sale_is_reported_and_leaves_the_cash(tmp_path: Path) -> None:
    harness = await ExchangeHarness(tmp_path / "fees.jsonl", fees=True).open()
    await harness.broker.submit(single("IQ-1", terms(BUY, 100)))
    before = (await harness.broker.account()).cash

    await harness.broker.submit(single("IQ-2", terms(SELL, 100)))

    report = harness.exchange.activities(harness.now())[-1]
    assert report.fee == dec("0.23")
    assert (await harness.broker.account()).cash == before + 100 * dec("100.00") - report.fee
    harness.exchange.close()


async def test_average_price_is_of_purchases_and_survives_a_sale(harness: ExchangeHarness) -> None:
    await harness.broker.submit(single("IQ-1", terms(BUY, 100)))
    await harness.quote("109.98", "110.02")
    await harness.broker.submit(single("IQ-2", terms(BUY, 100)))

    await harness.broker.submit(single("IQ-3", terms(SELL, 50)))

    position = (await harness.broker.positions())[0]
    assert (position.qty, position.avg_px) == (150, dec("105.02"))


async def test_equity_follows_the_last_trade_and_the_day_starts_from_it(harness: ExchangeHarness) -> None:
    await harness.broker.submit(single("IQ-1", terms(BUY, 100)))
    await harness.trade("111.00")
    before = await harness.broker.account()

    await harness.close_market()
    await harness.open_market()

    account = await harness.broker.account()
    assert before.start_equity == 100_000
    assert account.equity == account.start_equity == 100_000 - 100 * dec("100.02") + 100 * dec("111.00")


async def test_market_order_that_can_no_longer_be_paid_is_canceled(harness: ExchangeHarness) -> None:
    await harness.quote("99.99", "100.00", ask_size=10)
    await harness.broker.submit(single("IQ-1", terms(BUY, 1000)))

    await harness.quote("101.00", "101.01", ask_size=1000)

    report = harness.exchange.order(ClOrdId("IQ-1"))
    assert report is not None
    assert (report.ord_status, report.cum_qty) == (OrdStatus.CANCELED, 10)
    assert (await harness.broker.account()).cash == 100_000 - 10 * dec("100.00")


async def test_hold_of_a_market_order_follows_the_price_it_has_to_pay(harness: ExchangeHarness) -> None:
    await harness.quote("99.99", "100.00", ask_size=10)
    await harness.broker.submit(single("IQ-1", terms(BUY, 100)))

    await harness.quote("101.00", "101.01", ask_size=10)

    account = await harness.broker.account()
    assert account.cash - account.buying_power == 80 * dec("101.01")


async def test_quote_of_yesterday_does_not_trade_at_the_open(harness: ExchangeHarness) -> None:
    await harness.close_market()
    await harness.open_market()

    await harness.broker.submit(single("IQ-1", terms(BUY, 100, "150.00")))

    assert harness.exchange.order(ClOrdId("IQ-1")).cum_qty == 0


async def test_stop_does_not_take_part_in_the_trade_that_woke_it(harness: ExchangeHarness) -> None:
    await harness.quote("100.00", "102.00")
    await harness.broker.submit(single("IQ-1", terms(BUY, 100, "101.00", stop="100.50")))

    await harness.trade("100.60", 500)

    assert harness.exchange.order(ClOrdId("IQ-1")).cum_qty == 0


async def test_stop_is_refused_for_now_or_never(harness: ExchangeHarness) -> None:
    with pytest.raises(BrokerRejected, match="stop order"):
        await harness.broker.submit(single("IQ-1", terms(BUY, 1, stop="101.00", tif=TimeInForce.IOC)))


async def test_refusals_are_reported_on_the_stream(harness: ExchangeHarness) -> None:
    with pytest.raises(BrokerRejected) as caught:
        await harness.broker.submit(single("IQ-1", terms(SELL, 1)))

    report = await harness.next_report()
    assert (report.exec_type, report.order_id, report.text) == (ExecType.REJECTED, None, caught.value.text)


async def test_replace_reports_both_orders_and_then_trades(harness: ExchangeHarness) -> None:
    await harness.broker.submit(single("IQ-1", terms(BUY, 100, "99.00")))
    await harness.next_report()

    await harness.broker.replace(swap("IQ-2", "IQ-1", terms(BUY, 100, "101.00")))

    seen = [await harness.next_report() for _ in range(3)]
    assert [(report.cl_ord_id, report.exec_type, report.ord_status) for report in seen] == [
        ("IQ-1", ExecType.REPLACED, OrdStatus.REPLACED),
        ("IQ-2", ExecType.REPLACED, OrdStatus.NEW),
        ("IQ-2", ExecType.TRADE, OrdStatus.FILLED),
    ]


async def test_refused_replace_reports_both_orders(harness: ExchangeHarness) -> None:
    await harness.broker.submit(single("IQ-1", terms(BUY, 100)))
    await harness.next_report()
    await harness.next_report()

    with pytest.raises(BrokerRejected, match="FILLED"):
        await harness.broker.replace(swap("IQ-2", "IQ-1", terms(BUY, 200)))

    seen = [await harness.next_report() for _ in range(2)]
    assert [(report.cl_ord_id, report.exec_type) for report in seen] == [
        ("IQ-1", ExecType.REPLACE_REJECTED),
        ("IQ-2", ExecType.REJECTED),
    ]


async def test_replace_does_not_count_the_old_order_against_the_new(harness: ExchangeHarness) -> None:
    await harness.broker.submit(single("IQ-1", terms(BUY, 1000, "99.00")))

    await harness.broker.replace(swap("IQ-2", "IQ-1", terms(BUY, 1000, "99.50")))

    assert (await harness.broker.account()).buying_power == 100_000 - 1000 * dec("99.50")


async def test_cancel_that_a_fill_overtakes_is_rejected(tmp_path: Path) -> None:
    clock = ManualClock()
    harness = await ExchangeHarness(tmp_path / "race.jsonl", clock).open()
    await harness.broker.submit(single("IQ-1", terms(BUY, 100, "99.00")))
    late = harness.settings.__class__(fees=False, fsync=False, latency_s=0.2)
    harness.exchange.settings = late

    async with asyncio.TaskGroup() as group:
        asked = group.create_task(attempt(harness, "IQ-1"))
        await clock.advance(0.1)
        await harness.quote("98.00", "98.02")
        await clock.advance(0.3)

    assert "FILLED" in asked.result()
    harness.exchange.close()


async def attempt(harness: ExchangeHarness, cl_ord_id: str) -> str:
    try:
        await harness.broker.cancel(cancel(cl_ord_id))
    except BrokerRejected as error:
        return error.text
    return ""


async def test_latency_delays_arrival_and_answer(tmp_path: Path) -> None:
    clock = ManualClock()
    harness = ExchangeHarness(tmp_path / "late.jsonl", clock, latency_s=0.2)

    async with asyncio.TaskGroup() as group:
        group.create_task(harness.open())
        await clock.advance(0.2)
    async with asyncio.TaskGroup() as group:
        sent = group.create_task(harness.broker.submit(single("IQ-1", terms(BUY, 1, "99.00"))))
        await clock.advance(0.1)
        on_its_way = harness.exchange.order(ClOrdId("IQ-1"))
        await clock.advance(0.15)
        arrived, answered = harness.exchange.order(ClOrdId("IQ-1")), sent.done()
        await clock.advance(0.2)

    assert on_its_way is None
    assert arrived is not None
    assert not answered
    assert sent.done()
    harness.exchange.close()


async def test_duplicated_dropped_and_reordered_reports(harness: ExchangeHarness) -> None:
    harness.faults.duplicate_reports()
    await harness.broker.submit(single("IQ-1", terms(BUY, 1, "99.00")))
    twice = [await harness.next_report() for _ in range(2)]
    harness.faults.hold_reports(2)
    await harness.broker.submit(single("IQ-2", terms(BUY, 1)))
    reversed_pair = [await harness.next_report() for _ in range(2)]
    harness.faults.drop_reports()
    await harness.broker.submit(single("IQ-3", terms(BUY, 1)))
    left = await harness.next_report()

    assert twice[0] == twice[1]
    assert [report.exec_type for report in reversed_pair] == [ExecType.TRADE, ExecType.NEW]
    assert (left.cl_ord_id, left.exec_type) == ("IQ-3", ExecType.TRADE)


async def test_unavailable_call_sends_nothing(harness: ExchangeHarness) -> None:
    harness.faults.be_unavailable(Call.SUBMIT)

    with pytest.raises(BrokerUnavailable):
        await harness.broker.submit(single("IQ-1", terms(BUY, 1, "99.00")))

    assert harness.exchange.activities(harness.now() - timedelta(days=1)) == ()


@pytest.mark.parametrize(
    "call", [Call.ORDER, Call.OPEN_ORDERS, Call.POSITIONS, Call.ACCOUNT, Call.ACTIVITIES]
)
async def test_failed_query_raises_once_and_is_never_empty(harness: ExchangeHarness, call: Call) -> None:
    asks = {
        Call.ORDER: lambda: harness.broker.order(ClOrdId("IQ-1")),
        Call.OPEN_ORDERS: harness.broker.open_orders,
        Call.POSITIONS: harness.broker.positions,
        Call.ACCOUNT: harness.broker.account,
        Call.ACTIVITIES: lambda: harness.broker.activities(harness.now()),
    }
    harness.faults.be_unavailable(call)

    with pytest.raises(BrokerUnavailable):
        await asks[call]()

    await asks[call]()


async def test_stream_that_nobody_reads_is_cut_and_not_grown(harness: ExchangeHarness) -> None:
    for number in range(5_001):
        await harness.broker.submit(single(f"IQ-{number}", terms(BUY, 1, "1.00")))
        await harness.broker.cancel(cancel(f"IQ-{number}"))

    with pytest.raises(BrokerUnavailable):
        await harness.next_report()


async def test_closing_ends_the_stream(harness: ExchangeHarness) -> None:
    await harness.broker.close()

    with pytest.raises(StopAsyncIteration):
        await harness.next_report()


async def test_restart_answers_as_before(tmp_path: Path) -> None:
    path = tmp_path / "exchange.jsonl"
    harness = await ExchangeHarness(path).open()
    await work_a_while(harness)
    before = answers(harness)
    harness.exchange.close()

    again = ExchangeHarness(path)

    assert answers(again) == before
    assert again.exchange.last_time() == harness.now()
    again.exchange.close()


async def test_restart_goes_on_with_new_ids_and_the_same_priority(tmp_path: Path) -> None:
    path = tmp_path / "exchange.jsonl"
    harness = await ExchangeHarness(path).open()
    await harness.broker.submit(single("IQ-1", terms(BUY, 100, "99.00", tif=TimeInForce.GTC)))
    await harness.broker.submit(single("IQ-2", terms(BUY, 100, "99.00", tif=TimeInForce.GTC)))
    harness.exchange.close()

    again = await ExchangeHarness(path).open()
    await again.broker.submit(single("IQ-3", terms(BUY, 100, "99.00")))
    await again.quote("98.00", "98.10", ask_size=100)

    reports = again.exchange.activities(harness.now() - timedelta(days=1))
    assert len({report.exec_id for report in reports}) == len(reports)
    assert again.exchange.order(ClOrdId("IQ-1")).ord_status is OrdStatus.FILLED
    with pytest.raises(OutcomeUnknown):
        await again.broker.submit(single("IQ-1", terms(BUY, 1, "99.00")))
    again.exchange.close()


async def test_triggered_stop_is_still_triggered_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "exchange.jsonl"
    harness = await ExchangeHarness(path).open()
    await harness.broker.submit(single("IQ-1", terms(BUY, 100, "100.60", stop="100.50")))
    await harness.quote("100.68", "100.70")
    await harness.trade("100.55")
    harness.exchange.close()

    again = await ExchangeHarness(path).open()
    await again.quote("100.30", "100.32")

    assert again.exchange.order(ClOrdId("IQ-1")).ord_status is OrdStatus.FILLED
    again.exchange.close()


async def test_torn_last_line_is_cut_and_the_rest_stands(tmp_path: Path) -> None:
    path = tmp_path / "exchange.jsonl"
    harness = await ExchangeHarness(path).open()
    await harness.broker.submit(single("IQ-1", terms(BUY, 100)))
    harness.exchange.close()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"facts":[{"kind":"order","se')

    again = ExchangeHarness(path)

    assert path.read_bytes() == whole
    assert again.exchange.positions()[0].qty == 100
    again.exchange.close()


def test_line_that_is_no_ledger_is_said_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "exchange.jsonl"
    path.write_text('{"time":"2026-11-20T14:30:00+00:00","facts":[]}\nnonsense\n')

    with pytest.raises(BadInput, match="line 2"):
        ExchangeHarness(path)


async def test_order_that_could_not_be_written_is_unknown_and_written_with_the_next(
    harness: ExchangeHarness,
) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    arm("simulator.ledger.before_write", full)
    with pytest.raises(OutcomeUnknown, match="ledger"):
        await harness.broker.submit(single("IQ-1", terms(BUY, 1, "99.00")))
    lost = [fact["kind"] for fact in read_ledger(harness.path)]
    disarm_all()

    await harness.broker.submit(single("IQ-2", terms(BUY, 1, "99.00")))

    assert lost == ["genesis", "day"]
    assert [fact["cl_ord_id"] for fact in read_ledger(harness.path) if fact["kind"] == "order"] == [
        "IQ-1",
        "IQ-2",
    ]


async def test_ledger_has_one_line_a_commit_and_a_number_a_fact(harness: ExchangeHarness) -> None:
    await work_a_while(harness)

    lines = [json.loads(line) for line in harness.path.read_text().splitlines()]
    facts = [fact for line in lines for fact in line["facts"]]
    assert [fact["seq"] for fact in facts] == list(range(1, len(facts) + 1))
    assert {fact["kind"] for fact in facts} == {"genesis", "day", "order", "report", "triggered"}
    assert [dict(fact) for fact in read_ledger(harness.path)] == [
        {"time": line["time"], **fact} for line in lines for fact in line["facts"]
    ]


async def work_a_while(harness: ExchangeHarness) -> None:
    await harness.broker.submit(single("IQ-1", terms(BUY, 300)))
    await harness.quote("100.00", "100.05", ask_size=40)
    await harness.broker.submit(single("IQ-2", terms(BUY, 100, "100.05")))
    await harness.broker.replace(swap("IQ-3", "IQ-2", terms(BUY, 90, "100.01")))
    await harness.broker.submit(single("IQ-4", terms(SELL, 100, stop="99.00")))
    await harness.broker.submit(single("IQ-5", terms(SELL, 50, "130.00", tif=TimeInForce.GTC)))
    await harness.external(terms(BUY, 10, "90.00"))
    with pytest.raises(BrokerRejected):
        await harness.broker.submit(single("IQ-6", terms(SELL, 9_999)))
    await harness.trade("98.99", 30)
    await harness.broker.cancel(cancel("IQ-5"))
    await harness.broker.submit(single("IQ-7", terms(SELL, 50, "130.00", tif=TimeInForce.GTC)))


def answers(harness: ExchangeHarness) -> list[object]:
    exchange = harness.exchange
    account = exchange.account()
    return [
        exchange.open_orders(),
        exchange.positions(),
        (account.cash, account.buying_power, account.start_equity),
        exchange.activities(harness.now() - timedelta(days=30)),
        [exchange.order(ClOrdId(f"IQ-{number}")) for number in range(1, 9)],
    ]


def test_ledger_of_an_earlier_version_is_read_and_continued(tmp_path: Path) -> None:
    path = tmp_path / "exchange.jsonl"
    body = {
        "symbol": "AAPL", "side": "buy", "ord_type": "limit", "time_in_force": "gtc", "order_qty": "100",
        "price": "99.00", "stop_px": None,
    }  # fmt: skip
    report = {
        "exec_id": "X-00000004", "exec_type": "new", "cl_ord_id": "IQ-1", "order_id": "O-00000003",
        "terms": body, "ord_status": "NEW", "cum_qty": "0", "leaves_qty": "100", "avg_px": None,
        "transact_time": "2026-11-20T14:31:00+00:00", "last_qty": None, "last_px": None, "fee": "0",
        "orig_cl_ord_id": None, "text": "",
    }  # fmt: skip
    facts = [
        {"seq": 1, "kind": "genesis", "cash": "100000"},
        {"seq": 2, "kind": "day", "day": "2026-11-20", "start_equity": "100000"},
        {"seq": 3, "kind": "order", "order_id": "O-00000003", "cl_ord_id": "IQ-1", "orig_cl_ord_id": None,
         "terms": body, "priority": 3, "hold_px": "99.00"},
        {"seq": 4, "kind": "report", "report": report, "cash": None},
    ]  # fmt: skip
    path.write_text(json.dumps({"time": "2026-11-20T14:31:00+00:00", "facts": facts}) + "\n")

    harness = ExchangeHarness(path)

    known = harness.exchange.order(ClOrdId("IQ-1"))
    assert known is not None
    assert (known.ord_status, known.leaves_qty, known.list_id) == (OrdStatus.NEW, 100, None)
    assert harness.exchange.account().buying_power == 100_000 - 100 * dec("99.00")
    harness.exchange.cancel(cancel("IQ-1"))
    assert read_ledger(path)[-1]["seq"] == 5
    harness.exchange.close()
