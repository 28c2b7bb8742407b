"""The printed part of the documentation is complete, and what the program prints today."""

from dataclasses import fields

import pytest

from app import docs
from core.domain.limits import Limits
from core.domain.meanings import LIMITS, REFUSALS, RULES
from core.domain.risk import RuleCode
from core.errors import RefusalCode, SettingInvalid
from core.settings import parse_profile
from tests.arch.source import ROOT

DOCS = ROOT / "docs"


PRINTED = {"shortcuts.md", "refusal-reasons.md", "settings.md", "paper-checks.md"}


@pytest.mark.parametrize("name", sorted(PRINTED))
def test_docs_in_the_tree_are_what_the_program_prints(qapp, name):
    assert (DOCS / name).read_text(encoding="utf-8") == docs.documents()[name], "run make docs"


def test_docs_that_are_tested_are_all_that_are_written(qapp, tmp_path):
    docs.write(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == PRINTED


@pytest.mark.parametrize(
    ("meanings", "wanted"),
    [
        (REFUSALS, list(RefusalCode)),
        (RULES, list(RuleCode)),
        (LIMITS, [each.name for each in fields(Limits)]),
    ],
    ids=["refusals", "rules", "limits"],
)
def test_meanings_are_there_for_every_word_in_its_order_and_one_line(meanings, wanted):
    assert list(meanings) == wanted
    assert all(words.strip() and "\n" not in words and "|" not in words for words in meanings.values())


@pytest.mark.parametrize("section", ["account", "feed", "alpaca", "polygon", "api", "risk"])
def test_settings_in_the_docs_are_the_keys_that_a_profile_takes(qapp, section):
    with pytest.raises(SettingInvalid) as refused:
        parse_profile(f"[{section}]\nno_such_key = 1\n")
    taken = str(refused.value).partition("expected one of ")[2].split(", ")

    part = docs.documents()["settings.md"].partition(f"## [{section}]")[2].partition("\n## ")[0]
    printed = [line.split("`")[1] for line in part.splitlines() if line.startswith("| `")]

    assert sorted(printed) == sorted(taken)


def test_sections_in_the_docs_are_those_that_a_profile_takes(qapp):
    with pytest.raises(SettingInvalid) as refused:
        parse_profile("[no_such_section]\n")
    taken = str(refused.value).partition("expected one of ")[2].split(", ")

    headings = [line for line in docs.documents()["settings.md"].splitlines() if line.startswith("## ")]

    assert sorted(headings) == sorted(f"## [{each}]" for each in taken)
