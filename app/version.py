"""Which program this is. The version stands here alone; pyproject.toml and the packages read it."""

import json
from pathlib import Path

from resources import ROOT

VERSION = "0.1.0"
# Written by `make dist` into what it packs (resources/packaging), and never in a checkout.
BUILD_FACTS = ROOT / "build.json"


def version() -> str:
    """Return the version, as semantic versioning has it."""
    return VERSION


def build(facts: Path = BUILD_FACTS) -> str:
    """Say how this program was made: the commit and the day of a packed one, else `source`."""
    try:
        found = json.loads(facts.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "source"
    return f"build {found['commit']} of {found['date']}"
