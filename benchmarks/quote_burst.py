"""500 symbols at 20,000 quotes a second in the visible watchlist of the real window, on a screen of its own.

Quotes come decoded from a socket that another process feeds, go through the whole core (book, valuation, bus)
on its thread and through the bridge into the window. A frame is a real paint of the watchlist's viewport, a
gap the time between two. At the end each visible row is held against the last value that was sent. vn.py's
window takes the same stream beside it. It prints and never fails.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from benchmarks.harness import (
    PEER_NAME,
    ROOT,
    Row,
    head,
    interval,
    keep,
    report,
    run_peer,
    scratch,
    spread,
    virtual_screen,
    window_environment,
)

SYMBOLS, RATE, PEER_LOW_RATE, SECONDS, WARM_UP_S = 500, 20_000, 5_000, 30.0, 2.0
BAR_P99_MS, BAR_MOST_MS, ROWS_WANTED = 20.0, 50.0, 40
SCREEN = (1920, 1760)  # so high that the watchlist has room for 40 rows
PEER_AFTER_S = 300.0  # it works off its backlog with the window frozen


@dataclass(slots=True)
class Seen:
    """What a window showed.

    Attributes:
        paints: perf_counter seconds of every paint.
        begun_at: the first quote.
        ended_at: the end of the stream.
        shown: what each visible row showed as the last price, by symbol.
        backlog: events that had not been worked off a while after the end.
    """

    paints: list[float] = field(default_factory=list)
    begun_at: float = 0.0
    ended_at: float = 0.0
    shown: dict[str, str] = field(default_factory=dict)
    backlog: int = 0

    @property
    def gaps_ms(self) -> list[float]:
        """Return the gaps from the end of the warm-up to the end of the stream."""
        first, last = self.begun_at + WARM_UP_S, self.ended_at
        inside = [at for at in self.paints if first <= at <= last]
        edges = [first, *inside, last]
        return [(after - before) * 1_000 for before, after in pairwise(edges)]


def ours(port: int, screen: str | None) -> Seen:
    """Show the real window on the stream, in this process, and return what was seen."""
    os.environ.update(window_environment(screen))
    # Qt reads the environment when it is loaded.
    from benchmarks.burst_window import BurstWindow

    with scratch() as folder:
        window = BurstWindow(folder, port, SYMBOLS, SCREEN)
        window.run()
    return Seen(window.paints, window.feed.begun_at, window.feed.ended_at, window.shown)


@contextmanager
def source(rate: int, seconds: float) -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    """Start the feed's process; give its port and the process."""
    program = str(ROOT / "benchmarks" / "peers" / "quote_source.py")
    arguments = ["--symbols", str(SYMBOLS), "--rate", str(rate), "--seconds", str(seconds + WARM_UP_S)]
    process = subprocess.Popen([sys.executable, program, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None:
            raise RuntimeError("the feed has no output")
        yield int(process.stdout.readline()), process
    finally:
        process.terminate()
        process.wait(10)


def sent(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """Return what the feed says that it sent."""
    text = process.stdout.readline() if process.stdout is not None else ""
    return dict(json.loads(text)) if text else {}


def peer(rate: int, seconds: float, screen: str | None) -> tuple[Seen, dict[str, Any]] | None:
    with source(rate, seconds) as (port, process):
        found = run_peer("vnpy_quotes.py", str(port), within_s=seconds + PEER_AFTER_S, screen=screen)
        return None if found is None else (Seen(**found), sent(process))


def right(seen: Seen, end: dict[str, Any]) -> int:
    """Return how many visible rows show the last value that was sent."""
    last = end.get("last", {})
    return sum(
        float(text.replace(",", "")) == float(last.get(name, "nan"))
        for name, text in seen.shown.items()
        if text.replace(",", "").replace(".", "").isdigit()
    )


def figures(seen: Seen, end: dict[str, Any]) -> dict[str, Any]:
    gaps = seen.gaps_ms
    p50, p99, most = spread(gaps)
    return {
        "p50_ms": round(p50, 2),
        "p99_ms": round(p99, 2),
        "max_ms": round(most, 2),
        "p99_95pct": interval(gaps, 99),
        "over_50_ms": sum(gap > BAR_MOST_MS for gap in gaps),
        "frames": len(gaps) - 1,
        "rows": len(seen.shown),
        "rows_right": right(seen, end),
        "backlog": seen.backlog,
        "feed_behind_ms": round(end.get("behind_s", 0.0) * 1_000, 1),
    }


def show(rate: int, mine: dict[str, Any], theirs: dict[str, Any] | None) -> None:
    is_met = (
        rate == RATE
        and mine["p99_ms"] <= BAR_P99_MS
        and mine["max_ms"] <= BAR_MOST_MS
        and mine["rows"] >= ROWS_WANTED
        and mine["rows_right"] == mine["rows"]
    )
    peer_rate = theirs["rate"] if theirs else rate
    detail = {**mine, "peer": theirs, "python": platform.python_version()}
    name = f"quotes: {SYMBOLS} symbols, {rate:,}/s, frame gap p99"
    peer_name = f"{PEER_NAME} tick monitor, {peer_rate:,}/s"
    peer_p99 = theirs["p99_ms"] if theirs else None
    report(Row(name, mine["p99_ms"], peer_p99, peer_name, BAR_P99_MS, "ms", is_met, detail))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=SECONDS)
    options.add_argument("--rate", type=int, default=RATE)
    options.add_argument("--no-peer", action="store_true")
    asked = options.parse_args()
    found: list[dict[str, Any] | None] = []
    with virtual_screen(SCREEN) as screen:
        for rate in () if asked.no_peer else (asked.rate, PEER_LOW_RATE):
            theirs = peer(rate, asked.seconds, screen)
            found.append(theirs and {"rate": rate, **figures(*theirs)})
        with source(asked.rate, asked.seconds) as (port, process):
            seen = ours(port, screen)
            mine = figures(seen, sent(process))
        keep("quote_burst", {"gaps_ms": seen.gaps_ms})
    head()
    for each in found or [None]:
        show(asked.rate, mine, each)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
