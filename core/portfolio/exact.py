"""Arithmetic that never rounds: a result that does not fit raises instead."""

from contextlib import AbstractContextManager
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow, localcontext

_EXACT = Context(prec=90, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
HUNDRED = Decimal(100)


def exactly() -> AbstractContextManager[Context]:
    """Open a block in which Decimal operators are exact, in this thread alone.

    Inside it a result of more than 90 digits raises `decimal.Inexact`: nothing was rounded.
    """
    return localcontext(_EXACT)
