"""The kill switch: what it ends, what it proves, and what it names where it cannot."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from core.adapters.simulator.faults import Call
from core.domain.access import TradingState
from core.domain.market import SessionPhase
from core.domain.messages import (
    KillProgressed,
    KillReport,
    KillStage,
    KillTrading,
    ResumeTrading,
    SubmitOrder,
)
from core.domain.money import Price
from core.domain.terms import OrdStatus, OrdType, Side
from core.errors import BrokerRejected, BrokerUnavailable, RateLimited, Refused, StorageUnwritable
from core.failpoints import arm, disarm_all
from core.ids import Symbol
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


def refuse_writing() -> None:
    raise StorageUnwritable("the disk is full")


async def kill(rig: Rig, *, flatten: bool = False, seconds: float = 70) -> KillReport:
    task = await rig.begin(KillTrading("enough", flatten))
    for _ in range(int(seconds * 2)):
        if task.done():
            break
        await rig.wait(0.5, 0.5, refresh=False)
    return await asyncio.wait_for(task, 1)


async def resting(rig: Rig, count: int) -> list[str]:
    return [(await rig.submit(draft(price=RESTING))).cl_ord_id for _ in range(count)]


async def test_it_halts_and_ends_every_order_of_ours_in_one_request(rig: Rig) -> None:
    ours = await resting(rig, 3)

    report = await kill(rig)

    assert report.is_proven
    assert report.recorded
    assert (report.total, report.confirmed) == (3, 3)
    assert {rig.oracle().status[each] for each in ours} == {"CANCELED"}
    assert rig.core.state.trading_state is TradingState.HALTED
    assert rig.core.state.orders.open() == ()


async def test_orders_of_others_are_named_and_left_alone(rig: Rig) -> None:
    ours = await resting(rig, 2)
    rig.market.exchange.place_external(builders.terms(qty=30, price="99.80"))
    await rig.quiet()

    report = await kill(rig)

    assert report.is_proven
    assert len(report.foreign) == 1
    assert rig.oracle().status[report.foreign[0]] == "NEW"
    assert {rig.oracle().status[each] for each in ours} == {"CANCELED"}


async def test_a_request_that_got_lost_is_repeated_until_the_broker_shows_the_end(rig: Rig) -> None:
    (order,) = await resting(rig, 1)
    rig.market.faults.lose_request(Call.CANCEL)

    report = await kill(rig)

    assert report.is_proven
    assert rig.oracle().status[order] == "CANCELED"
    stages = [event.report.confirmed for event in rig.events if isinstance(event, KillProgressed)]
    assert stages[0] == 0
    assert stages[-1] == 1


async def test_what_the_broker_does_not_confirm_is_named(rig: Rig) -> None:
    orders = await resting(rig, 2)

    async def refuse(request: object) -> None:
        raise BrokerUnavailable("no route")

    rig.market.broker.cancel = refuse
    rig.market.broker.cancel_all = no_such_request

    report = await kill(rig)

    assert report.stage is KillStage.DONE
    assert not report.is_proven
    assert report.unconfirmed == tuple(sorted(orders))
    assert all("no route" in text for text in report.failures)


async def no_such_request() -> bool:
    return False


async def test_a_broker_that_does_not_answer_is_named_and_the_halt_holds(rig: Rig, expected_log) -> None:
    expected_log("unanswered")
    await resting(rig, 1)
    for call in (Call.OPEN_ORDERS, Call.CANCEL, Call.ORDER):
        rig.market.faults.be_unavailable(call, 1000)

    report = await kill(rig)

    assert len(report.unconfirmed) == 1
    assert any("its open orders" in text for text in report.failures)
    assert rig.core.state.trading_state is TradingState.HALTED


async def test_a_listing_that_hangs_does_not_hold_the_requests_up(rig: Rig) -> None:
    (order,) = await resting(rig, 1)
    listed = rig.market.broker.open_orders

    async def hang() -> object:
        await rig.clock.sleep(5)
        return await listed()

    rig.market.broker.open_orders = hang

    task = await rig.begin(KillTrading("enough"))
    await rig.wait(2, 0.5)
    status = rig.oracle().status[order]
    await rig.wait(40, 0.5)

    assert status == "CANCELED"
    assert task.result().is_proven


async def test_the_rate_of_the_broker_is_waited_for(rig: Rig) -> None:
    (order,) = await resting(rig, 1)
    send, refusals = rig.market.broker.cancel, [RateLimited("too many", 3.0), RateLimited("too many")]

    async def slow(request):
        if refusals:
            raise refusals.pop(0)
        return await send(request)

    rig.market.broker.cancel = slow

    report = await kill(rig)

    assert report.is_proven
    assert rig.oracle().status[order] == "CANCELED"


async def test_an_end_that_the_stream_never_told_is_proven_by_asking(rig: Rig) -> None:
    (order,) = await resting(rig, 1)
    rig.market.faults.drop_reports(5)

    report = await kill(rig)
    await rig.quiet()

    assert report.is_proven
    assert rig.order(order).ord_status is OrdStatus.CANCELED


async def test_it_works_while_the_database_is_full(rig: Rig, expected_log) -> None:
    expected_log("kill.unwritable")
    expected_log("report.unwritable")
    ours = await resting(rig, 3)
    arm("store.before_commit", refuse_writing)

    report = await kill(rig)

    assert (report.total, report.confirmed) == (3, 3)
    assert not report.recorded
    assert {rig.oracle().status[each] for each in ours} == {"CANCELED"}
    noted = (rig.folder / "emergency.jsonl").read_text()
    assert '"trading_state.changed"' in noted
    assert '"cancel.requested"' in noted
    disarm_all()
    await rig.kill()
    await rig.start()
    assert rig.core.state.trading_state is TradingState.HALTED


async def test_it_does_not_wait_for_a_database_that_is_locked(rig: Rig) -> None:
    (order,) = await resting(rig, 1)
    write, never = rig.store.write, asyncio.Event()

    async def locked(work):
        await never.wait()
        return await write(work)

    rig.store.write = locked

    task = await rig.begin(KillTrading("enough"))
    status = rig.oracle().status[order]
    await rig.wait(40, 0.5)

    assert status == "CANCELED"
    assert not task.result().recorded
    assert task.result().confirmed == 1
    rig.store.write = write
    never.set()
    await rig.quiet()


async def test_an_order_on_its_way_is_ended_when_it_lands(rig: Rig) -> None:
    broker = rig.market.broker
    send = broker.submit

    async def send_slowly(order):
        await rig.clock.sleep(3)
        return await send(order)

    broker.submit = send_slowly
    sending = await rig.begin(SubmitOrder(draft(price=RESTING), rig.key(), EVERY_RULE))

    report = await kill(rig)

    assert sending.done()
    assert report.is_proven
    assert list(rig.oracle().status.values()) == ["CANCELED"]


async def test_flattening_closes_every_position_by_orders_of_ours(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    await rig.submit(draft(qty=5, symbol=MSFT))
    await resting(rig, 2)

    report = await kill(rig, flatten=True)

    assert report.is_proven
    assert len(report.closing) == 2
    assert rig.oracle().position(AAPL) == rig.oracle().position(MSFT) == 0
    assert rig.core.state.trading_state is TradingState.HALTED
    for cl_ord_id in report.closing:
        assert rig.order(cl_ord_id).ord_status is OrdStatus.FILLED


async def test_outside_regular_hours_it_closes_by_limits_through_the_market(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    session = rig.market.feed.session
    rig.market.feed.session = lambda: replace(session(), phase=SessionPhase.POST)
    await rig.wait(1, 0.5)

    report = await kill(rig, flatten=True)

    (closing,) = report.closing
    terms = rig.order(closing).terms
    assert (terms.ord_type, terms.price, terms.extended_hours) == (OrdType.LIMIT, Price("98.00"), True)


async def test_outside_regular_hours_nothing_is_closed_without_a_quote(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    session = rig.market.feed.session
    rig.market.feed.session = lambda: replace(session(), phase=SessionPhase.PRE)
    await rig.wait(1, 0.5)
    rig.core.state.quotes._quotes.pop(AAPL)

    report = await kill(rig, flatten=True)

    assert report.closing == ()
    assert any("there is no quote" in text for text in report.failures)
    assert report.held == ((AAPL, 10),)


async def test_a_closing_order_of_which_nobody_knows_is_named_and_no_second_one_is_sent(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    rig.market.faults.lose_request(Call.SUBMIT)

    first = await kill(rig, flatten=True)
    second = await kill(rig, flatten=True)

    assert first.held == ((AAPL, 10),)
    assert any("not known" in text for text in first.failures)
    assert second.closing == ()
    assert any("nobody has proven the end" in text for text in second.failures)
    assert rig.oracle().position(AAPL) == 10


async def test_a_refused_closing_order_is_named_with_the_brokers_words(rig: Rig) -> None:
    await rig.submit(draft(qty=10))

    async def refuse(order: object) -> None:
        raise BrokerRejected("the stock is halted")

    rig.market.broker.submit = refuse

    report = await kill(rig, flatten=True)

    assert any("the stock is halted" in text for text in report.failures)
    assert report.held == ((AAPL, 10),)


async def test_what_cannot_be_recorded_is_not_sent_even_to_close(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    arm("uow.insert_order", refuse_writing)

    report = await kill(rig, flatten=True)

    assert any("could not be recorded" in text for text in report.failures)
    assert len(rig.oracle().orders) == 1


async def test_a_closing_order_that_is_recorded_too_late_is_not_sent(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    write = rig.store.write
    arm("uow.insert_order", lambda: None)

    async def slow(work):
        await rig.clock.sleep(40)
        return await write(work)

    intents = rig.core.intents
    write_ahead = intents.write_ahead

    async def late(intent):
        rig.store.write = slow
        try:
            return await write_ahead(intent)
        finally:
            rig.store.write = write

    intents.write_ahead = late

    report = await kill(rig, flatten=True)
    await rig.wait(60, 5)

    assert report.held == ((AAPL, 10),)
    assert len(rig.oracle().orders) == 1
    assert [order.ord_status for order in rig.core.state.orders.recent()].count(OrdStatus.REJECTED) == 1


async def test_shares_in_orders_of_others_are_left_to_them(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    rig.market.exchange.place_external(builders.terms(Side.SELL, 10, "110.00"))
    await rig.quiet()

    report = await kill(rig, flatten=True)

    assert report.closing == ()
    assert any("in orders of others" in text for text in report.failures)


async def test_positions_that_the_broker_does_not_tell_are_taken_from_our_book(
    rig: Rig, expected_log
) -> None:
    await rig.submit(draft(qty=10))
    rig.market.faults.be_unavailable(Call.POSITIONS, 1)

    report = await kill(rig, flatten=True)

    assert report.is_proven
    assert rig.oracle().position(AAPL) == 0


async def test_an_order_that_would_open_does_not_pass_the_halt_with_the_closing_ones(rig: Rig) -> None:
    order = await rig.submit(draft(price=RESTING))
    await kill(rig)
    intent = rig.order(order.cl_ord_id)

    refused = await rig.core.sending.carry_out(
        replace(intent, cl_ord_id="IQ-new", ended=None, order_id=None, acked=False), closes=True
    )

    assert refused.ord_status is OrdStatus.REJECTED or not refused.acked
    assert len(rig.oracle().orders) == 1


async def test_positions_that_nobody_tells_twice_are_named_as_they_were(rig: Rig, expected_log) -> None:
    expected_log("unanswered")
    await rig.submit(draft(qty=10))
    rig.market.faults.be_unavailable(Call.SUBMIT)
    rig.market.faults.be_unavailable(Call.POSITIONS, 1000)

    report = await kill(rig, flatten=True)

    assert report.held == ((AAPL, 10),)
    assert any("what is held" in text for text in report.failures)


async def test_our_book_may_take_a_while_to_come_to_what_is_held(rig: Rig, expected_log) -> None:
    await rig.submit(draft(qty=10, price=RESTING))
    rig.market.faults.drop_reports(1)
    rig.market.quote("99.88", "99.90", size=4)

    report = await kill(rig, flatten=True)

    assert not report.is_proven or rig.oracle().position(AAPL) == 0
    may_come = {"stream.suspect", "link.lost"}
    expected_log.records[:] = [each for each in expected_log.records if each.getMessage() not in may_come]


async def test_an_order_that_only_the_broker_knows_is_ended_too(rig: Rig) -> None:
    rig.market.faults.drop_reports(1)
    rig.market.exchange.submit(builders.single("IQ-elsewhere", builders.terms(qty=1, price=RESTING)))

    report = await kill(rig)

    assert report.is_proven
    assert rig.oracle().status["IQ-elsewhere"] == "CANCELED"


async def test_a_second_use_looks_anew_after_the_first(rig: Rig) -> None:
    await resting(rig, 1)
    rig.market.faults.lose_request(Call.CANCEL)

    first = await rig.begin(KillTrading("one"))
    second = await rig.begin(KillTrading("two"))
    await rig.wait(20, 0.5)

    assert first.result().is_proven
    assert second.result().is_proven
    assert second.result().total == 0


async def test_a_viewer_may_not_pull_it(rig: Rig) -> None:
    with pytest.raises(Refused):
        await rig.do(KillTrading("enough"), "viewer")

    assert rig.core.state.trading_state is TradingState.ACTIVE


async def test_an_admin_resumes_after_it(rig: Rig) -> None:
    await kill(rig)

    await rig.do(ResumeTrading("looked at it"), "admin")

    assert (await rig.submit(draft(price=RESTING))).ord_status is OrdStatus.NEW


async def test_a_position_of_an_unknown_symbol_is_named(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    assert isinstance(rig.core.kill._flattening._closer.terms(Symbol("ZZZ"), builders.dec("1")), str)
