"""Money that moves at Alpaca: booked once, and neither profit nor loss where the owner moved it."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.breakers import BreakerName
from core.domain.messages import LoadBreakers
from tests.builders import AAPL
from tests.fakes.alpaca_rig import AlpacaRig


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[AlpacaRig]:
    made = await AlpacaRig(tmp_path).serve()
    await made.wait(12.0, 1.0)
    yield made
    await made.stop()


async def figure(rig: AlpacaRig, name: BreakerName) -> Decimal | None:
    board = await rig.do(LoadBreakers(), "viewer")
    return next(each.figure for each in board.standings if each.name is name)


async def test_a_withdrawal_is_no_loss_and_is_booked_once(rig: AlpacaRig) -> None:
    rig.server.exchange.pay("CSW", "-20000")
    await rig.wait(90.0, 2.0)

    flows = await rig.store.read(lambda reader: reader.cash_flows(9))
    assert [(each.kind, each.external, each.amount) for each in flows] == [("withdrawal", True, -20_000)]
    assert await figure(rig, BreakerName.DAILY_LOSS) == 0
    assert await figure(rig, BreakerName.DRAWDOWN) == 0
    assert rig.core.state.tripped == ()


async def test_a_dividend_is_a_profit_and_a_fee_a_loss(rig: AlpacaRig) -> None:
    rig.server.exchange.pay("DIV", "12.5", AAPL)
    rig.server.exchange.pay("FEE", "-22.5")
    await rig.wait(30.0, 2.0)

    flows = await rig.store.read(lambda reader: reader.cash_flows(9))
    assert [(each.kind, each.symbol) for each in flows] == [("fee", ""), ("dividend", AAPL)]
    start = rig.core.state.account.account.start_equity
    assert await figure(rig, BreakerName.DAILY_LOSS) == Decimal(1000) / start
    assert rig.core.state.day_flows == 0


async def test_more_than_a_page_of_flows_is_read_to_its_end(rig: AlpacaRig) -> None:
    for _ in range(230):
        rig.server.exchange.pay("CSD", "1")

    await rig.wait(30.0, 2.0)

    flows = await rig.store.read(lambda reader: reader.cash_flows(500))
    assert len(flows) == 230
    assert rig.core.state.day_flows == 230
