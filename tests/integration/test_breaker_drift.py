"""A position that differs from the broker's trips a breaker, until a person has explained it (B9)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.domain.access import TradingState
from core.domain.breakers import BreakerName, BreakerState
from core.domain.messages import Reconcile
from core.domain.money import Qty
from core.domain.portfolio import BrokerPosition
from core.domain.terms import Side
from core.errors import BrokerUnavailable
from tests import builders
from tests.fakes.breaker_rig import acknowledge, standing, start, state_of, tripped
from tests.fakes.rig import Rig, draft

DRIFT = BreakerName.DRIFT


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = await start(tmp_path)
    await made.submit(draft(qty=10))
    yield made
    await made.stop()


def show(rig: Rig, qty: int) -> None:
    """Let the broker's list say another number than its fills."""
    held = type(rig.market.broker).positions

    async def other() -> tuple[BrokerPosition, ...]:
        (theirs,) = await held(rig.market.broker)
        return (replace(theirs, qty=Qty(qty)),)

    rig.market.broker.positions = other


def show_truth(rig: Rig) -> None:
    del rig.market.broker.positions


async def test_a_difference_that_no_order_could_explain_trips_at_once(rig: Rig) -> None:
    await rig.wait(90.0)
    show(rig, 12)

    await rig.do(Reconcile())

    assert tripped(rig) == {DRIFT}
    assert rig.core.state.tripped[0].value == 2
    assert rig.core.state.tripped[0].text == "AAPL: our book said 10 shares, the broker 12."
    assert rig.core.state.trading_state is TradingState.REDUCING


async def test_a_difference_after_a_fresh_order_trips_when_it_is_seen_again(rig: Rig) -> None:
    show(rig, 12)
    await rig.do(Reconcile())
    before = tripped(rig)

    await rig.do(Reconcile())

    assert before == set()
    assert tripped(rig) == {DRIFT}


async def test_fills_that_explain_a_difference_trip_nothing(rig: Rig) -> None:
    rig.market.faults.drop_reports(10)
    rig.market.exchange.place_external(builders.terms(Side.BUY, 5))
    await rig.quiet()

    await rig.do(Reconcile())

    assert rig.core.state.positions.qty(builders.AAPL) == 15
    assert tripped(rig) == set()


async def test_an_acknowledged_difference_is_armed_once_a_comparison_finds_none(rig: Rig) -> None:
    await rig.wait(90.0)
    show(rig, 12)
    await rig.do(Reconcile())
    await acknowledge(rig, DRIFT)
    differs = state_of(rig, DRIFT)

    show_truth(rig)
    await rig.do(Reconcile())

    assert differs is BreakerState.ACKNOWLEDGED
    assert state_of(rig, DRIFT) is BreakerState.ARMED
    assert rig.core.state.trading_state is TradingState.REDUCING


async def test_a_difference_that_goes_by_itself_stays_tripped_until_a_person_comes(rig: Rig) -> None:
    await rig.wait(90.0)
    show(rig, 12)
    await rig.do(Reconcile())
    show_truth(rig)

    await rig.do(Reconcile())

    assert state_of(rig, DRIFT) is BreakerState.TRIPPED
    assert (await standing(rig, DRIFT)).figure == 0


async def test_a_comparison_that_could_not_be_ended_says_nothing(rig: Rig) -> None:
    before = (await standing(rig, DRIFT)).figure

    async def silent() -> tuple[BrokerPosition, ...]:
        raise BrokerUnavailable("no answer")

    rig.market.broker.positions = silent
    with pytest.raises(BrokerUnavailable):
        await rig.do(Reconcile())

    assert (await standing(rig, DRIFT)).figure == before
