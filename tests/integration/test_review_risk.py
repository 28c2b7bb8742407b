"""Faults that a review of the risk desk found: each happened before, and happens no more."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.domain.messages import ClosePosition
from core.domain.terms import OrdStatus, Side
from core.errors import RefusalCode, Refused
from core.failpoints import disarm_all
from tests.builders import AAPL
from tests.fakes import market
from tests.fakes.breaker_rig import settled, start
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
