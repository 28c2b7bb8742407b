"""One full judgement, facts gathered from the live state and every rule on them, beside the limit of 200 µs.

The core is the whole one, with 500 positions and 50 working orders of every kind; before each judgement an
order of the symbol changes, so that no sum is left from the judgement before. Nine orders of every type and
side pass in turn, judged as the desk judges them. Beside it nautilus_trader's RiskEngine, from Python, with
as full a cache; how many controls each of them ran is said with the figures. Finding what would pass after a
refusal is off the way of an order, so it is shown without a bar. Between two judgements runs a loop that
takes about as long and does nothing: its p99 says what of ours is the machine's. It prints and never fails.
"""

import argparse
import asyncio
import gc
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import cycle
from statistics import median
from time import perf_counter_ns

import uvloop

from app.wiring import Core
from benchmarks.desk import running
from benchmarks.harness import NAUTILUS, Row, head, interval, keep, report, run_peer, scratch, spread
from core.domain.access import Origin, TradingState
from core.domain.instrument import Instrument
from core.domain.limits import Limits
from core.domain.market import MarketSession, Quote, SessionPhase
from core.domain.messages import PreviewOrder
from core.domain.money import Money, Price, Qty
from core.domain.order import Order
from core.domain.portfolio import Account, Position
from core.domain.risk import Verdict
from core.domain.terms import OrderDraft, OrderTerms, OrdType, Side, TimeInForce
from core.ids import ClOrdId, Symbol
from core.orders.judging import Case, judge

BAR_US, RUNS, ROUNDS, WARM_UP = 200.0, 5, 4_000, 300
IDLE_STEPS = 1_600
POSITIONS, WORKING, IN_SYMBOL, SPREAD_OVER = 500, 50, 6, 22
GC_AS_SET = (50_000, 20, 100)  # as the program sets it
SWITCH_INTERVAL_S = 0.0005
AAPL = Symbol("AAPL")
NOW = datetime(2026, 11, 20, 19, 32, tzinfo=UTC)
CASH = 1_000_000
# As shipped, but that fifty orders may work and one more.
LIMITS = replace(Limits(), working_total=WORKING + 1)


def order(
    side: Side, ord_type: OrdType, qty: int, price: str = "", stop_px: str = "", symbol: Symbol = AAPL
) -> OrderTerms:
    return OrderTerms(
        symbol=symbol,
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


def resting(symbol: Symbol) -> Iterator[OrderTerms]:
    """Give orders that work, of every kind, away from the market on both sides."""
    kinds = (
        order(Side.BUY, OrdType.LIMIT, 4, "181.00", symbol=symbol),
        order(Side.BUY, OrdType.STOP, 2, "", "199.00", symbol=symbol),
        order(Side.SELL, OrdType.LIMIT, 3, "197.00", symbol=symbol),
        order(Side.BUY, OrdType.STOP_LIMIT, 2, "200.50", "199.50", symbol=symbol),
        order(Side.SELL, OrdType.STOP, 3, "", "171.00", symbol=symbol),
    )
    return cycle(kinds)


def quote(core: Core, symbol: Symbol) -> Quote:
    return Quote(
        symbol=symbol,
        bid=Price("189.41"),
        ask=Price("189.43"),
        bid_size=Qty(300),
        ask_size=Qty(500),
        last=Price("189.42"),
        prev_close=Price("188.83"),
        volume=Qty(587_960),
        halted=False,
        time=NOW,
        received=core.outside.clock.monotonic(),
    )


def fill_up(core: Core) -> list[Order]:
    """Hold 500 positions and let 50 orders work; return those of the judged symbol."""
    state = core.state
    symbols = [AAPL, *(Symbol(f"S{number}") for number in range(1, POSITIONS))]
    for number, symbol in enumerate(symbols):
        sector = f"Sector {number % 11}"
        state.instruments[symbol] = Instrument(symbol, symbol, "Nasdaq", sector)
        state.positions.classify(symbol, sector)
        qty = 60 if symbol is AAPL else 5
        state.positions.put(Position(symbol, Qty(qty), Money(qty * 150), Money(0), Money(0), ()))
        state.positions.price(symbol, Decimal("189.42"))
        state.quotes._quotes[symbol] = quote(core, symbol)
    over = [AAPL] * IN_SYMBOL + symbols[1:SPREAD_OVER] * WORKING
    kinds = {symbol: resting(symbol) for symbol in symbols}
    made = [
        Order(ClOrdId(f"IQ-{number}"), next(kinds[over[number]]), NOW, NOW, acked=True)
        for number in range(WORKING)
    ]
    for each in made:
        state.orders.put(each)
    state.trading_state = TradingState.ACTIVE
    return [each for each in made if each.symbol == AAPL]


def refresh(core: Core) -> None:
    """Let quote, account and session be as new as they are when a feed and a broker are there."""
    state = core.state
    state.quotes._quotes[AAPL] = quote(core, AAPL)
    state.positions_at = core.outside.clock.monotonic()
    equity = Money(CASH + state.positions._net)
    state.account.begin_anew()
    state.account.confirm(Account("BENCH", Money(CASH), Money(CASH), equity, equity), state.account.epoch)
    opens, closes = NOW.replace(hour=14, minute=30), NOW.replace(hour=21)
    state.session = MarketSession(NOW, SessionPhase.REGULAR, opens, closes)


def judged(core: Core, terms: OrderTerms) -> Verdict:
    """Judge as the desk does, where the throttle stands included."""
    figures = core.throttle.figures(core.state.limits)
    return judge(core.state, core.gatherer, Case(terms, Origin.WINDOW), figures).verdict


def idle() -> None:
    total = Decimal(0)
    for number in range(IDLE_STEPS):
        total += number


def timed(
    core: Core, orders: list[OrderTerms], mine: list[Order], rounds: int
) -> tuple[list[float], list[float]]:
    """Return microseconds of every judgement, and of the idle loop after each."""
    taken, idled = [], []
    for number in range(rounds + WARM_UP):
        if number % 100 == 0:
            refresh(core)
        core.state.orders.put(mine[number % len(mine)])
        terms = orders[number % len(orders)]
        begin = perf_counter_ns()
        judged(core, terms)
        end = perf_counter_ns()
        idle()
        idled.append((perf_counter_ns() - end) / 1_000)
        taken.append((end - begin) / 1_000)
    return taken[WARM_UP:], idled[WARM_UP:]


def previewed(core: Core, mine: list[Order]) -> list[float]:
    """Return microseconds from what was typed to the answer that the ticket shows."""
    taken, draft = [], OrderDraft("aapl", Side.BUY, OrdType.LIMIT, TimeInForce.DAY, "20", "189.43")
    for number in range(ROUNDS):
        if number % 100 == 0:
            refresh(core)
        core.state.orders.put(mine[number % len(mine)])
        begin = perf_counter_ns()
        coroutine = core.entry.preview(PreviewOrder(draft), core.desk_actor)
        try:
            coroutine.send(None)  # it waits for nothing
        except StopIteration:
            taken.append((perf_counter_ns() - begin) / 1_000)
    return taken


async def measure(runs: int) -> tuple[list[list[float]], dict[str, object]]:
    """Return microseconds of the judgements, run by run, and what is said with them."""
    orders = passing()
    with scratch() as folder:
        async with running(folder, LIMITS) as core:
            mine = fill_up(core)
            refresh(core)
            for terms in orders:
                breaches = judged(core, terms).breaches
                if breaches:
                    raise SystemExit(
                        f"an order no longer passes, so the figures would mean nothing: {breaches}"
                    )
            controls = [len(judged(core, terms).results) for terms in orders]
            gc.set_threshold(*GC_AS_SET)
            taken, idled = zip(*(timed(core, orders, mine, ROUNDS) for _ in range(runs)), strict=True)
            typed = spread(previewed(core, mine))
            refused = spread(timed(core, [replace(orders[0], order_qty=Qty(2_000))], mine, ROUNDS // 10)[0])
    return list(taken), {
        "positions": POSITIONS,
        "working_orders": WORKING,
        "controls": [min(controls), max(controls)],
        "idle_p50_us": round(median(spread(each)[0] for each in idled), 1),
        "idle_p99_us": round(median(spread(each)[1] for each in idled), 1),
        "ticket_p50_us": round(typed[0], 1),
        "ticket_p99_us": round(typed[1], 1),
        "refusal_p50_us": round(refused[0], 1),
        "refusal_p99_us": round(refused[1], 1),
    }


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=RUNS)
    runs = options.parse_args().runs
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        taken, detail = runner.run(measure(runs))
    keep("risk_evaluate", taken)
    found = run_peer(
        "nautilus_risk.py", str(POSITIONS), str(WORKING), str(ROUNDS * runs), within_s=300, peer=NAUTILUS
    )
    p50s, p99s = zip(*(spread(each)[:2] for each in taken), strict=True)
    p50, p99 = median(p50s), median(p99s)
    detail |= {
        "runs": runs,
        "p50_us": round(p50, 1),
        "p99_us_of_runs": [round(each, 1) for each in p99s],
        "p99_95pct": interval(taken[0], 99),
    }
    head()
    name, is_met = "risk: gather the facts and judge", p99 <= BAR_US
    report(Row(f"{name}, p99", p99, BAR_US, "limit", BAR_US, "us", is_met, detail))
    theirs = spread(found["us"]) if found else None
    beside = {"our_controls": detail["controls"]}
    if found:
        beside |= {"their_controls": found["controls"], "theirs": found["holds"], "their_p99_us": theirs[1]}
    report(Row(f"{name}, p50", p50, theirs and theirs[0], NAUTILUS.name, BAR_US, "us", is_met, beside))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
