"""Reading Alpaca's JSON field by field: exact numbers, or an error that names the field."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from core.domain.money import Money, Price, Qty
from core.errors import Unreadable

T = TypeVar("T")
N = TypeVar("N", Price, Qty, Money)

# Nanoseconds, as Alpaca writes them, are more than a datetime holds.
_FRACTION = re.compile(r"(\.\d{6})\d+")
_LONGEST_WORD = 80
_MOST_DIGITS = 30
_FINEST = -20


class FieldUnreadableError(Unreadable):
    """A field that is needed is missing or is not what it must be; the whole answer is of no use.

    Attributes:
        field: its name, with what it stands in.
    """

    def __init__(self, field: str, expected: str, found: object) -> None:
        super().__init__(f"Alpaca: {field}: expected {expected}, found {_shown(found)}")
        self.field = field


class Row:
    """One JSON object. Names of what it stands for go into the errors.

    Raises:
        FieldUnreadableError: it is no object.
    """

    def __init__(self, what: str, content: object) -> None:
        if not isinstance(content, dict):
            raise FieldUnreadableError(what, "an object", content)
        self._what = what
        self._content: dict[str, Any] = content

    def get(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Return what stands there; None where nothing does."""
        return self._content.get(name)

    def word(self, name: str) -> str:
        """Return a text that must be there."""
        found = self.word_or(name)
        if not found:
            raise self._unreadable(name, "a text", self.get(name))
        return found

    def word_or(self, name: str, otherwise: str = "") -> str:
        """Return a text, or what stands for its absence."""
        found = self.get(name)
        return found if isinstance(found, str) else otherwise

    def flag(self, name: str) -> bool:
        """Return whether a field is true; anything else is not."""
        return self.get(name) is True

    def number(self, name: str, kind: Callable[[str], N]) -> N:
        """Return a number that must be there."""
        found = self.number_or(name, kind)
        if found is None:
            raise self._unreadable(name, "a number", None)
        return found

    def number_or(self, name: str, kind: Callable[[str], N]) -> N | None:
        """Return a number, or None where there is none; something else than a number is an error."""
        found = self.get(name)
        if found is None or found == "":
            return None
        if isinstance(found, bool) or not isinstance(found, str | int | Decimal):
            raise self._unreadable(name, "a number", found)
        try:
            made = kind(str(found))
        except (ValueError, ArithmeticError) as error:
            raise self._unreadable(name, "a number", found) from error
        if not _is_sized(made):
            raise self._unreadable(name, "a number that can be kept exactly", found)
        return made

    def time(self, *names: str) -> datetime:
        """Return the first of some times that is there, UTC, cut to microseconds."""
        for name in names:
            found = self.time_or(name)
            if found is not None:
                return found
        raise self._unreadable(" or ".join(names), "a time", None)

    def time_or(self, name: str) -> datetime | None:
        """Return a time, UTC, cut to microseconds; None where there is none."""
        found = self.get(name)
        if found is None or found == "":
            return None
        if not isinstance(found, str):
            raise self._unreadable(name, "a time", found)
        try:
            at = datetime.fromisoformat(_FRACTION.sub(r"\1", found))
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self._unreadable(name, "a time", found) from error

    def row(self, name: str) -> "Row":
        """Return an object that must be there."""
        return Row(f"{self._what} {name}", self.get(name))

    def rows(self, name: str) -> Iterator["Row"]:
        """Return the objects of a list; none where there is no list."""
        found = self.get(name)
        for content in found if isinstance(found, list) else ():
            yield Row(f"{self._what} {name}", content)

    def _unreadable(self, name: str, expected: str, found: object) -> FieldUnreadableError:
        return FieldUnreadableError(f"{self._what} {name}", expected, found)


def _is_sized(number: Decimal) -> bool:
    # Of two such numbers the product is still exact, and written out each is short.
    _, digits, exponent = number.as_tuple()
    return len(digits) <= _MOST_DIGITS and isinstance(exponent, int) and exponent >= _FINEST


def rows_of(what: str, content: object) -> tuple[Row, ...]:
    """Take a list of objects apart.

    Raises:
        FieldUnreadableError: it is none.
    """
    if not isinstance(content, list):
        raise FieldUnreadableError(what, "a list", content)
    return tuple(Row(what, each) for each in content)


def _shown(found: object) -> str:
    if found is None:
        return "nothing"
    text = found if isinstance(found, str) else type(found).__name__
    return repr(text[:_LONGEST_WORD])
