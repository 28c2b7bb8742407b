"""Orders, halts, cancels and the database in each other's way: what must hold in between."""

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from core.adapters.simulator.faults import Call
from core.clock import settle
from core.domain.access import Mode, TradingState
from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.messages import (
    CancelOrder,
    CheckOrder,
    ClosePosition,
    GiveUpOrder,
    HaltTrading,
    LinkState,
    Part,
    ReplaceOrder,
    ResendOrder,
    ResumeTrading,
    SubmitOrder,
)
from core.domain.money import Price
from core.domain.terms import OrdStatus, Side
from core.errors import RefusalCode, Refused, StorageError, StorageUnwritable
from core.failpoints import arm, disarm_all
from core.ids import ClOrdId
from tests import builders
from tests.builders import AAPL
from tests.fakes.rig import EASY, EVERY_RULE, Rig, draft

RESTING = "99.90"


@pytest.fixture
async def rig(tmp_path: Path):
    made = await Rig(tmp_path).start()
    yield made
    disarm_all()
    await made.stop()


def fail_at(place: str, times: int = 1_000_000) -> None:
    left = times

    def strike() -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise StorageUnwritable("the disk is full")

    arm(place, strike)


async def lost(rig: Rig, qty: int = 10) -> ClOrdId:
    rig.market.faults.lose_request(Call.SUBMIT)
    return (await rig.submit(draft(qty=qty, price=RESTING))).cl_ord_id


async def settleable(rig: Rig) -> ClOrdId:
    cl_ord_id = await lost(rig)
    await rig.wait(60, 5)
    assert rig.core.unsettled.may_settle(cl_ord_id)
    return cl_ord_id


async def test_a_halt_during_the_write_ahead_stops_the_order(rig: Rig) -> None:
    arm("oms.after_intent", lambda: setattr(rig.core.state, "trading_state", TradingState.HALTED))

    task = await rig.begin(SubmitOrder(draft(price=RESTING), rig.key(), EVERY_RULE))

    assert rig.oracle().orders == {}
    order = task.result().order
    assert order.ord_status is OrdStatus.REJECTED
    assert "halted" in order.text
    assert rig.core.state.orders.open() == ()


async def test_a_halt_while_an_order_is_sent_again_leaves_it_unknown(rig: Rig) -> None:
    cl_ord_id = await settleable(rig)
    arm("oms.before_send", lambda: setattr(rig.core.state, "trading_state", TradingState.HALTED))

    await rig.do(ResendOrder(cl_ord_id))

    assert rig.oracle().orders == {}
    assert rig.order(cl_ord_id).ord_status is OrdStatus.UNKNOWN


async def test_sending_again_in_vain_proves_nothing_about_the_first_time(rig: Rig) -> None:
    cl_ord_id = await settleable(rig)
    rig.market.faults.be_unavailable(Call.SUBMIT)

    await rig.do(ResendOrder(cl_ord_id))

    assert rig.order(cl_ord_id).ord_status is OrdStatus.UNKNOWN


async def test_giving_up_an_order_that_is_found_at_that_moment_is_refused(rig: Rig) -> None:
    cl_ord_id = await settleable(rig)
    rig.market.faults.drop_reports(1)
    rig.market.exchange.submit(builders.single(cl_ord_id, rig.order(cl_ord_id).terms))
    report = await rig.market.broker.order(cl_ord_id)
    assert report is not None
    found = asyncio.get_running_loop().create_task(rig.core.oms.apply(report))
    await asyncio.sleep(0)

    with pytest.raises(Refused) as caught:
        await rig.do(GiveUpOrder(cl_ord_id))
    await found

    assert caught.value.code is RefusalCode.ORDER_NOT_UNKNOWN
    assert rig.order(cl_ord_id).ord_status is OrdStatus.NEW


async def test_an_order_is_not_sent_again_once_it_is_given_up(rig: Rig) -> None:
    cl_ord_id = await settleable(rig)
    loop, desk = asyncio.get_running_loop(), rig.core.desk
    given_up = loop.create_task(desk.execute(GiveUpOrder(cl_ord_id), rig.actor()))
    again = loop.create_task(desk.execute(ResendOrder(cl_ord_id), rig.actor()))
    await rig.quiet()

    assert given_up.result().ord_status is OrdStatus.REJECTED
    assert isinstance(again.exception(), Refused)
    assert rig.oracle().orders == {}


async def test_a_halt_that_comes_while_a_resume_is_written_holds(rig: Rig) -> None:
    await rig.do(HaltTrading("stop"))
    loop, desk = asyncio.get_running_loop(), rig.core.desk
    resume = loop.create_task(desk.execute(ResumeTrading("fine"), rig.actor("admin")))
    await asyncio.sleep(0)
    halt = loop.create_task(desk.execute(HaltTrading("no"), rig.actor()))
    await rig.quiet()

    halt.result()
    with contextlib.suppress(Refused):
        resume.result()
    assert rig.core.state.trading_state is TradingState.HALTED
    await rig.kill()
    await rig.start()
    assert rig.core.state.trading_state is TradingState.HALTED


async def test_a_halt_that_could_not_be_written_holds_after_a_restart(rig: Rig, expected_log) -> None:
    expected_log("trading_state.unwritable")
    fail_at("uow.insert_trading_state")
    await rig.do(HaltTrading("stop"))
    disarm_all()

    await rig.kill()
    await rig.start()

    assert rig.core.state.trading_state is TradingState.HALTED


async def test_a_cancel_goes_out_while_a_report_cannot_be_written(rig: Rig, expected_log) -> None:
    expected_log("report.unwritable")
    expected_log("cancel.unwritable")
    order = await rig.submit(draft(qty=10, price=RESTING))
    fail_at("store.before_commit")
    rig.market.quote("99.88", "99.90", size=4)
    await rig.quiet()

    task = await rig.begin(CancelOrder(order.cl_ord_id))
    done = task.done()
    disarm_all()
    await rig.wait(20, 1)

    assert done
    assert rig.oracle().status[order.cl_ord_id] == "CANCELED"
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.CANCELED
    assert rig.order(order.cl_ord_id).cum_qty == 4


async def test_a_bug_in_a_report_closes_the_door_and_the_stream_begins_again(rig: Rig, expected_log) -> None:
    expected_log("link.failed")
    expected_log("link.lost")
    order = await rig.submit(draft(qty=4, price=RESTING))

    def strike() -> None:
        disarm_all()
        raise AttributeError("a bug")

    arm("oms.before_report", strike)
    rig.market.quote("99.88", "99.90", size=4)
    await rig.quiet()
    ready = rig.core.state.ready
    await rig.wait(1, 0.5)

    assert not ready
    assert rig.core.state.ready
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED
    assert any("a bug" in text for text in rig.alarms())


async def test_comparing_goes_on_after_a_bug_in_one_comparison(rig: Rig, expected_log) -> None:
    expected_log("reconciliation.failed")
    # What the stream kept back makes it suspect.
    expected_log("stream.suspect")
    expected_log("link.lost")
    order = await rig.submit(draft(qty=4, price=RESTING))
    listed = rig.market.broker.open_orders

    async def list_badly():
        rig.market.broker.open_orders = listed
        raise KeyError("a word that nobody knows")

    rig.market.broker.open_orders = list_badly
    await rig.wait(31, 1)
    rig.market.faults.drop_reports(1)
    rig.market.quote("99.88", "99.90", size=4)

    await rig.wait(31, 1)

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED


async def test_a_cancel_that_is_answered_meanwhile_does_not_end_a_comparison(rig: Rig, expected_log) -> None:
    expected_log("cancel.unknown")
    order = await rig.submit(draft(qty=4, price=RESTING))
    rig.market.faults.lose_request(Call.CANCEL)
    await rig.do(CancelOrder(order.cl_ord_id))
    broker = rig.market.broker
    listed = broker.open_orders

    async def list_before_the_cancel():
        working = await listed()
        rig.market.exchange.cancel_external(working[0].order_id)
        return working

    broker.open_orders = list_before_the_cancel

    await rig.core.reconciler.run()
    await rig.quiet()

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.CANCELED


async def test_shares_that_a_look_up_told_of_are_not_sold_twice(rig: Rig) -> None:
    await rig.submit(draft(qty=100))
    rig.market.faults.lose_answer(Call.SUBMIT)
    rig.market.faults.drop_reports(2)
    sale = await rig.submit(draft(Side.SELL, 100))
    await rig.do(CheckOrder(sale.cl_ord_id))
    assert rig.order(sale.cl_ord_id).ord_status is OrdStatus.FILLED

    sent = len(rig.oracle().orders)

    with pytest.raises(Refused):
        await rig.submit(draft(Side.SELL, 100))

    assert len(rig.oracle().orders) == sent
    assert rig.oracle().position(AAPL) == 0
    await rig.wait(10, 1)
    assert rig.core.state.positions.qty(AAPL) == 0


async def test_whoever_gave_the_order_may_go_away_in_the_middle_of_its_write_ahead(rig: Rig) -> None:
    command = SubmitOrder(draft(price=RESTING), rig.key(), EVERY_RULE)
    loop = asyncio.get_running_loop()
    task = loop.create_task(rig.core.desk.execute(command, rig.actor()))
    arm("oms.before_intent", lambda: loop.call_soon_threadsafe(task.cancel))
    await rig.quiet()

    assert task.cancelled()
    assert [order.ord_status for order in rig.core.state.orders.open()] == [OrdStatus.NEW]
    assert len(rig.oracle().orders) == 1


async def test_the_same_replacement_again_answers_the_same_order(rig: Rig) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    command = ReplaceOrder(order.cl_ord_id, rig.key(), "12", RESTING, "", EVERY_RULE)
    first = await rig.do(command)

    second = await rig.do(command)

    assert second.repeated
    assert second.order.cl_ord_id == first.order.cl_ord_id


async def test_of_two_replacements_at_once_one_is_sent(rig: Rig) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    loop, desk = asyncio.get_running_loop(), rig.core.desk
    both = [
        loop.create_task(
            desk.execute(ReplaceOrder(order.cl_ord_id, rig.key(), qty, RESTING, "", EVERY_RULE), rig.actor())
        )
        for qty in ("12", "13")
    ]
    await rig.quiet()

    refusals = [task.exception() for task in both if task.exception() is not None]
    assert [error.code for error in refusals] == [RefusalCode.ORDER_BUSY]
    assert len(rig.core.state.orders.open()) == 1


async def test_twenty_submits_at_once_do_not_share_one_limit(rig: Rig) -> None:
    await rig.submit(draft(qty=100))
    loop, desk = asyncio.get_running_loop(), rig.core.desk
    sales = [
        loop.create_task(
            desk.execute(SubmitOrder(draft(Side.SELL, 60, "100.50"), rig.key(), EVERY_RULE), rig.actor())
        )
        for _ in range(20)
    ]
    await rig.quiet()

    assert sum(task.exception() is None for task in sales) == 1
    assert len(rig.core.state.orders.open()) == 1
    assert rig.core.state.orders.reserved() == ()


async def test_a_given_up_order_that_is_seen_is_cancelled_however_often_it_takes(
    rig: Rig, expected_log
) -> None:
    cl_ord_id = await settleable(rig)
    await rig.do(GiveUpOrder(cl_ord_id))
    rig.market.faults.be_unavailable(Call.CANCEL)

    rig.market.exchange.submit(builders.single(cl_ord_id, rig.order(cl_ord_id).terms))
    await rig.quiet()
    await rig.wait(31, 1)

    assert rig.oracle().status[cl_ord_id] == "CANCELED"
    assert rig.order(cl_ord_id).ord_status is OrdStatus.CANCELED


async def test_nothing_is_opened_once_the_streams_were_ended(rig: Rig) -> None:
    await rig.core.tasks.close()

    with pytest.raises(Refused):
        await rig.submit(draft(price=RESTING))

    assert rig.oracle().orders == {}


async def test_a_yes_to_a_price_that_moved_away_is_in_the_record(tmp_path: Path) -> None:
    rig = await Rig(tmp_path, mode=Mode.LIVE).start()

    async def ask(request: ConfirmationRequest) -> ConfirmationReply:
        rig.market.show(AAPL, last=Price("103.00"))
        await settle()
        return ConfirmationReply(request.digest, accepted=True, typed=request.phrase)

    rig.confirmer.ask = ask
    task = await rig.begin(SubmitOrder(draft(price=RESTING), rig.key(), EVERY_RULE))
    with pytest.raises(Refused) as caught:
        await task
    actions = await rig.store.read(rig.audit_actions())
    await rig.stop()

    assert caught.value.code is RefusalCode.CONFIRMATION_STALE
    assert "order.refused" in actions


async def test_an_adapter_with_a_bug_leaves_the_outcome_unknown_at_once(rig: Rig) -> None:
    async def submit(order):
        del order
        raise AttributeError("a bug after the bytes had left")

    rig.market.broker.submit = submit

    order = await rig.submit(draft(price=RESTING))

    assert order.ord_status is OrdStatus.UNKNOWN


async def test_a_cancel_that_overtakes_its_order_ends_it_all_the_same(rig: Rig) -> None:
    broker = rig.market.broker
    send = broker.submit

    async def send_slowly(order):
        await rig.clock.sleep(3)
        return await send(order)

    broker.submit = send_slowly
    await rig.begin(SubmitOrder(draft(price=RESTING), rig.key(), EVERY_RULE))
    cl_ord_id = rig.core.state.orders.open()[0].cl_ord_id

    cancel = await rig.begin(CancelOrder(cl_ord_id))
    await rig.wait(4, 1)

    assert cancel.result() is None
    assert rig.oracle().status[cl_ord_id] == "CANCELED"
    assert rig.order(cl_ord_id).ord_status is OrdStatus.CANCELED


async def test_closing_again_with_the_same_key_answers_the_same_order(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    command = ClosePosition(AAPL, rig.key(), EVERY_RULE)
    first = await rig.do(command)

    second = await rig.do(command)

    assert second.repeated
    assert second.order.cl_ord_id == first.order.cl_ord_id
    assert rig.oracle().position(AAPL) == 0


async def test_the_first_of_a_run_of_throttled_orders_is_in_the_record(tmp_path: Path) -> None:
    rig = await Rig(tmp_path, limits=replace(EASY, burst=1, per_second=0.1)).start()
    await rig.submit(draft(price=RESTING))
    for _ in range(3):
        with pytest.raises(Refused):
            await rig.submit(draft(price=RESTING))
    actions = await rig.store.read(rig.audit_actions())
    await rig.stop()

    assert actions.count("order.refused") == 1


async def test_a_failed_read_of_the_record_is_shown_and_the_watch_goes_on(rig: Rig) -> None:
    def fail() -> None:
        raise StorageError("the disk did not answer")

    arm("store.read", fail)
    await rig.wait(3, 1)
    shown = rig.core.links.states[Part.AUDIT].state
    disarm_all()
    await rig.submit(draft(price=RESTING))
    await rig.wait(5, 1)

    assert shown is LinkState.DOWN
    assert rig.core.links.states[Part.AUDIT].state is LinkState.UP
