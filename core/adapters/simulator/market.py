"""Market time: moves the tape on and shows each event to the exchange and the feed."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from core.adapters.simulator.exchange import Exchange
from core.adapters.simulator.rough import Weather
from core.adapters.simulator.tape import Bell, Tape, Tick
from core.domain.market import MarketSession, SessionPhase


class Market:
    """The tape's place in time. A step never goes beyond a close; the next one opens the next day."""

    def __init__(
        self, tape: Tape, exchange: Exchange, show: Callable[[Tick], None], weather: Weather
    ) -> None:
        self.tape = tape
        self._weather = weather
        self._exchange = exchange
        self._show = show
        self._started = False
        started_before = exchange.last_time()
        self.now = tape.source.start if started_before is None else max(tape.source.start, started_before)
        self._events: Iterator[Tick | Bell] = iter(())
        self._next: Tick | Bell | None = None

    @property
    def is_over(self) -> bool:
        """Whether the tape has no more events."""
        return self._started and self._next is None

    def start(self) -> None:
        """Show the standing quotes of this moment; does nothing the second time."""
        if not self._started:
            self._started = True
            self._events = self.tape.events(self.now)
            self._next = next(self._events, None)
            self.advance(0)

    def advance(self, seconds: float) -> bool:
        """Move on by market seconds, to the close at most; closed hours are skipped.

        Returns:
            Whether the market closed in this step.
        """
        self.start()
        target = self.now + timedelta(seconds=seconds)
        if isinstance(self._next, Bell) and self._next.opens and self._next.time > self.now and seconds > 0:
            target = self._next.time + timedelta(seconds=seconds)
        while self._next is not None and self._next.time <= target:
            event, self._next = self._next, next(self._events, None)
            self.now = event.time
            if isinstance(event, Tick):
                tick = self._weather.through(event)
                self._exchange.on_tick(tick)
                self._show(tick)
            else:
                self._exchange.on_bell(event)
                if not event.opens:
                    return True
        if self._next is not None and self._exchange.is_open:
            self.now = target
            self._exchange.turn(target)
        return False

    def session(self) -> MarketSession:
        """Return market time and the day in force."""
        day = self.tape.day_at(self.now)
        opens, closes = self.tape.source.hours(day)
        if self._started and not self._exchange.is_open and opens > self.now and day > 0:
            opens, closes = self.tape.source.hours(day - 1)
        is_open = opens <= self.now < closes
        return MarketSession(
            self.now, SessionPhase.REGULAR if is_open else SessionPhase.CLOSED, opens, closes
        )
