"""How many proposals are taken: so many wait at a time, so many a minute from one source, one of a thesis."""

from collections import deque
from collections.abc import Iterable

from core.clock import Clock
from core.domain.proposals import Proposal
from core.errors import RefusalCode, Refused

# More than a person can look at: what comes on top is refused, so that a program gone wild fills nothing.
MOST_PENDING = 50
MOST_PER_MINUTE = 30
# Names of sources that are remembered; one that makes up names has the pace of all of them together.
_MOST_SOURCES = 100
_MINUTE_S = 60.0


class Pace:
    """Counts what was proposed, refused ones included, so that a loop that is refused is slowed too."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tries: dict[str, deque[float]] = {}

    def take(self, source: str) -> None:
        """Count a try.

        Raises:
            Refused: `THROTTLED`: the source makes more than a person can look at.
        """
        now = self._clock.monotonic()
        known = source in self._tries or len(self._tries) < _MOST_SOURCES
        tries = self._tries.setdefault(source if known else "", deque(maxlen=MOST_PER_MINUTE + 1))
        while tries and now - tries[0] >= _MINUTE_S:
            tries.popleft()
        tries.append(now)
        if len(tries) > MOST_PER_MINUTE:
            wait_s = _MINUTE_S - (now - tries[1])
            text = f"{source} makes more than {MOST_PER_MINUTE} proposals a minute; nothing was taken."
            raise Refused(RefusalCode.THROTTLED, text, {"retry_after_s": f"{max(wait_s, 0.1):.1f}"})


def refuse_surplus(new: Proposal, waiting: Iterable[Proposal]) -> None:
    """Refuse a proposal for which there is no room, or which waits already.

    Raises:
        Refused: `THROTTLED`.
    """
    pending = list(waiting)
    if any(each.thesis_key == new.thesis_key for each in pending):
        text = f"{new.terms.symbol}: this thesis waits for a decision already."
        raise Refused(RefusalCode.THROTTLED, text)
    if len(pending) >= MOST_PENDING:
        text = f"{MOST_PENDING} proposals wait for a decision; no more are taken until some are decided."
        raise Refused(RefusalCode.THROTTLED, text)
