"""The verdict as a whole: rule table, missing facts, before and after, what would pass."""

from dataclasses import fields, replace
from decimal import Decimal

import pytest

from core.domain.access import TradingState
from core.domain.limits import Limits
from core.domain.market import SessionPhase
from core.domain.money import Price, Qty
from core.domain.risk import EffectName, Outcome, RuleCode, TicketField, Unit
from core.domain.terms import OrdType, Side, TimeInForce
from core.risk.engine import evaluate
from core.risk.facts import Facts, RecentOrder
from core.risk.uses import Totals, uses
from tests.risk_builders import (
    AAPL,
    FACTS,
    FRACTIONABLE,
    HOLDING,
    INSTRUMENT,
    in_phase,
    limit,
    market,
    quoted,
    stop,
    stop_limit,
)

BUY, SELL = Side.BUY, Side.SELL
LIMITS = Limits()
GROWTH = {RuleCode.POSITION_LIMIT, RuleCode.GROSS_EXPOSURE, RuleCode.SECTOR}
NULLABLE = [field.name for field in fields(Facts) if "None" in str(field.type)]


def hard(verdict):
    return {result.code for result in verdict.results if result.outcome is Outcome.HARD}


def line(verdict, name):
    return next(each for each in verdict.effect if each.name is name)


def test_evaluate_sound_order_passes_every_rule_in_the_order_of_the_list():
    verdict = evaluate(stop_limit(BUY, "101.00", "102.00"), LIMITS, FACTS)

    codes = [result.code for result in verdict.results]
    assert {result.outcome for result in verdict.results} == {Outcome.PASS}
    assert [code for code in RuleCode if code in codes] == list(dict.fromkeys(codes))
    assert verdict.nearest is None
    assert verdict.worst_cost == 1020


def test_evaluate_unsound_numbers_is_the_only_finding():
    verdict = evaluate(limit(qty=0), LIMITS, FACTS)

    assert [result.code for result in verdict.results] == [RuleCode.NUMBERS]
    assert verdict.is_refused
    assert (verdict.effect, verdict.nearest, verdict.worst_cost) == ((), None, None)


@pytest.mark.parametrize(
    ("fact", "codes"),
    [
        ("trading_state", {RuleCode.TRADING_STATE}),
        ("session", {RuleCode.FACTS, RuleCode.SESSION, RuleCode.SPREAD}),
        ("instrument", {RuleCode.INSTRUMENT, RuleCode.SPREAD}),
        (
            "quote",
            {
                RuleCode.FACTS,
                RuleCode.SESSION,
                RuleCode.SPREAD,
                RuleCode.ORDER_NOTIONAL,
                RuleCode.POSITION_LIMIT,
                RuleCode.GROSS_EXPOSURE,
                RuleCode.SECTOR,
                RuleCode.BUYING_POWER,
                RuleCode.TURNOVER,
            },
        ),
        ("quote_age_s", {RuleCode.FACTS}),
        ("position_qty", {RuleCode.FACTS, *GROWTH}),
        ("working_buy_qty", {RuleCode.FACTS, *GROWTH}),
        ("working_sell_qty", {RuleCode.FACTS}),
        ("cash", {RuleCode.FACTS, RuleCode.BUYING_POWER}),
        ("reserved_cash", {RuleCode.BUYING_POWER}),
        ("gross_exposure", {RuleCode.GROSS_EXPOSURE}),
        ("equity", {RuleCode.DAILY_LOSS, RuleCode.DRAWDOWN}),
        (
            "start_equity",
            {
                RuleCode.FACTS,
                RuleCode.ORDER_NOTIONAL,
                *GROWTH,
                RuleCode.TURNOVER,
                RuleCode.DAILY_LOSS,
            },
        ),
        ("account_age_s", {RuleCode.FACTS}),
        ("ready", {RuleCode.FACTS}),
        ("usual_volume", set()),
        ("opposite", set()),
        ("sector_exposure", {RuleCode.SECTOR}),
        ("positions_age_s", {RuleCode.FACTS}),
        ("turnover", {RuleCode.TURNOVER}),
        ("peak_equity", set()),
        ("origin", set()),
        ("asked", set()),
        ("own", set()),
        ("common", set()),
        ("entries", set()),
        ("proposed", set()),
    ],
)
def test_evaluate_missing_fact_denies_a_market_purchase(fact, codes):
    verdict = evaluate(market(), LIMITS, replace(FACTS, **{fact: None}))

    assert hard(verdict) == codes


@pytest.mark.parametrize(
    ("fact", "codes"),
    [
        ("quote", {RuleCode.FACTS, RuleCode.PRICE_COLLAR, RuleCode.STOP_SIDE}),
        ("instrument", {RuleCode.INSTRUMENT, RuleCode.TICK}),
        ("session", {RuleCode.FACTS, RuleCode.SESSION, RuleCode.TICK}),
    ],
)
def test_evaluate_missing_fact_denies_a_priced_purchase(fact, codes):
    verdict = evaluate(stop_limit(BUY, "101.00", "102.00"), LIMITS, replace(FACTS, **{fact: None}))

    assert hard(verdict) == codes


@pytest.mark.parametrize("fact", NULLABLE)
@pytest.mark.parametrize("terms", [limit(SELL, 100), market(SELL, 100), stop(SELL, "90.00", 100)])
def test_evaluate_missing_fact_stops_an_exit_only_where_it_is_the_proof(terms, fact):
    verdict = evaluate(terms, LIMITS, replace(HOLDING, **{fact: None}))

    assert verdict.is_refused == (fact in ("trading_state", "position_qty", "working_sell_qty"))


def test_every_nullable_fact_is_covered_by_the_tables():
    assert set(NULLABLE) == {
        "trading_state",
        "session",
        "instrument",
        "quote",
        "quote_age_s",
        "position_qty",
        "working_buy_qty",
        "working_sell_qty",
        "cash",
        "reserved_cash",
        "gross_exposure",
        "equity",
        "start_equity",
        "account_age_s",
        "ready",
        "usual_volume",
        "opposite",
        "sector_exposure",
        "positions_age_s",
        "turnover",
        "peak_equity",
        "origin",
        "asked",
        "own",
        "common",
        "entries",
        "proposed",
    }


def test_effect_shows_now_and_after_at_the_worst():
    facts = replace(
        FACTS,
        position_qty=Decimal(60),
        working_buy_qty=Decimal(20),
        cash=Decimal(50_000),
        reserved_cash=Decimal(2_000),
        gross_exposure=Decimal(54_000),
        equity=Decimal("100135.25"),
        fee_rate_pct=Decimal("0.1"),
    )

    verdict = evaluate(limit(qty=20, price="101.00"), LIMITS, facts)

    figures = {each.name: (each.now, each.after, each.breached) for each in verdict.effect}
    assert figures == {
        EffectName.POSITION: (80, 100, False),
        EffectName.WEIGHT: (8, Decimal("10.1"), False),
        EffectName.GROSS_EXPOSURE: (54, Decimal("56.02"), False),
        EffectName.BUYING_POWER: (48_000, Decimal("45977.98"), False),
        EffectName.DAILY_LOSS_LEFT: (Decimal("5135.25"), Decimal("5113.23"), False),
    }
    assert verdict.worst_cost == Decimal("2022.02")


def test_effect_of_a_sale_gives_cash_and_frees_exposure():
    facts = replace(HOLDING, fee_rate_pct=Decimal("0.1"))

    verdict = evaluate(market(SELL, 40), LIMITS, facts)

    figures = {each.name: (each.now, each.after) for each in verdict.effect}
    assert figures == {
        EffectName.POSITION: (100, 60),
        EffectName.WEIGHT: (10, 6),
        EffectName.GROSS_EXPOSURE: (10, 6),
        EffectName.BUYING_POWER: (100_000, Decimal("103992.004")),
        EffectName.DAILY_LOSS_LEFT: (5_000, Decimal("4992.004")),
    }
    assert verdict.worst_cost is None


def test_effect_of_selling_short_counts_working_sales():
    facts = replace(FACTS, position_qty=Decimal(-10), working_sell_qty=Decimal(5))

    verdict = evaluate(limit(SELL, 10), LIMITS, facts)

    position = line(verdict, EffectName.POSITION)
    assert (position.now, position.after) == (-15, -25)


def test_effect_of_a_short_sale_adds_to_the_exposure():
    facts = replace(FACTS, position_qty=Decimal(-10), gross_exposure=Decimal(1_000))

    sold = line(evaluate(limit(SELL, 10, price="105.00"), LIMITS, facts), EffectName.GROSS_EXPOSURE)
    bought = line(evaluate(limit(BUY, 10, price="105.00"), LIMITS, facts), EffectName.GROSS_EXPOSURE)

    assert (sold.now, sold.after) == (1, Decimal("2.05"))
    assert (bought.now, bought.after, bought.breached) == (1, 0, False)


def test_effect_marks_what_breaks_its_limit():
    facts = replace(
        FACTS,
        cash=Decimal(10),
        gross_exposure=Decimal(99_000),
        equity=Decimal(95_000),
        position_qty=Decimal(190),
    )

    verdict = evaluate(limit(qty=20), replace(LIMITS, daily_loss_pct=Decimal(5)), facts)

    breached = {each.name for each in verdict.effect if each.breached}
    assert breached == {EffectName.WEIGHT, EffectName.GROSS_EXPOSURE, EffectName.BUYING_POWER}


def test_effect_marks_a_daily_loss_that_is_used_up():
    verdict = evaluate(limit(price="100.50"), LIMITS, replace(FACTS, equity=Decimal(95_000)))

    left = line(verdict, EffectName.DAILY_LOSS_LEFT)
    assert (left.now, left.after, left.breached) == (0, -5, True)


@pytest.mark.parametrize(
    ("fact", "unknown"),
    [
        ("position_qty", {EffectName.POSITION, EffectName.WEIGHT}),
        ("working_buy_qty", {EffectName.POSITION, EffectName.WEIGHT}),
        ("working_sell_qty", {EffectName.POSITION, EffectName.WEIGHT}),
        ("gross_exposure", {EffectName.GROSS_EXPOSURE}),
        ("cash", {EffectName.BUYING_POWER}),
        ("reserved_cash", {EffectName.BUYING_POWER}),
        ("equity", {EffectName.DAILY_LOSS_LEFT}),
        ("start_equity", {EffectName.WEIGHT, EffectName.GROSS_EXPOSURE, EffectName.DAILY_LOSS_LEFT}),
    ],
)
def test_effect_unknown_is_none_and_never_zero(fact, unknown):
    verdict = evaluate(limit(), LIMITS, replace(FACTS, **{fact: None}))

    assert {each.name for each in verdict.effect if each.after is None} == unknown
    assert {each.name for each in verdict.effect if each.now is None} == unknown


def test_effect_without_a_price_knows_only_what_is_now():
    for terms, facts in ((market(), FACTS), (market(SELL), HOLDING)):
        verdict = evaluate(terms, LIMITS, replace(facts, quote=None))

        assert {each.name for each in verdict.effect if each.after is not None} == {EffectName.POSITION}
        assert line(verdict, EffectName.BUYING_POWER).now == 100_000
        assert line(verdict, EffectName.GROSS_EXPOSURE).now is not None


def test_nearest_quantity_meets_soft_sizes_too():
    verdict = evaluate(limit(qty=300), LIMITS, FACTS)

    assert hard(verdict) == {RuleCode.ORDER_NOTIONAL, RuleCode.POSITION_LIMIT}
    assert verdict.nearest.order_qty == 100
    assert not evaluate(limit(qty=100), LIMITS, FACTS).breaches


def test_nearest_of_selling_too_much_is_what_is_held():
    verdict = evaluate(limit(SELL, 101), LIMITS, replace(HOLDING, quote_age_s=99.0))

    assert RuleCode.SELL_HELD in hard(verdict)
    assert verdict.nearest.order_qty == 100


def test_nearest_may_close_a_part_of_a_share():
    facts = replace(HOLDING, position_qty=Decimal("0.5"), instrument=FRACTIONABLE)

    verdict = evaluate(limit(SELL, 1), LIMITS, facts)

    assert verdict.nearest.order_qty == Decimal("0.5")


def test_nearest_of_a_part_is_whole_where_parts_are_not_traded():
    verdict = evaluate(limit(SELL, 200), LIMITS, replace(HOLDING, position_qty=Decimal("99.5")))
    bought = evaluate(limit(qty="10.5"), LIMITS, FACTS)
    too_little = evaluate(limit(qty="0.5"), LIMITS, FACTS)

    assert verdict.nearest.order_qty == 99
    assert bought.nearest.order_qty == 10
    assert too_little.nearest is None


def test_nearest_while_reducing_is_the_exit():
    facts = replace(HOLDING, trading_state=TradingState.REDUCING)

    assert evaluate(limit(SELL, 150), LIMITS, facts).nearest.order_qty == 100
    assert evaluate(limit(BUY, 10), LIMITS, facts).nearest is None


def test_nearest_prices_are_the_valid_ones_around():
    verdict = evaluate(limit(price="100.005"), LIMITS, FACTS)

    assert verdict.nearest.prices == (Price("100.00"), Price("100.01"))
    assert (verdict.nearest.order_qty, verdict.nearest.stop_pxs) == (None, ())


def test_nearest_prices_come_with_a_quantity_that_passes_at_all_of_them():
    verdict = evaluate(limit(qty=5000, price="100.005"), LIMITS, FACTS)

    near = verdict.nearest
    assert near.prices == (Price("100.00"), Price("100.01"))
    assert near.order_qty == 99
    for price in near.prices:
        assert not evaluate(limit(qty=99, price=str(price)), LIMITS, FACTS).breaches


def test_nearest_price_without_a_quote_is_offered_to_an_exit_only():
    bought = evaluate(limit(price="100.005"), LIMITS, replace(FACTS, quote=None))
    sold = evaluate(limit(SELL, price="100.005"), LIMITS, replace(HOLDING, quote=None))

    assert bought.nearest is None
    assert sold.nearest.prices == (Price("100.00"), Price("100.01"))


def test_nearest_price_beyond_the_collar_is_its_bound():
    bought = evaluate(limit(price="150.00"), LIMITS, FACTS)
    sold = evaluate(limit(SELL, price="10.00"), LIMITS, HOLDING)

    assert bought.nearest.prices == (Price("103.00"),)
    assert sold.nearest.prices == (Price("96.91"),)


def test_nearest_price_of_a_collar_without_a_step_is_unknown():
    verdict = evaluate(limit(price="150.00"), LIMITS, replace(FACTS, instrument=None))

    assert verdict.nearest is None


def test_nearest_stop_is_on_its_side_and_on_the_step():
    wrong_side = evaluate(stop(SELL, "120.00"), LIMITS, HOLDING)
    off_step = evaluate(stop(SELL, "95.005"), LIMITS, HOLDING)
    at_border = evaluate(stop(BUY, "100.005"), LIMITS, FACTS)

    assert wrong_side.nearest.stop_pxs == (Price("99.89"),)
    assert off_step.nearest.stop_pxs == (Price("95.00"), Price("95.01"))
    assert at_border.nearest.stop_pxs == (Price("100.01"),)


def test_nearest_stop_without_any_room_is_unknown():
    facts = quoted(HOLDING, bid=Price("0.0001"), ask=Price("0.0002"), last=Price("0.0001"))

    assert evaluate(stop(SELL, "1.00"), LIMITS, facts).nearest is None


def test_nearest_keeps_what_is_right():
    verdict = evaluate(stop_limit(BUY, "101.005", "102.00"), LIMITS, FACTS)

    assert verdict.nearest.stop_pxs == (Price("101.00"), Price("101.01"))
    assert verdict.nearest.prices == ()


@pytest.mark.parametrize(
    "facts",
    [
        replace(FACTS, recent=(RecentOrder(limit(), 1.0), RecentOrder(limit(), 2.0))),
        replace(FACTS, burst_left=0),
        replace(FACTS, trading_state=TradingState.HALTED),
        replace(FACTS, cash=Decimal(99)),
        replace(FACTS, instrument=replace(INSTRUMENT, tradable=False)),
    ],
)
def test_nearest_is_none_where_no_quantity_helps(facts):
    verdict = evaluate(limit(), LIMITS, facts)

    assert verdict.is_refused
    assert verdict.nearest is None


def test_nearest_is_none_where_only_another_session_helps():
    verdict = evaluate(market(qty=5000), LIMITS, in_phase(FACTS, SessionPhase.POST))

    assert verdict.nearest is None


def test_nearest_of_a_replacement_counts_what_is_filled():
    facts = replace(FACTS, position_qty=Decimal(150), filled_qty=Decimal(50))

    verdict = evaluate(limit(qty=101, price="90.00"), LIMITS, facts)
    stuck = evaluate(limit(qty=60), LIMITS, replace(facts, position_qty=Decimal(200)))

    assert hard(verdict) == {RuleCode.POSITION_LIMIT}
    assert verdict.nearest.order_qty == 100
    assert stuck.nearest is None


def test_soft_breach_needs_an_acknowledgement_and_has_no_nearest():
    verdict = evaluate(limit(qty=150), LIMITS, FACTS)

    assert [result.code for result in verdict.breaches] == [RuleCode.ORDER_NOTIONAL]
    assert not verdict.is_refused
    assert verdict.nearest is None
    assert verdict.missing_acknowledgements(frozenset({RuleCode.ORDER_NOTIONAL})) == ()


def test_every_refusal_has_a_sentence_and_a_field_that_the_ticket_has():
    bad = [limit(qty=30_000), limit(price="200.00"), stop(BUY, "1.00"), limit(SELL, 5)]

    for result in (each for terms in bad for each in evaluate(terms, LIMITS, FACTS).breaches):
        assert result.text.endswith(".")
        assert result.field is not TicketField.NONE
        assert result.value is not None
        assert result.limit is not None


def test_uses_shows_each_limit_with_its_room():
    totals = Totals(
        equity=Decimal(99_000),
        start_equity=Decimal(100_000),
        gross_exposure=Decimal(54_600),
        sent_today=9,
        sent_last_minute=2,
        symbol=AAPL,
        symbol_value=Decimal(15_154),
    )

    lines = {
        use.name: (use.used, use.limit, use.unit, use.room, use.room_unit) for use in uses(LIMITS, totals)
    }

    assert lines == {
        "daily_loss": (1, 5, Unit.PERCENT, 4_000, Unit.DOLLARS),
        "gross_exposure": (Decimal("54.6"), 100, Unit.PERCENT, 45_400, Unit.DOLLARS),
        "weight:AAPL": (Decimal("15.154"), 20, Unit.PERCENT, 4_846, Unit.DOLLARS),
        "orders_today": (9, 500, Unit.COUNT, 491, Unit.COUNT),
        "orders_per_minute": (2, 60, Unit.COUNT, 58, Unit.COUNT),
    }


def test_uses_of_an_account_that_may_borrow_shows_its_own_limit():
    totals = Totals(Decimal(100_000), Decimal(100_000), Decimal(54_600), 0, 0, is_margin=True)

    gross = uses(LIMITS, totals)[1]

    assert (gross.limit, gross.room) == (80, 25_400)


def test_uses_of_a_gain_is_zero_with_more_room():
    totals = Totals(Decimal(101_000), Decimal(100_000), Decimal(0), 0, 0)

    loss = uses(LIMITS, totals)[0]

    assert (loss.used, loss.room) == (0, 6_000)


@pytest.mark.parametrize("start", [None, Decimal(0)])
def test_uses_unknown_is_none(start):
    found = uses(LIMITS, Totals(None, start, Decimal(1), 0, 0, AAPL, None))
    lines = {use.name: use.used for use in found}

    assert [use.unit for use in found] == [Unit.PERCENT] * 3 + [Unit.COUNT] * 2
    assert lines == {
        "daily_loss": None,
        "gross_exposure": None,
        "weight:AAPL": None,
        "orders_today": 0,
        "orders_per_minute": 0,
    }


def test_quantity_of_an_ioc_in_regular_hours_passes_like_any_other():
    verdict = evaluate(
        limit(time_in_force=TimeInForce.IOC, ord_type=OrdType.LIMIT, order_qty=Qty(1)), LIMITS, FACTS
    )

    assert not verdict.breaches
