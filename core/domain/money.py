"""Exact decimal values: a float is refused, and so is anything that is not finite.

`Price`, `Qty` and `Money` are Decimals with a guarded door. Arithmetic on them gives a plain
`Decimal`, which goes through a door again before it is stored or sent; so no result carries
a name that nobody gave it.
"""

from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Self

Numeric = Decimal | int | str

_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
_LIMIT = Decimal(10) ** 18
_ACCEPTED: tuple[type, ...] = (Decimal, int, str)

CENT = Decimal("0.01")
ZERO = Decimal(0)


class _Exact(Decimal):
    __slots__ = ()

    def __new__(cls, value: Numeric) -> Self:
        if type(value) is cls:
            return value
        if not isinstance(value, _ACCEPTED) or isinstance(value, bool):
            raise TypeError(f"{cls.__name__} takes Decimal, int or text, not {type(value).__name__}")
        try:
            made = super().__new__(cls, value)
        except InvalidOperation as error:
            raise ValueError(f"{cls.__name__}: {value!r} is not a number") from error
        if not made.is_finite():
            raise ValueError(f"{cls.__name__}: {value!r} is not finite")
        if not -_LIMIT < made < _LIMIT:
            raise ValueError(f"{cls.__name__}: {value!r} is beyond 18 digits")
        return made

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (str(self),)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


class Price(_Exact):
    """Dollars for one share."""

    __slots__ = ()


class Qty(_Exact):
    """Shares; at most nine decimals in an order."""

    __slots__ = ()


class Money(_Exact):
    """Dollars."""

    __slots__ = ()


def notional(qty: Decimal, price: Decimal) -> Money:
    """Multiply shares by dollars a share, exactly.

    Raises:
        decimal.Inexact: the product has more digits than can be kept; nothing was rounded.
    """
    return Money(_EXACT.multiply(qty, price))


def plain(value: Decimal) -> str:
    """Write a value without an exponent and without trailing zeros beyond those it has."""
    return format(value, "f")


def normal(value: Decimal) -> Decimal:
    """Drop trailing zeros, so that equal values have one spelling."""
    if value == 0:
        return ZERO
    stripped = value.normalize(_EXACT)
    exponent = stripped.as_tuple().exponent
    return (
        stripped.quantize(Decimal(1), context=_EXACT)
        if isinstance(exponent, int) and exponent > 0
        else stripped
    )
