"""A size on a whole core: from what was typed, with the average true range, capped by every limit."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.domain import messages as m
from core.domain.limits import Limits
from core.domain.risk import RuleCode
from core.domain.terms import OrdType, Side
from core.errors import BrokerUnavailable, RefusalCode, Refused
from tests.builders import AAPL
from tests.fakes.daily_feed import DailyFeed, daily_bars
from tests.fakes.rig import Rig, draft

LIMIT = draft(qty="", price="100.00")


@pytest.fixture
async def rig(tmp_path: Path):
    made = await Rig(tmp_path, limits=Limits()).start()
    made.feed = made.core.risk_desk.bars._feed = DailyFeed()
    today = made.core.state.session.opens.date()
    made.feed.history[AAPL] = daily_bars(AAPL, [100.0] * 30, today, volume=100_000_000)
    await made.until_ready()
    yield made
    await made.stop()


async def sized(rig: Rig, typed=LIMIT, **numbers: str) -> m.Sized:
    return await rig.do(m.SizeOrder(typed, **numbers))


async def test_a_size_is_the_risk_over_the_distance_of_the_stop_with_fees(rig: Rig) -> None:
    found = await sized(rig, risk="200", stop_px="95.00")

    assert (found.order_qty, found.by_risk, found.binding) == (39, 39, None)
    assert found.loss == 39 * (5 + Decimal("0.0975"))
    assert (found.risk, found.stop_px, found.atr) == (200, 95, None)
    assert found.text == "39 shares: the risk of $200.00 allows no more."


async def test_percent_is_of_the_equity_at_the_start_of_the_day(rig: Rig) -> None:
    found = await sized(rig, risk_pct="0.2", stop_px="95.00")

    assert (found.order_qty, found.risk) == (39, 200)


async def test_a_stop_may_stand_at_average_true_ranges(rig: Rig) -> None:
    found = await sized(rig, risk="200", atr_times="2.5")

    assert (found.atr, found.stop_px) == (2, 95)
    assert found.order_qty == 39


async def test_a_limit_that_binds_is_named_with_its_number(rig: Rig) -> None:
    found = await sized(rig, risk_pct="1", stop_px="95.00")

    assert (found.order_qty, found.by_risk) == (100, 196)
    assert found.binding is RuleCode.ORDER_NOTIONAL
    assert found.text.startswith("100 shares: the risk would allow 196, but of one more: ")
    assert "$10,000.00" in found.text


async def test_a_market_order_is_sized_at_the_limit_that_is_sent_for_it(rig: Rig) -> None:
    found = await sized(rig, replace(LIMIT, ord_type=OrdType.MARKET, price=""), risk="200", stop_px="95.00")

    assert found.order_qty == int(200 / (101.03 - 95 + (101.03 + 95) * 0.0005))


async def test_nothing_is_counted_or_sent_by_asking(rig: Rig) -> None:
    figures = rig.core.throttle.figures(rig.core.state.limits)
    actions = await rig.store.read(rig.audit_actions())

    await sized(rig, risk="200", stop_px="95.00")

    assert rig.core.throttle.figures(rig.core.state.limits) == figures
    assert await rig.store.read(rig.audit_actions()) == actions
    assert rig.core.state.orders.open() == ()


@pytest.mark.parametrize(("numbers", "code", "field"), [
    ({"risk": "-1", "stop_px": "95"}, RefusalCode.MALFORMED, "risk"),
    ({"risk": "nan", "stop_px": "95"}, RefusalCode.MALFORMED, "risk"),
    ({"risk": "1e3", "stop_px": "95"}, RefusalCode.MALFORMED, "risk"),
    ({"risk": "0", "stop_px": "95"}, RefusalCode.MALFORMED, "risk"),
    ({"risk_pct": "100.1", "stop_px": "95"}, RefusalCode.MALFORMED, "risk_pct"),
    ({"risk": "10", "stop_px": "x"}, RefusalCode.MALFORMED, "stop_px"),
    ({"risk": "10", "atr_times": "101"}, RefusalCode.MALFORMED, "atr_times"),
    ({"stop_px": "95"}, RefusalCode.RISK, "risk"),
    ({"risk": "1", "risk_pct": "1", "stop_px": "95"}, RefusalCode.RISK, "risk"),
    ({"risk": "10"}, RefusalCode.RISK, "stop_px"),
    ({"risk": "10", "stop_px": "95", "atr_times": "2"}, RefusalCode.RISK, "stop_px"),
    ({"risk": "10", "stop_px": "100"}, RefusalCode.RISK, "stop_px"),
    ({"risk": "5", "stop_px": "95"}, RefusalCode.RISK, "risk"),
    ({"risk": "10", "atr_times": "60"}, RefusalCode.RISK, "atr_times"),
])  # fmt: skip
async def test_what_gives_no_size_is_refused_with_the_field(rig: Rig, numbers, code, field) -> None:
    with pytest.raises(Refused) as caught:
        await sized(rig, **numbers)

    assert (caught.value.code, caught.value.details["field"]) == (code, field)


async def test_a_draft_that_cannot_be_read_is_refused_with_its_field(rig: Rig) -> None:
    with pytest.raises(Refused) as caught:
        await sized(rig, replace(LIMIT, price="ten"), risk="10", stop_px="9")

    assert (caught.value.code, caught.value.details["field"]) == (RefusalCode.MALFORMED, "price")


async def test_a_share_above_every_cap_is_refused_and_never_one_share(rig: Rig) -> None:
    rig.core.state.limits = replace(Limits(), notional_soft=Decimal(99), notional_hard=Decimal(99))

    with pytest.raises(Refused) as caught:
        await sized(rig, risk="200", stop_px="95.00")

    assert caught.value.code is RefusalCode.RISK
    assert caught.value.message.startswith("No share passes the rules. ")


async def test_a_range_that_is_not_known_is_refused_and_not_made_up(rig: Rig) -> None:
    rig.feed.history[AAPL] = rig.feed.history[AAPL][-10:]
    with pytest.raises(Refused, match="too few daily bars for an average true range: 10") as few:
        await sized(rig, risk="200", atr_times="2")

    rig.core.risk_desk.bars._known.clear()
    rig.feed.errors[AAPL] = BrokerUnavailable("gone")
    with pytest.raises(Refused, match="cannot be had: gone") as gone:
        await sized(rig, risk="200", atr_times="2")

    assert few.value.details == gone.value.details == {"field": "atr_times"}


async def test_a_short_sale_stops_above(rig: Rig) -> None:
    rig.core.state.limits = replace(Limits(), short_sales=True)

    with pytest.raises(Refused, match="above the entry") as caught:
        await sized(rig, draft(Side.SELL, "", "100.00"), risk="200", stop_px="95")

    assert caught.value.details == {"field": "stop_px"}
