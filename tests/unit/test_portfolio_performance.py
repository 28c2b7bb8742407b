"""What closes say: sub-periods, the owner's money aside, gaps gone over, the benchmark joined by date."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from core.domain.figures import Performance
from core.domain.money import Money
from core.domain.outcomes import CashFlow, EquitySnapshot
from core.portfolio.performance import flow_into, performance

MONDAY = date(2026, 11, 16)


def close(day, equity, flow="0"):
    worth = None if equity is None else Money(equity)
    return EquitySnapshot(
        MONDAY + timedelta(days=day),
        worth,
        None if worth is None else Money(0),
        Money(flow),
        missed=worth is None,
        taken_at=datetime(2026, 11, 16, 21, 0, tzinfo=UTC) + timedelta(days=day),
    )


def flow(number, amount, day, *, external=True):
    at = datetime(2026, 11, 16, 15, 0, tzinfo=UTC) + timedelta(days=day)
    return CashFlow(f"A{number}", "deposit", external, Money(amount), "", at)


def test_no_closes_and_unknown_closes_say_nothing():
    assert performance([]) == Performance()
    assert performance([close(0, None)]) == Performance()


def test_one_close_has_a_date_and_no_return():
    found = performance([close(0, "100")])

    assert (found.first, found.last, found.returns) == (MONDAY, MONDAY, 0)
    assert (found.time_weighted, found.money_weighted, found.max_drawdown, found.drawdown) == (None,) * 4


def test_deposit_is_no_return():
    found = performance([close(0, "100"), close(1, "200", "100"), close(2, "220")])

    assert found.time_weighted == pytest.approx(0.1)
    assert found.drawdown == 0


def test_withdrawal_is_no_loss_and_no_drawdown():
    found = performance([close(0, "100"), close(1, "40", "-60"), close(2, "44")])

    assert found.time_weighted == pytest.approx(0.1)
    assert found.max_drawdown == 0


def test_money_that_came_late_weighs_less_in_the_money_weighted_return():
    closes = [close(0, "100"), close(180, "200"), close(181, "1200", "1000"), close(365, "600")]

    found = performance(closes)

    assert found.time_weighted == pytest.approx(0.0)  # doubled, then halved
    assert found.money_weighted < -0.5


def test_missed_close_is_gone_over_with_the_money_of_the_gap():
    found = performance([close(0, "100"), close(1, None), close(2, "165", "50"), close(3, None)])

    assert (found.returns, found.gaps) == (1, 1)
    assert (found.first, found.last) == (MONDAY, MONDAY + timedelta(days=2))
    assert found.time_weighted == pytest.approx(0.15)


def test_nothing_grows_from_nothing():
    found = performance([close(0, "0"), close(1, "100", "100"), close(2, "110")])

    assert found.returns == 1
    assert found.time_weighted == pytest.approx(0.1)


def test_benchmark_is_joined_by_the_dates_of_the_closes():
    closes = [close(0, "100"), close(1, "101"), close(2, None), close(3, "103"), close(4, "102")]
    prices = {MONDAY + timedelta(days=day): Decimal(price) for day, price in enumerate((50, 51, 40, 52, 51))}

    found = performance(closes, "SPY", prices)

    ours, theirs = (0.01, 2 / 101, -1 / 103), (0.02, 1 / 51, -1 / 52)
    means = [sum(each) / 3 for each in (ours, theirs)]
    product = sum((a - means[0]) * (b - means[1]) for a, b in zip(ours, theirs, strict=True))
    assert (found.benchmark, found.joined) == ("SPY", 3)
    assert found.beta == pytest.approx(product / sum((b - means[1]) ** 2 for b in theirs), abs=1e-12)


def test_day_without_a_price_of_the_benchmark_is_left_out():
    closes = [close(day, str(100 + day)) for day in range(4)]
    prices = {MONDAY + timedelta(days=day): Decimal(50 + day) for day in (0, 1, 3)}

    found = performance(closes, "SPY", prices)

    assert (found.returns, found.joined) == (3, 1)
    assert (found.beta, found.correlation) == (None, None)


def test_first_close_holds_what_moved_before_it():
    assert flow_into(MONDAY, [], [flow(1, "5000", -3), flow(2, "10", 0)]) == 0


def test_flow_is_counted_in_the_close_after_it_and_once():
    first, flows = [close(0, "100")], [flow(1, "50", 1), flow(2, "-20", 1)]

    found = flow_into(MONDAY + timedelta(days=1), first, flows)
    again = flow_into(MONDAY + timedelta(days=2), [close(1, "130", "30"), *first], flows)

    assert (found, again) == (30, 0)


def test_flow_that_was_told_late_is_in_the_next_close():
    closes = [close(0, "100"), close(1, "150"), close(2, None)]

    assert flow_into(MONDAY + timedelta(days=3), closes, [flow(1, "50", 1)]) == 50


def test_dividend_is_no_flow():
    assert flow_into(MONDAY + timedelta(days=1), [close(0, "1")], [flow(1, "9", 1, external=False)]) == 0
