"""The radar and the usual volume on a whole core, from daily bars that a test hands out."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from core.domain import messages as m
from core.domain.market import MarketSession
from core.domain.parameters import RadarAxis
from core.domain.radar import Radar, RadarInputName
from core.errors import BrokerUnavailable, RateLimited, RefusalCode, Refused
from core.ids import Symbol
from core.orders import daily_bars as room
from core.orders.portfolio import BENCHMARK
from core.state.account import AccountState
from tests.builders import AAPL
from tests.fakes.daily_feed import DailyFeed, daily_bar, daily_bars, walk
from tests.fakes.market import MSFT
from tests.fakes.rig import Rig, draft

N = RadarInputName
TECH = "Information Technology"
_DAY = date(2026, 1, 5)


@pytest.fixture
async def rig(tmp_path: Path):
    made = await Rig(tmp_path).start()
    known = made.core.state.instruments
    for symbol in (AAPL, MSFT):
        known[symbol] = replace(known[symbol], sector=TECH)
    known[BENCHMARK] = replace(known[AAPL], symbol=BENCHMARK, sector=None)
    made.feed = DailyFeed()
    made.bars = made.core.risk_desk.bars
    made.bars._feed = made.feed
    made.today = made.core.state.session.opens.date()
    for seed, symbol in enumerate((AAPL, MSFT, BENCHMARK)):
        made.feed.history[symbol] = daily_bars(symbol, walk(260, seed), made.today)
    yield made
    await made.stop()


async def radar(rig: Rig, symbol: Symbol | None = None) -> Radar:
    return await rig.do(m.LoadRadar(symbol), "viewer")


def value(found, name: RadarInputName) -> Decimal | None:
    return next(each.value for axis in found.axes for each in axis.inputs if each.name is name)


def missing(found, axis: RadarAxis) -> str:
    return next(each.missing for each in found.axes if each.axis is axis)


async def test_the_inputs_of_a_symbol_are_those_of_numpy(rig: Rig) -> None:
    found = await radar(rig, AAPL)

    ours, market = (
        np.array([float(bar.close) for bar in rig.feed.history[symbol]][-253:])
        for symbol in (AAPL, BENCHMARK)
    )
    ours, market = ours[1:] / ours[:-1] - 1, market[1:] / market[:-1] - 1
    beta = np.cov(ours, market, ddof=1)[0, 1] / np.var(market, ddof=1)
    expected = {
        N.BETA: beta,
        N.CORRELATION: np.corrcoef(ours, market)[0, 1],
        N.VOLATILITY: np.std(ours[-63:], ddof=1) * np.sqrt(252),
        N.VOLUME: 1_000_000,
        N.SPREAD: 0.02 / 100.01,
        N.POSITION_WEIGHT: 0,
        N.SECTOR_WEIGHT: 0,
        N.HOLDINGS: 0,
    }
    for name, number in expected.items():
        assert abs(float(value(found, name)) - number) < 1e-9, name
    history = rig.bars.get(AAPL)
    assert value(found, N.RANGE) == history.true_range / history.closes[-1][1]
    assert found.known_weight_pct == 70
    assert (found.symbol, found.at, found.target) == (AAPL, rig.market.now, rig.core.risk_desk.targets.target)


async def test_todays_bar_is_not_over_and_does_not_count(rig: Rig) -> None:
    before = await radar(rig, AAPL)
    rig.bars._known.clear()
    rig.feed.history[AAPL] += (daily_bar(AAPL, rig.today, 900.0, volume=1),)

    assert (await radar(rig, AAPL)).axes == before.axes


async def test_a_portfolio_without_positions_is_empty(rig: Rig) -> None:
    found = await radar(rig)

    assert found.is_empty
    assert rig.feed.asked == []


async def test_a_portfolio_is_weighed_by_what_is_held(rig: Rig) -> None:
    await rig.submit(draft(qty=100, price="100.02"))
    await rig.submit(draft(qty=50, price="100.02", symbol=MSFT))
    rig.core.state.instruments[MSFT] = replace(rig.core.state.instruments[MSFT], sector="Energy")

    found = await radar(rig)

    equity = rig.core.state.account.cash + rig.core.state.positions.net
    assert value(found, N.HOLDINGS) == 2
    assert value(found, N.POSITION_WEIGHT) == 100 * Decimal("100.01") / equity
    assert value(found, N.SECTOR_WEIGHT) == value(found, N.POSITION_WEIGHT)
    one, other = await radar(rig, AAPL), await radar(rig, MSFT)
    mean = (2 * float(value(one, N.BETA)) + float(value(other, N.BETA))) / 3
    assert abs(float(value(found, N.BETA)) - mean) < 1e-9
    assert value(one, N.POSITION_WEIGHT) == 2 * value(other, N.POSITION_WEIGHT)
    assert set(rig.feed.asked) == {AAPL, MSFT, BENCHMARK}


async def test_what_is_missing_is_named_and_never_made_up(rig: Rig) -> None:
    del rig.core.state.instruments[BENCHMARK]
    rig.core.state.instruments[AAPL] = replace(rig.core.state.instruments[AAPL], sector=None)
    rig.feed.history[AAPL] = daily_bars(AAPL, walk(14, 1), rig.today)
    rig.market.show(bid=None)
    await rig.quiet()

    found = await radar(rig, AAPL)

    assert (found.overall, found.level, found.known_weight_pct) == (None, None, 0)
    assert missing(found, RadarAxis.MARKET) == "SPY is not known here."
    assert missing(found, RadarAxis.VOLATILITY) == "AAPL has too few daily bars: 14."
    assert missing(found, RadarAxis.LIQUIDITY) == (
        "AAPL has too few daily bars: 14. There is no bid and ask of AAPL now."
    )
    assert missing(found, RadarAxis.CONCENTRATION) == "The sector of AAPL is not known."


async def test_few_common_days_and_a_market_that_stands_still_have_no_beta(rig: Rig) -> None:
    rig.feed.history[BENCHMARK] = daily_bars(BENCHMARK, walk(60, 2), rig.today)
    assert missing(await radar(rig, AAPL), RadarAxis.MARKET) == "AAPL has too few days with SPY: 59 of 63."

    rig.bars._known.clear()
    rig.feed.history[BENCHMARK] = daily_bars(BENCHMARK, [100.0] * 80, rig.today)
    assert missing(await radar(rig, AAPL), RadarAxis.MARKET) == "AAPL or SPY has not moved."


async def test_a_holding_without_a_price_leaves_the_portfolio_unscored(rig: Rig) -> None:
    await rig.submit(draft(qty=10, price="100.02"))
    position = rig.core.state.positions.get(AAPL)
    rig.core.state.positions.put(replace(position, symbol=MSFT))
    rig.core.state.positions._last.pop(MSFT)
    rig.core.state.positions._revalue(MSFT)

    found = await radar(rig)

    assert found.overall is None
    assert {each.missing for each in found.axes[:3]} == {"There is no price of MSFT yet."}
    assert missing(found, RadarAxis.CONCENTRATION) == "There is no price of MSFT yet."
    assert value(found, N.HOLDINGS) == 2


async def test_an_unknown_sector_or_equity_leaves_concentration_unscored(rig: Rig) -> None:
    await rig.submit(draft(qty=10, price="100.02"))
    rig.core.state.instruments[AAPL] = replace(rig.core.state.instruments[AAPL], sector=None)
    assert missing(await radar(rig), RadarAxis.CONCENTRATION) == "The sector of AAPL is not known."

    rig.core.state.account = AccountState(rig.clock)
    assert "equity is not known" in missing(await radar(rig), RadarAxis.CONCENTRATION)


async def test_a_symbol_that_is_unknown_is_refused(rig: Rig) -> None:
    with pytest.raises(Refused) as caught:
        await radar(rig, Symbol("NOPE"))

    assert (caught.value.code, caught.value.details) == (RefusalCode.UNKNOWN_SYMBOL, {"field": "symbol"})


async def test_bars_are_asked_for_once_a_market_day(rig: Rig) -> None:
    await radar(rig, AAPL)
    await radar(rig, AAPL)
    assert rig.feed.asked == [BENCHMARK, AAPL]

    session = rig.core.state.session
    later = timedelta(days=1)
    rig.core.state.session = MarketSession(
        session.now + later, session.phase, session.opens + later, session.closes + later
    )
    rig.feed.history[AAPL] += (daily_bar(AAPL, rig.today, 100.0, volume=21_000_000),)
    assert rig.bars.usual_volume(AAPL) == 1_000_000
    await rig.quiet()
    assert rig.bars.usual_volume(AAPL) == 2_000_000
    assert rig.feed.asked == [BENCHMARK, AAPL, AAPL]


async def test_the_usual_volume_reaches_the_rules_and_never_waits(rig: Rig) -> None:
    rig.feed.held.clear()
    first = await rig.do(m.PreviewOrder(draft(price="100.02")))
    rig.feed.held.set()
    await rig.quiet()

    second = await rig.do(m.PreviewOrder(draft(price="100.02")))

    texts = [
        next(each.outcome.value for each in preview.verdict.results if each.code.value == "order_volume")
        for preview in (first, second)
    ]
    assert texts == ["not_evaluated", "pass"]


async def test_a_feed_that_fails_is_asked_again_after_a_minute(rig: Rig) -> None:
    rig.feed.errors[AAPL] = BrokerUnavailable("the line is dead.")
    found = await radar(rig, AAPL)
    assert missing(found, RadarAxis.VOLATILITY) == "Daily bars of AAPL cannot be had: the line is dead."
    await radar(rig, AAPL)
    assert rig.feed.asked.count(AAPL) == 1

    await rig.wait(room.RETRY_AFTER_S + 1)
    del rig.feed.errors[AAPL]

    assert value(await radar(rig, AAPL), N.VOLUME) == 1_000_000


async def test_a_feed_that_wants_rest_gets_it(rig: Rig) -> None:
    rig.feed.errors[MSFT] = RateLimited("slowly", retry_after_s=20.0)
    rig.bars.get(AAPL)
    rig.bars.get(MSFT)
    await rig.quiet()
    assert rig.feed.asked == [MSFT]

    await rig.wait(21)

    assert rig.feed.asked == [MSFT, AAPL]


async def test_an_answer_that_does_not_come_is_given_up_and_nobody_waits_for_it(
    rig: Rig, monkeypatch
) -> None:
    monkeypatch.setattr(room, "FETCH_WITHIN_S", 0.01)
    monkeypatch.setattr("core.orders.radar.WAIT_S", 0.001)
    rig.feed.held.clear()

    found = await (await rig.begin(m.LoadRadar(AAPL)))
    assert missing(found, RadarAxis.VOLATILITY) == "Daily bars of AAPL are on their way."
    await rig.bars.settled([AAPL], 5)

    assert rig.bars.missing(AAPL) == "Daily bars of AAPL cannot be had: no answer within 0.01 s."


async def test_nothing_is_asked_for_before_the_market_day_is_known(rig: Rig) -> None:
    rig.core.state.session = None

    assert rig.bars.usual_volume(AAPL) is None
    await rig.quiet()

    assert rig.feed.asked == []


def test_a_day_that_is_told_twice_counts_once() -> None:
    bars = daily_bars(AAPL, walk(25, 4), _DAY)
    again = (*bars, replace(bars[-1], volume=bars[-1].volume * 3))

    found = room.history(again, _DAY)

    assert len(found.closes) == 25
    assert found.usual_volume == Decimal(1_100_000)
