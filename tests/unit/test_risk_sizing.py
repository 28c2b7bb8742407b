"""Shares from a risk and the distance of a stop, and what caps them."""

from dataclasses import replace
from decimal import Decimal

import pytest

from core.domain.limits import Limits
from core.domain.money import Price, Qty
from core.domain.terms import Side
from core.risk.sizing import Risk, Size, StopAway, Unsized, size
from tests.risk_builders import FACTS, limit, market, stop

BUY, SELL = Side.BUY, Side.SELL
LIMITS = Limits()
FIVE_AWAY = StopAway(Price("95.00"))


@pytest.mark.parametrize(
    ("risk", "away", "lot", "expected"),
    [
        (Risk(dollars=Decimal(100)), FIVE_AWAY, 1, (20, 20)),
        (Risk(dollars=Decimal("104.99")), FIVE_AWAY, 1, (20, 20)),
        (Risk(dollars=Decimal(105)), FIVE_AWAY, 1, (21, 21)),
        (Risk(dollars=Decimal(145)), FIVE_AWAY, 10, (20, 20)),
        (Risk(pct=Decimal("0.1")), FIVE_AWAY, 1, (20, 20)),
        (Risk(pct=Decimal("0.1")), StopAway(atr=Decimal("1.25")), 1, (40, 40)),
        (Risk(pct=Decimal("0.1")), StopAway(atr=Decimal("1.25"), times=Decimal(4)), 1, (20, 20)),
        (Risk(pct=Decimal(1)), FIVE_AWAY, 1, (100, 200)),
        (Risk(pct=Decimal(1)), FIVE_AWAY, 30, (90, 180)),
        (Risk(dollars=Decimal(10) ** 15), FIVE_AWAY, 1, (100, 1_000_000_000)),
    ],
)
def test_size_is_the_risk_over_the_distance_down_to_the_lot_and_within_the_limits(risk, away, lot, expected):
    found = size(limit(), LIMITS, FACTS, risk, away, lot)

    assert (found.order_qty, found.by_risk) == expected


def test_size_counts_the_fees_of_both_ways():
    facts = replace(FACTS, fee_rate_pct=Decimal("0.1"))

    found = size(limit(), LIMITS, facts, Risk(dollars=Decimal(104)), FIVE_AWAY)

    assert found == Size(Qty(20), Qty(20), Decimal("103.9"), Decimal(104), Decimal("95.00"))


def test_size_begins_at_the_worst_price_of_the_order():
    at_market = size(market(), LIMITS, FACTS, Risk(dollars=Decimal(100)), FIVE_AWAY)
    at_a_stop = size(stop(BUY, "105"), LIMITS, FACTS, Risk(dollars=Decimal(100)), FIVE_AWAY)

    assert (at_market.order_qty, at_a_stop.order_qty) == (20, 10)


def test_size_of_a_short_sale_stops_above():
    limits = replace(LIMITS, short_sales=True)
    facts = replace(FACTS, may_short=True, instrument=replace(FACTS.instrument, shortable=True))
    risk = Risk(dollars=Decimal(100))

    found = size(limit(SELL), limits, facts, risk, StopAway(Price("105.00")))

    assert found.order_qty == 20
    assert size(limit(SELL), limits, facts, risk, FIVE_AWAY) == Unsized(
        "stop_px", "The stop at $95.00 must be above 0 and above the entry at $100.00."
    )


@pytest.mark.parametrize(
    ("risk", "away", "lot", "changes", "field", "words"),
    [
        (Risk(), FIVE_AWAY, 1, {}, "risk", "in dollars or in percent"),
        (Risk(Decimal(100), Decimal(1)), FIVE_AWAY, 1, {}, "risk", "in dollars or in percent"),
        (Risk(dollars=Decimal(0)), FIVE_AWAY, 1, {}, "risk", "above 0"),
        (Risk(pct=Decimal(-1)), FIVE_AWAY, 1, {}, "risk", "above 0"),
        (
            Risk(pct=Decimal(1)),
            FIVE_AWAY,
            1,
            {"start_equity": None},
            "risk_pct",
            "equity at the start of the day",
        ),
        (Risk(dollars=Decimal("4.99")), FIVE_AWAY, 1, {}, "risk", "$4.99 carries no share: $5.00 a share"),
        (Risk(dollars=Decimal(100)), FIVE_AWAY, 21, {}, "risk", "carries no lot of 21 shares"),
        (
            Risk(dollars=Decimal(1_000)),
            FIVE_AWAY,
            101,
            {},
            "order_qty",
            "No lot of 101 shares passes the rules. ",
        ),
        (
            Risk(dollars=Decimal(100)),
            FIVE_AWAY,
            1,
            {"cash": Decimal(99)},
            "order_qty",
            "No share passes the rules. ",
        ),
        (Risk(dollars=Decimal(100)), StopAway(), 1, {}, "stop_px", "where the loss is stopped"),
        (Risk(dollars=Decimal(100)), StopAway(Price("95"), Decimal(1)), 1, {}, "stop_px", "where the loss"),
        (
            Risk(dollars=Decimal(100)),
            StopAway(Price("100.00")),
            1,
            {},
            "stop_px",
            "below the entry at $100.00",
        ),
        (
            Risk(dollars=Decimal(100)),
            StopAway(Price("101.00")),
            1,
            {},
            "stop_px",
            "below the entry at $100.00",
        ),
        (
            Risk(dollars=Decimal(100)),
            StopAway(atr=Decimal(0)),
            1,
            {},
            "atr_times",
            "below the entry at $100.00",
        ),
        (Risk(dollars=Decimal(100)), StopAway(atr=Decimal(50)), 1, {}, "atr_times", "must be above 0"),
    ],
)
def test_size_is_refused_in_words_where_a_fact_is_missing_or_not_one_lot_passes(
    risk, away, lot, changes, field, words
):
    found = size(limit(), LIMITS, replace(FACTS, **changes), risk, away, lot)

    assert isinstance(found, Unsized)
    assert found.field == field
    assert words in found.text


@pytest.mark.parametrize(
    ("risk", "away", "expected"),
    [
        (Risk(dollars=Decimal("0.90")), StopAway(Price("99.50")), 1),
        (Risk(dollars=Decimal(1_000)), StopAway(Price("0.01")), 10),
        (Risk(dollars=Decimal(1_000)), StopAway(Price("0.50")), 10),
    ],
)
def test_size_knows_small_risks_and_far_stops(risk, away, expected):
    assert size(limit(), LIMITS, FACTS, risk, away).order_qty == expected


def test_size_of_exactly_one_lot_is_taken():
    tight = replace(LIMITS, notional_hard=Decimal(150), notional_soft=Decimal(150))

    assert size(limit(), tight, FACTS, Risk(dollars=Decimal(100)), FIVE_AWAY).order_qty == 1


def test_size_of_a_short_sale_stops_so_many_ranges_above():
    limits = replace(LIMITS, short_sales=True)
    facts = replace(FACTS, may_short=True, instrument=replace(FACTS.instrument, shortable=True))

    found = size(limit(SELL), limits, facts, Risk(dollars=Decimal(100)), StopAway(atr=Decimal("2.5")))

    assert (found.order_qty, found.stop_px) == (20, 105)


def test_size_of_a_share_above_the_cap_is_refused_and_never_one_share():
    tight = replace(LIMITS, notional_hard=Decimal(99), notional_soft=Decimal(99))

    found = size(limit(), tight, FACTS, Risk(dollars=Decimal(100)), FIVE_AWAY)

    assert isinstance(found, Unsized)
    assert "$100.00" in found.text
    assert "$99.00" in found.text


def test_size_of_a_market_order_needs_a_quote():
    found = size(market(), LIMITS, replace(FACTS, quote=None), Risk(dollars=Decimal(100)), FIVE_AWAY)

    assert found == Unsized("symbol", "There is no price of AAPL to size by.")
