"""Alarms: what a person must have seen, and who has."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

AlarmId = NewType("AlarmId", int)


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that waits until somebody says that it was seen (B12).

    Attributes:
        alarm_id: counts from 1 in each run of the program.
        text: one plain sentence, as it was told last.
        subject: merges repeats: the same again raises the count of the one that waits.
        raised_at: our time, UTC, of the first.
        count: how often it was raised.
        escalated: nobody has seen it in time, so it is told more loudly.
    """

    alarm_id: AlarmId
    text: str
    subject: str
    raised_at: datetime
    count: int = 1
    escalated: bool = False
