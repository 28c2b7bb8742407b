"""Whom the order management tells of what a report has changed: alarms, sightings, wishes, overfills."""

from dataclasses import replace
from decimal import Decimal

import pytest

from core.domain.audit import AuditDraft
from core.domain.execution import ExecType, ExecutionReport
from core.domain.messages import Notice, OrderChanged, Severity
from core.domain.money import Qty
from core.domain.order import Order, Pending
from core.domain.terms import OrdStatus, Side
from core.ids import ClOrdId, ExecId
from tests import builders
from tests.builders import AAPL
from tests.fakes.book import ACCEPTED, OLD, OURS, PART, PX, WORDS, Managed, said, sent

SELL = Side.SELL


@pytest.fixture
def managed() -> Managed:
    return Managed()


async def test_a_move_that_should_not_happen_is_an_alarm(managed) -> None:
    managed.put(sent(acked=True, ended=OrdStatus.CANCELED))

    await managed.oms.apply(said(ExecType.REPLACED, OrdStatus.REPLACED))

    text = f"{WORDS} went from CANCELED to REPLACED, which should not happen."
    assert managed.of(Notice) == [Notice(Severity.ALARM, text, OURS)]


async def test_more_filled_than_ordered_is_told_and_a_full_fill_is_not(managed) -> None:
    managed.put(sent(acked=True))

    full = await managed.oms.apply(said(ExecType.TRADE, OrdStatus.FILLED, 10, 10))
    before = managed.named("on_overfill")
    over = await managed.oms.apply(said(ExecType.TRADE, OrdStatus.FILLED, 11, 1))

    assert full.ord_status is OrdStatus.FILLED
    assert before == []
    assert managed.named("on_overfill") == [over]


async def test_an_order_that_was_given_up_and_shows_is_sighted(managed) -> None:
    managed.put(sent(gave_up=True, ended=OrdStatus.REJECTED, unknown=True, pending=Pending.CANCEL))

    after = await managed.oms.apply(ACCEPTED)

    assert managed.named("on_sighted") == [after]
    assert managed.named("on_wish") == []


async def test_an_order_that_is_still_given_up_or_never_was_is_not_sighted(managed) -> None:
    managed.put(sent(gave_up=True, ended=OrdStatus.REJECTED))
    await managed.oms.apply(said(ExecType.REJECTED, OrdStatus.REJECTED, text="never seen"))
    managed.put(sent())

    await managed.oms.apply(ACCEPTED)

    assert managed.named("on_sighted") == managed.named("on_wish") == []


@pytest.mark.parametrize(
    ("known", "report", "is_wished"),
    [
        (sent(unknown=True, pending=Pending.CANCEL), ACCEPTED, True),
        (sent(pending=Pending.CANCEL), ACCEPTED, False),
        (sent(unknown=True), ACCEPTED, False),
        (sent(unknown=True, pending=Pending.REPLACE), ACCEPTED, False),
        (sent(unknown=True, pending=Pending.CANCEL), said(ExecType.CANCELED, OrdStatus.CANCELED), False),
        (sent(unknown=True, pending=Pending.CANCEL), said(ExecType.TRADE, OrdStatus.FILLED, 10, 10), False),
    ],
)
async def test_an_unknown_order_that_shows_is_cancelled_if_that_was_wished_and_it_works(
    managed, known: Order, report: ExecutionReport, is_wished: bool
) -> None:
    managed.put(known)

    after = await managed.oms.apply(report)

    assert managed.named("on_wish") == ([after] if is_wished else [])


async def test_an_order_that_stays_unknown_is_not_ended_for_its_wish(managed) -> None:
    managed.put(sent(unknown=True, pending=Pending.CANCEL))
    words = said(ExecType.CANCEL_REJECTED, OrdStatus.REJECTED, text="not found")

    after = await managed.oms.apply(words)

    assert after.unknown
    assert managed.named("on_wish") == []


@pytest.mark.parametrize("status", [OrdStatus.REJECTED, OrdStatus.CANCELED])
async def test_a_rejected_replacement_lets_the_old_order_work_on(managed, status: OrdStatus) -> None:
    managed.put(sent(OLD, acked=True, pending=Pending.REPLACE))
    managed.put(sent(orig_cl_ord_id=OLD))
    kind = ExecType.REJECTED if status is OrdStatus.REJECTED else ExecType.CANCELED

    await managed.oms.apply(said(kind, status, text="no room"))

    is_freed = status is OrdStatus.REJECTED
    assert managed.order(OLD).pending is (None if is_freed else Pending.REPLACE)
    payloads = [draft.payload for draft in managed.of(AuditDraft) if draft.cl_ord_id == OLD]
    assert payloads == (['{"reason":"no room"}'] if is_freed else [])


async def test_nobody_needs_to_listen_to_what_is_told() -> None:
    alone = Managed(listens=False)
    alone.put(sent(unknown=True, pending=Pending.CANCEL))
    await alone.oms.apply(ACCEPTED)
    alone.put(sent(OLD, gave_up=True, ended=OrdStatus.REJECTED))
    await alone.oms.apply(replace(ACCEPTED, cl_ord_id=OLD, exec_id=ExecId("E-0")))
    await alone.oms.apply(said(ExecType.TRADE, OrdStatus.FILLED, 11, 11))
    body = builders.terms(SELL, 4)
    alone.put(sent(ClOrdId("IQ-2"), body))

    after = await alone.oms.apply(
        said(ExecType.TRADE, OrdStatus.FILLED, 4, 4, cl_ord_id=ClOrdId("IQ-2"), terms=body)
    )

    assert after.ord_status is OrdStatus.FILLED
    assert alone.state.positions.qty(AAPL) == 7


async def test_a_fill_in_an_archive_that_is_taken_back_is_left_to_a_person(managed) -> None:
    managed.put(sent(acked=True, cum_qty=Qty(4), avg_px=PX))
    managed.book.archived[OURS] = Decimal(4)

    after = await managed.oms.apply(said(ExecType.TRADE_CANCEL, OrdStatus.NEW, exec_ref_id=PART.exec_id))

    text = (
        f"{WORDS}: the broker took back or corrected a fill of order IQ-1 that stands in an archive. "
        "Nothing was booked: compare the position with the broker's."
    )
    place = managed.trail.index(OrderChanged(after))
    assert managed.trail[place + 1] == Notice(Severity.ALARM, text, "archived:IQ-1")
    assert managed.named("insert_fill") == []
