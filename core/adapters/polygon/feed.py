"""Polygon behind the market-data port: the stream, the snapshots under it, bars, instruments, the day."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import structlog

from core.adapters.calendar import MarketCalendar
from core.adapters.lateness import Lateness
from core.adapters.polygon.lines import Lines
from core.adapters.polygon.rest import PolygonRest
from core.adapters.polygon.stream import PolygonStream
from core.adapters.polygon.values import Frame
from core.clock import Clock
from core.domain.credentials import PolygonKey
from core.domain.instrument import Instrument
from core.domain.market import Bar, MarketSession, Quote, SessionPhase, Timeframe
from core.domain.movers import MoverSnapshot
from core.errors import BrokerUnavailable, CredentialsRefused, NotEntitled
from core.ids import Symbol
from core.settings import PolygonAddresses
from core.tasks import Tasks

MUTE_AFTER_S = 30.0
CLOCK_OFF_BY_S = 5.0
_WATCH_EVERY_S = 1.0
_SEED_AGAIN_S = (5.0, 15.0, 60.0)
_MOST_ASKED = 20

Instruments = Callable[[], Awaitable[tuple[Instrument, ...]]]

_log = structlog.get_logger("polygon")


class PolygonFeed:
    """The market-data port, and `SnapshotSource`, on Polygon. Lives on the core loop.

    One attempt at a time: what is lost raises, and whoever reads `quotes` connects again. Between the
    stream and its reader stands the newest quote of each symbol, so a slow reader holds nothing up.

    Args:
        calendar: tells the market day; read from its library at the first `connect`.
        instruments: where the broker lists what it trades; without it, what Polygon lists.
        tell: called with words for the person, such as a wait for the plan's rate limit.
    """

    def __init__(
        self,
        addresses: PolygonAddresses,
        key: PolygonKey,
        clock: Clock,
        calendar: MarketCalendar,
        instruments: Instruments | None = None,
        tell: Callable[[str], None] = lambda _words: None,
    ) -> None:
        self._addresses = addresses
        self._key = key
        self._clock = clock
        self._calendar = calendar
        self._tell = tell
        self._tasks = Tasks(self._on_failure)
        self._rest = PolygonRest(addresses.base_url, key, clock, self._tasks, tell)
        self._instruments = instruments or self._rest.instruments
        self._lines = Lines()
        self._wanted: tuple[Symbol, ...] = ()
        self._opening: PolygonStream | None = None
        self._stream: PolygonStream | None = None
        self._lost: BrokerUnavailable | None = None
        self._unread: dict[Symbol, None] = {}
        self._received: dict[Symbol, float] = {}
        self._lateness = Lateness()
        self._wake = asyncio.Event()
        self._work: list[asyncio.Task[Any]] = []
        self._heard = 0.0
        self._begun: datetime | None = None

    async def connect(self) -> None:
        """Try the key, open the stream, and ask for where the day stands.

        Raises:
            CredentialsRefused: the key is not taken.
            NotEntitled: the plan has no stream.
            ConnectionLimit: another program uses the key.
            BrokerUnavailable: there is no connection.
        """
        await self._hang_up()
        await self._calendar.prepare(self._clock.now())
        await self._check_clock()
        stream = PolygonStream(
            self._addresses.stream_url,
            self._key,
            self._clock,
            self._tasks,
            self._on_frame,
            self._lose,
            self._tell,
        )
        self._opening = stream
        await stream.open()
        self._stream, self._opening = stream, None
        self._lost, self._heard, self._lateness = None, self._clock.monotonic(), Lateness()
        self._unread.clear()
        stream.want(self._wanted)
        self._begin_day()
        self._work = [self._tasks.spawn(self._watch(), "polygon-watch")]
        self._seed(self._wanted)

    async def close(self) -> None:
        """End the stream and the threads; an iterator of `quotes` ends."""
        self._rest.close()
        await self._hang_up()
        await self._tasks.close()

    async def subscribe(self, symbols: Sequence[Symbol]) -> None:
        """Deliver quotes of exactly these; where a new one stands comes as soon as its snapshot is there."""
        added = [symbol for symbol in dict.fromkeys(symbols) if symbol not in self._wanted]
        self._wanted = tuple(dict.fromkeys(symbols))
        self._lines.keep(self._wanted)
        self._unread = {symbol: None for symbol in self._unread if symbol in self._wanted}
        if self._stream is not None:
            self._stream.want(self._wanted)
            self._seed(added)

    async def quotes(self) -> AsyncIterator[tuple[Quote, ...]]:
        """Deliver the newest quote of each symbol that changed; for one reader."""
        while True:
            if self._lost is not None:
                raise self._lost
            if self._stream is None:
                return
            if self._unread:
                changed, self._unread = self._unread, {}
                found = (self._lines.quote(each, self._received[each]) for each in changed)
                batch = sorted((each for each in found if each is not None), key=lambda quote: quote.time)
                if batch:
                    yield tuple(batch)
                continue
            self._wake.clear()
            await self._wake.wait()

    async def bars(self, symbol: Symbol, timeframe: Timeframe, limit: int) -> tuple[Bar, ...]:
        """Return the newest bars, adjusted for splits, extended hours included, the running one last."""
        return await self._rest.bars(symbol, timeframe, limit, self._clock.now())

    async def instruments(self) -> tuple[Instrument, ...]:
        """List what the broker trades, or else what Polygon lists."""
        return await self._instruments()

    def session(self) -> MarketSession:
        """Return the market day by the exchange calendar and our clock."""
        return self._calendar.session(self._clock.now())

    async def snapshots(
        self, symbols: Sequence[Symbol]
    ) -> tuple[dict[Symbol, MoverSnapshot], dict[Symbol, str]]:
        """Return what a scan needs, and why it is missing; within the plan's rate."""
        found, failed = await self._rest.snapshots(symbols)
        return {symbol: each.for_scan() for symbol, each in found.items()}, failed

    async def _check_clock(self) -> None:
        status = await self._rest.market_status()
        if status.server_time is None:
            return
        off_by = abs((status.server_time - self._clock.now()).total_seconds())
        if off_by > CLOCK_OFF_BY_S:
            _log.warning("clock.differs", seconds=round(off_by))
            self._tell(f"This computer's clock and Polygon's differ by {off_by:.0f} s; set it right")

    def _on_frame(self, frame: Frame) -> None:
        self._heard = self._clock.monotonic()
        now = self._clock.now()
        for event in frame.events:
            if self._lines.apply(event, now):
                self._changed(event.symbol, self._lateness.of(now, event.time))

    def _changed(self, symbol: Symbol, late_s: float = 0.0) -> None:
        self._received[symbol] = self._clock.monotonic() - late_s
        self._unread[symbol] = None
        self._wake.set()

    def _lose(self, error: BrokerUnavailable) -> None:
        if self._lost is None:
            self._lost = error
            self._wake.set()

    def _on_failure(self, name: str, error: BaseException) -> None:
        # The stream's own end is told by the stream; the rest is work that nobody awaits.
        if name in ("polygon-watch", "polygon-seed"):
            self._lose(BrokerUnavailable(f"the Polygon feed: {type(error).__name__}: {error}"))

    async def _watch(self) -> None:
        """Lose a stream that says nothing while the market is open, and begin each market day anew."""
        before = self.session().phase
        while True:
            await self._clock.sleep(_WATCH_EVERY_S)
            phase = self.session().phase
            if self._begin_day():
                self._seed(self._wanted)
            if phase is not SessionPhase.REGULAR or not self._wanted or before is not phase:
                self._heard = self._clock.monotonic()
            elif self._clock.monotonic() - self._heard > MUTE_AFTER_S:
                self._lose(
                    BrokerUnavailable(
                        f"the Polygon stream was silent for {MUTE_AFTER_S:.0f} s in an open market"
                    )
                )
                return
            before = phase

    def _begin_day(self) -> bool:
        session = self.session()
        if session.phase is SessionPhase.CLOSED or session.opens == self._begun:
            return False
        self._begun = session.opens
        self._lines.begin_day()
        return True

    def _seed(self, symbols: Sequence[Symbol]) -> None:
        if symbols:
            self._work = [task for task in self._work if not task.done()]
            self._work.append(self._tasks.spawn(self._seeding(tuple(symbols)), "polygon-seed"))

    async def _seeding(self, symbols: tuple[Symbol, ...]) -> None:
        """Ask where the day of these stands, until it is known; the stream brings the rest."""
        for wait in (*_SEED_AGAIN_S, None):
            found, failed = await self._rest.snapshots(symbols)
            for symbol, snapshot in found.items():
                if self._lines.seed(snapshot, self._clock.now()):
                    self._changed(symbol)
            if not failed:
                break
            _log.info("snapshots.missing", symbols=len(failed), reason=next(iter(failed.values())))
            if wait is None:
                break
            symbols = tuple(failed)
            await self._clock.sleep(wait)
        await self._ask_last()
        # No price waits for the broker's word on the days ahead.
        await self._calendar.confirm(self._clock.now())

    async def _ask_last(self) -> None:
        """Ask for last quote and trade where a snapshot told none: they are cleared before the day begins."""
        for symbol in self._lines.without_price()[:_MOST_ASKED]:
            try:
                trade = await self._rest.last_trade(symbol)
                quote = await self._rest.last_quote(symbol)
            except (CredentialsRefused, NotEntitled):
                return
            except BrokerUnavailable:
                continue
            now = self._clock.now()
            self._lines.offer(symbol, trade, now)
            self._lines.offer(symbol, quote, now)
            self._changed(symbol)

    async def _hang_up(self) -> None:
        work, self._work = self._work, []
        for task in work:
            task.cancel()
        if work:
            await asyncio.wait(work)
        streams = (self._opening, self._stream)
        self._opening = self._stream = None
        for stream in streams:
            if stream is not None:
                await stream.close()
        self._wake.set()
