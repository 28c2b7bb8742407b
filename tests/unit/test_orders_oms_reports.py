"""What the order management writes and says of what a broker reports."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from structlog.contextvars import get_contextvars

from core.clock import settle
from core.domain.audit import AuditAction, AuditDraft
from core.domain.execution import ExecType
from core.domain.messages import FillBooked, Notice, OrderChanged, Severity
from core.domain.money import Price, Qty
from core.domain.order import Order, Pending
from core.domain.terms import OrdStatus, Side
from core.errors import InvariantBroken
from core.failpoints import arm, disarm_all
from core.ids import ClOrdId, ExecId, OrderId
from tests import builders
from tests.builders import AAPL
from tests.fakes.book import ACCEPTED, DESK, OLD, OURS, PART, PX, TERMS, WORDS, Managed, Step, said, sent

BUY, SELL = Side.BUY, Side.SELL
LATER = builders.NOON + timedelta(seconds=5)


@pytest.fixture
def managed():
    yield Managed()
    disarm_all()


BUST = said(
    ExecType.TRADE_CANCEL, OrdStatus.NEW, transact_time=LATER, exec_ref_id=PART.exec_id, text="erroneous"
)


def actions(managed: Managed) -> list[AuditAction]:
    return [draft.action for draft in managed.of(AuditDraft)]


async def test_a_fill_is_written_whole_before_anybody_hears_of_it(managed) -> None:
    order = managed.put(sent(acked=True))
    managed.clock.turn(3)

    after = await managed.oms.apply(PART)

    now = managed.clock.now()
    filled = replace(order, order_id=OrderId("B-7"), cum_qty=Qty(4), avg_px=PX, updated_at=now)
    (position,) = managed.named("save_position")
    assert after == filled
    assert managed.trail[:2] == [Step("insert_execution", (PART,)), Step("update_order", (filled,))]
    assert managed.trail[3:] == [
        Step("insert_fill", (PART.fill,)),
        Step("save_position", (position,)),
        FillBooked(PART.fill, position),
        OrderChanged(filled),
    ]
    assert managed.order(OURS) == filled
    assert (position.qty, managed.state.positions.get(AAPL)) == (4, position)
    assert managed.state.account._flows == Decimal("-399.62")
    assert managed.oms.tally.own(filled) == 4


async def test_the_record_of_a_report_holds_what_the_broker_said(managed) -> None:
    managed.put(sent(acked=True))

    await managed.oms.apply(PART)

    (draft,) = managed.of(AuditDraft)
    assert draft == AuditDraft(AuditAction.ORDER_FILLED, DESK, WORDS, draft.payload, "B-7", OURS)
    for fact in ('"exec_id":"E-trade-4"', '"last_px":"99.9"', '"last_qty":"4"', '"fee":"0.02"'):
        assert fact in draft.payload


@pytest.mark.parametrize(
    ("report", "action"),
    [
        (ACCEPTED, AuditAction.ORDER_ACCEPTED),
        (said(ExecType.CANCEL_REJECTED, OrdStatus.NEW), AuditAction.CANCEL_REFUSED),
        (said(ExecType.SUSPENDED, OrdStatus.SUSPENDED), AuditAction.ORDER_CHANGED),
    ],
)
async def test_each_kind_of_report_has_its_word_in_the_record(managed, report, action) -> None:
    managed.put(sent())

    await managed.oms.apply(report)

    assert actions(managed) == [action]


async def test_a_report_that_was_booked_before_changes_nothing(managed) -> None:
    managed.put(sent())
    await managed.oms.apply(ACCEPTED)
    await managed.oms.apply(PART)
    managed.trail.clear()
    managed.clock.turn(3)

    assert await managed.oms.apply(PART) is None
    assert await managed.oms.apply(ACCEPTED) is None
    assert managed.trail == []
    assert managed.state.positions.qty(AAPL) == 4


async def test_what_tells_nothing_new_is_not_even_written(managed) -> None:
    managed.put(sent(acked=True, order_id=OrderId("B-7")))
    managed.clock.turn(3)

    assert await managed.oms.apply(said(ExecType.OTHER, OrdStatus.NEW)) is None
    assert managed.trail == []


async def test_a_status_is_no_execution_and_is_taken_each_time_that_it_tells_something(managed) -> None:
    managed.put(sent())
    status = said(ExecType.ORDER_STATUS, OrdStatus.NEW)

    first = await managed.oms.apply(status)
    second = await managed.oms.apply(replace(status, ord_status=OrdStatus.CANCELED))

    assert (first.ord_status, second.ord_status) == (OrdStatus.NEW, OrdStatus.CANCELED)
    assert managed.named("insert_execution") == []
    assert managed.named("update_order") == [first, second]


async def test_an_order_that_left_memory_is_read_from_the_book(managed) -> None:
    managed.book.stored[OURS] = sent(acked=True, ended=OrdStatus.CANCELED, text="ours")

    after = await managed.oms.apply(said(ExecType.TRADE, OrdStatus.FILLED, 10, 10))

    assert (after.ord_status, after.text) == (OrdStatus.FILLED, "ours")
    assert managed.named("insert_order") == []
    assert managed.named("update_order") == [after]


async def test_an_order_of_another_program_is_adopted_with_its_body(managed) -> None:
    report = replace(ACCEPTED, cl_ord_id=ClOrdId("web-1"), orig_cl_ord_id=OLD)

    after = await managed.oms.apply(report)

    now = managed.clock.now()
    assert after == Order(
        ClOrdId("web-1"), TERMS, now, now, OLD, order_id=OrderId("B-7"), acked=True, external=True
    )
    inserted = [each.values for each in managed.trail if isinstance(each, Step)][1]
    assert inserted == (after, inserted[1], "{}")
    assert inserted[1].startswith('{"cl_ord_id":"web-1",')
    assert managed.named("update_order") == []
    assert managed.of(OrderChanged) == [OrderChanged(after)]


async def test_the_first_report_of_an_unseen_order_is_booked_even_if_it_says_nothing_more(managed) -> None:
    report = said(ExecType.OTHER, OrdStatus.REJECTED)

    after = await managed.oms.apply(report)

    assert managed.named("insert_order") == [after]


async def test_a_report_is_begun_and_ended_at_a_named_place_and_logged_with_its_order(managed) -> None:
    managed.put(sent())
    bound = []
    for place in ("oms.before_report", "oms.after_report"):
        arm(place, lambda place=place: managed.trail.append(place))
    arm(
        "oms.after_report",
        lambda: (managed.trail.append("oms.after_report"), bound.append(get_contextvars())),
    )

    await managed.oms.apply(ACCEPTED)

    assert managed.trail[0] == "oms.before_report"
    assert managed.trail[-1] == "oms.after_report"
    assert bound == [{"cl_ord_id": OURS}]
    assert "cl_ord_id" not in get_contextvars()


async def test_a_report_waits_until_the_book_takes_it(managed, expected_log) -> None:
    expected_log("report.unwritable")
    managed.put(sent())
    managed.book.refusals = 2

    applying = managed.tasks.spawn(managed.oms.apply(ACCEPTED), "work")
    await managed.clock.advance(0.2)
    before = managed.order(OURS).acked, managed.state.book_writable, len(managed.of(Notice))
    await managed.clock.advance(0.5)
    after = await applying

    assert before == (False, False, 2)
    assert managed.state.book_writable
    assert managed.order(OURS) == after
    assert managed.named("update_order") == [after]


async def test_reports_are_seen_through_one_at_a_time_and_a_failure_is_told_by_name(managed) -> None:
    managed.put(sent())

    def break_down(*_: object) -> bool:
        raise InvariantBroken("broken")

    await managed.abandoned(managed.oms.apply(ACCEPTED))
    managed.book.insert_execution = break_down
    await managed.abandoned(managed.oms.apply(PART))

    assert managed.order(OURS).acked
    assert [(name, type(error)) for name, error in managed.failed] == [("report", InvariantBroken)]


@pytest.mark.parametrize("is_open", [True, False])
async def test_a_cancel_that_went_out_while_a_report_waited_is_kept_if_the_order_works(
    managed, is_open: bool
) -> None:
    order = managed.put(sent())
    managed.book.open.clear()
    report = ACCEPTED if is_open else said(ExecType.CANCELED, OrdStatus.CANCELED)

    applying = managed.tasks.spawn(managed.oms.apply(report), "work")
    await settle()
    managed.oms.hold(replace(order, pending=Pending.CANCEL))
    managed.book.open.set()
    told = await applying

    kept = replace(told, pending=Pending.CANCEL) if is_open else told
    assert told.pending is None
    assert managed.order(OURS) == kept
    assert managed.named("update_order") == ([told, kept] if is_open else [told])
    assert managed.of(OrderChanged)[1:] == [OrderChanged(kept)]
    assert managed.order(OURS).is_open is is_open


async def test_other_news_that_came_while_a_report_waited_are_no_wish_for_a_cancel(managed) -> None:
    order = managed.put(sent())
    managed.book.open.clear()

    applying = managed.tasks.spawn(managed.oms.apply(ACCEPTED), "work")
    await settle()
    managed.oms.hold(replace(order, pending=Pending.REPLACE))
    managed.book.open.set()
    told = await applying

    assert managed.order(OURS) is told
    assert managed.named("update_order") == [told]


async def test_a_cancel_that_the_broker_refuses_is_no_wish_any_more(managed) -> None:
    managed.put(sent(acked=True, pending=Pending.CANCEL))

    after = await managed.oms.apply(said(ExecType.CANCEL_REJECTED, OrdStatus.NEW, text="too late"))

    assert after.pending is None
    assert managed.order(OURS) is after
    assert managed.named("update_order") == [after]


async def test_a_cancel_asked_before_is_written_once(managed) -> None:
    managed.put(sent(pending=Pending.CANCEL))

    after = await managed.oms.apply(ACCEPTED)

    assert after.pending is Pending.CANCEL
    assert managed.named("update_order") == [after]


async def test_a_report_is_folded_into_what_is_held_in_memory_only(managed) -> None:
    order = managed.put(sent())
    managed.oms.hold(replace(order, pending=Pending.CANCEL))

    after = await managed.oms.apply(ACCEPTED)

    assert after.pending is Pending.CANCEL
    assert managed.named("update_order") == [after]


async def test_the_shares_that_are_booked_are_known_and_not_read_again(managed) -> None:
    managed.put(sent(acked=True))
    managed.book.order_fills = None

    await managed.oms.apply(PART)
    after = await managed.oms.apply(said(ExecType.TRADE, OrdStatus.FILLED, 10, 6))

    assert managed.oms.tally.own(after) == 10


async def test_the_shares_of_a_replaced_order_count_as_its_own_part(managed) -> None:
    old = managed.put(sent(OLD, acked=True))
    await managed.oms.apply(replace(PART, cl_ord_id=OLD))
    managed.put(sent(orig_cl_ord_id=OLD, acked=True))

    fill = said(ExecType.TRADE, OrdStatus.PARTIALLY_FILLED, 7, 3, orig_cl_ord_id=OLD)
    after = await managed.oms.apply(fill)

    assert managed.state.positions.qty(AAPL) == 7
    assert managed.oms.tally.own(after) == 3
    assert managed.oms.tally.own(old) == 4
    assert managed.oms.tally.inherited(after) == 4
    assert managed.state.behind == set()


async def test_a_closing_fill_tells_its_outcome_once_it_is_written(managed) -> None:
    managed.put(sent(acked=True))
    await managed.oms.apply(PART)
    body = builders.terms(SELL, 4, "100.90")
    managed.put(sent(OLD, body, acked=True))
    managed.trail.clear()

    await managed.oms.apply(
        said(ExecType.TRADE, OrdStatus.FILLED, 4, 4, cl_ord_id=OLD, terms=body, last_px=Price("100.90"),
             exec_id=ExecId("E-close"))
    )  # fmt: skip

    (outcome,) = managed.named("on_outcome")
    assert (outcome.exec_id, outcome.realised, outcome.pnl) == ("E-close", 4, Decimal("3.98"))
    assert managed.named("record_trade_outcome") == [outcome]
    names = [each.name if isinstance(each, Step) else type(each).__name__ for each in managed.trail]
    assert names[-3:] == ["FillBooked", "on_outcome", "OrderChanged"]


async def test_a_fill_that_is_taken_back_is_an_alarm_and_leaves_the_position(managed) -> None:
    managed.put(sent(acked=True))
    await managed.oms.apply(PART)

    after = await managed.oms.apply(BUST)

    assert after.cum_qty == managed.state.positions.qty(AAPL) == managed.oms.tally.own(after) == 0
    text = f"{WORDS}: the broker took a fill back; 0 shares are filled now."
    assert managed.trail[-1] == Notice(Severity.ALARM, text, OURS)
    assert managed.named("insert_fill")[-1].corrects == PART.exec_id


async def test_a_fill_that_was_taken_back_before_it_came_leaves_the_order_unfilled(managed) -> None:
    managed.put(sent(acked=True, order_id=OrderId("B-7")))
    await managed.oms.apply(replace(BUST, text=""))

    after = await managed.oms.apply(PART)

    assert (after.cum_qty, after.avg_px) == (0, None)
    assert managed.state.positions.qty(AAPL) == 0
    assert [fill.side for fill in managed.named("insert_fill")] == [BUY, SELL]
