"""What the order management writes and says when we change our own facts about an order."""

from dataclasses import replace

import pytest

from core.clock import settle
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft
from core.domain.messages import Notice, OrderChanged, Severity
from core.domain.order import Order, Pending
from core.domain.terms import OrdStatus
from core.errors import RefusalCode, Refused, StorageUnwritable
from core.ids import ClOrdId, OrderId
from tests.fakes.book import DESK, OLD, OURS, WORDS, Managed, Step, sent

FULL = "The book cannot be written, so no order is let out; trying again. the disk is full"


@pytest.fixture
def managed() -> Managed:
    return Managed()


def marks_cancel(order: Order) -> Order:
    return replace(order, pending=Pending.CANCEL)


async def test_an_order_becomes_unknown_in_memory_first_then_in_the_book_and_is_looked_for(managed) -> None:
    order = managed.put(sent(order_id=OrderId("B-7")))
    managed.clock.turn(3)

    await managed.oms.mark_unknown(OURS, "no answer")

    changed = replace(order, unknown=True, text="no answer", updated_at=managed.clock.now())
    payload = '{"reason":"no answer"}'
    assert changed.ord_status is OrdStatus.UNKNOWN
    assert managed.trail == [
        OrderChanged(changed),
        Step("update_order", (changed,)),
        AuditDraft(AuditAction.ORDER_UNKNOWN, DESK, WORDS, payload, "B-7", OURS),
        Notice(Severity.ALARM, f"Outcome unknown: {WORDS}", OURS),
        Step("on_unknown", (changed,)),
    ]
    assert managed.order(OURS) == changed


@pytest.mark.parametrize(
    "known",
    [sent(acked=True), sent(unknown=True), sent(ended=OrdStatus.REJECTED), sent(ClOrdId("IQ-other"))],
    ids=["acknowledged", "unknown already", "ended", "not known"],
)
async def test_an_order_that_is_proven_ended_or_unknown_already_does_not_become_so(managed, known) -> None:
    managed.put(known)

    await managed.oms.mark_unknown(OURS, "no answer")

    assert managed.trail == []
    assert managed.order(known.cl_ord_id) is known


async def test_an_unknown_order_counts_as_live_while_the_book_cannot_be_written(
    managed, expected_log
) -> None:
    expected_log("report.unwritable")
    managed.put(sent())
    managed.book.refusals = 1

    marking = managed.tasks.spawn(managed.oms.mark_unknown(OURS, "no answer"), "work")
    await settle()
    before = managed.order(OURS), managed.named("on_unknown"), managed.of(Notice)
    await managed.clock.advance(0.2)
    await marking

    assert before[0].ord_status is OrdStatus.UNKNOWN
    assert before[1:] == ([], [Notice(Severity.ALARM, FULL, "book")])
    assert managed.named("update_order") == managed.named("on_unknown") == [before[0]]


async def test_an_order_works_on_when_its_replacement_is_refused(managed) -> None:
    old = managed.put(sent(OLD, order_id=OrderId("B-7"), acked=True, pending=Pending.REPLACE))
    managed.clock.turn(3)

    await managed.oms.free_replaced(sent(orig_cl_ord_id=OLD), "too late")

    freed = replace(old, pending=None, updated_at=managed.clock.now())
    assert managed.trail == [
        OrderChanged(freed),
        Step("update_order", (freed,)),
        AuditDraft(AuditAction.REPLACE_REFUSED, DESK, WORDS, '{"reason":"too late"}', "B-7", OLD),
    ]


@pytest.mark.parametrize("pending", [Pending.CANCEL, None])
async def test_only_an_order_that_waits_for_its_replacement_is_freed(managed, pending) -> None:
    managed.put(sent(OLD, acked=True, pending=pending))

    await managed.oms.free_replaced(sent(orig_cl_ord_id=OLD), "too late")
    await managed.oms.free_replaced(sent(orig_cl_ord_id=ClOrdId("IQ-gone")), "too late")
    await managed.oms.free_replaced(sent(), "too late")

    assert managed.trail == []
    assert managed.order(OLD).pending is pending


async def test_an_order_in_place_of_none_frees_no_order(managed) -> None:
    odd = managed.put(sent(ClOrdId(""), pending=Pending.CANCEL))

    await managed.oms.free_replaced(sent(), "too late")

    assert managed.order(odd.cl_ord_id) is odd


async def test_a_change_is_written_with_its_records_before_anybody_sees_it(managed) -> None:
    order = managed.put(sent(acked=True))
    managed.clock.turn(3)
    drafts = [AuditDraft(AuditAction.CANCEL_REQUESTED, DESK, each) for each in ("one", "two")]

    changed = await managed.oms.change(OURS, marks_cancel, drafts)

    assert changed == replace(order, pending=Pending.CANCEL, updated_at=managed.clock.now())
    assert managed.trail == [Step("update_order", (changed,)), *drafts, OrderChanged(changed)]
    assert managed.order(OURS) is changed


async def test_a_change_that_cannot_be_written_changes_nothing(managed) -> None:
    order = managed.put(sent(acked=True))
    managed.book.refusals = 1

    with pytest.raises(StorageUnwritable, match="the disk is full"):
        await managed.oms.change(OURS, marks_cancel, [])

    assert managed.trail == []
    assert managed.order(OURS) is order


async def test_an_order_that_nobody_knows_is_not_changed(managed) -> None:
    with pytest.raises(Refused) as caught:
        await managed.oms.change(OURS, marks_cancel, [])

    assert (caught.value.code, caught.value.message) == (
        RefusalCode.UNKNOWN_ORDER,
        "There is no order IQ-1.",
    )


async def test_a_change_is_seen_through_and_its_failure_is_told_by_name(managed) -> None:
    managed.put(sent(acked=True))

    await managed.abandoned(managed.oms.change(OURS, marks_cancel, []))
    await managed.abandoned(managed.oms.change(OLD, marks_cancel, []))

    assert managed.order(OURS).pending is Pending.CANCEL
    assert [(name, type(error)) for name, error in managed.failed] == [("change", Refused)]


async def test_a_cancel_that_went_out_during_a_change_is_not_forgotten(managed) -> None:
    order = managed.put(sent(acked=True))
    managed.book.open.clear()

    changing = managed.tasks.spawn(
        managed.oms.change(OURS, lambda known: replace(known, text="x"), []), "work"
    )
    await settle()
    managed.oms.hold(marks_cancel(order))
    managed.book.open.set()
    changed = await changing

    assert (changed.text, changed.pending) == ("x", Pending.CANCEL)
    assert managed.of(OrderChanged) == [OrderChanged(marks_cancel(order)), OrderChanged(changed)]
    assert managed.order(OURS) is changed


async def test_a_held_state_is_seen_and_never_written(managed) -> None:
    order = marks_cancel(managed.put(sent(acked=True)))

    managed.oms.hold(order)

    assert managed.trail == [OrderChanged(order)]
    assert managed.order(OURS) is order


async def test_a_change_does_not_wait_behind_a_report_that_the_book_refuses(managed, expected_log) -> None:
    expected_log("report.unwritable")
    managed.put(sent())
    managed.book.refusals = 1
    marking = managed.tasks.spawn(managed.oms.mark_unknown(OURS, "no answer"), "work")
    await settle()

    with pytest.raises(StorageUnwritable, match="a report waits to be written"):
        await managed.oms.change(OURS, marks_cancel, [])

    await managed.clock.advance(0.2)
    await marking
    assert managed.order(OURS).pending is None


def test_a_record_about_an_order_names_it_and_whoever_did_it(managed) -> None:
    kim = Actor("kim", "trader", Origin.WINDOW, "s-2")

    by_kim = managed.oms.draft(AuditAction.ORDER_RESENT, sent(), {"b": 1, "a": None}, kim)
    by_desk = managed.oms.draft(AuditAction.ORDER_SIGHTED, sent(order_id=OrderId("B-7")), {})

    assert by_kim == AuditDraft(AuditAction.ORDER_RESENT, kim, WORDS, '{"a":null,"b":1}', "", OURS)
    assert by_desk == AuditDraft(AuditAction.ORDER_SIGHTED, DESK, WORDS, "{}", "B-7", OURS)


async def test_nobody_needs_to_listen() -> None:
    alone = Managed(listens=False)
    alone.put(sent())

    await alone.oms.mark_unknown(OURS, "no answer")

    assert alone.order(OURS).unknown
