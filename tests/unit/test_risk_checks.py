"""Every rule at, below and above its border, on both sides."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from core.domain.access import TradingState
from core.domain.instrument import TickRule
from core.domain.limits import Limits
from core.domain.market import SessionPhase
from core.domain.money import Price
from core.domain.risk import Outcome, TicketField, Unit
from core.domain.terms import Side, TimeInForce
from core.risk.checks.cash import buying_power
from core.risk.checks.collar import price_collar, stop_side
from core.risk.checks.freshness import freshness
from core.risk.checks.instrument import instrument
from core.risk.checks.numbers import numbers
from core.risk.checks.position import position_limit, sell_held
from core.risk.checks.repetition import duplicate, throttle
from core.risk.checks.session import session
from core.risk.checks.size import order_notional, order_qty
from core.risk.checks.tick import price_tick, stop_tick
from core.risk.checks.trading_state import trading_state
from core.risk.facts import RecentOrder
from tests.risk_builders import (
    FACTS,
    FRACTIONABLE,
    HOLDING,
    INSTRUMENT,
    in_phase,
    limit,
    market,
    outcome,
    quoted,
    stop,
    stop_limit,
)

BUY, SELL = Side.BUY, Side.SELL
PASS, SOFT, HARD, SKIPPED = Outcome.PASS, Outcome.SOFT, Outcome.HARD, Outcome.NOT_EVALUATED
LIMITS = Limits()
SHORT = replace(FACTS, position_qty=Decimal(-100))


@pytest.mark.parametrize(
    ("state", "terms", "facts", "expected"),
    [
        (TradingState.ACTIVE, limit(), FACTS, PASS),
        (TradingState.REDUCING, limit(), FACTS, HARD),
        (TradingState.REDUCING, limit(SELL, 100), HOLDING, PASS),
        (TradingState.REDUCING, limit(SELL, 101), HOLDING, HARD),
        (TradingState.REDUCING, limit(BUY, 1), HOLDING, HARD),
        (TradingState.REDUCING, limit(BUY, 100), SHORT, PASS),
        (TradingState.REDUCING, limit(BUY, 101), SHORT, HARD),
        (TradingState.HALTED, limit(SELL, 100), HOLDING, HARD),
        (TradingState.HALTED, limit(), FACTS, HARD),
        (None, limit(SELL, 1), HOLDING, HARD),
    ],
)
def test_trading_state_takes_what_the_state_allows(state, terms, facts, expected):
    result = trading_state(terms, LIMITS, replace(facts, trading_state=state))

    assert outcome(result) is expected


@pytest.mark.parametrize(
    ("changes", "expected", "words"),
    [
        ({}, PASS, "fresh"),
        ({"account_age_s": 60.0}, PASS, "fresh"),
        ({"account_age_s": 60.1}, HARD, "The account is 60.1 s old"),
        ({"account_age_s": float("nan")}, HARD, "The account is of unknown age"),
        ({"quote_age_s": float("nan")}, HARD, "The quote of AAPL is of unknown age"),
        ({"account_age_s": None}, HARD, "the account"),
        ({"cash": None}, HARD, "the account"),
        ({"start_equity": None}, HARD, "the account"),
        ({"quote_age_s": 5.0}, PASS, "fresh"),
        ({"quote_age_s": 5.1}, HARD, "The quote of AAPL is 5.1 s old"),
        ({"quote_age_s": None}, HARD, "the quote of AAPL"),
        ({"quote": None}, HARD, "the quote of AAPL"),
        ({"session": None}, HARD, "the market session"),
        ({"ready": False}, HARD, "order stream"),
        ({"ready": None}, HARD, "order stream"),
        ({"position_qty": None}, HARD, "the position in AAPL"),
        ({"working_buy_qty": None}, HARD, "the position in AAPL"),
        ({"working_sell_qty": None}, HARD, "the position in AAPL"),
    ],
)
def test_freshness_names_what_is_missing_or_old(changes, expected, words):
    result = freshness(limit(), LIMITS, replace(FACTS, **changes))

    assert outcome(result) is expected
    assert words in result.text


@pytest.mark.parametrize(("age", "expected"), [(5.1, PASS), (30.0, PASS), (30.1, HARD)])
def test_freshness_outside_regular_hours_waits_longer_for_quotes(age, expected):
    facts = replace(in_phase(FACTS, SessionPhase.POST), quote_age_s=age)

    assert outcome(freshness(limit(), LIMITS, facts)) is expected


@pytest.mark.parametrize(
    "changes",
    [
        {"quote": None},
        {"quote_age_s": 99.0},
        {"account_age_s": None},
        {"account_age_s": 99.0},
        {"ready": False},
    ],
)
def test_freshness_lets_a_proven_exit_go_without_its_inputs(changes):
    facts = replace(HOLDING, **changes)

    assert outcome(freshness(limit(SELL, 100), LIMITS, facts)) is SKIPPED
    assert outcome(freshness(limit(SELL, 101), LIMITS, facts)) is HARD


@pytest.mark.parametrize(
    ("terms", "known", "expected", "field"),
    [
        (limit(), INSTRUMENT, PASS, TicketField.NONE),
        (limit(), None, HARD, TicketField.SYMBOL),
        (limit(), replace(INSTRUMENT, tradable=False), HARD, TicketField.SYMBOL),
        (limit(qty="10.5"), INSTRUMENT, HARD, TicketField.ORDER_QTY),
        (limit(qty="0.5"), INSTRUMENT, HARD, TicketField.ORDER_QTY),
        (limit(qty="10.0"), INSTRUMENT, PASS, TicketField.NONE),
        (limit(qty="0.5"), FRACTIONABLE, PASS, TicketField.NONE),
    ],
)
def test_instrument_must_be_known_tradable_and_whole(terms, known, expected, field):
    result = instrument(terms, LIMITS, replace(FACTS, instrument=known))

    assert (outcome(result), result.field) == (expected, field)


def test_instrument_unknown_but_held_does_not_stop_an_exit():
    assert outcome(instrument(limit(SELL), LIMITS, replace(HOLDING, instrument=None))) is SKIPPED


@pytest.mark.parametrize(
    ("phase", "terms", "expected", "field"),
    [
        (SessionPhase.REGULAR, market(), PASS, TicketField.NONE),
        (SessionPhase.REGULAR, limit(time_in_force=TimeInForce.IOC), PASS, TicketField.NONE),
        (SessionPhase.PRE, market(), HARD, TicketField.ORD_TYPE),
        (SessionPhase.POST, market(SELL), HARD, TicketField.ORD_TYPE),
        (SessionPhase.CLOSED, market(), HARD, TicketField.ORD_TYPE),
        (SessionPhase.POST, stop(SELL, "90"), HARD, TicketField.ORD_TYPE),
        (SessionPhase.POST, stop_limit(SELL, "90", "89"), PASS, TicketField.NONE),
        (SessionPhase.POST, limit(), PASS, TicketField.NONE),
        (SessionPhase.POST, limit(time_in_force=TimeInForce.IOC), HARD, TicketField.TIME_IN_FORCE),
        (SessionPhase.PRE, limit(time_in_force=TimeInForce.FOK), HARD, TicketField.TIME_IN_FORCE),
        (SessionPhase.PRE, limit(time_in_force=TimeInForce.GTC), PASS, TicketField.NONE),
    ],
)
def test_session_takes_what_the_phase_allows(phase, terms, expected, field):
    result = session(terms, LIMITS, in_phase(FACTS, phase))

    assert (outcome(result), result.field) == (expected, field)


def test_session_in_a_halt_takes_limit_orders_only():
    halted = quoted(FACTS, halted=True, bid=None, ask=None)

    assert outcome(session(market(), LIMITS, halted)) is HARD
    assert outcome(session(limit(), LIMITS, halted)) is PASS


def test_session_without_its_facts_refuses():
    assert outcome(session(limit(), LIMITS, replace(FACTS, session=None))) is HARD
    assert outcome(session(market(), LIMITS, replace(FACTS, quote=None))) is HARD
    assert outcome(session(market(SELL), LIMITS, replace(HOLDING, quote=None))) is SKIPPED


@pytest.mark.parametrize(
    ("terms", "expected", "field"),
    [
        (limit(), PASS, TicketField.NONE),
        (limit(qty=0), HARD, TicketField.ORDER_QTY),
        (limit(qty=-1), HARD, TicketField.ORDER_QTY),
        (limit(qty=10**9), PASS, TicketField.NONE),
        (limit(qty=10**9 + 1), HARD, TicketField.ORDER_QTY),
        (limit(qty="1e9"), PASS, TicketField.NONE),
        (limit(qty="0.123456789"), PASS, TicketField.NONE),
        (limit(qty="0.1234567890"), PASS, TicketField.NONE),
        (limit(qty="0.1234567891"), HARD, TicketField.ORDER_QTY),
        (limit(price="0"), HARD, TicketField.PRICE),
        (limit(price="10000000"), PASS, TicketField.NONE),
        (limit(price="10000000.01"), HARD, TicketField.PRICE),
        (limit(price="0.000000000001"), PASS, TicketField.NONE),
        (limit(price="0.0000000000001"), HARD, TicketField.PRICE),
        (replace(limit(), price=None), HARD, TicketField.PRICE),
        (replace(limit(), stop_px=Price(1)), HARD, TicketField.STOP_PX),
        (replace(market(), price=Price(1)), HARD, TicketField.PRICE),
        (replace(stop(BUY, "1"), stop_px=None), HARD, TicketField.STOP_PX),
        (stop(BUY, "-1"), HARD, TicketField.STOP_PX),
        (stop_limit(BUY, "101", "102"), PASS, TicketField.NONE),
    ],
)
def test_numbers_must_be_those_of_an_order(terms, expected, field):
    result = numbers(terms, LIMITS, FACTS)

    assert (outcome(result), result.field) == (expected, field)


@pytest.mark.parametrize(("qty", "expected"), [(3, HARD), (2, HARD), (4, PASS)])
def test_numbers_of_a_replacement_must_leave_something_to_fill(qty, expected):
    assert outcome(numbers(limit(qty=qty), LIMITS, replace(FACTS, filled_qty=Decimal(3)))) is expected


@pytest.mark.parametrize(
    ("price", "expected", "words"),
    [
        ("100.01", PASS, ""),
        ("100.005", HARD, "100.00 and 100.01 would pass"),
        ("0.9999", PASS, ""),
        ("0.99995", HARD, "0.9999 and 1.00 would pass"),
        ("1.0001", HARD, "1.00 and 1.01"),
        ("0.00005", HARD, "nearby, 0.0001 would pass"),
    ],
)
def test_tick_names_the_nearest_valid_prices(price, expected, words):
    as_limit = price_tick(limit(price=price), LIMITS, FACTS)
    as_stop = stop_tick(stop(BUY, price), LIMITS, FACTS)

    assert (outcome(as_limit), outcome(as_stop)) == (expected, expected)
    assert words in as_limit.text
    assert words in as_stop.text
    if expected is HARD:
        assert (as_limit.field, as_stop.field) == (TicketField.PRICE, TicketField.STOP_PX)


def test_tick_does_not_apply_without_the_price():
    assert price_tick(market(), LIMITS, FACTS) is None
    assert stop_tick(limit(), LIMITS, FACTS) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"instrument": None},
        {"session": None},
        {"instrument": replace(INSTRUMENT, ticks=(TickRule(date(2030, 1, 1), Decimal(0), Decimal("0.01")),))},
    ],
)
def test_tick_unknown_refuses_all_but_exits(changes):
    assert outcome(price_tick(limit(), LIMITS, replace(FACTS, **changes))) is HARD
    assert outcome(price_tick(limit(SELL), LIMITS, replace(HOLDING, **changes))) is SKIPPED


def test_tick_follows_the_date_of_the_market_day():
    half_penny = TickRule(date(2026, 11, 20), Decimal(1), Decimal("0.005"))
    facts = replace(FACTS, instrument=replace(INSTRUMENT, ticks=(*INSTRUMENT.ticks, half_penny)))

    assert outcome(price_tick(limit(price="100.005"), LIMITS, facts)) is PASS


@pytest.mark.parametrize(
    ("side", "price", "expected", "value"),
    [
        (BUY, "50.00", PASS, "0"),
        (BUY, "103.00", PASS, "3"),
        (BUY, "103.01", SOFT, "3.01"),
        (BUY, "110.00", SOFT, "10"),
        (BUY, "110.01", HARD, "10.01"),
        (SELL, "200.00", PASS, "0"),
        (SELL, "97.00", PASS, "3"),
        (SELL, "96.99", SOFT, "3.01"),
        (SELL, "90.00", SOFT, "10"),
        (SELL, "89.99", HARD, "10.01"),
    ],
)
def test_collar_measures_against_the_far_touch(side, price, expected, value):
    facts = quoted(HOLDING, bid=Price("100.00"), ask=Price("100.00"), last=Price("55.00"))

    result = price_collar(limit(side, price=price), LIMITS, facts)

    assert (outcome(result), result.value, result.unit) == (expected, Decimal(value), Unit.PERCENT)


@pytest.mark.parametrize(
    ("side", "price", "words"), [(BUY, "120.00", "103.00 would pass"), (SELL, "50.00", "96.91 would pass")]
)
def test_collar_names_the_price_that_would_pass(side, price, words):
    result = price_collar(limit(side, price=price), LIMITS, HOLDING)

    assert words in result.text
    assert result.field is TicketField.PRICE


@pytest.mark.parametrize(
    ("changes", "reference"),
    [
        ({"ask": None}, "100.00"),
        ({"ask": Price(0)}, "100.00"),
        ({"bid": Price("105"), "ask": Price("104")}, "100.00"),
        ({"ask": Price("200"), "bid": None}, "200.00"),
    ],
)
def test_collar_falls_back_to_the_last_trade(changes, reference):
    result = price_collar(limit(price="250.00"), LIMITS, quoted(FACTS, **changes))

    assert f"above {reference};" in result.text


def test_collar_of_a_stop_limit_is_held_against_its_trigger():
    assert outcome(price_collar(stop_limit(BUY, "150", "154.50"), LIMITS, FACTS)) is PASS
    assert outcome(price_collar(stop_limit(BUY, "150", "154.51"), LIMITS, FACTS)) is SOFT
    assert outcome(price_collar(stop_limit(SELL, "50", "48.50"), LIMITS, HOLDING)) is PASS
    assert outcome(price_collar(stop_limit(SELL, "50", "44.99"), LIMITS, HOLDING)) is HARD


@pytest.mark.parametrize(
    "known", [None, replace(INSTRUMENT, ticks=(TickRule(date(2030, 1, 1), Decimal(0), Decimal("0.01")),))]
)
def test_collar_without_a_price_step_still_measures(known):
    result = price_collar(limit(price="120.00"), LIMITS, replace(FACTS, instrument=known))

    assert outcome(result) is HARD
    assert "would pass" not in result.text


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (replace(FACTS, quote=None), HARD),
        (quoted(FACTS, ask=None, last=None), HARD),
        (replace(HOLDING, quote=None), SKIPPED),
        (replace(HOLDING, quote_age_s=6.0), SKIPPED),
        (replace(HOLDING, quote_age_s=None), SKIPPED),
    ],
)
def test_collar_and_stop_side_without_a_quote_refuse_all_but_exits(facts, expected):
    side = SELL if facts.position_qty else BUY

    assert outcome(price_collar(limit(side, price="1.00"), LIMITS, facts)) is expected
    assert outcome(stop_side(stop(side, "500"), LIMITS, facts)) is expected


def test_collar_does_not_apply_to_a_market_order():
    assert price_collar(market(), LIMITS, FACTS) is None
    assert stop_side(limit(), LIMITS, FACTS) is None


@pytest.mark.parametrize(
    ("side", "stop_px", "expected", "words"),
    [
        (BUY, "100.01", PASS, ""),
        (BUY, "100.00", HARD, "100.01 would pass"),
        (BUY, "99.00", HARD, "100.01 would pass"),
        (SELL, "99.89", PASS, ""),
        (SELL, "99.90", HARD, "99.89 would pass"),
        (SELL, "120.00", HARD, "99.89 would pass"),
    ],
)
def test_stop_side_is_beyond_the_market(side, stop_px, expected, words):
    result = stop_side(stop(side, stop_px), LIMITS, HOLDING)

    assert outcome(result) is expected
    assert words in result.text


def test_stop_side_off_the_step_names_the_next_step():
    facts = quoted(HOLDING, bid=Price("99.905"), ask=Price("100.005"))

    assert "100.01 would pass" in stop_side(stop(BUY, "50"), LIMITS, facts).text
    assert "99.90 would pass" in stop_side(stop(SELL, "150"), LIMITS, facts).text


def test_stop_side_without_room_or_step_names_no_price():
    lowest = quoted(HOLDING, bid=Price("0.0001"))

    assert "would pass" not in stop_side(stop(SELL, "150"), LIMITS, lowest).text
    assert "would pass" not in stop_side(stop(BUY, "50"), LIMITS, replace(FACTS, instrument=None)).text


@pytest.mark.parametrize(
    ("qty", "expected", "bound"),
    [(5_000, PASS, 5_000), (5_001, SOFT, 5_000), (20_000, SOFT, 5_000), (20_001, HARD, 20_000)],
)
def test_order_qty_has_a_soft_and_a_hard_limit(qty, expected, bound):
    result = order_qty(limit(qty=qty), LIMITS, FACTS)

    assert (outcome(result), result.value, result.limit) == (expected, qty, bound)


def test_sizes_of_an_exit_are_never_hard():
    facts = replace(HOLDING, position_qty=Decimal(30_000))

    assert outcome(order_qty(limit(SELL, 30_000), LIMITS, facts)) is SOFT
    assert outcome(order_notional(limit(SELL, 30_000), LIMITS, facts)) is SOFT
    assert outcome(order_qty(limit(SELL, 30_001), LIMITS, facts)) is HARD


@pytest.mark.parametrize(
    ("equity", "qty", "expected", "bound"),
    [
        (100_000, 100, PASS, 10_000),
        (100_000, 101, SOFT, 10_000),
        (100_000, 200, SOFT, 10_000),
        (100_000, 201, HARD, 20_000),
        (1_000_000, 250, PASS, 25_000),
        (1_000_000, 251, SOFT, 25_000),
        (1_000_000, 1_000, SOFT, 25_000),
        (1_000_000, 1_001, HARD, 100_000),
        (0, 1, HARD, 0),
        (-5, 1, HARD, -1),
    ],
)
def test_order_notional_takes_the_lesser_of_dollars_and_percent(equity, qty, expected, bound):
    result = order_notional(limit(qty=qty), LIMITS, replace(FACTS, start_equity=Decimal(equity)))

    assert (outcome(result), result.value, result.limit) == (expected, qty * 100, bound)


@pytest.mark.parametrize(
    ("terms", "value"),
    [
        (market(BUY), 1000),
        (market(SELL), 999),
        (limit(BUY, price="90"), 900),
        (limit(SELL, price="1"), 999),
        (limit(SELL, price="120"), 1200),
        (stop(BUY, "150"), 1500),
        (stop(SELL, "50"), 500),
        (stop_limit(SELL, "50", "49"), 490),
    ],
)
def test_order_notional_is_measured_at_the_worst_price(terms, value):
    assert order_notional(terms, LIMITS, HOLDING).value == value


def test_order_notional_of_priced_orders_needs_no_quote():
    bare = replace(FACTS, quote=None)

    assert order_notional(limit(SELL, price="1"), LIMITS, bare).value == 10
    assert order_notional(stop(BUY, "150"), LIMITS, bare).value == 1500
    assert outcome(order_notional(market(), LIMITS, bare)) is HARD
    assert outcome(order_notional(limit(), LIMITS, replace(FACTS, start_equity=None))) is HARD
    assert outcome(order_notional(market(SELL), LIMITS, replace(HOLDING, quote=None))) is SKIPPED


@pytest.mark.parametrize(
    ("position", "working", "qty", "expected"),
    [
        (0, 0, 200, PASS),
        (0, 0, 201, HARD),
        (100, 0, 100, PASS),
        (100, 0, 101, HARD),
        (100, 50, 50, PASS),
        (100, 50, 51, HARD),
        (-100, 0, 150, None),
        (-100, 0, 300, PASS),
        (-100, 0, 301, HARD),
    ],
)
def test_position_limit_counts_working_and_this_order(position, working, qty, expected):
    facts = replace(FACTS, position_qty=Decimal(position), working_buy_qty=Decimal(working))

    assert outcome(position_limit(limit(qty=qty), LIMITS, facts)) is expected


@pytest.mark.parametrize(
    ("position", "working", "qty", "expected"),
    [(100, 0, 100, None), (100, 0, 200, None), (0, 0, 200, PASS), (0, 0, 201, HARD), (-100, 50, 51, HARD)],
)
def test_position_limit_of_a_sale_counts_what_would_be_owed(position, working, qty, expected):
    facts = replace(FACTS, position_qty=Decimal(position), working_sell_qty=Decimal(working))

    assert outcome(position_limit(limit(SELL, qty), LIMITS, facts)) is expected


def test_position_limit_values_a_low_bid_at_the_market():
    result = position_limit(limit(qty=300, price="50.00"), LIMITS, FACTS)

    assert (outcome(result), result.value, result.limit) == (HARD, Decimal(30), Decimal(20))


def test_position_limit_text_counts_the_working_shares():
    facts = replace(FACTS, position_qty=Decimal(60), working_buy_qty=Decimal(20))

    text = position_limit(limit(qty=130), LIMITS, facts).text

    assert (
        text
        == "130 more shares would make AAPL 21 % of equity. The limit is 20 %, counting the 20 still working."
    )


def test_position_limit_never_rounds_back_onto_the_limit():
    text = position_limit(limit(qty="200.0001"), LIMITS, FACTS).text

    assert "20.01 % of equity. The limit is 20 %." in text


def test_position_limit_of_a_replacement_counts_what_is_left():
    facts = replace(FACTS, position_qty=Decimal(100), filled_qty=Decimal(100))

    assert outcome(position_limit(limit(qty=200), LIMITS, facts)) is PASS
    assert outcome(position_limit(limit(qty=201), LIMITS, facts)) is HARD


@pytest.mark.parametrize(
    "facts",
    [
        replace(FACTS, position_qty=None),
        replace(FACTS, working_buy_qty=None),
        replace(FACTS, start_equity=None),
        replace(FACTS, start_equity=Decimal(0)),
    ],
)
def test_position_limit_without_its_facts_refuses(facts):
    assert outcome(position_limit(limit(), LIMITS, facts)) is HARD


def test_position_limit_of_a_market_order_needs_a_quote():
    assert outcome(position_limit(market(), LIMITS, replace(FACTS, quote=None))) is HARD
    assert outcome(position_limit(market(), LIMITS, quoted(FACTS, last=None))) is PASS


@pytest.mark.parametrize(
    ("cash", "reserved", "fee", "expected"),
    [
        ("1000", "0", "0", PASS),
        ("999.99", "0", "0", HARD),
        ("1500", "500", "0", PASS),
        ("1500", "500.01", "0", HARD),
        ("1001", "0", "0.1", PASS),
        ("1000.99", "0", "0.1", HARD),
    ],
)
def test_buying_power_covers_the_worst_cost(cash, reserved, fee, expected):
    facts = replace(FACTS, cash=Decimal(cash), reserved_cash=Decimal(reserved), fee_rate_pct=Decimal(fee))

    assert outcome(buying_power(limit(), LIMITS, facts)) is expected


def test_buying_power_holds_no_cover_of_a_short_position_up():
    facts = replace(FACTS, cash=Decimal(1), reserved_cash=Decimal(0), position_qty=-limit().order_qty)

    assert buying_power(limit(), LIMITS, facts) is None


def test_buying_power_text_states_cost_and_room():
    facts = replace(FACTS, cash=Decimal("700.555"), reserved_cash=Decimal(100))

    text = buying_power(limit(), LIMITS, facts).text

    assert "may cost $1,000.00 with fees, and $600.55 of buying power is left after $100.00" in text


def test_buying_power_without_its_facts_refuses():
    assert outcome(buying_power(limit(), LIMITS, replace(FACTS, cash=None))) is HARD
    assert outcome(buying_power(limit(), LIMITS, replace(FACTS, reserved_cash=None))) is HARD
    assert outcome(buying_power(market(), LIMITS, replace(FACTS, quote=None))) is HARD
    assert buying_power(limit(SELL), LIMITS, replace(FACTS, cash=None)) is None


@pytest.mark.parametrize(
    ("position", "working", "qty", "expected", "words"),
    [
        (100, 0, 100, PASS, ""),
        (100, 0, 101, HARD, "101 are to be sold, but 100 shares of AAPL are held: at most 100 can be sold."),
        (100, 100, 1, HARD, "100 of them already in a working sale: at most 0 can be sold."),
        (100, 40, 60, PASS, ""),
        (100, 40, 61, HARD, "at most 60 can be sold."),
        (1, 0, 2, HARD, "1 share of AAPL is held"),
        (0, 0, 1, HARD, "0 shares of AAPL are held"),
        (-5, 0, 1, HARD, "0 shares of AAPL are held"),
    ],
)
def test_sell_held_refuses_more_than_is_there(position, working, qty, expected, words):
    facts = replace(FACTS, position_qty=Decimal(position), working_sell_qty=Decimal(working))

    result = sell_held(limit(SELL, qty), LIMITS, facts)

    assert outcome(result) is expected
    assert words in result.text


def test_sell_held_without_the_position_refuses_and_does_not_apply_to_purchases():
    assert outcome(sell_held(limit(SELL), LIMITS, replace(FACTS, position_qty=None))) is HARD
    assert outcome(sell_held(limit(SELL), LIMITS, replace(FACTS, working_sell_qty=None))) is HARD
    assert sell_held(limit(), LIMITS, FACTS) is None


@pytest.mark.parametrize(
    ("ages", "expected"),
    [
        ((), PASS),
        ((5.0,), SOFT),
        ((5.1,), PASS),
        ((60.0, 50.0), HARD),
        ((60.1, 50.0), PASS),
        ((60.1, 4.0), SOFT),
        ((1.0, 2.0, 3.0), HARD),
    ],
)
def test_duplicate_counts_repeats_by_age(ages, expected):
    facts = replace(FACTS, recent=tuple(RecentOrder(limit(), age) for age in ages))

    assert outcome(duplicate(limit(), LIMITS, facts)) is expected


def test_duplicate_of_a_proven_exit_is_asked_about_and_never_held_back():
    often = tuple(RecentOrder(limit(SELL), age) for age in (1.0, 2.0, 3.0))

    assert outcome(duplicate(limit(SELL), LIMITS, replace(HOLDING, recent=often))) is SOFT
    assert outcome(duplicate(limit(SELL), LIMITS, replace(FACTS, recent=often))) is HARD


@pytest.mark.parametrize("changes", [{"burst_left": 0}, {"sent_last_minute": 60}, {"sent_today": 500}])
def test_throttle_lets_a_proven_exit_go(changes):
    result = throttle(limit(SELL), LIMITS, replace(HOLDING, **changes))

    assert result.outcome is Outcome.NOT_EVALUATED
    assert result.text.endswith("This one only lessens the position, so it may go.")
    assert outcome(throttle(limit(SELL), LIMITS, replace(FACTS, **changes))) is HARD


@pytest.mark.parametrize(
    "other",
    [
        limit(SELL),
        limit(qty=11),
        limit(price="100.01"),
        market(),
        replace(limit(), symbol="MSFT"),
        stop_limit(BUY, "101", "100.00"),
    ],
)
def test_duplicate_ignores_orders_that_differ(other):
    facts = replace(FACTS, recent=(RecentOrder(other, 0.1), RecentOrder(other, 0.2)))

    assert outcome(duplicate(limit(), LIMITS, facts)) is PASS


def test_duplicate_sees_through_spelling():
    facts = replace(FACTS, recent=(RecentOrder(limit(qty="10.0", price="100"), 1.0),))

    assert outcome(duplicate(limit(time_in_force=TimeInForce.GTC), LIMITS, facts)) is SOFT


@pytest.mark.parametrize(
    ("changes", "expected", "words"),
    [
        ({}, PASS, ""),
        ({"burst_left": 1}, PASS, ""),
        ({"burst_left": 0}, HARD, "faster than 2 a second"),
        ({"sent_last_minute": 59}, PASS, ""),
        ({"sent_last_minute": 60}, HARD, "60 orders were sent in the last minute"),
        ({"sent_today": 499}, PASS, ""),
        ({"sent_today": 500}, HARD, "500 orders were sent today"),
    ],
)
def test_throttle_holds_the_pace(changes, expected, words):
    result = throttle(limit(), LIMITS, replace(FACTS, **changes))

    assert outcome(result) is expected
    assert words in result.text
