"""The core on quotes that another process sends: `peers/quote_source.py` behind the market-data port."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

import msgspec

from app.runtime import Running, WindowConfirmer
from app.wiring import Core, Outside, profile_facts
from benchmarks.peers.quote_source import symbols
from core.adapters.simulator import synthetic
from core.clock import Clock, SystemClock
from core.domain.access import Actor, Origin, Role
from core.domain.instrument import Instrument
from core.domain.market import Bar, MarketSession, Quote, SessionPhase, Timeframe
from core.domain.money import Price, Qty
from core.ids import RandomIds, Symbol
from core.storage import vault
from core.storage.store import open_store

OPENS = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
READY_WITHIN_S = 10.0
PREV_CLOSE = Price(200)  # a feed knows it from its own snapshot, not from every quote
Wire = tuple[str, str, str, int, int, str, int, int]


class SocketFeed:
    """The market-data port on the stream.

    Attributes:
        begun_at: perf_counter seconds of the first byte, 0 before it.
        ended_at: those of the end of the stream, 0 before it.
        closing: set it to let the port's reader end.
    """

    def __init__(self, port: int, count: int, clock: Clock) -> None:
        self._port = port
        self._count = count
        self._clock = clock
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._decode = msgspec.msgpack.Decoder(list[Wire]).decode
        self.closing = asyncio.Event()
        self.begun_at = self.ended_at = 0.0

    async def connect(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    async def subscribe(self, symbols: Sequence[Symbol]) -> None:
        """Do nothing: all come."""

    async def quotes(self) -> AsyncIterator[tuple[Quote, ...]]:
        """Deliver what one reading brought, then wait for ever: a link that ends would be opened anew."""
        if self._reader is None:
            return
        waiting = b""
        while chunk := await self._reader.read(2**16):
            self.begun_at = self.begun_at or perf_counter()
            quotes, waiting = self._take(waiting + chunk)
            yield quotes
        self.ended_at = perf_counter()
        await self.closing.wait()

    def _take(self, data: bytes) -> tuple[tuple[Quote, ...], bytes]:
        at, wire = 0, []
        while len(data) - at >= 4:
            (length,) = struct.unpack_from(">I", data, at)
            if len(data) - at - 4 < length:
                break
            wire += self._decode(data[at + 4 : at + 4 + length])
            at += 4 + length
        received = self._clock.monotonic()
        return tuple(quote_of(each, received) for each in wire), data[at:]

    async def bars(self, symbol: Symbol, timeframe: Timeframe, limit: int) -> tuple[Bar, ...]:
        return ()

    async def instruments(self) -> tuple[Instrument, ...]:
        return tuple(Instrument(Symbol(name), name, "Nasdaq") for name in symbols(self._count))

    def session(self) -> MarketSession:
        return MarketSession(
            OPENS + timedelta(hours=1), SessionPhase.REGULAR, OPENS, OPENS + timedelta(hours=6.5)
        )


def quote_of(wire: Wire, received: float) -> Quote:
    symbol, bid, ask, bid_size, ask_size, last, volume, time_us = wire
    return Quote(
        symbol=Symbol(symbol),
        bid=Price(bid),
        ask=Price(ask),
        bid_size=Qty(bid_size),
        ask_size=Qty(ask_size),
        last=Price(last),
        prev_close=PREV_CLOSE,
        volume=Qty(volume),
        halted=False,
        time=EPOCH + timedelta(microseconds=time_us),
        received=received,
    )


async def start_core(
    folder: Path, feed: SocketFeed, publish: Callable[[object], None], confirmer: WindowConfirmer
) -> Running:
    """Start a whole core on this feed; the exchange is there, its own market stands still."""
    clock, ids = SystemClock(), RandomIds()
    market = synthetic(clock, folder / "exchange.ledger")
    store = open_store(folder / "investiq.db", vault.create(folder, None), create=True)
    facts = profile_facts("benchmark", "demo", Role.TRADER.value, temporary=True)
    core = Core(
        Outside(store, market.broker, feed, confirmer, clock, ids, facts, folder / "emergency", "run")
    )
    core.bus.subscribe_all(publish)
    await core.start()
    async with asyncio.timeout(READY_WITHIN_S):
        while not core.state.instruments:
            await clock.sleep(0.01)

    async def stop() -> None:
        feed.closing.set()
        await core.stop()
        await store.close_async()

    return Running(core.desk.execute, Actor("demo", Role.TRADER, Origin.WINDOW, "run"), stop)
