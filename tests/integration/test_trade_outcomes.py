"""Every closing fill writes its outcome with itself, or neither; what is taken back voids it."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.breakers import BreakerName
from core.domain.execution import Fill
from core.domain.messages import Reconcile, SubmitOrder
from core.domain.outcomes import TradeOutcome, TradeResult
from core.domain.terms import Side
from core.errors import StorageUnwritable
from core.failpoints import arm, disarm_all
from tests import builders
from tests.builders import AAPL
from tests.fakes.breaker_rig import lose, standing, start
from tests.fakes.rig import EVERY_RULE, Rig, draft


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = await start(tmp_path)
    yield made
    disarm_all()
    await made.stop()


async def outcomes(rig: Rig) -> tuple[TradeOutcome, ...]:
    return await rig.core.outside.store.read(lambda reader: reader.outcomes(99))


async def fills(rig: Rig) -> tuple[Fill, ...]:
    return await rig.core.outside.store.read(lambda reader: reader.fills())


async def test_a_closing_fill_writes_its_outcome_whoever_sent_it(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    rig.market.exchange.place_external(builders.terms(Side.SELL, 4))
    await rig.quiet()
    await rig.submit(draft(Side.SELL, 6))

    found = await outcomes(rig)

    assert [(each.qty, each.realised, each.result) for each in reversed(found)] == [
        (4, Decimal("-0.08"), TradeResult.LOSS),
        (6, Decimal("-0.12"), TradeResult.LOSS),
    ]
    position = rig.core.state.positions.get(AAPL)
    assert position is not None
    assert sum(each.realised for each in found) == position.realised
    assert sum(each.fees for each in found) == position.fees


async def test_an_outcome_that_cannot_be_written_holds_its_fill_back(rig: Rig, expected_log: object) -> None:
    expected_log("report.unwritable")  # type: ignore[operator]
    await rig.submit(draft(qty=10))
    left = 2

    def refuse() -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise StorageUnwritable("the disk is full")

    arm("uow.record_trade_outcome", refuse)
    selling = await rig.begin(SubmitOrder(draft(Side.SELL, 10), rig.key(), EVERY_RULE))
    before = (len(await fills(rig)), len(await outcomes(rig)))
    await rig.wait(3.0, 0.5)

    assert before == (1, 0)
    assert selling.done()
    assert (len(await fills(rig)), len(await outcomes(rig))) == (2, 1)


async def test_a_bust_voids_the_outcome_and_ends_its_part_in_the_streak(rig: Rig) -> None:
    await lose(rig, 2)
    sold = (await fills(rig))[-1]
    before = (await standing(rig, BreakerName.LOSING_STREAK)).figure

    rig.market.exchange.amendments.bust(sold.exec_id)
    await rig.quiet()

    void, _, _ = await outcomes(rig)
    assert void.voids == sold.exec_id
    assert before == 2
    assert (await standing(rig, BreakerName.LOSING_STREAK)).figure == 1


async def test_a_correction_voids_the_outcome_and_writes_that_of_the_other_price(rig: Rig) -> None:
    await lose(rig)
    sold = (await fills(rig))[-1]

    rig.market.exchange.amendments.correct(sold.exec_id, builders.terms(price="101.00").price)
    await rig.quiet()

    corrected, void, first = await outcomes(rig)
    assert (first.exec_id, void.voids) == (sold.exec_id, sold.exec_id)
    assert corrected.voids is None
    assert (await standing(rig, BreakerName.LOSING_STREAK)).figure == (0 if corrected.pnl >= 0 else 1)


async def test_shares_that_are_taken_over_from_the_broker_are_no_trade(rig: Rig) -> None:
    await rig.submit(draft(qty=10))

    async def nothing() -> tuple[()]:
        return ()

    rig.market.broker.positions = nothing
    for _ in range(3):
        await rig.wait(31.0, 31.0)
        await rig.do(Reconcile())

    assert rig.core.state.positions.qty(AAPL) == 0
    assert await outcomes(rig) == ()
