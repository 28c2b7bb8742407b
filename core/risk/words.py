"""Numbers inside the sentences of a refusal. A figure over its limit is never rounded back onto it."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from math import ceil, isfinite

_CENT = Decimal("0.01")
_ROOMY = Context(prec=120)
NEAREST, UP, DOWN = ROUND_HALF_EVEN, ROUND_CEILING, ROUND_FLOOR


def shares(value: Decimal) -> str:
    """Write a quantity with separators and without trailing zeros."""
    return format(value.normalize(_ROOMY), ",f")


def dollars(value: Decimal, rounding: str = NEAREST) -> str:
    """Write an amount in dollars and cents."""
    return "$" + format(value.quantize(_CENT, rounding, _ROOMY), ",f")


def price(value: Decimal) -> str:
    """Write a price as it is, with at least two decimals."""
    exact = value.normalize(_ROOMY)
    return format(exact.quantize(_CENT, context=_ROOMY) if _decimals(exact) < 2 else exact, ",f")


def percent(value: Decimal, rounding: str = UP) -> str:
    """Write a percentage with up to two decimals."""
    return format(value.quantize(_CENT, rounding, _ROOMY).normalize(_ROOMY), "f") + " %"


def share_word(value: Decimal) -> str:
    """Return the noun that follows a quantity."""
    return "share" if value == 1 else "shares"


def seconds(value: float) -> str:
    """Write an age, to the next tenth of a second: one over its limit is not written as the limit."""
    if not isfinite(value):
        return "unknown seconds"
    tenths = ceil(round(value * 10, 6))
    return f"{tenths // 10} s" if value >= 10 and tenths % 10 == 0 else f"{tenths / 10:.1f} s"


def _decimals(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0
