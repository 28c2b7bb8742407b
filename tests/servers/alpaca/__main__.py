"""The server as a program, `python -m tests.servers.alpaca --port 8700`: it prints a line of JSON."""

import argparse
import asyncio
import json
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from tests.servers.alpaca.clock import MORNING
from tests.servers.alpaca.market import tick_of
from tests.servers.alpaca.server import AlpacaServer


def system_time() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the program follows the real day; tests hand in their own clock


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.servers.alpaca", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="trading API; 0: the system chooses")
    parser.add_argument(
        "--data-port", type=int, help="market data; PORT + 1 unless given, 0: the system chooses"
    )
    parser.add_argument("--ledger", type=Path, help="file of what happened; an old one is gone on from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--speed", type=float, default=1.0, help="moves of each price per second; 0: prices stand"
    )
    parser.add_argument("--cash", default="100000")
    parser.add_argument("--assets", type=int, default=0, help="list at least so many")
    parser.add_argument("--still", action="store_true", help="a clock that stands at 10:00 in New York")
    parser.add_argument(
        "--hours", action="store_true", help="keep the exchanges' hours instead of always trading"
    )
    parser.add_argument("--limit", action="store_true", help="enforce 200 requests a minute")
    parser.add_argument("--burst", type=int, default=0, metavar="N", help="send N quotes each second besides")
    parser.add_argument("--per-frame", type=int, default=10)
    return parser.parse_args()


async def walk(server: AlpacaServer, speed: float) -> None:
    """Move every price a little, again and again."""
    rng, ex = server.exchange.market.rng, server.exchange
    names = [symbol for symbol in ex.market.symbols() if not symbol.startswith("Z")]
    while True:
        await asyncio.sleep(1 / speed / len(names))
        symbol = rng.choice(names)
        price = ex.market.mark(symbol)
        tick = tick_of(price)
        moved = (price * Decimal(str(1 + rng.gauss(0, 0.0004)))).quantize(tick)
        moved = max(moved, 2 * tick)
        ex.quote(symbol, moved - tick, moved + tick, rng.randrange(1, 20) * 100, rng.randrange(1, 20) * 100)
        ex.trade(symbol, moved, rng.randrange(1, 500))


async def flood(server: AlpacaServer, each_second: int, per_frame: int) -> None:
    names = list(server.exchange.market.assets)[:20]
    while True:
        if server.data_stream.clients:
            await server.data_stream.burst(names, each_second, per_frame, over_s=0.9)
        await asyncio.sleep(0.1)


async def serve(options: argparse.Namespace) -> None:
    data_port = options.data_port if options.data_port is not None else options.port and options.port + 1
    clock: datetime | Callable[[], datetime] = MORNING if options.still else system_time
    server = AlpacaServer(
        clock=clock,
        port=options.port,
        data_port=data_port,
        ledger=options.ledger,
        seed=options.seed,
        cash=options.cash,
    )
    server.exchange.market.generate(options.assets)
    server.exchange.settings.session = None if options.hours or options.still else "regular"
    server.rate_limit.enforced = options.limit
    await server.start()
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    addresses = {
        "trading_url": server.trading_url, "trade_stream_url": server.trade_stream_url,
        "data_url": server.data_url,
        "data_stream_url": server.data_stream_url, "key_id": server.key_id, "secret": server.secret,
    }  # fmt: skip
    print(json.dumps(addresses), flush=True)
    async with asyncio.TaskGroup() as tasks:
        moving = []
        if options.speed:
            moving.append(tasks.create_task(walk(server, options.speed)))
        if options.burst:
            moving.append(tasks.create_task(flood(server, options.burst, options.per_frame)))
        await stopping.wait()
        for task in moving:
            task.cancel()
    await server.stop()


if __name__ == "__main__":
    asyncio.run(serve(arguments()))
