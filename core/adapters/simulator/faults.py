"""Scripted misfortune between us and the exchange; each strikes as often as it was asked for."""

from collections.abc import Callable
from enum import StrEnum


class Call(StrEnum):
    """The calls of the broker port that can go wrong."""

    CONNECT = "connect"
    SUBMIT = "submit"
    CANCEL = "cancel"
    REPLACE = "replace"
    ORDER = "order"
    OPEN_ORDERS = "open_orders"
    POSITIONS = "positions"
    ACCOUNT = "account"
    ACTIVITIES = "activities"
    BARS = "bars"
    INSTRUMENTS = "instruments"


class Faults:
    """What is to go wrong next. Nothing does unless a method here was called."""

    def __init__(self) -> None:
        self._lost_requests: dict[Call, int] = {}
        self._lost_answers: dict[Call, int] = {}
        self._unavailable: dict[Call, int] = {}
        self._duplicates = 0
        self._drops = 0
        self._hold = 0
        self._on_disconnect: list[Callable[[], None]] = []
        self._on_feed_loss: list[Callable[[], None]] = []

    def lose_request(self, call: Call = Call.SUBMIT, times: int = 1) -> None:
        """Lose the next requests on the way: the exchange never sees them, the caller cannot know."""
        self._lost_requests[call] = self._lost_requests.get(call, 0) + times

    def lose_answer(self, call: Call = Call.SUBMIT, times: int = 1) -> None:
        """Lose the next answers: the exchange did what was asked, the caller cannot know."""
        self._lost_answers[call] = self._lost_answers.get(call, 0) + times

    def be_unavailable(self, call: Call = Call.SUBMIT, times: int = 1) -> None:
        """Fail the next calls before anything is sent; for a query, fail it."""
        self._unavailable[call] = self._unavailable.get(call, 0) + times

    def duplicate_reports(self, count: int = 1) -> None:
        """Deliver the next reports twice."""
        self._duplicates += count

    def drop_reports(self, count: int = 1) -> None:
        """Never deliver the next reports; only `activities` has them."""
        self._drops += count

    def hold_reports(self, count: int) -> None:
        """Keep the next reports back until there are so many, then deliver them newest first."""
        self._hold = count

    def disconnect(self) -> None:
        """Cut the report stream now; it comes back with the next `connect`."""
        for action in self._on_disconnect:
            action()

    def lose_feed(self) -> None:
        """Cut the quote stream now; it comes back with the next `connect`."""
        for action in self._on_feed_loss:
            action()

    def when_disconnected(self, action: Callable[[], None]) -> None:
        """Let the broker know of `disconnect`."""
        self._on_disconnect.append(action)

    def when_feed_lost(self, action: Callable[[], None]) -> None:
        """Let the feed know of `lose_feed`."""
        self._on_feed_loss.append(action)

    def takes_request(self, call: Call) -> bool:
        """Say whether this request gets lost, and count it."""
        return _take(self._lost_requests, call)

    def takes_answer(self, call: Call) -> bool:
        """Say whether this answer gets lost, and count it."""
        return _take(self._lost_answers, call)

    def refuses(self, call: Call) -> bool:
        """Say whether this call finds nobody, and count it."""
        return _take(self._unavailable, call)

    def copies_of_report(self) -> int:
        """Say how often the next report is delivered: 0, 1 or 2, and count it."""
        if self._drops:
            self._drops -= 1
            return 0
        if self._duplicates:
            self._duplicates -= 1
            return 2
        return 1

    def held_size(self) -> int:
        """Say how many reports are to be kept back before they are delivered."""
        return self._hold

    def release_hold(self) -> None:
        """Deliver reports as they come again."""
        self._hold = 0


def _take(counts: dict[Call, int], call: Call) -> bool:
    left = counts.get(call, 0)
    if left:
        counts[call] = left - 1
    return left > 0
