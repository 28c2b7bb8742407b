"""Memory of `investiq --demo` over ten minutes: resident size every five seconds, from outside.

The slope is a least-squares line through the last four fifths, so that start-up does not count; the total is
the greatest size seen. Each stands beside its limit. It prints and never fails.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from statistics import linear_regression
from time import monotonic, sleep

from benchmarks.harness import ROOT, Row, head, keep, report, scratch, virtual_screen, window_environment

MINUTES, EVERY_S = 10.0, 5.0
SLOPE_BAR_MB, TOTAL_BAR_MB = 1.0, 350.0
ENDED_WITHIN_S, PAINTED_WITHIN_S = 20.0, 30.0
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20
Sample = tuple[float, float]


def resident_mb(pid: int) -> float:
    """Return the resident size; 0 of a process that has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_MB
    except (OSError, IndexError):
        return 0.0


def watch(process: "subprocess.Popen[bytes]", minutes: float) -> list[Sample]:
    """Return (minutes, MB) until the time is over or the process has ended."""
    begin, samples = monotonic(), []
    while (now := monotonic() - begin) <= minutes * 60 and process.poll() is None:
        samples.append((now / 60, resident_mb(process.pid)))
        sleep(EVERY_S)
    return samples


def run(minutes: float) -> list[Sample] | None:
    """Return what was seen of a demo; None if it did not stay until the end."""
    with scratch() as folder, virtual_screen() as screen:
        mark, said = folder / "painted", folder / "said"
        command = [sys.executable, "-m", "app", "--data-dir", str(folder / "profiles"), "--demo"]
        command += ["--mark-first-paint", str(mark)]
        with said.open("w") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env=window_environment(screen), stdout=output, stderr=output
            )
        try:
            give_up = monotonic() + PAINTED_WITHIN_S
            while not mark.exists() and process.poll() is None and monotonic() < give_up:
                sleep(0.05)
            samples = watch(process, minutes)
            if process.poll() is None and mark.exists():
                return samples
            print(f"the demo ended: {said.read_text().strip()[-400:]}", file=sys.stderr)
            return None
        finally:
            end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(ENDED_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=MINUTES)
    minutes = options.parse_args().minutes
    samples = run(minutes)
    name = f"memory of the demo over {minutes:g} min"
    head()
    slope = most = None
    detail: dict[str, object] = {}
    if samples is not None and len(samples) > 2:
        keep("demo_memory", samples)
        settled = samples[len(samples) // 5 :]
        slope = linear_regression([at for at, _ in settled], [size for _, size in settled]).slope
        most = max(size for _, size in samples)
        detail = {
            "samples": len(samples),
            "settled_mb": round(settled[0][1], 1),
            "last_mb": round(samples[-1][1], 1),
            "every_minute_mb": [round(size) for _, size in samples[:: round(60 / EVERY_S)]],
        }
    growth_met, total_met = (
        slope is not None and slope < SLOPE_BAR_MB,
        most is not None and most < TOTAL_BAR_MB,
    )
    report(Row(f"{name}, growth", slope, SLOPE_BAR_MB, "limit", SLOPE_BAR_MB, "MB/min", growth_met, detail))
    report(Row(f"{name}, most", most, TOTAL_BAR_MB, "limit", TOTAL_BAR_MB, "MB", total_met, detail))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
