"""One account's requests a minute, shared out: a cancel never waits behind a question.

Alpaca allows 200 a minute and account (its API documentation, rate limits); we stay at 180, so that a request
that was granted late in one minute and sent early in the next finds room.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from core.clock import Clock
from core.errors import RateLimited
from core.tasks import Tasks

PER_MINUTE = 180
WINDOW_S = 60.0
# Of Alpaca's own limit, as its answers tell it, this part is used.
_SHARE = 0.9
# A request that waits moves up by one rank after this long; the rank of cancels stays theirs.
AGES_AFTER_S = 15.0
# Where a refusal does not say until when it holds.
_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 60.0  # a minute is what the limit counts by; more is a clock that is wrong
_SHORTEST_S = 0.001  # below it, a sum of floats may not move at all


class Priority(IntEnum):
    """What goes first."""

    CANCEL = 0
    ORDER = 1
    LOOKUP = 2
    RECONCILE = 3
    REFRESH = 4
    HISTORY = 5


# An order that is late is not sent at all: the market has moved on.
PATIENCE_S: dict[Priority, float] = {
    Priority.CANCEL: 120.0,
    Priority.ORDER: 5.0,
    Priority.LOOKUP: 60.0,
    Priority.RECONCILE: 120.0,
    Priority.REFRESH: 120.0,
    Priority.HISTORY: 300.0,
}


@dataclass(eq=False, slots=True)
class _Waiter:
    priority: Priority
    since: float
    number: int
    granted: asyncio.Future[None] = field(repr=False)

    def rank(self, now: float) -> int:
        if self.priority is Priority.CANCEL:
            return 0
        return max(1, self.priority - int((now - self.since) / AGES_AFTER_S))


class Limiter:
    """Grants requests, never more than the limit in any 60 seconds. Used on the core loop.

    Each priority may use the limit only up to a mark of its own, a ninth of the limit below the one before:
    of 180, the last 20 are for cancels alone, the 20 before for orders and cancels, and so on.

    Args:
        clock: our time.
        per_minute: the limit.
        on_waiting: told how many wait, and the seconds until the first of them may leave.
    """

    def __init__(
        self,
        clock: Clock,
        per_minute: int = PER_MINUTE,
        on_waiting: Callable[[int, float], None] = lambda _count, _wait_s: None,
    ) -> None:
        self._clock = clock
        self._most = per_minute
        self._limit = per_minute
        self._on_waiting = on_waiting
        self._granted: deque[float] = deque()
        self._waiting: list[_Waiter] = []
        self._count = 0
        self._closed_until = 0.0
        self._left: int | None = None
        self._left_until = 0.0
        self._is_told = False
        self._tasks = Tasks()
        self._alarm: asyncio.Task[None] | None = None

    async def take(self, priority: Priority) -> None:
        """Wait until a request of this priority may be sent.

        Raises:
            RateLimited: it would be too late by then; nothing was sent.
        """
        self._count += 1
        waiter = _Waiter(
            priority, self._clock.monotonic(), self._count, asyncio.get_running_loop().create_future()
        )
        self._waiting.append(waiter)
        self._grant()
        try:
            await waiter.granted
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
                self._grant()

    def observe(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer how much the broker itself has left; names in lower case."""
        limit, left, reset = (
            _number(headers, f"x-ratelimit-{name}") for name in ("limit", "remaining", "reset")
        )
        if limit is not None and limit > 0:
            self._limit = max(1, min(self._most, int(limit * _SHARE)))
        if left is None or reset is None:
            return
        until = self._clock.monotonic() + self._seconds_until(reset)
        now = self._clock.monotonic()
        # Another program may trade on the same account, so of two figures for one minute the smaller counts.
        is_same_minute = self._left is not None and now < self._left_until and until < self._left_until + 1.0
        self._left = min(left, self._left or 0) if is_same_minute else left
        self._left_until = until

    def refused(self, retry_after_s: float | None) -> None:
        """Learn that the broker takes nothing more for now."""
        pause = _PAUSE_S if retry_after_s is None else min(max(retry_after_s, 1.0), _LONGEST_PAUSE_S)
        self._closed_until = max(self._closed_until, self._clock.monotonic() + pause)

    def retry_after(self, headers: Mapping[str, str]) -> float | None:
        """Return the seconds until a refused request may be asked again, if the answer says so."""
        seconds = _number(headers, "retry-after")
        if seconds is not None:
            return float(seconds)
        reset = _number(headers, "x-ratelimit-reset")
        wait = 0.0 if reset is None else self._seconds_until(reset)
        return wait if wait > 0 else None

    async def close(self) -> None:
        """Refuse whoever waits."""
        for waiter in tuple(self._waiting):
            self._give_up(waiter, "the broker was closed")
        await self._tasks.close()

    def _seconds_until(self, epoch_s: int) -> float:
        try:
            until = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=epoch_s)
        except OverflowError:
            return 0.0
        return min(max((until - self._clock.now()).total_seconds(), 0.0), _LONGEST_PAUSE_S)

    def _grant(self) -> None:
        now = self._clock.monotonic()
        while self._granted and self._granted[0] + WINDOW_S <= now:
            self._granted.popleft()
        for waiter in sorted(self._waiting, key=lambda each: (each.rank(now), each.number)):
            if self._opens_at(waiter, now) <= now:
                self._granted.append(now)
                if self._left is not None:
                    self._left -= 1
                self._waiting.remove(waiter)
                waiter.granted.set_result(None)
            elif now - waiter.since >= PATIENCE_S[waiter.priority]:
                self._give_up(waiter, f"it waited {PATIENCE_S[waiter.priority]:g} s")
        self._watch(now)

    def _give_up(self, waiter: _Waiter, why: str) -> None:
        self._waiting.remove(waiter)
        if not waiter.granted.done():
            wait = max(0.0, self._opens_at(waiter, self._clock.monotonic()) - self._clock.monotonic())
            words = f"the limit of {self._limit} requests a minute is reached and {why}; nothing was sent"
            waiter.granted.set_exception(RateLimited(words, wait))

    def _opens_at(self, waiter: _Waiter, now: float) -> float:
        """Say when this one may leave, if nobody else does; at most then, since ranks rise."""
        rank = waiter.rank(now)
        kept = rank * (self._limit // (len(Priority) + 3))
        mark = max(1, self._limit - kept)
        over = len(self._granted) - mark
        opens = self._closed_until
        if over >= 0:
            opens = max(opens, self._granted[over] + WINDOW_S)
        if self._left is not None and self._left <= kept and now < self._left_until:
            opens = max(opens, self._left_until)
        return opens

    def _watch(self, now: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if not self._waiting:
            if self._is_told:
                self._is_told = False
                self._on_waiting(0, 0.0)
            return
        wait = max(0.0, min(self._opens_at(each, now) for each in self._waiting) - now)
        ends = min(each.since + PATIENCE_S[each.priority] for each in self._waiting) - now
        self._is_told = True
        self._on_waiting(len(self._waiting), wait)
        # A rank that rises may open the way earlier than was foreseen.
        self._alarm = self._tasks.spawn(
            self._ring(max(_SHORTEST_S, min(wait, ends, AGES_AFTER_S))), "limiter"
        )

    async def _ring(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._alarm = None
        self._grant()


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else None
