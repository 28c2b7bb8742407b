"""Faults that a review found where money was at stake: each happened before, and happens no more."""

from pathlib import Path

import pytest

from core.adapters.simulator.faults import Call
from core.domain.access import TradingState
from core.domain.messages import CancelOrder, KillTrading, ReplaceOrder, ResendOrder, SubmitOrder
from core.domain.order import Pending
from core.domain.terms import Contingency, OrderDraft, OrdStatus, OrdType, Side, TimeInForce
from core.errors import BrokerRejected, OutcomeUnknown, RefusalCode, Refused, StorageUnwritable
from core.failpoints import arm, disarm_all
from core.orders.reducing import is_proven_exit
from core.orders.sweep import asks_for_end
from tests.builders import AAPL
from tests.fakes.rig import EVERY_RULE, Rig, draft


@pytest.fixture
async def rig(tmp_path: Path):
    made = await Rig(tmp_path).start()
    yield made
    disarm_all()
    await made.stop()


def bracket(price: str = "", side: Side = Side.BUY, exits: tuple[str, str] = ("110", "90")) -> OrderDraft:
    kind = OrdType.LIMIT if price else OrdType.MARKET
    profit, loss = exits
    return OrderDraft(
        AAPL, side, kind, TimeInForce.DAY, "100", price,
        contingency=Contingency.BRACKET, take_profit=profit, stop_loss=loss,
    )  # fmt: skip


async def test_a_bracket_that_would_close_is_not_let_out_while_only_reducing_is_allowed(rig: Rig) -> None:
    await rig.submit(draft(Side.BUY, 100))
    await rig.core.latch.move(TradingState.REDUCING, "enough", rig.actor())

    with pytest.raises(Refused):
        await rig.submit(bracket(side=Side.SELL, exits=("95", "105")))

    assert rig.core.state.positions.qty(AAPL) == 100
    assert rig.core.state.orders.open() == ()


async def test_an_entry_of_a_bracket_is_never_a_proven_exit(rig: Rig) -> None:
    order = await rig.submit(bracket("99.90"))

    assert not is_proven_exit(rig.core.state, order)


async def test_an_order_refused_when_sent_again_stays_unknown_as_the_first_one_may_have_landed(
    rig: Rig, expected_log
) -> None:
    expected_log("stream.suspect")
    expected_log("link.lost")
    rig.market.faults.lose_request(Call.SUBMIT)
    order = await rig.submit(draft(price="99.90"))
    await rig.wait(45)
    send = rig.market.broker.submit

    async def land_late(message: object) -> None:
        rig.market.faults.drop_reports(10)
        await send(message)  # the first one, which was on its way for a minute
        raise BrokerRejected("insufficient buying power")  # the second one: the first holds it

    rig.market.broker.submit = land_late
    rig.market.faults.be_unavailable(Call.ORDER)
    await rig.do(ResendOrder(order.cl_ord_id))
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.UNKNOWN

    await rig.wait(60)
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.NEW
    assert rig.oracle().status[order.cl_ord_id] == "NEW"


async def test_what_an_entry_has_filled_so_far_is_kept_for_its_legs(rig: Rig) -> None:
    await rig.submit(bracket("99.90"))
    rig.market.quote("99.88", "99.90", 50)
    await rig.quiet()
    assert rig.core.state.positions.qty(AAPL) == 50

    with pytest.raises(Refused, match="50 of them already in a working sale"):
        await rig.submit(draft(Side.SELL, 50, "100.50"))


async def test_the_stop_of_a_bracket_can_be_moved_though_its_sibling_sells_the_same_shares(rig: Rig) -> None:
    await rig.submit(bracket())
    stop = next(each for each in rig.core.state.orders.open(AAPL) if each.ord_type is OrdType.STOP)

    done = await rig.do(ReplaceOrder(stop.cl_ord_id, rig.key(), "100", "", "91", EVERY_RULE))
    await rig.quiet()

    assert rig.order(done.order.cl_ord_id).ord_status is OrdStatus.NEW
    assert rig.order(stop.cl_ord_id).ord_status is OrdStatus.REPLACED
    with pytest.raises(Refused, match="already in a working sale"):
        await rig.submit(draft(Side.SELL, 1))


async def test_a_leg_cannot_be_moved_to_more_than_is_held(rig: Rig) -> None:
    await rig.submit(bracket())
    stop = next(each for each in rig.core.state.orders.open(AAPL) if each.ord_type is OrdType.STOP)

    with pytest.raises(Refused, match="101"):
        await rig.do(ReplaceOrder(stop.cl_ord_id, rig.key(), "101", "", "91", EVERY_RULE))


async def kill(rig: Rig) -> None:
    task = await rig.begin(KillTrading("enough"))
    while not task.done():
        await rig.wait(0.5, 0.5, refresh=False)
    task.result()


async def test_the_kill_switch_works_where_a_list_of_orders_cannot_be_read_for_a_bug(
    rig: Rig, expected_log
) -> None:
    expected_log("question.failed")
    expected_log("reconciliation.failed")
    order = await rig.submit(draft(price="99.90"))

    async def stumble() -> None:
        raise KeyError("status")

    rig.market.broker.open_orders = stumble
    await kill(rig)

    assert rig.oracle().status[order.cl_ord_id] == "CANCELED"


async def test_a_request_to_cancel_that_still_waits_is_not_doubled_by_the_kill_switch(rig: Rig) -> None:
    await rig.submit(draft(price="99.90"))
    asked = []

    async def wait_for_the_limit(request: object) -> None:
        asked.append(request)
        await rig.clock.sleep(60)

    rig.market.broker.cancel = wait_for_the_limit
    rig.core.state.ready = False  # so that nobody else asks
    await kill(rig)

    assert len(asked) == 1


async def test_a_cancel_that_never_gets_through_does_not_keep_the_book_from_being_compared(
    rig: Rig, expected_log
) -> None:
    expected_log("cancel.unknown")
    expected_log("link.lost")
    order = await rig.submit(draft(price="99.90"))

    async def fail(request: object) -> None:
        raise OutcomeUnknown("HTTP 500")

    rig.market.broker.cancel = fail
    await rig.do(CancelOrder(order.cl_ord_id))
    rig.market.faults.disconnect()
    await rig.wait(10)

    assert rig.core.state.ready
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.PENDING_CANCEL


async def test_a_fill_that_comes_while_a_cancel_cannot_be_recorded_is_not_forgotten(
    rig: Rig, expected_log
) -> None:
    expected_log("cancel.unwritable")
    expected_log("cancel.unknown")
    order = await rig.submit(draft(price="99.90"))
    change = rig.core.oms.change

    async def refuse(*what: object) -> None:
        rig.market.quote("99.88", "99.90", 4)
        await rig.quiet()
        raise StorageUnwritable("the disk is full")

    rig.core.oms.change = refuse
    rig.market.faults.lose_request(Call.CANCEL)
    task = await rig.begin(CancelOrder(order.cl_ord_id))
    await task
    rig.core.oms.change = change

    now = rig.order(order.cl_ord_id)
    assert (now.cum_qty, now.ord_status) == (4, OrdStatus.PENDING_CANCEL)


async def test_a_key_stands_for_the_replacement_of_one_order_only(rig: Rig) -> None:
    first, second = await rig.submit(draft(price="99.90")), await rig.submit(draft(price="99.80"))
    key = rig.key()
    done = await rig.do(ReplaceOrder(first.cl_ord_id, key, "10", "99.70", "", EVERY_RULE))

    again = await rig.do(ReplaceOrder(first.cl_ord_id, key, "10", "99.70", "", EVERY_RULE))
    assert (again.order.cl_ord_id, again.repeated) == (done.order.cl_ord_id, True)
    for other in (
        ReplaceOrder(second.cl_ord_id, key, "10", "99.70", "", EVERY_RULE),
        SubmitOrder(draft(price="99.70"), key, EVERY_RULE),
    ):
        with pytest.raises(Refused) as refusal:
            await rig.do(other)
        assert refusal.value.code is RefusalCode.IDEMPOTENCY_CONFLICT


async def test_nothing_is_opened_that_was_written_while_the_order_stream_was_lost(rig: Rig) -> None:
    arm("oms.after_intent", lambda: setattr(rig.core.state, "ready", False))

    order = await rig.submit(draft(price="99.90"))

    disarm_all()
    assert (order.ord_status, rig.oracle().orders) == (OrdStatus.REJECTED, {})
    assert "the order stream was lost" in order.text


async def test_what_closes_goes_out_though_the_order_stream_was_lost_meanwhile(rig: Rig) -> None:
    await rig.submit(draft(Side.BUY, 10))
    arm("oms.after_intent", lambda: setattr(rig.core.state, "ready", False))

    await rig.submit(draft(Side.SELL, 10))

    disarm_all()
    assert rig.core.state.positions.qty(AAPL) == 0


async def test_a_cancel_that_goes_out_while_another_change_is_written_is_not_forgotten(rig: Rig) -> None:
    rig.market.faults.lose_request(Call.SUBMIT)
    order = await rig.submit(draft(price="99.90"))
    write = rig.core.journal.write

    async def be_overtaken(work: object) -> object:
        done = await write(work)
        rig.core.oms.hold(asks_for_end(rig.order(order.cl_ord_id)))  # as the kill switch does
        return done

    rig.core.journal.write = be_overtaken
    await rig.core.oms.change(order.cl_ord_id, lambda known: known, [])
    rig.core.journal.write = write

    assert rig.order(order.cl_ord_id).pending is Pending.CANCEL
