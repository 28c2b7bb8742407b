"""How long the broker takes to acknowledge."""

from collections import deque

_KEPT = 200


class AckTimes:
    """Milliseconds of the newest acknowledgements."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=_KEPT)

    def add(self, elapsed_ms: float) -> float:
        """Add one and return the 99th percentile of those kept (nearest rank)."""
        self._times.append(elapsed_ms)
        ordered = sorted(self._times)
        rank = max(0, -(-99 * len(ordered) // 100) - 1)
        return ordered[rank]
