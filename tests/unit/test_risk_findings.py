"""Every word and number that the rules say, over a grid of orders, facts and limits, laid beside a file.

The file is what a person reads on the ticket and in the record, so a change of it is read in a review. After
one that is meant: `make golden`.
"""

from collections import Counter
from pathlib import Path

import pytest

from core.domain.risk import Outcome, RuleResult
from core.risk.rules import RULES
from tests.risk_grid import grid

FILE = Path(__file__).with_name("risk_findings.txt")


def line(result: RuleResult) -> str:
    numbers = " of ".join(
        "-" if each is None else f"{each.normalize():f}" for each in (result.value, result.limit)
    )
    where = "" if result.field.value == "none" else f" [{result.field.value}]"
    return f"{result.code.value} {result.outcome.value}: {result.text} ({numbers} {result.unit.value}){where}"


def transcript() -> list[str]:
    """Return what each rule says, each finding once and how often."""
    cases, lines = list(grid()), []
    for rule in RULES:
        found = [rule(terms, limits, facts) for terms, limits, facts in cases]
        counted = Counter("-" if each is None else line(each) for each in found)
        lines += [f"== {rule.__name__}", *(f"{count:>4} x {said}" for said, count in sorted(counted.items()))]
    return lines


def test_findings_over_a_grid_are_those_of_the_file(request: pytest.FixtureRequest) -> None:
    said = transcript()

    if request.config.getoption("rewrite_golden"):
        FILE.write_text("\n".join(said) + "\n")

    assert said == FILE.read_text().splitlines()


def test_every_outcome_is_among_the_findings() -> None:
    words = FILE.read_text()

    assert all(f" {outcome.value}: " in words for outcome in Outcome)
    assert all(f"== {rule.__name__}\n" in words for rule in RULES)
