"""`make mutation`: changes the code that judges and sends orders, and asks whether a test notices.

All of the rules, the gate, the throttle and the order management are changed in every way that mutmut knows,
and the rest of `core/risk` and `core/orders` in 300 ways drawn with a seed. A mutant runs only the tests that
reach its function: all quick ones, and of those that start a whole core those of the module's own file, and
for a few seconds those that reach the fewest functions, and such as a seed draws.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from random import Random
from typing import Any

import pytest

from core.clock import SystemClock

MUTANTS = Path("mutants")
STATS = MUTANTS / "mutmut-stats.json"
TOOK = "took.json"
# What the tests need; mutmut would copy it over its own mutants again at every run.
COPIED = ("app", "core", "migrations", "resources", "ui")
WHOLE = ("core/risk/checks/*", "core/orders/gate.py", "core/orders/throttle.py", "core/orders/oms.py")
SEED, SAMPLE, QUICK_S, SLOW_S = 4, 300, 0.02, 8.0
LEAST_PCT, WITHIN_S = 90.0, 2_400.0
# Asked in any case: the rules' own start no core, and the records of a day show nearly every change.
DAYS = tuple(f"tests/integration/test_{each}_record.py" for each in ("order", "desk", "numbers", "rooms"))
ALWAYS = ("tests/unit/test_risk_", *DAYS)
# A few mutants first, for the sources to be changed and the tests to be timed.
FIRST = "core.risk.checks.pause.*"
# What mutmut writes for a mutant.
SURVIVED, NO_TEST, SKIPPED = 0, 33, 34
ALIVE = {SURVIVED: "survived", NO_TEST: "no test", None: "not run"}
# Seconds that each test of this process has taken.
_took: Counter[str] = Counter()


@dataclass(frozen=True, slots=True)
class Changed:
    """The mutants of one module, by name, and what became of each."""

    source: str
    file: Path
    results: dict[str, int | None]

    @property
    def is_whole(self) -> bool:
        return any(fnmatch(self.source, pattern) for pattern in WHOLE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of one mutant quickest first: those that start a core last, the days' records before."""
    items.sort(
        key=lambda item: ("tmp_path" in getattr(item, "fixturenames", ()), not item.nodeid.startswith(DAYS))
    )


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note what a test takes; mutmut's own figure leaves out its fixtures, and so the start of a core."""
    _took[report.nodeid] += report.duration


def pytest_sessionfinish() -> None:
    """Keep what the tests took when mutmut ran all of them to see what they reach."""
    if os.environ.get("MUTANT_UNDER_TEST") == "stats":
        noted = Path(TOOK)
        known = json.loads(noted.read_text()) if noted.exists() else {}
        noted.write_text(json.dumps({**known, **_took}))


def modules() -> list[Changed]:
    """Read what mutmut has noted."""
    found = []
    for file in sorted(MUTANTS.rglob("*.py.meta")):
        results = json.loads(file.read_text())["exit_code_by_key"]
        found.append(Changed(str(file.relative_to(MUTANTS)).removesuffix(".meta"), file, results))
    return found


def choose(names: list[str]) -> None:
    """Leave out of the run what is neither of the whole modules nor drawn."""
    rest = (name for each in modules() if not each.is_whole for name in each.results)
    # Each by its own name: what is drawn of one module does not hang on what another one has become.
    drawn = set(sorted(rest, key=lambda name: Random(f"{SEED}{name}").random())[:SAMPLE])
    for each in modules():
        noted: dict[str, Any] = json.loads(each.file.read_text())
        for name in each.results:
            is_named = not names or any(fnmatch(each.source, pattern) for pattern in names)
            if not is_named or not (each.is_whole or name in drawn):
                noted["exit_code_by_key"][name] = SKIPPED
        each.file.write_text(json.dumps(noted))


def thin_out() -> None:
    """Let each function be asked about by its quick tests, and by a draw of the others."""
    noted: dict[str, Any] = json.loads(STATS.read_text())
    took = json.loads((MUTANTS / TOOK).read_text())
    noted["duration_by_test"].update(took)
    reach = Counter(test for tests in noted["tests_by_mangled_function_name"].values() for test in tests)
    for function, tests in noted["tests_by_mangled_function_name"].items():
        slow = sorted(test for test in tests if took.get(test, 0.0) > QUICK_S and not test.startswith(ALWAYS))
        module = function.split(".x")[0].rpartition(".")[2]
        own = tuple(f"/test_{word}{module}" for word in ("", "orders_", "risk_"))
        kept = [test for test in slow if any(each in test for each in own)]
        drawn = Random(f"{SEED}{function}").sample(slow, len(slow))
        # What reaches few functions is likely to be about this one.
        for asked in (sorted(drawn, key=reach.__getitem__), drawn):
            left_s = SLOW_S / 2
            for test in asked:
                if test not in kept and took[test] <= left_s:
                    kept.append(test)
                    left_s -= took[test]
        noted["tests_by_mangled_function_name"][function] = sorted({*tests} - {*slow}) + kept
    STATS.write_text(json.dumps(noted))


def mutmut(*arguments: str, within_s: float) -> None:
    """Run mutmut, and show its last words where it fails.

    Raises:
        SystemExit: it could not do its work in time, or at all.
    """
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    if Path("/dev/shm").is_dir():
        environment.setdefault("TMPDIR", "/dev/shm")  # a test's disk need not be safe here
    program = str(Path(sys.executable).with_name("mutmut"))
    try:
        ran = subprocess.run(
            [program, "run", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        raise SystemExit(f"mutmut was not done after {within_s:.0f} s") from expired
    if ran.returncode:
        raise SystemExit(f"mutmut failed:\n{ran.stdout[-3_000:]}\n{ran.stderr[-1_000:]}")


def table() -> bool:
    """Print what is alive, and a line a module and a group; return whether both groups are good enough."""
    totals = {True: Counter[str](), False: Counter[str]()}
    print(f"\n{'module':<40} {'mutants':>8} {'killed':>8} {'':>8}")
    for each in modules():
        ran = {name: code for name, code in each.results.items() if code != SKIPPED}
        alive = {name: ALIVE[code] for name, code in ran.items() if code in ALIVE}
        count = Counter({"all": len(ran), "killed": len(ran) - len(alive)})
        totals[each.is_whole] += count
        if ran:
            print(_line(each.source, count))
        for name, why in alive.items():
            print(f"    {why}: {name}")
    print()
    for is_whole, words in ((True, "all of the rules, gate, throttle, oms"), (False, "a draw of the rest")):
        print(_line(words, totals[is_whole]))
    return all(_pct(count) >= LEAST_PCT for count in totals.values() if count["all"])


def _pct(count: Counter[str]) -> float:
    return 100.0 * count["killed"] / count["all"] if count["all"] else 100.0


def _line(name: str, count: Counter[str]) -> str:
    return f"{name:<40} {count['all']:>8} {count['killed']:>8} {_pct(count):>7.1f} %"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("names", nargs="*", help="only these modules, as core/risk/checks/cash.py; * is any")
    asked = options.parse_args()
    clock = SystemClock()
    begin = clock.monotonic()
    shutil.rmtree(MUTANTS, ignore_errors=True)
    for folder in COPIED:
        shutil.copytree(folder, MUTANTS / folder)  # with the times of the files, by which mutmut knows them
    mutmut("--max-children", str(asked.jobs), FIRST, within_s=WITHIN_S)
    choose(asked.names)
    thin_out()
    mutmut("--max-children", str(asked.jobs), within_s=WITHIN_S - (clock.monotonic() - begin))
    is_good = table()
    took_s = clock.monotonic() - begin
    print(f"{took_s / 60:.1f} minutes; at least {LEAST_PCT:g} % within {WITHIN_S / 60:g} minutes is asked.")
    return 0 if is_good and took_s <= WITHIN_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
