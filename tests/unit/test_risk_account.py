"""The rules that look at the market's depth and at the whole account, at and around their borders."""

from dataclasses import replace
from decimal import Decimal

import pytest

from core.domain.limits import Limits
from core.domain.money import Price, Qty
from core.domain.order import Resting
from core.domain.risk import Outcome, RuleCode, TicketField
from core.domain.terms import OrdType, Side, TimeInForce
from core.ids import ClOrdId
from core.risk.checks.crossing import self_trade
from core.risk.checks.exposure import gross_exposure, sector
from core.risk.checks.loss import daily_loss
from core.risk.checks.size import order_volume
from core.risk.checks.spread import spread
from core.risk.checks.working import working_orders
from core.risk.engine import evaluate
from tests.risk_builders import FACTS, HOLDING, INSTRUMENT, limit, market, outcome, quoted, stop, stop_limit

BUY, SELL = Side.BUY, Side.SELL
PASS, SOFT, HARD, SKIPPED = Outcome.PASS, Outcome.SOFT, Outcome.HARD, Outcome.NOT_EVALUATED
LIMITS = Limits()
OWING = replace(FACTS, position_qty=Decimal(-100), gross_exposure=Decimal(10_000))


@pytest.mark.parametrize(
    ("bid", "ask", "expected"),
    [
        ("100", "100", PASS),
        ("99", "101", PASS),
        ("99", "101.01", HARD),
        ("1", "5", HARD),
        ("101", "99", HARD),
        ("0", "100", HARD),
        (None, "100", HARD),
        ("100", None, HARD),
    ],
)
def test_spread_of_a_market_order_is_two_percent_at_most(bid, ask, expected):
    facts = quoted(FACTS, bid=bid and Price(bid), ask=ask and Price(ask))

    assert outcome(spread(market(), LIMITS, facts)) is expected
    assert spread(limit(), LIMITS, facts) is None
    assert spread(stop(BUY, "110"), LIMITS, facts) is None
    assert spread(replace(market(), time_in_force=TimeInForce.OPG), LIMITS, facts) is None


def test_spread_is_shown_in_percent_of_the_middle_and_names_the_way_out():
    result = spread(market(), LIMITS, quoted(FACTS, bid=Price("95"), ask=Price("105")))

    assert (result.value, result.limit, result.field) == (10, 2, TicketField.ORD_TYPE)
    assert result.text == (
        "Bid and ask stand 10 % apart, and a market order needs 2 % or less: a limit order would pass."
    )


def test_spread_asks_a_proven_exit_and_lets_it_go_without_a_quote():
    wide = quoted(HOLDING, bid=Price("90"), ask=Price("110"))

    assert outcome(spread(market(SELL, 100), LIMITS, wide)) is SOFT
    assert outcome(spread(market(SELL, 101), LIMITS, wide)) is HARD
    assert outcome(spread(market(SELL, 100), LIMITS, replace(HOLDING, quote=None))) is SKIPPED
    assert outcome(spread(market(SELL, 101), LIMITS, replace(HOLDING, quote=None))) is HARD


@pytest.mark.parametrize(
    ("volume", "qty", "expected", "value"),
    [
        (10_000, 100, PASS, 1),
        (10_000, 101, HARD, Decimal("1.01")),
        (10_000, 50, PASS, Decimal("0.5")),
        (0, 1, SKIPPED, None),
        (None, 1, SKIPPED, None),
    ],
)
def test_order_volume_is_one_percent_of_a_usual_day_at_most(volume, qty, expected, value):
    facts = replace(FACTS, usual_volume=None if volume is None else Decimal(volume))

    result = order_volume(limit(qty=qty), LIMITS, facts)

    assert (outcome(result), result.value) == (expected, value)


def test_order_volume_of_an_exit_is_never_hard():
    facts = replace(HOLDING, usual_volume=Decimal(1_000))

    assert outcome(order_volume(limit(SELL, 100), LIMITS, facts)) is SOFT
    assert outcome(order_volume(limit(SELL, 101), LIMITS, facts)) is HARD


def test_order_volume_is_cured_by_fewer_shares():
    verdict = evaluate(limit(qty=80), LIMITS, replace(FACTS, usual_volume=Decimal(5_000)))

    assert [each.code for each in verdict.breaches] == [RuleCode.ORDER_VOLUME]
    assert verdict.nearest.order_qty == 50


@pytest.mark.parametrize(
    ("gross", "qty", "expected", "value"),
    [
        (99_000, 9, PASS, Decimal("99.9")),
        (99_000, 10, PASS, 100),
        (99_000, 11, HARD, Decimal("100.1")),
        (100_001, 1, HARD, Decimal("100.101")),
    ],
)
def test_gross_exposure_counts_all_positions_and_this_order(gross, qty, expected, value):
    result = gross_exposure(limit(qty=qty), LIMITS, replace(FACTS, gross_exposure=Decimal(gross)))

    assert (outcome(result), result.value, result.limit) == (expected, value, 100)


@pytest.mark.parametrize(
    ("terms", "facts", "value"),
    [
        (limit(SELL, 100), HOLDING, None),
        (limit(SELL, 200), HOLDING, None),
        (limit(SELL, 210), HOLDING, 11),
        (limit(BUY, 100), OWING, None),
        (limit(BUY, 200), OWING, None),
        (limit(BUY, 210), OWING, 11),
        (limit(SELL, 10), OWING, 11),
        (limit(BUY, 10, price="50"), HOLDING, 11),
        (limit(BUY, 10, price="102"), HOLDING, Decimal("11.02")),
        (limit(BUY, 20), replace(FACTS, filled_qty=Decimal(15)), Decimal("0.5")),
    ],
)
def test_gross_exposure_applies_to_what_makes_a_position_larger(terms, facts, value):
    result = gross_exposure(terms, LIMITS, facts)

    assert (result and result.value) == value


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gross_exposure": None}, "the value of all positions"),
        ({"position_qty": None}, "the position in AAPL"),
        ({"working_buy_qty": None}, "the position in AAPL"),
        ({"quote": None}, "the quote of AAPL"),
        ({"start_equity": None}, "the equity at the start of the day"),
        ({"start_equity": Decimal(0)}, "the equity at the start of the day"),
    ],
)
def test_gross_exposure_names_the_fact_that_is_missing(changes, words):
    result = gross_exposure(market(), LIMITS, replace(FACTS, **changes))

    assert (outcome(result), result.text) == (
        HARD,
        f"Refused, as {words} is not known; it can be judged as soon as it is.",
    )


def test_gross_exposure_is_cured_by_fewer_shares():
    verdict = evaluate(limit(qty=50), LIMITS, replace(FACTS, gross_exposure=Decimal(98_000)))

    assert [each.code for each in verdict.breaches] == [RuleCode.GROSS_EXPOSURE]
    assert verdict.breaches[0].text == (
        "All positions together would be 103 % of equity; 100 % is the limit."
    )
    assert verdict.nearest.order_qty == 20


@pytest.mark.parametrize(
    ("equity", "expected", "value"),
    [
        ("101000", PASS, 0),
        ("100000", PASS, 0),
        ("95000.01", PASS, Decimal("4.99999")),
        ("95000", HARD, 5),
        ("94000", HARD, 6),
        ("-1", HARD, Decimal("100.001")),
    ],
)
def test_daily_loss_ends_the_opening_of_positions_when_it_is_reached(equity, expected, value):
    result = daily_loss(limit(), LIMITS, replace(FACTS, equity=Decimal(equity)))

    assert (outcome(result), result.value, result.limit) == (expected, value, 5)


def test_daily_loss_lets_an_exit_go_and_nothing_else():
    lost = replace(HOLDING, equity=Decimal(90_000))

    assert daily_loss(limit(SELL, 100), LIMITS, lost) is None
    assert daily_loss(limit(SELL, 100), LIMITS, replace(lost, equity=None, start_equity=None)) is None
    assert outcome(daily_loss(limit(SELL, 101), LIMITS, lost)) is HARD
    assert outcome(daily_loss(limit(BUY, 1), LIMITS, lost)) is HARD


@pytest.mark.parametrize("changes", [{"equity": None}, {"start_equity": None}, {"start_equity": Decimal(0)}])
def test_daily_loss_without_its_facts_refuses(changes):
    assert outcome(daily_loss(limit(), LIMITS, replace(FACTS, **changes))) is HARD


def test_daily_loss_offers_the_exit_of_a_sale_and_no_smaller_purchase():
    lost = replace(HOLDING, equity=Decimal(90_000))

    assert evaluate(limit(SELL, 150), LIMITS, lost).nearest.order_qty == Qty(100)
    assert evaluate(limit(BUY, 150), LIMITS, lost).nearest is None


def meeting(price: str | None, facts=FACTS, **more):
    found = Resting(ClOrdId("IQ-7"), Decimal(20), None if price is None else Price(price), **more)
    return replace(facts, opposite=found)


@pytest.mark.parametrize(
    ("terms", "price", "expected"),
    [
        (limit(BUY, price="99.99"), "100.00", PASS),
        (limit(BUY, price="100.00"), "100.00", HARD),
        (limit(BUY, price="100.01"), "100.00", HARD),
        (limit(BUY, price="1.00"), None, HARD),
        (limit(SELL, price="100.01"), "100.00", PASS),
        (limit(SELL, price="100.00"), "100.00", HARD),
        (limit(SELL, price="99.99"), "100.00", HARD),
        (market(BUY), "101.00", HARD),
        (market(BUY), "101.01", PASS),
        (market(SELL), "98.901", HARD),
        (market(SELL), "98.90", PASS),
        (stop(BUY, "110"), "111.10", HARD),
        (stop(BUY, "110"), "111.11", PASS),
        (stop_limit(BUY, "110", "112"), "112", HARD),
        (stop_limit(BUY, "110", "112"), "112.01", PASS),
    ],
)
def test_self_trade_is_refused_where_both_orders_would_meet(terms, price, expected):
    assert outcome(self_trade(terms, LIMITS, meeting(price))) is expected
    assert outcome(self_trade(terms, LIMITS, FACTS)) is PASS


def test_self_trade_of_a_trailing_stop_is_not_foreseen():
    trailing = replace(market(), ord_type=OrdType.TRAILING_STOP, trail_px=Price("1"))

    assert outcome(self_trade(trailing, LIMITS, meeting(None))) is PASS


def test_self_trade_names_the_order_and_whose_it_is():
    ours = self_trade(limit(), LIMITS, meeting("100.00"))
    theirs = self_trade(limit(SELL), LIMITS, meeting(None, external=True))
    on_its_way = self_trade(
        market(), LIMITS, replace(FACTS, opposite=Resting(None, Decimal(3), Price("100.5")))
    )

    assert ours.text == (
        "It would trade with your own working sale of 20 AAPL at 100.00, order IQ-7: cancel that one first."
    )
    assert (ours.value, ours.limit, ours.field) == (100, 100, TicketField.PRICE)
    assert "with a working purchase of 20 AAPL at market, order IQ-7" in theirs.text
    assert "sale of 3 AAPL at 100.50: cancel" in on_its_way.text
    assert (on_its_way.value, on_its_way.field) == (101, TicketField.ORD_TYPE)


def test_self_trade_asks_an_exit_and_needs_a_quote_only_where_an_order_rests():
    facts = meeting("99.00", HOLDING)

    assert outcome(self_trade(market(SELL, 100), LIMITS, facts)) is SOFT
    assert outcome(self_trade(market(SELL, 101), LIMITS, facts)) is HARD
    assert outcome(self_trade(market(SELL, 101), LIMITS, replace(facts, quote=None))) is HARD
    assert outcome(self_trade(market(SELL, 100), LIMITS, replace(facts, quote=None))) is SKIPPED


def test_self_trade_is_cured_by_the_price_before_the_other_order():
    bought = evaluate(limit(BUY, price="100.00"), LIMITS, meeting("99.95"))
    sold = evaluate(limit(SELL, 150, price="99.00"), LIMITS, meeting("99.95", HOLDING))
    off_step = evaluate(limit(BUY, price="99.945"), LIMITS, meeting("99.95"))
    at_market = evaluate(limit(BUY), LIMITS, meeting(None))

    assert bought.nearest.prices == (Price("99.94"),)
    assert (sold.nearest.prices, sold.nearest.order_qty) == ((Price("99.96"),), 100)
    assert off_step.nearest.prices == (Price("99.94"),)
    assert at_market.nearest is None


@pytest.mark.parametrize(
    ("total", "here", "expected", "value", "bound"),
    [
        (0, 0, PASS, 1, 50),
        (49, 9, PASS, 50, 50),
        (50, 0, HARD, 51, 50),
        (10, 10, HARD, 11, 10),
        (60, 11, HARD, 12, 10),
    ],
)
def test_working_orders_are_counted_in_the_symbol_and_in_all(total, here, expected, value, bound):
    facts = replace(FACTS, working_total=total, working_in_symbol=here)

    result = working_orders(limit(), LIMITS, facts)

    assert (outcome(result), result.value, result.limit) == (expected, value, bound)


def test_working_orders_never_stop_an_exit():
    facts = replace(HOLDING, working_total=50, working_in_symbol=1)

    assert outcome(working_orders(limit(SELL, 100), LIMITS, facts)) is SOFT
    assert evaluate(limit(SELL, 150), LIMITS, facts).nearest.order_qty == 100
    assert evaluate(limit(BUY, 10), LIMITS, facts).nearest is None


@pytest.mark.parametrize(
    ("exposure", "qty", "expected", "value"),
    [
        (29_000, 9, PASS, Decimal("29.9")),
        (29_000, 10, PASS, 30),
        (29_000, 11, SOFT, Decimal("30.1")),
        (95_000, 10, SOFT, 96),
    ],
)
def test_sector_asks_above_its_share_and_never_refuses(exposure, qty, expected, value):
    result = sector(limit(qty=qty), LIMITS, replace(FACTS, sector_exposure=Decimal(exposure)))

    assert (outcome(result), result.value, result.limit) == (expected, value, 30)


def test_sector_is_not_judged_where_it_is_not_known_or_nothing_is_added():
    nameless = replace(FACTS, instrument=replace(INSTRUMENT, sector=None))

    assert outcome(sector(limit(), LIMITS, nameless)) is SKIPPED
    assert outcome(sector(limit(), LIMITS, replace(FACTS, instrument=None))) is SKIPPED
    assert sector(limit(SELL, 100), LIMITS, replace(HOLDING, sector_exposure=Decimal(99_000))) is None


def test_sector_without_the_value_of_what_is_held_refuses():
    result = sector(limit(), LIMITS, replace(FACTS, sector_exposure=None))

    assert outcome(result) is HARD
    assert "the value of Information Technology is not known" in result.text


def test_sector_names_itself_and_bounds_the_size_that_is_offered():
    facts = replace(FACTS, sector_exposure=Decimal(27_000))

    asked = evaluate(limit(qty=40), LIMITS, facts)
    refused = evaluate(limit(qty=300), LIMITS, facts)

    assert asked.breaches[0].text == (
        "Information Technology would be 31 % of equity; more than 30 % is asked about."
    )
    assert not asked.is_refused
    assert refused.nearest.order_qty == 30
