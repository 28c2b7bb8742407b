"""Alpaca behind the market-data port: its stream, what REST knows under it, bars, the market day."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog

from core.adapters.alpaca.data_stream import FREE_SYMBOLS, DataStream
from core.adapters.alpaca.history import History
from core.adapters.alpaca.lanes import open_lanes
from core.adapters.alpaca.limiter import Limiter
from core.adapters.alpaca.market_book import MarketBook, running
from core.adapters.alpaca.sockets import Peer, deadline
from core.adapters.calendar import MarketCalendar
from core.adapters.lateness import MOST_SKEW_S
from core.clock import Clock
from core.domain.access import Mode
from core.domain.credentials import AlpacaCredentials, alpaca_name
from core.domain.instrument import Instrument
from core.domain.market import Bar, MarketSession, Quote, SessionPhase, Timeframe
from core.errors import BrokerUnavailable
from core.ids import Symbol
from core.settings import AlpacaAddresses
from core.tasks import Tasks

MUTE_AFTER_S = 90.0
# The window draws 60 times a second; what comes faster is one batch.
BATCH_S = 1 / 60
_WATCH_EVERY_S = 1.0
_CONFIRM_WITHIN_S = 3.0
_DEFAULT_FEED = "iex"
_LENGTH: dict[Timeframe, timedelta] = {
    Timeframe.M1: timedelta(minutes=1),
    Timeframe.M5: timedelta(minutes=5),
    Timeframe.M15: timedelta(minutes=15),
    Timeframe.H1: timedelta(hours=1),
    Timeframe.D1: timedelta(days=1),
    Timeframe.W1: timedelta(weeks=1),
}

Instruments = Callable[[], Awaitable[tuple[Instrument, ...]]]

_log = structlog.get_logger("alpaca.feed")


class AlpacaFeed:
    """The market-data port on Alpaca. Lives on the core loop.

    One attempt at a time: what is lost raises, and whoever reads `quotes` connects again. Between the stream
    and its reader stands the newest of each symbol, so a slow reader is never the reason for a disconnect.

    Args:
        mode: whose key pair it is.
        addresses: where Alpaca is spoken to.
        credentials: a key pair.
        clock: our time.
        calendar: tells the market day; read from its library at the first `connect`.
        instruments: lists what the broker trades.
        tell: called with words for the person, such as which symbols the plan leaves out.
    """

    def __init__(
        self,
        mode: Mode,
        addresses: AlpacaAddresses,
        credentials: AlpacaCredentials,
        clock: Clock,
        calendar: MarketCalendar,
        instruments: Instruments,
        tell: Callable[[str], None] = lambda _words: None,
    ) -> None:
        peer = Peer("Alpaca's market data", alpaca_name(mode))
        self._clock = clock
        self._calendar = calendar
        self._instruments = instruments
        self._tell = tell
        self._lanes = open_lanes(mode, addresses, credentials, clock)
        self._history = History(
            self._lanes.history, Limiter(clock), peer, clock, feed_of(addresses.data_stream_url)
        )
        self._book = MarketBook(clock)
        self._stream = DataStream(addresses.data_stream_url, credentials, peer, self._book, clock)
        self._tasks = Tasks(self._on_failure)
        self._wanted: tuple[Symbol, ...] = ()
        self._undelivered: tuple[str, ...] = ()
        self._day: datetime | None = None
        self._is_skewed = False

    async def connect(self) -> None:
        """Open the stream, and have delivered what was asked for before.

        Raises:
            CredentialsRefused: the key is not taken.
            ConnectionLimit: another program reads with this key.
            NotEntitled: the plan does not include this feed.
            BrokerUnavailable: there is no connection.
        """
        await self._tasks.close()
        await self._calendar.prepare(self._clock.now())
        await self._confirm_days()
        self._day = self.session().opens
        await self._stream.connect()
        self._is_skewed = False
        wanted, self._wanted = self._wanted, ()
        await self.subscribe(wanted)
        self._tasks.spawn(self._watch(), "watch")

    async def close(self) -> None:
        """End the stream and the threads; an iterator of `quotes` ends."""
        await self._tasks.close()
        await self._stream.close()
        await self._lanes.close()

    async def subscribe(self, symbols: Sequence[Symbol]) -> None:
        """Deliver quotes of exactly these, where the plan does not reach for all, of the first.

        Raises:
            NotEntitled: the plan does not include this feed.
            BrokerUnavailable: the stream or the snapshots did not answer.
        """
        self._wanted = tuple(dict.fromkeys(symbols))
        self._book.follow(self._wanted)
        missing = await self._stream.subscribe(self._wanted)
        self._book.follow(set(self._wanted).difference(missing))
        if missing != self._undelivered:
            self._undelivered = missing
            self._tell_of(missing)
        await self._stand(self._book.bare())

    async def quotes(self) -> AsyncIterator[tuple[Quote, ...]]:
        """Deliver the newest quote of each symbol that changed, oldest first; for one reader."""
        stream = self._stream
        while True:
            wake, ended = stream.wake, stream.ended
            wake.clear()
            batch = self._book.drain()
            if batch:
                next_at = self._clock.monotonic() + BATCH_S
                yield batch
                await self._pause(next_at - self._clock.monotonic(), ended)
            elif await stream.check():
                await wake.wait()
            else:
                return

    async def bars(self, symbol: Symbol, timeframe: Timeframe, limit: int) -> tuple[Bar, ...]:
        """Return the newest bars, adjusted for splits, extended hours included, the running one last."""
        bars = await self._history.bars(symbol, timeframe, limit)
        return running(bars, self._book.minutes(symbol), _LENGTH[timeframe], limit)

    async def instruments(self) -> tuple[Instrument, ...]:
        """List what the broker trades."""
        return await self._instruments()

    def session(self) -> MarketSession:
        """Return the market day by the exchange calendar and our clock, and how far that clock is off."""
        return replace(self._calendar.session(self._clock.now()), clock_off_s=self._book.skew_s)

    async def _confirm_days(self) -> None:
        # No price waits for it: where the limit has no room for the question, the library's days have to do.
        with suppress(TimeoutError):
            async with deadline(self._clock, _CONFIRM_WITHIN_S):
                await self._calendar.confirm(self._clock.now())

    async def _stand(self, symbols: tuple[Symbol, ...]) -> None:
        if symbols:
            self._book.stand(symbols, await self._history.snapshots(symbols))
            self._stream.wake.set()

    async def _pause(self, seconds: float, ended: asyncio.Event) -> None:
        if seconds <= 0:
            return
        try:
            async with deadline(self._clock, seconds):
                await ended.wait()
        except TimeoutError:
            return

    def _tell_of(self, missing: tuple[str, ...]) -> None:
        if not missing:
            return
        count = len(self._wanted)
        words = (
            f"Alpaca delivers {count - len(missing)} of {count} symbols to this key"
            f" (the free plan: {FREE_SYMBOLS}); without quotes: {', '.join(missing[:10])}"
            f"{' and more' if len(missing) > 10 else ''}"
        )
        _log.warning("symbols.undelivered", count=len(missing), words=words)
        self._tell(words)

    async def _watch(self) -> None:
        """Lose a stream that is mute in an open market, begin each day anew, and look at the clocks."""
        since = self._clock.monotonic()
        while True:
            await self._clock.sleep(_WATCH_EVERY_S)
            now, session = self._clock.monotonic(), self.session()
            if session.opens != self._day:
                self._day = session.opens
                await self._confirm_days()
                await self._stand(self._wanted)
            if session.phase is not SessionPhase.REGULAR or not self._wanted:
                since = now
            elif now - max(since, self._book.heard) > MUTE_AFTER_S:
                self._stream.lose(f"mute: nothing came for {MUTE_AFTER_S:.0f} s of an open market")
                return
            self._look_at_clocks()

    def _look_at_clocks(self) -> None:
        skew_s = self._book.skew_s
        if skew_s is None or abs(skew_s) < MOST_SKEW_S or self._is_skewed:
            return
        self._is_skewed = True
        _log.warning("clock.differs", seconds=round(skew_s, 1))
        self._tell(f"This computer's clock and Alpaca's prices differ by {skew_s:.0f} s; set the clock right")

    def _on_failure(self, name: str, error: BaseException) -> None:
        # Without its watch the stream could be mute unseen.
        why = str(error) if isinstance(error, BrokerUnavailable) else f"{type(error).__name__}: {error}"
        self._stream.lose(f"the watch of the stream ended: {why}")


def feed_of(url: str) -> str:
    """Return Alpaca's word for the source of prices, from the address of its stream: `iex`, `sip`, …."""
    word = urlsplit(url).path.rstrip("/").rpartition("/")[2]
    return word if word and word != "test" else _DEFAULT_FEED
