"""Beginning a stream again: how soon, how often, and when only a person can help."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

import structlog

from core.bus import Bus
from core.clock import Clock
from core.domain.messages import LinkState, Notice, Part, Severity
from core.errors import BrokerError, ConnectionLimit, CredentialsRefused, NotEntitled, StorageError
from core.tasks import Tasks

# Seconds before each next try; the last one goes on. What is lost at once counts on from where it stood.
BACK_OFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 28.0)
# Each wait is shortened by up to this part, so that many programs do not come back in the same moment.
_JITTER = 0.15
# Links that wait long take turns, so that one of them notices within this time that the network is back.
TURN_S = 14.0
MOST_TRIES = 30
WINDOW_S = 600.0
_STEADY_S = 10.0

# Trying again does not help, and may lock the account: a person decides.
ASKS_A_PERSON = (CredentialsRefused, ConnectionLimit, NotEntitled)

Up = Callable[[], None]

_log = structlog.get_logger("links")


@dataclass(frozen=True, slots=True)
class Means:
    """What each part that runs by itself needs.

    Attributes:
        rng: where chance comes from; seeded in tests.
    """

    clock: Clock
    bus: Bus
    tasks: Tasks
    rng: Random


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream, as its supervisor sees it.

    Attributes:
        parts: what the status bar calls it.
        read: connect once, call the argument when it is up, and read to the end or to an error.
        lose: shut the door that stands open while it is up; called at least once after each loss.
    """

    parts: tuple[Part, ...]
    read: Callable[[Up], Awaitable[None]]
    lose: Callable[[], None]


class Turns:
    """All supervisors of one profile: they take turns in waiting, and wake one another."""

    def __init__(self) -> None:
        self._members: list[Supervisor] = []
        self._last = 0.0

    def join(self, member: "Supervisor") -> None:
        """Take part."""
        self._members.append(member)

    def plan(self, now: float, wait: float) -> float:
        """Return the seconds to wait, so that no two long waits end within one turn of each other."""
        if wait < TURN_S:
            return wait
        self._last = max(now + wait, self._last + TURN_S)
        return self._last - now

    def found(self, finder: "Supervisor") -> None:
        """Wake the others: where one got through, they may too."""
        for member in self._members:
            if member is not finder:
                member.wake()


class Supervisor:
    """Keeps one stream up. Runs on the core loop.

    Args:
        stream: what is kept up.
        show: called with each new state of a part, and why.
        turns: shared with the supervisors of the other streams.
    """

    def __init__(
        self, stream: Stream, show: Callable[[Part, LinkState, str], None], turns: Turns, means: Means
    ) -> None:
        self._stream = stream
        self._show_part = show
        self._turns = turns
        self._means = means
        self._clock = means.clock
        self._tries: deque[float] = deque()
        self._failures = 0
        self._up_since: float | None = None
        self._reading: asyncio.Task[Exception | None] | None = None
        self._reason = ""
        self._wake = asyncio.Event()
        self._asked = asyncio.Event()
        self._fault: Exception | None = None
        turns.join(self)

    async def run(self) -> None:
        """Begin the stream again and again, until cancelled."""
        try:
            while True:
                await self._begin()
        finally:
            self._stream.lose()

    async def _begin(self) -> None:
        await self._keep_to_cap()
        self._show(LinkState.CONNECTING)
        error = await self._attempt()
        self._stream.lose()
        reason = self._reason if error is None else str(error)
        if isinstance(error, ASKS_A_PERSON):
            await self._stop(reason)
            return
        wait = self._turns.plan(self._clock.monotonic(), self._wait_s())
        self._show(LinkState.DOWN, reason)
        _log.warning("link.lost", parts=self._names, reason=reason, again_in_s=round(wait, 1))
        await self._rest(wait)

    def wake(self) -> None:
        """End the wait before the next try."""
        self._wake.set()

    def interrupt(self, reason: str, fault: Exception | None = None) -> None:
        """Take the stream for lost, whatever it says itself, and begin it again.

        Args:
            reason: why, for a person.
            fault: what a call beside the stream met; decides whether it is tried again by itself.
        """
        self.wake()
        if self._reading is not None and not self._reading.done():
            self._reason, self._fault = reason, fault
            self._stream.lose()
            self._reading.cancel()

    def reconnect(self) -> None:
        """Begin anew because a person said so: what was tried before counts no more."""
        self._tries.clear()
        self._failures = 0
        self._asked.set()
        self.interrupt("it is begun again, as it was asked for")

    @property
    def _names(self) -> list[str]:
        return [part.value for part in self._stream.parts]

    def _show(self, state: LinkState, text: str = "") -> None:
        for part in self._stream.parts:
            self._show_part(part, state, text)

    def _up(self) -> None:
        self._up_since = self._clock.monotonic()
        self._show(LinkState.UP)
        self._turns.found(self)

    async def _attempt(self) -> Exception | None:
        self._tries.append(self._clock.monotonic())
        self._up_since, self._reason, self._fault = None, "the stream ended", None
        reading = self._reading = self._means.tasks.spawn(self._read_to_its_end(), "stream")
        await asyncio.wait({reading})
        return self._fault if reading.cancelled() else reading.result()

    async def _read_to_its_end(self) -> Exception | None:
        try:
            await self._stream.read(self._up)
        except (BrokerError, StorageError) as error:
            return error
        return None

    def _wait_s(self) -> float:
        if self._up_since is not None and self._clock.monotonic() - self._up_since >= _STEADY_S:
            self._failures = 0
        wait = BACK_OFF_S[min(self._failures, len(BACK_OFF_S) - 1)]
        self._failures += 1
        return wait * (1.0 - _JITTER * self._means.rng.random())

    async def _keep_to_cap(self) -> None:
        now = self._clock.monotonic()
        while self._tries and now - self._tries[0] >= WINDOW_S:
            self._tries.popleft()
        if len(self._tries) < MOST_TRIES:
            return
        wait = self._tries[0] + WINDOW_S - now
        text = f"Tried {MOST_TRIES} times in ten minutes; the next try is in {wait:.0f} s, or when you ask."
        self._show(LinkState.DOWN, text)
        self._tell(Severity.WARNING, text)
        self._asked.clear()
        await self._until(self._asked, wait)

    async def _stop(self, reason: str) -> None:
        text = f"{reason} It is not tried again until you reconnect."
        _log.error("link.stopped", parts=self._names, reason=reason)
        self._show(LinkState.DOWN, text)
        self._tell(Severity.ALARM, text)
        self._asked.clear()
        await self._asked.wait()

    def _tell(self, severity: Severity, text: str) -> None:
        name = self._names[-1]
        self._means.bus.publish(Notice(severity, f"{name}: {text}", f"link:{name}"))

    async def _rest(self, wait: float) -> None:
        self._wake.clear()
        await self._until(self._wake, wait)

    async def _until(self, event: asyncio.Event, wait: float) -> None:
        told = self._means.tasks.spawn(event.wait(), "wake")
        timer = self._means.tasks.spawn(self._clock.sleep(wait), "back-off")
        try:
            await asyncio.wait({told, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
            timer.cancel()
