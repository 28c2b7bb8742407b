"""Faults that a review of the risk desk found: each happened before, and happens no more."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.adapters.simulator.faults import Call
from core.domain.access import Origin, TradingState
from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.messages import (
    ClosePosition,
    HaltTrading,
    Reconciled,
    ReconciliationRun,
    ResendOrder,
    ResumeTrading,
)
from core.domain.money import Price
from core.domain.risk import Unit
from core.domain.terms import OrdStatus, Side
from core.errors import RefusalCode, Refused
from core.failpoints import arm, disarm_all
from tests.builders import AAPL
from tests.fakes import market
from tests.fakes.breaker_rig import SHARES, acknowledge, settled, start, tripped
from tests.fakes.rig import EVERY_RULE, Rig, draft


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    lent = tuple(replace(each, shortable=True) for each in market.INSTRUMENTS)
    monkeypatch.setattr(market, "INSTRUMENTS", lent)
    monkeypatch.setattr(market.HandSource, "instruments", lent)
    made = await start(tmp_path, short_sales=True)
    made.market.exchange.settings = replace(made.market.exchange.settings, may_short=True)
    await settled(made)
    yield made
    disarm_all()
    await made.stop()


@pytest.mark.parametrize(("opens", "waits"), [(Side.SELL, "99.50"), (Side.BUY, "100.50")])
async def test_a_second_close_of_a_position_opens_none_the_other_way(
    rig: Rig, opens: Side, waits: str
) -> None:
    await rig.submit(draft(opens, 50))
    closing = await rig.submit(draft(opens.opposite, 50, waits))

    with pytest.raises(Refused, match="so much is not left to close") as caught:
        await rig.do(ClosePosition(AAPL, rig.key(), EVERY_RULE))

    assert caught.value.code is RefusalCode.NO_POSITION
    assert rig.order(closing.cl_ord_id).ord_status is OrdStatus.NEW
    assert rig.core.state.positions.qty(AAPL) == 50 * opens.sign
    assert len(rig.oracle().orders) == 2


async def test_a_resume_refused_for_a_trip_does_not_hold_from_the_next_start_on(tmp_path: Path) -> None:
    rig = await start(tmp_path)
    await rig.submit(draft(qty=SHARES))
    await rig.do(HaltTrading("lunch"))
    loop, done = asyncio.get_running_loop(), threading.Event()

    def crash() -> None:
        rig.core.state.positions.price(AAPL, Price("72.00"))
        rig.core.bus.publish(Reconciled(ReconciliationRun(rig.clock.now(), rig.clock.now())))
        done.set()

    def meanwhile() -> None:  # on the storage thread, which waits until the breaker has tripped
        disarm_all()
        loop.call_soon_threadsafe(crash)
        done.wait(5)

    arm("store.before_commit", meanwhile)
    with pytest.raises(Refused, match="A breaker has tripped"):
        await rig.do(ResumeTrading("back"), "admin")
    await rig.quiet()
    await acknowledge(rig, BreakerName.DAILY_LOSS)
    await rig.kill()

    await rig.start()

    assert rig.core.state.trading_state is TradingState.HALTED
    await rig.stop()


async def test_an_order_sent_again_that_is_held_back_at_the_door_trips_nothing(rig: Rig) -> None:
    rig.market.faults.lose_request(Call.SUBMIT)
    order = await rig.submit(draft(price="99.90"))
    await rig.wait(45)
    rig.core.state.orders.put(replace(rig.order(order.cl_ord_id), origin=Origin.API))
    paused = BreakerRecord(
        BreakerName.REJECT_RATE, BreakerState.TRIPPED, Origin.API.value, "Rejects.", None, None,
        Unit.COUNT, "desk", "admin", "", rig.clock.now(),
    )  # fmt: skip
    # After it was judged again, and before it leaves.
    arm("store.before_commit", lambda: setattr(rig.core.state, "tripped", (paused,)))

    task = await rig.begin(ResendOrder(order.cl_ord_id))
    await rig.wait(12)
    disarm_all()

    assert task.done()
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.UNKNOWN
    assert len(rig.oracle().orders) == 0
    assert tripped(rig) == {BreakerName.REJECT_RATE}
    assert rig.core.state.trading_state is TradingState.ACTIVE
