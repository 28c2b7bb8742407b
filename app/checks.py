"""What start-up validation says of each thing that it looked at."""

from collections.abc import Callable
from dataclasses import dataclass

from core.errors import InvestIQError

DO_WHAT_IT_SAYS = "do what the message says, then run this again"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at.

    Attributes:
        found: what is there.
        advice: what to do; empty when it passed.
    """

    name: str
    passed: bool
    found: str
    advice: str = ""


def check(name: str, passed: bool, found: str, advice: str) -> Check:  # noqa: FBT001 - the outcome itself
    """Make a check; the advice stands only where it did not pass."""
    return Check(name, passed, found, "" if passed else advice)


def guarded(name: str, look: Callable[[], Check]) -> Check:
    """Look, and take an error for a check that did not pass."""
    try:
        return look()
    except InvestIQError as error:
        return Check(name, passed=False, found=str(error), advice=DO_WHAT_IT_SAYS)
