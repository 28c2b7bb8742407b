"""A run that ends between what trips a breaker and the trip: the next start trips it."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.domain.access import Origin
from core.domain.breakers import BreakerName
from core.domain.execution import ExecType, ExecutionReport
from core.domain.money import Qty
from core.domain.terms import NewOrderSingle, OrdStatus
from core.errors import BrokerRejected
from core.ids import ExecId
from tests.fakes.breaker_rig import acknowledge, by, start, tripped
from tests.fakes.rig import Rig, draft


async def killed_before_it_judged(rig: Rig) -> None:
    await rig.kill()
    await rig.start()
    await rig.wait(1.0, 0.25)


def blind(rig: Rig) -> None:
    """Let nothing look any more: a crash comes before."""
    rig.core.safeguards._breakers.watches = ()


async def reject(order: NewOrderSingle) -> None:
    raise BrokerRejected("not today")


async def slip(rig: Rig) -> None:
    usual = rig.market.broker.submit

    async def late(order: NewOrderSingle) -> object:
        rig.market.quote("101.50", "101.52")
        return await usual(order)

    rig.market.broker.submit = late
    await rig.submit(draft(qty=10, price="102.00"))
    rig.market.broker.submit = usual


async def test_rejects_of_the_last_minute_count_after_a_crash(tmp_path: Path) -> None:
    rig = await start(tmp_path)
    blind(rig)
    usual, rig.market.broker.submit = rig.market.broker.submit, reject
    for _ in range(5):
        await by(rig, Origin.API, draft())
    rig.market.broker.submit = usual
    before = tripped(rig)

    await killed_before_it_judged(rig)

    assert before == set()
    assert [(each.name, each.source) for each in rig.core.state.tripped] == [(BreakerName.REJECT_RATE, "api")]
    await rig.stop()


async def test_rejects_that_an_acknowledgement_has_forgotten_stay_forgotten(tmp_path: Path) -> None:
    rig = await start(tmp_path)
    usual, rig.market.broker.submit = rig.market.broker.submit, reject
    for _ in range(5):
        await by(rig, Origin.API, draft())
    rig.market.broker.submit = usual
    await rig.wait(1.0)
    await acknowledge(rig, BreakerName.REJECT_RATE, "api")

    await killed_before_it_judged(rig)

    assert tripped(rig) == set()
    await rig.stop()


async def test_a_fill_far_worse_than_its_decision_counts_after_a_crash(tmp_path: Path) -> None:
    rig = await start(tmp_path)
    blind(rig)
    await slip(rig)
    before = tripped(rig)

    await killed_before_it_judged(rig)

    assert before == set()
    assert tripped(rig) == {BreakerName.SLIPPAGE}
    assert "worse than 100.02" in rig.core.state.tripped[0].text
    await rig.stop()


async def test_a_bad_fill_that_was_acknowledged_trips_no_second_time(tmp_path: Path) -> None:
    rig = await start(tmp_path)
    await slip(rig)
    await rig.wait(1.0)
    await acknowledge(rig, BreakerName.SLIPPAGE)

    await killed_before_it_judged(rig)

    assert tripped(rig) == set()
    await rig.stop()


@pytest.mark.parametrize("is_judged", [False, True])
async def test_more_filled_than_ordered_halts_after_a_crash_and_once(tmp_path: Path, is_judged: bool) -> None:
    rig = await start(tmp_path)
    order = await rig.submit(draft(qty=10))
    if not is_judged:
        blind(rig)
    await rig.core.oms.apply(too_much(rig, order.cl_ord_id))
    before = tripped(rig)
    if is_judged:
        await rig.wait(1.0)
        await acknowledge(rig, BreakerName.OVERFILL)

    await killed_before_it_judged(rig)

    assert BreakerName.OVERFILL in before if is_judged else before == set()
    assert (BreakerName.OVERFILL in tripped(rig)) is not is_judged
    await rig.stop()


def too_much(rig: Rig, cl_ord_id: str) -> ExecutionReport:
    """Tell of one share more than the order asked for."""
    order = rig.order(cl_ord_id)
    assert order.avg_px is not None
    report = ExecutionReport(
        exec_id=ExecId("E-more"),
        exec_type=ExecType.TRADE,
        cl_ord_id=order.cl_ord_id,
        order_id=order.order_id,
        terms=order.terms,
        ord_status=OrdStatus.FILLED,
        cum_qty=Qty(order.order_qty + 1),
        leaves_qty=Qty(0),
        avg_px=order.avg_px,
        transact_time=rig.clock.now(),
    )
    return replace(report, last_qty=Qty(1), last_px=order.avg_px)
