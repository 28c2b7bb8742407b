"""Figures, their proofs and the closes of a whole core on an encrypted database."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from core.domain.audit import AuditAction
from core.domain.figures import FigureName, PartKind, PriceBasis
from core.domain.instrument import Instrument
from core.domain.market import Bar, MarketSession, SessionPhase
from core.domain.messages import (
    EquityClosed,
    ExplainFigure,
    ExplainPosition,
    LoadLive,
    LoadPortfolio,
    PortfolioMarked,
    PositionMarked,
    QuotesChanged,
)
from core.domain.money import Money, Price, Qty
from core.domain.outcomes import CashFlow, EquitySnapshot
from core.domain.terms import Side
from core.errors import BrokerUnavailable, RefusalCode, Refused, StorageUnwritable
from core.failpoints import arm, disarm_all
from core.orders.closing import Close
from core.orders.portfolio import BENCHMARK
from tests.builders import AAPL
from tests.fakes.market import CASH, CLOSES, MSFT, OPENS
from tests.fakes.rig import Rig, draft

DAY = date(2026, 1, 5)


@pytest.fixture
async def rig(tmp_path):
    made = await Rig(tmp_path).start()
    await made.until_ready()
    yield made
    disarm_all()
    await made.stop()


def turn_to(rig: Rig, now, phase=SessionPhase.REGULAR, day=0):
    """Set market time without moving a price."""
    shift = timedelta(days=day)
    session = MarketSession(now, phase, OPENS + shift, CLOSES + shift)
    rig.market.session = lambda: session


def closes_of(rig: Rig):
    return [event.close for event in rig.events if isinstance(event, EquityClosed)]


async def ring(rig: Rig, day=0):
    """Let a market day end while the program looks on."""
    shift = timedelta(days=day)
    turn_to(rig, CLOSES + shift - timedelta(seconds=1), day=day)
    await rig.wait(1, 0.5)
    turn_to(rig, CLOSES + shift + timedelta(seconds=1), SessionPhase.POST, day)
    await rig.wait(7, 0.5)


# Figures.


async def test_an_empty_portfolio_has_cash_and_no_other_figure(rig: Rig) -> None:
    report = await rig.do(LoadPortfolio())

    assert {figure.name: figure.value for figure in report.figures.totals} == {
        FigureName.EQUITY: CASH, FigureName.CASH: CASH,
    }  # fmt: skip
    assert (report.figures.weights, report.figures.sectors, report.closes) == ((), (), ())
    assert report.performance.volatility is None
    assert report.next_close == CLOSES


async def test_a_figure_that_is_not_there_is_refused(rig: Rig) -> None:
    with pytest.raises(Refused) as caught:
        await rig.do(ExplainFigure(FigureName.GROSS))

    assert caught.value.code is RefusalCode.NOT_FOUND


async def traded(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    await rig.submit(draft(qty=5, symbol=MSFT))
    await rig.submit(draft(Side.SELL, 4))
    rig.market.show(AAPL, last=Price("105.00"))
    await rig.wait(11, 1)  # the account is confirmed anew


async def test_every_figure_of_a_traded_portfolio_can_be_proved(rig: Rig) -> None:
    await traded(rig)
    figures = (await rig.do(LoadPortfolio())).figures

    proofs = [
        await rig.do(ExplainFigure(figure.name, figure.of))
        for figure in (*figures.totals, *figures.weights, *figures.sectors)
    ]

    assert len(proofs) == 13 + 2 + 1
    assert all(proof.holds for proof in proofs)
    assert all(sum(part.amount for part in proof.parts) == proof.figure.value for proof in proofs)
    assert figures.get(FigureName.REALISED).value == 4 * (Decimal("100.00") - Decimal("100.02"))
    assert {part.kind for part in proofs[2].parts} == {PartKind.LOT, PartKind.CLOSED, PartKind.FEE}
    assert rig.alarms() == []


async def test_figures_are_those_of_the_account_and_of_the_positions(rig: Rig) -> None:
    await traded(rig)
    figures = (await rig.do(LoadPortfolio())).figures
    live = await rig.do(LoadLive())

    assert live.account.equity == figures.get(FigureName.EQUITY).value
    assert live.cash == figures.get(FigureName.CASH).value
    assert sum(mark.value for mark in live.marks) == figures.get(FigureName.NET).value
    assert sum(mark.day_pnl for mark in live.marks) == figures.get(FigureName.DAY_PNL).value
    assert sum(mark.total_pnl for mark in live.marks) == figures.get(FigureName.TOTAL_PNL).value
    weights = {mark.symbol: mark.weight_pct / 100 for mark in live.marks}
    assert {figure.of: figure.share for figure in figures.weights} == pytest.approx(weights)


async def test_figures_after_a_restart_are_those_before(rig: Rig) -> None:
    await traded(rig)
    before = rig.core.valuation.figures()
    await rig.kill()
    await rig.start()
    await rig.until_ready()
    rig.market.show(AAPL, last=Price("105.00"))
    await rig.wait(1, 0.5, refresh=False)

    assert rig.core.valuation.figures().totals == before.totals


async def test_a_proof_that_does_not_hold_is_an_alarm(rig: Rig) -> None:
    await traded(rig)
    forged = rig.core.state.positions.get(AAPL)
    rig.core.state.positions.put(replace(forged, cost=Money(1)))

    proof = await rig.do(ExplainFigure(FigureName.COST))
    rig.core.valuation._all_changed()
    shown = await rig.do(ExplainFigure(FigureName.COST))

    assert proof.holds  # the figure was not made anew yet
    assert not shown.holds
    assert any("do not add up" in text or "does not add up" in text for text in rig.alarms())


async def test_a_symbol_without_a_price_makes_only_its_figures_unknown(rig: Rig) -> None:
    await traded(rig)
    rig.core.state.quotes._quotes.pop(MSFT)
    rig.core.valuation._all_changed()

    figures = rig.core.valuation.figures()
    equity, cost = figures.get(FigureName.EQUITY), figures.get(FigureName.COST)
    proof = await rig.do(ExplainFigure(FigureName.EQUITY))

    assert (equity.value, equity.without_price) == (None, (MSFT,))
    assert equity.known == rig.core.state.account.cash + 6 * 105
    assert cost.value is not None
    assert proof.holds
    assert [figure.of for figure in figures.weights] == [AAPL]


async def test_a_symbol_without_a_quote_is_valued_at_its_last_daily_close(rig: Rig) -> None:
    await traded(rig)
    bar = Bar(MSFT, OPENS - timedelta(days=3), *(Price("99"),) * 4, Qty(1))

    async def bars(symbol, timeframe, limit):
        return (bar,) if symbol == MSFT else ()

    rig.market.feed.bars = bars
    rig.core.state.quotes._quotes.pop(MSFT)
    rig.core.valuation._all_changed()
    await rig.wait(3, 1, refresh=False)

    mark = rig.core.valuation.mark_of(MSFT)
    assert (mark.value, mark.priced.basis, mark.priced.at) == (5 * 99, PriceBasis.CLOSE, bar.time)
    assert rig.core.valuation.equity is not None


async def test_on_a_weekend_everything_is_valued_at_the_last_close(rig: Rig) -> None:
    await traded(rig)
    sunday = OPENS + timedelta(days=6)
    turn_to(rig, sunday, SessionPhase.CLOSED, day=7)
    await rig.wait(2, 0.5, refresh=False)

    figures = (await rig.do(LoadPortfolio())).figures

    proof = await rig.do(ExplainPosition(AAPL))
    assert (proof.last, proof.priced.basis) == (Decimal("99.50"), PriceBasis.CLOSE)
    assert figures.at_close == figures.held == 2
    assert figures.get(FigureName.NET).value == 11 * Decimal("99.50")
    assert figures.get(FigureName.DAY_PNL).value == 0
    assert figures.oldest.at < sunday


async def test_only_what_changed_is_valued_and_a_flood_is_valued_in_turns(rig: Rig) -> None:
    await traded(rig)
    seen = len(rig.events)
    quotes = rig.core.state.quotes

    for _ in range(1000):
        rig.core.bus.publish(QuotesChanged((quotes.get(AAPL),)))
    in_the_flood = [event for event in rig.events[seen:] if isinstance(event, PositionMarked)]
    await rig.wait(0.5, 0.1, refresh=False)
    after = [event for event in rig.events[seen:] if isinstance(event, PositionMarked)]

    assert len(in_the_flood) <= 1
    assert {event.mark.symbol for event in after} == {AAPL}
    assert sum(isinstance(event, PortfolioMarked) for event in rig.events[seen:]) >= 1


# Closes.


async def test_the_close_is_recorded_with_its_audit_once(rig: Rig) -> None:
    await traded(rig)
    equity, cash = rig.core.valuation.equity, rig.core.state.account.cash

    await ring(rig)
    await rig.wait(20, 1)

    [close] = closes_of(rig)
    assert (close.market_date, close.equity, close.cash) == (DAY, equity, cash)
    assert (close.flow, close.missed, close.taken_at.tzinfo) == (0, False, rig.clock.now().tzinfo)
    assert (await rig.do(LoadPortfolio())).closes == (close,)
    actions = await rig.store.read(rig.audit_actions())
    assert actions.count(AuditAction.EQUITY_CLOSED) == 1


async def test_a_market_day_has_one_close(rig: Rig) -> None:
    await ring(rig)

    await rig.core.portfolio._closing.record(Close(DAY, Decimal(1), Decimal(1)))

    assert len((await rig.do(LoadPortfolio())).closes) == len(closes_of(rig)) == 1


async def test_the_next_day_is_recorded_too_and_makes_a_return(rig: Rig) -> None:
    await traded(rig)
    await ring(rig)
    rig.market.show(AAPL, last=Price("110.00"))

    await ring(rig, day=1)

    report = await rig.do(LoadPortfolio())
    first, second = report.closes
    assert second.market_date == DAY + timedelta(days=1)
    assert second.equity - first.equity == 6 * 5
    assert report.performance.returns == 1
    assert report.performance.time_weighted == pytest.approx(float(30 / first.equity))
    assert report.next_close is None


async def test_a_deposit_is_a_flow_of_the_close_after_it(rig: Rig) -> None:
    await ring(rig)
    moved = CashFlow(
        "A1", "deposit", external=True, amount=Money(500), symbol="", at=OPENS + timedelta(days=1)
    )
    await rig.store.write(lambda uow: uow.insert_cash_flow(moved))

    await ring(rig, day=1)

    assert [close.flow for close in closes_of(rig)] == [0, 500]


async def test_a_replay_that_goes_over_the_night_records_what_was_seen_before_it(rig: Rig) -> None:
    await traded(rig)
    turn_to(rig, CLOSES - timedelta(seconds=20))
    await rig.wait(1, 0.5)
    equity = rig.core.valuation.equity

    turn_to(rig, OPENS + timedelta(days=1, seconds=10), day=1)
    rig.market.show(AAPL, last=Price("150.00"))
    await rig.wait(1, 0.5)

    [close] = closes_of(rig)
    assert (close.market_date, close.equity) == (DAY, equity)


async def test_a_close_that_nobody_looked_at_is_missed_and_never_made_up(rig: Rig, expected_log) -> None:
    expected_log("link.lost")
    turn_to(rig, CLOSES - timedelta(minutes=10))
    await rig.wait(1, 0.5)
    rig.clock.turn(3600)  # the computer slept
    turn_to(rig, CLOSES + timedelta(minutes=50), SessionPhase.POST)

    await rig.wait(7, 0.5)

    [close] = closes_of(rig)
    assert (close.missed, close.equity, close.cash, close.flow) == (True, None, None, 0)


async def test_a_close_without_a_price_is_waited_for_and_then_unknown(rig: Rig) -> None:
    await traded(rig)
    turn_to(rig, CLOSES - timedelta(seconds=1))
    await rig.wait(1, 0.5)
    rig.core.state.quotes._quotes.pop(MSFT)
    rig.core.valuation._all_changed()
    turn_to(rig, CLOSES + timedelta(seconds=1), SessionPhase.POST)

    await rig.wait(50, 1, refresh=False)
    waiting = closes_of(rig)
    await rig.wait(20, 1, refresh=False)

    [close] = closes_of(rig)
    assert waiting == []
    assert (close.cash, close.positions_value, close.missed) == (rig.core.state.account.cash, None, False)


async def test_a_close_that_the_database_refuses_is_written_later(rig: Rig, expected_log) -> None:
    expected_log("close.unwritten")

    def full() -> None:
        raise StorageUnwritable("the disk is full")

    arm("uow.insert_snapshot", full)
    await ring(rig)
    before = closes_of(rig)
    disarm_all()
    await rig.wait(40, 1)

    assert before == []
    assert [close.market_date for close in closes_of(rig)] == [DAY]


async def test_days_on_which_the_program_did_not_run_are_recorded_as_missed(rig: Rig) -> None:
    before = EquitySnapshot(
        DAY - timedelta(days=5), Money(1), Money(2), Money(0), missed=False, taken_at=rig.clock.now()
    )
    await rig.store.write(lambda uow: uow.insert_snapshot(before))
    await rig.kill()
    days = [OPENS - timedelta(days=back) for back in (6, 5, 3, 2, 0)]  # the day that runs comes last

    async def bars(symbol, timeframe, limit):
        return tuple(Bar(symbol, day, *(Price("1"),) * 4, Qty(1)) for day in days)

    rig.market.feed.bars = bars
    await rig.start()
    await rig.until_ready()
    await rig.wait(3, 1)

    found = (await rig.do(LoadPortfolio())).closes
    assert [(close.market_date, close.missed) for close in found] == [
        (DAY - timedelta(days=5), False),
        (DAY - timedelta(days=3), True),
        (DAY - timedelta(days=2), True),
    ]


async def test_days_without_market_time_are_recorded_as_missed_when_it_is_back(rig: Rig) -> None:
    await ring(rig)
    days = [OPENS + timedelta(days=ahead) for ahead in range(4)]

    async def bars(symbol, timeframe, limit):
        return tuple(Bar(symbol, day, *(Price("1"),) * 4, Qty(1)) for day in days)

    rig.market.feed.bars = bars
    turn_to(rig, OPENS + timedelta(days=3, minutes=1), day=3)
    await rig.wait(5, 1)

    assert [(close.market_date.day, close.missed) for close in (await rig.do(LoadPortfolio())).closes] == [
        (5, False), (6, True), (7, True),
    ]  # fmt: skip


async def test_a_close_that_waits_to_be_written_is_not_missed(rig: Rig, expected_log) -> None:
    expected_log("close.unwritten")
    await ring(rig)

    async def bars(symbol, timeframe, limit):
        return tuple(
            Bar(symbol, OPENS + timedelta(days=day), *(Price("1"),) * 4, Qty(1)) for day in (0, 1, 2)
        )

    def full() -> None:
        raise StorageUnwritable("the disk is full")

    rig.market.feed.bars = bars
    arm("uow.insert_snapshot", full)
    await ring(rig, day=1)
    turn_to(rig, OPENS + timedelta(days=2, minutes=1), day=2)
    await rig.wait(3, 1)
    disarm_all()
    await rig.wait(40, 1)

    assert [(close.market_date.day, close.missed) for close in closes_of(rig)] == [(5, False), (6, False)]


async def test_bars_that_fail_are_asked_for_again(rig: Rig) -> None:
    await traded(rig)
    asked = []

    async def bars(symbol, timeframe, limit):
        asked.append(symbol)
        if len(asked) == 1:
            raise BrokerUnavailable("the feed does not answer")
        return ()

    rig.market.feed.bars = bars
    rig.core.state.quotes._quotes.pop(MSFT)
    rig.core.valuation._all_changed()

    await rig.wait(70, 1, refresh=False)

    assert asked == [MSFT] * 3
    assert rig.core.valuation.equity is None


async def test_the_benchmark_is_joined_where_it_is_known_and_left_out_where_it_fails(rig: Rig) -> None:
    rig.core.state.instruments[BENCHMARK] = Instrument(BENCHMARK, "S&P 500", "ARCA")
    days = [OPENS + timedelta(days=day) for day in range(3)]
    prices = dict(zip(days, ("500", "510", "505"), strict=True))
    await rig.submit(draft(qty=10))
    for day in range(3):
        rig.market.show(AAPL, last=Price(f"{104 + day * day}"))
        await ring(rig, day=day)

    async def bars(symbol, timeframe, limit):
        return tuple(Bar(symbol, day, *(Price(price),) * 4, Qty(1)) for day, price in prices.items())

    async def fails(symbol, timeframe, limit):
        raise BrokerUnavailable("the feed does not answer")

    rig.market.feed.bars = bars
    joined = (await rig.do(LoadPortfolio())).performance
    rig.market.feed.bars = fails
    alone = (await rig.do(LoadPortfolio())).performance

    assert (joined.benchmark, joined.joined) == ("SPY", 2)
    assert joined.beta is not None
    assert (alone.benchmark, alone.beta, alone.returns) == ("", None, 2)


async def test_a_proof_during_fills_waits_for_them_and_gives_up_in_words(rig: Rig) -> None:
    await traded(rig)
    book = rig.core.state.positions
    stored = book.get(AAPL)
    book.put(replace(stored, fees=Money(stored.fees + 1)))  # as while a fill is being booked

    asking = await rig.begin(ExplainFigure(FigureName.FEES))
    await rig.wait(0.1, 0.05, refresh=False)
    book.put(stored)
    await rig.wait(0.1, 0.05, refresh=False)
    proof = asking.result()
    book.put(replace(stored, fees=Money(stored.fees + 1)))
    again = await rig.begin(ExplainFigure(FigureName.FEES))
    await rig.wait(1, 0.05, refresh=False)

    assert proof.holds
    with pytest.raises(Refused) as caught:
        again.result()
    assert caught.value.code is RefusalCode.NOT_READY
    book.put(stored)
