"""alpaca-py's own StockDataStream on the burst: a handler that counts, and the stalls of its loop.

Arguments: the port and the number of symbols. It prints "ready" when it has subscribed, and at the end a line
of JSON.
"""

import asyncio
import json
import sys
import warnings
from pathlib import Path
from time import perf_counter_ns
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
warnings.simplefilter("ignore")

from alpaca.data.live import StockDataStream  # noqa: E402

from benchmarks.peers.burst_server import LAST_BID  # noqa: E402
from benchmarks.peers.quote_source import symbols  # noqa: E402
from benchmarks.stalls import StallWatch  # noqa: E402

WITHIN_S, SUBSCRIBED_AFTER_S = 120.0, 2.0


async def run(port: int, count: int) -> dict[str, Any]:
    stream = StockDataStream("PKBENCH", "not-a-secret", url_override=f"ws://127.0.0.1:{port}/v2/iex")
    ended, seen = asyncio.Event(), 0
    ended_ns = 0

    async def handle(quote: Any) -> None:
        nonlocal seen, ended_ns
        seen += 1
        if quote.bid_price == LAST_BID:
            ended_ns = perf_counter_ns()
            ended.set()

    stream.subscribe_quotes(handle, *symbols(count))
    running = asyncio.get_running_loop().create_task(stream._run_forever())
    await asyncio.sleep(SUBSCRIBED_AFTER_S)
    print("ready", flush=True)
    async with StallWatch() as stalls:
        try:
            async with asyncio.timeout(WITHIN_S):
                await ended.wait()
        except TimeoutError:
            pass
    running.cancel()
    await stream.close()
    return {"seen": seen, "ended_ns": ended_ns, "stall_ms": stalls.worst_ms, "mb": stalls.grown_mb}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(int(sys.argv[1]), int(sys.argv[2])))), flush=True)
