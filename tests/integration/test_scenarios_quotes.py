"""The acceptance scenario NF-5 through the whole core: Alpaca's feed over a real stream of bad quotes.

After each one no order went out on it, and a good quote opens the door again.
"""

from pathlib import Path
from typing import Any

import pytest

from core.domain.risk import Outcome, RuleCode, Verdict
from core.domain.terms import OrdStatus
from core.errors import Refused
from tests.builders import AAPL
from tests.fakes.rig import draft
from tests.fakes.streaming_rig import StreamingRig

NEAR = "100.02"
ORDERS = "/v2/orders"


@pytest.fixture
async def rig(tmp_path: Path):
    made = StreamingRig(tmp_path)
    await made.serve()
    await made.wait(1, 1)
    yield made
    await made.stop()


async def refusal(rig: StreamingRig, wanted: Any = None) -> set[RuleCode]:
    """Try an order, and return the rules that refused it."""
    with pytest.raises(Refused) as caught:
        await rig.submit(wanted or draft(qty=1))
    assert rig.server.journal.requests("POST", ORDERS) == []
    verdict = caught.value.cause
    assert isinstance(verdict, Verdict)
    return {each.code for each in verdict.results if each.outcome is Outcome.HARD}


async def heals(rig: StreamingRig) -> None:
    """A good quote comes, and an order goes out on it."""
    rig.show(price="100.00")
    await rig.wait(1, 1)

    order = await rig.submit(draft(qty=10, price=NEAR))

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED
    await rig.wait(5, 1)
    await rig.agree()


async def test_nf_5_quote_that_lay_in_a_buffer_is_as_old_as_it_is_and_opens_nothing(
    rig: StreamingRig,
) -> None:
    await rig.wait(60, 5, refresh=False)

    await rig.send(rig.message(100.0, 100.02, late_s=20))

    age_s = rig.core.state.quotes.age_s(AAPL)
    assert age_s is not None
    assert 20 <= age_s < 25
    assert RuleCode.FACTS in await refusal(rig)
    assert RuleCode.FACTS in await refusal(rig, draft(qty=1, price=NEAR))
    await heals(rig)


async def test_nf_5_quotes_out_of_order_leave_the_newest_as_the_reference(rig: StreamingRig) -> None:
    await rig.send(rig.message(100.0, 100.02))

    await rig.send(rig.message(120.0, 120.02, late_s=3))

    # Against the late one this limit would be far from the market, and against the newest it is through it.
    assert rig.quote().ask == rig.market.ticks[AAPL].ask
    assert RuleCode.PRICE_COLLAR in await refusal(rig, draft(qty=1, price="120.00"))
    await heals(rig)


@pytest.mark.parametrize(("bid", "ask"), [(100.05, 100.02), (0, 0), (0, 100.02), (100.0, 0), (-1, -1)])
async def test_nf_5_crossed_and_empty_sides_are_shown_as_none_and_no_market_order_goes(
    rig: StreamingRig, bid: float, ask: float
) -> None:
    await rig.send(rig.message(bid, ask))

    assert None in (rig.quote().bid, rig.quote().ask)
    assert RuleCode.SPREAD in await refusal(rig)
    await heals(rig)


async def test_nf_5_crossed_quote_is_no_reference_for_a_limit(rig: StreamingRig) -> None:
    rig.server.exchange.trade(AAPL, "100.01")
    await rig.wait(1, 1, refresh=False)

    await rig.send(rig.message(150.0, 140.0))

    assert RuleCode.PRICE_COLLAR in await refusal(rig, draft(qty=1, price="149.00"))
    await heals(rig)


@pytest.mark.parametrize("off_by_s", [10, -10])
async def test_nf_5_quotes_of_a_feed_whose_clock_is_off_are_marked_and_open_nothing(
    rig: StreamingRig, expected_log, off_by_s: int
) -> None:
    expected_log("clock.differs")
    expected_log("link.lost")
    await rig.server.data_stream.close_all(1006)
    await rig.wait(20, 1, refresh=False)

    for _ in range(3):
        await rig.send(rig.message(100.0, 100.02, late_s=off_by_s))
        await rig.wait(1, 1, refresh=False)

    age_s = rig.core.state.quotes.age_s(AAPL)
    assert age_s is not None
    assert age_s >= 10
    assert [f"{off_by_s} s" in each for each in rig.told] == [True]
    assert RuleCode.FACTS in await refusal(rig)
    await rig.server.data_stream.close_all(1006)
    await rig.wait(15, 1)
    await heals(rig)
