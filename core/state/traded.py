"""What was bought and sold on each market day, in dollars."""

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from core.domain.execution import Fill
from core.domain.money import ZERO

_EXCHANGE_TIME = ZoneInfo("America/New_York")
# A fill may be told after the next day has begun; what lies further back nobody asks for.
_DAYS = 5


class Traded:
    """Live truth in memory; written by the core loop only."""

    def __init__(self) -> None:
        self._by_day: dict[date, Decimal] = {}

    def note(self, fill: Fill) -> None:
        """Count a fill on its market day; one that takes another back lessens the day it is told on."""
        day = fill.transact_time.astimezone(_EXCHANGE_TIME).date()
        if day not in self._by_day and len(self._by_day) >= _DAYS:
            oldest = min(self._by_day)
            if day < oldest:
                return
            del self._by_day[oldest]
        value = fill.value if fill.corrects is None else -fill.value
        self._by_day[day] = self._by_day.get(day, ZERO) + value

    def on(self, day: date) -> Decimal:
        """Return the dollars of one market day, never negative."""
        return max(self._by_day.get(day, ZERO), ZERO)
