"""What goes out where a market order was asked for, and how the rules see it."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from core.domain.instrument import TickRule
from core.domain.limits import AGENT_LIMITS, Limits
from core.domain.market import SessionPhase
from core.domain.money import Price, Qty
from core.domain.order import Resting
from core.domain.risk import Outcome, RuleCode, TicketField
from core.domain.terms import OrdType, Side, TimeInForce
from core.risk.checks.collar import price_collar
from core.risk.checks.crossing import self_trade
from core.risk.checks.repetition import duplicate
from core.risk.checks.session import session
from core.risk.checks.spread import spread
from core.risk.engine import evaluate
from core.risk.facts import RecentOrder
from core.risk.marketable import as_sent
from tests.risk_builders import FACTS, HOLDING, INSTRUMENT, in_phase, limit, market, outcome, quoted, stop

BUY, SELL = Side.BUY, Side.SELL
PASS, SOFT, HARD, SKIPPED = Outcome.PASS, Outcome.SOFT, Outcome.HARD, Outcome.NOT_EVALUATED
LIMITS = Limits()
UNKNOWN_STEP = replace(INSTRUMENT, ticks=(TickRule(date(2030, 1, 1), Decimal(0), Decimal("0.01")),))


def capped(side: Side = BUY, facts=FACTS, qty: int = 10):
    """Return what goes out for a market order, and the facts that know what was asked for."""
    known = replace(facts, asked=market(side, qty))
    return as_sent(known.asked, LIMITS, known), known


@pytest.mark.parametrize(
    ("side", "bid", "ask", "price"),
    [
        (BUY, "99.90", "100.00", "101.00"),  # one percent
        (SELL, "99.90", "100.00", "98.91"),  # 98.901, and never further than one percent
        (BUY, "99.99", "100.05", "101.05"),  # 101.0505
        (BUY, "1.49", "1.50", "1.52"),  # two steps are more than one percent
        (SELL, "1.49", "1.50", "1.47"),
        (BUY, "0.0110", "0.0111", "0.0113"),
        (SELL, "0.0150", "0.0151", "0.0148"),
        (SELL, "0.00010", "0.00010", "0.0001"),  # no lower than one step
        (BUY, "100.00", "100.00", "101.00"),
    ],
)
def test_a_market_order_goes_out_as_a_limit_through_the_far_touch(side, bid, ask, price):
    facts = quoted(HOLDING, bid=Price(bid), ask=Price(ask), last=Price("55"))

    sent, known = capped(side, facts)

    assert (sent.ord_type, sent.price) == (OrdType.LIMIT, Price(price))
    assert replace(sent, ord_type=OrdType.MARKET, price=None) == known.asked


@pytest.mark.parametrize("tif", [TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK])
def test_the_time_in_force_is_kept(tif):
    assert as_sent(replace(market(), time_in_force=tif), LIMITS, FACTS).time_in_force is tif


@pytest.mark.parametrize(
    "terms",
    [
        limit(),
        stop(BUY, "110"),
        replace(market(), time_in_force=TimeInForce.OPG),
        replace(market(), time_in_force=TimeInForce.CLS),
    ],
)
def test_orders_of_other_types_and_for_auctions_go_out_as_they_are(terms):
    assert as_sent(terms, LIMITS, FACTS) is terms


@pytest.mark.parametrize(
    "facts",
    [
        in_phase(HOLDING, SessionPhase.PRE),
        in_phase(HOLDING, SessionPhase.POST),
        in_phase(HOLDING, SessionPhase.CLOSED),
        replace(HOLDING, session=None),
        replace(HOLDING, quote=None),
        replace(HOLDING, quote_age_s=5.1),
        replace(HOLDING, quote_age_s=None),
        quoted(HOLDING, halted=True),
        quoted(HOLDING, bid=None),
        quoted(HOLDING, ask=None),
        quoted(HOLDING, bid=Price("99"), ask=Price("101.01")),
        quoted(HOLDING, bid=Price("100.01")),
        replace(HOLDING, instrument=None),
        replace(HOLDING, instrument=UNKNOWN_STEP),
    ],
)
def test_what_cannot_be_capped_is_refused_but_for_a_proven_exit(facts):
    bought, knows_purchase = capped(BUY, facts)
    sold, knows_sale = capped(SELL, facts, 100)

    assert (bought.ord_type, sold.ord_type) == (OrdType.MARKET, OrdType.MARKET)
    assert evaluate(bought, LIMITS, knows_purchase).is_refused
    refusals = {r.code for r in evaluate(sold, LIMITS, knows_sale).results if r.outcome is HARD}
    assert refusals <= {RuleCode.SESSION}  # a market order needs the market, whatever it does


def test_the_spread_names_the_limit_that_goes_out():
    sent, known = capped()

    result = spread(sent, LIMITS, known)

    assert (outcome(result), result.limit) == (PASS, 2)
    assert result.text.endswith("it goes out as a limit order at 101.00.")


def test_the_spread_is_judged_again_when_it_has_widened_since():
    sent, known = capped(SELL, HOLDING, 101)
    wide = quoted(known, bid=Price("90"))

    assert outcome(spread(sent, LIMITS, wide)) is HARD
    assert outcome(spread(replace(sent, order_qty=Qty(100)), LIMITS, wide)) is SOFT


def test_a_market_order_without_a_price_step_is_not_judged_as_close():
    facts = replace(FACTS, instrument=UNKNOWN_STEP)

    assert outcome(spread(market(), LIMITS, facts)) is HARD
    assert outcome(spread(market(SELL), LIMITS, replace(facts, position_qty=Decimal(100)))) is SKIPPED


def test_the_session_takes_it_for_the_market_order_that_it_is():
    sent, known = capped()

    assert outcome(session(sent, LIMITS, known)) is PASS
    assert outcome(session(sent, LIMITS, quoted(known, halted=True))) is HARD
    assert outcome(session(sent, LIMITS, in_phase(known, SessionPhase.POST))) is HARD


def test_nobody_is_asked_about_our_own_limit():
    tight = replace(LIMITS, collar_soft_pct=Decimal("0.5"), collar_hard_pct=Decimal(1))
    sent, known = capped()

    assert outcome(price_collar(sent, tight, known)) is PASS
    beyond = price_collar(replace(sent, price=Price("101.01")), tight, known)
    assert (outcome(beyond), beyond.field) == (HARD, TicketField.ORD_TYPE)
    typed = replace(known, asked=limit(price="101.00"))
    assert outcome(price_collar(limit(price="101.00"), tight, typed)) is SOFT


def test_our_own_limit_is_within_the_collar_of_the_agent():
    facts = quoted(FACTS, bid=Price("1.49"), ask=Price("1.50"), last=Price("1.50"))
    sent, known = capped(BUY, facts)

    assert outcome(price_collar(sent, AGENT_LIMITS, known)) is PASS


def test_a_meeting_with_an_own_order_is_the_type_s_fault_where_no_limit_was_typed():
    sent, known = capped()
    facts = replace(known, opposite=Resting(None, Decimal(5), Price("101.00")))

    assert self_trade(sent, LIMITS, facts).field is TicketField.ORD_TYPE
    typed = replace(facts, asked=sent)
    assert self_trade(sent, LIMITS, typed).field is TicketField.PRICE


def test_a_market_order_is_the_same_again_at_whatever_limit_it_goes_out():
    sent, known = capped()
    moved = replace(known, recent=(RecentOrder(market(), 1.0),))

    assert outcome(duplicate(replace(sent, price=Price("107.00")), LIMITS, moved)) is SOFT
    assert outcome(duplicate(replace(sent, order_qty=Qty(11)), LIMITS, moved)) is PASS
    assert outcome(duplicate(limit(), LIMITS, replace(moved, asked=limit()))) is PASS


def test_the_worst_cost_is_that_of_the_limit():
    sent, known = capped()

    assert evaluate(sent, LIMITS, known).worst_cost == Decimal(1010)


def test_the_nearest_of_a_market_order_is_a_size_and_no_price():
    sent, known = capped(BUY, FACTS, 300)

    near = evaluate(sent, LIMITS, known).nearest

    assert near is not None
    assert (near.order_qty, near.prices, near.stop_pxs) == (99, (), ())


@pytest.mark.parametrize(("side", "price"), [(BUY, "100.50"), (SELL, "99.41")])
def test_our_own_limit_stays_within_a_collar_that_is_tighter_than_it(side, price):
    narrow = Limits(collar_soft_pct=Decimal("0.3"), collar_hard_pct=Decimal("0.5"))
    facts = quoted(HOLDING, bid=Price("99.90"), ask=Price("100.00"), last=Price("100.00"))
    known = replace(facts, asked=market(side, 10))

    sent = as_sent(known.asked, narrow, known)

    assert sent.price == Price(price)
    found = price_collar(sent, narrow, known)
    assert found is None or found.outcome is PASS
