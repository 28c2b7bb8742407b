"""What is in memory at one moment."""

from pathlib import Path

import pytest

from core.domain.access import TradingState
from core.domain.messages import (
    HaltTrading,
    LinkState,
    LoadLive,
    Part,
    Reconciled,
    ReconciliationRun,
)
from core.domain.terms import Side
from tests.builders import AAPL, NOON
from tests.fakes.rig import Rig, draft


@pytest.fixture
async def rig(tmp_path: Path):
    made = await Rig(tmp_path).start()
    yield made
    await made.stop()


async def test_a_look_shows_account_orders_marks_and_quotes_without_the_database(rig: Rig) -> None:
    order = await rig.submit(draft(Side.BUY, 10))
    await rig.do(HaltTrading("lunch"))
    rig.store.read = None  # whoever asks it now fails

    found = await rig.do(LoadLive())

    assert [each.cl_ord_id for each in found.orders] == [order.cl_ord_id]
    assert [(each.symbol, each.qty) for each in found.marks] == [(AAPL, 10)]
    assert found.cash == found.account.account.cash
    assert found.trading_state.state is TradingState.HALTED
    assert {each.symbol for each in found.quotes} == {each.symbol for each in found.instruments}
    assert {each.part: each.state for each in found.links} == dict.fromkeys(Part, LinkState.UP)
    del rig.store.read


async def test_a_book_that_cannot_be_written_shows_as_a_database_that_is_down(rig: Rig) -> None:
    rig.core.state.book_writable = False

    found = await rig.do(LoadLive())

    assert [each.part for each in found.links if each.state is LinkState.DOWN] == [Part.DATABASE]
    rig.core.state.book_writable = True


async def test_a_part_that_was_never_heard_of_is_still_connecting(rig: Rig) -> None:
    del rig.core.links.states[Part.FEED]

    found = await rig.do(LoadLive())

    assert [each.part for each in found.links if each.state is LinkState.CONNECTING] == [Part.FEED]


async def test_the_last_comparison_with_the_broker_is_remembered(rig: Rig) -> None:
    run = ReconciliationRun(NOON, NOON)
    rig.core.bus.publish(Reconciled(run))

    found = await rig.do(LoadLive())

    assert found.reconciliation is run
