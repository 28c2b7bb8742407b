"""The wall clocks of bars: the window's for the axis, the exchange's for the session."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from ui import format as fmt
from ui.chart.pyramid import Ints

DAY_S = 86_400
_EXCHANGE = ZoneInfo("America/New_York")


class WallClock:
    """Turns UTC seconds into wall clocks, with one look-up a UTC day.

    That is exact for bars: the US clock changes on a Sunday at 06:00 or 07:00 UTC, when nothing trades.
    """

    def __init__(self) -> None:
        self._zone = fmt.zone()
        self._offsets: dict[int, tuple[int, int]] = {}

    def convert(self, times: Ints) -> tuple[Ints, Ints]:
        """Return seconds of the window's wall clock, and days since 1970 of the exchange's date."""
        if self._zone is not fmt.zone():
            self._zone = fmt.zone()
            self._offsets.clear()
        days, inverse = np.unique(times // DAY_S, return_inverse=True)
        offsets = np.array([self._of_day(int(day)) for day in days], dtype=np.int64).reshape(-1, 2)
        is_date = times % DAY_S == 0
        local = np.where(is_date, times, times + offsets[inverse, 0])
        session = np.where(is_date, times, times + offsets[inverse, 1]) // DAY_S
        return local, session

    def _of_day(self, day: int) -> tuple[int, int]:
        if day not in self._offsets:
            noon = datetime.fromtimestamp(day * DAY_S + DAY_S // 2, tz=UTC)
            self._offsets[day] = _offset_s(fmt.in_zone(noon)), _offset_s(noon.astimezone(_EXCHANGE))
        return self._offsets[day]


def _offset_s(moment: datetime) -> int:
    offset = moment.utcoffset()
    return int(offset.total_seconds()) if offset else 0
