"""The server by itself, `python -m tests.servers.polygon --port N`: 20 stocks that trade once a second."""

import argparse
import asyncio
import json
import time
from datetime import UTC, datetime

from tests.servers.polygon.market import Market
from tests.servers.polygon.server import KEY, PolygonServer

STOCKS = "AAPL MSFT GOOGL AMZN NVDA TSLA META BRK.B JPM V JNJ WMT PG MA HD DIS BAC NFLX CRM ORCL"


async def serve(port: int, key: str) -> None:
    # A client in another process lives by the machine's clock, so this market does too.
    market = Market(datetime.fromtimestamp(time.clock_gettime(time.CLOCK_REALTIME), UTC))
    for place, symbol in enumerate(STOCKS.split()):
        market.list_stock(symbol, 80.0 + 13 * place)
    server = PolygonServer(port, key, market)
    await server.start()
    addresses = {"base_url": server.base_url, "stream_url": server.stream_url, "key": key}
    print(json.dumps(addresses), flush=True)
    while True:
        market.walk(1)
        await asyncio.sleep(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: the system chooses")
    parser.add_argument("--key", default=KEY, help="the only key that is taken")
    options = parser.parse_args()
    try:
        asyncio.run(serve(options.port, options.key))
    except KeyboardInterrupt:
        return


main()
