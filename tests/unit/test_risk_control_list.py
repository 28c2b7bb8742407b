"""The rules on lists, hours, clocks, pace, turnover, breakers and proposals, at and around their borders."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.domain.access import Origin
from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.limits import AGENT_LIMITS, Limits
from core.domain.market import MarketSession, SessionPhase
from core.domain.money import Price
from core.domain.risk import Outcome, RuleCode, TicketField, Unit
from core.domain.terms import Side, TimeInForce
from core.ids import Symbol
from core.risk.checks.freshness import freshness
from core.risk.checks.instrument import instrument
from core.risk.checks.loss import daily_loss, drawdown
from core.risk.checks.pause import paused
from core.risk.checks.proposal import proposal
from core.risk.checks.repetition import duplicate, throttle
from core.risk.checks.session import session
from core.risk.checks.turnover import entries, turnover
from core.risk.checks.working import working_orders
from core.risk.engine import evaluate
from core.risk.facts import Counts, Facts, Proposed
from tests.risk_builders import (
    AAPL,
    CLOSES,
    FACTS,
    HOLDING,
    INSTRUMENT,
    NOW,
    OPENS,
    in_phase,
    limit,
    market,
    outcome,
    quoted,
    stop,
)

BUY, SELL = Side.BUY, Side.SELL
PASS, SOFT, HARD, SKIPPED = Outcome.PASS, Outcome.SOFT, Outcome.HARD, Outcome.NOT_EVALUATED
LIMITS = Limits()
FRESH = Proposed(1.0, Price("100.00"))
AGENT = replace(FACTS, origin=Origin.AGENT, own=Counts(), common=LIMITS, entries=0, proposed=FRESH)
AGENT_MAY = replace(AGENT_LIMITS, allowed=frozenset({AAPL}))


def off_by(seconds: float | None, facts: Facts = FACTS) -> Facts:
    made = MarketSession(NOW, SessionPhase.REGULAR, OPENS, CLOSES, seconds)
    return replace(facts, session=made)


def hard(terms, limits, facts):
    return {each.code for each in evaluate(terms, limits, facts).results if each.outcome is HARD}


@pytest.mark.parametrize(
    ("facts", "expected", "words"),
    [
        (replace(FACTS, positions_age_s=30.0), PASS, "fresh"),
        (replace(FACTS, positions_age_s=30.1), HARD, "What the broker said is held is 30.1 s old"),
        (replace(FACTS, positions_age_s=float("nan")), HARD, "of unknown age"),
        (replace(FACTS, positions_age_s=None), HARD, "what the broker holds for the account"),
        (off_by(None), PASS, "fresh"),
        (off_by(1.9), PASS, "fresh"),
        (off_by(-1.9), PASS, "fresh"),
        (off_by(2.0), HARD, "This computer's clock is off by 2.0 s"),
        (off_by(-2.0), HARD, "This computer's clock is off by 2.0 s"),
        (off_by(float("nan")), HARD, "clock is off is not known"),
        (replace(FACTS, blocked="trading is blocked"), HARD, "account: trading is blocked"),
        (
            replace(FACTS, unreadable="Alpaca: account equity: expected a number, found 'abc'"),
            HARD,
            "cannot be read: Alpaca: account equity",
        ),
    ],
)
def test_facts_of_account_positions_and_clock_are_needed_and_named(facts, expected, words):
    result = freshness(limit(), LIMITS, facts)

    assert outcome(result) is expected
    assert words in result.text


@pytest.mark.parametrize(
    "facts",
    [
        replace(HOLDING, positions_age_s=99.0),
        replace(HOLDING, positions_age_s=None),
        off_by(99.0, HOLDING),
        replace(HOLDING, blocked="trading is blocked"),
        replace(HOLDING, unreadable="Alpaca: account cash: expected a number, found 'abc'"),
    ],
)
def test_facts_that_are_old_or_unreadable_let_a_proven_exit_go(facts):
    assert outcome(freshness(limit(SELL, 100), LIMITS, facts)) is SKIPPED
    assert outcome(freshness(limit(SELL, 101), LIMITS, facts)) is HARD


@pytest.mark.parametrize(
    ("limits", "phase", "age", "expected"),
    [
        (LIMITS, SessionPhase.REGULAR, 5.0, PASS),
        (LIMITS, SessionPhase.REGULAR, 5.1, HARD),
        (LIMITS, SessionPhase.PRE, 30.0, PASS),
        (LIMITS, SessionPhase.PRE, 30.1, HARD),
        (replace(LIMITS, quote_age_extended_s=10.0), SessionPhase.POST, 10.1, HARD),
        (AGENT_MAY, SessionPhase.REGULAR, 2.0, PASS),
        (AGENT_MAY, SessionPhase.REGULAR, 2.1, HARD),
        (AGENT_MAY, SessionPhase.PRE, 2.1, HARD),
    ],
)
def test_facts_say_how_old_a_quote_may_be_at_which_hour_and_for_whom(limits, phase, age, expected):
    facts = replace(in_phase(FACTS, phase), quote_age_s=age)

    assert outcome(freshness(limit(), limits, facts)) is expected


@pytest.mark.parametrize(
    ("changes", "known", "words"),
    [
        ({"restricted": frozenset({AAPL})}, INSTRUMENT, "restricted list"),
        ({"restricted": frozenset({AAPL}), "allowed": frozenset({AAPL})}, INSTRUMENT, "restricted list"),
        ({"allowed": frozenset()}, INSTRUMENT, "not on the list"),
        ({"allowed": frozenset({Symbol("MSFT")})}, INSTRUMENT, "not on the list"),
        ({}, replace(INSTRUMENT, exchange="OTC"), "over the counter"),
        ({}, replace(INSTRUMENT, exchange="otc"), "over the counter"),
        ({}, replace(INSTRUMENT, tradable=False), "takes no orders"),
    ],
)
def test_instrument_that_may_not_be_opened_is_named_and_may_still_be_left(changes, known, words):
    limits, facts = replace(LIMITS, **changes), replace(HOLDING, instrument=known)

    opening, leaving = instrument(limit(), limits, facts), instrument(limit(SELL, 100), limits, facts)

    assert (outcome(opening), opening.field) == (HARD, TicketField.SYMBOL)
    assert words in opening.text
    assert outcome(leaving) is SKIPPED
    assert words in leaving.text
    assert outcome(instrument(limit(SELL, 101), limits, facts)) is HARD


@pytest.mark.parametrize("allowed", [None, frozenset({AAPL})])
def test_instrument_on_the_list_or_without_a_list_passes(allowed):
    limits = replace(LIMITS, allowed=allowed, restricted=frozenset({Symbol("MSFT")}))

    assert outcome(instrument(limit(), limits, FACTS)) is PASS


def test_the_agent_opens_nothing_that_is_not_on_its_list():
    assert hard(limit(qty=4), AGENT_LIMITS, AGENT) == {RuleCode.INSTRUMENT}
    assert hard(limit(qty=4), AGENT_MAY, AGENT) == set()


@pytest.mark.parametrize(
    ("phase", "terms", "expected"),
    [
        (SessionPhase.REGULAR, limit(), PASS),
        (SessionPhase.REGULAR, market(), PASS),
        (SessionPhase.REGULAR, limit(extended_hours=True), HARD),
        (SessionPhase.PRE, limit(), HARD),
        (SessionPhase.POST, limit(SELL, 100), HARD),
        (SessionPhase.CLOSED, limit(time_in_force=TimeInForce.OPG), HARD),
    ],
)
def test_session_of_the_agent_is_the_regular_one(phase, terms, expected):
    facts = in_phase(HOLDING, phase)

    assert outcome(session(terms, replace(LIMITS, regular_hours_only=True), facts)) is expected
    assert outcome(session(limit(extended_hours=True), LIMITS, facts)) is PASS


@pytest.mark.parametrize(
    ("counts", "expected", "words"),
    [
        (Counts(), PASS, "pace"),
        (Counts(sent_last_minute=5), PASS, "pace"),
        (Counts(sent_last_minute=6), HARD, "6 orders were sent by the agent in the last minute, and 6"),
        (Counts(sent_today=49), PASS, "pace"),
        (Counts(sent_today=50), HARD, "50 orders were sent by the agent today, and 50"),
    ],
)
def test_throttle_holds_the_agent_to_a_pace_of_its_own(counts, expected, words):
    result = throttle(limit(), AGENT_MAY, replace(AGENT, own=counts))

    assert outcome(result) is expected
    assert words in result.text


def test_throttle_of_everybody_binds_the_agent_too_and_by_the_common_numbers():
    others = replace(AGENT, sent_last_minute=59, sent_today=499)

    assert outcome(throttle(limit(), AGENT_MAY, others)) is PASS
    assert outcome(throttle(limit(), AGENT_MAY, replace(others, sent_last_minute=60))) is HARD
    assert outcome(throttle(limit(), AGENT_MAY, replace(others, sent_today=500))) is HARD


@pytest.mark.parametrize(
    ("counts", "expected", "words"),
    [
        (Counts(working_total=4, working_in_symbol=4), PASS, "within"),
        (Counts(working_total=5), HARD, "5 orders work for the agent, and 5"),
        (Counts(working_total=5, working_in_symbol=5), HARD, "5 orders work for the agent in AAPL, and 5"),
    ],
)
def test_working_orders_of_the_agent_are_counted_by_themselves(counts, expected, words):
    result = working_orders(limit(), AGENT_MAY, replace(AGENT, own=counts))

    assert outcome(result) is expected
    assert words in result.text


def test_working_orders_of_everybody_bind_the_agent_by_the_common_numbers():
    assert outcome(working_orders(limit(), AGENT_MAY, replace(AGENT, working_total=49))) is PASS
    assert outcome(working_orders(limit(), AGENT_MAY, replace(AGENT, working_total=50))) is HARD
    assert outcome(working_orders(limit(), AGENT_MAY, replace(AGENT, working_in_symbol=10))) is HARD
    shown = working_orders(limit(), AGENT_MAY, replace(AGENT, own=Counts(working_total=3)))
    assert (shown.value, shown.limit) == (4, 5)


@pytest.mark.parametrize(
    ("limits", "before", "expected", "value"),
    [
        (LIMITS, "199000", PASS, "200"),
        (LIMITS, "199000.01", HARD, "200.00001"),
        (LIMITS, "0", PASS, "1"),
        (AGENT_MAY, "49000", PASS, "50"),
        (AGENT_MAY, "49001", HARD, "50.001"),
    ],
)
def test_turnover_of_the_day_is_bounded_with_this_order_in_it(limits, before, expected, value):
    result = turnover(limit(), limits, replace(FACTS, turnover=Decimal(before)))

    assert (outcome(result), result.value, result.unit) == (expected, Decimal(value), Unit.PERCENT)


def test_turnover_counts_sales_and_leaves_proven_exits_alone():
    facts = replace(HOLDING, turnover=Decimal(199_500))

    assert outcome(turnover(limit(SELL, 101), LIMITS, facts)) is HARD
    assert turnover(limit(SELL, 100), LIMITS, facts) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"turnover": None}, "what was traded today"),
        ({"start_equity": None}, "the equity at the start of the day"),
        ({"start_equity": Decimal(0)}, "the equity at the start of the day"),
        ({"quote": None}, "the quote of AAPL"),
    ],
)
def test_turnover_names_the_fact_that_is_missing(changes, words):
    result = turnover(market(), LIMITS, replace(FACTS, **changes))

    assert outcome(result) is HARD
    assert words in result.text


def test_turnover_is_cured_by_fewer_shares():
    facts = replace(FACTS, turnover=Decimal(199_500))

    assert evaluate(limit(qty=10), LIMITS, facts).nearest.order_qty == 5


@pytest.mark.parametrize(("count", "expected"), [(None, None), (0, PASS), (4, PASS), (5, HARD), (6, HARD)])
def test_entries_of_automation_in_one_symbol_are_counted(count, expected):
    result = entries(limit(), LIMITS, replace(HOLDING, entries=count))

    assert outcome(result) is expected
    assert entries(limit(SELL, 100), LIMITS, replace(HOLDING, entries=count)) is None


@pytest.mark.parametrize(
    ("equity", "expected", "value"),
    [
        ("95000", HARD, "5"),
        ("95000.01", PASS, "4.99999"),
        ("101000", PASS, "0"),
    ],
)
@pytest.mark.parametrize("flow", ["0", "7000", "-7000"])
def test_daily_loss_is_the_same_whatever_the_owner_put_in_or_took_out(equity, expected, value, flow):
    facts = replace(FACTS, equity=Decimal(equity) + Decimal(flow), day_flows=Decimal(flow))

    result = daily_loss(limit(), LIMITS, facts)

    assert (outcome(result), result.value) == (expected, Decimal(value))


@pytest.mark.parametrize(("loss", "expected"), [("2.99", PASS), ("3", HARD), ("3.01", HARD)])
def test_daily_loss_stops_the_agent_at_three_percent(loss, expected):
    facts = replace(AGENT, equity=Decimal(100_000) * (100 - Decimal(loss)) / 100)

    assert outcome(daily_loss(limit(), AGENT_MAY, facts)) is expected


@pytest.mark.parametrize(
    ("peak", "equity", "expected", "value"),
    [
        ("100000", "100000", PASS, "0"),
        ("100000", "110000", PASS, "0"),
        ("100000", "90000.01", PASS, "9.99999"),
        ("100000", "90000", HARD, "10"),
        ("100000", "80000", HARD, "20"),
    ],
)
def test_drawdown_is_measured_from_the_peak(peak, equity, expected, value):
    facts = replace(HOLDING, peak_equity=Decimal(peak), equity=Decimal(equity))

    result = drawdown(limit(), LIMITS, facts)

    assert (outcome(result), result.value, result.unit) == (expected, Decimal(value), Unit.PERCENT)
    assert drawdown(limit(SELL, 100), LIMITS, facts) is None


def test_drawdown_is_not_judged_before_a_peak_and_refuses_without_equity():
    assert outcome(drawdown(limit(), LIMITS, replace(FACTS, peak_equity=None))) is SKIPPED
    assert outcome(drawdown(limit(), LIMITS, replace(FACTS, peak_equity=Decimal(0)))) is SKIPPED
    assert outcome(drawdown(limit(), LIMITS, replace(FACTS, equity=None))) is HARD


def trip(name: BreakerName, value: str | None = "3") -> BreakerRecord:
    figures = (None, None) if value is None else (Decimal(value), Decimal(3))
    text = "Three trades in a row have lost"
    at = datetime(2026, 11, 20, tzinfo=UTC)
    return BreakerRecord(name, BreakerState.TRIPPED, "", text, *figures, Unit.COUNT, "desk", "admin", "", at)


@pytest.mark.parametrize("value", ["3", None])
def test_a_pause_refuses_all_but_exits_and_says_which_breaker(value):
    facts = replace(HOLDING, paused=(trip(BreakerName.LOSING_STREAK, value),))

    result = paused(limit(), LIMITS, facts)

    assert outcome(result) is HARD
    assert result.text.endswith("Three trades in a row have lost.")
    assert (result.value, result.limit) == ((3, 3) if value else (None, None))
    assert paused(limit(SELL, 100), LIMITS, facts) is None
    assert outcome(paused(limit(), LIMITS, FACTS)) is PASS


@pytest.mark.parametrize(
    ("made", "last", "expected", "words"),
    [
        (Proposed(0.0, Price("100.00")), "100.00", PASS, "young"),
        (Proposed(900.0, Price("100.00")), "100.00", PASS, "young"),
        (Proposed(900.1, Price("100.00")), "100.00", HARD, "900.1 s old"),
        (Proposed(-1.0, Price("100.00")), "100.00", HARD, "age of the proposal is not known"),
        (Proposed(float("nan"), Price("100.00")), "100.00", HARD, "age of the proposal is not known"),
        (Proposed(1.0, Price("100.00")), "100.50", PASS, "young"),
        (Proposed(1.0, Price("100.00")), "99.50", PASS, "young"),
        (Proposed(1.0, Price("100.00")), "100.51", HARD, "The price moved by 0.51 %"),
        (Proposed(1.0, Price("100.00")), "99.49", HARD, "The price moved by 0.51 %"),
        (Proposed(1.0, Price("0")), "100.00", HARD, "price of AAPL is not known"),
        (None, "100.00", HARD, "may only propose"),
    ],
)
def test_a_proposal_holds_while_it_is_young_and_the_price_stands(made, last, expected, words):
    facts = quoted(replace(AGENT, proposed=made), last=Price(last))

    result = proposal(limit(), AGENT_MAY, facts)

    assert outcome(result) is expected
    assert words in result.text


def test_a_proposal_without_a_price_of_now_does_not_hold():
    assert outcome(proposal(limit(), AGENT_MAY, replace(AGENT, quote=None))) is HARD


def test_a_proposal_is_no_matter_where_a_person_orders():
    assert proposal(limit(), LIMITS, replace(FACTS, origin=Origin.WINDOW)) is None
    assert proposal(limit(), LIMITS, FACTS) is None


@pytest.mark.parametrize(
    ("age", "expected"), [(None, PASS), (0.0, HARD), (900.0, HARD), (900.1, PASS), (float("nan"), HARD)]
)
def test_the_same_thesis_is_traded_once_in_a_quarter_of_an_hour(age, expected):
    facts = replace(AGENT, proposed=replace(FRESH, thesis_age_s=age))

    assert outcome(duplicate(limit(), AGENT_MAY, facts)) is expected


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (limit(qty=4, price="101.50"), RuleCode.PRICE_COLLAR),
        (limit(qty=4, price="100.00"), None),
    ],
)
def test_what_a_person_is_asked_about_is_refused_to_the_agent(terms, code):
    assert hard(terms, replace(AGENT_MAY, strict=False), AGENT) == set()
    assert hard(terms, AGENT_MAY, AGENT) == ({code} if code else set())


def test_a_sector_is_a_hard_limit_for_the_agent():
    facts = replace(AGENT, sector_exposure=Decimal(29_700))

    assert hard(limit(qty=4), AGENT_MAY, facts) == {RuleCode.SECTOR}
    assert hard(limit(qty=3), AGENT_MAY, facts) == set()
    assert evaluate(limit(qty=4), AGENT_MAY, facts).nearest.order_qty == 3


def test_an_exit_of_the_agent_is_asked_about_and_not_refused_for_its_size():
    facts = replace(AGENT, position_qty=Decimal(600), gross_exposure=Decimal(60_000))

    verdict = evaluate(limit(SELL, 600), AGENT_MAY, facts)

    assert not verdict.is_refused
    assert {each.code for each in verdict.breaches} >= {RuleCode.ORDER_QTY, RuleCode.ORDER_NOTIONAL}


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (limit(qty=5), None),
        (limit(qty=6), RuleCode.ORDER_NOTIONAL),
        (limit(qty=5, price="100.01"), RuleCode.ORDER_NOTIONAL),
        (stop(BUY, "100.10", 5), RuleCode.ORDER_NOTIONAL),
    ],
)
def test_one_order_of_the_agent_is_worth_five_hundred_dollars(terms, code):
    assert hard(terms, AGENT_MAY, AGENT) == ({code} if code else set())


@pytest.mark.parametrize(("held", "expected"), [(45, set()), (46, {RuleCode.POSITION_LIMIT})])
def test_the_agent_brings_one_symbol_to_five_percent(held, expected):
    facts = replace(AGENT, position_qty=Decimal(held), gross_exposure=Decimal(4_600))

    assert hard(limit(qty=5), AGENT_MAY, facts) == expected


@pytest.mark.parametrize(("gross", "expected"), [("29500", set()), ("29501", {RuleCode.GROSS_EXPOSURE})])
def test_the_agent_adds_up_to_thirty_percent(gross, expected):
    assert hard(limit(qty=5), AGENT_MAY, replace(AGENT, gross_exposure=Decimal(gross))) == expected


@pytest.mark.parametrize(
    ("is_margin", "gross", "expected"),
    [
        (True, "79000", set()),
        (True, "79001", {RuleCode.GROSS_EXPOSURE}),
        (False, "99000", set()),
        (False, "99001", {RuleCode.GROSS_EXPOSURE}),
    ],
)
def test_an_account_that_may_borrow_keeps_a_fifth_of_its_equity_out_of_the_market(is_margin, gross, expected):
    facts = replace(FACTS, gross_exposure=Decimal(gross), is_margin=is_margin)

    assert hard(limit(qty=10), Limits(), facts) == expected


def test_the_tighter_of_the_two_numbers_holds_for_an_account_that_may_borrow():
    limits = replace(Limits(), gross_pct=Decimal(50))

    assert (limits.gross_limit(is_margin=True), limits.gross_limit(is_margin=False)) == (50, 50)
    assert Limits().gross_limit(is_margin=True) == 80
