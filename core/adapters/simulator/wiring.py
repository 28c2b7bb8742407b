"""An exchange, its market and its two ports, put together and kept moving."""

import asyncio
from pathlib import Path

from core.adapters.simulator.broker import SimulatedBroker
from core.adapters.simulator.exchange import Exchange, ExchangeSettings
from core.adapters.simulator.faults import Faults
from core.adapters.simulator.feed import SimulatedFeed
from core.adapters.simulator.ledger import Ledger
from core.adapters.simulator.market import Market
from core.adapters.simulator.replay import BarReplay
from core.adapters.simulator.rough import CALM_DAY, RoughDay, Weather
from core.adapters.simulator.session import SyntheticSession
from core.adapters.simulator.tape import BarSource, Tape
from core.clock import Clock

STEP_S = 1 / 32  # exact in binary, so that steps add up to whole seconds
_USUAL = ExchangeSettings()


class Simulator:
    """The embedded exchange as the program uses it.

    Attributes:
        broker: the broker port.
        feed: the market-data port.
        exchange: the exchange itself, for external orders and tests.
        faults: what is to go wrong.
        market: market time.
    """

    def __init__(
        self,
        clock: Clock,
        source: BarSource,
        ledger_path: Path,
        settings: ExchangeSettings,
        speed: float,
        day: RoughDay,
    ) -> None:
        tape = Tape(source)
        self.faults = Faults(day, source.seed)
        self.exchange = Exchange(source.instruments, Ledger(ledger_path, fsync=settings.fsync), settings)
        self.feed = SimulatedFeed(tape, self.faults, clock)
        self.market = Market(tape, self.exchange, self.feed.show, Weather(day, source.seed))
        self.feed.follow(self.market)
        self.broker = SimulatedBroker(self.exchange, self.faults, clock)
        self._clock = clock
        self._speed = speed
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Show the standing quotes and let market time run with the clock, on the running loop."""
        self.market.start()
        self._task = asyncio.get_running_loop().create_task(self.run(), name="simulator")
        self._task.add_done_callback(self._when_done)

    async def stop(self) -> None:
        """Halt market time, note where it stands and close the ledger.

        Raises:
            Exception: whatever ended the movement of the market before.
        """
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self.exchange.note_time()
        self.exchange.close()
        if task is not None and not task.cancelled() and (error := task.exception()) is not None:
            raise error

    async def run(self) -> None:
        """Move market time with the clock until the tape ends or the task is cancelled."""
        before = self._clock.monotonic()
        while not self.market.is_over:
            await self._clock.sleep(STEP_S)
            now = self._clock.monotonic()
            closed = self.market.advance((now - before) * self._speed)
            before = now
            if closed:
                await self._clock.sleep(self.exchange.settings.closed_pause_s)
                before = self._clock.monotonic()

    def step(self, seconds: float) -> None:
        """Move market time by hand, to the close at most; needs no loop."""
        self.market.advance(seconds)

    def step_to_close(self) -> None:
        """Move market time to the close of this day."""
        while not self.market.advance(60):
            if self.market.is_over:
                return

    def _when_done(self, task: asyncio.Task[None]) -> None:
        # A market that stands still must be seen: both streams end, and `stop` raises what happened.
        if not task.cancelled() and task.exception() is not None:
            self.broker.drop_stream()
            self.feed.drop_stream()


def synthetic(
    clock: Clock,
    ledger_path: Path,
    seed: int = 7,
    settings: ExchangeSettings = _USUAL,
    speed: float = 1.0,
    preset: RoughDay = CALM_DAY,
) -> Simulator:
    """Make the demo's market: 30 stocks, 60 days of history, trading from half past ten in New York.

    The seed decides the market and, on a rough day, what goes wrong.
    """
    return Simulator(clock, SyntheticSession(seed), ledger_path, settings, speed, preset)


def replay(
    clock: Clock,
    ledger_path: Path,
    path: Path,
    speed: float = 60.0,
    settings: ExchangeSettings = _USUAL,
    preset: RoughDay = CALM_DAY,
) -> Simulator:
    """Make a market of recorded bars.

    Args:
        clock: our time.
        ledger_path: the exchange's own file.
        path: a CSV file, or a folder of `SYMBOL.csv`.
        speed: market seconds a second of the clock.
        settings: how the exchange behaves.
        preset: how rough the day is.

    Raises:
        BadInput: the file cannot be used; file, line and what was expected.
    """
    return Simulator(clock, BarReplay(path), ledger_path, settings, speed, preset)
