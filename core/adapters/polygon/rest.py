"""Questions to Polygon: an answer is domain values, or an error that says what is wrong and what to do."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import structlog

from core.adapters.polygon import mapping
from core.adapters.polygon.decoding import Unreadable, document, plain_text
from core.adapters.polygon.decoding import symbol as symbol_of
from core.adapters.polygon.lanes import Lanes, Refusal
from core.adapters.polygon.limiter import Limiter
from core.adapters.polygon.values import BestQuote, DaySnapshot, MarketStatus, Trade
from core.clock import Clock
from core.domain.credentials import PolygonKey
from core.domain.instrument import Instrument
from core.domain.market import Bar, Timeframe
from core.errors import BrokerUnavailable, CredentialsRefused, NotEntitled, RateLimited
from core.ids import Symbol
from core.tasks import Tasks

if TYPE_CHECKING:
    from core.adapters.polygon.client import VendorClient

T = TypeVar("T")
Call = Callable[["VendorClient"], bytes]

MOST_BARS = 5000
MOST_PAGES = 20
MOST_SINGLE = 20
_PAGE_OF_TICKERS = 1000
_SYMBOLS_A_CALL = 100
_MOST_BASE_BARS = 50_000

# Multiplier and word of the vendor's, the base bars (minutes or days) in one of ours, and how far back
# one bar reaches at most: a market day of 390 minutes takes two days of the calendar, with room to spare.
_TIMEFRAMES: dict[Timeframe, tuple[int, str, int, timedelta]] = {
    Timeframe.M1: (1, "minute", 1, timedelta(minutes=8)),
    Timeframe.M5: (5, "minute", 5, timedelta(minutes=40)),
    Timeframe.M15: (15, "minute", 15, timedelta(minutes=120)),
    Timeframe.H1: (1, "hour", 60, timedelta(hours=8)),
    Timeframe.D1: (1, "day", 1, timedelta(days=2)),
    Timeframe.W1: (1, "week", 7, timedelta(days=8)),
}
_LEAST_BACK = timedelta(days=7)

_log = structlog.get_logger("polygon")


class BadAnswer(BrokerUnavailable):
    """The vendor answered with 200, and not with what its documents describe."""


class PolygonRest:
    """The REST side. Called from the core loop only.

    Every question raises `CredentialsRefused`, `NotEntitled`, `RateLimited` or `BrokerUnavailable`:
    to have no answer, and the answer "none", are never the same.

    Args:
        base_url: where Polygon is spoken to.
        tell: called with words for the person, where a request waits for the plan's limit.
    """

    def __init__(
        self, base_url: str, key: PolygonKey, clock: Clock, tasks: Tasks, tell: Callable[[str], None]
    ) -> None:
        self._key = key
        self._lanes = Lanes(base_url, key, clock, tasks)
        self._limiter = Limiter(
            clock, lambda s: tell(f"Polygon: waiting {s:.0f} s for the plan's rate limit")
        )

    def close(self) -> None:
        """End the threads."""
        self._lanes.close()

    async def bars(self, symbol: Symbol, timeframe: Timeframe, limit: int, now: datetime) -> tuple[Bar, ...]:
        """Return the newest bars up to a moment (UTC), oldest first; at most `limit`."""
        limit = min(limit, MOST_BARS)
        if limit <= 0:
            return ()
        name, what = _checked(symbol), f"bars of {symbol}"
        multiplier, timespan, base, back = _TIMEFRAMES[timeframe]
        start, end = _ms(now - max(back * limit, _LEAST_BACK)), _ms(now)
        asked = min(limit * base, _MOST_BASE_BARS)
        bars = await self._rows(
            lambda client: client.aggregates(name, multiplier, timespan, start, end, asked),
            lambda row: mapping.bar(row, symbol),
            what,
            limit,
        )
        found = {bar.time: bar for bar in reversed(bars) if bar.time <= now}
        return tuple(found[time] for time in sorted(found)[-limit:])

    async def snapshots(
        self, symbols: Sequence[Symbol]
    ) -> tuple[dict[Symbol, DaySnapshot], dict[Symbol, str]]:
        """Return the snapshots of many, and for each symbol that failed the reason; never raises.

        One call for 100 symbols; what it leaves out, or answers badly, is asked for one by one.
        """
        found: dict[Symbol, DaySnapshot] = {}
        failed: dict[Symbol, str] = {}
        wanted = []
        for symbol in dict.fromkeys(symbols):
            if symbol_of(symbol) is None:
                failed[symbol] = "no symbol that Polygon knows"
            else:
                wanted.append(symbol)
        for start in range(0, len(wanted), _SYMBOLS_A_CALL):
            part = wanted[start : start + _SYMBOLS_A_CALL]
            reason = await self._together(part, found)
            missing = [symbol for symbol in part if symbol not in found]
            for symbol in missing if reason else missing[MOST_SINGLE:]:
                failed[symbol] = reason or "Polygon left it out"
            if not reason:
                async with asyncio.TaskGroup() as group:
                    for symbol in missing[:MOST_SINGLE]:
                        group.create_task(self._alone(symbol, found, failed))
        return found, failed

    async def last_trade(self, symbol: Symbol) -> Trade:
        """Return the last trade."""
        name = _checked(symbol)
        what = f"last trade of {symbol}"
        return await self._one(
            lambda client: client.last_trade(name), what, lambda text: mapping.last_trade(text, symbol)
        )

    async def last_quote(self, symbol: Symbol) -> BestQuote:
        """Return the last quote."""
        name = _checked(symbol)
        what = f"last quote of {symbol}"
        return await self._one(
            lambda client: client.last_quote(name), what, lambda text: mapping.last_quote(text, symbol)
        )

    async def market_status(self) -> MarketStatus:
        """Return what the vendor says of the market; the cheapest way to try a key."""
        return await self._one(lambda client: client.market_status(), "market status", mapping.market_status)

    async def instruments(self) -> tuple[Instrument, ...]:
        """Return what is listed, each symbol once; a dozen calls."""
        most = MOST_PAGES * _PAGE_OF_TICKERS
        listed = await self._rows(
            lambda client: client.tickers(_PAGE_OF_TICKERS), mapping.instrument, "tickers", most
        )
        return tuple({each.symbol: each for each in listed if each is not None}.values())

    async def _together(self, part: list[Symbol], found: dict[Symbol, DaySnapshot]) -> str:
        """Fill in what one call answers; returns why asking one by one would not help."""
        try:
            answer = await self._one(lambda client: client.snapshots([*part]), "snapshots", mapping.snapshots)
        except BadAnswer as error:
            _log.info("snapshots.unreadable", reason=str(error))
            return ""
        except NotEntitled as error:
            # Only the free plan has no snapshots, and it is the one with a limit.
            self._limiter.learn_free_plan()
            return str(error)
        except BrokerUnavailable as error:
            return str(error)
        found.update({symbol: answer[symbol] for symbol in part if symbol in answer})
        return ""

    async def _alone(
        self, symbol: Symbol, found: dict[Symbol, DaySnapshot], failed: dict[Symbol, str]
    ) -> None:
        try:
            answer = await self._one(
                lambda client: client.snapshot(symbol), f"snapshot of {symbol}", mapping.one_snapshot
            )
        except BrokerUnavailable as error:
            failed[symbol] = str(error)
            return
        if answer.symbol == symbol:
            found[symbol] = answer
        else:
            failed[symbol] = f"Polygon answered for {answer.symbol}"

    async def _rows(self, first: Call, read: Callable[[object], T], what: str, enough: int) -> list[T]:
        """Follow the pages until there are enough rows, or no more; rows that cannot be read are left out."""
        call, found, count = first, list[T](), 0
        for _ in range(MOST_PAGES):
            page = await self._one(call, what, lambda text: mapping.page(text, what, read))
            found += page.rows
            count += page.count
            if not page.next_url or count >= enough:
                break
            call = _next(page.next_url)
        else:
            _log.warning("pages.cut", what=what, rows=count)
        if len(found) < count:
            _log.info("rows.left_out", what=what, left_out=count - len(found), rows=count)
        if count and not found:
            raise BadAnswer(f"Polygon, {what}: none of {count} can be read")
        return found

    async def _one(self, call: Call, what: str, read: Callable[[bytes], T]) -> T:
        await self._limiter.take()
        try:
            # Reading is work for the thread as well: 4 MB of JSON would hold the core up.
            return await self._lanes.call(lambda client: read(call(client)), what)
        except Unreadable as error:
            raise BadAnswer(f"Polygon, {what}: {error}") from error
        except Refusal as refusal:
            raise self._error_of(refusal, what) from refusal

    def _error_of(self, refusal: Refusal, what: str) -> BrokerUnavailable:
        words = self._words(refusal.body)
        match refusal.status:
            case 401:
                return key_refused(words)
            case 403:
                return NotEntitled(f"The Polygon plan does not include {what}: {words}")
            case 404:
                return BrokerUnavailable(f"Polygon, {what}: not found ({words})")
            case 429:
                wait = self._limiter.refused(_seconds(refusal.retry_after))
                return RateLimited(f"Polygon, {what}: too many requests; again in {wait:.0f} s", wait)
        return BrokerUnavailable(f"Polygon, {what}: it answered {refusal.status} ({words})")

    def _words(self, body: bytes) -> str:
        try:
            found = document(body)
        except Unreadable:
            found = None
        words = ""
        if isinstance(found, dict):
            words = plain_text(found.get("error") or found.get("message"), 160)
        return words.replace(self._key.key, "***") or "no reason given"


def key_refused(words: str) -> CredentialsRefused:
    """Say that the key is not taken, and what to do; never the key."""
    return CredentialsRefused(
        f"Polygon refused the key stored as 'polygon' ({words}). "
        "Store a valid one with: investiq secrets set polygon"
    )


def _checked(symbol: Symbol) -> str:
    # It becomes part of an address.
    if symbol_of(symbol) is None:
        raise BrokerUnavailable(f"{plain_text(symbol, 20)!r} is no symbol that Polygon knows")
    return symbol


def _next(url: str) -> Call:
    def call(client: "VendorClient") -> bytes:
        return client.page(url)

    return call


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None
