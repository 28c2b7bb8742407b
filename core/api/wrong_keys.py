"""Keys that are none of ours: after some of them no further one is looked at for a while.

All senders are on this computer, so no address tells them apart; to lock one out would lock the person out,
and with them the halt and the kill switch. So the lock-out is for unknown keys only: one that is ours goes on
working, whatever others try. It bounds and shows guessing (a key of 32 characters is not guessed); it is kept
over restarts, and its beginning is recorded.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from core.clock import Clock
from core.domain.access import LockOut

MOST_FAILURES = 5
WINDOW_S = 300.0
LOCKED_S = 900.0

Note = Callable[[LockOut], Awaitable[None]]

_log = structlog.get_logger("api")


class WrongKeys:
    """Counts them. Lives on the core loop.

    Args:
        note: keeps how it stands; with an end where a lock-out begins.
    """

    def __init__(self, clock: Clock, note: Note) -> None:
        self._clock = clock
        self._note = note
        self._failures: deque[float] = deque()
        self._until = 0.0

    def restore(self, known: LockOut) -> None:
        """Go on from what was kept; a clock that was set meanwhile makes nothing longer than it was."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        for at in known.failures:
            age = min(max(0.0, (now - at).total_seconds()), WINDOW_S)
            self._failures.append(monotonic - age)
        if known.until is not None:
            self._until = monotonic + min((known.until - now).total_seconds(), LOCKED_S)

    @property
    def locked_for_s(self) -> float:
        """Seconds until an unknown key is looked at again; 0 if it is now."""
        return max(0.0, self._until - self._clock.monotonic())

    async def failed(self) -> None:
        """Count one."""
        now = self._clock.monotonic()
        while self._failures and now - self._failures[0] >= WINDOW_S:
            self._failures.popleft()
        self._failures.append(now)
        begins = len(self._failures) >= MOST_FAILURES
        known = self._known(now)
        if begins:
            self._failures.clear()
            self._until = now + LOCKED_S
            known = LockOut(known.failures, self._clock.now() + timedelta(seconds=LOCKED_S))
            _log.warning("api.locked_out", failures=len(known.failures), for_s=LOCKED_S)
        else:
            _log.info("api.key_refused", failures=len(known.failures))
        await self._note(known)

    def _known(self, now: float) -> LockOut:
        return LockOut(tuple(self._clock.now() - timedelta(seconds=now - each) for each in self._failures))
