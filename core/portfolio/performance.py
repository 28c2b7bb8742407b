"""What the closes of an account say of the past, the money that its owner moved aside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise

from core.domain.figures import Performance
from core.domain.money import ZERO, Money
from core.domain.outcomes import CashFlow, EquitySnapshot
from core.portfolio import returns as stats
from core.portfolio.day import market_date
from core.portfolio.exact import exactly


@dataclass(frozen=True, slots=True)
class Period:
    """From one close that is known to the next.

    Attributes:
        end: market date of the close that ends it.
        before: dollars at its begin.
        after: dollars at its end.
        flow: dollars that came in during it.
    """

    end: date
    before: Decimal
    after: Decimal
    flow: Decimal

    @property
    def growth(self) -> float | None:
        """Return as a fraction; None where there was nothing to grow.

        Money that came is taken for having come at the end of the period, so it has earned nothing
        (GIPS 2020, 22.A: external flows valued at the end of the day).
        """
        if self.before <= 0:
            return None
        return float((self.after - self.flow) / self.before - 1)


def periods(closes: Sequence[EquitySnapshot]) -> list[Period]:
    """Pair each close that is known with the next one; a close that was missed is gone over.

    Args:
        closes: oldest first.
    """
    found: list[Period] = []
    before: Decimal | None = None
    flow = Decimal(0)
    for close in closes:
        flow += close.flow
        equity = close.equity
        if equity is None:
            continue
        if before is not None:
            found.append(Period(close.market_date, before, equity, flow))
        before, flow = equity, Decimal(0)
    return found


def performance(
    closes: Sequence[EquitySnapshot], benchmark: str = "", prices: Mapping[date, Decimal] | None = None
) -> Performance:
    """Work out all that the closes say.

    Args:
        closes: oldest first.
        benchmark: symbol; empty where none is known.
        prices: dollars of the benchmark at its closes, by market date.
    """
    known = [close for close in closes if close.equity is not None]
    if not known:
        return Performance()
    between = [each for each in closes if known[0].market_date < each.market_date < known[-1].market_date]
    found = periods(closes)
    grown = [(period.end, growth) for period in found if (growth := period.growth) is not None]
    returns = [growth for _, growth in grown]
    below = stats.drawdowns(returns)
    both = stats.join(dict(grown), _returns_by_date(prices or {}, [close.market_date for close in known]))
    return Performance(
        first=known[0].market_date,
        last=known[-1].market_date,
        returns=len(returns),
        gaps=sum(close.equity is None for close in between),
        time_weighted=stats.compounded(returns),
        money_weighted=stats.xirr(_payments(known[0], found)),
        growth_a_year=stats.growth_a_year(returns),
        volatility=stats.volatility(returns),
        max_drawdown=min(below, default=None),
        drawdown=below[-1] if below else None,
        sharpe=stats.sharpe(returns),
        sortino=stats.sortino(returns),
        value_at_risk=stats.value_at_risk(returns),
        expected_shortfall=stats.expected_shortfall(returns),
        benchmark=benchmark,
        joined=len(both.ours),
        beta=both.beta,
        correlation=both.correlation,
    )


def _payments(first: EquitySnapshot, found: Sequence[Period]) -> list[tuple[date, Decimal]]:
    if not found or first.equity is None:
        return []
    paid = [(first.market_date, -first.equity), *((period.end, -period.flow) for period in found)]
    return [*paid, (found[-1].end, found[-1].after)]


def _returns_by_date(prices: Mapping[date, Decimal], days: Sequence[date]) -> dict[date, float]:
    # Between the same two closes as ours, so that a gap of ours is one return of the benchmark too.
    found = {}
    for before, after in pairwise(days):
        if before in prices and after in prices and prices[before] > 0:
            found[after] = stats.simple_returns((float(prices[before]), float(prices[after])))[0]
    return found


def flow_into(day: date, closes: Sequence[EquitySnapshot], flows: Sequence[CashFlow]) -> Money:
    """Return dollars that the owner moved since the last close and that no close has counted yet.

    Each flow is counted once, in the first close after it was booked, however late its broker told of it.
    What moved before the first close is in that close, and no flow.

    Args:
        day: market date of the close that is about to be recorded.
        closes: all that are recorded, in any order.
        flows: all that are booked, in any order.
    """
    first = min((close.market_date for close in closes), default=day)
    with exactly():
        moved = sum((each.amount for each in flows if each.external and market_date(each.at) > first), ZERO)
        return Money(moved - sum((close.flow for close in closes), ZERO))
