"""docs/monitoring.md and resources/alerts.yaml speak of the numbers that there are, and of all of them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.desktop import window_numbers
from app.local_api import version_number
from core.api.server import ROUTES
from core.domain.messages import LinkState, Part
from core.domain.terms import OrdStatus
from core.errors import RefusalCode
from core.metrics import Family, Kind
from tests.arch.source import ROOT
from tests.fakes.local_api import LocalApi
from ui.bridge import Bridge

TEXT = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(investiq_\w+)` \| (\w+) \| ([\w, ]*) \| (.+) \|$", TEXT, re.MULTILINE)
ALERTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "resources" / "alerts.yaml").read_text())["groups"][0][
    "rules"
]
SEVERITIES = {"page", "warn"}
ENDINGS = {Kind.COUNTER: ("_total",), Kind.GAUGE: ("",), Kind.HISTOGRAM: ("_bucket", "_sum", "_count")}
WORDS = {
    "status": {each.value for each in OrdStatus} | {"500"},
    "part": {each.value for each in Part},
    "state": {each.value for each in LinkState} | {"HALTED", "TRIPPED"},
    "code": {each.value for each in RefusalCode},
    "job": {"investiq"},
}


@pytest.fixture
async def families(qapp, tmp_path: Path) -> list[Family]:
    api = await LocalApi.open(tmp_path)
    window = window_numbers(Bridge(lambda _command: None))
    found = [
        *api.rig.core.measuring.registry.families(),
        *api.server._entrance.numbers.registry.families(),
        *(each.family() for each in (*window, version_number())),
    ]
    await api.close()
    return found


def shown(family: Family) -> str:
    return family.name + ("_total" if family.kind is Kind.COUNTER else "")


async def test_every_number_is_described_as_it_is_and_no_other(families: list[Family]) -> None:
    there = {(shown(each), each.kind.value, ", ".join(each.labels), each.meaning) for each in families}

    assert set(ROWS) == there
    assert len(ROWS) == len(families)


@pytest.mark.parametrize("alert", ALERTS, ids=[each["alert"] for each in ALERTS])
async def test_alert_asks_for_numbers_and_words_that_there_are(
    families: list[Family], alert: dict[str, Any]
) -> None:
    names = {f"{each.name}{ending}" for each in families for ending in ENDINGS[each.kind]} | {"up"}
    labels = {f"{each.name}{ending}": each.labels for each in families for ending in ENDINGS[each.kind]}

    asked = re.findall(r"\b(investiq_\w+|up)\b(?:\{([^}]*)\})?", alert["expr"])

    assert asked
    for name, chosen in asked:
        assert name in names
        for label, word in re.findall(r'(\w+)!?="([^"]*)"', chosen):
            assert label in (*labels.get(name, ()), "job")
            assert word in WORDS[label]
    assert alert["expr"].count("(") == alert["expr"].count(")")
    assert alert["labels"]["severity"] in SEVERITIES
    assert set(alert) <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"\d+[smh]", alert.get("for", "0s"))


def test_every_alert_has_its_chapter_with_its_severity() -> None:
    chapters = dict(re.findall(r"^### (InvestIQ\w+)\n\n(Page|Warn)\.", TEXT, re.MULTILINE))

    assert {name: word.lower() for name, word in chapters.items()} == {
        each["alert"]: each["labels"]["severity"] for each in ALERTS
    }


def test_scrape_in_the_text_is_yaml_for_the_port_of_the_settings() -> None:
    block = TEXT[TEXT.index("    scrape_configs:") : TEXT.index("Counters end")]

    (job,) = yaml.safe_load(block)["scrape_configs"]

    assert job["static_configs"] == [{"targets": ["127.0.0.1:8787"]}]
    assert set(job["authorization"]) == {"credentials_file"}  # sent as Authorization: Bearer


def test_calls_in_the_text_are_calls() -> None:
    paths = {route.path for route in ROUTES}
    told = re.findall(r"`(?:GET|POST) (/[\w/{}-]*)`", TEXT)

    assert told
    assert set(told) <= paths
