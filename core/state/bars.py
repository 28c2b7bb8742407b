"""The running bar of the symbol that a chart shows, kept up to date by quotes."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.domain.market import Bar, Quote, Timeframe
from core.domain.messages import BarChanged
from core.domain.money import Qty
from core.ids import Symbol

_EXCHANGE_TIME = ZoneInfo("America/New_York")
_LENGTH: dict[Timeframe, timedelta] = {
    Timeframe.M1: timedelta(minutes=1),
    Timeframe.M5: timedelta(minutes=5),
    Timeframe.M15: timedelta(minutes=15),
    Timeframe.H1: timedelta(hours=1),
    Timeframe.D1: timedelta(days=1),
    Timeframe.W1: timedelta(weeks=1),
}


class LiveBars:
    """Live truth in memory; written by the core loop only. One chart is followed at a time."""

    def __init__(self) -> None:
        self._symbol: Symbol | None = None
        self._timeframe = Timeframe.M5
        self._running: Bar | None = None
        self._volume: Qty | None = None

    def follow(self, symbol: Symbol, timeframe: Timeframe, history: Sequence[Bar]) -> None:
        """Go on from a history whose last bar is still running."""
        self._symbol, self._timeframe = symbol, timeframe
        self._running = history[-1] if history else None
        self._volume = None

    def apply(self, quotes: Iterable[Quote]) -> tuple[BarChanged, ...]:
        """Fold quotes in; every bar that changed is returned once, a finished one before its successor."""
        changed: dict[datetime, Bar] = {}
        for quote in quotes:
            if quote.symbol == self._symbol and quote.last is not None:
                bar = self._fold(quote)
                if bar is not None:
                    changed[bar.time] = bar
        return tuple(BarChanged(self._timeframe, bar) for bar in changed.values())

    def _fold(self, quote: Quote) -> Bar | None:
        traded = Qty(0)
        if self._volume is not None and quote.volume > self._volume:
            traded = Qty(quote.volume - self._volume)
        self._volume = quote.volume
        running, last = self._running, quote.last
        if running is None or last is None or quote.time < running.time:
            return None
        start = self._start(running.time, quote.time)
        if start == running.time:
            bar = replace(
                running,
                high=max(running.high, last),
                low=min(running.low, last),
                close=last,
                volume=Qty(running.volume + traded),
            )
        else:
            bar = Bar(quote.symbol, start, last, last, last, last, traded)
        self._running = bar
        return bar

    def _start(self, running: datetime, now: datetime) -> datetime:
        """Return the start of the bar that holds a moment; a length divides the day, or is days."""
        length = _LENGTH[self._timeframe]
        if self._timeframe in (Timeframe.D1, Timeframe.W1):
            days = (_market_date(now) - _market_date(running)).days
            return running + timedelta(days=days - days % length.days)
        return running + (now - running) // length * length


def _market_date(moment: datetime) -> date:
    return moment.astimezone(_EXCHANGE_TIME).date()
