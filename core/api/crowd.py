"""Connections of which nobody knows yet whose they are: few, so that whoever opens many shuts nobody out."""

from typing import Protocol

MOST_STRANGERS = 64


class Connection(Protocol):
    """What can be ended."""

    def force_close(self) -> None:
        """End it at once."""
        ...


class Crowd:
    """Ends the oldest stranger where there are too many. Lives on the core loop."""

    def __init__(self, most: int = MOST_STRANGERS) -> None:
        self._most = most
        self._strangers: dict[Connection, None] = {}

    def enter(self, connection: Connection) -> None:
        """Let one in, for which another may have to go."""
        self._strangers[connection] = None
        if len(self._strangers) > self._most:
            oldest = next(iter(self._strangers))
            self.leave(oldest)
            oldest.force_close()

    def leave(self, connection: Connection) -> None:
        """Count one no more: it has ended, or has shown a key."""
        self._strangers.pop(connection, None)
