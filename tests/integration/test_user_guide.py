"""docs/user-guide.md: its commands are carried out in order, its keys are keys, its links lead somewhere."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from core.domain.terms import OrdStatus
from tests.arch.source import ROOT
from ui import format as fmt

DOCS = ROOT / "docs"
TEXT = (DOCS / "user-guide.md").read_text(encoding="utf-8")
COMMANDS = [line.strip() for line in TEXT.splitlines() if line.startswith("    investiq ")]
SHORTCUTS = set(re.findall(r"`([^`]+)`", (DOCS / "shortcuts.md").read_text(encoding="utf-8")))
WITHIN_S = 60


class Reader:
    """Somebody who types what the page says, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        usual = {name: text for name, text in os.environ.items() if not name.startswith("INVESTIQ_")}
        self._environment = usual | {"DBUS_SESSION_BUS_ADDRESS": "disabled:", "PYTHONPATH": str(ROOT)}
        self._opens = self._private("passphrase", "walnut ceiling grammar")
        self._second = self._private("second", "another walnut ceiling grammar")

    def _private(self, name: str, text: str) -> Path:
        path = self._folder / name
        path.touch(mode=0o600)
        path.write_text(text + "\n")
        return path

    def type(self, command: str) -> subprocess.CompletedProcess[str]:
        words = shlex.split(command)[1:]
        given = ["--data-dir", str(self._folder / "root"), "--passphrase-file", str(self._opens)]
        asked = ["--new-passphrase-file", str(self._second)] if "add" in words else []
        return subprocess.run(
            [sys.executable, "-m", "app", *given, *words, *asked],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )


def test_commands_of_the_page_do_what_it_says_in_its_order(tmp_path: Path) -> None:
    reader = Reader(tmp_path)

    told = {command: reader.type(command) for command in COMMANDS}

    assert {each.args[-1]: each.stderr for each in told.values() if each.returncode != 0} == {}
    assert "the audit chain holds" in told["investiq --profile guide audit verify"].stdout
    assert "sam" in told["investiq --profile guide users list"].stdout
    verifier = [sys.executable, str(ROOT / "resources" / "verify_audit.py"), "guide.jsonl"]
    assert subprocess.run(verifier, cwd=tmp_path, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("key", sorted(set(re.findall(r"`((?:Ctrl|Alt|Shift)\+[^`]+|F\d+|Delete)`", TEXT))))
def test_key_of_the_page_is_one_of_the_program(key: str) -> None:
    assert key in SHORTCUTS


@pytest.mark.parametrize("page", ["user-guide.md", "deployment.md", "monitoring.md", "local-api.md"])
def test_links_lead_somewhere(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text)

    assert links
    assert not [each for each in links if not (DOCS / each).exists()]


def test_words_for_the_states_of_an_order_are_those_of_the_window() -> None:
    part = TEXT.partition("## What an order is")[2].partition("\n## ")[0]

    told = set(re.findall(r"(?<!\*)\*{1,3}([A-Z]\w+)\*{1,3}", part))

    assert {"Working", "Unknown"} <= told
    assert told <= {fmt.word(each) for each in OrdStatus}
