"""Which price values a position, by the state of the market and by what the feed told."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from core.domain.figures import PriceBasis, PriceUsed
from core.domain.market import Bar, MarketSession, Quote, SessionPhase
from core.domain.money import Price, Qty
from core.portfolio.prices import price_used
from tests.builders import AAPL

FRIDAY = datetime(2026, 11, 20, 23, 58, tzinfo=UTC)
SUNDAY = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
MONDAY_OPEN = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)


def quote(last="191.00", prev_close="190.50"):
    prices = [None if each is None else Price(each) for each in (last, prev_close)]
    return Quote(AAPL, None, None, Qty(0), Qty(0), *prices, Qty(0), halted=False, time=FRIDAY, received=3.0)


def session(phase, now):
    return MarketSession(now, phase, MONDAY_OPEN, MONDAY_OPEN + timedelta(hours=6, minutes=30))


WEEKEND = session(SessionPhase.CLOSED, SUNDAY)
OPEN = session(SessionPhase.REGULAR, MONDAY_OPEN + timedelta(hours=1))
EVENING = session(SessionPhase.CLOSED, MONDAY_OPEN + timedelta(hours=12))
LIVE, CLOSE = PriceBasis.LIVE, PriceBasis.CLOSE


@pytest.mark.parametrize(
    ("shown", "at", "expected"),
    [
        (quote(), OPEN, ("191.00", LIVE, FRIDAY)),
        (quote(), session(SessionPhase.PRE, SUNDAY), ("191.00", LIVE, FRIDAY)),
        (quote(), None, ("191.00", LIVE, FRIDAY)),
        (quote(), WEEKEND, ("190.50", CLOSE, FRIDAY)),
        (quote(), EVENING, ("191.00", LIVE, FRIDAY)),
        (quote(last=None), OPEN, ("190.50", CLOSE, None)),
        (quote(prev_close=None), WEEKEND, ("191.00", LIVE, FRIDAY)),
    ],
)
def test_price_is_the_last_trade_or_while_the_market_rests_the_close(shown, at, expected):
    price, basis, time = expected

    assert price_used(AAPL, shown, at) == PriceUsed(AAPL, Price(price), basis, time, 3.0)


@pytest.mark.parametrize("shown", [None, quote(None, None)])
def test_price_without_a_quote_is_the_close_of_the_daily_bar(shown):
    numbers = [Price(each) for each in (1, 4, 1, "3.50")]
    bar = Bar(AAPL, FRIDAY, *numbers, Qty(10))

    assert price_used(AAPL, shown, WEEKEND, bar) == PriceUsed(AAPL, Price("3.50"), CLOSE, FRIDAY, None)
    assert price_used(AAPL, shown, WEEKEND) is None


def test_close_that_is_known_is_preferred_to_the_bar():
    numbers = [Price(each) for each in (1, 4, 1, "3.50")]

    found = price_used(AAPL, quote(), WEEKEND, Bar(AAPL, FRIDAY, *numbers, Qty(10)))

    assert found.price == Decimal("190.50")
