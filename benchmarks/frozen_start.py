"""From starting the packed program to the first painted window, warm; `make dist` has to have built it.

The clock is read as in start_to_window. Ours is the folder that the packages carry; the peer is vn.py from
source, as nobody packs it. They start by turns on one screen. It prints and never fails.
"""

import argparse
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.harness import PEER_NAME, ROOT, Row, head, keep, report, scratch, virtual_screen
from benchmarks.start_to_window import first_paint, rounds, starters

BAR_S = 0.4
RUNS = 7


def starter(program: Path, folder: Path, screen: str | None) -> Callable[[], float | None]:
    """Return what starts the packed program."""
    mark = folder / "painted"
    command = [
        str(program),
        "--data-dir",
        str(folder / "profiles"),
        "--demo",
        "--mark-first-paint",
        str(mark),
    ]
    return lambda: first_paint(command, mark, folder, screen)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--program", type=Path, default=ROOT / "dist" / "investiq" / "investiq")
    options.add_argument("--runs", type=int, default=RUNS)
    asked = options.parse_args()
    if not asked.program.exists():
        print(f"{asked.program} is not there: run make dist first", file=sys.stderr)
        head()
        report(
            Row(
                "packed: process to first painted window, warm",
                None,
                None,
                PEER_NAME,
                BAR_S,
                "s",
                ok=False,
                detail={},
            )
        )
        return 0
    with scratch() as folder, virtual_screen() as screen:
        source, peer = starters(folder, screen)
        starts = [starter(asked.program, folder, screen), peer, source]
        rounds(starts, 1, lambda: None)  # fills the caches, and makes what a first start makes
        taken = rounds(starts, asked.runs, lambda: None)
    keep("frozen_start", taken)
    ours, theirs, unpacked = (median(each) if each else None for each in taken)
    detail = {
        "runs_s": [round(each, 3) for each in taken[0]],
        "peer_runs_s": [round(each, 3) for each in taken[1]],
        "ours_from_source_s": unpacked and round(unpacked, 3),
        "python": platform.python_version(),
    }
    is_met = ours is not None and ours <= BAR_S
    head()
    report(
        Row(
            "packed: process to first painted window, warm",
            ours,
            theirs,
            PEER_NAME,
            BAR_S,
            "s",
            is_met,
            detail,
        )
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
