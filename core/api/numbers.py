"""What the local API counts of itself."""

from collections.abc import Callable

from core.metrics import Counter, Histogram, Registry, watched

_SECONDS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0)
NO_ROUTE = "none"


class Numbers:
    """Requests by call and status, and keys that were refused.

    Args:
        locked_for_s: seconds that a lock-out still lasts.
    """

    def __init__(self, locked_for_s: Callable[[], float]) -> None:
        self.registry = Registry()
        self._requests = Counter(
            "investiq_api_requests", "Requests that were answered.", "method", "route", "status"
        )
        self._seconds = Histogram(
            "investiq_api_seconds", "From a request to its answer.", "route", bounds=_SECONDS
        )
        self.wrong_keys = Counter("investiq_api_wrong_keys", "Requests with a key that is none of ours.")
        self.limited = Counter("investiq_api_limited", "Requests that came too fast.")
        self.registry.add(self._requests, self._seconds, self.wrong_keys, self.limited)
        self.registry.add(
            watched(
                "investiq_api_locked_seconds", "How long unknown keys are still not looked at.", locked_for_s
            )
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer; the route is the template of the call, never the address that was asked for."""
        self._requests.count(method if route != NO_ROUTE else NO_ROUTE, route, str(status))
        self._seconds.observe(seconds, route)
