"""From the event that trips a breaker to the first cancel at the broker, beside the limit of 100 ms.

The core is the whole one, over the embedded exchange, with 50 entry orders at work there. The account loses
five percent of its equity, and the fill that says so is published: the clock runs from there to the entry of
`Broker.cancel`, for the first order and for the last. Then an administrator acknowledges, trading is resumed,
fifty orders are placed anew, and so on. It prints and never fails.
"""

import argparse
import asyncio
import sys
from decimal import Decimal
from time import perf_counter_ns

import uvloop

from app.wiring import Core
from benchmarks.desk import running
from benchmarks.harness import Row, head, interval, keep, report, scratch, spread
from benchmarks.passing import PASSING
from core.adapters.simulator.session import HALTED_SYMBOL
from core.domain.access import Actor, Origin, Role
from core.domain.execution import Fill
from core.domain.messages import AcknowledgeBreaker, FillBooked, ResumeTrading, SubmitOrder
from core.domain.money import Money, Price, Qty
from core.domain.portfolio import Position
from core.domain.terms import OrderCancelRequest, OrderDraft, OrdType, Side, TimeInForce
from core.ids import ClOrdId, ExecId, Symbol, new_idempotency_key
from core.ports.broker import Broker

BAR_MS, ROUNDS, WORKING = 100.0, 20, 50
LOSS = Decimal("0.05")  # of equity; the daily loss trips at less
FAR_BELOW = Decimal("0.90")  # of the bid: nothing fills while it is measured
SWITCH_INTERVAL_S = 0.0005  # as the program sets it
WITHIN_S, POLL_S = 20.0, 0.01
ADMIN = Actor("demo", Role.ADMIN, Origin.WINDOW, "run")


class Door:
    """The exchange's broker port; notes when a cancel comes in."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.cancels: list[int] = []

    async def cancel(self, request: OrderCancelRequest) -> None:
        self.cancels.append(perf_counter_ns())
        await self._broker.cancel(request)

    def __getattr__(self, name: str) -> object:
        return getattr(self._broker, name)


async def fill_the_book(core: Core, symbols: list[Symbol]) -> None:
    """Let fifty purchases work, far below the market."""
    for number in range(WORKING):
        symbol = symbols[number % len(symbols)]
        quote = core.state.quotes.get(symbol)
        if quote is None or quote.bid is None:
            raise SystemExit(f"{symbol} has no bid")
        price = str((quote.bid * FAR_BELOW).quantize(Decimal("0.01")))
        draft = OrderDraft(symbol, Side.BUY, OrdType.LIMIT, TimeInForce.DAY, "1", price)
        await core.desk.execute(SubmitOrder(draft, new_idempotency_key(core.outside.ids)), ADMIN)
    await until(core, lambda: all(order.acked for order in core.state.orders.open()))
    if len(core.state.orders.open()) != WORKING:
        raise SystemExit(f"{len(core.state.orders.open())} orders work, and not {WORKING}")


async def until(core: Core, is_so: object) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not is_so():  # type: ignore[operator]
            await core.outside.clock.sleep(POLL_S)


def losing_fill(core: Core, symbol: Symbol) -> FillBooked:
    session = core.state.session
    if session is None:
        raise SystemExit("there is no market session")
    one, price, nothing = Qty(1), Price("100.00"), Money(0)
    fill = Fill(ExecId("bench"), ClOrdId("bench"), symbol, Side.SELL, one, price, nothing, session.now)
    return FillBooked(fill, Position(symbol, Qty(0), nothing, nothing, nothing, ()))


async def trip(core: Core, door: Door, symbol: Symbol) -> tuple[float, float]:
    """Trip the daily loss; return milliseconds to the first cancel and to the last."""
    account, event = core.state.account, losing_fill(core, symbol)
    loss = ((account.cash or Decimal(0)) * LOSS).quantize(Decimal("0.01"))
    door.cancels.clear()
    account.book(-loss)
    begin = perf_counter_ns()
    core.bus.publish(event)
    await until(core, lambda: len(door.cancels) >= WORKING)
    account.book(loss)
    await until(core, lambda: not core.state.orders.open())
    for record in core.state.tripped:
        await core.desk.execute(AcknowledgeBreaker(record.name, record.source, "benchmark"), ADMIN)
    await core.desk.execute(ResumeTrading("benchmark"), ADMIN)
    return (door.cancels[0] - begin) / 1e6, (door.cancels[WORKING - 1] - begin) / 1e6


async def measure(rounds: int) -> list[tuple[float, float]]:
    doors: list[Door] = []

    def door(broker: Broker) -> Broker:
        doors.append(Door(broker))
        return doors[0]  # type: ignore[return-value]  # the rest is handed on

    with scratch() as folder:
        async with running(folder, PASSING, door) as core:
            await until(core, lambda: core.state.peak is not None)
            symbols = [each for each in sorted(core.state.instruments) if each != HALTED_SYMBOL]
            taken = []
            for _ in range(rounds):
                await fill_the_book(core, symbols)
                taken.append(await trip(core, doors[0], symbols[0]))
    return taken


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = options.parse_args().rounds
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        taken = runner.run(measure(rounds))
    keep("trip_to_cancel", taken)
    first, last = ([each[place] for each in taken] for place in (0, 1))
    detail = {
        "rounds": rounds,
        "working_orders": WORKING,
        "first_p50_ms": round(spread(first)[0], 3),
        "first_p50_95pct": interval(first, 50),
        "all_p50_ms": round(spread(last)[0], 3),
        "all_max_ms": round(max(last), 3),
    }
    head()
    name, most = "breaker: trip to the first cancel at the broker", max(first)
    report(Row(f"{name}, max", most, BAR_MS, "limit", BAR_MS, "ms", most <= BAR_MS, detail))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
