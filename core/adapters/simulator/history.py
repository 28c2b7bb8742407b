"""Bars for charts, made of what the tape has shown up to a market time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice

from core.adapters.simulator.tape import MINUTE, Tape, price_of, qty_of
from core.domain.market import Bar, Timeframe
from core.ids import Symbol

_MINUTES = {Timeframe.M1: 1, Timeframe.M5: 5, Timeframe.M15: 15, Timeframe.H1: 60}


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of time in ten-thousandths of a dollar."""

    time: datetime
    open: int
    high: int
    low: int
    close: int
    volume: int


def bars(tape: Tape, symbol: Symbol, timeframe: Timeframe, limit: int, now: datetime) -> tuple[Bar, ...]:
    """Return the newest bars, oldest first, the running one last; at most `limit`.

    Bars of minutes and hours are counted from the day's open; weeks are ISO weeks of market days.
    """
    if limit <= 0 or symbol not in tape.symbols:
        return ()
    newest_first = islice(_backward(tape, symbol, timeframe, now), limit)
    return tuple(_bar(symbol, piece) for piece in newest_first)[::-1]


def _backward(tape: Tape, symbol: Symbol, timeframe: Timeframe, now: datetime) -> Iterator[_Piece]:
    if timeframe in _MINUTES:
        for day in _days_back(tape, now):
            yield from reversed(_of_minutes(tape, symbol, day, _MINUTES[timeframe], now))
        return
    whole = ((day, _of_day(tape, symbol, day, now)) for day in _days_back(tape, now))
    present = ((day, piece) for day, piece in whole if piece is not None)
    if timeframe is Timeframe.D1:
        yield from (piece for _, piece in present)
        return
    for _, week in groupby(present, key=lambda item: tape.source.days[item[0]].isocalendar()[:2]):
        yield _joined([piece for _, piece in week][::-1])


def _days_back(tape: Tape, now: datetime) -> Iterator[int]:
    for day in range(tape.day_at(now), -1, -1):
        if tape.source.hours(day)[0] <= now:
            yield day


def _of_day(tape: Tape, symbol: Symbol, day: int, now: datetime) -> _Piece | None:
    opens, closes = tape.source.hours(day)
    if closes <= now:
        bar = tape.source.day_bar(symbol, day)
        return None if bar is None else _Piece(opens, bar.open, bar.high, bar.low, bar.close, bar.volume)
    pieces = _of_minutes(tape, symbol, day, _MINUTES[Timeframe.H1], now)
    return _joined(pieces) if pieces else None


def _of_minutes(tape: Tape, symbol: Symbol, day: int, width: int, now: datetime) -> list[_Piece]:
    minutes = tape.source.minutes(symbol, day)
    if minutes is None:
        return []
    opens = tape.source.hours(day)[0]
    done = min((now - opens) // MINUTE, len(minutes.close))
    pieces = [
        _Piece(
            opens + start * MINUTE,
            int(minutes.open[start]),
            int(minutes.high[start : min(start + width, done)].max()),
            int(minutes.low[start : min(start + width, done)].min()),
            int(minutes.close[min(start + width, done) - 1]),
            int(minutes.volume[start : min(start + width, done)].sum()),
        )
        for start in range(0, done, width)
    ]
    running = _running(tape, symbol, day, done, now)
    if running is None:
        return pieces
    if done % width:
        pieces[-1] = _joined([pieces[-1], running])
        return pieces
    return [*pieces, running]


def _running(tape: Tape, symbol: Symbol, day: int, minute: int, now: datetime) -> _Piece | None:
    ticks = tape.minute_ticks(symbol, day, minute)
    if ticks is None:
        return None
    start = tape.source.hours(day)[0] + minute * MINUTE
    shown = [index for index, ms in enumerate(ticks.ms) if start + timedelta(milliseconds=ms) <= now]
    traded = [ticks.last[index] for index in shown if ticks.size[index]]
    if not traded:
        return None
    volume = sum(ticks.size[index] for index in shown)
    return _Piece(start, traded[0], max(traded), min(traded), traded[-1], volume)


def _joined(pieces: list[_Piece]) -> _Piece:
    return _Piece(
        pieces[0].time,
        pieces[0].open,
        max(piece.high for piece in pieces),
        min(piece.low for piece in pieces),
        pieces[-1].close,
        sum(piece.volume for piece in pieces),
    )


def _bar(symbol: Symbol, piece: _Piece) -> Bar:
    return Bar(
        symbol=symbol,
        time=piece.time,
        open=price_of(piece.open),
        high=price_of(piece.high),
        low=price_of(piece.low),
        close=price_of(piece.close),
        volume=qty_of(piece.volume),
    )
