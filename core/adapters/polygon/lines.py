"""One line for each symbol: quotes, trades and snapshots merged into what is known now."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.adapters.polygon.values import NO_SHARES, BestQuote, DaySnapshot, Trade
from core.domain.market import Quote
from core.domain.money import Price, Qty
from core.ids import Symbol

AHEAD = timedelta(minutes=1)


@dataclass(slots=True)
class _Line:
    """What is known of one symbol; `counted_to` is the moment up to which the volume holds all trades."""

    symbol: Symbol
    quote: BestQuote | None = None
    trade: Trade | None = None
    last: Price | None = None
    last_time: datetime | None = None
    prev_close: Price | None = None
    volume: Qty = NO_SHARES
    counted_to: datetime | None = None


class Lines:
    """The merge. Events that come twice, late or from the future change nothing."""

    def __init__(self) -> None:
        self._lines: dict[Symbol, _Line] = {}

    def keep(self, symbols: Iterable[Symbol]) -> None:
        """Follow exactly these."""
        self._lines = {each: self._lines.get(each) or _Line(each) for each in symbols}

    def begin_day(self) -> None:
        """Forget what belonged to the market day before."""
        for line in self._lines.values():
            line.volume, line.prev_close, line.counted_to = NO_SHARES, None, None

    def apply(self, event: BestQuote | Trade, now: datetime) -> bool:
        """Merge an event of the stream in; says whether it changed anything."""
        line = self._lines.get(event.symbol)
        if line is None or event.time > now + AHEAD:
            return False
        if isinstance(event, BestQuote):
            if not _is_newer(event, line.quote):
                return False
            line.quote = event
            return True
        if not _is_newer(event, line.trade):
            return False
        line.trade = event
        is_counted = event.counted > 0 and (line.counted_to is None or event.time > line.counted_to)
        if is_counted:
            line.volume = Qty(line.volume + event.counted)
        is_last = event.is_last and (line.last_time is None or event.time >= line.last_time)
        if is_last:
            line.last, line.last_time = event.price, event.time
        return is_counted or is_last

    def seed(self, snapshot: DaySnapshot, now: datetime) -> bool:
        """Merge a snapshot in, where it is newer than the stream."""
        line = self._lines.get(snapshot.symbol)
        if line is None or (snapshot.updated is not None and snapshot.updated > now + AHEAD):
            return False
        line.prev_close = snapshot.prev_close or line.prev_close
        if snapshot.volume >= line.volume:
            line.volume, line.counted_to = snapshot.volume, snapshot.last_time
        self.offer(snapshot.symbol, snapshot.quote, now)
        if snapshot.last is not None and snapshot.last_time is not None:
            self._offer_last(line, snapshot.last, snapshot.last_time)
        return True

    def offer(self, symbol: Symbol, found: BestQuote | Trade | None, now: datetime) -> None:
        """Take a last quote or a last trade that was asked for, where the stream had none yet."""
        line = self._lines.get(symbol)
        if line is None or found is None or found.time > now + AHEAD:
            return
        if isinstance(found, Trade):
            self._offer_last(line, found.price, found.time)
        elif line.quote is None or found.time > line.quote.time:
            line.quote = found

    def quote(self, symbol: Symbol, received: float) -> Quote | None:
        """Return what is known of a symbol; None before the first quote or trade.

        Args:
            received: monotonic seconds of our clock.
        """
        line = self._lines.get(symbol)
        if line is None or (line.quote is None and line.last_time is None):
            return None
        best = line.quote
        times = [None if best is None else best.time, line.last_time]
        return Quote(
            symbol=symbol,
            bid=None if best is None else best.bid,
            ask=None if best is None else best.ask,
            bid_size=NO_SHARES if best is None else best.bid_size,
            ask_size=NO_SHARES if best is None else best.ask_size,
            last=line.last,
            prev_close=line.prev_close,
            volume=line.volume,
            # The vendor tells of bands, not of halts: nothing here proves one.
            halted=False,
            time=max(time for time in times if time is not None),
            received=received,
        )

    def without_price(self) -> list[Symbol]:
        """Return the symbols of which neither trade nor snapshot told a last price."""
        return [symbol for symbol, line in self._lines.items() if line.last is None]

    @staticmethod
    def _offer_last(line: _Line, price: Price, time: datetime) -> None:
        if line.last_time is None or time > line.last_time:
            line.last, line.last_time = price, time


def _is_newer(event: BestQuote | Trade, known: BestQuote | Trade | None) -> bool:
    # The sequence begins anew each day, so the time comes first.
    if known is None or event.time > known.time:
        return True
    if event.time < known.time:
        return False
    return event.sequence is None or known.sequence is None or event.sequence > known.sequence
