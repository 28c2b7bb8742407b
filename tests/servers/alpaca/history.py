"""Bars, trades and quotes of the past, made from the seed: the same request always reads the same."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.servers.alpaca import sessions
from tests.servers.alpaca.clock import SECOND, moment, nanoseconds, rfc3339
from tests.servers.alpaca.refusals import malformed

Json = dict[str, Any]
UNITS = {
    "Min": 60,
    "T": 60,
    "Hour": 3600,
    "H": 3600,
    "Day": 86_400,
    "D": 86_400,
    "Week": 604_800,
    "W": 604_800,
}


def seconds_of(timeframe: str) -> int:
    """The length of a bar; a month is longer than all others.

    Raises:
        Refusal: the text is no time frame.
    """
    digits = "".join(c for c in timeframe if c.isdigit())
    unit = timeframe[len(digits) :]
    if unit in ("Month", "M") and digits:
        return 30 * 86_400 * int(digits)
    if unit not in UNITS or not digits:
        raise malformed(f"invalid timeframe: {timeframe}")
    return UNITS[unit] * int(digits)


def starts(timeframe: str, start_ns: int, end_ns: int) -> Iterator[int]:
    """Where bars of a time frame begin, from `start_ns` to `end_ns`, both included."""
    length = seconds_of(timeframe)
    for day in sessions.trading_days(sessions.new_york_day(start_ns), sessions.new_york_day(end_ns)):
        if length >= 86_400:
            first = sessions.at(day, datetime.min.time())
            if is_first(day, length):
                yield from [first] if start_ns <= first <= end_ns else []
            continue
        at = sessions.opens(day)
        while at < sessions.closes(day):
            if start_ns <= at <= end_ns:
                yield at
            at += length * SECOND


def is_first(day: Any, length: int) -> bool:
    """Whether a trading day begins a bar of days, weeks or months."""
    if length == 86_400:
        return True
    before = day - timedelta(days=1)
    while not sessions.is_trading_day(before):
        before -= timedelta(days=1)
    if length < 30 * 86_400:
        return bool(before.isocalendar()[1] != day.isocalendar()[1])
    return bool(before.month != day.month)


def bar(symbol: str, at_ns: int, price: float, seed: int) -> Json:
    """One bar about a price."""
    rng = random.Random(f"{symbol} {at_ns} {seed}")
    middle = price * (1 + rng.uniform(-0.02, 0.02))
    open_, close = (round(middle * (1 + rng.uniform(-0.002, 0.002)), 2) for _ in range(2))
    high, low = round(max(open_, close) * 1.001, 2), round(min(open_, close) * 0.999, 2)
    volume = rng.randrange(1_000, 500_000)
    vw = round((high + low + close) / 3, 6)
    return {
        "t": zulu(at_ns),
        "o": open_,
        "h": high,
        "l": low,
        "c": close,
        "v": volume,
        "n": volume // 90,
        "vw": vw,
    }


def tick_times(start_ns: int, end_ns: int) -> Iterator[int]:
    """A trade and a quote every ten seconds of a regular session."""
    for at in starts("1Min", start_ns - 60 * SECOND, end_ns):
        yield from (t for t in range(at, at + 60 * SECOND, 10 * SECOND) if start_ns <= t <= end_ns)


def trade(symbol: str, at_ns: int, price: float, seed: int) -> Json:
    row = bar(symbol, at_ns, price, seed)
    return {
        "t": rfc3339(at_ns),
        "x": "V",
        "p": row["c"],
        "s": row["v"] % 900 + 1,
        "c": ["@"],
        "i": at_ns % 10**9,
        "z": "C",
    }


def quote(symbol: str, at_ns: int, price: float, seed: int) -> Json:
    last = bar(symbol, at_ns, price, seed)["c"]
    sides = {
        "ap": round(last + 0.01, 2),
        "as": 300,
        "ax": "V",
        "bp": round(last - 0.01, 2),
        "bs": 200,
        "bx": "V",
    }
    return {"t": rfc3339(at_ns), **sides, "c": ["R"], "z": "C"}


def zulu(at_ns: int) -> str:
    """A time of whole seconds, as bars carry it."""
    return f"{moment(at_ns):%Y-%m-%dT%H:%M:%SZ}"


def beginning() -> int:
    return nanoseconds(datetime(2016, 1, 1, tzinfo=UTC))
