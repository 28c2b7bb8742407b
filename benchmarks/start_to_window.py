"""From starting the process to the first painted window of `investiq --demo`, warm and cold.

The clock is read right before the process is made and, in the process, after the first paint of the main
window (CLOCK_MONOTONIC, one for the whole machine). Ours and the peer start by turns on one screen.
Cold is after the page cache was dropped, which needs root. It prints and never fails.
"""

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import monotonic, monotonic_ns, sleep

from benchmarks.harness import (
    PEER_NAME,
    ROOT,
    Row,
    head,
    keep,
    peer_home,
    peer_python,
    report,
    scratch,
    virtual_screen,
    window_environment,
)

WARM_BAR_S, COLD_BAR_S = 0.8, 1.5
RUNS, COLD_RUNS = 5, 3
PAINTED_WITHIN_S, ENDED_WITHIN_S = 30.0, 20.0
DROP_CACHES = Path("/proc/sys/vm/drop_caches")


def first_paint(command: list[str], mark: Path, folder: Path, screen: str | None) -> float | None:
    """Return seconds from exec to the first paint; None if there was none. The process is ended."""
    mark.unlink(missing_ok=True)
    with (mark.parent / "said").open("w") as said:
        begin = monotonic_ns()
        process = subprocess.Popen(
            command, cwd=folder, env=window_environment(screen), stdout=said, stderr=said
        )
        try:
            return _await_mark(process, mark, begin)
        finally:
            process.terminate()
            try:
                process.wait(ENDED_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await_mark(process: "subprocess.Popen[bytes]", mark: Path, begin: int) -> float | None:
    give_up = monotonic() + PAINTED_WITHIN_S
    while monotonic() < give_up:
        if mark.exists() and (text := mark.read_text()):
            return (int(text) - begin) / 1e9
        if process.poll() is not None and not mark.exists():
            break
        sleep(0.02)
    tail = (mark.parent / "said").read_text().strip()[-400:]
    print(f"no window: {' '.join(command_of(process))}: {tail}", file=sys.stderr)
    return None


def command_of(process: "subprocess.Popen[bytes]") -> list[str]:
    """Return what was started."""
    return process.args if isinstance(process.args, list) else [str(process.args)]


def drop_caches() -> bool:
    """Empty the page cache; False where this may not be done."""
    os.sync()
    try:
        DROP_CACHES.write_text("3")
    except OSError:
        return False
    return True


def starters(folder: Path, screen: str | None) -> list[Callable[[], float | None]]:
    """Return what starts ours and what starts the peer."""
    mark = folder / "painted"
    ours = [sys.executable, "-m", "app", "--data-dir", str(folder / "profiles"), "--demo"]
    ours += ["--mark-first-paint", str(mark)]
    python = peer_python()
    peer = [str(python), str(ROOT / "benchmarks" / "peers" / "vnpy_window.py"), str(mark)]

    def start_peer() -> float | None:
        return first_paint(peer, mark, peer_home(), screen) if python is not None else None

    return [lambda: first_paint(ours, mark, ROOT, screen), start_peer]


def rounds(
    starts: list[Callable[[], float | None]], count: int, before: Callable[[], object]
) -> list[list[float]]:
    """Start each by turns; return the seconds of those that painted."""
    taken: list[list[float]] = [[] for _ in starts]
    for _ in range(count):
        for start, kept in zip(starts, taken, strict=True):
            before()
            seconds = start()
            if seconds is not None:
                kept.append(seconds)
    return taken


def show(name: str, bar: float, taken: list[list[float]]) -> None:
    ours, peer = (median(each) if each else None for each in taken)
    detail = {
        "runs_s": [round(each, 3) for each in taken[0]],
        "peer_runs_s": [round(each, 3) for each in taken[1]],
        "python": platform.python_version(),
    }
    is_met = ours is not None and ours <= bar
    report(Row(name, ours, peer, f"{PEER_NAME} main window", bar, "s", is_met, detail))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=RUNS)
    options.add_argument("--cold-runs", type=int, default=COLD_RUNS)
    asked = options.parse_args()
    with scratch() as folder, virtual_screen() as screen:
        starts = starters(folder, screen)
        rounds(starts, 1, lambda: None)  # fills the caches, and makes what a first start makes
        warm = rounds(starts, asked.runs, lambda: None)
        cold = rounds(starts, asked.cold_runs, drop_caches) if drop_caches() else [[], []]
    keep("start_to_window", {"warm_s": warm, "cold_s": cold})
    head()
    show("start: process to first painted window, warm", WARM_BAR_S, warm)
    show("start: process to first painted window, cold", COLD_BAR_S, cold)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
