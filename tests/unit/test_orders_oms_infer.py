"""What the order management books where an order says that more has filled than its fills explain."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.domain.audit import AuditAction, AuditDraft
from core.domain.execution import ExecType, Fill
from core.domain.messages import FillBooked, Notice, Severity
from core.domain.money import Money, Qty
from core.domain.terms import OrdStatus, Side
from core.errors import InvariantBroken
from core.ids import ExecId
from tests import builders
from tests.builders import AAPL
from tests.fakes.book import DESK, OLD, OURS, PART, PX, WORDS, Managed, Step, said, sent

BUY, SELL = Side.BUY, Side.SELL
LATER = builders.NOON + timedelta(seconds=5)


@pytest.fixture
def managed() -> Managed:
    return Managed()


async def test_a_status_that_tells_of_more_shares_leaves_the_order_behind_until_they_are_inferred(
    managed,
) -> None:
    managed.put(sent(acked=True))

    told = await managed.oms.apply(said(ExecType.ORDER_STATUS, OrdStatus.PARTIALLY_FILLED, 4))
    behind = set(managed.state.behind)
    managed.trail.clear()
    explained = await managed.oms.infer(OURS, LATER)

    fill = Fill(ExecId("inferred:IQ-1:4"), OURS, AAPL, BUY, Qty(4), PX, Money(0), LATER, inferred=True)
    (position,) = managed.named("save_position")
    assert behind == {OURS}
    assert explained is True
    payload = '{"exec_id":"inferred:IQ-1:4","inferred":true,"last_px":"99.9","last_qty":"4"}'
    assert managed.trail == [
        Step("insert_fill", (fill,)),
        Step("save_position", (position,)),
        AuditDraft(AuditAction.ORDER_FILLED, DESK, WORDS, payload, "B-7", OURS),
        FillBooked(fill, position),
    ]
    assert managed.order(OURS) is told
    assert managed.state.behind == set()
    assert managed.oms.tally.inferred == {OURS}


async def test_a_fill_that_was_inferred_is_found_again_among_what_is_told_later(managed) -> None:
    managed.put(sent(acked=True))
    await managed.oms.apply(said(ExecType.ORDER_STATUS, OrdStatus.PARTIALLY_FILLED, 4))
    await managed.oms.infer(OURS, LATER)

    await managed.oms.apply(PART)

    sides = [(fill.exec_id, fill.side) for fill in managed.named("insert_fill")]
    assert sides[1:] == [("inferred:IQ-1:4:back", SELL), ("E-trade-4", BUY)]
    assert managed.state.positions.qty(AAPL) == 4
    assert managed.oms.tally.inferred == set()


async def test_what_an_average_does_not_explain_is_an_alarm_and_no_fill(managed) -> None:
    managed.put(sent(acked=True))
    await managed.oms.apply(said(ExecType.ORDER_STATUS, OrdStatus.PARTIALLY_FILLED, 4, avg_px=None))
    managed.trail.clear()

    explained = await managed.oms.infer(OURS, LATER)

    text = "4 shares of AAPL have filled, and at which price cannot be told exactly from the average None."
    assert explained is False
    assert managed.trail == [Notice(Severity.ALARM, text, "missing:IQ-1")]
    assert managed.state.behind == {OURS}


async def test_the_shares_of_the_orders_before_it_are_not_inferred_again(managed) -> None:
    managed.put(sent(OLD, acked=True))
    await managed.oms.apply(replace(PART, cl_ord_id=OLD))
    managed.put(sent(orig_cl_ord_id=OLD, acked=True))
    await managed.oms.apply(said(ExecType.ORDER_STATUS, OrdStatus.PARTIALLY_FILLED, 6))

    assert await managed.oms.infer(OURS, LATER)
    assert managed.named("insert_fill")[-1].last_qty == 2
    assert managed.state.positions.qty(AAPL) == 6


async def test_nothing_is_inferred_of_an_order_that_nobody_knows(managed) -> None:
    assert await managed.oms.infer(OURS, LATER) is False
    assert managed.trail == []


async def test_inferring_is_seen_through_and_its_failure_is_told_by_name(managed) -> None:
    managed.put(sent(acked=True, cum_qty=Qty(4), avg_px=PX))

    def break_down(*_: object) -> tuple[Fill, ...]:
        raise InvariantBroken("broken")

    managed.book.order_fills = break_down
    await managed.abandoned(managed.oms.infer(OURS, LATER))

    assert [(name, type(error)) for name, error in managed.failed] == [("inferred fill", InvariantBroken)]
