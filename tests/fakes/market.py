"""An embedded exchange whose market is turned by hand: one quote at a time, with any displayed size."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from core.adapters.simulator import Exchange, ExchangeSettings, Faults
from core.adapters.simulator.broker import SimulatedBroker
from core.adapters.simulator.feed import SimulatedFeed
from core.adapters.simulator.ledger import Ledger
from core.adapters.simulator.tape import Bell, Tape, Tick
from core.clock import Clock
from core.domain.instrument import Instrument
from core.domain.market import MarketSession, SessionPhase
from core.domain.money import Money, Price, Qty
from core.ids import Symbol
from tests.builders import AAPL

MSFT = Symbol("MSFT")
OPENS = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
CLOSES = datetime(2026, 1, 5, 21, 0, tzinfo=UTC)
INSTRUMENTS = (
    Instrument(AAPL, "Apple Inc.", "NASDAQ"),
    Instrument(MSFT, "Microsoft Corporation", "NASDAQ"),
)
CASH = Money(100_000)


class HandSource:
    """One market day without any history."""

    seed = 1
    start = OPENS
    instruments = INSTRUMENTS
    days: Sequence[date] = (OPENS.date(),)

    def hours(self, day: int) -> tuple[datetime, datetime]:
        return OPENS, CLOSES

    def minutes(self, symbol: Symbol, day: int) -> None:
        return None

    def day_bar(self, symbol: Symbol, day: int) -> None:
        return None

    def spread(self, symbol: Symbol, price: int) -> int:
        return 100

    def ticks_per_minute(self) -> tuple[int, int]:
        return 1, 2


class HandMarket:
    """Exchange, broker and feed on one ledger file; opened again on the same file it goes on from there.

    Attributes:
        now: market time, UTC; each quote is a second after the last.
    """

    def __init__(self, clock: Clock, ledger: Path, now: datetime = OPENS) -> None:
        settings = ExchangeSettings(cash=CASH, fsync=False)
        self.faults = Faults()
        self.exchange = Exchange(INSTRUMENTS, Ledger(ledger, fsync=False), settings)
        self.now = now = max(now, self.exchange.last_time() or now)
        self.broker = SimulatedBroker(self.exchange, self.faults, clock)
        self.feed = SimulatedFeed(Tape(HandSource()), self.faults, clock)
        self.feed.follow(self)
        self.ticks = {
            each.symbol: Tick(
                each.symbol, Price("100.00"), Price("100.02"), Qty(1000), Qty(1000), Price("100.01"), Qty(0),
                Qty(0), halted=False, prev_close=Price("99.50"), time=now,
            )
            for each in INSTRUMENTS
        }  # fmt: skip
        self.exchange.on_bell(Bell(now.date(), now, opens=True))
        for symbol in self.ticks:
            self.show(symbol)

    def session(self) -> MarketSession:
        return MarketSession(self.now, SessionPhase.REGULAR, OPENS, CLOSES)

    def start(self) -> None:
        """Nothing is left to start: the standing quotes were shown."""

    def show(self, symbol: Symbol = AAPL, **changes: object) -> None:
        """Show a quote that differs from the last one in some fields."""
        self.now += timedelta(seconds=1)
        tick = replace(self.ticks[symbol], last_size=Qty(0))
        self.ticks[symbol] = replace(tick, **changes, time=self.now)
        self.exchange.on_tick(self.ticks[symbol])
        self.feed.show(self.ticks[symbol])

    def quote(self, bid: str, ask: str, size: int = 1000, symbol: Symbol = AAPL) -> None:
        """Show bid and ask with the same displayed size."""
        self.show(symbol, bid=Price(bid), ask=Price(ask), bid_size=Qty(size), ask_size=Qty(size))

    def suspend_unseen(self, symbol: Symbol = AAPL, *, suspended: bool = True) -> None:
        """Let the exchange refuse every order for a stock, or take them again, and tell nobody."""
        known = self.exchange._floor._instruments
        known[symbol] = replace(known[symbol], tradable=not suspended)

    def refresh(self) -> None:
        """Show every standing quote again, so that none is too old for the rules."""
        for symbol in self.ticks:
            self.show(symbol)
