"""What measures the breakers' figures."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from core.domain.breakers import BreakerName, BreakerRecord


@dataclass(frozen=True, slots=True)
class Reading:
    """What one breaker measures at this moment.

    Attributes:
        figure: in the unit of the breaker; None is unknown.
        text: one plain sentence for a trip.
        source: the way in that it is about, for `PAUSE_SOURCE`; empty otherwise.
    """

    name: BreakerName
    figure: Decimal | None
    text: str = ""
    source: str = ""


class Watch(Protocol):
    """Measures one or more breakers."""

    def readings(self) -> tuple[Reading, ...]:
        """Return every figure as it is now."""
        ...

    def forget(self, record: BreakerRecord) -> None:
        """Begin anew after the acknowledgement of a breaker, which may be none of its own."""
        ...
