"""Reads what came over the wire: any text gives plain values, or `Unreadable`, and nothing else.

Numbers become Decimal from their text. A string is taken for a number where one is expected;
NaN, Infinity and what is out of any range are no numbers. Words from outside are made plain text.
"""

import json
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from core.domain.money import Price, Qty
from core.ids import Symbol

Row = Mapping[str, object]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_FINEST = Decimal("0.000001")
_MOST_DOLLARS = Decimal(10) ** 8
_MOST_SHARES = Decimal(10) ** 13
_LONGEST_NUMBER = 40
_LONGEST_SYMBOL = 16
_SYMBOL_SIGNS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")


class Unreadable(ValueError):
    """What came is not what the documents describe; says where and what."""


def document(text: bytes | str) -> object:
    """Parse JSON.

    Raises:
        Unreadable: it is none, or it is nested deeper than any answer.
    """
    try:
        # NaN and Infinity stay words, so that they are no number, and not nothing either.
        return json.loads(text, parse_float=_decimal, parse_constant=str)
    except RecursionError as error:
        raise Unreadable("the answer is nested too deeply") from error
    except ValueError as error:
        raise Unreadable(f"expected JSON, found {excerpt(text)}") from error


def excerpt(text: bytes | str) -> str:
    """Quote the beginning of what came, as plain text."""
    start = text[:80].decode("utf-8", "replace") if isinstance(text, bytes) else text[:80]
    return repr(plain_text(start, 60)) if start.strip() else "nothing"


def row(value: object, what: str) -> Row:
    """Take an object.

    Raises:
        Unreadable: it is something else.
    """
    if not isinstance(value, dict):
        raise Unreadable(f"{what}: expected an object, found {type(value).__name__}")
    return value


def rows(value: object, what: str) -> list[object]:
    """Take a list.

    Raises:
        Unreadable: it is something else.
    """
    if not isinstance(value, list):
        raise Unreadable(f"{what}: expected a list, found {type(value).__name__}")
    return value


def number(value: object) -> Decimal | None:
    """Read a number, or a string that is one; None if it is neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value) if abs(value) < 10**_LONGEST_NUMBER else None
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER:
        value = _decimal(value)
    return value if isinstance(value, Decimal) and value.is_finite() else None


def price(value: object) -> Price | None:
    """Read dollars above 0, to a millionth; None if it is nothing of the kind."""
    found = number(value)
    if found is None or not _FINEST <= found < _MOST_DOLLARS:
        return None
    return Price(_rounded(found))


def shares(value: object) -> Qty | None:
    """Read a count of shares, 0 included; None if it is nothing of the kind."""
    found = number(value)
    if found is None or not 0 <= found < _MOST_SHARES:
        return None
    return Qty(_rounded(found))


def whole(value: object) -> int | None:
    """Read a whole number; None if it is none."""
    found = number(value)
    if found is None or abs(found) >= 10**19 or found != found.to_integral_value():
        return None
    return int(found)


def moment_ms(value: object) -> datetime | None:
    """Read milliseconds since 1970; None outside of 1980 to 2100."""
    found = whole(value)
    return None if found is None else _moment(found * 1000)


def moment_ns(value: object) -> datetime | None:
    """Read nanoseconds since 1970, to the microsecond; None outside of 1980 to 2100."""
    found = whole(value)
    return None if found is None else _moment(found // 1000)


def moment_text(value: object) -> datetime | None:
    """Read a date and time with its zone; None if it is none."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return None if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def symbol(value: object) -> Symbol | None:
    """Read a symbol in upper case; None for anything else, preferred shares (`BACpL`) included."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_SYMBOL:
        return None
    return Symbol(value) if set(value) <= _SYMBOL_SIGNS and value[0].isalnum() else None


def plain_text(value: object, longest: int = 200) -> str:
    """Return words for people: no line breaks, control signs or marks of direction, and not endless."""
    text = value if isinstance(value, str) else ""
    kept = (" " if each in "\n\r\t\u2028\u2029" else each for each in text[: longest * 2])
    clean = "".join(each for each in kept if not unicodedata.category(each).startswith("C"))
    return " ".join(clean.split())[:longest]


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _rounded(value: Decimal) -> Decimal:
    exponent = value.as_tuple().exponent
    return value.quantize(_FINEST) if isinstance(exponent, int) and exponent < -6 else value


def _moment(microseconds: int) -> datetime | None:
    if not 0 <= microseconds < 5 * 10**15:
        return None
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment if _FIRST <= moment < _LAST else None
