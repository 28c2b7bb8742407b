"""Events go to whoever subscribed; one that raises never stops the others."""

from collections.abc import Callable
from typing import TypeVar

import structlog

E = TypeVar("E")
Handler = Callable[[E], None]

_log = structlog.get_logger("bus")


class Bus:
    """Dispatch by exact type, on the core loop, in the order of subscription.

    An event published while another is dispatched waits its turn, so every subscriber
    sees all events in the same order.

    Attributes:
        failures: how often a subscriber raised.
        deepest: most events that ever waited for one another.
    """

    def __init__(self) -> None:
        self._handlers: dict[type[object], list[Callable[[object], None]]] = {}
        self._everything: list[Callable[[object], None]] = []
        self._waiting: list[object] = []
        self._is_dispatching = False
        self.failures = 0
        self.deepest = 0

    def subscribe(self, kind: type[E], handler: Handler[E]) -> None:
        """Call the handler with each event of exactly this type."""
        self._handlers.setdefault(kind, []).append(handler)  # type: ignore[arg-type]

    def subscribe_all(self, handler: Callable[[object], None]) -> None:
        """Call the handler with each event."""
        self._everything.append(handler)

    def publish(self, event: object) -> None:
        """Hand an event to its subscribers; never raises."""
        self._waiting.append(event)
        self.deepest = max(self.deepest, len(self._waiting))
        if self._is_dispatching:
            return
        self._is_dispatching = True
        try:
            while self._waiting:
                self._dispatch(self._waiting.pop(0))
        finally:
            self._is_dispatching = False

    def _dispatch(self, event: object) -> None:
        for handler in (*self._handlers.get(type(event), ()), *self._everything):
            try:
                handler(event)
            except Exception:
                self.failures += 1
                _log.exception("subscriber.failed", event_type=type(event).__name__)
