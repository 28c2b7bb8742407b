"""Column types that let nothing inexact through: decimals as text, times as whole microseconds."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Generic, TypeVar

from sqlalchemy import BigInteger, Dialect, Text, TypeDecorator

from core.domain.money import Money, Price, Qty, normal, plain

D = TypeVar("D", Price, Qty, Money)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class ExactDecimal(TypeDecorator[D], Generic[D]):
    """A decimal as text in one spelling, so that equal values have equal bytes; a float is refused."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[D]) -> None:
        super().__init__()
        self.kind: type[D] = kind

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if not isinstance(value, Decimal):
            raise TypeError(f"a decimal column takes Decimal, not {type(value).__name__}")
        if not value.is_finite():
            raise ValueError(f"a decimal column takes finite numbers, not {value}")
        return plain(normal(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> D | None:
        return None if value is None else self.kind(value)


class UtcMicros(TypeDecorator[datetime]):
    """A moment as microseconds since 1970-01-01 UTC; a time without a zone is refused."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("a time column takes times with a zone")
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Words(TypeDecorator[str]):
    """Text from outside: half a surrogate pair, which no database takes, is written as its escape."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else value.encode("utf-8", "backslashreplace").decode()
