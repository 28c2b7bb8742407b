"""Real bars as a live market: the GOOG history of 2004 to 2013, and files of our own."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from backtesting.test import GOOG

from core.adapters.simulator import ExchangeSettings, Simulator, replay
from core.adapters.simulator.csv_bars import MAX_BYTES, read_bars
from core.adapters.simulator.replay import BarReplay
from core.adapters.simulator.tape import Tape
from core.clock import ManualClock
from core.domain.market import SessionPhase, Timeframe
from core.domain.money import Price
from core.domain.terms import OrdStatus, Side, TimeInForce
from core.errors import BadInput
from core.ids import ClOrdId, Symbol
from tests.builders import single, terms

HEADER = "Date,Open,High,Low,Close,Volume"
SETTINGS = ExchangeSettings(fsync=False)
GOOG_SYMBOL = Symbol("GOOG")


@pytest.fixture(scope="module")
def goog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bars") / "goog.csv"
    GOOG.to_csv(path)
    return path


@pytest.fixture
def market(goog: Path, tmp_path: Path) -> Iterator[Simulator]:
    simulator = replay(ManualClock(), tmp_path / "exchange.jsonl", goog, settings=SETTINGS)
    yield simulator
    simulator.exchange.close()


def days(count: int) -> list[str]:
    first = datetime(2020, 1, 1, tzinfo=UTC)
    return [f"{first + timedelta(days=n):%Y-%m-%d},50.00,51.00,49.00,50.50,1000" for n in range(count)]


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_goog_trades_from_bar_sixty_at_the_open(market: Simulator) -> None:
    market.step(0)

    session = market.feed.session()
    assert session.now == session.opens == datetime(2004, 11, 12, 14, 30, tzinfo=UTC)
    assert market.exchange.depth(GOOG_SYMBOL).tick.last == Price("185.23")
    assert market.exchange.depth(GOOG_SYMBOL).tick.prev_close == Price("183.02")


async def test_goog_day_touches_and_trades_its_recorded_bar(market: Simulator) -> None:
    market.step_to_close()

    bar = (await market.feed.bars(GOOG_SYMBOL, Timeframe.D1, 1))[0]
    recorded = GOOG.iloc[60]
    assert [bar.open, bar.high, bar.low, bar.close] == [
        Price(str(recorded[name])) for name in ("Open", "High", "Low", "Close")
    ]
    assert bar.volume == recorded["Volume"] == market.exchange.depth(GOOG_SYMBOL).tick.volume


def test_every_goog_day_becomes_minutes_that_add_up_to_it(goog: Path) -> None:
    source = BarReplay(goog)

    for day in range(0, len(source.days), 97):
        assert source.minutes(GOOG_SYMBOL, day).whole() == source.day_bar(GOOG_SYMBOL, day)


async def test_goog_history_is_there_before_the_first_trade(market: Simulator) -> None:
    market.step(0)

    bars = await market.feed.bars(GOOG_SYMBOL, Timeframe.D1, 100)

    assert len(bars) == 61
    assert bars[0].time.date() == GOOG.index[0].date()


async def test_order_is_filled_on_the_replay_and_expires_or_lives_over_night(market: Simulator) -> None:
    await market.broker.connect()
    market.step(60)

    await market.broker.submit(single("IQ-1", terms(Side.BUY, 10, symbol="GOOG")))
    await market.broker.submit(single("IQ-2", terms(Side.BUY, 10, "100.00", symbol="GOOG")))
    await market.broker.submit(
        single("IQ-3", terms(Side.BUY, 10, "100.00", symbol="GOOG", tif=TimeInForce.GTC))
    )
    market.step_to_close()

    states = [(await market.broker.order(ClOrdId(f"IQ-{number}"))).ord_status for number in (1, 2, 3)]
    assert states == [OrdStatus.FILLED, OrdStatus.EXPIRED, OrdStatus.NEW]
    assert market.feed.session().phase is SessionPhase.CLOSED


def test_closed_hours_are_skipped_by_the_next_step(market: Simulator) -> None:
    market.step_to_close()

    market.step(30)

    assert market.feed.session().now == datetime(2004, 11, 15, 14, 30, 30, tzinfo=UTC)


async def test_pacer_runs_at_its_speed_and_pauses_at_the_close(goog: Path, tmp_path: Path) -> None:
    clock = ManualClock()
    simulator = replay(clock, tmp_path / "exchange.jsonl", goog, speed=3_600.0, settings=SETTINGS)
    await simulator.start()

    await clock.advance(1)
    after_one = simulator.feed.session().now
    await clock.advance(6)
    paused = simulator.feed.session()
    await clock.advance(3.5)

    assert after_one == datetime(2004, 11, 12, 15, 30, tzinfo=UTC)
    assert (paused.phase, paused.now) == (SessionPhase.CLOSED, datetime(2004, 11, 12, 21, 0, tzinfo=UTC))
    assert simulator.feed.session().now > datetime(2004, 11, 15, 14, 30, tzinfo=UTC)
    await simulator.stop()


async def test_restart_goes_on_where_the_market_was_stopped(goog: Path, tmp_path: Path) -> None:
    clock = ManualClock()
    simulator = replay(clock, tmp_path / "exchange.jsonl", goog, settings=SETTINGS)
    await simulator.start()
    await clock.advance(2)
    await simulator.stop()

    again = replay(clock, tmp_path / "exchange.jsonl", goog, settings=SETTINGS)
    again.step(0)

    assert again.feed.session().now == datetime(2004, 11, 12, 14, 32, tzinfo=UTC)
    assert again.exchange.depth(GOOG_SYMBOL) is not None
    again.exchange.close()


def test_end_of_the_file_is_the_end_of_the_market(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", HEADER, *days(61))
    simulator = replay(ManualClock(), tmp_path / "exchange.jsonl", path, settings=SETTINGS)

    simulator.step_to_close()
    simulator.step(60)

    assert simulator.market.is_over
    assert simulator.feed.session().phase is SessionPhase.CLOSED
    simulator.exchange.close()


def test_columns_may_come_in_any_case_and_order_with_others_between(tmp_path: Path) -> None:
    path = tmp_path / "abc.csv"
    lines = [f"1000,x,49.00,50.50,{day.split(',')[0]},51.00,50.00" for day in days(61)]
    path.write_text("﻿volume,Note,LOW,close,TimeStamp,High,open\n" + "\n".join(lines))

    table = read_bars(path)

    assert table.symbol == "ABC"
    assert table.daily
    assert (table.open[0], table.high[0], table.low[0], table.close[0], table.volume[0]) == (
        500_000, 510_000, 490_000, 505_000, 1_000,
    )  # fmt: skip


def test_intraday_bars_are_used_as_they_are(tmp_path: Path) -> None:
    opens = datetime(2024, 7, 1, 9, 30)  # noqa: DTZ001 - the file has New York's times without a zone
    lines = [
        f"{opens + timedelta(minutes=n)},{50 + n}.00,{50 + n}.20,{49 + n}.90,{50 + n}.10,{100 + n}"
        for n in range(70)
    ]
    path = write(tmp_path / "abc.csv", HEADER.replace("Date", "timestamp"), *lines)

    source = BarReplay(path)
    minutes = source.minutes(Symbol("ABC"), 0)

    assert source.start == datetime(2024, 7, 1, 14, 30, tzinfo=UTC)
    assert source.hours(0) == (
        datetime(2024, 7, 1, 13, 30, tzinfo=UTC),
        datetime(2024, 7, 1, 14, 40, tzinfo=UTC),
    )
    assert (minutes.open[61], minutes.high[61], minutes.low[61], minutes.close[61], minutes.volume[61]) == (
        1_110_000, 1_112_000, 1_109_000, 1_111_000, 161,
    )  # fmt: skip


def test_five_minute_bars_with_a_gap_keep_their_numbers(tmp_path: Path) -> None:
    opens = datetime(2024, 7, 1, 9, 30)  # noqa: DTZ001 - as above
    starts = [n for n in range(72) if n != 30]
    lines = [f"{opens + timedelta(minutes=5 * n)},50.00,50.90,49.10,50.40,{1_000 + n}" for n in starts]
    path = write(tmp_path / "abc.csv", HEADER, *lines)

    source = BarReplay(path)
    minutes = source.minutes(Symbol("ABC"), 0)

    assert len(minutes.close) == 360
    assert minutes.volume[:5].sum() == 1_000
    assert (minutes.high[5:10].max(), minutes.low[5:10].min()) == (509_000, 491_000)
    assert minutes.volume[150:155].sum() == 0
    assert set(minutes.close[150:155]) == {504_000}
    assert minutes.whole() == source.day_bar(Symbol("ABC"), 0)


def test_folder_is_one_market_that_starts_when_all_have_a_history(tmp_path: Path) -> None:
    folder = tmp_path / "bars"
    folder.mkdir()
    write(folder / "aaa.csv", HEADER, *days(90))
    write(folder / "bbb.CSV", HEADER, *days(100)[20:])

    source = BarReplay(folder)

    assert [instrument.symbol for instrument in source.instruments] == ["AAA", "BBB"]
    assert source.start.date() == datetime(2020, 3, 21, tzinfo=UTC).date()
    assert Tape(source).prev_close(Symbol("BBB"), 20) is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("2020-06-01,50,51,49,abc,1000", "number in close, found 'abc'"),
        ("2020-06-01,50,51,49,nan,1000", "number in close"),
        ("2020-06-01,-50,51,49,50,1000", "above zero in open, found -50"),
        ("2020-06-01,0,51,49,50,1000", "above zero in open"),
        ("2020-06-01,50,49.50,49,50,1000", "high 49.50"),
        ("2020-06-01,50,51,50.50,50,1000", "low 50.50"),
        ("2020-06-01,50,51,49,50,-1", "volume of zero or more"),
        ("2020-06-01,50,51", "6 values, found 3"),
        ("2020-01-05,50,51,49,50,1000", "ascending order"),
        ("2020-03-01,50,51,49,50,1000", "twice"),
        ("yesterday,50,51,49,50,1000", "a date like"),
        ("2020-06-01 09:30,50,51,49,50,1000", "either dates or times"),
        ("2020-06-01,1e308,1e308,1e308,1e308,1000", "above zero"),
    ],
)
def test_bad_line_is_said_with_its_number(tmp_path: Path, line: str, words: str) -> None:
    path = write(tmp_path / "abc.csv", HEADER, *days(61), line)

    with pytest.raises(BadInput) as caught:
        read_bars(path)

    assert caught.value.line == 63
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Date,Open,High,Low,Close", "missing column: volume"),
        ("Open,High,Low,Close,Volume", "missing column: date or timestamp"),
        ("a,b", "missing column: open, high, low, close, volume, date or timestamp"),
    ],
)
def test_missing_column_is_named(tmp_path: Path, header: str, words: str) -> None:
    with pytest.raises(BadInput, match=words) as caught:
        read_bars(write(tmp_path / "abc.csv", header, *days(61)))

    assert caught.value.line == 1


def test_short_history_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="at least 61 bars"):
        read_bars(write(tmp_path / "abc.csv", HEADER, *days(60)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n", "column names"),
        (HEADER.encode() + b"\n", "no bars"),
        ("Date,Open\n".encode("utf-16"), "UTF-8"),
        (HEADER.encode() + b",\xe9\n", "UTF-8"),
    ],
)
def test_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "abc.csv"
    path.write_bytes(content)

    with pytest.raises(BadInput, match=words):
        read_bars(path)


def test_huge_file_is_refused_by_its_size_alone(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        os.truncate(file.fileno(), MAX_BYTES + 1)

    with pytest.raises(BadInput, match="at most 512 MB"):
        read_bars(path)


def test_missing_path_and_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        BarReplay(tmp_path / "nowhere.csv")
    with pytest.raises(BadInput, match=r"SYMBOL\.csv"):
        BarReplay(tmp_path)


def test_daily_and_intraday_files_do_not_mix(tmp_path: Path) -> None:
    write(tmp_path / "aaa.csv", HEADER, *days(61))
    write(tmp_path / "bbb.csv", HEADER, *(line.replace(",", " 10:00,", 1) for line in days(61)))

    with pytest.raises(BadInput, match="found both"):
        BarReplay(tmp_path)


def test_adjusted_prices_go_to_the_nearest_tick(tmp_path: Path) -> None:
    lines = [line.replace("50.50", "50.5049") for line in days(61)]

    table = read_bars(write(tmp_path / "abc.csv", HEADER, *lines))

    assert Decimal(table.close[0]) / 10_000 == Decimal("50.50")
