"""What daily bars tell of a symbol by themselves: how far it moves in a day, and how much of it trades."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from core.domain.market import Bar

RANGE_DAYS = 14
VOLUME_DAYS = 20


def average_true_range(bars: Sequence[Bar], days: int = RANGE_DAYS) -> Decimal | None:
    """Return the average true range in dollars, smoothed as by its author (Wilder 1978).

    It begins with the mean of the first `days` true ranges; from then on each new one counts 1 / `days`.

    Args:
        bars: of whole days, oldest first.
        days: of the average.

    Returns:
        None where there are not more bars than days.
    """
    ranges = [
        max(bar.high - bar.low, abs(bar.high - before.close), abs(bar.low - before.close))
        for before, bar in pairwise(bars)
    ]
    if len(ranges) < days:
        return None
    average = sum(ranges[:days], Decimal(0)) / days
    for each in ranges[days:]:
        average = (average * (days - 1) + each) / days
    return average


def usual_volume(bars: Sequence[Bar], days: int = VOLUME_DAYS) -> Decimal | None:
    """Return the mean of the shares that traded on each of the last days (A10); None with fewer bars."""
    if len(bars) < days:
        return None
    return sum((bar.volume for bar in bars[-days:]), Decimal(0)) / days
