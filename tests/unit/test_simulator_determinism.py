"""One seed and hand-turned clocks give the same trace, byte for byte, in any process."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

from core.adapters.simulator import Call, ExchangeSettings, synthetic
from core.clock import ManualClock
from core.domain.money import CENT
from core.domain.terms import (
    NewOrderList,
    NewOrderSingle,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    Side,
    TimeInForce,
)
from core.errors import BrokerError
from core.ids import ClOrdId
from tests.builders import single, terms
from tests.contract.order_kinds_contract import amount, bracket, extended, trailing

SYMBOLS = ("AAPL", "MSFT", "KO", "DIS", "BAC")


def run(path: Path, seed: int) -> bytes:
    asyncio.run(scenario(path, seed))
    return path.read_bytes()


async def scenario(path: Path, seed: int) -> None:
    clock = ManualClock()
    simulator = synthetic(clock, path, seed, ExchangeSettings(fsync=False, latency_s=1 / 64))
    await simulator.start()
    async with asyncio.TaskGroup() as group:
        group.create_task(trade(simulator))
        await clock.advance(20)
    await simulator.stop()


async def trade(simulator) -> None:
    broker = simulator.broker
    await broker.connect()
    simulator.faults.lose_answer(Call.SUBMIT)
    for number, symbol in enumerate(SYMBOLS * 4):
        side = Side.SELL if number % 3 == 2 else Side.BUY
        tif = list(TimeInForce)[number % 4]
        depth = simulator.exchange.depth(symbol)
        price = None if number % 2 else str(depth.tick.bid)
        tif = TimeInForce.DAY if price is None else tif
        try:
            await broker.submit(
                single(f"IQ-{number}", terms(side, 7 + number, price, symbol=symbol, tif=tif))
            )
            if number % 5 == 4:
                await broker.cancel(OrderCancelRequest(ClOrdId(f"IQ-{number - 4}"), None))
            if number % 7 == 6:
                new = terms(side, 40, price, symbol=symbol, tif=tif)
                request = OrderCancelReplaceRequest(
                    ClOrdId(f"IQ-R{number}"), ClOrdId(f"IQ-{number}"), None, new
                )
                await broker.replace(request)
        except BrokerError:
            continue
    await trade_the_rest(simulator)


async def trade_the_rest(simulator) -> None:
    depth = simulator.exchange.depth("KO")
    ask, bid = depth.tick.ask, depth.tick.bid
    for number, body in enumerate(
        (
            bracket(terms(Side.BUY, 30, symbol="KO"), str(ask + CENT), str(bid - 5 * CENT)),
            *(trailing(Side.BUY, 2, px="0.60", symbol=symbol) for symbol in SYMBOLS),
            trailing(Side.BUY, 10, pct="0.01", symbol="MSFT"),
            amount(Side.BUY, "1234.56", symbol="AAPL"),
            terms(Side.BUY, "0.123456789", symbol="AAPL"),
            terms(Side.BUY, 5, symbol="DIS", tif=TimeInForce.CLS),
            extended(terms(Side.BUY, 5, str(bid), symbol="KO")),
        )
    ):
        kind = NewOrderList if body.legs else NewOrderSingle
        await simulator.broker.submit(kind(ClOrdId(f"IQ-K{number}"), body))


def test_scenario_twice_gives_the_same_ledger(tmp_path: Path) -> None:
    first = run(tmp_path / "one.jsonl", 7)
    second = run(tmp_path / "two.jsonl", 7)
    other = run(tmp_path / "three.jsonl", 8)

    assert first == second
    assert first != other
    assert first.count(b'"exec_type":"trade"') > 5
    assert {b"mark", b"triggered"} <= set(re.findall(rb'"kind":"(\w+)"', first))
    assert b'"exec_type":"restated"' in first


def test_scenario_in_another_process_gives_the_same_ledger(tmp_path: Path) -> None:
    here = run(tmp_path / "here.jsonl", 7)
    code = (
        "import sys; from pathlib import Path; "
        "from tests.unit.test_simulator_determinism import run; "
        "run(Path(sys.argv[1]), 7)"
    )

    for hash_seed in ("1", "4242"):
        path = tmp_path / f"there-{hash_seed}.jsonl"
        subprocess.run(
            [sys.executable, "-c", code, str(path)],
            check=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        )
        assert path.read_bytes() == here
