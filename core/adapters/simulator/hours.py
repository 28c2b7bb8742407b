"""The clock on the exchange's wall: when auctions close their doors and when the evening ends."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.domain.terms import TimeInForce

NEW_YORK = ZoneInfo("America/New_York")

# Alpaca: orders for the opening auction are refused from 09:28, those for the closing auction from 15:50;
# from 19:00 both are taken for the next day.
_DOORS = {TimeInForce.OPG: time(9, 28), TimeInForce.CLS: time(15, 50)}
_EVENING = time(19)
_EXTENDED_END = time(20)


def auction_refusal(in_force: TimeInForce, now: datetime) -> str | None:
    """Return why an order for an auction is refused at a market time, or None."""
    closes = _DOORS[in_force]
    if closes <= now.astimezone(NEW_YORK).time() < _EVENING:
        name = "opening" if in_force is TimeInForce.OPG else "closing"
        return f"the {name} auction takes orders until {closes:%H:%M} New York time, and again from 19:00"
    return None


def extended_end(entered: datetime) -> datetime:
    """Return the end of the extended day, UTC, of an order that came at a market time: the next 20:00."""
    local = entered.astimezone(NEW_YORK)
    end = datetime.combine(local.date(), _EXTENDED_END, NEW_YORK)
    if end <= local:
        end = datetime.combine(local.date() + timedelta(days=1), _EXTENDED_END, NEW_YORK)
    return end.astimezone(UTC)
