"""What is wanted of the breakers, of the alarms and of the report of a day."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from core.domain.alarms import Alarm, AlarmId
from core.domain.breakers import BreakerBoard, BreakerName, BreakerRecord
from core.domain.commands import Command
from core.domain.reports import DailyReport


@dataclass(frozen=True, slots=True)
class AcknowledgeBreaker(Command[BreakerRecord]):
    """Take a trip for understood, by an administrator, with a reason; trading is resumed apart from it."""

    name: BreakerName
    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class LoadBreakers(Command[BreakerBoard]):
    """How every breaker stands, and its history."""

    limit: int = 200


@dataclass(frozen=True, slots=True)
class LoadAlarms(Command[tuple[Alarm, ...]]):
    """The alarms that nobody has seen, oldest first."""


@dataclass(frozen=True, slots=True)
class AcknowledgeAlarms(Command[tuple[Alarm, ...]]):
    """Say that a person has seen these alarms; answers those that still wait."""

    alarm_ids: tuple[AlarmId, ...]


@dataclass(frozen=True, slots=True)
class LoadDailyReport(Command[DailyReport]):
    """What a market day came to, from the database; None for the one that runs."""

    market_date: date | None = None


@dataclass(frozen=True, slots=True)
class ExportDailyReport(Command[tuple[Path, ...]]):
    """Write the report of a market day into a folder, as JSON and as CSV; answers the files."""

    folder: Path
    market_date: date | None = None
