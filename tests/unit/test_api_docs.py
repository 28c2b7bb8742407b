"""The description of the local API names every call with its role, and every status."""

import re

import pytest

from core.api.problems import STATUS
from core.api.server import ROUTES
from tests.arch.source import ROOT
from tests.fakes.local_api import ROLES

TEXT = (ROOT / "docs" / "local-api.md").read_text(encoding="utf-8")
CALLS = dict(re.findall(r"^\| `([A-Z]+ /\S*)` \| (\w+) \|", TEXT, re.MULTILINE))


def test_every_call_is_described_and_no_other():
    assert set(CALLS) == {f"{route.method} {route.path}" for route in ROUTES}


@pytest.mark.parametrize("call", sorted(CALLS))
def test_the_role_in_the_description_is_the_least_that_may(call):
    assert CALLS[call] == ROLES[tuple(call.split())]


def test_every_status_of_a_refusal_is_described():
    told = {
        int(found)
        for line in re.findall(r"^\| ([0-9, ]+) \|", TEXT, re.MULTILINE)
        for found in line.split(",")
    }

    assert set(STATUS.values()) <= told
