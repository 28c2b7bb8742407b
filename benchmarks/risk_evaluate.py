"""One judgement on an order, all rules with before and after, beside the limit of 200 µs.

The facts are those of a calm moment with a position and working orders; nine orders of every type and
side pass. Finding what would pass after a refusal is off the way of an order, so it is shown without a bar.
It prints and never fails.
"""

import gc
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from statistics import quantiles
from time import perf_counter_ns

from core.domain.access import TradingState
from core.domain.instrument import Instrument
from core.domain.limits import Limits
from core.domain.market import MarketSession, Quote, SessionPhase
from core.domain.money import Price, Qty
from core.domain.terms import OrderTerms, OrdType, Side, TimeInForce
from core.ids import Symbol
from core.risk.engine import evaluate
from core.risk.facts import Facts, RecentOrder

BAR_US, ROUNDS, WARM_UP = 200.0, 20_000, 500
AAPL = Symbol("AAPL")
NOW = datetime(2026, 11, 20, 19, 32, tzinfo=UTC)


def order(side: Side, ord_type: OrdType, qty: int, price: str = "", stop_px: str = "") -> OrderTerms:
    return OrderTerms(
        symbol=AAPL,
        side=side,
        ord_type=ord_type,
        time_in_force=TimeInForce.DAY,
        order_qty=Qty(qty),
        price=Price(price) if price else None,
        stop_px=Price(stop_px) if stop_px else None,
    )


def passing() -> list[OrderTerms]:
    return [
        order(Side.BUY, OrdType.LIMIT, 20, "189.43"),
        order(Side.BUY, OrdType.LIMIT, 5, "187.80"),
        order(Side.BUY, OrdType.MARKET, 10),
        order(Side.BUY, OrdType.STOP, 10, "", "190.50"),
        order(Side.BUY, OrdType.STOP_LIMIT, 10, "191.00", "190.50"),
        order(Side.SELL, OrdType.LIMIT, 20, "189.41"),
        order(Side.SELL, OrdType.MARKET, 30),
        order(Side.SELL, OrdType.STOP, 30, "", "184.90"),
        order(Side.SELL, OrdType.STOP_LIMIT, 30, "184.50", "184.90"),
    ]


def calm() -> Facts:
    quote = Quote(
        symbol=AAPL,
        bid=Price("189.41"),
        ask=Price("189.43"),
        bid_size=Qty(300),
        ask_size=Qty(500),
        last=Price("189.42"),
        prev_close=Price("188.83"),
        volume=Qty(587_960),
        halted=False,
        time=NOW,
        received=1.0,
    )
    session = MarketSession(NOW, SessionPhase.REGULAR, NOW.replace(hour=14, minute=30), NOW.replace(hour=21))
    recent = tuple(RecentOrder(order(Side.BUY, OrdType.LIMIT, 40 + n, "187.80"), 3.0 * n) for n in range(10))
    return Facts(
        trading_state=TradingState.ACTIVE,
        session=session,
        instrument=Instrument(AAPL, "Apple Inc.", "Nasdaq", "Information Technology"),
        quote=quote,
        quote_age_s=0.2,
        position_qty=Decimal(60),
        working_buy_qty=Decimal(20),
        working_sell_qty=Decimal(0),
        cash=Decimal("49277.55"),
        reserved_cash=Decimal("3756.00"),
        gross_exposure=Decimal("54613.70"),
        equity=Decimal("100135.25"),
        start_equity=Decimal(100_000),
        account_age_s=4.0,
        fee_rate_pct=Decimal("0.05"),
        recent=recent,
        ready=True,
        sent_last_minute=10,
        sent_today=40,
        burst_left=4,
        usual_volume=Decimal(48_000_000),
        sector_exposure=Decimal("14600.00"),
        working_total=49,
        working_in_symbol=6,
    )


def timed(orders: list[OrderTerms], facts: Facts, rounds: int) -> list[float]:
    """Return microseconds of every judgement, collector off as around the real one."""
    limits, taken = Limits(), []
    gc.collect()
    gc.disable()
    for number in range(rounds + WARM_UP):
        terms = orders[number % len(orders)]
        begin = perf_counter_ns()
        evaluate(terms, limits, facts)
        taken.append((perf_counter_ns() - begin) / 1_000)
    gc.enable()
    return taken[WARM_UP:]


def report(name: str, taken: list[float]) -> None:
    spread = quantiles(taken, n=100)
    p50, p99 = spread[49], spread[98]
    print(
        f"{name:<50} {p50:>9.1f} p99 {p99:>6.1f} µs {BAR_US:>9.0f} µs {p99 / BAR_US:>7.3f} {BAR_US:>4.0f} µs"
    )
    row = {
        "name": name,
        "ours": round(p99, 2),
        "ours_p50": round(p50, 2),
        "peer": BAR_US,
        "peer_name": "limit",
        "ratio": round(p99 / BAR_US, 4),
        "bar": BAR_US,
        "unit": "us a judgement, p99",
        "ok": p99 <= BAR_US,
    }
    print(json.dumps(row))


def main() -> int:
    facts, orders = calm(), passing()
    if any(evaluate(terms, Limits(), facts).breaches for terms in orders):
        raise SystemExit("an order of the benchmark no longer passes: its figures would mean nothing")
    refused = replace(orders[0], order_qty=Qty(98))
    print(f"{'':<50} {'ours':>23} {'limit':>12} {'ratio':>7} {'bar':>7}")
    report("risk: judge an order that passes", timed(orders, facts, ROUNDS))
    spread = quantiles(timed([refused], facts, ROUNDS // 20), n=100)
    print(f"{'risk: refuse one and find what would pass':<50} {spread[49]:>9.1f} p99 {spread[98]:>6.1f} µs")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
