"""Orders whose fills stand in an archive: nothing of them is booked twice, inferred or lost."""

from decimal import Decimal

import pytest

from core.domain.execution import ExecType, Fill
from core.domain.messages import Notice, Severity
from core.domain.money import Money, Qty
from core.domain.order import Order
from core.domain.terms import OrdStatus, Side
from core.ids import ExecId
from tests import builders
from tests.builders import AAPL, NOON
from tests.fakes.book import OLD, OURS, PX, Managed, said, sent

BUY, SELL = Side.BUY, Side.SELL
FILLED = said(ExecType.TRADE, OrdStatus.FILLED, 10, 10)


@pytest.fixture
def managed() -> Managed:
    return Managed()


def archived(managed: Managed, shares: int = 10, **facts) -> Order:
    """Begin with an order that is in the book only, and whose fills are not even there."""
    order = sent(acked=True, ended=OrdStatus.FILLED, cum_qty=Qty(shares), avg_px=PX, **facts)
    managed.book.stored[OURS] = order
    managed.book.reports[FILLED.exec_id] = FILLED
    managed.book.archived[OURS] = Decimal(shares)
    return order


def alarms(managed: Managed) -> list[str]:
    """List the alarms about archives; that a fill was taken back at all is one of its own."""
    found = [each.text for each in managed.of(Notice) if each.severity is Severity.ALARM]
    return [text for text in found if "archive" in text]


async def test_fill_that_is_told_again_is_not_booked_again(managed) -> None:
    archived(managed)

    assert await managed.oms.apply(FILLED) is None

    assert managed.named("insert_fill") == []
    assert managed.oms.tally.behind == set()


@pytest.mark.parametrize("kind", [ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT])
async def test_fill_that_is_taken_back_or_corrected_is_an_alarm_and_recorded_and_books_nothing(
    managed, kind
) -> None:
    archived(managed)
    report = said(kind, OrdStatus.CANCELED, 4, 4, exec_id=ExecId("B-1"), exec_ref_id=FILLED.exec_id)

    await managed.oms.apply(report)

    assert managed.named("insert_fill") == []
    assert managed.named("insert_execution") == [report]
    assert managed.state.positions.qty(AAPL) == 0
    (alarm,) = alarms(managed)
    assert OURS in alarm
    assert "stands in an archive. Nothing was booked" in alarm
    assert managed.oms.tally.behind == set()


async def test_bust_of_a_fill_that_was_told_since_is_booked(managed) -> None:
    archived(managed, shares=4)
    late = said(ExecType.TRADE, OrdStatus.FILLED, 10, 6, exec_id=ExecId("late"))
    bust = said(
        ExecType.TRADE_CANCEL, OrdStatus.CANCELED, 4, 6,
        exec_id=ExecId("B-1"), exec_ref_id=late.exec_id, transact_time=NOON,
    )  # fmt: skip

    await managed.oms.apply(late)
    await managed.oms.apply(bust)

    assert [fill.exec_id for fill in managed.named("insert_fill")] == ["late", "B-1"]
    assert managed.state.positions.qty(AAPL) == 0
    assert alarms(managed) == []


async def test_shares_that_a_status_tells_beyond_the_archived_ones_are_not_inferred(managed) -> None:
    archived(managed, shares=4)
    await managed.oms.apply(said(ExecType.ORDER_STATUS, OrdStatus.FILLED, 10))
    assert managed.oms.tally.behind == {OURS}

    assert await managed.oms.infer(OURS, NOON) is False

    assert managed.named("insert_fill") == []
    assert "stand in an archive; nothing was booked" in alarms(managed)[-1]


async def test_order_in_the_place_of_an_archived_one_counts_its_shares(managed) -> None:
    managed.book.stored[OLD] = sent(OLD, acked=True, ended=OrdStatus.REPLACED, cum_qty=Qty(4), avg_px=PX)
    managed.book.archived[OLD] = Decimal(4)
    managed.book.stored[OURS] = sent(orig_cl_ord_id=OLD, acked=True, cum_qty=Qty(4), avg_px=PX)

    await managed.oms.apply(said(ExecType.TRADE, OrdStatus.FILLED, 10, 6))

    assert [fill.last_qty for fill in managed.named("insert_fill")] == [6]
    assert managed.oms.tally.behind == set()


async def test_order_that_was_forgiven_is_not_behind_again_when_it_is_read_again(managed) -> None:
    archived(managed, shares=4)
    await managed.oms.apply(said(ExecType.ORDER_STATUS, OrdStatus.FILLED, 10))
    managed.oms.tally.forgive(AAPL)

    managed.oms.tally.learn((), {OURS: Decimal(4)})
    managed.oms.tally.count(managed.order(OURS), managed.oms.tally.own(managed.order(OURS)))

    assert managed.oms.tally.behind == set()


@pytest.mark.parametrize(("side", "held", "after", "moved"), [(BUY, 10, 20, 10), (SELL, 100, 10, 90)])
async def test_order_of_a_split_is_explained_by_its_entries_after_a_start(
    managed, side, held, after, moved
) -> None:
    terms = builders.terms(side, qty=moved)
    order = managed.put(sent(terms=terms, acked=True, ended=OrdStatus.FILLED, cum_qty=Qty(moved), avg_px=PX))
    back = Fill(ExecId("0:back"), OURS, AAPL, SELL, Qty(held), PX, Money(0), NOON, corrects=ExecId("E-0"))
    new = Fill(ExecId("0:new"), OURS, AAPL, BUY, Qty(after), PX, Money(0), NOON)

    managed.oms.tally.restore((back, new), {})

    assert managed.oms.tally.own(order) == moved
    assert managed.oms.tally.behind == set()
