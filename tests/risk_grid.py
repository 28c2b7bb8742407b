"""A grid of orders, facts and limits, with every figure below its border, at it and above it."""

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from core.domain.access import Origin, TradingState
from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.limits import AGENT_LIMITS, Limits
from core.domain.market import MarketSession, SessionPhase
from core.domain.money import Money, Price, Qty
from core.domain.order import Resting
from core.domain.risk import Unit
from core.domain.terms import Contingency, Legs, OrderTerms, OrdType, Side, TimeInForce
from core.ids import ClOrdId, Symbol
from core.risk.facts import Counts, Facts, Proposed, RecentOrder
from tests.risk_builders import (
    AAPL,
    CLOSES,
    FACTS,
    FRACTIONABLE,
    HOLDING,
    INSTRUMENT,
    NOW,
    OPENS,
    in_phase,
    limit,
    market,
    quoted,
    stop,
    stop_limit,
)

BUY, SELL = Side.BUY, Side.SELL
DEFAULTS = Limits()
SHORTED = replace(HOLDING, position_qty=Decimal(-100))
Case = tuple[OrderTerms, Limits, Facts]


def trailing(side: Side = SELL, px: str | None = None, pct: str | None = None, **changes) -> OrderTerms:
    terms = OrderTerms(AAPL, side, OrdType.TRAILING_STOP, TimeInForce.DAY, Qty(10))
    trail_px, trail_pct = None if px is None else Price(px), None if pct is None else Decimal(pct)
    return replace(terms, trail_px=trail_px, trail_pct=trail_pct, **changes)


def bracket(profit: str, loss: str, loss_limit: str | None = None, **changes) -> OrderTerms:
    legs = Legs(
        Contingency.BRACKET, Price(profit), Price(loss), None if loss_limit is None else Price(loss_limit)
    )
    return limit(legs=legs, **changes)


def pair(profit: str, loss: str, side: Side = SELL, **changes) -> OrderTerms:
    return limit(side, 10, "110.00", legs=Legs(Contingency.OCO, Price(profit), Price(loss)), **changes)


def cash(amount: str, terms: OrderTerms | None = None) -> OrderTerms:
    return replace(terms or market(), cash_order_qty=Money(amount))


def tripped(
    text: str = "The day has lost 5 % of its first equity.", value: str | None = "5"
) -> BreakerRecord:
    figures = (None, None) if value is None else (Decimal(value), Decimal(5))
    return BreakerRecord(
        BreakerName.REJECT_RATE, BreakerState.TRIPPED, "window", text, *figures, Unit.PERCENT,
        "desk", "admin", "", NOW,
    )  # fmt: skip


ORDERS = [
    *(limit(BUY, 10, price) for price in ("99.995", "100.01", "103.00", "103.01", "110.00", "110.01")),
    limit(BUY, 10, "0.00015"),
    *(limit(SELL, 10, price) for price in ("99.90", "96.91", "96.90", "89.91", "89.90", "200.00")),
    *(limit(BUY, qty) for qty in (1, 50, 51, 100, 101, 200, 201, 5_000, 5_001, 20_000, 20_001, 1_000, 1_001)),
    *(limit(SELL, qty) for qty in (99, 100, 101, 250, 251, 5_001)),
    *(limit(BUY, qty) for qty in ("0.5", "1.5", "1.0000000001", 1_000_000_000, 1_000_000_001, 0, -1)),
    *(limit(BUY, 1, price) for price in ("0", "-1", "10000000", "10000000.01", "1.0000000000001", "100.005")),
    market(), market(BUY, 500_000), market(BUY, 500_001), market(SELL), market(SELL, 100),
    market(SELL, 101),
    *(stop(BUY, price) for price in ("99.99", "100.00", "100.01", "100.005", "0")),
    *(stop(SELL, price) for price in ("99.89", "99.90", "99.91")),
    *(stop_limit(BUY, "101.00", price) for price in ("101.00", "104.03", "104.04", "111.10", "111.11")),
    *(stop_limit(SELL, "99.00", price) for price in ("99.00", "96.03", "96.02", "89.10", "89.09")),
    trailing(px="1.00"), trailing(BUY, px="1.005"), trailing(pct="5"), trailing(pct="50"),
    trailing(pct="50.1"),
    trailing(px="1", pct="1"), trailing(), trailing(px="0"),
    trailing(px="1", time_in_force=TimeInForce.IOC),
    trailing(pct="-1"), trailing(px="1", order_qty=Qty("0.5")), replace(limit(), trail_px=Price(1)),
    replace(market(), trail_pct=Decimal(1)), replace(market(), price=Price(100)),
    replace(limit(), price=None),
    replace(stop(BUY, "101.00"), stop_px=None), replace(limit(), stop_px=Price(101)),
    *(limit(time_in_force=each) for each in TimeInForce),
    *(replace(market(), time_in_force=each) for each in TimeInForce),
    replace(stop(BUY, "101.00"), time_in_force=TimeInForce.OPG),
    replace(stop(BUY, "101.00"), extended_hours=True),
    limit(extended_hours=True), limit(extended_hours=True, time_in_force=TimeInForce.IOC),
    limit(qty="0.5", time_in_force=TimeInForce.GTC), replace(cash("100"), time_in_force=TimeInForce.GTC),
    cash("0.99"), cash("1"), cash("1.005"), cash("100", limit()), cash("100", stop(BUY, "101.00")),
    cash("100", limit(SELL)),
    cash("10", trailing(px="1")),
    bracket("110.00", "95.00"), bracket("110.00", "95.00", "94.00"), bracket("110.00", "95.00", "95.01"),
    bracket("100.00", "95.00"), bracket("100.01", "99.99"), bracket("110.00", "100.00"),
    bracket("95.00", "110.00"),
    bracket("110.00", "95.005"), bracket("110.005", "95.00"), bracket("110.00", "95.00", "94.005"),
    bracket("0", "95.00"), bracket("110.00", "0"), bracket("110.00", "95.00", "0"),
    bracket("90.00", "105.00", side=SELL),
    bracket("110.00", "95.00", qty="0.5"), bracket("110.00", "95.00", time_in_force=TimeInForce.IOC),
    bracket("110.00", "95.00", extended_hours=True),
    replace(bracket("110.00", "95.00"), ord_type=OrdType.MARKET, price=None),
    replace(stop(BUY, "101.00"), legs=Legs(Contingency.BRACKET, Price(110), Price(95))),
    cash("100", bracket("110.00", "95.00")),
    bracket("110.00", "95.00", "95.00"), bracket("90.00", "105.00", "105.00", side=SELL),
    bracket("90.00", "105.00", "104.99", side=SELL), bracket("90.00", "99.99", side=SELL),
    bracket("101.00", "105.00", side=SELL), bracket("106.00", "105.00", side=SELL),
    *(replace(bracket("101.00", loss), ord_type=OrdType.MARKET, price=None) for loss in ("99.99", "100.00")),
    replace(stop_limit(BUY, "101.00", "102.00"), price=None), limit(qty=11, time_in_force=TimeInForce.GTC),
    limit(BUY, "1.000000001"), limit(BUY, 1, "1.000000000001"), cash("1.01"), limit(BUY, 101, "99.0105"),
    pair("110.00", "95.00"), pair("111.00", "95.00"), pair("110.00", "110.00"),
    pair("110.00", "95.00", order_qty=Qty(101)),
    pair("110.00", "120.00", BUY),
]  # fmt: skip

# With each of these facts, five orders: two that open, one that closes, one stop and one market order.
USUAL = [limit(), limit(SELL), limit(SELL, 150), stop(BUY, "101.00"), market(), market(SELL)]


def session(**changes) -> MarketSession:
    return replace(MarketSession(NOW, SessionPhase.REGULAR, OPENS, CLOSES), **changes)


def decimals(*texts: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(text) for text in texts)


def unknown() -> Iterator[dict]:
    for name in (
        "trading_state", "session", "instrument", "quote", "quote_age_s", "position_qty", "working_buy_qty",
        "working_sell_qty", "cash", "reserved_cash", "gross_exposure", "equity", "start_equity",
        "account_age_s",
        "positions_age_s", "usual_volume", "sector_exposure", "turnover", "peak_equity", "ready",
    ):  # fmt: skip
        yield {name: None}


def figures() -> Iterator[dict]:
    """Give each figure that is held against a limit, below it, at it and above it."""
    borders: dict[str, tuple] = {
        "account_age_s": (59.9, 60.0, 60.1, math.nan, math.inf),
        "positions_age_s": (29.9, 30.0, 30.1, math.nan),
        "quote_age_s": (4.9, 5.0, 5.1, 30.0, 30.1, math.nan),
        "start_equity": decimals("0", "1", "0.5", "10000", "9999", "-1"),
        "equity": decimals("95001", "95000", "94999", "90001", "90000", "120000"),
        "day_flows": (Decimal(5_000), Decimal(4_999), Decimal(-3_000)),
        "peak_equity": (Decimal(0), Decimal(1), Decimal(111_111), Decimal(111_112), Decimal(90_000)),
        "cash": (Decimal(1_000), Decimal(999), Decimal("1000.50"), Decimal(0)),
        "reserved_cash": (Decimal(99_000), Decimal(99_001), Decimal(10)),
        "gross_exposure": (Decimal(99_000), Decimal(99_001), Decimal(150_000)),
        "sector_exposure": (Decimal(29_000), Decimal(29_001)),
        "usual_volume": (Decimal(0), Decimal(1), Decimal(1_000), Decimal(999), Decimal(-5)),
        "turnover": (Decimal(199_000), Decimal(199_001)),
        "working_buy_qty": (Decimal(190), Decimal(191)),
        "working_sell_qty": (Decimal(90), Decimal(91), Decimal(1)),
        "position_qty": decimals("190", "191", "10", "9", "1", "-10", "-9"),
        "filled_qty": (Decimal(4), Decimal(10), Decimal(11)),
        "fee_rate_pct": (Decimal("0.05"),),
        "burst_left": (0, 1),
        "sent_last_minute": (59, 60),
        "sent_today": (499, 500),
        "working_total": (49, 50),
        "working_in_symbol": (9, 10),
        "entries": (0, 4, 5),
        "ready": (False,),
        "blocked": ("it is blocked",),
        "unreadable": ("a price is no number",),
        "trading_state": tuple(TradingState),
        "origin": (Origin.AGENT, Origin.API),
        "may_short": (True,),
        "is_margin": (True,),
    }  # fmt: skip
    for name, values in borders.items():
        yield from ({name: value} for value in values)


def moments() -> Iterator[dict]:
    for off_s in (1.9, -1.9, 2.0, -2.0, math.nan):
        yield {"session": session(clock_off_s=off_s)}
    for phase in SessionPhase:
        yield {"session": session(phase=phase), "quote_age_s": 30.0}
        yield {"session": session(phase=phase), "quote_age_s": 30.1}


def markets() -> Iterator[Facts]:
    for changes in (
        {"bid": None}, {"ask": None}, {"last": None}, {"bid": None, "ask": None}, {"halted": True},
        {"bid": None, "ask": None, "last": None}, {"bid": Price("100.01")}, {"bid": Price("98.02")},
        {"bid": Price("98.01")},
        {"bid": Price("99.00"), "ask": Price("101.00")}, {"ask": Price(0)},
        {"bid": Price(0)}, {"last": Price("120.00")},
        {"last": Price(0), "bid": None, "ask": None},
        {"bid": Price("0.9990"), "ask": Price("1.0000"), "last": Price(1)},
    ):  # fmt: skip
        yield quoted(HOLDING, **changes)
        yield quoted(FACTS, **changes)


def instruments() -> Iterator[dict]:
    for changes in (
        {"tradable": False}, {"exchange": "OTC"}, {"exchange": "otc"}, {"sector": None},
        {"shortable": True},
        {"ticks": ()},
    ):  # fmt: skip
        yield {"instrument": replace(INSTRUMENT, **changes)}
        yield {"instrument": replace(INSTRUMENT, **changes), "may_short": True, "position_qty": Decimal(0)}


def company() -> Iterator[dict]:
    """Give orders of others, repeats and breakers."""
    for side, price in (
        (SELL, "100.00"),
        (SELL, "100.01"),
        (BUY, "99.90"),
        (BUY, None),
        (SELL, None),
        (SELL, "101.00"),
    ):
        at = None if price is None else Price(price)
        yield {"opposite": Resting(ClOrdId("IQ-1"), Decimal(3), at)}
        yield {"opposite": Resting(None, Decimal(1), at, external=side is SELL)}
    for ages in ((5.0,), (5.1,), (60.0,), (5.0, 60.0), (10.0, 60.1), (0.5, 1.0, 2.0)):
        yield {"recent": tuple(RecentOrder(limit(), age) for age in ages)}
    yield {
        "recent": (RecentOrder(limit(qty=11), 1.0), RecentOrder(limit(SELL), 1.0), RecentOrder(market(), 1.0))
    }
    yield {"recent": (RecentOrder(replace(limit(), symbol=Symbol("MSFT")), 1.0),), "asked": market()}
    yield {"recent": (RecentOrder(market(), 1.0), RecentOrder(stop(BUY, "101.00"), 1.0)), "asked": market()}
    yield {"paused": (tripped(),)}
    yield {"paused": (tripped("No full stop"), tripped())}
    yield {"paused": (tripped(value=None),)}
    yield {"paused": (replace(tripped(), limit=None),)}


def agents() -> Iterator[dict]:
    own = Counts(5, 49, 4, 4)
    for counts in (
        own,
        replace(own, sent_last_minute=6),
        replace(own, sent_today=50),
        replace(own, working_total=5),
    ):
        yield {"origin": Origin.AGENT, "own": counts, "common": DEFAULTS}
    yield {"origin": Origin.AGENT, "own": replace(own, working_in_symbol=5), "common": DEFAULTS}
    made = Proposed(1.0, Price("100.00"))
    for age_s in (0.0, 899.9, 900.0, 900.1, -0.1, math.nan):
        yield {"origin": Origin.AGENT, "proposed": replace(made, age_s=age_s)}
    for px in ("99.50", "99.51", "99.49", "100.50", "100.51", "0"):
        yield {"origin": Origin.AGENT, "proposed": replace(made, decision_px=Price(px))}
    for thesis_age_s in (899.9, 900.0, 900.1, math.nan):
        yield {"origin": Origin.AGENT, "proposed": replace(made, thesis_age_s=thesis_age_s)}


def odd_cents() -> Iterator[Case]:
    """Give dollars that no cent divides: what is used is rounded up, and what is left down."""
    yield limit(), DEFAULTS, replace(FACTS, cash=Decimal("999.994"), fee_rate_pct=Decimal("0.0071"))
    yield limit(), DEFAULTS, replace(FACTS, cash=Decimal("999.999"), fee_rate_pct=Decimal("0.0079"))
    for start in ("99999.97", "99999.93"):
        yield limit(BUY, 201), DEFAULTS, replace(FACTS, start_equity=Decimal(start))


def auctions() -> Iterator[Case]:
    evening = CLOSES.replace(hour=23, minute=59, second=59)
    for now in (
        OPENS - timedelta(minutes=2, seconds=1), OPENS - timedelta(minutes=2), NOW,
        CLOSES - timedelta(minutes=10),
        CLOSES - timedelta(minutes=10, seconds=1), evening, evening + timedelta(seconds=1),
    ):  # fmt: skip
        for each in (TimeInForce.OPG, TimeInForce.CLS):
            facts = replace(FACTS, session=session(now=now, phase=SessionPhase.POST))
            yield limit(time_in_force=each), DEFAULTS, facts
            uneven = CLOSES + timedelta(minutes=5, seconds=7, microseconds=9)
            facts = replace(FACTS, session=session(now=now, phase=SessionPhase.POST, closes=uneven))
            yield limit(time_in_force=each), DEFAULTS, facts
    for each in TimeInForce:
        yield limit(time_in_force=each), DEFAULTS, in_phase(FACTS, SessionPhase.PRE)


def limited() -> Iterator[Case]:
    """Give other limits: short sales, lists of symbols, and those of the agent."""
    short = replace(DEFAULTS, short_sales=True)
    lent = replace(INSTRUMENT, shortable=True)
    for facts in (
        FACTS,
        HOLDING,
        replace(FACTS, may_short=True),
        replace(FACTS, may_short=True, instrument=lent),
    ):
        for terms in (
            limit(SELL),
            limit(SELL, 100),
            limit(SELL, 101),
            limit(SELL, "10.5"),
            market(SELL, 100_000),
        ):
            yield terms, short, facts
    for held in (1, 100, "0.5"):
        facts = replace(FACTS, may_short=True, instrument=lent, position_qty=Decimal(held))
        yield limit(SELL, 101), short, facts
    yield limit(SELL), short, replace(FACTS, may_short=True, instrument=lent, quote=None)
    yield limit(SELL), short, replace(FACTS, may_short=True, instrument=lent, cash=Decimal(10))
    yield limit(SELL), short, replace(FACTS, may_short=True, instrument=lent, position_qty=None)
    for changed in agents():
        for terms in USUAL:
            yield terms, replace(AGENT_LIMITS, allowed=None), replace(HOLDING, **changed)
    for last in ("100.50", "100.51", "99.50", "99.49"):
        facts = replace(quoted(HOLDING, last=Price(last)), origin=Origin.AGENT)
        yield limit(), DEFAULTS, replace(facts, proposed=Proposed(1.0, Price("100.00")))
    lists = (
        replace(DEFAULTS, restricted=frozenset({AAPL})),
        replace(DEFAULTS, allowed=frozenset()),
        replace(DEFAULTS, allowed=frozenset({AAPL})),
    )
    for limits in (*lists, AGENT_LIMITS, replace(AGENT_LIMITS, allowed=None, strict=False)):
        for terms in (*USUAL, limit(extended_hours=True), limit(qty=5, price="101.01")):
            yield terms, limits, HOLDING
            yield terms, limits, in_phase(HOLDING, SessionPhase.PRE)


def capped() -> Iterator[Case]:
    """Give market orders that go out as limit orders."""
    for price in ("100.00", "101.00", "103.01", "110.00", "110.01"):
        for facts in (HOLDING, in_phase(HOLDING, SessionPhase.POST), quoted(HOLDING, halted=True)):
            yield limit(price=price), DEFAULTS, replace(facts, asked=market())
    apart = quoted(HOLDING, bid=Price("90.00"))
    met = Resting(None, Decimal(1), Price("100.00"))
    yield limit(), DEFAULTS, replace(apart, asked=market())
    yield limit(), DEFAULTS, replace(HOLDING, asked=market(), opposite=met)
    for terms in (market(), market(SELL), stop(BUY, "101.00"), limit()):
        yield terms, DEFAULTS, replace(HOLDING, opposite=met, quote=None)
        yield terms, DEFAULTS, replace(HOLDING, opposite=replace(met, price=None), quote=None)
    yield bracket("110.00", "95.00"), DEFAULTS, replace(FACTS, instrument=None)
    yield limit(SELL, 10, "95.00"), DEFAULTS, replace(apart, asked=market(SELL))


def grid() -> Iterator[Case]:
    for terms in ORDERS:
        for facts in (
            FACTS,
            HOLDING,
            replace(SHORTED, instrument=FRACTIONABLE),
            replace(HOLDING, quote=None),
        ):
            yield terms, DEFAULTS, facts
    changes = [*unknown(), *figures(), *moments(), *instruments(), *company(), *agents()]
    for terms in USUAL:
        for changed in changes:
            yield terms, DEFAULTS, replace(FACTS, **changed)
            yield terms, DEFAULTS, replace(HOLDING, **changed)
        for facts in markets():
            yield terms, DEFAULTS, facts
    yield from auctions()
    yield from limited()
    yield from capped()
    yield from odd_cents()
