"""What goes together in an order: trailing, auctions, hours, amounts, parts of a share, legs, shorts."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.domain.limits import Limits
from core.domain.market import MarketSession, SessionPhase
from core.domain.money import Money, Price, Qty
from core.domain.risk import Outcome, RuleCode, TicketField
from core.domain.terms import Contingency, Legs, OrderDraft, OrderTerms, OrdType, Side, TimeInForce, canonical
from core.risk.checks.cash import buying_power
from core.risk.checks.instrument import instrument
from core.risk.checks.position import sell_held
from core.risk.checks.session import session
from core.risk.checks.terms import terms_fit
from core.risk.checks.tick import legs_tick
from core.risk.engine import evaluate
from core.risk.parse import parse_draft
from core.risk.pricing import is_exit, worst_cost, worst_price
from tests.risk_builders import (
    AAPL,
    FACTS,
    FRACTIONABLE,
    HOLDING,
    INSTRUMENT,
    QUOTE,
    limit,
    market,
    outcome,
    quoted,
    stop,
)

LIMITS = Limits()
SHORTS = Limits(short_sales=True)
SHORTABLE = replace(FACTS, may_short=True, instrument=replace(INSTRUMENT, shortable=True))
PARTS = replace(FACTS, instrument=FRACTIONABLE)
DAY, GTC, IOC, FOK = TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK
OPG, CLS = TimeInForce.OPG, TimeInForce.CLS


def trailing(side=Side.SELL, px="1.00", pct=None, **changes):
    terms = OrderTerms(AAPL, side, OrdType.TRAILING_STOP, DAY, Qty(10))
    px = None if px is None else Price(px)
    return replace(terms, trail_px=px, trail_pct=None if pct is None else Decimal(pct), **changes)


def bracket(side=Side.BUY, profit="110.00", loss="95.00", stop_limit=None, **changes):
    stop_limit = None if stop_limit is None else Price(stop_limit)
    legs = Legs(Contingency.BRACKET, Price(profit), Price(loss), stop_limit)
    return limit(side, legs=legs, **changes)


def oco(profit="110.00", loss="95.00", qty=10, **changes):
    legs = Legs(Contingency.OCO, Price(profit), Price(loss))
    return limit(Side.SELL, qty, profit, legs=legs, **changes)


def cash(amount="500.00", **changes):
    return replace(market(), cash_order_qty=Money(amount), order_qty=Qty("5"), **changes)


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (trailing(), None),
        (trailing(time_in_force=GTC), None),
        (trailing(time_in_force=IOC), TicketField.TIME_IN_FORCE),
        (trailing(time_in_force=FOK), TicketField.TIME_IN_FORCE),
        (market(), None),
        (replace(market(), time_in_force=OPG), None),
        (limit(time_in_force=CLS), None),
        (replace(stop(Side.BUY, "101.00"), time_in_force=OPG), TicketField.ORD_TYPE),
        (trailing(time_in_force=CLS), TicketField.TIME_IN_FORCE),
        (limit(extended_hours=True), None),
        (limit(extended_hours=True, time_in_force=GTC), None),
        (limit(extended_hours=True, time_in_force=IOC), TicketField.TIME_IN_FORCE),
        (limit(extended_hours=True, time_in_force=OPG), TicketField.TIME_IN_FORCE),
        (replace(market(), extended_hours=True), TicketField.ORD_TYPE),
        (limit(qty="0.5"), None),
        (limit(qty="0.5", time_in_force=GTC), TicketField.TIME_IN_FORCE),
        (trailing(order_qty=Qty("1.5")), TicketField.ORD_TYPE),
        (cash(), None),
        (cash("1.00"), None),
        (cash("0.99"), TicketField.CASH_ORDER_QTY),
        (cash("1.005"), TicketField.CASH_ORDER_QTY),
        (cash("500.000"), None),
        (cash(time_in_force=GTC), TicketField.TIME_IN_FORCE),
        (replace(stop(Side.BUY, "101.00"), cash_order_qty=Money(500)), TicketField.ORD_TYPE),
        (replace(trailing(), cash_order_qty=Money(500)), TicketField.ORD_TYPE),
        (bracket(), None),
        (bracket(time_in_force=GTC), None),
        (bracket(time_in_force=IOC), TicketField.TIME_IN_FORCE),
        (bracket(qty="1.5"), TicketField.ORDER_QTY),
        (bracket(extended_hours=True), TicketField.EXTENDED_HOURS),
        (bracket(loss="99.99"), None),
        (bracket(loss="100.00"), TicketField.STOP_LOSS),
        (bracket(profit="100.01"), None),
        (bracket(profit="100.00"), TicketField.TAKE_PROFIT),
        (bracket(stop_limit="94.00"), None),
        (bracket(stop_limit="95.00"), None),
        (bracket(stop_limit="95.01"), TicketField.STOP_LOSS_LIMIT),
        (bracket(Side.SELL, "90.00", "105.00"), None),
        (bracket(Side.SELL, "90.00", "105.00", "105.00"), None),
        (bracket(Side.SELL, "90.00", "105.00", "104.99"), TicketField.STOP_LOSS_LIMIT),
        (bracket(Side.SELL, "90.00", "100.00"), TicketField.STOP_LOSS),
        (bracket(Side.SELL, "100.00", "105.00"), TicketField.TAKE_PROFIT),
        (replace(bracket(), ord_type=OrdType.STOP_LIMIT, stop_px=Price(99)), TicketField.ORD_TYPE),
        (replace(bracket(), ord_type=OrdType.MARKET, price=None), None),
    ],
)
def test_parts_of_an_order_go_together_or_the_field_is_named(terms, field):
    result = terms_fit(terms, LIMITS, PARTS)

    assert result.field is (field or TicketField.NONE)
    assert result.outcome is (Outcome.PASS if field is None else Outcome.HARD)


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (oco(), None),
        (oco(qty=100), None),
        (oco(qty=101), TicketField.ORDER_QTY),
        (oco(loss="110.00"), TicketField.TAKE_PROFIT),
        (replace(oco(), price=Price(111)), TicketField.ORD_TYPE),
        (replace(oco(), ord_type=OrdType.MARKET, price=None), TicketField.ORD_TYPE),
    ],
)
def test_pair_of_legs_closes_what_is_held(terms, field):
    result = terms_fit(terms, LIMITS, HOLDING)

    assert result.field is (field or TicketField.NONE)


def test_bracket_at_market_without_a_quote_is_left_to_the_other_rules():
    terms = replace(bracket(), ord_type=OrdType.MARKET, price=None)

    assert terms_fit(terms, LIMITS, replace(FACTS, quote=None)).outcome is Outcome.PASS
    assert evaluate(terms, LIMITS, replace(FACTS, quote=None)).is_refused


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (trailing(), None),
        (trailing(px="1.005"), TicketField.TRAIL_PX),
        (trailing(px=None, pct="1.005"), None),
        (bracket(), None),
        (bracket(profit="110.005"), TicketField.TAKE_PROFIT),
        (bracket(loss="95.005"), TicketField.STOP_LOSS),
        (bracket(stop_limit="94.005"), TicketField.STOP_LOSS_LIMIT),
    ],
)
def test_prices_of_legs_are_whole_steps(terms, field):
    result = legs_tick(terms, LIMITS, FACTS)

    assert (None if result is None else result.field) is field


# The session of the builders: 9:30 to 16:00 in New York, in winter.
@pytest.mark.parametrize(
    ("tif", "hour", "minute", "passes"),
    [
        (OPG, 14, 27, True),
        (OPG, 14, 28, False),
        (OPG, 18, 0, False),
        (OPG, 23, 59, False),
        (OPG, 24, 0, True),
        (CLS, 20, 49, True),
        (CLS, 20, 50, False),
        (CLS, 23, 59, False),
        (CLS, 24, 0, True),
    ],
)
def test_auction_takes_orders_until_shortly_before_and_from_the_evening(tif, hour, minute, passes):
    day, hour = (20, hour) if hour < 24 else (21, hour - 24)
    now = datetime(2026, 11, day, hour, minute, tzinfo=UTC)
    known = FACTS.session
    facts = replace(FACTS, session=MarketSession(now, SessionPhase.CLOSED, known.opens, known.closes))

    result = session(replace(market(), time_in_force=tif), LIMITS, facts)

    assert (result.outcome is Outcome.PASS) is passes
    assert passes or "New York time" in result.text


@pytest.mark.parametrize(
    ("side", "px", "pct", "expected"),
    [
        (Side.BUY, "2.00", None, "102.00"),
        (Side.BUY, None, "5", "105.00"),
        (Side.SELL, "2.00", None, "97.90"),
        (Side.SELL, None, "10", "89.91"),
        (Side.SELL, "200.00", None, "0"),
    ],
)
def test_trailing_stop_is_worth_its_trigger_at_worst(side, px, pct, expected):
    assert worst_price(trailing(side, px, pct), QUOTE) == Decimal(expected)


def test_trailing_stop_without_a_quote_has_no_worst_price():
    assert worst_price(trailing(), None) is None


@pytest.mark.parametrize(
    ("limits", "facts", "terms", "words"),
    [
        (LIMITS, SHORTABLE, limit(Side.SELL), "can be sold"),
        (SHORTS, SHORTABLE, limit(Side.SELL), ""),
        (SHORTS, replace(SHORTABLE, may_short=False), limit(Side.SELL), "does not let this account"),
        (SHORTS, replace(SHORTABLE, instrument=INSTRUMENT), limit(Side.SELL), "can be borrowed"),
        (SHORTS, replace(SHORTABLE, instrument=None), limit(Side.SELL), "can be borrowed"),
        (SHORTS, SHORTABLE, limit(Side.SELL, "1.5"), "whole shares"),
        (SHORTS, replace(SHORTABLE, position_qty=Decimal(4)), limit(Side.SELL), "Sell the 4"),
        (SHORTS, replace(SHORTABLE, position_qty=Decimal(10)), limit(Side.SELL), ""),
        (SHORTS, replace(SHORTABLE, position_qty=Decimal(-10)), limit(Side.SELL), ""),
    ],
)
def test_short_sale_needs_the_switch_the_leave_and_the_shares(limits, facts, terms, words):
    result = sell_held(terms, limits, facts)

    assert (result.outcome is Outcome.PASS) is (not words)
    assert words in result.text


@pytest.mark.parametrize(
    ("bid", "last", "price", "expected"),
    [
        ("90.01", "90.02", "90.01", Outcome.PASS),
        ("90.01", "90.00", "90.01", Outcome.HARD),
        ("90.00", "90.02", "90.00", Outcome.HARD),
        ("90.00", "90.02", "90.01", Outcome.PASS),
        ("90.00", None, "89.99", Outcome.HARD),
        ("85.00", "85.00", "85.01", Outcome.PASS),
    ],
)
def test_short_sale_after_a_fall_of_a_tenth_needs_a_price_above_the_bid(bid, last, price, expected):
    shown = {"bid": Price(bid), "ask": Price("90.10"), "last": last and Price(last), "prev_close": Price(100)}
    facts = quoted(SHORTABLE, **shown)

    result = sell_held(limit(Side.SELL, price=price), SHORTS, facts)

    assert outcome(result) is expected
    if expected is Outcome.HARD:
        assert result.field is TicketField.PRICE
        assert f"above the bid at {bid}" in result.text


def test_short_sale_at_market_never_meets_the_bid_test_and_one_of_unknown_prices_is_refused():
    fallen = quoted(SHORTABLE, bid=Price("80"), ask=Price("80.10"), last=Price("80"), prev_close=Price(100))
    capped = replace(fallen, asked=market(Side.SELL))

    at_market = sell_held(market(Side.SELL), SHORTS, fallen)
    as_limit = sell_held(limit(Side.SELL, price="80.05"), SHORTS, capped)

    assert (outcome(at_market), at_market.field) == (Outcome.HARD, TicketField.ORD_TYPE)
    assert (outcome(as_limit), as_limit.field) == (Outcome.HARD, TicketField.ORD_TYPE)
    for changes in ({"prev_close": None}, {"bid": None}):
        assert outcome(sell_held(limit(Side.SELL), SHORTS, quoted(SHORTABLE, **changes))) is Outcome.HARD
    assert outcome(sell_held(limit(Side.SELL), SHORTS, replace(SHORTABLE, quote=None))) is Outcome.HARD


@pytest.mark.parametrize(
    ("room", "passes"), [("1030.00", True), ("1029.99", False)]
)  # 10 shares at the ask of 100 and three percent
def test_short_sale_is_held_against_what_the_broker_holds_back(room, passes):
    facts = replace(SHORTABLE, cash=Decimal(room))

    result = buying_power(limit(Side.SELL), SHORTS, facts)

    assert (result.outcome is Outcome.PASS) is passes


@pytest.mark.parametrize(
    ("price", "expected"), [("100.00", "1030.00"), ("103.00", "1030.00"), ("103.01", "1030.10")]
)
def test_short_sale_costs_the_higher_of_its_limit_and_the_ask_with_three_percent(price, expected):
    assert worst_cost(limit(Side.SELL, 10, price), FACTS) == Decimal(expected)


@pytest.mark.parametrize(
    ("limits", "facts"),
    [(LIMITS, SHORTABLE), (SHORTS, HOLDING)],
)
def test_sale_that_is_no_short_sale_needs_no_buying_power(limits, facts):
    assert buying_power(limit(Side.SELL), limits, facts) is None


def test_short_sale_without_a_known_position_or_ask_cannot_be_priced():
    assert worst_cost(limit(Side.SELL), replace(FACTS, position_qty=None)) is None
    assert worst_cost(limit(Side.SELL), replace(FACTS, quote=None)) is None


def draft(**changes):
    return replace(OrderDraft("AAPL", Side.BUY, OrdType.LIMIT, DAY, "10", "100.00"), **changes)


def test_draft_of_a_trailing_stop_is_read_with_either_distance():
    kind = {"ord_type": OrdType.TRAILING_STOP, "price": ""}

    assert parse_draft(draft(**kind, trail_px="1.50")).trail_px == Price("1.50")
    assert parse_draft(draft(**kind, trail_pct="2.5")).trail_pct == Decimal("2.5")


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"ord_type": OrdType.TRAILING_STOP, "price": ""}, TicketField.TRAIL_PX, "one of the two"),
        (
            {"ord_type": OrdType.TRAILING_STOP, "price": "", "trail_px": "1", "trail_pct": "1"},
            TicketField.TRAIL_PX,
            "one of the two",
        ),
        (
            {"ord_type": OrdType.TRAILING_STOP, "price": "", "trail_pct": "51"},
            TicketField.TRAIL_PCT,
            "at most 50",
        ),
        (
            {"ord_type": OrdType.TRAILING_STOP, "price": "", "trail_pct": "0"},
            TicketField.TRAIL_PCT,
            "above zero",
        ),
        (
            {"ord_type": OrdType.TRAILING_STOP, "price": "", "trail_px": "x"},
            TicketField.TRAIL_PX,
            "not a number",
        ),
        ({"trail_px": "1"}, TicketField.TRAIL_PX, "left empty"),
        ({"trail_pct": "1"}, TicketField.TRAIL_PCT, "left empty"),
        ({"take_profit": "110"}, TicketField.TAKE_PROFIT, "leave it empty"),
        (
            {"contingency": Contingency.BRACKET, "take_profit": "110"},
            TicketField.STOP_LOSS,
            "needs a stop-loss",
        ),
        (
            {"contingency": Contingency.BRACKET, "stop_loss": "95"},
            TicketField.TAKE_PROFIT,
            "needs a take-profit",
        ),
        (
            {"contingency": Contingency.BRACKET, "take_profit": "x", "stop_loss": "95"},
            TicketField.TAKE_PROFIT,
            "not a number",
        ),
        (
            {"cash_order_qty": "500"},
            TicketField.CASH_ORDER_QTY,
            "An order is for shares or for an amount, not",
        ),
        ({"cash_order_qty": "-1", "order_qty": ""}, TicketField.CASH_ORDER_QTY, "above zero"),
        ({"cash_order_qty": "five", "order_qty": ""}, TicketField.CASH_ORDER_QTY, "not a number"),
    ],
)
def test_draft_that_does_not_fit_names_the_field(changes, field, words):
    found = parse_draft(draft(**changes), QUOTE)

    assert [each.field for each in found] == [field]
    assert words in found[0].text


def test_draft_of_a_bracket_is_read_with_its_legs():
    terms = parse_draft(
        draft(contingency=Contingency.BRACKET, take_profit="110", stop_loss="95", stop_loss_limit="94.5")
    )

    assert terms.legs == Legs(Contingency.BRACKET, Price(110), Price(95), Price("94.5"))


def test_draft_of_a_pair_takes_its_limit_for_the_take_profit():
    terms = parse_draft(draft(side=Side.SELL, contingency=Contingency.OCO, stop_loss="95"))

    assert terms.legs == Legs(Contingency.OCO, Price(100), Price(95))


@pytest.mark.parametrize(
    ("price", "shares"), [("", "5"), ("99.00", "5.050505051")]
)  # by the ask, or by the limit; rounded up
def test_draft_of_an_amount_is_judged_by_the_shares_that_it_buys(price, shares):
    kind = OrdType.LIMIT if price else OrdType.MARKET

    terms = parse_draft(draft(ord_type=kind, order_qty="", price=price, cash_order_qty="500"), QUOTE)

    assert terms.cash_order_qty == Money(500)
    assert terms.order_qty == Decimal(shares)


def test_draft_of_an_amount_without_a_quote_is_refused():
    found = parse_draft(draft(ord_type=OrdType.MARKET, order_qty="", price="", cash_order_qty="500"))

    assert [each.code for each in found] == [RuleCode.FACTS]


def test_estimate_of_an_amount_is_no_part_of_its_text():
    few, more = cash(), replace(cash(), order_qty=Qty(6))

    assert canonical(few) == canonical(more)
    assert canonical(few) != canonical(cash("500.01"))


def test_text_of_an_order_without_later_parts_is_as_it_always_was():
    assert canonical(limit()) == "4:AAPL|3:buy|5:limit|3:day|2:10|3:100|0:"


@pytest.mark.parametrize(
    "changed",
    [
        {"extended_hours": True},
        {"legs": Legs(Contingency.BRACKET, Price(110), Price(95))},
        {"legs": Legs(Contingency.OCO, Price(110), Price(95))},
        {"legs": Legs(Contingency.BRACKET, Price(110), Price(95), Price(94))},
        {"cash_order_qty": Money(500)},
        {"trail_px": Price(1)},
        {"trail_pct": Decimal(1)},
    ],
)
def test_text_of_an_order_tells_each_later_part(changed):
    assert canonical(limit(**changed)) != canonical(limit())


def test_amount_of_a_symbol_in_whole_shares_is_refused_at_its_field():
    result = instrument(cash(), LIMITS, FACTS)

    assert (result.outcome, result.field) == (Outcome.HARD, TicketField.CASH_ORDER_QTY)
    assert instrument(cash(), LIMITS, PARTS).outcome is Outcome.PASS


def test_a_bracket_that_closes_what_is_held_is_refused_as_its_legs_would_open():
    held, owed = replace(HOLDING, position_qty=Qty(100)), replace(FACTS, position_qty=Qty(-100))

    assert terms_fit(bracket(Side.SELL, "90.00", "105.00"), LIMITS, held).field is TicketField.SIDE
    assert terms_fit(bracket(), LIMITS, owed).field is TicketField.SIDE
    assert terms_fit(bracket(), LIMITS, held).outcome is Outcome.PASS


@pytest.mark.parametrize("terms", [bracket(Side.SELL, "90.00", "105.00"), replace(cash(), side=Side.SELL)])
def test_neither_a_bracket_nor_an_amount_is_a_proven_exit(terms):
    held = replace(HOLDING, position_qty=Qty(100))

    assert is_exit(limit(Side.SELL), held)
    assert not is_exit(terms, held)


def test_a_sale_for_an_amount_is_covered_by_what_is_held_where_short_sales_are_on():
    assert buying_power(replace(cash(), side=Side.SELL), SHORTS, HOLDING) is None


def test_an_amount_over_the_smallest_price_is_more_shares_than_any_order():
    typed = OrderDraft(
        AAPL, Side.BUY, OrdType.LIMIT, DAY, "", price="0.000000000001", cash_order_qty="10000000"
    )

    (fault,) = parse_draft(typed)

    assert "at most 1,000,000,000 shares" in fault.text
