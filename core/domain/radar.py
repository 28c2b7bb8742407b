"""The risk radar: how much risk there is on each axis, from which inputs, beside what is aimed at."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from core.domain.parameters import RadarAxis, TargetProfile
from core.ids import Symbol


class RadarLevel(StrEnum):
    """The overall score in a word."""

    LOW = "low"
    MODERATE = "moderate"
    ELEVATED = "elevated"
    HIGH = "high"
    CRITICAL = "critical"


class RadarInputName(StrEnum):
    """What the axes are made of; a share, a range and a spread are fractions, not percent."""

    BETA = "beta"
    CORRELATION = "correlation"
    VOLATILITY = "volatility"  # of daily returns, a year
    RANGE = "average_true_range"  # of the last close
    VOLUME = "average_volume"  # shares a day
    SPREAD = "spread"  # of the middle price
    EVENTS = "event_calendar"
    POSITION_WEIGHT = "position_weight"  # of equity
    SECTOR_WEIGHT = "sector_weight"  # of equity
    HOLDINGS = "holdings"
    SENTIMENT = "sentiment"


@dataclass(frozen=True, slots=True)
class RadarInput:
    """One number that an axis is made of.

    Attributes:
        value: None where it is not known.
        missing: why it is not known, one plain sentence; empty where it is.
    """

    name: RadarInputName
    value: Decimal | None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class RadarScore:
    """One axis.

    Attributes:
        score: 0 to 100, two decimals; None (n/a) where an input is missing.
        target: what is aimed at, 0 to 100.
        inputs: what the score was made of; for a portfolio the value-weighted mean of each.
    """

    axis: RadarAxis
    score: Decimal | None
    target: Decimal
    inputs: tuple[RadarInput, ...]

    @property
    def missing(self) -> str:
        """Say in plain words what is missing; empty where the axis has a score."""
        return " ".join(dict.fromkeys(each.missing for each in self.inputs if each.missing))


class RadarSeverity(StrEnum):
    """How far an axis is above its target."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class RadarAlert:
    """An axis that is above its target, and by how many points."""

    axis: RadarAxis
    excess: Decimal
    severity: RadarSeverity


@dataclass(frozen=True, slots=True)
class Radar:
    """The radar of one symbol, or of the portfolio.

    Attributes:
        symbol: None for the portfolio.
        axes: in the order of `RadarAxis`; empty for an empty portfolio, which has no risk to be drawn.
        overall: 0 to 100, over the axes that are known; None where none is.
        known_weight_pct: percent of the weight of all axes that those known have.
        level: of the overall score.
        alerts: axes above their target, the worst first.
        target: the profile that the axes stand beside.
        at: market time, UTC, that the inputs were read at.
    """

    symbol: Symbol | None
    axes: tuple[RadarScore, ...]
    overall: Decimal | None
    known_weight_pct: Decimal
    level: RadarLevel | None
    alerts: tuple[RadarAlert, ...]
    target: TargetProfile
    at: datetime

    @property
    def is_empty(self) -> bool:
        """Whether nothing is held, so that there is nothing to draw."""
        return not self.axes
