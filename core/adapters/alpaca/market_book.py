"""What is known of each symbol that is streamed: the newest of everything, so no reader is ever too slow.

Between the stream and the reader stands one line a symbol. Quotes overwrite each other there, trades are
counted, and only what is asked for becomes a `Quote`.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from core.adapters.alpaca.market_frames import (
    Control,
    Correction,
    DailyBar,
    Message,
    MinuteBar,
    Number,
    QuoteTick,
    Status,
    TradeCancel,
    TradeTick,
    UpdatedBar,
)
from core.adapters.lateness import Lateness
from core.clock import Clock
from core.domain.market import Bar, Quote
from core.domain.money import Price, Qty
from core.ids import Symbol

# Sale conditions after which a price is not the last price on either tape (CTA and UTP specifications):
# cash, price variation, next day, prior reference, seller, out of sequence, contingent, average, derived.
NOT_LAST = frozenset("CHNPRUVWZ47")
# Trading status codes of tapes A and B, and of C and O, as Alpaca's documents list them.
HALTED, RESUMED = frozenset("2HPQ"), frozenset("3T")
_MOST = 1e12
_MINUTES = 3
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Line:
    received: float = 0.0
    arrived: datetime | None = None
    quote: QuoteTick | None = None
    trade: TradeTick | None = None
    before: TradeTick | None = None
    standing: Quote | None = None
    volume: Decimal = Decimal(0)
    halted_at: datetime | None = None
    minutes: deque[Bar] = field(default_factory=lambda: deque(maxlen=_MINUTES))
    early: list[TradeTick] = field(default_factory=list)


class MarketBook:
    """One line a symbol, and which of them changed. Used on the core loop.

    Attributes:
        dropped: quotes that were older than the one known.
        heard: monotonic seconds of the last message about a symbol that is followed.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: dict[str, _Line] = {}
        self._changed: set[str] = set()
        self._begun = _NEVER
        self.dropped = 0
        self.heard = 0.0
        self._lateness = Lateness()

    def begin(self) -> None:
        """Start on a new connection: what was known may be old, and a halt may have ended unseen."""
        for line in self._lines.values():
            # What was late stays so; it says nothing about the clocks of this connection.
            line.received -= self._late_by(line.arrived, _newest(line))
            line.arrived = line.standing = None
            line.early.clear()
        self._begun, self.heard, self._lateness = self._clock.now(), self._clock.monotonic(), Lateness()

    @property
    def skew_s(self) -> float | None:
        """Seconds by which our clock is ahead of the feed's; None before the first message."""
        return self._lateness.skew_s

    def follow(self, symbols: Iterable[str]) -> None:
        """Keep a line for exactly these."""
        self._lines = {symbol: self._lines.get(symbol) or _Line() for symbol in symbols}
        self._changed &= self._lines.keys()

    def take(self, messages: list[Message]) -> list[Control]:
        """Take the messages of a frame in, and give back those that are about the connection."""
        control: list[Control] = []
        lines, changed = self._lines, self._changed
        now, arrived = self._clock.monotonic(), self._clock.now()
        for message in messages:
            if type(message) is QuoteTick:
                line = lines.get(message.symbol)
                if line is None:
                    continue
                known = line.quote
                if known is not None and message.time < known.time:
                    self.dropped += 1
                    continue
                line.quote, line.received, line.arrived = message, now, arrived
                self.heard = now
                changed.add(message.symbol)
            elif isinstance(message, Control):
                control.append(message)
            else:
                self._fold(message, now, arrived)
        return control

    def bare(self) -> tuple[Symbol, ...]:
        """Return the symbols that nothing stands under yet; their quotes wait for it."""
        return tuple(Symbol(symbol) for symbol, line in self._lines.items() if line.standing is None)

    def stand(self, asked: Iterable[Symbol], quotes: Iterable[Quote]) -> None:
        """Lay what REST knows of the symbols that it was asked for under what the stream has brought."""
        found = {quote.symbol: quote for quote in quotes}
        for symbol in asked:
            line = self._lines.get(symbol)
            if line is None:
                continue
            quote = found.get(symbol) or _nothing(symbol)
            line.standing = quote
            line.received = line.received or quote.received
            line.volume = Decimal(quote.volume)
            for trade in line.early:
                if trade.time > quote.time:  # the others are in the snapshot's volume
                    line.volume += _size(trade.size)
            line.early.clear()
            if symbol in found:
                self._changed.add(symbol)

    def drain(self) -> tuple[Quote, ...]:
        """Return the newest quote of each symbol that changed, oldest first."""
        found = []
        for symbol in tuple(self._changed):
            line = self._lines[symbol]
            if line.standing is not None:
                found.append(self._quote(line, line.standing))
                self._changed.discard(symbol)
        return tuple(sorted(found, key=lambda quote: quote.time))

    def minutes(self, symbol: Symbol) -> tuple[Bar, ...]:
        """Return the last minutes that the stream knows, oldest first, the running one last."""
        line = self._lines.get(symbol)
        return () if line is None else tuple(line.minutes)

    def _fold(self, message: Message, now: float, arrived: datetime) -> None:
        symbol = getattr(message, "symbol", "")
        line = self._lines.get(symbol)
        if line is None:
            return
        self.heard = now
        if isinstance(message, TradeTick):
            _trade(line, message, self._begun)
            line.received, line.arrived = now, arrived
        elif isinstance(message, MinuteBar | UpdatedBar):
            _minute(line, message)
            return
        elif isinstance(message, DailyBar):
            line.volume = max(line.volume, _size(message.volume))
        elif isinstance(message, Status):
            _status(line, message)
        elif isinstance(message, Correction | TradeCancel):
            _amend(line, message)
        else:
            return
        self._changed.add(symbol)

    def _quote(self, line: _Line, standing: Quote) -> Quote:
        quote, trade = line.quote, line.trade
        newest = _newest(line)
        bid, ask, bid_size, ask_size = standing.bid, standing.ask, standing.bid_size, standing.ask_size
        if quote is not None:
            bid, ask = _price(quote.bid), _price(quote.ask)
            bid_size, ask_size = Qty(_size(quote.bid_size)), Qty(_size(quote.ask_size))
        if bid is not None and ask is not None and bid > ask:
            bid = ask = None  # crossed: one of the two is wrong, and nobody knows which
        return Quote(
            symbol=standing.symbol,
            bid=bid,
            ask=ask,
            bid_size=bid_size if bid is not None else Qty(0),
            ask_size=ask_size if ask is not None else Qty(0),
            last=standing.last if trade is None else _price(trade.price),
            prev_close=standing.prev_close,
            volume=Qty(max(line.volume, Decimal(0))),
            halted=line.halted_at is not None,
            time=standing.time if newest is None else max(standing.time, newest),
            received=line.received - self._late_by(line.arrived, newest),
        )

    def _late_by(self, arrived: datetime | None, time: datetime | None) -> float:
        return 0.0 if time is None or arrived is None else self._lateness.of(arrived, time)


def _newest(line: _Line) -> datetime | None:
    return max((each.time for each in (line.quote, line.trade) if each is not None), default=None)


def _nothing(symbol: Symbol) -> Quote:
    return Quote(
        symbol, None, None, Qty(0), Qty(0), None, None, Qty(0), halted=False, time=_NEVER, received=0.0
    )


def _trade(line: _Line, trade: TradeTick, begun: datetime) -> None:
    price = _price(trade.price)
    if price is None:
        return
    if line.standing is None:
        line.early.append(trade)
    else:
        line.volume += _size(trade.size)
    # A halt that was told on an earlier connection has ended if there are trades again.
    if line.halted_at is not None and line.halted_at < begun < trade.time:
        line.halted_at = None
    _run(line, trade, price)
    is_last = not (trade.conditions and NOT_LAST.intersection(trade.conditions))
    known = line.trade.time if line.trade is not None else None
    if is_last and (known is None or trade.time >= known):
        line.before, line.trade = line.trade, trade


def _run(line: _Line, trade: TradeTick, price: Price) -> None:
    start = trade.time.replace(second=0, microsecond=0)
    newest = line.minutes[-1] if line.minutes else None
    if newest is None or start > newest.time:
        symbol = Symbol(trade.symbol)
        line.minutes.append(Bar(symbol, start, price, price, price, price, Qty(_size(trade.size))))
    elif start == newest.time:
        line.minutes[-1] = replace(
            newest,
            high=max(newest.high, price),
            low=min(newest.low, price),
            close=price,
            volume=Qty(newest.volume + _size(trade.size)),
        )


def _minute(line: _Line, bar: MinuteBar | UpdatedBar) -> None:
    opened, high, low, close = (_price(each) for each in (bar.open, bar.high, bar.low, bar.close))
    if opened is None or high is None or low is None or close is None:
        return
    made = Bar(Symbol(bar.symbol), bar.time, opened, high, low, close, Qty(_size(bar.volume)))
    kept = {each.time: each for each in line.minutes} | {made.time: made}
    line.minutes.clear()
    line.minutes.extend(kept[time] for time in sorted(kept))


def _status(line: _Line, status: Status) -> None:
    if status.code in HALTED:
        line.halted_at = status.time
    elif status.code in RESUMED and (line.halted_at is None or status.time >= line.halted_at):
        line.halted_at = None


def _amend(line: _Line, message: Correction | TradeCancel) -> None:
    size = message.old_size if isinstance(message, Correction) else message.size
    now = message.size if isinstance(message, Correction) else 0
    line.volume += _size(now) - _size(size)
    if line.trade is None or line.trade.number != message.number:
        return
    if isinstance(message, Correction):
        line.trade = TradeTick(message.symbol, line.trade.time, message.price, message.size, message.number)
    else:
        line.trade, line.before = line.before, None


def _price(number: Number) -> Price | None:
    # The comparison is false for what is no number, too.
    return Price(repr(number)) if 0 < number < _MOST else None


def _size(number: Number) -> Decimal:
    if not 0 < number < _MOST:
        return Decimal(0)
    whole = int(number)
    return Decimal(whole) if whole == number else Decimal(repr(number))


def running(bars: tuple[Bar, ...], minutes: Iterable[Bar], length: timedelta, limit: int) -> tuple[Bar, ...]:
    """Bring a history up to now by the minutes that the stream knows; at most `limit` bars.

    Of a bar that is made of many minutes the volume stays that of the history, which knows of most of them.
    """
    found = list(bars)
    for minute in minutes:
        ahead = (minute.time - found[-1].time) // length if found else -1
        if not found or ahead < 0:
            continue
        last = found[-1]
        if ahead > 0:
            found.append(replace(minute, time=last.time + ahead * length))
            continue
        volume = max(last.volume, minute.volume)
        found[-1] = replace(
            last,
            high=max(last.high, minute.high),
            low=min(last.low, minute.low),
            close=minute.close,
            volume=volume,
        )
    return tuple(found[-limit:])
