"""What hardly ever happens on the order path: answers that cannot be, and facts that are missing."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.simulator.faults import Call
from core.domain.access import Mode, TradingState
from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.execution import ExecType, ExecutionReport
from core.domain.lanes import Latest
from core.domain.messages import (
    CancelOrder,
    CancelOrders,
    Difference,
    DifferenceKind,
    GiveUpOrder,
    PositionMarked,
    PreviewOrder,
    ReplaceOrder,
    ResendOrder,
    SubmitOrder,
)
from core.domain.money import Money, Price, Qty
from core.domain.order import Order, Pending
from core.domain.portfolio import Account
from core.domain.records import AuditQuery
from core.domain.risk import Outcome, RuleCode, RuleResult, Verdict
from core.domain.terms import OrdStatus, Side, TimeInForce
from core.errors import BrokerRejected, OutcomeUnknown, RefusalCode, Refused, StorageUnwritable
from core.failpoints import arm, disarm_all
from core.ids import ClOrdId, ExecId
from core.orders.intents import Intent
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


def refuse_writing() -> None:
    raise StorageUnwritable("the disk is full")


def report_on(order: Order, exec_type: ExecType, status: OrdStatus, cum: int, **more) -> ExecutionReport:
    return ExecutionReport(
        exec_id=ExecId(f"Y-{exec_type}-{cum}"), exec_type=exec_type, cl_ord_id=order.cl_ord_id,
        order_id=order.order_id, terms=order.terms, ord_status=status, cum_qty=Qty(cum), leaves_qty=Qty(0),
        avg_px=Price("99.90"), transact_time=builders.NOON, **more,
    )  # fmt: skip


async def apply(rig: Rig, report: ExecutionReport) -> Order:
    await rig.core.oms.apply(report)
    await rig.quiet()
    return rig.order(report.cl_ord_id)


async def test_more_filled_than_ordered_halts_trading_with_an_alarm(rig: Rig) -> None:
    order = await rig.submit(draft(qty=5, price=RESTING))
    px = Price("99.90")
    fill = report_on(order, ExecType.TRADE, OrdStatus.FILLED, 8, last_qty=Qty(8), last_px=px)

    after = await apply(rig, fill)

    assert after.cum_qty == 8
    assert rig.core.state.trading_state is TradingState.HALTED
    assert any("more was filled (8) than ordered (5)" in text for text in rig.alarms())


async def test_a_move_that_should_not_happen_is_taken_with_an_alarm(rig: Rig) -> None:
    order = await rig.submit(draft(qty=5, price=RESTING))
    await rig.do(CancelOrder(order.cl_ord_id))

    after = await apply(rig, report_on(order, ExecType.REPLACED, OrdStatus.REPLACED, 0))

    assert after.ord_status is OrdStatus.REPLACED
    assert any("should not happen" in text for text in rig.alarms())


async def test_a_suspended_order_is_shown_so_and_works_again(rig: Rig) -> None:
    order = await rig.submit(draft(qty=5, price=RESTING, tif=TimeInForce.GTC))

    suspended = await apply(rig, report_on(order, ExecType.SUSPENDED, OrdStatus.SUSPENDED, 0))
    restated = await apply(rig, report_on(order, ExecType.RESTATED, OrdStatus.NEW, 0))

    assert suspended.ord_status is OrdStatus.SUSPENDED
    assert suspended.time_in_force is TimeInForce.GTC
    assert restated.ord_status is OrdStatus.NEW


async def test_a_fill_may_follow_a_cancel(rig: Rig) -> None:
    order = await rig.submit(draft(qty=5, price=RESTING))
    await rig.do(CancelOrder(order.cl_ord_id))
    px = Price("99.90")
    late = report_on(order, ExecType.TRADE, OrdStatus.FILLED, 5, last_qty=Qty(5), last_px=px)

    after = await apply(rig, late)

    assert after.ord_status is OrdStatus.FILLED
    assert rig.core.state.positions.qty(AAPL) == 5
    assert not [text for text in rig.alarms() if "should not" in text]


async def test_an_order_that_is_acknowledged_already_does_not_become_unknown(rig: Rig) -> None:
    order = await rig.submit(draft(price=RESTING))

    await rig.core.oms.mark_unknown(order.cl_ord_id, "late")
    await rig.core.oms.mark_unknown(ClOrdId("IQ-none"), "late")

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.NEW


async def test_an_order_that_is_not_known_cannot_be_changed(rig: Rig) -> None:
    with pytest.raises(Refused) as caught:
        await rig.core.oms.change(ClOrdId("IQ-none"), lambda known: known, [])

    assert caught.value.code is RefusalCode.UNKNOWN_ORDER


async def test_a_replacement_goes_out_if_only_the_mark_on_its_order_cannot_be_written(
    rig: Rig, expected_log
) -> None:
    expected_log("replace.unwritable")
    order = await rig.submit(draft(price=RESTING))
    arm("oms.before_send", lambda: arm("uow.update_order", fail_once()))

    new = await rig.do(ReplaceOrder(order.cl_ord_id, rig.key(), "12", "99.85", "", EVERY_RULE))

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.REPLACED
    assert rig.order(new.order.cl_ord_id).ord_status is OrdStatus.NEW


def fail_once():
    def strike() -> None:
        arm("uow.update_order", lambda: None)
        refuse_writing()

    return strike


async def test_an_order_that_ended_before_its_replacement_is_not_marked(rig: Rig) -> None:
    order = await rig.submit(draft(qty=4, price=RESTING))
    rig.market.faults.hold_reports(99)
    rig.market.quote("99.88", "99.90", size=4)
    held = rig.market.broker._held[-1]
    arm("oms.before_send", lambda: rig.core.state.orders.put(replace(order, cum_qty=Qty(4))))

    new = await rig.do(ReplaceOrder(order.cl_ord_id, rig.key(), "12", "99.85", "", EVERY_RULE))

    assert held.ord_status is OrdStatus.FILLED
    assert rig.order(new.order.cl_ord_id).ord_status is OrdStatus.REJECTED
    assert rig.order(order.cl_ord_id).pending is None


async def test_a_key_that_was_used_meanwhile_writes_nothing(rig: Rig) -> None:
    intent = Intent(builders.terms(qty=1), rig.key(), Verdict(()), rig.actor())
    await rig.core.intents.write_ahead(intent)

    with pytest.raises(Refused) as caught:
        await rig.core.intents.write_ahead(intent)

    assert caught.value.code is RefusalCode.IN_FLIGHT
    assert len(rig.core.state.orders.recent()) == 1


async def test_a_price_that_moved_while_the_sheet_stood_is_asked_again(tmp_path: Path) -> None:
    rig = await Rig(tmp_path, mode=Mode.LIVE).start()

    def move_and_say_yes(request: ConfirmationRequest) -> ConfirmationReply:
        quote = rig.core.state.quotes.get(AAPL)
        rig.core.state.quotes._quotes[AAPL] = replace(quote, last=Price("101.00"))
        return ConfirmationReply(request.digest, accepted=True, typed=request.phrase)

    rig.confirmer.answer = move_and_say_yes

    with pytest.raises(Refused) as caught:
        await rig.do(SubmitOrder(draft(), rig.key()))

    assert caught.value.code is RefusalCode.CONFIRMATION_STALE
    assert rig.oracle().orders == {}
    await rig.stop()


async def test_a_fault_of_the_adapter_in_cancelling_all_is_not_swallowed(rig: Rig) -> None:
    await rig.submit(draft(price=RESTING))

    async def fail(request: object) -> None:
        raise ZeroDivisionError

    rig.market.broker.cancel = fail

    with pytest.raises(ZeroDivisionError):
        await rig.do(CancelOrders())


async def test_a_refused_cancel_whose_look_up_fails_leaves_the_order_as_it_was(rig: Rig) -> None:
    order = await rig.submit(draft(price=RESTING))
    rig.market.faults.be_unavailable(Call.CANCEL)
    rig.market.faults.be_unavailable(Call.ORDER)

    with pytest.raises(Refused):
        await rig.do(CancelOrder(order.cl_ord_id))

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.NEW


async def test_the_wish_to_cancel_an_order_that_the_broker_does_not_know_is_kept_until_it_is_sighted(
    rig: Rig,
) -> None:
    rig.market.faults.lose_request(Call.SUBMIT)
    order = await rig.submit(draft(price=RESTING))

    await rig.do(CancelOrder(order.cl_ord_id))
    unproven = rig.order(order.cl_ord_id)
    rig.market.exchange.submit(builders.single(order.cl_ord_id, order.terms))
    await rig.quiet()

    assert (unproven.ord_status, unproven.pending) == (OrdStatus.UNKNOWN, Pending.CANCEL)
    assert rig.oracle().status[order.cl_ord_id] == "CANCELED"
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.CANCELED


async def test_a_kept_wish_survives_a_restart(rig: Rig) -> None:
    rig.market.faults.lose_request(Call.SUBMIT)
    order = await rig.submit(draft(price=RESTING))
    await rig.do(CancelOrder(order.cl_ord_id))
    await rig.kill()
    rig.market.exchange.submit(builders.single(order.cl_ord_id, order.terms))

    await rig.start()

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.CANCELED


async def test_whoever_sends_an_order_again_wants_it_after_all(rig: Rig) -> None:
    rig.market.faults.lose_request(Call.SUBMIT)
    order = await rig.submit(draft(price=RESTING))
    await rig.do(CancelOrder(order.cl_ord_id))
    await rig.wait(60, 5)

    await rig.do(ResendOrder(order.cl_ord_id))
    await rig.quiet()

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.NEW


async def test_a_refused_cancel_of_an_order_that_was_forgotten_is_a_refusal_all_the_same(rig: Rig) -> None:
    order = await rig.submit(draft(price=RESTING))

    async def forget_and_refuse(request: object) -> None:
        rig.core.state.orders._open.clear()
        raise BrokerRejected("no")

    rig.market.broker.cancel = forget_and_refuse

    with pytest.raises(Refused):
        await rig.do(CancelOrder(order.cl_ord_id))


async def test_a_working_purchase_that_cannot_be_priced_denies_another_one(rig: Rig) -> None:
    rig.market.faults.lose_request(Call.SUBMIT)
    await rig.submit(replace(draft(qty=3, symbol="MSFT"), time_in_force=TimeInForce.CLS))
    rig.core.state.quotes._quotes.pop("MSFT")

    preview = await rig.do(PreviewOrder(draft()))

    assert preview.verdict.is_refused
    assert RuleCode.BUYING_POWER in {result.code for result in preview.verdict.breaches}


async def test_a_stop_is_reserved_at_the_worse_of_its_price_and_the_offer(rig: Rig) -> None:
    gatherer = rig.core.gatherer
    figures = rig.core.throttle.figures(rig.limits)
    await rig.submit(draft(qty=10, stop="101.00"))
    await rig.submit(draft(qty=20))
    await rig.submit(draft(Side.SELL, 5, "110.00"))

    above = gatherer.facts(builders.terms(), figures).reserved_cash
    rig.market.quote("101.48", "101.50")
    rig.core.state.quotes._quotes.pop(AAPL)
    unpriced = gatherer.facts(builders.terms(), figures).reserved_cash

    assert above == Decimal(1010) * Decimal("1.0005")
    assert unpriced == above


async def test_what_is_new_is_shown_once(rig: Rig) -> None:
    states = dict(rig.core.links.states)
    seen = len(rig.events)

    for part, link in states.items():
        rig.core.links.show(part, link.state, link.text)

    assert len(rig.events) == seen


async def test_the_feed_comes_back_with_what_it_knew(rig: Rig, expected_log) -> None:
    expected_log("link.lost")
    rig.market.faults.lose_feed()
    await rig.quiet()
    between = rig.core.state.session
    rig.market.show(AAPL, last=None)

    await rig.wait(1, 0.5)

    assert between is None
    assert rig.core.state.session is not None
    assert len(rig.core.state.instruments) == 2
    assert rig.core.state.positions.last(AAPL) == Decimal("100.01")


async def test_nothing_is_compared_while_the_stream_is_down(rig: Rig, expected_log) -> None:
    expected_log("link.lost")
    rig.market.faults.be_unavailable(Call.CONNECT, 1000)
    rig.market.faults.disconnect()

    await rig.wait(120, 10, refresh=False)

    assert not rig.core.state.ready
    rig.market.faults._unavailable.clear()


async def test_an_accepted_order_that_the_broker_no_longer_knows_counts_as_live_with_an_alarm(
    rig: Rig,
) -> None:
    order = await rig.submit(draft(price=RESTING))
    _forget(rig)

    await rig.core.reconciler.run()

    assert rig.order(order.cl_ord_id).is_open
    assert any("it still counts as live" in text for text in rig.alarms())


def _forget(rig: Rig) -> None:
    async def nothing() -> tuple[()]:
        return ()

    async def absent(cl_ord_id: ClOrdId) -> None:
        return None

    rig.market.broker.open_orders = nothing
    rig.market.broker.order = absent


async def test_positions_that_differ_are_an_alarm_and_a_record_and_are_not_overwritten(rig: Rig) -> None:
    await rig.submit(draft(qty=10))

    async def flat() -> tuple[()]:
        return ()

    rig.market.broker.positions = flat

    found = await rig.core.reconciler.run()

    assert found.differences == (Difference(DifferenceKind.POSITION, AAPL, "10", "0", repaired=False),)
    assert rig.core.state.positions.qty(AAPL) == 10
    assert any("our book says 10 shares, the broker says 0" in text for text in rig.alarms())
    records = await rig.store.read(lambda reader: reader.audit_page(AuditQuery(action="reconciled")))
    assert [record.entity for record in records] == ["1 differences"]


async def test_an_order_of_ours_that_the_book_has_not_is_said_to_be_ours(rig: Rig) -> None:
    _forget_reports(rig)
    rig.market.exchange.submit(builders.single("IQ-elsewhere", builders.terms(qty=1, price=RESTING)))

    (found,) = (await rig.core.reconciler.run()).differences

    assert found.kind is DifferenceKind.EXTERNAL_ORDER
    assert "made by this program" in found.broker
    assert rig.order("IQ-elsewhere").external


def _forget_reports(rig: Rig) -> None:
    async def nothing(since: object) -> tuple[()]:
        return ()

    rig.market.faults.drop_reports(1)
    rig.market.broker.activities = nothing


async def test_a_mark_whose_replacement_is_gone_is_taken_away(rig: Rig) -> None:
    order = await rig.submit(draft(price=RESTING))
    await rig.core.oms.change(order.cl_ord_id, lambda known: replace(known, pending=Pending.REPLACE), [])

    await rig.core.reconciler.run()

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.NEW


async def test_a_cancel_asked_again_may_come_too_late(rig: Rig, expected_log) -> None:
    expected_log("cancel.unknown")
    order = await rig.submit(draft(price=RESTING))
    rig.market.faults.lose_request(Call.CANCEL)
    await rig.do(CancelOrder(order.cl_ord_id))

    async def too_late(request: object) -> None:
        raise BrokerRejected("filled")

    rig.market.broker.cancel = too_late

    await rig.core.reconciler.run()

    assert rig.order(order.cl_ord_id).pending is Pending.CANCEL


async def test_an_account_that_never_holds_the_newest_fill_is_not_taken(rig: Rig) -> None:
    state = rig.core.state.account
    before = state.account
    answer = rig.market.broker.account

    async def overtaken() -> Account:
        state.book(Decimal(0))
        return replace(await answer(), account_id="late")

    rig.market.broker.account = overtaken

    await rig.core.reconciler.holdings.refresh_account()

    assert state.account == before


async def test_a_status_that_tells_of_more_than_the_fills_has_the_history_read(rig: Rig) -> None:
    order = await rig.submit(draft(qty=4, price=RESTING))
    rig.market.faults.drop_reports(1)
    rig.market.quote("99.88", "99.90", size=4)
    with pytest.raises(Refused):
        await rig.do(CancelOrder(order.cl_ord_id))
    without_fill = rig.core.state.positions.qty(AAPL)

    await rig.wait(10, 5)

    assert without_fill == 0
    assert rig.core.state.positions.qty(AAPL) == 4
    assert rig.core.state.account.cash == rig.oracle().cash


async def test_a_look_up_that_cannot_be_recorded_goes_on(rig: Rig, expected_log) -> None:
    expected_log("look_up.unwritable")
    rig.market.faults.lose_request(Call.SUBMIT)
    order = await rig.submit(draft(price=RESTING))
    arm("uow.update_order", refuse_writing)

    await rig.wait(60, 5)

    assert rig.core.unsettled.may_settle(order.cl_ord_id)


async def test_asking_for_an_order_that_was_forgotten_ends(rig: Rig) -> None:
    rig.market.faults.lose_request(Call.SUBMIT)
    order = await rig.submit(draft(price=RESTING))
    answer = rig.market.broker.order

    async def forget(cl_ord_id: ClOrdId):
        rig.core.state.orders._open.clear()
        return await answer(cl_ord_id)

    rig.market.broker.order = forget

    await rig.wait(2, 0.5)

    assert order.cl_ord_id not in rig.core.unsettled._asking


async def test_an_order_that_is_found_while_the_watch_sleeps_is_not_asked_for_again(rig: Rig) -> None:
    rig.market.faults.lose_request(Call.SUBMIT)
    order = await rig.submit(draft(price=RESTING))
    rig.market.exchange.submit(builders.single(order.cl_ord_id, order.terms))
    await rig.quiet()
    asked: list[object] = []
    rig.market.broker.order = asked.append

    await rig.wait(2, 0.5)

    assert asked == []
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.NEW


async def test_positions_are_marked_on_quotes_fills_and_stops(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    rig.market.quote("104.98", "105.00")
    rig.market.show(AAPL, last=Price("105.00"))
    await rig.quiet()
    await rig.submit(draft(Side.SELL, 4, stop="101.00"))
    await rig.wait(1)

    marks = [event.mark for event in rig.events if isinstance(event, PositionMarked)]
    assert marks[-1].last == Decimal("105.00")
    assert marks[-1].stop_cover == 4
    assert marks[-1].unrealised == 10 * (Decimal("105.00") - Decimal("100.02"))
    assert rig.core.valuation.mark_of("ZZZ") is None
    assert {event.lane_key[0] for event in rig.events if isinstance(event, Latest)} >= {
        "mark", "account", "session", "ack",
    }  # fmt: skip


async def test_fills_of_an_earlier_market_day_are_not_of_today(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    session = rig.core.state.session
    rig.core.state.session = replace(session, now=session.now.replace(day=7))

    later = rig.core.valuation.mark_of(AAPL)
    rig.core.state.session = None
    unknown = rig.core.valuation.mark_of(AAPL)

    assert later.day_pnl != unknown.day_pnl


async def test_a_fill_without_a_position_is_not_marked(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    rig.core.state.positions._positions.clear()

    rig.core.valuation._changed.add(AAPL)
    await rig.core.valuation.publish_if_stale()

    assert rig.core.valuation.mark_of(AAPL) is None


async def test_an_intent_that_was_never_sent_is_unknown_after_a_crash_and_nothing_is_sent_by_itself(
    rig: Rig,
) -> None:
    order = await rig.core.intents.write_ahead(
        Intent(builders.terms(qty=1), rig.key(), Verdict(()), rig.actor())
    )
    await rig.kill()

    await rig.start()
    await rig.wait(90, 5)

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.UNKNOWN
    assert rig.core.unsettled.may_settle(order.cl_ord_id)
    assert rig.oracle().orders == {}


def test_hard_breaches_come_before_soft_ones() -> None:
    soft = RuleResult(RuleCode.DUPLICATE, Outcome.SOFT, "soft")
    hard = RuleResult(RuleCode.THROTTLE, Outcome.HARD, "hard")

    verdict = Verdict((soft, hard))

    assert verdict.breaches == (hard, soft)
    assert verdict.missing_acknowledgements(frozenset({RuleCode.DUPLICATE})) == ()


async def test_an_answer_that_proves_nothing_leaves_the_order_unknown(rig: Rig) -> None:
    async def break_off(order: object) -> None:
        raise OutcomeUnknown("broken off")

    rig.market.broker.submit = break_off

    order = await rig.submit(draft())

    assert order.ord_status is OrdStatus.UNKNOWN
    assert order.text == "broken off"
    records = await rig.store.read(lambda reader: reader.audit_page(AuditQuery(action="order.unknown")))
    assert [record.cl_ord_id for record in records] == [order.cl_ord_id]


async def test_a_sighted_order_that_ended_before_its_cancel_is_left_as_it_is(rig: Rig) -> None:
    rig.market.faults.lose_request(Call.SUBMIT)
    order = await rig.submit(draft(price=RESTING))
    await rig.wait(60, 5)
    await rig.do(GiveUpOrder(order.cl_ord_id))

    rig.market.exchange.submit(builders.single(order.cl_ord_id, replace(order.terms, price=Price("100.02"))))
    await rig.quiet()

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED
    assert any("has been seen at the broker" in text for text in rig.alarms())


async def test_a_cancel_that_overtakes_an_order_which_then_fills_is_told_so(rig: Rig) -> None:
    broker = rig.market.broker
    send = broker.submit

    async def send_slowly(order):
        await rig.clock.sleep(3)
        return await send(order)

    broker.submit = send_slowly
    await rig.begin(SubmitOrder(draft(), rig.key(), EVERY_RULE))
    (order,) = rig.core.state.orders.open()
    cancel = await rig.begin(CancelOrder(order.cl_ord_id))
    await rig.wait(4, 1)

    assert isinstance(cancel.exception(), Refused)
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED


async def test_until_the_keys_are_loaded_each_one_is_asked_for(rig: Rig) -> None:
    rig.core.keys._used = None

    await rig.submit(draft(price=RESTING), key := rig.key())
    again = await rig.do(SubmitOrder(draft(price=RESTING), key))

    assert again.repeated


async def test_an_order_with_legs_for_an_amount_or_a_part_of_a_share_is_not_changed(rig: Rig) -> None:
    order = await rig.submit(draft(price=RESTING))
    known = rig.order(order.cl_ord_id)
    rig.core.state.orders.put(replace(known, terms=replace(known.terms, cash_order_qty=Money(100))))

    with pytest.raises(Refused) as caught:
        await rig.do(ReplaceOrder(order.cl_ord_id, rig.key(), "12", "99.85", "", EVERY_RULE))

    assert caught.value.code is RefusalCode.NOT_PERMITTED


async def test_the_wish_to_cancel_an_intent_that_was_never_sent_is_kept(rig: Rig) -> None:
    intent = Intent(builders.terms(qty=1), rig.key(), Verdict(()), rig.actor())
    order = await rig.core.intents.write_ahead(intent)

    await rig.do(CancelOrder(order.cl_ord_id))
    kept = rig.order(order.cl_ord_id)
    rig.market.faults.be_unavailable(Call.CANCEL)
    with pytest.raises(Refused):
        await rig.do(CancelOrder(order.cl_ord_id))
    await rig.wait(12, 1)

    assert kept.ord_status is OrdStatus.PENDING_CANCEL
    assert (rig.order(order.cl_ord_id).ord_status, rig.order(order.cl_ord_id).pending) == (
        OrdStatus.UNKNOWN,
        Pending.CANCEL,
    )
