"""A feed in a process of its own: quotes in msgpack arrays of ten, over a loopback socket, at an even pace.

Frame: four bytes of length, then an array of ten quotes. Quote: symbol, bid, ask, sizes, last, volume and
microseconds of market time; dollars are text, the rest integers. All is encoded before the first byte leaves,
so that pacing is all that is left to do. The first quotes go round all symbols. The port is the first line of
the standard output; after the last quote follows the last value of each symbol. The same arguments give the
same stream.
"""

import argparse
import json
import random
import socket
import struct
from time import monotonic, sleep

import msgspec

BATCH, STEP_S = 10, 0.005
START_US = 1_795_186_200_000_000


def symbols(count: int) -> list[str]:
    """Return that many tickers of four letters, in their order."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return [f"{letters[n // 26 // 26 % 26]}{letters[n // 26 % 26]}{letters[n % 26]}Q" for n in range(count)]


def encode(names: list[str], rate: int, seconds: float) -> tuple[list[bytes], dict[str, str]]:
    """Return the bytes of each step, and the last trade of each symbol."""
    random_source = random.Random(11)
    encoder = msgspec.msgpack.Encoder()
    cents = {name: random_source.randrange(2_000, 40_000) for name in names}
    volume = dict.fromkeys(names, 10_000)
    last: dict[str, str] = {}
    steps, batch, chunk = [], [], b""
    a_step = max(BATCH, round(rate * STEP_S))
    for number in range(int(rate * seconds)):
        name = names[number] if number < len(names) else random_source.choice(names)
        cents[name] = max(100, cents[name] + random_source.randrange(-3, 4))
        volume[name] += 100
        middle = cents[name]
        last[name] = dollars(middle)
        batch.append(
            (
                name,
                dollars(middle - 1),
                dollars(middle + 1),
                random_source.randrange(1, 30) * 100,
                random_source.randrange(1, 30) * 100,
                last[name],
                volume[name],
                START_US + int(number / rate * 1e6),
            )
        )
        if len(batch) == BATCH:
            body = encoder.encode(batch)
            chunk += struct.pack(">I", len(body)) + body
            batch = []
        if (number + 1) % a_step == 0:
            steps.append(chunk)
            chunk = b""
    return [*steps, chunk], last


def dollars(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--symbols", type=int, default=500)
    options.add_argument("--rate", type=int, default=20_000)
    options.add_argument("--seconds", type=float, default=30.0)
    asked = options.parse_args()
    steps, last = encode(symbols(asked.symbols), asked.rate, asked.seconds)
    a_step_s = max(BATCH, round(asked.rate * STEP_S)) / asked.rate
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        client, _ = server.accept()
    behind_s = 0.0
    with client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begin = monotonic()
        for number, chunk in enumerate(steps):
            due = begin + number * a_step_s
            sleep(max(0.0, due - monotonic()))
            client.sendall(chunk)
            behind_s = max(behind_s, monotonic() - due)
        taken_s = monotonic() - begin
    count = int(asked.rate * asked.seconds)
    print(json.dumps({"last": last, "behind_s": behind_s, "sent": count, "taken_s": taken_s}), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
