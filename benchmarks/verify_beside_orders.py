"""Whether orders and the core's loop feel that the whole audit record is being verified.

One core, encrypted database, embedded exchange, prices moving. A person sends one order after the other; in
every other block of them the chain is verified from its first record to its last, again and again without a
pause. Ours is the time from the command to the broker's door while that goes on; the same without it stands
beside it, in the same run. It prints and never fails.
"""

import argparse
import asyncio
import sys
from contextlib import suppress
from time import perf_counter_ns

import uvloop

from benchmarks.desk import ACTOR, running
from benchmarks.harness import Row, head, interval, keep, report, scratch, spread
from benchmarks.order_to_broker import drafts
from benchmarks.passing import PASSING
from benchmarks.stalls import StallWatch
from core.clock import SystemClock
from core.domain.execution import ExecutionReport
from core.domain.messages import SubmitOrder, VerifyAudit
from core.domain.terms import NewOrderSingle
from core.ids import RandomIds, new_idempotency_key
from core.ports.broker import Broker
from core.tasks import Tasks

BLOCKS, IN_BLOCK, WARM_UP, PAUSE_S = 20, 50, 50, 0.02
BAR_P50_MS, BAR_P99_MS = 3.0, 15.0
SWITCH_INTERVAL_S = 0.0005  # as the program sets it


class Door:
    """The exchange's broker port; notes when an order comes in."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.entered = 0

    async def submit(self, order: NewOrderSingle) -> ExecutionReport:
        self.entered = perf_counter_ns()
        report: ExecutionReport = await self._broker.submit(order)
        return report

    def __getattr__(self, name: str) -> object:
        return getattr(self._broker, name)


async def measure(blocks: int) -> tuple[dict[bool, list[float]], dict[bool, float], int]:
    """Return ms to the door with and without verification, the worst stalls, and records verified in all."""
    doors: list[Door] = []
    times: dict[bool, list[float]] = {True: [], False: []}
    stalls = {True: 0.0, False: 0.0}
    verified = 0

    def door(broker: Broker) -> Broker:
        doors.append(Door(broker))
        return doors[-1]  # type: ignore[return-value]

    with scratch() as folder:
        async with running(folder, PASSING, door) as core:
            ids, tasks = RandomIds(), Tasks(SystemClock())
            symbols = sorted(core.state.instruments)
            orders = iter(drafts(symbols, WARM_UP + blocks * IN_BLOCK))

            async def send() -> float:
                begun = perf_counter_ns()
                await core.desk.execute(SubmitOrder(next(orders), new_idempotency_key(ids)), ACTOR)
                await asyncio.sleep(PAUSE_S)
                return (doors[0].entered - begun) / 1e6

            async def verify() -> None:
                nonlocal verified
                while True:
                    verified += (await core.desk.execute(VerifyAudit(), ACTOR)).head.seq

            for _ in range(WARM_UP):
                await send()
            for number in range(blocks):
                beside = number % 2 == 0
                task = tasks.spawn(verify(), "verify") if beside else None
                async with StallWatch() as watch:
                    times[beside] += [await send() for _ in range(IN_BLOCK)]
                stalls[beside] = max(stalls[beside], watch.worst_ms)
                if task is not None:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task
    return times, stalls, verified


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--blocks", type=int, default=BLOCKS)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        times, stalls, verified = runner.run(measure(options.parse_args().blocks))
    keep("verify_beside_orders", {"verifying_ms": times[True], "quiet_ms": times[False]})
    ours, quiet = spread(times[True]), spread(times[False])
    detail = {
        "orders": len(times[True]),
        "records_verified": verified,
        "p50_95pct": interval(times[True], 50),
        "quiet_p50_95pct": interval(times[False], 50),
        "worst_stall_ms": round(stalls[True], 1),
        "quiet_worst_stall_ms": round(stalls[False], 1),
    }
    head()
    for name, place, bar in (("p50", 0, BAR_P50_MS), ("p99", 1, BAR_P99_MS)):
        title, beside = (
            f"order: ticket to Broker.submit while verifying, {name}",
            "the same without verifying",
        )
        report(Row(title, ours[place], quiet[place], beside, bar, "ms", ours[place] <= bar, detail))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
