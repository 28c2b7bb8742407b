"""Circuit breakers on a whole core: what trips, what a trip does, and what ends it."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.domain.access import Origin, TradingState
from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.messages import (
    AcknowledgeBreaker,
    BreakerChanged,
    HaltTrading,
    LoadBreakers,
    Reconciled,
    ReconciliationRun,
    ResumeTrading,
    SubmitOrder,
)
from core.domain.money import Money, Price, Qty
from core.domain.records import TradingStateRecord
from core.domain.risk import Unit
from core.domain.terms import NewOrderSingle, OrderCancelRequest, OrdStatus, Side
from core.errors import (
    BrokerRejected,
    BrokerUnavailable,
    RateLimited,
    RefusalCode,
    Refused,
    StorageError,
    StorageUnwritable,
)
from core.failpoints import arm, disarm_all
from core.ids import ClOrdId
from tests import builders
from tests.builders import AAPL
from tests.fakes.breaker_rig import (
    SHARES,
    acknowledge,
    by,
    entry,
    fall,
    lose,
    refused_by,
    settled,
    standing,
    start,
    state_of,
    tripped,
)
from tests.fakes.market import MSFT
from tests.fakes.rig import EVERY_RULE, Rig, draft

WINDOW, API, AGENT = Origin.WINDOW, Origin.API, Origin.AGENT


@pytest.fixture(autouse=True)
def harmless():
    yield
    disarm_all()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = await start(tmp_path)
    yield made
    disarm_all()
    await made.stop()


async def refused(rig: Rig, command: object, role: str = "admin") -> Refused:
    with pytest.raises(Refused) as caught:
        await rig.do(command, role)  # type: ignore[arg-type]
    return caught.value


async def test_the_third_losing_trade_pauses_the_agent_over_restarts(tmp_path: Path) -> None:
    rig = await start(tmp_path)
    await lose(rig, 2)
    before = state_of(rig, BreakerName.LOSING_STREAK)
    await lose(rig)
    await rig.kill()

    await rig.start()

    assert before is BreakerState.ARMED
    assert tripped(rig) == {BreakerName.LOSING_STREAK}
    assert rig.core.state.tripped[0].value == 3
    assert rig.core.state.trading_state is TradingState.ACTIVE
    await settled(rig)
    assert rig.core.state.tripped[0].pauses(AGENT)
    assert (await by(rig, WINDOW, draft())).ord_status is OrdStatus.FILLED
    await rig.stop()


async def test_an_order_that_closes_in_pieces_has_lost_once(rig: Rig) -> None:
    await rig.submit(draft(qty=30))
    rig.market.quote("100.00", "100.02", size=10)
    order = await rig.submit(draft(Side.SELL, 30, "100.00"))
    for _ in range(3):
        rig.market.quote("100.00", "100.02", size=10)
        await rig.quiet()

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED
    assert (await standing(rig, BreakerName.LOSING_STREAK)).figure == 1


async def test_a_streak_counts_from_its_acknowledgement_also_after_a_restart(tmp_path: Path) -> None:
    rig = await start(tmp_path)
    await lose(rig, 3)
    await acknowledge(rig, BreakerName.LOSING_STREAK)
    armed = state_of(rig, BreakerName.LOSING_STREAK)
    await lose(rig, 2)
    await rig.kill()
    await rig.start()

    figure = (await standing(rig, BreakerName.LOSING_STREAK)).figure
    await settled(rig)
    await lose(rig)

    assert armed is BreakerState.ARMED
    assert figure == 2
    assert tripped(rig) == {BreakerName.LOSING_STREAK}
    await rig.stop()


async def test_a_deposit_is_no_gain_and_the_loss_is_found_all_the_same(rig: Rig) -> None:
    await rig.submit(draft(qty=SHARES))
    rig.market.exchange.cashier.move_cash(Money(10_000))
    await settled(rig)
    flows = rig.core.state.day_flows

    await fall(rig, "82.00")
    first = tripped(rig)
    await fall(rig, "72.00")

    assert flows == 10_000
    assert first == {BreakerName.AGENT_LOSS}
    assert tripped(rig) == {BreakerName.AGENT_LOSS, BreakerName.DAILY_LOSS}
    assert rig.core.state.trading_state is TradingState.REDUCING


async def test_a_withdrawal_is_no_loss_and_moves_the_peak(rig: Rig) -> None:
    rig.market.exchange.cashier.move_cash(Money(-60_000))
    await settled(rig)

    assert tripped(rig) == set()
    assert rig.core.state.peak is not None
    assert (rig.core.state.peak.equity, rig.core.state.peak.reason) == (40_000, "flow")
    assert (await standing(rig, BreakerName.DRAWDOWN)).figure == 0


async def test_money_that_moved_while_the_program_was_off_is_no_loss(tmp_path: Path) -> None:
    rig = await start(tmp_path)
    await rig.kill()
    rig.market.exchange.cashier.move_cash(Money(-60_000))
    await rig.start()

    await settled(rig)

    assert tripped(rig) == set()
    assert rig.core.state.peak is not None
    assert rig.core.state.peak.equity == 40_000
    await rig.stop()


async def test_a_loss_cancels_entries_and_leaves_what_protects(rig: Rig) -> None:
    await rig.submit(draft(qty=SHARES))
    stop = await rig.submit(draft(Side.SELL, SHARES, stop="50.00"))
    opening = await entry(rig)

    await fall(rig, "72.00")

    assert rig.oracle().status[opening.cl_ord_id] == "CANCELED"
    assert rig.order(stop.cl_ord_id).ord_status is OrdStatus.NEW
    steps = [each for each in rig.events if isinstance(each, BreakerChanged)]
    assert {(each.record.name, each.cancelled) for each in steps} == {
        (BreakerName.AGENT_LOSS, 0),
        (BreakerName.DAILY_LOSS, 1),
    }
    assert any("1 working entry order is being cancelled" in text for text in rig.alarms())
    actions = await rig.core.outside.store.read(rig.audit_actions())
    assert actions.count("breaker.tripped") == 2
    assert actions.count("cancel.requested") == 1


async def test_exits_pass_after_a_trip_and_entries_do_not(rig: Rig) -> None:
    await rig.submit(draft(qty=SHARES))
    await fall(rig, "72.00")
    await rig.wait(0.5)

    why = (await refused(rig, SubmitOrder(draft(qty=1), rig.key(), EVERY_RULE))).message
    sold = await rig.submit(draft(Side.SELL, SHARES, "71.00"))

    assert "may only be reduced" in why
    assert rig.order(sold.cl_ord_id).ord_status is OrdStatus.FILLED


async def test_a_drawdown_halts_and_is_ended_by_an_admin_with_a_reason_only(tmp_path: Path) -> None:
    rig = await start(tmp_path, daily_loss_pct=Decimal(50))
    await rig.submit(draft(qty=SHARES))
    await fall(rig, "45.00")

    halted = rig.core.state.trading_state
    early = await refused(rig, ResumeTrading("try"))
    trader = await refused(rig, AcknowledgeBreaker(BreakerName.DRAWDOWN, "", "x"), "trader")
    speechless = await refused(rig, AcknowledgeBreaker(BreakerName.DRAWDOWN, "", " "))
    other = await refused(rig, AcknowledgeBreaker(BreakerName.DRIFT, "", "x"))
    seen = await acknowledge(rig, BreakerName.DRAWDOWN)
    await rig.do(ResumeTrading("start anew"), "admin")

    assert halted is TradingState.HALTED
    assert early.code is RefusalCode.HALTED
    assert early.details["breakers"] == "drawdown"
    assert trader.code is RefusalCode.NOT_PERMITTED
    assert speechless.code is RefusalCode.REASON_MISSING
    assert other.code is RefusalCode.NOT_FOUND
    assert (seen.actor, seen.role, seen.reason) == ("kim", "admin", "looked into")
    assert state_of(rig, BreakerName.DRAWDOWN) is BreakerState.ARMED
    assert rig.core.state.peak is not None
    assert rig.core.state.peak.reason == "looked into"
    assert rig.core.state.trading_state is TradingState.ACTIVE
    await rig.stop()


async def test_of_two_acknowledgements_at_once_the_first_counts(rig: Rig) -> None:
    await lose(rig, 3)
    command = AcknowledgeBreaker(BreakerName.LOSING_STREAK, "", "seen")
    kim = rig.actor("admin")

    answers = await asyncio.gather(
        *(rig.core.desk.execute(command, kim) for _ in range(2)), return_exceptions=True
    )

    assert [type(each).__name__ for each in answers] == ["BreakerRecord", "Refused"]
    steps = await rig.core.outside.store.read(lambda reader: reader.breaker_steps(9))
    assert [each.state for each in steps] == [
        BreakerState.ARMED, BreakerState.ACKNOWLEDGED, BreakerState.TRIPPED,
    ]  # fmt: skip


async def test_an_acknowledged_loss_is_armed_once_the_loss_is_gone(rig: Rig) -> None:
    await rig.submit(draft(qty=SHARES))
    await fall(rig, "72.00")
    await acknowledge(rig, BreakerName.DAILY_LOSS)

    below = state_of(rig, BreakerName.DAILY_LOSS)
    await fall(rig, "90.00")

    assert below is BreakerState.ACKNOWLEDGED
    assert state_of(rig, BreakerName.DAILY_LOSS) is BreakerState.ARMED
    assert rig.core.state.trading_state is TradingState.REDUCING


async def test_a_change_of_limits_leaves_a_trip_and_the_trading_state(rig: Rig) -> None:
    await rig.submit(draft(qty=SHARES))
    await fall(rig, "72.00")

    rig.core.state.limits = replace(rig.core.state.limits, daily_loss_pct=Decimal(60))
    await fall(rig, "99.00")

    assert BreakerName.DAILY_LOSS in tripped(rig)
    assert rig.core.state.trading_state is TradingState.REDUCING


async def test_five_rejects_pause_their_way_in_and_no_other(rig: Rig) -> None:
    usual = rig.market.broker.submit

    async def reject(order: NewOrderSingle) -> None:
        raise BrokerRejected("not today")

    resting = await entry(rig)
    rig.market.broker.submit = reject
    for _ in range(5):
        await by(rig, API, draft())
    rig.market.broker.submit = usual

    assert tripped(rig) == {BreakerName.REJECT_RATE}
    assert rig.core.state.tripped[0].source == "api"
    assert "paused" in await refused_by(rig, API, draft())
    assert (await by(rig, WINDOW, draft())).ord_status is OrdStatus.FILLED
    assert rig.order(resting.cl_ord_id).is_open
    await acknowledge(rig, BreakerName.REJECT_RATE, "api")
    assert (await by(rig, API, draft())).ord_status is OrdStatus.FILLED


async def test_an_order_that_is_written_when_its_way_in_is_paused_is_not_sent(rig: Rig) -> None:
    pause = BreakerRecord(
        BreakerName.REJECT_RATE, BreakerState.TRIPPED, "api", "Too many rejects.", None, None, Unit.COUNT,
        "desk", "admin", "", rig.clock.now(),
    )  # fmt: skip
    await rig.submit(draft(qty=10))
    arm("oms.after_intent", lambda: setattr(rig.core.state, "tripped", (pause,)))

    opening = await by(rig, API, draft())
    other = await by(rig, WINDOW, draft(price="99.00"))
    disarm_all()
    exit_ = await by(rig, API, draft(Side.SELL, 10, "100.00"))

    assert opening.ord_status is OrdStatus.REJECTED
    assert "paused: Too many rejects." in opening.text
    assert other.ord_status is OrdStatus.NEW
    assert exit_.ord_status is OrdStatus.FILLED


async def test_rejects_that_lie_far_apart_pause_nothing(rig: Rig) -> None:
    async def reject(order: NewOrderSingle) -> None:
        raise BrokerRejected("not today")

    usual, rig.market.broker.submit = rig.market.broker.submit, reject
    for _ in range(6):
        await rig.submit(draft())
        await rig.wait(20.0)
    rig.market.broker.submit = usual

    assert tripped(rig) == set()


async def test_a_trip_ends_twenty_orders_that_are_in_flight(rig: Rig) -> None:
    await rig.submit(draft(qty=SHARES))
    usual, gate = rig.market.broker.submit, asyncio.Event()

    async def slow(order: NewOrderSingle) -> object:
        await gate.wait()
        return await usual(order)

    rig.market.broker.submit = slow
    tasks = [
        await rig.begin(SubmitOrder(draft(qty=1, price="99.00", symbol=MSFT), rig.key(), EVERY_RULE))
        for _ in range(20)
    ]
    await fall(rig, "72.00")
    gate.set()
    await rig.wait(1.0, 0.25)

    orders = [task.result().order.cl_ord_id for task in tasks]
    assert len(orders) == 20
    assert not any(rig.oracle().status[each] == "NEW" for each in orders)
    assert [each for each in rig.core.state.orders.open() if each.symbol == MSFT] == []


async def test_the_first_cancel_leaves_within_100_ms_while_the_database_is_locked(
    rig: Rig, expected_log: object
) -> None:
    for words in ("breaker.unwritable", "cancel.unwritable"):
        expected_log(words)  # type: ignore[operator]
    await rig.submit(draft(qty=SHARES))
    orders = [await entry(rig) for _ in range(5)]
    clock, at = SystemClock(), []
    usual = rig.market.broker.cancel

    async def cancel(request: OrderCancelRequest) -> None:
        at.append(clock.monotonic())
        await usual(request)

    def refuse() -> None:
        raise StorageUnwritable("the disk is full")

    rig.market.broker.cancel = cancel
    arm("uow.insert_breaker", refuse)
    arm("uow.update_order", refuse)
    rig.core.bus.subscribe(BreakerChanged, lambda _: at.append(clock.monotonic()))
    expected_log("report.unwritable")  # type: ignore[operator]
    await fall(rig, "72.00")

    told, *cancels = at[1:]
    assert len(cancels) >= 5
    assert cancels[0] - told < 0.1
    assert {rig.oracle().status[each.cl_ord_id] for each in orders} == {"CANCELED"}


async def test_a_trip_that_cannot_be_written_holds_and_is_found_by_the_next_start(
    tmp_path: Path, expected_log: object
) -> None:
    expected_log("breaker.unwritable")  # type: ignore[operator]
    rig = await start(tmp_path)
    await rig.submit(draft(qty=SHARES))

    def refuse() -> None:
        raise StorageUnwritable("the disk is full")

    arm("uow.insert_breaker", refuse)
    await fall(rig, "72.00")
    held = rig.core.state.trading_state
    with pytest.raises(StorageError):
        await acknowledge(rig, BreakerName.DAILY_LOSS)
    await rig.kill()
    disarm_all()
    await rig.start()

    assert held is TradingState.REDUCING
    assert tripped(rig) == {BreakerName.AGENT_LOSS, BreakerName.DAILY_LOSS}
    assert rig.core.state.trading_state is TradingState.REDUCING
    await rig.stop()


async def test_a_cancel_that_did_not_get_through_is_asked_again(rig: Rig) -> None:
    await rig.submit(draft(qty=SHARES))
    opening = await entry(rig)
    usual = rig.market.broker.cancel

    async def full(request: OrderCancelRequest) -> None:
        raise RateLimited("200 requests a minute")

    rig.market.broker.cancel = full
    await fall(rig, "72.00")
    rig.market.broker.cancel = usual
    before = rig.order(opening.cl_ord_id).ord_status
    await rig.wait(32.0, 1.0)

    assert before is OrdStatus.PENDING_CANCEL
    assert rig.oracle().status[opening.cl_ord_id] == "CANCELED"


async def test_a_resume_that_slipped_in_beside_a_trip_does_not_outlive_a_restart(tmp_path: Path) -> None:
    rig = await start(tmp_path)
    await rig.submit(draft(qty=SHARES))
    await fall(rig, "72.00")
    resumed = TradingStateRecord(TradingState.ACTIVE, "slipped in", "kim", rig.clock.now())
    await rig.core.journal.write(lambda uow, _: uow.insert_trading_state(resumed))
    await rig.kill()

    await rig.start()

    stored = await rig.core.outside.store.read(lambda reader: reader.trading_state())
    assert rig.core.state.trading_state is TradingState.REDUCING
    assert stored is not None
    assert stored.state is TradingState.REDUCING
    assert any(text.startswith("Still tripped: ") for text in rig.alarms())
    await rig.stop()


async def test_a_trip_while_a_resume_is_being_written_wins(rig: Rig) -> None:
    await rig.submit(draft(qty=SHARES))
    await rig.do(HaltTrading("lunch"))
    loop, done = asyncio.get_running_loop(), threading.Event()

    def crash() -> None:
        rig.core.state.positions.price(AAPL, Price("72.00"))
        rig.core.bus.publish(Reconciled(ReconciliationRun(rig.clock.now(), rig.clock.now())))
        done.set()

    def meanwhile() -> None:  # on the storage thread, which waits until the breaker has tripped
        disarm_all()
        loop.call_soon_threadsafe(crash)
        done.wait(5)

    arm("store.before_commit", meanwhile)
    refusal = await refused(rig, ResumeTrading("back"))

    assert refusal.code is RefusalCode.HALTED
    assert "A breaker has tripped" in refusal.message
    assert rig.core.state.trading_state is TradingState.HALTED


async def test_entries_that_outlived_a_crash_after_the_trip_are_ended_by_the_next_start(
    tmp_path: Path,
) -> None:
    rig = await start(tmp_path)
    await rig.submit(draft(qty=SHARES))
    opening = await entry(rig)

    async def lost(request: OrderCancelRequest) -> None:
        raise BrokerUnavailable("gone")

    rig.market.broker.cancel = lost
    await fall(rig, "72.00")
    await rig.kill()
    before = rig.oracle().status[opening.cl_ord_id]

    await rig.start()

    assert before == "NEW"
    assert rig.oracle().status[opening.cl_ord_id] == "CANCELED"
    await rig.stop()


async def test_a_trip_is_written_as_soon_as_the_database_takes_it(rig: Rig, expected_log: object) -> None:
    expected_log("breaker.unwritable")  # type: ignore[operator]
    await lose(rig, 2)
    left = 1

    def refuse() -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise StorageUnwritable("the disk is full")

    arm("uow.insert_breaker", refuse)
    await lose(rig)
    stored = await rig.core.outside.store.read(lambda reader: reader.breakers())
    await rig.wait(6.0, 1.0)

    assert stored == ()
    (record,) = await rig.core.outside.store.read(lambda reader: reader.breakers())
    assert record.state is BreakerState.TRIPPED


async def test_the_board_shows_figure_limit_room_and_history(rig: Rig) -> None:
    await lose(rig, 3)
    await acknowledge(rig, BreakerName.LOSING_STREAK)

    board = await rig.do(LoadBreakers(), "viewer")

    by_name = {(each.name, each.source): each for each in board.standings}
    assert {name for name, _ in by_name} == set(BreakerName)
    assert {source for name, source in by_name if name is BreakerName.REJECT_RATE} == {
        "window", "api", "agent",
    }  # fmt: skip
    loss = by_name[BreakerName.DAILY_LOSS, ""]
    assert loss.figure is not None
    assert loss.room == loss.limit - loss.figure
    assert [each.state for each in board.history] == [
        BreakerState.ARMED, BreakerState.ACKNOWLEDGED, BreakerState.TRIPPED,
    ]  # fmt: skip


async def test_looking_at_the_board_changes_nothing(rig: Rig) -> None:
    before = rig.core.state.peak

    for _ in range(3):
        await rig.do(LoadBreakers(), "viewer")

    assert rig.core.state.peak is before
    assert await rig.core.outside.store.read(lambda reader: reader.breakers()) == ()


async def test_a_fill_far_worse_than_its_decision_pauses_the_agent(rig: Rig) -> None:
    usual = rig.market.broker.submit

    async def late(order: NewOrderSingle) -> object:
        rig.market.quote("101.50", "101.52")
        return await usual(order)

    rig.market.broker.submit = late
    await rig.submit(draft(qty=10, price="102.00"))

    assert tripped(rig) == {BreakerName.SLIPPAGE}
    assert rig.core.state.trading_state is TradingState.ACTIVE
    assert "worse than 100.02" in rig.core.state.tripped[0].text


async def test_a_stop_is_held_against_its_own_price(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    await rig.submit(draft(Side.SELL, 10, stop="90.00"))

    px = Price("89.50")
    rig.market.show(AAPL, bid=px, ask=Price("89.52"), last=px, last_size=Qty(1))
    await rig.quiet()

    assert rig.core.state.positions.qty(AAPL) == 0
    assert BreakerName.SLIPPAGE not in tripped(rig)


async def test_an_order_past_the_book_is_not_let_out_and_halts(rig: Rig) -> None:
    rogue = NewOrderSingle(ClOrdId("IQ-rogue"), builders.terms(qty=10))

    with pytest.raises(Exception, match="not written ahead"):
        await rig.core.outside.broker.submit(rogue)

    assert tripped(rig) == {BreakerName.ORDERS_OUT}
    assert rig.core.state.trading_state is TradingState.HALTED
    assert rig.oracle().orders == {}


async def test_an_order_that_never_leaves_the_book_halts(rig: Rig) -> None:
    async def nothing(order: object) -> object:
        return order

    rig.core.sending.carry_out = nothing  # type: ignore[method-assign, assignment]
    await rig.submit(draft(price="99.00"))
    await rig.wait(4.0, 0.5)
    before = tripped(rig)

    await rig.wait(3.0, 0.5)

    assert before == set()
    assert tripped(rig) == {BreakerName.ORDERS_OUT}


async def test_old_prices_of_what_is_held_reduce(tmp_path: Path) -> None:
    rig = await start(tmp_path, stale_s=60.0)
    await rig.submit(draft(qty=10))
    await rig.wait(58.0, 2.0, refresh=False)
    before = tripped(rig)

    await rig.wait(4.0, 1.0, refresh=False)

    assert before == set()
    assert tripped(rig) == {BreakerName.STALE_DATA}
    assert rig.core.state.trading_state is TradingState.REDUCING
    await rig.stop()


async def test_old_prices_of_what_is_not_held_are_nobodys_business(tmp_path: Path) -> None:
    rig = await start(tmp_path, stale_s=60.0)

    await rig.wait(100.0, 2.0, refresh=False)

    assert tripped(rig) == set()
    await rig.stop()


async def test_an_order_stream_that_stays_down_reduces(tmp_path: Path, expected_log: object) -> None:
    expected_log("link.lost")  # type: ignore[operator]
    rig = await start(tmp_path, down_s=60.0)

    async def refuse() -> None:
        raise BrokerRejected("closed")

    rig.market.broker.connect = refuse
    rig.market.broker.drop_stream()
    await rig.wait(50.0, 1.0)
    before = tripped(rig)
    await rig.wait(15.0, 1.0)

    assert before == set()
    assert tripped(rig) == {BreakerName.DISCONNECTION}
    await rig.stop()
