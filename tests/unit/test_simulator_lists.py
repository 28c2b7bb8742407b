"""Lists at the embedded exchange, beyond the contract: restarts, replacements, the close, short sales."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from core.domain.execution import ExecType
from core.domain.money import Price, Qty
from core.domain.terms import Contingency, Legs, OrdStatus, OrdType, Side, TimeInForce
from core.errors import BrokerRejected
from core.ids import ClOrdId
from tests.builders import dec, single, terms
from tests.contract.broker_harness import MSFT, cancel, fills, position, state, swap, working
from tests.contract.exchange_harness import ExchangeHarness
from tests.contract.order_kinds_contract import bracket, fill_of, legs, orders, pair

BUY, SELL = Side.BUY, Side.SELL
GTC = TimeInForce.GTC


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[ExchangeHarness]:
    harness = await ExchangeHarness(tmp_path / "exchange.jsonl").open()
    yield harness
    harness.exchange.close()


async def again(harness: ExchangeHarness) -> ExchangeHarness:
    """Close the exchange as it stands and open it on its ledger."""
    harness.exchange.note_time()
    harness.exchange.close()
    return await ExchangeHarness(harness.path).open()


async def test_reports_of_a_bracket_come_in_the_order_of_its_life(harness: ExchangeHarness) -> None:
    await harness.broker.submit(orders("IQ-1", bracket(terms(BUY, 100), "105.00", "95.00")))
    await harness.quote("105.00", "105.02")

    seen = [await harness.next_report() for _ in range(8)]
    assert [(report.exec_type, report.ord_status, report.list_id) for report in seen] == [
        (ExecType.NEW, OrdStatus.NEW, None),
        (ExecType.SUSPENDED, OrdStatus.SUSPENDED, "IQ-1"),
        (ExecType.SUSPENDED, OrdStatus.SUSPENDED, "IQ-1"),
        (ExecType.TRADE, OrdStatus.FILLED, None),
        (ExecType.RESTATED, OrdStatus.NEW, "IQ-1"),
        (ExecType.RESTATED, OrdStatus.NEW, "IQ-1"),
        (ExecType.TRADE, OrdStatus.FILLED, "IQ-1"),
        (ExecType.CANCELED, OrdStatus.CANCELED, "IQ-1"),
    ]


async def test_legs_that_wait_still_wait_after_a_restart_and_then_work(harness: ExchangeHarness) -> None:
    body = bracket(terms(BUY, 100, "99.00", tif=GTC), "105.00", "95.00")
    await harness.broker.submit(orders("IQ-1", body))
    before = harness.exchange.open_orders()

    restarted = await again(harness)
    waiting = restarted.exchange.open_orders()
    await restarted.quote("98.98", "99.00")
    await restarted.quote("105.00", "105.02")

    assert waiting == before
    assert await position(restarted) == 0
    assert await working(restarted) == {}
    restarted.exchange.close()


async def test_legs_at_work_end_one_another_after_a_restart(harness: ExchangeHarness) -> None:
    body = bracket(terms(BUY, 100, tif=GTC), "105.00", "95.00")
    await harness.broker.submit(orders("IQ-1", body))
    await harness.quote("105.00", "105.02", bid_size=40)

    restarted = await again(harness)
    await restarted.quote("94.90", "94.92")
    await restarted.trade("95.00")

    assert await position(restarted) == 0
    assert await working(restarted) == {}
    restarted.exchange.close()


async def test_cancel_of_an_entry_that_filled_in_part_leaves_legs_for_what_filled(
    harness: ExchangeHarness,
) -> None:
    await harness.quote("99.98", "100.00", ask_size=60)
    await harness.broker.submit(orders("IQ-1", bracket(terms(BUY, 100, "100.00"), "105.00", "95.00")))

    await harness.broker.cancel(cancel("IQ-1"))
    at_work = await legs(harness, "IQ-1")
    await harness.quote("105.00", "105.02")

    assert await state(harness, "IQ-1") == (OrdStatus.CANCELED, 60)
    assert {leg.ord_status for leg in at_work} == {OrdStatus.NEW}
    assert await position(harness) == 0
    assert await working(harness) == {}


async def test_legs_for_a_part_of_the_entry_survive_a_restart(harness: ExchangeHarness) -> None:
    await harness.quote("99.98", "100.00", ask_size=60)
    body = bracket(terms(BUY, 100, "100.00", tif=GTC), "105.00", "95.00")
    await harness.broker.submit(orders("IQ-1", body))
    await harness.broker.cancel(cancel("IQ-1"))

    restarted = await again(harness)
    takes, stops = await legs(restarted, "IQ-1")
    await restarted.quote("105.00", "105.02")

    assert takes.terms.order_qty == stops.terms.order_qty == 60
    assert await state(restarted, takes.cl_ord_id) == (OrdStatus.FILLED, 60)
    assert await position(restarted) == 0
    restarted.exchange.close()


async def test_shares_of_an_entry_under_way_are_set_aside_for_its_legs(harness: ExchangeHarness) -> None:
    await harness.quote("99.98", "100.00", ask_size=60)
    await harness.broker.submit(orders("IQ-1", bracket(terms(BUY, 100, "100.00"), "105.00", "95.00")))

    with pytest.raises(BrokerRejected, match="short"):
        await harness.broker.submit(single("IQ-2", terms(SELL, 1, "110.00")))


async def test_entry_that_is_replaced_keeps_its_legs(harness: ExchangeHarness) -> None:
    body = bracket(terms(BUY, 100, "99.00", tif=GTC), "105.00", "95.00")
    await harness.broker.submit(orders("IQ-1", body))

    await harness.broker.replace(swap("IQ-2", "IQ-1", replace(body, price=Price("99.50"))))
    restarted = await again(harness)
    waiting = await legs(restarted, "IQ-1")
    await restarted.quote("99.48", "99.50")

    assert {leg.ord_status for leg in waiting} == {OrdStatus.SUSPENDED}
    assert await state(restarted, "IQ-2") == (OrdStatus.FILLED, 100)
    assert {leg.ord_status for leg in await legs(restarted, "IQ-1")} == {OrdStatus.NEW}
    restarted.exchange.close()


async def test_leg_that_waits_is_replaced_and_goes_on_waiting(harness: ExchangeHarness) -> None:
    await harness.broker.submit(orders("IQ-1", bracket(terms(BUY, 100, "99.00"), "105.00", "95.00")))
    _, stops = await legs(harness, "IQ-1")

    await harness.broker.replace(swap("IQ-2", stops.cl_ord_id, replace(stops.terms, stop_px=Price("96.00"))))

    assert await state(harness, "IQ-2") == (OrdStatus.SUSPENDED, 0)
    assert harness.exchange.activities(harness.now())[-1].exec_type is ExecType.SUSPENDED
    assert (await legs(harness, "IQ-1"))[1].cl_ord_id == "IQ-2"


@pytest.mark.parametrize(
    ("leg", "changes", "word"),
    [
        (0, {"price": Price("94.00")}, "beyond"),
        (1, {"stop_px": Price("98.995")}, "tick"),
        (1, {"stop_px": Price("99.00")}, "from"),
        (0, {"order_qty": Qty(50)}, "only prices"),
        (1, {"time_in_force": GTC}, "only prices"),
        (0, {"legs": Legs(Contingency.BRACKET, Price("105.00"), Price("95.00"))}, "own ids"),
    ],
)
async def test_leg_that_is_replaced_by_what_does_not_fit_is_refused(
    harness: ExchangeHarness, leg: int, changes: dict, word: str
) -> None:
    await harness.broker.submit(orders("IQ-1", bracket(terms(BUY, 100, "99.00"), "105.00", "95.00")))
    old = (await legs(harness, "IQ-1"))[leg]

    with pytest.raises(BrokerRejected, match=word):
        await harness.broker.replace(swap("IQ-2", old.cl_ord_id, replace(old.terms, **changes)))

    assert await state(harness, old.cl_ord_id) == (OrdStatus.SUSPENDED, 0)


async def test_pair_that_is_replaced_keeps_ending_its_stop(harness: ExchangeHarness) -> None:
    await harness.broker.submit(single("IQ-0", terms(BUY, 100)))
    body = pair(SELL, 100, "105.00", "95.00")
    await harness.broker.submit(orders("IQ-1", body))

    dearer = replace(body, price=Price("106.00"), legs=replace(body.legs, take_profit=Price("106.00")))
    await harness.broker.replace(swap("IQ-2", "IQ-1", dearer))
    await harness.quote("106.00", "106.02")

    assert await state(harness, "IQ-2") == (OrdStatus.FILLED, 100)
    assert await working(harness) == {}


async def test_pair_cannot_be_replaced_together_with_its_stop(harness: ExchangeHarness) -> None:
    await harness.broker.submit(single("IQ-0", terms(BUY, 100)))
    body = pair(SELL, 100, "105.00", "95.00")
    await harness.broker.submit(orders("IQ-1", body))

    with pytest.raises(BrokerRejected, match="own ids"):
        await harness.broker.replace(
            swap("IQ-2", "IQ-1", replace(body, legs=replace(body.legs, stop_px=Price("96.00"))))
        )


async def test_order_of_another_kind_in_the_place_of_a_leg_is_refused(harness: ExchangeHarness) -> None:
    await harness.broker.submit(orders("IQ-1", bracket(terms(BUY, 100), "105.00", "95.00")))
    takes, stops = await legs(harness, "IQ-1")

    with pytest.raises(BrokerRejected, match="order type"):
        await harness.broker.replace(swap("IQ-2", takes.cl_ord_id, stops.terms))
    with pytest.raises(BrokerRejected, match="prices"):
        await harness.broker.replace(swap("IQ-3", takes.cl_ord_id, replace(takes.terms, price=None)))
    await harness.quote("105.00", "105.02", bid_size=40)
    with pytest.raises(BrokerRejected, match="filled already"):
        await harness.broker.replace(swap("IQ-4", takes.cl_ord_id, replace(takes.terms, order_qty=Qty(40))))


async def test_bracket_for_the_day_that_did_not_begin_expires_whole(harness: ExchangeHarness) -> None:
    await harness.broker.submit(orders("IQ-1", bracket(terms(BUY, 100, "99.00"), "105.00", "95.00")))
    takes, stops = await legs(harness, "IQ-1")

    await harness.close_market()

    ids = ("IQ-1", takes.cl_ord_id, stops.cl_ord_id)
    assert {await state(harness, each) for each in ids} == {(OrdStatus.EXPIRED, 0)}


async def test_legs_for_the_day_expire_at_the_close(harness: ExchangeHarness) -> None:
    await harness.broker.submit(orders("IQ-1", bracket(terms(BUY, 100), "105.00", "95.00")))
    takes, stops = await legs(harness, "IQ-1")

    await harness.close_market()

    ids = (takes.cl_ord_id, stops.cl_ord_id)
    assert {await state(harness, each) for each in ids} == {(OrdStatus.EXPIRED, 0)}


async def test_entry_that_expires_with_some_shares_leaves_legs_for_the_next_day(
    harness: ExchangeHarness,
) -> None:
    await harness.quote("99.98", "100.00", ask_size=60)
    await harness.broker.submit(orders("IQ-1", bracket(terms(BUY, 100, "100.00"), "105.00", "95.00")))

    await harness.close_market()
    waiting = await legs(harness, "IQ-1")
    await harness.open_market()
    await harness.quote("105.00", "105.02")

    assert {leg.terms.order_qty for leg in waiting} == {60}
    assert await position(harness) == 0


async def test_bracket_of_a_short_sale_gives_the_shares_back(harness: ExchangeHarness) -> None:
    await harness.permit_short()
    body = bracket(terms(SELL, 500, "100.00", symbol=MSFT, tif=GTC), "95.00", "105.00")
    await harness.broker.submit(orders("IQ-1", body))
    owed = await position(harness, MSFT)

    await harness.quote("104.98", "105.00", symbol=MSFT)
    await harness.trade("105.00", symbol=MSFT)

    assert owed == -500
    assert await position(harness, MSFT) == 0
    assert await working(harness) == {}
    assert (await harness.broker.account()).cash == 100_000 - 500 * dec("5.00")


async def test_pair_that_buys_back_what_is_owed_needs_no_buying_power(harness: ExchangeHarness) -> None:
    await harness.permit_short()
    await harness.quote("100.00", "100.02", symbol=MSFT)
    await harness.broker.submit(single("IQ-1", terms(SELL, 900, symbol=MSFT)))

    await harness.broker.submit(orders("IQ-2", replace(pair(BUY, 900, "95.00", "105.00"), symbol=MSFT)))
    with pytest.raises(BrokerRejected, match="closed"):
        await harness.broker.submit(orders("IQ-3", replace(pair(BUY, 1, "95.00", "105.00"), symbol=MSFT)))
    await harness.quote("94.98", "95.00", symbol=MSFT)

    assert await fills(harness, "IQ-2") == [(900, dec("95.00"))]
    assert await working(harness) == {}


async def test_bust_of_an_entry_ends_the_legs_that_have_nothing_to_sell(harness: ExchangeHarness) -> None:
    await harness.broker.submit(orders("IQ-1", bracket(terms(BUY, 100, tif=GTC), "105.00", "95.00")))
    fill = await fill_of(harness, "IQ-1")

    await harness.bust(fill.exec_id)

    assert await state(harness, "IQ-1") == (OrdStatus.CANCELED, 0)
    assert await working(harness) == {}


async def test_bracket_of_a_list_without_room_between_its_prices_names_them(harness: ExchangeHarness) -> None:
    for body, word in (
        (bracket(terms(BUY, 1), "100.02", "95.00"), "take profit 100.02"),
        (bracket(terms(BUY, 1), "105.00", "100.02"), "stop loss 100.02"),
        (bracket(terms(BUY, 1), "105.00", "95.00", "95.01"), "wrong side"),
        (bracket(terms(BUY, 1, stop="101.00"), "105.00", "95.00"), "market or a limit"),
        (bracket(terms(BUY, 1), "105.001", "95.00"), "take-profit price"),
        (bracket(terms(BUY, 1), "105.00", "0"), "stop-loss price"),
        (replace(pair(SELL, 1, "105.00", "95.00"), price=Price("104.00")), "at that price"),
    ):
        with pytest.raises(BrokerRejected, match=word):
            await harness.broker.submit(orders("IQ-1", body))


async def test_ledger_names_legs_by_list_and_role_and_leaves_other_orders_as_they_were(
    harness: ExchangeHarness,
) -> None:
    await harness.broker.submit(single("IQ-1", terms(BUY, 1, "99.00")))
    await harness.broker.submit(orders("IQ-2", bracket(terms(BUY, 1, "99.00"), "105.00", "95.00")))

    lines = [json.loads(line) for line in harness.path.read_text().splitlines()]
    entered = [fact for line in lines for fact in line["facts"] if fact["kind"] == "order"]
    assert [(fact.get("list_id"), fact.get("role"), fact.get("suspended")) for fact in entered] == [
        (None, None, None),
        (None, None, None),
        ("IQ-2", "take_profit", True),
        ("IQ-2", "stop_loss", True),
    ]
    assert set(entered[0]) == {
        "seq",
        "kind",
        "order_id",
        "cl_ord_id",
        "orig_cl_ord_id",
        "terms",
        "priority",
        "hold_px",
    }
    assert entered[2]["cl_ord_id"].startswith("LEG-")
    assert harness.exchange.activities(harness.now() - timedelta(days=1))[-1].list_id == "IQ-2"
    assert harness.exchange.order(ClOrdId(entered[3]["cl_ord_id"])).terms.ord_type is OrdType.STOP
