"""The way of an order, end to end on the real desk, database and exchange: once and never lost."""

import asyncio
from pathlib import Path

import pytest

from core.adapters.simulator.faults import Call
from core.domain.access import TradingState
from core.domain.audit import AuditAction
from core.domain.messages import (
    CancelOrder,
    CancelOrders,
    CheckOrder,
    ClosePosition,
    GiveUpOrder,
    HaltTrading,
    OrderLookedUp,
    PreviewOrder,
    ReplaceOrder,
    ResendOrder,
    ResumeTrading,
    SubmitOrder,
)
from core.domain.money import Qty
from core.domain.order import Pending
from core.domain.records import AuditQuery
from core.domain.risk import Outcome, RuleCode
from core.domain.terms import OrdStatus, Side, TimeInForce
from core.errors import RefusalCode, Refused
from core.failpoints import arm, disarm_all
from core.ids import ClOrdId, IdempotencyKey
from tests import builders
from tests.builders import AAPL
from tests.fakes.market import MSFT
from tests.fakes.rig import EVERY_RULE, Rig, draft

RESTING = "99.90"


@pytest.fixture
async def rig(tmp_path: Path):
    made = await Rig(tmp_path).start()
    yield made
    disarm_all()
    await made.stop()


async def refused(rig: Rig, command, role: str = "trader") -> Refused:
    with pytest.raises(Refused) as caught:
        await rig.do(command, role)
    return caught.value


async def lost(rig: Rig, qty: int = 10) -> ClOrdId:
    """Send an order that never arrives; nobody knows."""
    rig.market.faults.lose_request(Call.SUBMIT)
    return (await rig.submit(draft(qty=qty, price=RESTING))).cl_ord_id


async def test_two_identical_submits_at_once_make_one_order(rig: Rig) -> None:
    command = SubmitOrder(draft(), rig.key(), EVERY_RULE)

    both = [rig.core.desk.execute(command, rig.actor()) for _ in range(2)]
    answers = await asyncio.gather(*both, return_exceptions=True)

    refusals = [answer for answer in answers if isinstance(answer, Refused)]
    assert [refusal.code for refusal in refusals] == [RefusalCode.IN_FLIGHT]
    assert len(rig.oracle().orders) == 1


async def test_the_same_key_and_body_again_answers_the_same_order(rig: Rig) -> None:
    key = rig.key()
    order = await rig.submit(draft(), key)

    again = await rig.do(SubmitOrder(draft(), key))

    assert again.repeated
    assert again.order.cl_ord_id == order.cl_ord_id
    assert len(rig.oracle().orders) == 1


async def test_the_same_key_with_another_body_is_a_conflict(rig: Rig) -> None:
    key = rig.key()
    await rig.submit(draft(qty=10), key)

    refusal = await refused(rig, SubmitOrder(draft(qty=11), key, EVERY_RULE))

    assert refusal.code is RefusalCode.IDEMPOTENCY_CONFLICT
    assert len(rig.oracle().orders) == 1


async def test_another_body_under_a_key_that_is_on_its_way_is_a_conflict(rig: Rig) -> None:
    key = rig.key()
    first = asyncio.get_running_loop().create_task(
        rig.core.desk.execute(SubmitOrder(draft(), key), rig.actor())
    )
    await asyncio.sleep(0)

    refusal = await refused(rig, SubmitOrder(draft(qty=11), key))

    await first
    assert refusal.code is RefusalCode.IDEMPOTENCY_CONFLICT


async def test_a_key_is_alive_for_24_hours_and_then_makes_a_new_order(rig: Rig, expected_log) -> None:
    expected_log("link.lost")  # the program stood still for so long
    key = rig.key()
    first = await rig.submit(draft(), key)
    await rig.wait(24 * 3600 - 3, 12 * 3600 - 1)
    await rig.wait(2, 1)

    inside = await rig.do(SubmitOrder(draft(), key))
    await rig.wait(60, 30)
    outside = await rig.do(SubmitOrder(draft(), key, EVERY_RULE))

    assert inside.repeated
    assert not outside.repeated
    assert outside.order.cl_ord_id != first.cl_ord_id


async def test_a_key_is_alive_as_long_as_its_order_is_open(rig: Rig, expected_log) -> None:
    expected_log("link.lost")
    key, wanted = rig.key(), draft(price=RESTING, tif=TimeInForce.GTC)
    first = await rig.submit(wanted, key)
    await rig.wait(30 * 3600, 15 * 3600)
    await rig.wait(2, 1)

    open_still = await rig.do(SubmitOrder(wanted, key))
    await rig.do(CancelOrder(first.cl_ord_id))
    ended = await rig.do(SubmitOrder(wanted, key, EVERY_RULE))

    assert open_still.repeated
    assert not ended.repeated


async def test_a_key_survives_a_restart(rig: Rig) -> None:
    key = rig.key()
    order = await rig.submit(draft(), key)
    await rig.kill()
    await rig.start()

    again = await rig.do(SubmitOrder(draft(), key))

    assert again.repeated
    assert again.order.cl_ord_id == order.cl_ord_id


async def test_a_lost_answer_with_a_mute_stream_is_unknown_at_once_and_counts(rig: Rig) -> None:
    rig.market.faults.lose_answer(Call.SUBMIT)
    rig.market.faults.drop_reports(1)

    order = await rig.submit(draft(qty=7, price=RESTING))

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.UNKNOWN
    assert rig.core.state.orders.working(AAPL).buy_qty == 7
    assert any("Outcome unknown" in text for text in rig.alarms())


async def test_an_unknown_order_is_found_by_look_up(rig: Rig) -> None:
    rig.market.faults.lose_answer(Call.SUBMIT)
    rig.market.faults.drop_reports(1)
    order = await rig.submit(draft(price=RESTING))

    await rig.wait(0.5)

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.NEW
    assert len(rig.oracle().orders) == 1


async def test_an_unknown_order_counts_in_every_limit(rig: Rig) -> None:
    before = await rig.do(PreviewOrder(draft(qty=150, price=RESTING)))
    await lost(rig, qty=60)

    after = await rig.do(PreviewOrder(draft(qty=150, price=RESTING)))

    assert not before.verdict.is_refused
    assert RuleCode.POSITION_LIMIT in {result.code for result in after.verdict.breaches}


async def test_an_order_that_never_arrived_may_be_settled_only_after_30_s_of_asking(rig: Rig) -> None:
    cl_ord_id = await lost(rig)
    unsettled = rig.core.unsettled

    await rig.wait(0.5, 0.5)
    first = rig.clock.monotonic()
    too_early = []
    while rig.clock.monotonic() - first < 29:
        await rig.wait(1, 1)
        too_early.append(unsettled.may_settle(cl_ord_id))
    await rig.wait(10, 1)

    assert not any(too_early)
    assert unsettled.may_settle(cl_ord_id)
    assert rig.order(cl_ord_id).ord_status is OrdStatus.UNKNOWN
    assert rig.oracle().orders == {}
    looked = [event for event in rig.events if isinstance(event, OrderLookedUp)]
    assert looked[-1].next_in_s is not None


@pytest.mark.parametrize("command", [ResendOrder, GiveUpOrder])
async def test_settling_is_refused_while_the_broker_is_still_being_asked(rig: Rig, command) -> None:
    cl_ord_id = await lost(rig)
    await rig.wait(10, 1)

    refusal = await refused(rig, command(cl_ord_id))

    assert refusal.code is RefusalCode.STILL_ASKING


async def test_a_lost_stream_starts_the_count_of_absence_anew(rig: Rig, expected_log) -> None:
    expected_log("link.lost")
    cl_ord_id = await lost(rig)
    await rig.wait(25, 1)

    rig.market.faults.disconnect()
    await rig.wait(15, 1)

    assert not rig.core.unsettled.may_settle(cl_ord_id)


async def test_an_order_sent_again_goes_under_the_same_id_once(rig: Rig) -> None:
    cl_ord_id = await lost(rig)
    await rig.wait(60, 5)

    order = await rig.do(ResendOrder(cl_ord_id))

    assert order.cl_ord_id == cl_ord_id
    assert rig.order(cl_ord_id).ord_status is OrdStatus.NEW
    assert list(rig.oracle().orders) == [cl_ord_id]


async def test_an_order_that_arrived_after_all_is_not_doubled_by_sending_again(rig: Rig) -> None:
    cl_ord_id = await lost(rig)
    await rig.wait(60, 5)
    body = rig.order(cl_ord_id).terms
    rig.market.faults.drop_reports(1)
    rig.market.exchange.submit(builders.single(cl_ord_id, body))

    await rig.do(ResendOrder(cl_ord_id))
    await rig.wait(2, 0.5)

    assert rig.oracle().twice == set()
    assert rig.order(cl_ord_id).ord_status is OrdStatus.NEW


async def test_sending_again_is_refused_while_trading_is_halted(rig: Rig) -> None:
    cl_ord_id = await lost(rig)
    await rig.wait(60, 5)
    await rig.do(HaltTrading("stop"))

    refusal = await refused(rig, ResendOrder(cl_ord_id))

    assert refusal.code is RefusalCode.HALTED
    assert rig.oracle().orders == {}


async def test_sending_again_counts_absence_anew(rig: Rig) -> None:
    cl_ord_id = await lost(rig)
    await rig.wait(60, 5)
    rig.market.faults.lose_request(Call.SUBMIT)

    await rig.do(ResendOrder(cl_ord_id))

    assert rig.order(cl_ord_id).ord_status is OrdStatus.UNKNOWN
    assert not rig.core.unsettled.may_settle(cl_ord_id)


async def test_giving_up_rejects_as_not_received_with_the_evidence(rig: Rig) -> None:
    cl_ord_id = await lost(rig)
    await rig.wait(60, 5)

    order = await rig.do(GiveUpOrder(cl_ord_id))

    assert order.ord_status is OrdStatus.REJECTED
    assert order.text.startswith("NOT_RECEIVED: asked")
    assert rig.core.state.orders.working(AAPL).buy_qty == 0


async def test_a_given_up_order_that_is_seen_later_is_cancelled_with_an_alarm(rig: Rig) -> None:
    cl_ord_id = await lost(rig)
    await rig.wait(60, 5)
    body = (await rig.do(GiveUpOrder(cl_ord_id))).terms

    rig.market.exchange.submit(builders.single(cl_ord_id, body))
    await rig.quiet()

    assert rig.order(cl_ord_id).ord_status is OrdStatus.CANCELED
    assert rig.oracle().status[cl_ord_id] == "CANCELED"
    assert any("given up has been seen" in text for text in rig.alarms())


async def test_an_unknown_order_is_looked_up_at_once_when_asked_for(rig: Rig) -> None:
    rig.market.faults.lose_answer(Call.SUBMIT)
    rig.market.faults.drop_reports(1)
    order = await rig.submit(draft(price=RESTING))

    found = await rig.do(CheckOrder(order.cl_ord_id))

    assert found.ord_status is OrdStatus.NEW


async def test_checking_an_order_whose_state_is_known_is_refused(rig: Rig) -> None:
    order = await rig.submit(draft(price=RESTING))

    refusal = await refused(rig, CheckOrder(order.cl_ord_id))
    nothing = await refused(rig, CheckOrder(ClOrdId("IQ-none")))

    assert refusal.code is RefusalCode.ORDER_NOT_UNKNOWN
    assert nothing.code is RefusalCode.UNKNOWN_ORDER


async def test_a_look_up_without_an_answer_proves_nothing(rig: Rig, expected_log) -> None:
    expected_log("reconciliation.unanswered")
    cl_ord_id = await lost(rig)
    rig.market.faults.be_unavailable(Call.ORDER, 1000)

    await rig.wait(120, 5)

    assert rig.order(cl_ord_id).ord_status is OrdStatus.UNKNOWN
    assert not rig.core.unsettled.may_settle(cl_ord_id)


async def test_an_unavailable_broker_proves_that_nothing_was_sent(rig: Rig) -> None:
    rig.market.faults.be_unavailable(Call.SUBMIT)

    order = await rig.submit(draft())

    assert order.ord_status is OrdStatus.REJECTED
    assert order.text.startswith("Not sent")
    assert rig.oracle().orders == {}


async def test_a_rejection_by_the_broker_is_booked_with_its_words(rig: Rig) -> None:
    rig.market.suspend_unseen()

    order = await rig.submit(draft())

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.REJECTED
    assert "unknown symbol" in rig.order(order.cl_ord_id).text


async def test_a_replacement_makes_its_order_busy_until_it_is_answered(rig: Rig) -> None:
    order = await rig.submit(draft(price=RESTING))
    rig.market.faults.lose_request(Call.REPLACE)

    new = await rig.do(ReplaceOrder(order.cl_ord_id, rig.key(), "12", "99.85", "", EVERY_RULE))
    second = await refused(rig, ReplaceOrder(order.cl_ord_id, rig.key(), "13", "99.85", "", EVERY_RULE))

    assert new.order.ord_status is OrdStatus.UNKNOWN
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.PENDING_REPLACE
    assert second.code is RefusalCode.ORDER_BUSY


async def test_a_replacement_that_is_given_up_frees_the_order(rig: Rig) -> None:
    order = await rig.submit(draft(price=RESTING))
    rig.market.faults.lose_request(Call.REPLACE)
    new = await rig.do(ReplaceOrder(order.cl_ord_id, rig.key(), "12", "99.85", "", EVERY_RULE))
    await rig.wait(60, 5)

    await rig.do(GiveUpOrder(new.order.cl_ord_id))

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.NEW


@pytest.mark.parametrize("fault", ["unavailable", "rejected"])
async def test_a_replacement_that_is_refused_frees_the_order(rig: Rig, fault: str) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    if fault == "unavailable":
        rig.market.faults.be_unavailable(Call.REPLACE)
    else:
        rig.market.faults.drop_reports(2)
        rig.market.exchange.cancel_external(order.order_id)

    new = await rig.do(ReplaceOrder(order.cl_ord_id, rig.key(), "12", "99.85", "", EVERY_RULE))

    assert rig.order(new.order.cl_ord_id).ord_status is OrdStatus.REJECTED
    assert rig.order(order.cl_ord_id).pending is None


async def test_a_replacement_whose_answer_was_lost_is_one_live_order(rig: Rig) -> None:
    order = await rig.submit(draft(price=RESTING))
    rig.market.faults.lose_answer(Call.REPLACE)

    new = await rig.do(ReplaceOrder(order.cl_ord_id, rig.key(), "12", "99.85", "", EVERY_RULE))

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.REPLACED
    assert rig.order(new.order.cl_ord_id).ord_status is OrdStatus.NEW
    assert rig.core.state.orders.working(AAPL).buy_qty == 12


async def test_a_replacement_takes_the_place_of_its_order_and_keeps_its_fills(rig: Rig) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    rig.market.quote("99.88", "99.90", size=4)
    await rig.quiet()
    rig.market.quote("100.00", "100.02")

    new = await rig.do(ReplaceOrder(order.cl_ord_id, rig.key(), "7", "99.85", "", EVERY_RULE))

    old, after = rig.order(order.cl_ord_id), rig.order(new.order.cl_ord_id)
    assert (old.ord_status, old.pending) == (OrdStatus.REPLACED, None)
    assert (after.ord_status, after.orig_cl_ord_id) == (OrdStatus.PARTIALLY_FILLED, old.cl_ord_id)
    assert (after.cum_qty, after.leaves_qty) == (4, 3)
    assert rig.core.state.orders.working(AAPL).buy_qty == 3
    assert rig.core.state.positions.qty(AAPL) == 4


async def test_only_a_working_order_of_ours_can_be_replaced(rig: Rig) -> None:
    filled = await rig.submit(draft())
    foreign = rig.market.exchange.place_external(builders.terms(qty=1, price=RESTING))
    await rig.quiet()
    theirs = next(order for order in rig.core.state.orders.open() if order.order_id == foreign)

    codes = [
        (await refused(rig, ReplaceOrder(ClOrdId(each), rig.key(), "1", RESTING))).code
        for each in ("IQ-none", filled.cl_ord_id, theirs.cl_ord_id)
    ]

    assert codes == [RefusalCode.UNKNOWN_ORDER, RefusalCode.ORDER_NOT_OPEN, RefusalCode.ORDER_BUSY]


async def test_a_position_is_closed_by_an_ordinary_order_of_ours(rig: Rig) -> None:
    await rig.submit(draft(qty=20))

    done = await rig.do(ClosePosition(AAPL, rig.key(), EVERY_RULE))

    assert done.order.side is Side.SELL
    assert rig.core.state.positions.qty(AAPL) == 0
    assert rig.oracle().position(AAPL) == 0


async def test_there_is_nothing_to_close_without_a_position(rig: Rig) -> None:
    refusal = await refused(rig, ClosePosition(MSFT, rig.key()))

    assert refusal.code is RefusalCode.NO_POSITION


async def test_halted_refuses_buys_sells_to_open_and_more_by_replacing_while_cancels_pass(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    order = await rig.submit(draft(price=RESTING))
    await rig.do(HaltTrading("stop"))
    sent = len(rig.oracle().orders)

    codes = [
        (await refused(rig, command)).code
        for command in (
            SubmitOrder(draft(), rig.key(), EVERY_RULE),
            SubmitOrder(draft(Side.SELL, 5, symbol=MSFT), rig.key(), EVERY_RULE),
            SubmitOrder(draft(Side.SELL, 5), rig.key(), EVERY_RULE),
            ReplaceOrder(order.cl_ord_id, rig.key(), "50", RESTING, "", EVERY_RULE),
        )
    ]
    await rig.do(CancelOrder(order.cl_ord_id))

    assert codes == [RefusalCode.RISK] * 4
    assert len(rig.oracle().orders) == sent
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.CANCELED


async def test_a_halt_that_comes_while_an_order_is_being_written_stops_it(rig: Rig) -> None:
    loop = asyncio.get_running_loop()

    def halt() -> None:
        rig.core.state.trading_state = TradingState.HALTED

    arm("oms.before_intent", lambda: loop.call_soon_threadsafe(halt))

    order = await rig.submit(draft())

    assert order.ord_status is OrdStatus.REJECTED
    assert order.text == "Not sent: trading was halted meanwhile"
    assert rig.oracle().orders == {}


async def test_reducing_lets_a_sale_of_what_is_held_pass_and_nothing_else(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    await rig.core.latch.move(TradingState.REDUCING, "a breaker", rig.core.desk_actor)

    buy = await refused(rig, SubmitOrder(draft(), rig.key(), EVERY_RULE))
    more = await refused(rig, SubmitOrder(draft(Side.SELL, 11), rig.key(), EVERY_RULE))
    await rig.submit(draft(Side.SELL, 10))

    assert {buy.code, more.code} == {RefusalCode.RISK}
    assert rig.core.state.positions.qty(AAPL) == 0


async def test_the_halt_survives_a_crash_and_is_lifted_by_an_admin_with_a_reason(rig: Rig) -> None:
    await rig.do(HaltTrading("stop"))
    await rig.kill()
    await rig.start()

    still = await refused(rig, SubmitOrder(draft(), rig.key(), EVERY_RULE))
    by_trader = await refused(rig, ResumeTrading("please"))
    without_reason = await refused(rig, ResumeTrading("  "), "admin")
    await rig.do(ResumeTrading("looked at it"), "admin")
    await rig.submit(draft())

    assert rig.core.latch.record.reason == "looked at it"
    assert [each.code for each in (still, by_trader, without_reason)] == [
        RefusalCode.RISK, RefusalCode.NOT_PERMITTED, RefusalCode.REASON_MISSING,
    ]  # fmt: skip


async def test_orders_made_elsewhere_are_shown_and_counted_and_not_cancelled_by_us(rig: Rig) -> None:
    ours = await rig.submit(draft(price=RESTING))
    rig.market.exchange.place_external(builders.terms(qty=30, price="99.80"))
    await rig.quiet()
    counted = rig.core.state.orders.working(AAPL).buy_qty

    asked = await rig.do(CancelOrders())

    theirs = [order for order in rig.core.state.orders.open() if order.external]
    assert counted == 40
    assert asked == 1
    assert [order.order_qty for order in theirs] == [30]
    assert rig.order(ours.cl_ord_id).ord_status is OrdStatus.CANCELED


async def test_orders_made_elsewhere_before_the_start_are_adopted_as_external(rig: Rig) -> None:
    await rig.kill()
    rig.market.exchange.place_external(builders.terms(qty=30, price="99.80"))

    await rig.start()

    assert [(order.external, order.order_qty) for order in rig.core.state.orders.open()] == [(True, 30)]


async def test_fills_while_the_stream_is_down_are_booked_after_the_reconnect(rig: Rig, expected_log) -> None:
    expected_log("link.lost")
    order = await rig.submit(draft(qty=10, price=RESTING))
    rig.market.faults.disconnect()
    await rig.quiet()
    rig.market.quote("99.88", "99.90", size=4)

    await rig.wait(1, 0.5, refresh=False)

    assert rig.order(order.cl_ord_id).cum_qty == 4
    assert rig.core.state.positions.qty(AAPL) == 4
    assert rig.core.state.account.cash == rig.oracle().cash


async def test_a_fill_that_the_stream_never_told_is_found_however_old_it_is(rig: Rig, expected_log) -> None:
    expected_log("link.lost")
    order = await rig.submit(draft(qty=4, price=RESTING))
    rig.market.faults.drop_reports(1)
    rig.market.quote("99.88", "99.90", size=4)
    rig.market.now = rig.market.now.replace(minute=50)
    rig.market.quote("100.00", "100.02")
    await rig.submit(draft(qty=1))

    rig.market.faults.disconnect()
    await rig.wait(1, 0.5)

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED
    assert rig.core.state.positions.qty(AAPL) == 5
    assert rig.core.state.account.cash == rig.oracle().cash


async def test_a_comparison_in_the_middle_of_a_send_does_not_call_it_unknown(rig: Rig) -> None:
    broker = rig.market.broker
    send = broker.submit

    async def send_slowly(order):
        await rig.clock.sleep(3)
        return await send(order)

    broker.submit = send_slowly
    sending = await rig.begin(SubmitOrder(draft(price=RESTING), rig.key(), EVERY_RULE))

    await rig.core.reconciler.run()
    during = [order.ord_status for order in rig.core.state.orders.open()]
    await rig.wait(3, 1)

    assert during == [OrdStatus.PENDING_NEW]
    assert rig.order(sending.result().order.cl_ord_id).ord_status is OrdStatus.NEW
    assert rig.alarms() == []


async def test_a_cancel_that_got_lost_is_asked_again_after_a_reconnect(rig: Rig, expected_log) -> None:
    expected_log("link.lost")
    expected_log("cancel.unknown")
    order = await rig.submit(draft(price=RESTING))
    rig.market.faults.lose_request(Call.CANCEL)
    await rig.do(CancelOrder(order.cl_ord_id))
    waiting = rig.order(order.cl_ord_id).pending

    rig.market.faults.disconnect()
    await rig.wait(1, 0.5)

    assert waiting is Pending.CANCEL
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.CANCELED


async def test_a_cancel_that_the_broker_refuses_tells_what_the_order_is(rig: Rig) -> None:
    order = await rig.submit(draft(qty=4, price=RESTING))
    rig.market.faults.drop_reports(1)
    rig.market.quote("99.88", "99.90", size=4)

    refusal = await refused(rig, CancelOrder(order.cl_ord_id))

    assert refusal.code is RefusalCode.BROKER_REFUSED
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED


async def test_there_is_nothing_to_cancel_where_no_order_is_open(rig: Rig) -> None:
    order = await rig.submit(draft())

    unknown = await refused(rig, CancelOrder(ClOrdId("IQ-none")))
    ended = await refused(rig, CancelOrder(order.cl_ord_id))

    assert (unknown.code, ended.code) == (RefusalCode.UNKNOWN_ORDER, RefusalCode.ORDER_NOT_OPEN)


@pytest.mark.parametrize(
    "call", [Call.OPEN_ORDERS, Call.ACTIVITIES, Call.ORDER, Call.ACCOUNT, Call.POSITIONS]
)
async def test_a_read_of_the_broker_that_fails_denies_and_never_means_nothing(
    rig: Rig, call: Call, expected_log
) -> None:
    expected_log("link.lost")
    await rig.submit(draft(qty=10))
    cl_ord_id = await lost(rig)
    rig.market.faults.be_unavailable(call, 1000)
    rig.market.faults.disconnect()
    await rig.wait(3, 0.5)

    preview = await rig.do(PreviewOrder(draft()))
    sale = await rig.do(PreviewOrder(draft(Side.SELL, 10)))

    assert preview.verdict.is_refused
    assert RuleCode.FACTS in {result.code for result in preview.verdict.breaches}
    assert not [each for each in sale.verdict.results if each.outcome is Outcome.HARD]
    assert rig.core.state.positions.qty(AAPL) == 10
    assert rig.core.state.account.cash == rig.oracle().cash
    assert rig.order(cl_ord_id).ord_status is OrdStatus.UNKNOWN
    rig.market.faults._unavailable.clear()


async def test_the_account_growing_old_denies_and_keeps_its_last_figures(rig: Rig, expected_log) -> None:
    expected_log("account.unanswered")
    expected_log("reconciliation.unanswered")
    cash = rig.core.state.account.cash
    rig.market.faults.be_unavailable(Call.ACCOUNT, 1000)

    await rig.wait(70, 10)
    preview = await rig.do(PreviewOrder(draft()))

    assert preview.verdict.is_refused
    assert rig.core.state.account.cash == cash


async def test_a_feed_that_is_down_denies_a_purchase_and_lets_an_exit_pass(rig: Rig, expected_log) -> None:
    expected_log("link.lost")
    await rig.submit(draft(qty=10))
    rig.market.faults.be_unavailable(Call.CONNECT, 1000)
    rig.market.faults.lose_feed()
    await rig.wait(10, 1, refresh=False)

    buy = await rig.do(PreviewOrder(draft()))
    sale = await rig.do(PreviewOrder(draft(Side.SELL, 10)))

    assert buy.verdict.is_refused
    assert not sale.verdict.is_refused
    rig.market.faults._unavailable.clear()


async def test_before_the_first_connection_nothing_is_let_out(tmp_path: Path, expected_log) -> None:
    expected_log("link.lost")
    rig = Rig(tmp_path)
    rig.market.faults.be_unavailable(Call.CONNECT, 1000)
    await rig.start()

    refusal = await refused(rig, SubmitOrder(draft(), IdempotencyKey("k"), EVERY_RULE))

    assert refusal.code is RefusalCode.RISK
    assert rig.oracle().orders == {}
    await rig.stop()


async def test_a_subscriber_that_raises_does_not_stop_the_others(rig: Rig, expected_log) -> None:
    expected_log("subscriber.failed")
    seen: list[object] = []

    def raise_always(event: object) -> None:
        raise RuntimeError("a panel")

    rig.core.bus.subscribe_all(raise_always)
    rig.core.bus.subscribe_all(seen.append)

    order = await rig.submit(draft())

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED
    assert seen
    assert rig.core.bus.failures >= len(seen)


async def test_reports_twice_and_backwards_end_in_the_same_book(rig: Rig) -> None:
    rig.market.faults.duplicate_reports(10)
    rig.market.faults.hold_reports(6)
    rig.market.show(ask_size=Qty(4))
    order = await rig.submit(draft(qty=8, price="100.02"))
    rig.market.show(ask_size=Qty(4))
    await rig.quiet()

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED
    assert rig.core.state.positions.qty(AAPL) == 8
    assert rig.core.state.account.cash == rig.oracle().cash


async def test_a_key_of_an_earlier_run_still_stands_for_its_order(rig: Rig) -> None:
    command = SubmitOrder(draft(price=RESTING), rig.key(), EVERY_RULE)
    first = await rig.do(command)
    await rig.kill()
    await rig.start()

    again = await rig.do(command)

    assert again.repeated
    assert again.order.cl_ord_id == first.order.cl_ord_id
    assert len(rig.oracle().orders) == 1


async def test_every_refusal_of_a_trading_command_is_recorded_once(rig: Rig) -> None:
    order = await rig.submit(draft(price=RESTING))
    command = SubmitOrder(draft(price=RESTING), rig.key(), EVERY_RULE)
    await rig.do(command)
    attempts = (
        SubmitOrder(draft(qty=11, price=RESTING), command.key, EVERY_RULE),
        CancelOrder(ClOrdId("IQ-nobody")),
        GiveUpOrder(order.cl_ord_id),
        ResumeTrading(" "),
    )
    seen = len(await rig.core.outside.store.read(lambda reader: reader.audit_page(AuditQuery())))

    for attempt in attempts:
        with pytest.raises(Refused):
            await rig.do(attempt, "admin")

    records = await rig.core.outside.store.read(lambda reader: reader.audit_page(AuditQuery()))
    assert [record.entity for record in records[: len(records) - seen]] == [
        "ResumeTrading",
        "GiveUpOrder",
        "CancelOrder",
        "SubmitOrder",
    ]
    assert {record.action for record in records[:4]} == {AuditAction.ORDER_REFUSED}
