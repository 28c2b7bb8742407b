"""What holds of every judgement, whatever the order and the facts."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from core.domain.access import Origin, TradingState
from core.domain.limits import AGENT_LIMITS, Limits
from core.domain.market import MarketSession, SessionPhase
from core.domain.money import Price, Qty
from core.domain.order import Resting
from core.domain.risk import Outcome, RuleCode
from core.domain.terms import OrderDraft, OrderTerms, OrdType, Side, TimeInForce
from core.ids import ClOrdId
from core.risk import nearest as search
from core.risk.engine import evaluate
from core.risk.facts import Counts, Facts, Proposed, RecentOrder
from core.risk.marketable import as_sent
from core.risk.parse import parse_draft
from core.risk.pricing import is_exit
from tests.risk_builders import AAPL, CLOSES, FACTS, FRACTIONABLE, HOLDING, INSTRUMENT, NOW, OPENS, QUOTE

LIMITS = Limits()
AGENT_MAY = replace(AGENT_LIMITS, allowed=frozenset({AAPL}))
SIZES = {RuleCode.ORDER_QTY, RuleCode.ORDER_NOTIONAL, RuleCode.SECTOR}
# What a broker would refuse or the pace forbids: an exit may meet these as any order does.
FORM_AND_PACE = {
    RuleCode.NUMBERS,
    RuleCode.TERMS,
    RuleCode.INSTRUMENT,
    RuleCode.SESSION,
    RuleCode.TICK,
    RuleCode.PRICE_COLLAR,
    RuleCode.STOP_SIDE,
    RuleCode.DUPLICATE,
    RuleCode.THROTTLE,
    RuleCode.PROPOSAL,
}

any_number = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**17), max_value=10**17)
cents = st.decimals(min_value=-5, max_value=300, places=2)
prices = st.one_of(cents, any_number)
wholes = st.one_of(st.integers(-2, 600), st.integers(0, 50_000)).map(Decimal)
quantities = st.one_of(wholes, st.decimals(min_value=0, max_value=300, places=3), any_number)
ages = st.one_of(st.none(), st.floats(min_value=0, max_value=100), st.just(float("nan")))


@st.composite
def terms(draw):
    priced = st.one_of(st.none(), prices.map(Price))
    return OrderTerms(
        symbol=AAPL,
        side=draw(st.sampled_from(Side)),
        ord_type=draw(st.sampled_from(OrdType)),
        time_in_force=draw(st.sampled_from(TimeInForce)),
        order_qty=Qty(draw(quantities)),
        price=draw(priced),
        stop_px=draw(priced),
    )


@st.composite
def near_terms(draw, places=2):
    """Orders around the market of the builders, of the size that people and slips of the hand give."""
    ord_type = draw(st.sampled_from(OrdType))
    side = draw(st.sampled_from([Side.BUY, Side.BUY, Side.SELL]))
    away = draw(st.decimals(min_value="0.2", max_value=20, places=places))
    slip = draw(st.decimals(min_value=-4, max_value=2, places=places))
    stop_px = 100 + away * side.sign
    return OrderTerms(
        symbol=AAPL,
        side=side,
        ord_type=ord_type,
        time_in_force=TimeInForce.DAY,
        order_qty=Qty(draw(st.one_of(st.integers(1, 150), st.integers(1, 600), st.integers(1, 30_000)))),
        price=Price((stop_px if ord_type.has_stop else 100) + slip * side.sign)
        if ord_type.has_price
        else None,
        stop_px=Price(stop_px) if ord_type.has_stop else None,
    )


@st.composite
def quotes(draw):
    maybe = st.one_of(st.none(), prices.map(Price))
    return replace(QUOTE, bid=draw(maybe), ask=draw(maybe), last=draw(maybe), halted=draw(st.booleans()))


@st.composite
def resting(draw):
    price = draw(st.one_of(st.none(), st.decimals(min_value=90, max_value=110, places=2).map(Price)))
    return Resting(draw(st.sampled_from([None, ClOrdId("IQ-7")])), Decimal(5), price, draw(st.booleans()))


@st.composite
def facts(draw):
    maybe = st.one_of(st.none(), any_number)
    shares = st.one_of(st.none(), wholes)
    phase = st.sampled_from(SessionPhase).map(lambda each: MarketSession(NOW, each, OPENS, CLOSES))
    known = st.sampled_from([None, INSTRUMENT, FRACTIONABLE, replace(INSTRUMENT, tradable=False)])
    recent = st.lists(st.tuples(terms(), st.floats(0, 100)).map(lambda pair: RecentOrder(*pair)), max_size=4)
    return Facts(
        trading_state=draw(st.one_of(st.none(), st.sampled_from(TradingState))),
        session=draw(st.one_of(st.none(), phase)),
        instrument=draw(known),
        quote=draw(st.one_of(st.none(), quotes())),
        quote_age_s=draw(ages),
        position_qty=draw(st.one_of(shares, wholes.map(lambda qty: -qty))),
        working_buy_qty=draw(shares),
        working_sell_qty=draw(shares),
        cash=draw(maybe),
        reserved_cash=draw(maybe),
        gross_exposure=draw(maybe),
        equity=draw(maybe),
        start_equity=draw(maybe),
        account_age_s=draw(ages),
        fee_rate_pct=draw(st.decimals(min_value=0, max_value=5, places=3)),
        filled_qty=draw(st.one_of(st.just(Decimal(0)), wholes)),
        recent=tuple(draw(recent)),
        ready=draw(st.sampled_from([None, True, False])),
        sent_last_minute=draw(st.integers(0, 100)),
        sent_today=draw(st.integers(0, 600)),
        burst_left=draw(st.integers(0, 5)),
        usual_volume=draw(maybe),
        sector_exposure=draw(maybe),
        opposite=draw(st.one_of(st.none(), resting())),
        working_total=draw(st.integers(0, 60)),
        working_in_symbol=draw(st.integers(0, 12)),
        positions_age_s=draw(ages),
        blocked=draw(st.sampled_from(["", "trading is blocked"])),
        unreadable=draw(st.sampled_from(["", "account cash: expected a number"])),
        origin=draw(st.sampled_from([None, *Origin])),
        asked=draw(st.one_of(st.none(), terms())),
        own=draw(st.sampled_from([None, Counts(), Counts(6, 50, 5, 5)])),
        common=draw(st.sampled_from([None, LIMITS])),
        entries=draw(st.one_of(st.none(), st.integers(0, 8))),
        turnover=draw(maybe),
        day_flows=draw(any_number),
        peak_equity=draw(maybe),
        proposed=draw(st.sampled_from([None, Proposed(1.0, Price(100)), Proposed(1e4, Price(100), 3.0)])),
    )


@st.composite
def calm_facts(draw):
    """All known and fresh, of any size: only limits can refuse."""
    start = Decimal(draw(st.integers(1_000, 500_000)))
    return replace(
        FACTS,
        position_qty=Decimal(draw(st.one_of(st.integers(0, 400), st.integers(-100, 30_000)))),
        working_buy_qty=Decimal(draw(st.integers(0, 100))),
        working_sell_qty=Decimal(draw(st.integers(0, 100))),
        cash=Decimal(draw(st.integers(0, 200_000))),
        reserved_cash=Decimal(draw(st.integers(0, 20_000))),
        gross_exposure=Decimal(draw(st.integers(0, 200_000))),
        equity=start * draw(st.integers(94, 110)) / 100,
        start_equity=start,
        fee_rate_pct=draw(st.decimals(min_value=0, max_value=1, places=3)),
        instrument=draw(st.sampled_from([INSTRUMENT, FRACTIONABLE])),
        usual_volume=draw(st.sampled_from([None, Decimal(10_000), Decimal(50_000_000)])),
        sector_exposure=Decimal(draw(st.integers(0, 50_000))),
        opposite=draw(st.one_of(st.none(), st.none(), resting())),
        working_in_symbol=draw(st.sampled_from([0, 0, 9, 10])),
        turnover=Decimal(draw(st.integers(0, 2)) * draw(st.integers(0, 500_000))),
        peak_equity=start * draw(st.sampled_from([100, 100, 106])) / 100,
        entries=draw(st.sampled_from([None, None, 4, 5])),
    )


def hard(verdict):
    return {result.code for result in verdict.results if result.outcome is Outcome.HARD}


def blocks(verdict):
    return hard(verdict) | {result.code for result in verdict.breaches} & SIZES


@given(terms(), facts())
def test_evaluate_never_raises_and_is_repeatable(order, known):
    assert evaluate(order, LIMITS, known) == evaluate(order, LIMITS, known)


@given(terms(), facts())
def test_every_finding_is_a_plain_sentence(order, known):
    for result in evaluate(order, LIMITS, known).results:
        assert result.text.endswith(".")
        assert "<" not in result.text
        assert "None" not in result.text


@given(st.one_of(near_terms(), near_terms(places=3)), calm_facts(), st.booleans())
def test_nearest_passes_and_one_share_more_does_not(order, known, is_agents):
    limits = AGENT_MAY if is_agents else LIMITS
    known = replace(known, asked=order)
    if is_agents:
        known = replace(known, origin=Origin.AGENT, proposed=Proposed(1.0, Price(100)), own=Counts())
    order = as_sent(order, limits, known)
    near = evaluate(order, limits, known).nearest
    if near is None:
        return
    price = near.prices[-1] if near.prices else order.price
    stop_px = near.stop_pxs[-1] if near.stop_pxs else order.stop_px
    fitted = replace(order, price=price, stop_px=stop_px)

    if near.order_qty is None:
        assert fitted != order
        assert not evaluate(fitted, limits, known).is_refused
        return
    offered = replace(fitted, order_qty=near.order_qty)
    verdict = evaluate(offered, limits, known)
    # Selling all that is held is offered whole: a soft size is answered by typing the quantity.
    closes_all = (
        is_exit(offered, known)
        and near.order_qty == (known.position_qty or 0) - (known.working_sell_qty or 0) + known.filled_qty
    )
    assert not (hard(verdict) if closes_all else blocks(verdict))
    more = replace(fitted, order_qty=Qty(near.order_qty + 1))
    assert more.order_qty > order.order_qty or blocks(evaluate(more, limits, known))


@given(near_terms(), calm_facts())
def test_without_a_nearest_not_even_one_share_passes(order, known):
    verdict = evaluate(order, LIMITS, known)

    if verdict.is_refused and verdict.nearest is None:
        assert blocks(evaluate(replace(order, order_qty=Qty(1)), LIMITS, known))


@given(near_terms(), calm_facts())
def test_nearest_takes_at_most_twenty_evaluations(order, known):
    count = 0
    judge = search.judge

    def counted(*arguments):
        nonlocal count
        count += 1
        return judge(*arguments)

    search.judge = counted
    try:
        search.most_that_passes(order, LIMITS, known)
    finally:
        search.judge = judge

    assert count <= 20


@given(terms(), facts())
def test_an_exit_is_stopped_only_by_its_form_the_pace_a_halt_or_an_unknown_state(order, known):
    refusals = hard(evaluate(order, LIMITS, known))
    if not is_exit(order, known) or RuleCode.NUMBERS in refusals:
        return

    allowed = FORM_AND_PACE
    if order.side is Side.BUY:  # what is bought back must still be paid for
        allowed = allowed | {RuleCode.BUYING_POWER}
    stopped = known.trading_state in (None, TradingState.HALTED)
    assert refusals - allowed == ({RuleCode.TRADING_STATE} if stopped else set())


@given(st.integers(1, 50_000), st.sampled_from([None, 0.1, 99.0]), st.booleans(), st.booleans())
def test_a_well_formed_exit_always_passes(qty, age, has_account, is_ready):
    known = replace(
        HOLDING,
        position_qty=Decimal(50_000),
        quote=None if age is None else QUOTE,
        quote_age_s=age,
        cash=Decimal(1) if has_account else None,
        start_equity=Decimal(1) if has_account else None,
        account_age_s=1.0 if has_account else None,
        ready=is_ready,
        trading_state=TradingState.REDUCING,
    )
    order = OrderTerms(AAPL, Side.SELL, OrdType.MARKET, TimeInForce.DAY, Qty(qty))
    known = replace(known, asked=order, positions_age_s=age, turnover=None, peak_equity=Decimal(10**9))
    order = as_sent(order, LIMITS, known)

    assert not evaluate(order, LIMITS, known).is_refused
    assert evaluate(order, LIMITS, replace(known, trading_state=TradingState.HALTED)).is_refused
    assert evaluate(order, LIMITS, replace(known, position_qty=None)).is_refused


@given(terms(), facts())
def test_no_accepted_opening_order_exceeds_a_hard_limit(order, known):
    _assert_within_limits(order, known)


@given(near_terms(), calm_facts())
def test_no_accepted_opening_order_of_usual_size_exceeds_a_hard_limit(order, known):
    _assert_within_limits(order, known)


def _assert_within_limits(order, known):
    if evaluate(order, LIMITS, known).is_refused or is_exit(order, known):
        return
    price = order.price or max(each for each in (order.stop_px, known.quote.ask, known.quote.last) if each)
    left = order.order_qty - known.filled_qty
    assert order.side is Side.BUY
    assert known.trading_state is TradingState.ACTIVE
    assert order.order_qty <= LIMITS.order_qty_hard
    assert not known.usual_volume or known.usual_volume < 0 or order.order_qty * 100 <= known.usual_volume
    assert known.working_total < LIMITS.working_total
    assert known.working_in_symbol < LIMITS.working_per_symbol
    if known.opposite is not None and order.price:
        assert known.opposite.price is not None
        assert order.price < known.opposite.price
    lost = known.start_equity + known.day_flows - known.equity
    assert lost < known.start_equity * LIMITS.daily_loss_pct / 100
    if known.peak_equity is not None and known.peak_equity > 0:
        assert (known.peak_equity - known.equity) * 10 < known.peak_equity
    assert known.entries is None or known.entries < LIMITS.entries_max
    assert known.origin is not Origin.AGENT or known.proposed is not None
    assert not known.blocked
    assert not known.unreadable
    if order.ord_type is OrdType.MARKET and not order.time_in_force.is_auction:
        assert known.quote.ask - known.quote.bid <= (known.quote.ask + known.quote.bid) / 100
    if order.price:
        assert order.order_qty * price <= min(LIMITS.notional_hard, known.start_equity / 5)
        assert left * price <= known.cash - known.reserved_cash
        assert known.turnover + left * price <= known.start_equity * 2
        held = known.position_qty + known.working_buy_qty
        assert abs(held + left) <= abs(held) or (held + left) * price <= known.start_equity / 5
        grown = max(abs(held + left) - abs(held), 0)
        assert not grown or known.gross_exposure + grown * price <= known.start_equity


@given(
    st.text(max_size=60),
    st.text(max_size=60),
    st.text(max_size=60),
    st.text(max_size=20),
    st.sampled_from(OrdType),
)
def test_parse_never_raises_and_reads_nothing_unsound(qty, price, stop_px, symbol, ord_type):
    found = parse_draft(OrderDraft(symbol, Side.BUY, ord_type, TimeInForce.DAY, qty, price, stop_px))

    if isinstance(found, tuple):
        assert found
        assert all(fault.outcome is Outcome.HARD for fault in found)
    else:
        assert RuleCode.NUMBERS not in hard(evaluate(found, LIMITS, FACTS))


@given(st.decimals(min_value="0.000000001", max_value=10**9, places=9))
def test_parse_reads_every_sound_quantity_exactly(qty):
    found = parse_draft(OrderDraft("AAPL", Side.BUY, OrdType.MARKET, TimeInForce.DAY, format(qty, "f")))

    assert isinstance(found, OrderTerms)
    assert found.order_qty == qty
