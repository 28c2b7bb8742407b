"""What the order path does when it cannot write, and when a person must say yes first."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from core.domain.access import Mode, TradingState
from core.domain.audit import AuditAction
from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.limits import Limits
from core.domain.messages import (
    CancelOrder,
    HaltTrading,
    Notice,
    PreviewOrder,
    ResumeTrading,
    SetConfirmAlways,
    SubmitOrder,
    VerifyAudit,
)
from core.domain.records import AuditQuery
from core.domain.risk import RuleCode
from core.domain.terms import OrdStatus, Side
from core.errors import RefusalCode, Refused, StorageError, StorageUnwritable
from core.failpoints import arm, disarm_all
from core.orders.gate import PHRASE, PHRASE_TYPED
from tests.builders import AAPL
from tests.fakes.rig import EVERY_RULE, Rig, draft

RESTING = "99.90"


@pytest.fixture(autouse=True)
def harmless():
    yield
    disarm_all()


@pytest.fixture
async def rig(tmp_path: Path):
    made = await Rig(tmp_path).start()
    yield made
    disarm_all()
    await made.stop()


@pytest.fixture
async def live(tmp_path: Path):
    made = await Rig(tmp_path, mode=Mode.LIVE).start()
    yield made
    disarm_all()
    await made.stop()


def fail_at(place: str, times: int = 1_000_000) -> None:
    """Let the database refuse at a named place, so many times."""
    left = times

    def strike() -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise StorageUnwritable("the disk is full")

    arm(place, strike)


async def refused(rig: Rig, command, role: str = "trader") -> Refused:
    with pytest.raises(Refused) as caught:
        await rig.do(command, role)
    return caught.value


@pytest.mark.parametrize(
    "place",
    [
        "oms.before_intent",
        "uow.insert_order",
        "uow.insert_idempotency",
        "uow.append_audit",
        "store.before_commit",
    ],
)
async def test_a_write_ahead_that_fails_sends_nothing_and_reserves_nothing(
    rig: Rig, place: str, expected_log
) -> None:
    if place in ("store.before_commit", "uow.append_audit"):
        expected_log("audit.unwritable")  # the refusal itself goes to the emergency file then
    fail_at(place)

    refusal = await refused(rig, SubmitOrder(draft(), rig.key(), EVERY_RULE))

    assert refusal.code is RefusalCode.RECORD_UNWRITABLE
    assert rig.oracle().orders == {}
    assert rig.core.state.orders.reserved() == ()
    assert rig.core.state.orders.open() == ()


async def test_after_a_failed_write_ahead_the_same_decision_can_be_sent(rig: Rig) -> None:
    key = rig.key()
    fail_at("store.before_commit", 1)
    await refused(rig, SubmitOrder(draft(), key, EVERY_RULE))

    await rig.submit(draft(), key)

    assert len(rig.oracle().orders) == 1


FILL_PLACES = [
    "uow.insert_execution",
    "uow.update_order",
    "uow.insert_fill",
    "uow.save_position",
    "uow.append_audit",
    "store.before_commit",
]


@pytest.mark.parametrize("place", FILL_PLACES)
async def test_a_statement_that_fails_undoes_the_whole_fill_and_is_tried_until_it_is_booked_once(
    rig: Rig, place: str, expected_log
) -> None:
    expected_log("report.unwritable")
    order = await rig.submit(draft(qty=5, price=RESTING))
    before = len(await rig.store.read(lambda reader: reader.executions(order.cl_ord_id)))
    fail_at(place, 3)
    rig.market.quote("99.88", "99.90", size=5)
    await rig.quiet()
    between = await rig.store.read(
        lambda reader: (
            reader.order(order.cl_ord_id).cum_qty,
            reader.fills(),
            reader.positions(),
            len(reader.executions(order.cl_ord_id)),
        )
    )
    denied = await rig.do(PreviewOrder(draft()))

    await rig.wait(5, 0.5)

    assert between == (0, (), (), before)
    assert RuleCode.FACTS in {result.code for result in denied.verdict.breaches}
    assert any("cannot be written" in text for text in rig.alarms())
    fills = await rig.store.read(lambda reader: reader.fills())
    assert [fill.exec_id for fill in fills] == list(rig.oracle().fills)
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED
    assert rig.core.state.positions.qty(AAPL) == 5
    assert rig.core.state.account.cash == rig.oracle().cash
    assert not (await rig.do(PreviewOrder(draft()))).verdict.is_refused
    assert (await rig.do(VerifyAudit())).faults == ()


async def test_reports_behind_one_that_cannot_be_written_wait_and_none_is_lost(
    rig: Rig, expected_log
) -> None:
    expected_log("report.unwritable")
    first = await rig.submit(draft(qty=5, price=RESTING))
    second = await rig.submit(draft(qty=6, price=RESTING))
    fail_at("store.before_commit", 4)
    rig.market.quote("99.88", "99.90", size=11)

    await rig.wait(10, 0.5)

    assert rig.order(first.cl_ord_id).ord_status is OrdStatus.FILLED
    assert rig.order(second.cl_ord_id).ord_status is OrdStatus.FILLED
    assert rig.core.state.positions.qty(AAPL) == rig.oracle().position(AAPL) == 11


async def test_an_outcome_that_is_unknown_counts_at_once_even_if_it_cannot_be_written(
    rig: Rig, expected_log
) -> None:
    expected_log("report.unwritable")
    rig.market.faults.lose_request()
    rig.market.faults.drop_reports(1)
    arm("oms.before_send", lambda: fail_at("store.before_commit", 2))

    task = await rig.begin(SubmitOrder(draft(qty=7, price=RESTING), rig.key(), EVERY_RULE))
    status = [order.ord_status for order in rig.core.state.orders.open()]
    await rig.wait(3, 0.5)

    assert status == [OrdStatus.UNKNOWN]
    assert task.result().order.ord_status is OrdStatus.UNKNOWN


async def test_a_cancel_goes_out_when_the_database_is_full_and_is_folded_in_at_the_next_start(
    rig: Rig, expected_log
) -> None:
    expected_log("cancel.unwritable")
    expected_log("report.unwritable")
    order = await rig.submit(draft(price=RESTING))
    fail_at("uow.update_order")

    task = await rig.begin(CancelOrder(order.cl_ord_id))

    assert task.done()
    assert rig.oracle().status[order.cl_ord_id] == "CANCELED"
    noted = (rig.folder / "emergency.jsonl").read_text()
    assert '"action":"cancel.requested"' in noted
    disarm_all()
    await rig.kill()
    await rig.start()
    folded = await rig.store.read(lambda reader: reader.audit_page(AuditQuery(action="emergency.folded")))
    assert [order.cl_ord_id in record.payload for record in folded] == [True]
    assert not (rig.folder / "emergency.jsonl").exists()
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.CANCELED
    assert (await rig.do(VerifyAudit())).faults == ()


async def test_a_refused_cancel_that_cannot_be_written_is_noted_too(rig: Rig, expected_log) -> None:
    expected_log("cancel.unwritable")
    order = await rig.submit(draft(price=RESTING))
    rig.market.faults.be_unavailable("cancel")
    fail_at("uow.update_order", 2)

    refusal = await refused(rig, CancelOrder(order.cl_ord_id))

    assert refusal.code is RefusalCode.BROKER_REFUSED
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.NEW
    assert "cancel.refused" in (rig.folder / "emergency.jsonl").read_text()


async def test_a_cancel_goes_out_even_if_the_emergency_file_cannot_be_written(rig: Rig, expected_log) -> None:
    for words in ("cancel.unwritable", "emergency.unwritable", "report.unwritable"):
        expected_log(words)
    order = await rig.submit(draft(price=RESTING))
    (rig.folder / "emergency.jsonl").mkdir()
    fail_at("uow.update_order", 2)

    await rig.begin(CancelOrder(order.cl_ord_id))
    await rig.wait(2, 0.5)

    assert rig.oracle().status[order.cl_ord_id] == "CANCELED"
    (rig.folder / "emergency.jsonl").rmdir()


async def test_a_halt_that_cannot_be_written_is_in_force_all_the_same(rig: Rig, expected_log) -> None:
    expected_log("trading_state.unwritable")
    fail_at("uow.insert_trading_state")

    await rig.do(HaltTrading(""))

    assert rig.core.state.trading_state is TradingState.HALTED
    assert "trading_state.changed" in (rig.folder / "emergency.jsonl").read_text()
    assert any("could not be written" in text for text in rig.alarms())


async def test_a_resume_that_cannot_be_written_leaves_trading_halted(rig: Rig) -> None:
    await rig.do(HaltTrading("stop"))
    fail_at("uow.insert_trading_state")

    with pytest.raises(StorageError):
        await rig.do(ResumeTrading("looked at it"), "admin")

    assert rig.core.state.trading_state is TradingState.HALTED


async def test_a_refusal_of_access_that_cannot_be_written_is_a_refusal_all_the_same(
    rig: Rig, expected_log
) -> None:
    expected_log("audit.unwritable")
    fail_at("uow.append_audit")

    refusal = await refused(rig, SubmitOrder(draft(), rig.key()), "viewer")

    assert refusal.code is RefusalCode.NOT_PERMITTED
    assert "access.denied" in (rig.folder / "emergency.jsonl").read_text()


async def test_torn_lines_of_the_emergency_file_are_kept_as_they_are(rig: Rig) -> None:
    (rig.folder / "emergency.jsonl").write_bytes(b'{"entity":"AAPL buy 1"}\n\xff{torn\n"text"\n{}\n')

    count = await rig.core.journal.fold_emergency("s-2")

    folded = await rig.store.read(lambda reader: reader.audit_page(AuditQuery(action="emergency.folded")))
    assert count == 4
    assert [record.entity for record in folded] == ["a torn line"] * 3 + ["AAPL buy 1"]


async def test_an_empty_emergency_file_is_no_event(rig: Rig) -> None:
    (rig.folder / "emergency.jsonl").touch()

    assert await rig.core.journal.fold_emergency("s-2") == 0


async def test_a_burst_is_throttled_with_the_seconds_to_wait_and_cancels_pass(tmp_path: Path) -> None:
    rig = await Rig(tmp_path, limits=Limits()).start()
    orders = [await rig.submit(draft(qty=1 + number, price=RESTING)) for number in range(5)]

    refusal = await refused(rig, SubmitOrder(draft(qty=9), rig.key(), EVERY_RULE))
    for order in orders:
        await rig.do(CancelOrder(order.cl_ord_id))
    await rig.wait(1)
    after = await rig.submit(draft(qty=9))

    assert refusal.code is RefusalCode.THROTTLED
    assert refusal.details == {"retry_after_s": "0.5"}
    assert {rig.order(order.cl_ord_id).ord_status for order in orders} == {OrdStatus.CANCELED}
    assert rig.order(after.cl_ord_id).ord_status is OrdStatus.FILLED
    await rig.stop()


async def test_what_lessens_a_position_goes_out_when_the_pace_is_used_up(tmp_path: Path) -> None:
    rig = await Rig(tmp_path, limits=Limits()).start()
    await rig.submit(draft(qty=25))
    for number in range(4):
        await rig.submit(draft(qty=1 + number, price=RESTING))

    opening = await refused(rig, SubmitOrder(draft(qty=9), rig.key(), EVERY_RULE))
    sales = [await rig.submit(draft(Side.SELL, qty=5)) for _ in range(5)]
    more = await refused(rig, SubmitOrder(draft(Side.SELL, qty=5), rig.key(), EVERY_RULE))

    assert opening.code is RefusalCode.THROTTLED
    assert {rig.order(order.cl_ord_id).ord_status for order in sales} == {OrdStatus.FILLED}
    assert rig.core.state.positions.qty(AAPL) == 0
    assert more.code is RefusalCode.THROTTLED
    await rig.stop()


async def test_an_order_has_the_right_of_way_until_it_is_sent(rig: Rig) -> None:
    free = rig.core.way._free
    during: list[bool] = []
    arm("oms.after_intent", lambda: during.append(free.is_set()))

    await rig.submit(draft())
    disarm_all()
    await rig.do(PreviewOrder(draft()))

    assert during == [False]
    assert free.is_set()


async def test_the_orders_of_today_count_after_a_restart(tmp_path: Path) -> None:
    rig = await Rig(tmp_path, limits=Limits(per_day=3, burst=10)).start()
    for number in range(3):
        await rig.submit(draft(qty=1 + number))
    await rig.kill()
    await rig.start()

    refusal = await refused(rig, SubmitOrder(draft(qty=9), rig.key(), EVERY_RULE))

    assert refusal.code is RefusalCode.THROTTLED
    await rig.stop()


async def test_a_repeat_within_seconds_needs_an_acknowledgement(tmp_path: Path) -> None:
    rig = await Rig(tmp_path, limits=Limits()).start()
    await rig.submit(draft())

    refusal = await refused(rig, SubmitOrder(draft(), rig.key()))

    assert refusal.code is RefusalCode.NEEDS_ACKNOWLEDGEMENT
    assert refusal.details == {"rules": "duplicate"}
    await rig.stop()


async def test_a_draft_that_is_no_order_is_refused_under_the_field(rig: Rig) -> None:
    refusal = await refused(rig, SubmitOrder(draft(qty="1e308"), rig.key()))
    preview = await rig.do(PreviewOrder(draft(qty="")))

    assert refusal.code is RefusalCode.RISK
    assert refusal.cause.breaches[0].code is RuleCode.NUMBERS
    assert preview.verdict.is_refused
    assert preview.quote is None


Answer = Callable[[ConfirmationRequest], ConfirmationReply]


def yes(request: ConfirmationRequest) -> ConfirmationReply:
    return ConfirmationReply(request.digest, accepted=True, typed=request.phrase)


async def confirmations(rig: Rig) -> list[str]:
    records = await rig.store.read(lambda reader: reader.audit_records(0, 1000))
    return [record.action for record in records if record.action.startswith("confirmation.")]


async def test_a_live_order_goes_out_after_a_yes_that_is_bound_to_it(live: Rig) -> None:
    live.confirmer.answer = yes

    order = await live.submit(draft(qty=3))

    (request,) = live.confirmer.asked
    assert request.terms == order.terms
    assert request.mode is Mode.LIVE
    assert len(live.oracle().orders) == 1
    assert await confirmations(live) == ["confirmation.asked", "confirmation.given"]


@pytest.mark.parametrize(
    "answer",
    [
        lambda request: ConfirmationReply(request.digest, accepted=False),
        lambda _: ConfirmationReply("0" * 64, accepted=True),
    ],
    ids=["no", "yes to another order"],
)
async def test_anything_but_a_yes_to_this_order_sends_nothing(live: Rig, answer: Answer) -> None:
    live.confirmer.answer = answer

    refusal = await refused(live, SubmitOrder(draft(), live.key()))

    assert refusal.code is RefusalCode.NOT_CONFIRMED
    assert live.oracle().orders == {}
    assert await confirmations(live) == ["confirmation.asked", "confirmation.denied"]


async def test_no_answer_in_time_is_a_no(live: Rig) -> None:
    live.core.gate.settings.phrase_is_due = False
    task = await live.begin(SubmitOrder(draft(), live.key()))
    await live.wait(29, 1)
    waiting = not task.done()

    await live.wait(1, 1)

    assert waiting
    assert task.exception().code is RefusalCode.CONFIRMATION_EXPIRED
    assert live.oracle().orders == {}


async def test_real_money_is_affirmed_by_a_sentence_once_for_a_profile(live: Rig) -> None:
    live.confirmer.answer = yes
    await live.submit(draft(qty=3))

    await live.submit(draft(qty=4))

    assert [request.phrase for request in live.confirmer.asked] == [PHRASE, ""]
    stored = await live.store.read(lambda reader: reader.settings())
    assert stored[PHRASE_TYPED] == "true"
    records = await live.store.read(lambda reader: reader.audit_records(0, 1000))
    assert [each.action for each in records].count(AuditAction.LIVE_AFFIRMED.value) == 1


@pytest.mark.parametrize("typed", ["", "i trade with real money", f"{PHRASE}."])
async def test_yes_without_the_very_sentence_sends_nothing(live: Rig, typed: str) -> None:
    live.confirmer.answer = lambda request: ConfirmationReply(request.digest, accepted=True, typed=typed)

    refusal = await refused(live, SubmitOrder(draft(), live.key()))

    assert refusal.code is RefusalCode.NOT_CONFIRMED
    assert live.oracle().orders == {}
    assert live.core.gate.settings.phrase_is_due


async def test_the_same_decision_twice_while_the_sheet_stands_is_in_flight(live: Rig) -> None:
    command = SubmitOrder(draft(), live.key())
    await live.begin(command)

    refusal = await refused(live, command)

    assert refusal.code is RefusalCode.IN_FLIGHT
    assert len(live.confirmer.asked) == 1


async def test_an_order_is_judged_again_after_the_yes(live: Rig) -> None:
    def halt_and_say_yes(request: ConfirmationRequest) -> ConfirmationReply:
        live.core.state.trading_state = TradingState.HALTED
        return yes(request)

    live.confirmer.answer = halt_and_say_yes

    refusal = await refused(live, SubmitOrder(draft(), live.key()))

    assert refusal.code is RefusalCode.RISK
    assert live.oracle().orders == {}


async def test_where_nobody_can_be_asked_nothing_is_sent(live: Rig) -> None:
    def nobody(request: ConfirmationRequest) -> ConfirmationReply:
        raise Refused(RefusalCode.NO_WINDOW, "nobody is there")

    live.confirmer.answer = nobody

    refusal = await refused(live, SubmitOrder(draft(), live.key()))

    assert refusal.code is RefusalCode.NO_WINDOW
    assert live.oracle().orders == {}
    notices = [each.subject for each in live.events if isinstance(each, Notice)]
    assert "task:confirmation" not in notices


async def test_an_answer_that_cannot_be_recorded_does_not_count(live: Rig) -> None:
    def full_and_yes(request: ConfirmationRequest) -> ConfirmationReply:
        fail_at("uow.append_audit")
        return yes(request)

    live.confirmer.answer = full_and_yes

    with pytest.raises(StorageError):
        await live.do(SubmitOrder(draft(), live.key()))

    assert live.oracle().orders == {}


async def test_in_a_simulation_nobody_is_asked_unless_it_is_switched_on(rig: Rig) -> None:
    rig.confirmer.answer = yes
    await rig.submit(draft(qty=1))
    unasked = len(rig.confirmer.asked)

    await rig.do(SetConfirmAlways(on=True))
    await rig.submit(draft(qty=2))
    await rig.kill()
    await rig.start()
    await rig.submit(draft(qty=3))

    assert unasked == 0
    assert len(rig.confirmer.asked) == 2


async def test_a_soft_rule_is_asked_on_the_sheet_instead_of_being_refused(live: Rig) -> None:
    live.confirmer.answer = yes
    await live.do(SubmitOrder(draft(), live.key()))

    await live.do(SubmitOrder(draft(), live.key()))

    assert [request.needs_typed_qty for request in live.confirmer.asked] == [False, True]


async def test_whoever_gave_the_order_may_go_away_and_it_is_carried_out(rig: Rig) -> None:
    loop = asyncio.get_running_loop()
    task = loop.create_task(rig.core.desk.execute(SubmitOrder(draft(), rig.key(), EVERY_RULE), rig.actor()))
    arm("oms.before_send", lambda: loop.call_soon(task.cancel))

    await rig.quiet()

    (order,) = rig.core.state.orders.recent()
    assert order.ord_status is OrdStatus.FILLED
