"""Misfortune between us and the exchange: scripted, as often as it was asked for, and that of a rough day."""

from collections.abc import Callable
from enum import StrEnum

from core.adapters.simulator.rough import CALM_DAY, Luck, RoughDay


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
    """What is to go wrong next. On a calm day nothing does unless a method here was called.

    Args:
        day: how rough the day is.
        seed: what its draws start from.
    """

    def __init__(self, day: RoughDay = CALM_DAY, seed: int = 0) -> None:
        self._luck = Luck(day, seed)
        self._day = day
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
        return _take(self._lost_requests, call) or self._luck.strikes(self._day.lose_request)

    def takes_answer(self, call: Call) -> bool:
        """Say whether this answer gets lost, and count it."""
        return _take(self._lost_answers, call) or self._luck.strikes(self._day.lose_answer)

    def refuses(self, call: Call) -> bool:
        """Say whether this call finds nobody, and count it."""
        if _take(self._unavailable, call):
            return True
        return call not in _WAYS_IN and self._luck.strikes(self._day.be_unavailable)

    def delay_s(self) -> float:
        """Say how many seconds of our clock a call takes on its way, beyond what is usual."""
        return self._luck.delay_s()

    def cuts_stream(self) -> bool:
        """Say whether the report stream is cut now."""
        return self._luck.strikes(self._day.disconnect)

    def copies_of_report(self) -> int:
        """Say how often the next report is delivered: 0, 1 or 2, and count it."""
        if self._drops:
            self._drops -= 1
            return 0
        if self._duplicates:
            self._duplicates -= 1
            return 2
        if self._luck.strikes(self._day.drop_report):
            return 0
        return 2 if self._luck.strikes(self._day.duplicate_report) else 1

    def held_size(self) -> int:
        """Say how many reports are to be kept back before they are delivered."""
        if not self._hold and self._luck.strikes(self._day.reorder_report):
            self._hold = 2
        return self._hold

    def release_hold(self) -> None:
        """Deliver reports as they come again."""
        self._hold = 0


# A program that cannot come in has no day at all.
_WAYS_IN = frozenset({Call.CONNECT, Call.INSTRUMENTS, Call.BARS})


def _take(counts: dict[Call, int], call: Call) -> bool:
    left = counts.get(call, 0)
    if left:
        counts[call] = left - 1
    return left > 0
