"""Returns, risk and ratios. Pure statistics, so floats; sums are those of `math.fsum`.

A figure that is not defined for what it was given is None, never a stand-in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from math import ceil, exp, expm1, fsum, log1p, sqrt

TRADING_DAYS = 252
_YEAR_DAYS = 365.0
_TAIL = 0.05
# Below this many returns a tail of one in twenty has no member.
_LEAST_FOR_TAIL = 20
# Returns that differ by less than this are the same, but for the rounding of floats.
_FLAT = 1e-12
_FIRST_BRACKET, _WIDEST_BRACKET = 0.125, 16.0  # of the logarithm of 1 + rate
_LARGEST_POWER = 700.0
_HALVINGS = 200


def simple_returns(prices: Sequence[float]) -> list[float]:
    """Return p[t] / p[t-1] - 1 of each price but the first; all above zero."""
    return [after / before - 1 for before, after in pairwise(prices)]


def log_returns(returns: Sequence[float]) -> list[float]:
    """Return ln(1 + r) of simple returns above -1; they add up where simple ones multiply."""
    return [log1p(each) for each in returns]


def compounded(returns: Sequence[float]) -> float | None:
    """Return the product of (1 + r) less 1: over sub-periods, the time-weighted return (GIPS 2020)."""
    if not returns:
        return None
    total = 1.0
    for each in returns:
        total *= 1 + each
    return total - 1


def growth_a_year(returns: Sequence[float]) -> float | None:
    """Return the mean log return times 252: the steady rate a year, continuously compounded.

    None where a day lost everything, after which nothing grows.
    """
    if not returns or min(returns) <= -1:
        return None
    return _mean(log_returns(returns)) * TRADING_DAYS


def volatility(returns: Sequence[float]) -> float | None:
    """Return the sample standard deviation of daily returns times the root of 252, a fraction a year."""
    deviation = _deviation(returns)
    return None if deviation is None else deviation * sqrt(TRADING_DAYS)


def drawdowns(returns: Sequence[float]) -> list[float]:
    """Return how far below its highest so far the compounded value stands, after each return; 0 or below."""
    value = peak = 1.0
    found = []
    for each in returns:
        value *= 1 + each
        peak = max(peak, value)
        found.append(value / peak - 1)
    return found


def sharpe(returns: Sequence[float]) -> float | None:
    """Return mean over sample deviation times the root of 252, over a riskless rate of zero (Sharpe 1994).

    None where the returns do not vary: a ratio to nothing says nothing.
    """
    deviation = _deviation(returns)
    return _mean(returns) / deviation * sqrt(TRADING_DAYS) if deviation else None


def sortino(returns: Sequence[float]) -> float | None:
    """Return mean over the root of the mean square below zero, of all days, times the root of 252.

    After Sortino and Price 1994, with a target of zero. None where no day fell.
    """
    if len(returns) < 2:
        return None
    below = sqrt(fsum(min(each, 0.0) ** 2 for each in returns) / len(returns))
    return _mean(returns) / below * sqrt(TRADING_DAYS) if below else None


def value_at_risk(returns: Sequence[float]) -> float | None:
    """Return what a day loses at most in 95 of 100, as it was: the 5th percentile, interpolated, turned.

    Positive for a loss. The percentile is number 7 of Hyndman and Fan 1996.
    """
    if len(returns) < _LEAST_FOR_TAIL:
        return None
    ordered = sorted(returns)
    place = _TAIL * (len(ordered) - 1)
    low = int(place)
    part = place - low
    return -(ordered[low] + (ordered[low + 1] - ordered[low]) * part)


def expected_shortfall(returns: Sequence[float]) -> float | None:
    """Return the mean loss of the worst twentieth of the days, at least of one (Acerbi and Tasche 2002)."""
    if len(returns) < _LEAST_FOR_TAIL:
        return None
    worst = sorted(returns)[: ceil(_TAIL * len(returns))]
    return -_mean(worst)


@dataclass(frozen=True, slots=True)
class Joined:
    """Returns of the same days.

    Attributes:
        ours: fractions, oldest first.
        theirs: the benchmark's, of the same days.
    """

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def beta(self) -> float | None:
        """Covariance over the variance of the benchmark (the slope of a least-squares line)."""
        spread = self._product(self.theirs, self.theirs)
        return self._product(self.ours, self.theirs) / spread if spread else None

    @property
    def correlation(self) -> float | None:
        """Pearson's r."""
        both = self._product(self.ours, self.ours) * self._product(self.theirs, self.theirs)
        return self._product(self.ours, self.theirs) / sqrt(both) if both else None

    def _product(self, left: Sequence[float], right: Sequence[float]) -> float:
        if len(left) < 2:
            return 0.0
        of_left, of_right = _mean(left), _mean(right)
        return fsum((a - of_left) * (b - of_right) for a, b in zip(left, right, strict=True))


def join(ours: Mapping[date, float], theirs: Mapping[date, float]) -> Joined:
    """Pair returns by their date, never by their place; a day that only one of them has is left out."""
    days = sorted(ours.keys() & theirs.keys())
    return Joined(tuple(ours[day] for day in days), tuple(theirs[day] for day in days))


def xirr(flows: Sequence[tuple[date, Decimal]]) -> float | None:
    """Return the rate a year at which dated payments are worth nothing together: the money-weighted return.

    Solves sum(amount / (1 + rate) ** (days / 365)) = 0 by halving a bracket; days count from the first.

    Args:
        flows: dollars paid in are negative, dollars received positive.

    Returns:
        None where all have one sign, or fall on one day: then there is no such rate.
    """
    amounts = [(day, float(amount)) for day, amount in flows if amount]
    if not (any(amount > 0 for _, amount in amounts) and any(amount < 0 for _, amount in amounts)):
        return None
    first = min(day for day, _ in amounts)
    dated = [((day - first).days / _YEAR_DAYS, amount) for day, amount in amounts]
    last = max(years for years, _ in dated)

    def worth(power: float) -> float:
        return fsum(amount * exp(-power * years) for years, amount in dated)

    widest = min(_WIDEST_BRACKET, _LARGEST_POWER / last) if last else 0.0
    high = min(_FIRST_BRACKET, widest)
    while worth(-high) * worth(high) > 0 and high < widest:
        high = min(2 * high, widest)
    low = -high
    if worth(low) * worth(high) >= 0:
        return None
    rises = worth(low) < 0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if (worth(middle) < 0) == rises:
            low = middle
        else:
            high = middle
    return expm1((low + high) / 2)


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)


def _deviation(returns: Sequence[float]) -> float | None:
    if len(returns) < 2:
        return None
    mean = _mean(returns)
    found = sqrt(fsum((each - mean) ** 2 for each in returns) / (len(returns) - 1))
    return found if found > _FLAT else 0.0
