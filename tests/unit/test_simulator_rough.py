"""A rough day: what goes wrong is drawn from the seed, is of every kind, and breaks no book."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.adapters.simulator import ROUGH_DAY, Call, ExchangeSettings, Faults, RoughDay, synthetic
from core.adapters.simulator.rough import CALM_DAY, Luck, Weather
from core.adapters.simulator.tape import Tick
from core.clock import ManualClock
from core.domain.money import Price, Qty
from core.domain.terms import Side
from core.errors import BrokerError, BrokerUnavailable, OutcomeUnknown
from core.ids import Symbol
from tests.builders import AAPL, dec, single, terms

NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
QUOTE = Tick(
    AAPL, Price("100.00"), Price("100.02"), Qty(900), Qty(800), Price("100.01"), Qty(5), Qty(5),
    halted=False, prev_close=None, time=NOON,
)  # fmt: skip


def run(path: Path, seed: int, preset: RoughDay = ROUGH_DAY) -> Counter[str]:
    return asyncio.run(scenario(path, seed, preset))


async def scenario(path: Path, seed: int, preset: RoughDay) -> Counter[str]:
    clock = ManualClock()
    simulator = synthetic(clock, path, seed, ExchangeSettings(fsync=False), 4.0, preset)
    await simulator.start()
    async with asyncio.TaskGroup() as group:
        trading = group.create_task(trade(simulator))
        watching = group.create_task(watch(simulator))
        while not trading.done():
            await clock.advance(1)
        watching.cancel()
    await simulator.stop()
    return trading.result() + seen


seen: Counter[str] = Counter()


async def trade(simulator) -> Counter[str]:
    met: Counter[str] = Counter()
    for number in range(40):
        side = Side.SELL if number % 3 == 2 else Side.BUY
        try:
            await simulator.broker.submit(single(f"IQ-{number}", terms(side, 40, symbol="KO")))
            await simulator.broker.account()
        except BrokerError as error:
            met[type(error).__name__] += 1
    return met


async def watch(simulator) -> None:
    while True:
        await simulator.broker.connect()
        try:
            async for report in simulator.broker.reports():
                seen[report.exec_id] += 1
        except BrokerUnavailable:
            seen["cut"] += 1


@pytest.fixture(autouse=True)
def unseen() -> None:
    seen.clear()


def test_rough_day_twice_meets_the_same_and_another_seed_meets_something_else(tmp_path: Path) -> None:
    first = run(tmp_path / "one.jsonl", 7)
    seen.clear()
    second = run(tmp_path / "two.jsonl", 7)
    seen.clear()
    run(tmp_path / "three.jsonl", 8)

    assert first == second
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()
    assert (tmp_path / "one.jsonl").read_bytes() != (tmp_path / "three.jsonl").read_bytes()


def test_rough_day_loses_doubles_and_cuts_and_its_ledger_re_adds(tmp_path: Path) -> None:
    met = run(tmp_path / "rough.jsonl", 7, replace(ROUGH_DAY, lose_answer=0.2, be_unavailable=0.2))

    lines = [json.loads(line) for line in (tmp_path / "rough.jsonl").read_text().splitlines()]
    reports = [fact["report"] for line in lines for fact in line["facts"] if fact["kind"] == "report"]
    made = {report["exec_id"] for report in reports}
    assert met[OutcomeUnknown.__name__] > 0
    assert met[BrokerUnavailable.__name__] > 0
    assert met["cut"] > 0
    assert made - set(met), "some were never delivered"
    assert any(met[exec_id] == 2 for exec_id in made), "some came twice"
    assert any(report["ord_status"] == "PARTIALLY_FILLED" for report in reports)


def test_calm_day_changes_no_quote_and_draws_nothing() -> None:
    luck, weather = Luck(CALM_DAY, 7), Weather(CALM_DAY, 7)

    assert weather.through(QUOTE) is QUOTE
    assert luck.delay_s() == 0
    assert not luck.strikes(0)


def minutes_of(day: RoughDay, seed: int = 7) -> list[Tick]:
    weather = Weather(day, seed)
    return [weather.through(replace(QUOTE, time=NOON + timedelta(minutes=minute))) for minute in range(400)]


def test_halts_come_by_the_minute_and_show_nothing() -> None:
    halted = [tick for tick in minutes_of(RoughDay(halt=0.1)) if tick.halted]

    assert 20 < len(halted) < 70
    assert {(tick.bid, tick.ask, tick.bid_size, tick.last_size) for tick in halted} == {(None, None, 0, 0)}


def test_wide_spreads_stand_on_a_tick_around_the_same_middle() -> None:
    wide = [tick for tick in minutes_of(RoughDay(wide=0.5)) if tick.ask - tick.bid > dec("0.02")]

    assert 150 < len(wide) < 250
    assert {tick.bid + tick.ask for tick in wide} == {dec("200.02")}
    assert all(
        tick.bid % dec("0.01") == 0 and dec("0.06") <= tick.ask - tick.bid <= dec("0.34") for tick in wide
    )


def test_spread_of_a_stock_for_cents_never_goes_below_nothing() -> None:
    weather = Weather(RoughDay(wide=1.0), 7)

    tick = weather.through(replace(QUOTE, bid=Price("0.0002"), ask=Price("0.0004")))

    assert tick.bid == dec("0.0002")


def test_thin_quotes_display_a_few_shares() -> None:
    thin = [tick for tick in minutes_of(RoughDay(thin=1.0)) if tick.bid_size < 900]

    assert len(thin) == 400
    assert all(4 <= tick.bid_size == tick.ask_size < 17 for tick in thin)


def test_minute_is_the_same_from_whichever_moment_it_is_looked_at() -> None:
    later = Weather(ROUGH_DAY, 7)

    whole = minutes_of(ROUGH_DAY)
    alone = later.through(replace(QUOTE, time=NOON + timedelta(minutes=399)))

    assert alone == whole[-1]
    assert minutes_of(ROUGH_DAY, 8) != whole
    assert later.through(replace(QUOTE, symbol=Symbol("MSFT"), halted=True)).halted


def test_connecting_and_looking_never_find_nobody_on_a_rough_day() -> None:
    faults = Faults(RoughDay(be_unavailable=1.0))

    assert faults.refuses(Call.SUBMIT)
    assert not any(faults.refuses(call) for call in (Call.CONNECT, Call.BARS, Call.INSTRUMENTS))
