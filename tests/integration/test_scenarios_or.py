"""The acceptance scenarios of orders and links, by their numbers, over the embedded exchange's faults.

After each, our orders, fills, positions and cash equal the exchange's own ledger exactly.
"""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.simulator.faults import Call
from core.domain.execution import ExecType, ExecutionReport
from core.domain.messages import (
    CancelOrder,
    CheckOrder,
    DifferenceKind,
    ExplainPosition,
    GiveUpOrder,
    KillTrading,
    LinkState,
    OrderLookedUp,
    Part,
    Reconcile,
    Reconnect,
    ReplaceOrder,
    ResendOrder,
    ResumeTrading,
    SubmitOrder,
)
from core.domain.money import Money, Qty
from core.domain.records import AuditQuery
from core.domain.terms import OrdStatus, Side
from core.errors import BrokerUnavailable, ConnectionLimit, CredentialsRefused, RefusalCode, Refused
from core.failpoints import arm, disarm_all
from core.ids import ExecId
from core.portfolio.provenance import readds
from tests import builders
from tests.builders import AAPL
from tests.fakes.rig import EVERY_RULE, Rig, draft

RESTING = "99.90"


@pytest.fixture
async def rig(tmp_path: Path):
    made = await Rig(tmp_path).start()
    yield made
    disarm_all()
    await made.stop()


async def settled(rig: Rig) -> None:
    """Hold everything against the exchange's ledger, which shares no code with the program."""
    oracle, state = rig.oracle(), rig.core.state
    orders = {each.cl_ord_id: each for each in await rig.store.read(lambda reader: reader.recent_orders(500))}
    fills = await rig.store.read(lambda reader: reader.fills())
    assert oracle.twice == set()
    for cl_ord_id in oracle.orders:
        assert orders[cl_ord_id].cum_qty == oracle.cum.get(cl_ord_id, Decimal(0))
        assert orders[cl_ord_id].ord_status.value == oracle.status[cl_ord_id]
    assert {(each.exec_id, each.signed_qty) for each in fills} == {
        (exec_id, qty) for exec_id, (_, _, qty, _) in oracle.fills.items()
    }
    assert state.positions.qty(AAPL) == oracle.position(AAPL)
    assert state.account.cash == oracle.cash


async def lost_order(rig: Rig) -> str:
    rig.market.faults.lose_request(Call.SUBMIT)
    return (await rig.submit(draft(price=RESTING))).cl_ord_id


async def test_or_1_a_lost_request_stays_unknown_with_its_evidence_until_a_person_decides(rig: Rig) -> None:
    again, given_up = await lost_order(rig), await lost_order(rig)

    await rig.wait(90, 5)
    for cl_ord_id in (again, given_up):
        assert rig.order(cl_ord_id).ord_status is OrdStatus.UNKNOWN
    assert rig.oracle().orders == {}  # nothing was sent by itself
    looked = [event for event in rig.events if isinstance(event, OrderLookedUp)]
    assert looked[-1].may_settle
    assert sum(event.order.cl_ord_id == again for event in looked) >= 2

    await rig.do(ResendOrder(again))
    await rig.do(GiveUpOrder(given_up))
    assert list(rig.oracle().orders) == [again]
    assert rig.order(given_up).text.startswith("NOT_RECEIVED: asked")

    rig.market.exchange.submit(builders.single(given_up, rig.order(given_up).terms))
    await rig.quiet()
    assert rig.oracle().status[given_up] == "CANCELED"
    assert any("has been seen at the broker" in text for text in rig.alarms())
    await settled(rig)


@pytest.mark.parametrize("place", ["oms.after_intent", "oms.before_send", "oms.after_send"])
async def test_or_2_a_crash_between_intent_and_answer_is_looked_up_and_nothing_is_sent_by_itself(
    rig: Rig, place: str
) -> None:
    task = None

    def stop_here() -> None:
        disarm_all()
        task.cancel()
        raise asyncio.CancelledError

    arm(place, stop_here)
    task = asyncio.get_running_loop().create_task(
        rig.core.desk.execute(SubmitOrder(draft(price=RESTING), rig.key(), EVERY_RULE), rig.actor())
    )
    await rig.quiet()
    sent = len(rig.oracle().orders)
    await rig.kill()
    disarm_all()
    await rig.start()
    await rig.wait(60, 5)

    assert len(rig.oracle().orders) == sent == (1 if place == "oms.after_send" else 0)
    (order,) = rig.core.state.orders.recent()
    assert order.ord_status is (OrdStatus.NEW if sent else OrdStatus.UNKNOWN)
    if sent:
        await settled(rig)


async def test_or_3_one_decision_from_two_places_at_once_is_one_order(rig: Rig) -> None:
    command = SubmitOrder(draft(price=RESTING), rig.key(), EVERY_RULE)

    tasks = [await rig.begin(command) for _ in range(5)]
    await rig.quiet()
    answers = [task.exception() or task.result() for task in tasks]

    ids = {each.order.cl_ord_id for each in answers if not isinstance(each, Refused)}
    assert len(ids) == 1
    assert len(rig.oracle().orders) == 1
    await settled(rig)


@pytest.mark.parametrize("fault", ["twice", "reversed", "lost answer", "mute stream"])
async def test_or_4_reports_in_any_order_and_number_end_in_the_right_state(rig: Rig, fault: str) -> None:
    if fault == "twice":
        rig.market.faults.duplicate_reports(10)
    elif fault == "reversed":
        rig.market.faults.hold_reports(2)
    elif fault == "lost answer":
        rig.market.faults.lose_answer()
    else:
        rig.market.faults.lose_answer()
        rig.market.faults.drop_reports(2)

    order = await rig.submit(draft(qty=10, price="100.02"))
    rig.market.quote("99.98", "100.00", size=10)
    await rig.wait(12, 1)

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED
    await settled(rig)


async def test_or_5_fills_during_half_a_minute_without_the_stream_are_booked_within_ten_seconds(
    rig: Rig, expected_log
) -> None:
    expected_log("link.lost")
    await rig.submit(draft(qty=10, price=RESTING))
    rig.market.faults.be_unavailable(Call.CONNECT, 1000)
    rig.market.faults.disconnect()
    await rig.wait(10, 1, refresh=False)
    rig.market.quote("99.88", "99.90", size=4)
    rig.market.quote("99.88", "99.90", size=3)
    await rig.wait(20, 1, refresh=False)
    assert rig.core.state.positions.qty(AAPL) == 0

    rig.market.faults._unavailable.clear()
    await rig.do(Reconnect(Part.ORDERS))
    await rig.wait(1, 0.5, refresh=False)

    assert rig.core.state.positions.qty(AAPL) == 7
    await settled(rig)


async def test_or_6_orders_made_elsewhere_are_shown_and_counted_and_never_cancelled_by_us(rig: Rig) -> None:
    await rig.kill()
    rig.market.exchange.place_external(builders.terms(qty=30, price="99.80"))
    await rig.start()
    theirs = rig.market.exchange.place_external(builders.terms(qty=20, price="99.70"))
    await rig.quiet()
    counted = rig.core.state.orders.working(AAPL).buy_qty

    report = await rig.do(KillTrading("enough"))
    rig.market.exchange.cancel_external(theirs)
    await rig.quiet()

    assert counted == 50
    assert len(report.foreign) == 2
    assert sorted(rig.oracle().status.values()) == ["CANCELED", "NEW"]
    assert all(order.external for order in rig.core.state.orders.recent())
    await settled(rig)


@pytest.mark.parametrize("call", ["answer", "request"])
async def test_or_7_a_replacement_without_an_answer_ends_as_one_live_order(
    rig: Rig, call: str, expected_log
) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    if call == "answer":
        rig.market.faults.lose_answer(Call.REPLACE)
    else:
        rig.market.faults.lose_request(Call.REPLACE)

    new = await rig.do(ReplaceOrder(order.cl_ord_id, rig.key(), "12", "99.85", "", EVERY_RULE))
    await rig.wait(60, 5)

    live = rig.oracle().open()
    assert sum(live.values()) <= 12
    assert len(live) == 1
    if call == "answer":
        assert rig.order(order.cl_ord_id).ord_status is OrdStatus.REPLACED
        assert rig.order(new.order.cl_ord_id).ord_status is OrdStatus.NEW
        await settled(rig)
    else:
        assert rig.order(new.order.cl_ord_id).ord_status is OrdStatus.UNKNOWN


async def test_or_7_a_replacement_that_races_a_fill_never_buys_more_than_intended(rig: Rig) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    broker = rig.market.broker
    replace_order = broker.replace

    async def after_a_fill(request):
        rig.market.quote("99.88", "99.90", size=4)
        return await replace_order(request)

    broker.replace = after_a_fill
    await rig.do(ReplaceOrder(order.cl_ord_id, rig.key(), "12", "99.85", "", EVERY_RULE))
    rig.market.quote("99.80", "99.84", size=100)
    await rig.quiet()

    assert rig.oracle().position(AAPL) == 12
    await settled(rig)


async def test_or_8_a_bust_is_an_entry_of_its_own_and_positions_agree_again(rig: Rig) -> None:
    order = await rig.submit(draft(qty=10))
    (fill,) = await rig.store.read(lambda reader: reader.fills())
    bust = ExecutionReport(
        exec_id=ExecId("BUST-1"), exec_type=ExecType.TRADE_CANCEL, cl_ord_id=order.cl_ord_id,
        order_id=rig.order(order.cl_ord_id).order_id, terms=order.terms, ord_status=OrdStatus.CANCELED,
        cum_qty=Qty(0), leaves_qty=Qty(0), avg_px=None, transact_time=fill.transact_time,
        exec_ref_id=fill.exec_id,
    )  # fmt: skip
    rig.market.broker._deliver(bust)
    await rig.quiet()

    entries = await rig.store.read(lambda reader: reader.fills())
    assert [(each.signed_qty, each.corrects) for each in entries] == [(10, None), (-10, fill.exec_id)]
    assert sum(each.cash_flow for each in entries) == 0
    assert rig.core.state.positions.qty(AAPL) == 0
    assert any("took a fill back" in text for text in rig.alarms())


@pytest.mark.parametrize("qty", ["0.000000001", "0.123456789"])
async def test_or_8_a_billionth_of_a_share_is_a_difference(rig: Rig, qty: str) -> None:
    await rig.submit(draft(qty=10))
    held = rig.market.broker.positions

    async def a_little_more():
        (theirs,) = await held()
        return (replace(theirs, qty=Qty(theirs.qty + Decimal(qty))),)

    rig.market.broker.positions = a_little_more

    run = await rig.do(Reconcile())

    (found,) = run.differences
    assert (found.kind, found.ours, found.broker) == (
        DifferenceKind.POSITION, "10", f"{Decimal(10) + Decimal(qty)}",
    )  # fmt: skip


async def test_or_8_a_split_is_taken_over_with_its_whole_cost(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    rig.market.quote("100.20", "100.22")
    await rig.submit(draft(qty=4))
    before = rig.core.state.positions.get(AAPL)
    held = rig.market.broker.positions

    async def split():
        return tuple(
            replace(each, qty=Qty(each.qty * 2), avg_px=type(each.avg_px)(each.avg_px / 2))
            for each in await held()
        )

    rig.market.broker.positions = split

    for _ in range(3):
        rig.clock.turn(15)
        await rig.do(Reconcile())

    after = rig.core.state.positions.get(AAPL)
    assert (after.qty, after.cost, after.realised, after.fees) == (28, before.cost, 0, before.fees)
    assert [(lot.open_qty, lot.price, lot.opened_at) for lot in after.lots] == [
        (lot.open_qty * 2, lot.price / 2, lot.opened_at) for lot in before.lots
    ]
    assert readds(await rig.do(ExplainPosition(AAPL)))
    assert await rig.store.read(lambda reader: reader.outcomes(10)) == ()
    (order,) = [each for each in rig.core.state.orders.recent() if each.external]
    assert order.text == "a split, 2 for 1: every lot has other numbers and the same cost"
    records = await rig.store.read(lambda reader: reader.audit_page(AuditQuery(action="reconciled")))
    assert records


async def test_or_8_a_cent_of_cash_is_told(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    account = rig.market.broker.account

    async def less():
        found = await account()
        return replace(found, cash=Money(found.cash - Decimal("0.01")))

    rig.market.broker.account = less

    await rig.do(Reconcile())
    run = await rig.do(Reconcile())

    assert [each.kind for each in run.differences] == [DifferenceKind.CASH]


async def test_nf_1_a_stream_that_the_adapter_finds_mute_denies_orders_until_it_is_back(
    rig: Rig, expected_log
) -> None:
    expected_log("link.lost")
    rig.market.faults.be_unavailable(Call.CONNECT, 3)
    rig.market.faults.disconnect()
    await rig.quiet()
    denied = [await refusal(rig)]
    await rig.wait(1, 0.5)
    denied.append(await refusal(rig))

    await rig.wait(30, 1)

    assert denied == [RefusalCode.RISK, RefusalCode.RISK]
    assert (await rig.submit(draft(price=RESTING))).ord_status is OrdStatus.NEW
    await settled(rig)


async def test_nf_1_a_stream_that_lives_and_is_mute_is_found_out_within_forty_seconds(
    rig: Rig, expected_log
) -> None:
    expected_log("stream.suspect")
    expected_log("link.lost")
    await rig.submit(draft(qty=10, price=RESTING))
    rig.market.faults.drop_reports(1_000)
    rig.market.quote("99.88", "99.90", size=4)
    began = rig.clock.now()

    await rig.wait(40, 1, refresh=False)

    rig.market.faults._drops = 0
    assert rig.core.links.states[Part.ORDERS].since > began
    assert rig.core.state.positions.qty(AAPL) == 4
    await settled(rig)


async def refusal(rig: Rig) -> RefusalCode:
    with pytest.raises(Refused) as caught:
        await rig.submit(draft(price=RESTING))
    return caught.value.code


async def test_nf_4_ten_minutes_without_a_network_are_few_tries_and_heal_within_fifteen_seconds(
    rig: Rig, expected_log
) -> None:
    expected_log("link.lost")
    tries: list[str] = []
    for name, port in (("orders", rig.market.broker), ("feed", rig.market.feed)):
        connect = port.connect

        async def counted(name=name, connect=connect) -> None:
            tries.append(name)
            await connect()

        port.connect = counted
    rig.market.faults.be_unavailable(Call.CONNECT, 1_000_000)
    rig.market.faults.disconnect()
    rig.market.faults.lose_feed()
    rig.market.faults.be_unavailable(Call.ACCOUNT, 1_000_000)
    await rig.wait(600, 1, refresh=False)
    counted_tries = {name: tries.count(name) for name in ("orders", "feed")}
    written = sum(len(str(record.__dict__)) for record in expected_log.records)

    rig.market.faults._unavailable.clear()
    await rig.wait(15, 0.5)

    assert max(counted_tries.values()) <= 30
    assert written < 1_000_000
    assert rig.core.state.ready
    assert all(rig.core.links.states[part].state is LinkState.UP for part in (Part.ORDERS, Part.FEED))
    assert (await rig.submit(draft(price=RESTING))).ord_status is OrdStatus.NEW
    await settled(rig)


@pytest.mark.parametrize("error", [CredentialsRefused, ConnectionLimit])
@pytest.mark.parametrize("where", ["connect", "account", "submit"])
async def test_nf_6_a_refused_key_stops_the_trying_and_asks(
    rig: Rig, expected_log, error: type[BrokerUnavailable], where: str
) -> None:
    expected_log("link.stopped")
    broker = rig.market.broker
    real, connect, connects = getattr(broker, where), broker.connect, []

    async def refuse(*arguments: object) -> None:
        connects.append(where)
        raise error("The key was revoked.")

    setattr(broker, where, refuse)
    if where == "connect":
        expected_log.records.clear()
        expected_log("link.lost")
        rig.market.faults.disconnect()
    elif where == "submit":
        await rig.submit(draft(price=RESTING))
    else:
        expected_log("account.unanswered")
    await rig.wait(600, 5)
    first = len(connects)
    denied = await refusal(rig)
    await rig.wait(600, 5)
    setattr(broker, where, real)

    await rig.do(Reconnect(Part.ORDERS))
    await rig.wait(1, 0.5)

    assert len(connects) == first <= 2
    assert denied is RefusalCode.RISK
    assert any("key was revoked" in text for text in rig.alarms())
    assert broker.connect == connect or where == "connect"
    assert (await rig.submit(draft(price=RESTING))).ord_status is OrdStatus.NEW
    await settled(rig)


async def test_halted_refuses_everything_that_opens_and_lets_cancels_and_checks_pass(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    resting = await rig.submit(draft(price=RESTING))
    unknown = await lost_order(rig)
    killing = await rig.begin(KillTrading("enough"))
    await rig.wait(35, 1)
    assert killing.result().unconfirmed == (unknown,)
    sent = len(rig.oracle().orders)

    for command in (
        SubmitOrder(draft(), rig.key(), EVERY_RULE),
        SubmitOrder(draft(Side.SELL, 5), rig.key(), EVERY_RULE),
        ReplaceOrder(resting.cl_ord_id, rig.key(), "20", RESTING, "", EVERY_RULE),
        ResendOrder(unknown),
    ):
        with pytest.raises(Refused):
            await rig.do(command)
    await rig.do(CheckOrder(unknown))
    await rig.do(CancelOrder(unknown))

    assert len(rig.oracle().orders) == sent
    await rig.do(ResumeTrading("looked at it"), "admin")
    assert rig.order(resting.cl_ord_id).ord_status is OrdStatus.CANCELED
