"""What the emergency file says of breakers that tripped while the database took nothing."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation

import orjson

from core.domain.audit import AuditAction
from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.risk import Unit


def trips(lines: Iterable[bytes], stored: Iterable[BreakerRecord]) -> tuple[BreakerRecord, ...]:
    """List the trips that are newer than what is stored of their breakers, oldest first.

    Args:
        lines: of the file; what is torn or about something else is left out.
        stored: the newest step of each breaker.
    """
    known = {(record.name, record.source): record.at for record in stored}
    found = [trip for trip in map(_trip, lines) if trip is not None]
    newer = (trip for trip in found if trip.at > known.get((trip.name, trip.source), _never(trip)))
    return tuple(sorted(newer, key=lambda trip: trip.at))


def _never(trip: BreakerRecord) -> datetime:
    return datetime.min.replace(tzinfo=trip.at.tzinfo)


def _trip(line: bytes) -> BreakerRecord | None:
    try:
        noted = orjson.loads(line)
        if noted["action"] != AuditAction.BREAKER_TRIPPED.value:
            return None
        facts = orjson.loads(noted["payload"])
        return BreakerRecord(
            name=BreakerName(facts["name"]),
            state=BreakerState.TRIPPED,
            source=str(facts["source"]),
            text=str(facts["text"]),
            value=_number(facts["value"]),
            limit=_number(facts["limit"]),
            unit=Unit(facts["unit"]),
            actor=str(noted["actor"]),
            role=str(noted["role"]),
            reason="",
            at=datetime.fromisoformat(noted["at"]),
        )
    except (orjson.JSONDecodeError, InvalidOperation, KeyError, TypeError, ValueError):
        return None


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
