"""`make bench`: runs every benchmark as a process of its own, one after the other, and prints one table.

A file of this folder that can be run is a benchmark. Figures of a shared machine vary from run to run: the
ratio to what ran beside them says more than the figure. With names, only those run.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.harness import ROOT

MARK = 'if __name__ == "__main__":'
WITHIN_S = 3_600.0


def benchmarks() -> list[str]:
    """Return the names of all benchmarks."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return [file.stem for file in files if file.stem != "__main__" and MARK in file.read_text()]


def run(name: str) -> list[dict[str, Any]]:
    """Return the rows of one benchmark; one without figures where it failed."""
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    try:
        ran = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=WITHIN_S, check=False
        )
    except subprocess.TimeoutExpired:
        return [{"name": f"{name}: not over after {WITHIN_S:g} s"}]
    rows = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    return rows if rows and not ran.returncode else [*rows, {"name": f"{name}: exit {ran.returncode}"}]


def number(value: object) -> str:
    return "not run" if value is None else f"{value:,.3f}" if isinstance(value, int | float) else str(value)


def line(row: dict[str, Any]) -> str:
    """Return one line of the table."""
    ratio = row.get("ratio")
    verdict = "ok" if row.get("ok") else "not run" if row.get("ours") is None else "MISSED"
    return (
        f"{row['name']:<54} {number(row.get('ours')):>10} {number(row.get('peer')):>12}"
        f" {'-' if ratio is None else f'{ratio:.3f}':>9} {row.get('bar', '-')!s:>7} {verdict:<8}"
        f" {row.get('unit', '')}; beside: {row.get('peer_name', '-')}"
    )


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("names", nargs="*", choices=[[], *benchmarks()])
    rows = []
    for name in options.parse_args().names or benchmarks():
        print(f"running {name}", file=sys.stderr, flush=True)
        rows += run(name)
    print(f"{'name':<54} {'ours':>10} {'peer':>12} {'ratio':>9} {'bar':>7} {'ok':<8} unit; beside")
    for row in rows:
        print(line(row))
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"\n{os.cpu_count()} cores, load {load}. The machine is shared: read the ratios, not the figures.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
