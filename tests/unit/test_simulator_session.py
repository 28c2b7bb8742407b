"""The synthetic market has the facts of a real one, whatever its seed."""

import time
from collections import Counter
from datetime import timedelta

import numpy as np
import pytest

from core.adapters.simulator.path import DayBar, bar_path
from core.adapters.simulator.session import (
    EARNINGS_DAY,
    EARNINGS_SYMBOL,
    HALT_MINUTES,
    HALTED_SYMBOL,
    HISTORY_DAYS,
    SyntheticSession,
)
from core.adapters.simulator.tape import Tape, Tick
from core.ids import Symbol

SEEDS = (7, 8, 2026)
SYMBOLS = [instrument.symbol for instrument in SyntheticSession().instruments]


def closes_by_minute(session: SyntheticSession, day: int) -> np.ndarray:
    return np.stack([session.minutes(symbol, day).close for symbol in SYMBOLS], axis=1).astype(float)


def returns_of_five_minutes(session: SyntheticSession) -> np.ndarray:
    days = [np.diff(np.log(closes_by_minute(session, day)[4::5]), axis=0) for day in range(HISTORY_DAYS)]
    return np.concatenate(days)


def daily_returns(session: SyntheticSession, days: int) -> np.ndarray:
    closes = [[session.day_bar(symbol, day).close for symbol in SYMBOLS] for day in range(days)]
    return np.diff(np.log(np.array(closes, dtype=float)), axis=0)


def mean_pairwise(returns: np.ndarray) -> float:
    table = np.corrcoef(returns.T)
    return float(table[np.triu_indices_from(table, 1)].mean())


def lag_one_of_squares(series: np.ndarray) -> float:
    squares = series**2
    return float(np.corrcoef(squares[:-1], squares[1:])[0, 1])


@pytest.mark.parametrize("seed", SEEDS)
def test_returns_correlate_between_two_and_six_tenths(seed: int) -> None:
    session = SyntheticSession(seed)

    assert 0.2 < mean_pairwise(daily_returns(session, HISTORY_DAYS)) < 0.6
    assert 0.2 < mean_pairwise(returns_of_five_minutes(session)) < 0.6


@pytest.mark.parametrize("seed", SEEDS)
def test_squared_returns_are_autocorrelated(seed: int) -> None:
    returns = returns_of_five_minutes(SyntheticSession(seed))

    assert np.mean([lag_one_of_squares(returns[:, place]) for place in range(len(SYMBOLS))]) > 0.1
    assert lag_one_of_squares(returns.mean(axis=1)) > 0.1


def test_squared_daily_returns_are_autocorrelated_over_years() -> None:
    session = SyntheticSession(7, history=600)

    returns = daily_returns(session, 600)

    assert np.mean([lag_one_of_squares(returns[:, place]) for place in range(len(SYMBOLS))]) > 0.05


@pytest.mark.parametrize("seed", SEEDS)
def test_first_and_last_half_hour_trade_twice_the_midday(seed: int) -> None:
    session = SyntheticSession(seed)

    volume = sum(
        np.stack([session.minutes(symbol, day).volume for symbol in SYMBOLS], axis=1)
        for day in range(HISTORY_DAYS)
    )

    midday = volume[180:210].sum(axis=0)
    assert (volume[:30].sum(axis=0) >= 2 * midday).all()
    assert (volume[-30:].sum(axis=0) >= 2 * midday).all()


def test_universe_has_thirty_stocks_in_eleven_sectors() -> None:
    instruments = SyntheticSession().instruments

    assert len({instrument.symbol for instrument in instruments}) == 30
    assert len(Counter(instrument.sector for instrument in instruments)) == 11
    assert {instrument.exchange for instrument in instruments} == {"NASDAQ", "NYSE"}


def test_demo_starts_an_hour_into_a_friday_after_sixty_days() -> None:
    session = SyntheticSession()
    opens, _ = session.hours(HISTORY_DAYS)

    assert session.start - opens == timedelta(hours=1)
    assert session.days[HISTORY_DAYS].weekday() == 4
    assert session.days[:HISTORY_DAYS] == tuple(sorted(session.days[:HISTORY_DAYS]))


def test_open_gaps_from_the_close_before() -> None:
    session = SyntheticSession()

    gaps = [
        abs(session.day_bar(symbol, HISTORY_DAYS).open / session.day_bar(symbol, HISTORY_DAYS - 1).close - 1)
        for symbol in SYMBOLS
    ]

    assert np.median(gaps) > 0.001


def test_earnings_jump_stands_out_of_the_history() -> None:
    session = SyntheticSession()
    gaps = [
        session.day_bar(EARNINGS_SYMBOL, day).open / session.day_bar(EARNINGS_SYMBOL, day - 1).close - 1
        for day in range(1, HISTORY_DAYS)
    ]

    assert int(np.argmax(np.abs(gaps))) + 1 == EARNINGS_DAY
    assert gaps[EARNINGS_DAY - 1] > 0.05


def test_halt_stops_quotes_and_trades_for_five_minutes() -> None:
    session = SyntheticSession()
    opens = session.hours(HISTORY_DAYS)[0]
    begin = opens + timedelta(minutes=HALT_MINUTES.start)

    events = Tape(session).events(begin - timedelta(minutes=1))
    ticks = []
    for event in events:
        if event.time > begin + timedelta(minutes=6):
            break
        if isinstance(event, Tick) and event.symbol == HALTED_SYMBOL:
            ticks.append(event)
    halted = [tick for tick in ticks if tick.halted]

    assert all(begin <= tick.time < begin + timedelta(minutes=5) for tick in halted)
    assert {(tick.bid, tick.ask, tick.last_size) for tick in halted} == {(None, None, 0)}
    assert len(halted) == 5
    assert any(not tick.halted and tick.time >= begin + timedelta(minutes=5) for tick in ticks)


def test_minutes_of_the_tape_touch_and_trade_their_bars() -> None:
    session = SyntheticSession()
    tape = Tape(session)
    bars = session.minutes(Symbol("AAPL"), HISTORY_DAYS)

    for minute in (0, 61, 200, 389):
        ticks = tape.minute_ticks(Symbol("AAPL"), HISTORY_DAYS, minute)
        traded = [last for last, size in zip(ticks.last, ticks.size, strict=True) if size]
        assert (traded[0], max(traded), min(traded), traded[-1]) == (
            bars.open[minute],
            bars.high[minute],
            bars.low[minute],
            bars.close[minute],
        )
        assert sum(ticks.size) == bars.volume[minute]
        assert ticks.volume[-1] == bars.volume[: minute + 1].sum()
        assert 120 <= len(ticks.ms) < 360


def test_trades_happen_at_bid_or_ask_a_few_cents_apart() -> None:
    tape = Tape(SyntheticSession())

    ticks = tape.minute_ticks(Symbol("META"), HISTORY_DAYS, 100)

    for bid, ask, last, size in zip(ticks.bid, ticks.ask, ticks.last, ticks.size, strict=True):
        assert 100 <= ask - bid <= 400
        assert bid % 100 == ask % 100 == 0
        assert not size or last in (bid, ask)


def test_same_seed_gives_the_same_market_from_any_moment() -> None:
    start = SyntheticSession().start
    later = start + timedelta(seconds=90)

    whole = take(Tape(SyntheticSession(9)), start, later, 300)
    again = take(Tape(SyntheticSession(9)), later, later, 330)[30:]
    other = take(Tape(SyntheticSession(10)), later, later, 330)[30:]

    assert whole == again
    assert again != other


def take(tape: Tape, since, after, count: int) -> list[Tick]:
    found: list[Tick] = []
    for event in tape.events(since):
        if isinstance(event, Tick) and event.time >= after:
            found.append(event)
        if len(found) == count:
            break
    return found


def test_construction_is_quick_on_our_processor_time() -> None:
    began = time.process_time()

    SyntheticSession(11)

    assert time.process_time() - began < 0.120


@pytest.mark.parametrize("points", [4, 5, 12, 1560])
def test_path_touches_its_bar_and_stays_inside(points: int) -> None:
    for seed in range(50):
        bar = DayBar(1_000_000, 1_050_000, 990_000, 1_020_000, 0)

        path, places = bar_path(bar, points, np.random.default_rng(seed))

        assert (path[0], path.max(), path.min(), path[-1]) == (bar.open, bar.high, bar.low, bar.close)
        assert places == sorted(places)
        assert len(path) == points
