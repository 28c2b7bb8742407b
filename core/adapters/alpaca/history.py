"""Alpaca's market-data REST: bars and snapshots, asked for page by page.

The library's own calls read every page before they return and cannot be stopped, so each page is a request of
ours: it has a deadline, and the rate limit of the data API counts it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from core.adapters.alpaca.fields import FieldUnreadableError, Row
from core.adapters.alpaca.lanes import Lane
from core.adapters.alpaca.limiter import Limiter, Priority
from core.adapters.alpaca.request import Request
from core.adapters.alpaca.rest import Rest
from core.adapters.alpaca.sockets import Peer
from core.adapters.calendar import NEW_YORK
from core.clock import Clock
from core.domain.market import Bar, Quote, Timeframe
from core.domain.money import Price, Qty
from core.errors import BrokerRejected, BrokerUnavailable
from core.ids import Symbol

SYMBOLS_A_REQUEST = 100
BARS_A_PAGE = 10_000
MOST_BYTES = 32 * 2**20
_MOST_PAGES = 100
_FRAMES: dict[Timeframe, tuple[str, timedelta]] = {
    Timeframe.M1: ("1Min", timedelta(minutes=1)),
    Timeframe.M5: ("5Min", timedelta(minutes=5)),
    Timeframe.M15: ("15Min", timedelta(minutes=15)),
    Timeframe.H1: ("1Hour", timedelta(hours=1)),
    Timeframe.D1: ("1Day", timedelta(days=1)),
    Timeframe.W1: ("1Week", timedelta(weeks=1)),
}
_REGULAR_DAY = timedelta(hours=6, minutes=30)
# Weekends, and the longest closure that holidays make.
_WEEK, _CLOSED = 7 / 5, timedelta(days=5)


class History:
    """Asks the data API. Used on the core loop.

    Args:
        lane: of the data API.
        limiter: of the data API, which counts apart from the trading API.
        peer: who answers, for people, and with which key.
        clock: our time.
        feed: Alpaca's word for where prices come from, such as `iex`.
    """

    def __init__(self, lane: Lane, limiter: Limiter, peer: Peer, clock: Clock, feed: str) -> None:
        self._lane = lane
        self._rest = Rest(peer, limiter, clock)
        self._clock = clock
        self._feed = feed

    async def bars(self, symbol: Symbol, timeframe: Timeframe, limit: int) -> tuple[Bar, ...]:
        """Return the newest bars, oldest first, the running one last; at most `limit`; prices split-adjusted.

        Raises:
            NotEntitled: the plan does not include them.
            BrokerUnavailable: there is no answer that can be used.
        """
        word, _ = _FRAMES[timeframe]
        query = {
            "symbols": symbol,
            "timeframe": word,
            "start": (self._clock.now() - reach(timeframe, limit)).isoformat(),
            "sort": "desc",
            "adjustment": "split",
            "feed": self._feed,
        }
        found: list[Bar] = []
        token = ""
        for _ in range(_MOST_PAGES):
            size = {"limit": str(min(BARS_A_PAGE, limit - len(found)))}
            page = await self._ask("/stocks/bars", query | size | ({"page_token": token} if token else {}))
            found += [_bar(symbol, row) for row in _rows(page, symbol)]
            token = page.word_or("next_page_token")
            if not token or len(found) >= limit:
                # By time, whatever the order in which they came, and each once: a chart can be drawn of it.
                by_time = {bar.time: bar for bar in found}
                return tuple(by_time[at] for at in sorted(by_time))[-limit:]
        raise BrokerUnavailable("Alpaca, GET /stocks/bars: the pages do not come to an end")

    async def snapshots(self, symbols: Sequence[Symbol]) -> tuple[Quote, ...]:
        """Return what is known of each symbol now; a symbol that Alpaca does not know is left out."""
        found: list[Quote] = []
        today = self._clock.now().astimezone(NEW_YORK).date()
        for start in range(0, len(symbols), SYMBOLS_A_REQUEST):
            some = symbols[start : start + SYMBOLS_A_REQUEST]
            query = {"symbols": ",".join(some), "feed": self._feed}
            page = await self._ask("/stocks/snapshots", query)
            received = self._clock.monotonic()
            for symbol in some:
                content = page.get(symbol)
                known = (
                    None
                    if content is None
                    else _quote(symbol, Row(f"snapshot {symbol}", content), received, today)
                )
                if known is not None:
                    found.append(known)
        return tuple(found)

    async def _ask(self, path: str, query: Mapping[str, Any]) -> Row:
        request = Request("GET", path, query, most_bytes=MOST_BYTES)
        try:
            return Row(path, await self._rest.ask(self._lane, request, Priority.HISTORY))
        except BrokerRejected as error:
            raise BrokerUnavailable(f"Alpaca, {request.name}: {error.text}") from error


def reach(timeframe: Timeframe, limit: int) -> timedelta:
    """Say how far back to look so that so many bars are found, weekends and holidays counted."""
    length = _FRAMES[timeframe][1]
    if timeframe is Timeframe.W1:
        return length * (limit + 1)
    days = limit if timeframe is Timeframe.D1 else limit * length / _REGULAR_DAY
    return timedelta(days=days * _WEEK) + _CLOSED


def _rows(page: Row, symbol: Symbol) -> Iterator[Row]:
    bars = page.get("bars")
    if bars is not None and not isinstance(bars, dict):
        raise FieldUnreadableError("bars", "an object", bars)
    return Row("bars", bars or {}).rows(symbol)


def _bar(symbol: Symbol, row: Row) -> Bar:
    return Bar(
        symbol=symbol,
        time=row.time("t"),
        open=row.number("o", Price),
        high=row.number("h", Price),
        low=row.number("l", Price),
        close=row.number("c", Price),
        volume=row.number_or("v", Qty) or Qty(0),
    )


def _quote(symbol: Symbol, row: Row, received: float, today: date) -> Quote | None:
    quote, trade = _part(row, "latestQuote"), _part(row, "latestTrade")
    day, before = _part(row, "dailyBar"), _part(row, "prevDailyBar")
    day_at = day.time_or("t")
    times = [at for at in (quote.time_or("t"), trade.time_or("t"), day_at) if at is not None]
    if not times:
        return None
    # Before the first trade of a day the newest daily bar is the last day's.
    has_traded = day_at is None or day_at.astimezone(NEW_YORK).date() >= today
    return Quote(
        symbol=symbol,
        bid=_price(quote, "bp"),
        ask=_price(quote, "ap"),
        bid_size=quote.number_or("bs", Qty) or Qty(0),
        ask_size=quote.number_or("as", Qty) or Qty(0),
        last=_price(trade, "p"),
        prev_close=_price(before if has_traded else day, "c"),
        volume=(day.number_or("v", Qty) or Qty(0)) if has_traded else Qty(0),
        halted=False,  # a snapshot does not say; the stream does
        time=max(times),
        received=received,
    )


def _part(row: Row, name: str) -> Row:
    # Any part may be absent: nothing traded today, or never.
    return Row(name, {}) if row.get(name) is None else row.row(name)


def _price(row: Row, name: str) -> Price | None:
    # Nobody bids is written as a bid of 0.
    found = row.number_or(name, Price)
    return found if found is not None and found > 0 else None
