"""Orders and facts of a calm moment, of which a test changes what it is about."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from core.domain.access import TradingState
from core.domain.instrument import Instrument
from core.domain.market import MarketSession, Quote, SessionPhase
from core.domain.money import Price, Qty
from core.domain.risk import Outcome, RuleResult
from core.domain.terms import OrderTerms, OrdType, Side, TimeInForce
from core.ids import Symbol
from core.risk.facts import Facts

AAPL = Symbol("AAPL")
NOW = datetime(2026, 11, 20, 19, 32, 7, tzinfo=UTC)
OPENS = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
CLOSES = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)

QUOTE = Quote(
    symbol=AAPL,
    bid=Price("99.90"),
    ask=Price("100.00"),
    bid_size=Qty(300),
    ask_size=Qty(500),
    last=Price("100.00"),
    prev_close=Price("99.00"),
    volume=Qty(587_960),
    halted=False,
    time=NOW,
    received=1.0,
)
INSTRUMENT = Instrument(AAPL, "Apple Inc.", "Nasdaq", "Information Technology")
FRACTIONABLE = replace(INSTRUMENT, fractionable=True)

FACTS = Facts(
    trading_state=TradingState.ACTIVE,
    session=MarketSession(NOW, SessionPhase.REGULAR, OPENS, CLOSES),
    instrument=INSTRUMENT,
    quote=QUOTE,
    quote_age_s=0.2,
    position_qty=Decimal(0),
    working_buy_qty=Decimal(0),
    working_sell_qty=Decimal(0),
    cash=Decimal(100_000),
    reserved_cash=Decimal(0),
    gross_exposure=Decimal(0),
    equity=Decimal(100_000),
    start_equity=Decimal(100_000),
    account_age_s=1.0,
    positions_age_s=1.0,
    ready=True,
    burst_left=5,
    usual_volume=Decimal(50_000_000),
    sector_exposure=Decimal(0),
    turnover=Decimal(0),
    peak_equity=Decimal(100_000),
)
HOLDING = replace(FACTS, position_qty=Decimal(100), gross_exposure=Decimal(10_000))


def in_phase(facts: Facts, phase: SessionPhase) -> Facts:
    return replace(facts, session=MarketSession(NOW, phase, OPENS, CLOSES))


def quoted(facts: Facts, **changes: object) -> Facts:
    return replace(facts, quote=replace(QUOTE, **changes))


def limit(side: Side = Side.BUY, qty: str | int = 10, price: str = "100.00", **changes: object) -> OrderTerms:
    terms = OrderTerms(AAPL, side, OrdType.LIMIT, TimeInForce.DAY, Qty(qty), Price(price))
    return replace(terms, **changes)


def market(side: Side = Side.BUY, qty: str | int = 10) -> OrderTerms:
    return OrderTerms(AAPL, side, OrdType.MARKET, TimeInForce.DAY, Qty(qty))


def stop(side: Side, stop_px: str, qty: str | int = 10) -> OrderTerms:
    return OrderTerms(AAPL, side, OrdType.STOP, TimeInForce.DAY, Qty(qty), None, Price(stop_px))


def stop_limit(side: Side, stop_px: str, price: str, qty: str | int = 10) -> OrderTerms:
    return OrderTerms(AAPL, side, OrdType.STOP_LIMIT, TimeInForce.DAY, Qty(qty), Price(price), Price(stop_px))


def outcome(result: RuleResult | None) -> Outcome | None:
    return None if result is None else result.outcome
