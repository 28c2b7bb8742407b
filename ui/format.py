"""Numbers, times and words for people; pure but for the one switch of the time zone.

Unknown is ``None`` and shows an em dash; zero shows without a sign. Minus is U+2212, and a thin space stands
before %.
"""

from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from core.domain.access import Mode, Role, TradingState
from core.domain.terms import Contingency, OrdStatus, OrdType, Side, TimeInForce

UNKNOWN = "\u2014"
MINUS = "\u2212"
THIN_SPACE = "\u2009"
ROUND_LOT = 100
TIMES = "\u00d7"

_CACHE = 2048
_DOLLAR = Decimal(1)


class Zone(StrEnum):
    """Whose clock the window shows: the exchange's, this computer's, or UTC."""

    ET = "et"
    LOCAL = "local"
    UTC = "utc"


def _minus(text: str) -> str:
    return MINUS + text[1:] if text.startswith("-") else text


@lru_cache(maxsize=_CACHE)
def price(value: Decimal | None) -> str:
    """Write dollars a share: two decimals from one dollar up, four below."""
    if value is None:
        return UNKNOWN
    return _minus(f"{value:,.2f}" if abs(value) >= _DOLLAR or value == 0 else f"{value:,.4f}")


def exact(value: Decimal | None) -> str:
    """Write every digit that the number has, for a print finer than a cent or a figure taken apart."""
    if value is None:
        return UNKNOWN
    exponent = value.as_tuple().exponent
    places = max(2, -exponent) if isinstance(exponent, int) else 2
    return _minus(f"{value:,.{places}f}")


@lru_cache(maxsize=_CACHE)
def qty(value: Decimal | int | None) -> str:
    """Write shares: separators, a fraction of up to nine decimals without trailing zeros."""
    if value is None:
        return UNKNOWN
    text = f"{value:,.9f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else _minus(text)


@lru_cache(maxsize=_CACHE)
def money(value: Decimal | None, decimals: int = 2) -> str:
    """Write dollars that are not a gain or a loss; a debt has a minus, nothing has a plus."""
    return UNKNOWN if value is None else _minus(_unsigned_zero(f"{value:,.{decimals}f}"))


@lru_cache(maxsize=_CACHE)
def pnl(value: Decimal | None, decimals: int = 2) -> str:
    """Write a gain or a loss: always a sign, but for zero, which has none."""
    if value is None:
        return UNKNOWN
    text = _unsigned_zero(f"{value:+,.{decimals}f}")
    return _minus(text)


def _unsigned_zero(text: str) -> str:
    return text if any(digit in "123456789" for digit in text) else text.lstrip("+-")


def sign(value: Decimal | None, decimals: int = 2) -> int:
    """Return -1, 0 or 1 as the *written* figure has it: what rounds to 0.00 has no colour and no arrow."""
    if value is None:
        return 0
    rounded = round(value, decimals)
    return (rounded > 0) - (rounded < 0)


def percent(value: Decimal | None, decimals: int = 1) -> str:
    """Write a percentage that is given in percent (15.2, not 0.152)."""
    return UNKNOWN if value is None else f"{money(value, decimals)}{THIN_SPACE}%"


def signed_percent(value: Decimal | None, decimals: int = 2) -> str:
    """Write a change in percent, with its sign."""
    return UNKNOWN if value is None else f"{pnl(value, decimals)}{THIN_SPACE}%"


@lru_cache(maxsize=_CACHE)
def sizes(bid: Decimal | int | None, ask: Decimal | int | None) -> str:
    """Write the round lots of 100 shares on offer at both sides, as ``3 × 5``."""
    return UNKNOWN if bid is None or ask is None else f"{_lots(bid)} {TIMES} {_lots(ask)}"


def _lots(shares: Decimal | int) -> str:
    whole, rest = divmod(shares, ROUND_LOT)
    return f"{whole:,}" if not rest else f"{shares / ROUND_LOT:,.1f}"


def bid_ask(bid: Decimal | None, ask: Decimal | None) -> str:
    """Write both prices, as ``189.41 × 189.43``."""
    return f"{price(bid)} {TIMES} {price(ask)}"


def age(seconds: float | None) -> str:
    """Write the age of a value under a head that says s: tenths, then whole seconds, then a unit."""
    if seconds is None:
        return UNKNOWN
    if seconds < 100:
        return f"{max(0.0, seconds):.1f}"
    return f"{seconds:.0f}" if seconds < 1000 else span(seconds)


def span(seconds: float | None) -> str:
    """Write how long something has lasted, in its largest unit: ``9 s``, ``5 h``, ``12 d``."""
    if seconds is None:
        return UNKNOWN
    for limit, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= limit:
            return f"{int(seconds // limit)} {unit}"
    return f"{int(max(0.0, seconds))} s"


def size(count: int) -> str:
    """Write a number of bytes in its largest unit, as ``1.2 MB``."""
    for unit, least in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= least:
            return f"{count / least:.1f} {unit}"
    return f"{count} B"


def long_span(seconds: float) -> str:
    """Write a duration in hours and minutes, as ``1 h 27 m``."""
    minutes = int(seconds // 60)
    hours, rest = divmod(minutes, 60)
    if not minutes:
        return span(seconds)
    return f"{hours} h {rest} m" if hours else f"{rest} m"


_zone: list[Zone] = [Zone.ET]


def zone() -> Zone:
    """Return the zone in which the window writes times."""
    return _zone[0]


def set_zone(new: Zone) -> None:
    """Write all times in another zone from now on; who shows one must show it again. GUI thread only."""
    _zone[0] = new


def zone_word() -> str:
    """Return the name that stands beside a time: ET, UTC, or local."""
    return {Zone.ET: "ET", Zone.LOCAL: "local", Zone.UTC: "UTC"}[zone()]


@lru_cache(maxsize=4)
def _tz(which: Zone) -> tzinfo | None:
    from zoneinfo import ZoneInfo  # not for the start: it looks where this computer keeps the zones

    return {Zone.ET: ZoneInfo("America/New_York"), Zone.LOCAL: None, Zone.UTC: UTC}[which]


def in_zone(moment: datetime) -> datetime:
    """Return an aware moment on the clock of the window's zone.

    Raises:
        ValueError: The moment has no zone, so nobody can say when it was.
    """
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be shown")
    return moment.astimezone(_tz(zone()))


def from_zone(shown: datetime) -> datetime:
    """Return the moment, UTC, at which the clock of the window's zone shows this."""
    tz = _tz(zone())
    return (shown if tz is None else shown.replace(tzinfo=tz)).astimezone(UTC)


def clock(moment: datetime | None) -> str:
    """Write the time of day to the second, without its zone: ``14:32:07``."""
    return UNKNOWN if moment is None else f"{in_zone(moment):%H:%M:%S}"


def clock_ms(moment: datetime | None) -> str:
    """Write the time of day to the millisecond: ``14:31:58.412``."""
    if moment is None:
        return UNKNOWN
    shown = in_zone(moment)
    return f"{shown:%H:%M:%S}.{shown.microsecond // 1000:03d}"


def clock_zone(moment: datetime | None) -> str:
    """Write the time of day with its zone: ``14:32:07 ET``."""
    return UNKNOWN if moment is None else f"{clock(moment)} {zone_word()}"


def date_time(moment: datetime) -> str:
    """Write day and time of a moment, in the chosen zone: ``20 Nov 14:32:07``."""
    return f"{day(moment)} {clock(moment)}"


def day(moment: datetime | None) -> str:
    """Write the date as on the axis: ``Fri 20 Nov``."""
    return UNKNOWN if moment is None else f"{in_zone(moment):%a} {in_zone(moment).day} {in_zone(moment):%b}"


_WORDS: tuple[tuple[StrEnum, str], ...] = (
    (Side.BUY, "Buy"),
    (Side.SELL, "Sell"),
    (OrdType.MARKET, "Market"),
    (OrdType.LIMIT, "Limit"),
    (OrdType.STOP, "Stop"),
    (OrdType.STOP_LIMIT, "Stop limit"),
    (OrdType.TRAILING_STOP, "Trailing stop"),
    (TimeInForce.DAY, "Day"),
    (TimeInForce.GTC, "GTC"),
    (TimeInForce.IOC, "IOC"),
    (TimeInForce.FOK, "FOK"),
    (TimeInForce.OPG, "OPG"),
    (TimeInForce.CLS, "CLS"),
    (Contingency.BRACKET, "Bracket"),
    (Contingency.OCO, "Take profit or stop loss"),
    (OrdStatus.PENDING_NEW, "Sending"),
    (OrdStatus.NEW, "Working"),
    (OrdStatus.PARTIALLY_FILLED, "Part filled"),
    (OrdStatus.FILLED, "Filled"),
    (OrdStatus.PENDING_CANCEL, "Cancelling"),
    (OrdStatus.CANCELED, "Cancelled"),
    (OrdStatus.PENDING_REPLACE, "Replacing"),
    (OrdStatus.REPLACED, "Replaced"),
    (OrdStatus.REJECTED, "Rejected"),
    (OrdStatus.EXPIRED, "Expired"),
    (OrdStatus.DONE_FOR_DAY, "Done for today"),
    (OrdStatus.SUSPENDED, "Held by the broker"),
    (OrdStatus.UNKNOWN, "Unknown"),
    (TradingState.ACTIVE, "ACTIVE"),
    (TradingState.REDUCING, "REDUCING"),
    (TradingState.HALTED, "HALTED"),
    (Mode.SIM, "SIM"),
    (Mode.PAPER, "PAPER"),
    (Mode.LIVE, "LIVE"),
    (Role.VIEWER, "Viewer"),
    (Role.TRADER, "Trader"),
    (Role.ADMIN, "Administrator"),
)
# Enums of equal value are equal as keys, so the type is part of the key.
_BY_TYPE: dict[tuple[type[StrEnum], str], str] = {(type(each), each.value): text for each, text in _WORDS}


def word(value: StrEnum) -> str:
    """Return the word for people of an enum's machine value, such as ``Stop limit``."""
    found = _BY_TYPE.get((type(value), value.value))
    return found if found is not None else value.value.replace("_", " ").capitalize()
