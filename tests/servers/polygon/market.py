"""The market of the local Polygon server: trades and quotes by script; bars and snapshots follow from it."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
MINUTE_MS = 60_000
Row = dict[str, Any]


@dataclass(slots=True)
class Listing:
    """One stock. Prices are floats here, as they are on the wire; the server counts no money."""

    symbol: str
    name: str
    kind: str = "CS"
    exchange: str = "XNAS"
    active: bool = True
    days: list[Row] = field(default_factory=list)
    minutes: dict[int, Row] = field(default_factory=dict)
    trade: Row | None = None
    quote: Row | None = None
    volume: int = 0


class Market:
    """What the server knows, moved by hand. `now` is market time in UTC.

    `watchers` are told of every event as `(channel, message)`, channel `T.AAPL` or `Q.AAPL`.
    """

    def __init__(self, now: datetime = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)) -> None:
        self.now = now
        self.listings: dict[str, Listing] = {}
        self.watchers: list[Callable[[str, Row], None]] = []
        self.is_cleared = False
        self._sequence = itertools.count(1_000, 7)

    @property
    def now_ms(self) -> int:
        return int(self.now.timestamp() * 1000)

    def list_stock(
        self, symbol: str, price: float = 100.0, *, history: int = 30, volume: int = 1_000_000, **facts: Any
    ) -> Listing:
        """List a stock that closed at `price` on the last weekday, after `history` weekdays."""
        listing = Listing(symbol, facts.pop("name", f"{symbol} Inc."), **facts)
        days: list[Row] = []
        day = self.now.astimezone(NEW_YORK).date()
        while len(days) < history:
            day -= timedelta(days=1)
            if day.weekday() < 5:
                drift = price - len(days) % 7 / 10
                row = {
                    "o": drift - 0.3,
                    "h": drift + 0.9,
                    "l": drift - 1.1,
                    "c": drift,
                    "v": volume,
                    "vw": drift,
                    "n": 900,
                }
                days.append({"t": midnight_ms(day), **row})  # fmt: skip
        listing.days = days[::-1]
        self.listings[symbol] = listing
        return listing

    def trade(
        self, symbol: str, price: float, size: int = 100, *, conditions: Iterable[int] = (), **changes: Any
    ) -> Row:
        """Print a trade; `changes` replace fields of the event only."""
        listing = self.listings[symbol]
        event = {
            "ev": "T", "sym": symbol, "i": str(next(self._sequence)), "x": 4, "p": price, "s": size,
            "c": list(conditions), "t": self.now_ms, "q": next(self._sequence), "z": 3,
        }  # fmt: skip
        listing.trade = event
        listing.volume += size
        start = self.now_ms // MINUTE_MS * MINUTE_MS
        row = {"t": start, "o": price, "h": price, "l": price, "c": price, "v": 0, "vw": price, "n": 0}
        bar = listing.minutes.setdefault(start, row)
        bar["h"], bar["l"], bar["c"] = max(bar["h"], price), min(bar["l"], price), price
        bar["v"] += size
        bar["n"] += 1
        self._tell(f"T.{symbol}", {**event, **changes})
        return event

    def quote(
        self, symbol: str, bid: float, ask: float, bid_lots: int = 2, ask_lots: int = 3, **changes: Any
    ) -> Row:
        """Show a bid and an offer; sizes are round lots of 100 shares."""
        event = {
            "ev": "Q", "sym": symbol, "bx": 4, "bp": bid, "bs": bid_lots, "ax": 7, "ap": ask, "as": ask_lots,
            "c": 0, "i": [604], "t": self.now_ms, "q": next(self._sequence), "z": 3,
        }  # fmt: skip
        self.listings[symbol].quote = event
        self._tell(f"Q.{symbol}", {**event, **changes})
        return event

    def advance(self, seconds: float) -> None:
        """Let market time pass without an event."""
        self.now += timedelta(seconds=seconds)

    def walk(self, seconds: int) -> None:
        """Let every stock trade once a second, on a path that is always the same."""
        for _ in range(seconds):
            self.advance(1)
            for place, (symbol, listing) in enumerate(self.listings.items()):
                step = (self.now_ms // 1000 + place) % 11 - 5
                price = round(listing.days[-1]["c"] + step / 100, 2)
                self.quote(symbol, round(price - 0.01, 2), round(price + 0.01, 2))
                self.trade(symbol, price, 100 + step)

    def bars(self, symbol: str, multiplier: int, timespan: str) -> list[Row]:
        """Every aggregate of a stock, oldest first."""
        listing = self.listings.get(symbol)
        if listing is None:
            return []
        if timespan in ("minute", "hour"):
            width = multiplier * (MINUTE_MS if timespan == "minute" else 60 * MINUTE_MS)
            return joined(
                listing.minutes.values(), lambda t: day_start(t) + (t - day_start(t)) // width * width
            )
        today = joined(listing.minutes.values(), day_start)
        days = [*(row for row in listing.days if row["t"] not in {each["t"] for each in today}), *today]
        return days if timespan == "day" else joined(days, week_start)

    def snapshot(self, symbol: str) -> Row:
        """One row of the snapshot endpoints."""
        listing = self.listings[symbol]
        last = listing.days[-1]
        nothing = {"o": 0, "h": 0, "l": 0, "c": 0, "v": 0, "vw": 0}
        today = next(iter(joined(listing.minutes.values(), day_start)[-1:]), nothing)
        if self.is_cleared or listing.trade is None:
            return {
                "ticker": symbol, "todaysChange": 0, "todaysChangePerc": 0, "updated": 0, "day": nothing,
                "min": {**nothing, "av": 0, "t": 0, "n": 0}, "prevDay": without_time(last),
                "lastTrade": {"p": 0, "s": 0, "t": 0, "x": 0, "c": [], "i": ""},
                "lastQuote": nbbo(listing.quote),
            }  # fmt: skip
        trade = listing.trade
        minute = listing.minutes[max(listing.minutes)]
        return {
            "ticker": symbol,
            "todaysChange": trade["p"] - last["c"],
            "todaysChangePerc": (trade["p"] - last["c"]) / last["c"] * 100,
            "updated": trade["t"] * 1_000_000,
            "day": without_time(today),
            "min": {**minute, "av": listing.volume},
            "prevDay": without_time(last),
            "lastTrade": {name: trade[name] for name in ("p", "s", "x", "c", "i")}
            | {"t": trade["t"] * 1_000_000},
            "lastQuote": nbbo(listing.quote),
        }

    def _tell(self, channel: str, event: Row) -> None:
        for watcher in self.watchers:
            watcher(channel, event)


def nbbo(quote: Row | None) -> Row:
    if quote is None:
        return {"p": 0, "s": 0, "P": 0, "S": 0, "t": 0}
    return {
        "p": quote["bp"], "s": quote["bs"], "P": quote["ap"], "S": quote["as"], "t": quote["t"] * 1_000_000,
    }  # fmt: skip


def without_time(bar: Row) -> Row:
    return {name: bar[name] for name in ("o", "h", "l", "c", "v", "vw")}


def joined(rows: Iterable[Row], start: Callable[[int], int]) -> list[Row]:
    """Bars made longer: those with the same start become one."""
    groups: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        groups[start(row["t"])].append(row)
    return [
        {
            "t": t,
            "o": group[0]["o"],
            "h": max(row["h"] for row in group),
            "l": min(row["l"] for row in group),
            "c": group[-1]["c"],
            "v": sum(row["v"] for row in group),
            "vw": group[-1]["c"],
            "n": sum(row["n"] for row in group),
        }
        for t, group in sorted(groups.items())
    ]


def market_date(t: int) -> date:
    return datetime.fromtimestamp(t / 1000, UTC).astimezone(NEW_YORK).date()


def midnight_ms(day: date) -> int:
    return int(datetime.combine(day, time(), NEW_YORK).timestamp() * 1000)


def day_start(t: int) -> int:
    return midnight_ms(market_date(t))


def week_start(t: int) -> int:
    day = market_date(t)
    return midnight_ms(day - timedelta(days=day.isoweekday() % 7))
