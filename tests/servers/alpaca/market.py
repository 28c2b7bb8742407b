"""What the market shows: assets, quotes, trades and the price a position is valued at."""

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.servers.alpaca.book import ZERO
from tests.servers.alpaca.clock import SimClock

UNIVERSE = {
    "AAPL": "230.00", "MSFT": "430.00", "NVDA": "145.00", "AMZN": "205.00", "GOOG": "178.00",
    "META": "590.00", "TSLA": "345.00", "BRK.B": "470.00", "JPM": "245.00", "V": "310.00", "WMT": "90.00",
    "XOM": "120.00", "KO": "63.00", "PFE": "26.00", "F": "11.00", "T": "23.00", "INTC": "24.50",
    "AMD": "140.00", "BAC": "46.00", "DIS": "115.00", "SPY": "595.00", "QQQ": "505.00", "IWM": "240.00",
    "GLD": "250.00", "PENNY": "0.5000", "FAKEPACA": "130.00",
}  # fmt: skip
CENT = Decimal("0.01")
TICK = Decimal("0.0001")
MINUTE = 60_000_000_000
NAMESPACE = uuid.UUID("b9a1c3de-5a0e-4f0e-9d3c-2f1f6d1e7a10")


@dataclass(slots=True)
class Quote:
    """The best bid and offer, sizes in shares; `left` is what orders have not taken of each side yet."""

    bid: Decimal
    ask: Decimal
    bid_size: Decimal
    ask_size: Decimal
    at_ns: int
    left_bid: Decimal
    left_ask: Decimal

    @property
    def mid(self) -> Decimal:
        return (self.bid + self.ask) / 2


@dataclass(slots=True)
class Trade:
    price: Decimal
    qty: Decimal
    at_ns: int
    number: int
    exchange: str = "V"


def asset(symbol: str, name: str = "", **changes: Any) -> dict[str, Any]:
    """An asset as it stands on the wire."""
    return {
        "id": str(uuid.uuid5(NAMESPACE, symbol)),
        "class": "us_equity",
        "exchange": "NASDAQ",
        "symbol": symbol,
        "name": name or f"{symbol} Common Stock",
        "status": "active",
        "tradable": True,
        "marginable": True,
        "maintenance_margin_requirement": 30,
        "margin_requirement_long": "30",
        "margin_requirement_short": "30",
        "shortable": True,
        "easy_to_borrow": True,
        "borrow_status": "easy_to_borrow",
        "fractionable": True,
        "attributes": ["fractional_eh_enabled", "has_options", "overnight_tradable"],
        **changes,
    }


def tick_of(price: Decimal) -> Decimal:
    return CENT if price >= 1 else TICK


class Market:
    """Quotes, trades and marks by symbol. Listeners hear every message of the data stream, with `t` in ns."""

    def __init__(self, clock: SimClock, seed: int = 0) -> None:
        self.clock = clock
        self.rng = random.Random(seed)
        self.assets: dict[str, dict[str, Any]] = {}
        self.quotes: dict[str, Quote] = {}
        self.trades: dict[str, list[Trade]] = {}
        self.marks: dict[str, Decimal] = {}
        self.last_close: dict[str, Decimal] = {}
        self.halted: set[str] = set()
        self.listeners: list[Callable[[dict[str, Any]], None]] = []
        self.minutes: dict[str, dict[str, Any]] = {}
        self._trade_number = 1000
        for symbol, price in UNIVERSE.items():
            self.list(asset(symbol), Decimal(price))

    def list(self, row: dict[str, Any], price: Decimal) -> None:
        """Add an asset, quoted one tick about a price."""
        symbol = row["symbol"]
        self.assets[symbol] = row
        self.last_close[symbol] = price
        self.show_quote(symbol, price - tick_of(price), price + tick_of(price), 1000, 1000)

    def rename(self, old: str, new: str) -> None:
        """Go on under another symbol; the asset stays the same one."""
        self.assets[new] = self.assets.pop(old) | {"symbol": new}
        for known in (self.quotes, self.trades, self.marks, self.last_close, self.minutes):
            if old in known:
                known[new] = known.pop(old)
        self.halted = {new if symbol == old else symbol for symbol in self.halted}

    def generate(self, count: int) -> None:
        """List more assets until there are `count`."""
        for number in range(count - len(self.assets)):
            price = Decimal(self.rng.randrange(200, 50_000)) / 100
            self.list(asset(f"Z{number:05d}", f"Generated {number} Inc."), price)

    def find(self, symbol_or_id: str) -> dict[str, Any] | None:
        found = self.assets.get(symbol_or_id)
        return found or next((row for row in self.assets.values() if row["id"] == symbol_or_id), None)

    def mark(self, symbol: str) -> Decimal:
        """The price a share is valued at: the last trade, or the middle of a later quote."""
        return self.marks[symbol]

    def show_quote(self, symbol: str, bid: Decimal, ask: Decimal, bid_size: int, ask_size: int) -> None:
        sizes = Decimal(bid_size), Decimal(ask_size)
        self.quotes[symbol] = Quote(bid, ask, *sizes, self.clock.now_ns(), *sizes)
        self.marks[symbol] = (bid + ask) / 2
        self._tell(self.quote_message(symbol))

    def show_trade(self, symbol: str, price: Decimal, qty: int, exchange: str = "V") -> Trade:
        self._trade_number += 1
        trade = Trade(price, Decimal(qty), self.clock.now_ns(), self._trade_number, exchange)
        self.trades.setdefault(symbol, []).append(trade)
        self.marks[symbol] = price
        self._tell(self.trade_message(symbol, trade))
        self.end_minutes()
        self._count(symbol, trade)
        return trade

    def end_minutes(self) -> None:
        """Tell the bars of the minutes that are over."""
        now = self.clock.now_ns()
        over = [symbol for symbol, bar in self.minutes.items() if now >= bar["t"] + MINUTE]
        for symbol in over:
            self._tell(self.minutes.pop(symbol))

    def _count(self, symbol: str, trade: Trade) -> None:
        price, start = float(trade.price), trade.at_ns - trade.at_ns % MINUTE
        begun = {"T": "b", "S": symbol, "t": start, "v": 0, "n": 0, "vw": price}
        bar = self.minutes.setdefault(symbol, begun | dict.fromkeys("ohlc", price))
        volume = bar["v"] + int(trade.qty)
        bar["vw"] = round((bar["vw"] * bar["v"] + price * int(trade.qty)) / max(volume, 1), 6)
        bar |= {
            "h": max(bar["h"], price),
            "l": min(bar["l"], price),
            "c": price,
            "v": volume,
            "n": bar["n"] + 1,
        }

    def show_status(self, symbol: str, *, halted: bool) -> None:
        (self.halted.add if halted else self.halted.discard)(symbol)
        code, words = ("H", "Trading Halt") if halted else ("T", "Trading Resumption")
        reason = {"rc": "T12", "rm": "Trading Halted; For information requested by NASDAQ"}
        self._tell(
            {"T": "s", "S": symbol, "sc": code, "sm": words, **reason, "t": self.clock.now_ns(), "z": "C"}
        )

    def quote_message(self, symbol: str) -> dict[str, Any]:
        q = self.quotes[symbol]
        sides = {"ax": "V", "ap": float(q.ask), "as": int(q.ask_size), "bx": "V", "bp": float(q.bid)}
        return {"T": "q", "S": symbol, **sides, "bs": int(q.bid_size), "c": ["R"], "z": "C", "t": q.at_ns}

    def trade_message(self, symbol: str, trade: Trade) -> dict[str, Any]:
        facts = {"i": trade.number, "x": trade.exchange, "p": float(trade.price), "s": float(trade.qty)}
        return {"T": "t", "S": symbol, **facts, "c": ["@"], "z": "C", "t": trade.at_ns}

    def symbols(self) -> Iterator[str]:
        yield from self.assets

    def _tell(self, message: dict[str, Any]) -> None:
        for listener in self.listeners:
            listener(message)


def amount(value: object) -> Decimal:
    """A price or a size, given as text, integer, float or decimal."""
    return value if isinstance(value, Decimal) else Decimal(str(value))


def positive(value: Decimal) -> Decimal:
    return max(value, ZERO)
