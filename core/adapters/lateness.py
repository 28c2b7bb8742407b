"""How late what a feed tells is: on its way, or because two clocks do not agree."""

from datetime import datetime

MOST_SKEW_S = 2.0  # control list A4
_LATE_S = 1.0


class Lateness:
    """Measures one connection. Used on the core loop.

    Attributes:
        skew_s: seconds by which our clock is ahead of the feed's, the way of the fastest message included;
            None before the first message.
    """

    def __init__(self) -> None:
        self.skew_s: float | None = None

    def of(self, arrived: datetime, time: datetime) -> float:
        """Return the seconds by which a message is older than its arrival says.

        What lay in a buffer on its way is as old as that. The fastest message of the connection sets the
        measure, so that two clocks that disagree a little make nothing old. Where they disagree by more,
        nobody knows whether a clock is wrong or every price is late, and the prices count as that old.

        Args:
            arrived: when it came, by our clock, UTC.
            time: when it was made, by the feed's, UTC.
        """
        behind = (arrived - time).total_seconds()
        self.skew_s = behind if self.skew_s is None else min(self.skew_s, behind)
        late, off_by = behind - self.skew_s, abs(self.skew_s)
        return (late if late > _LATE_S else 0.0) + (off_by if off_by >= MOST_SKEW_S else 0.0)
