"""docs/keys-and-users.md: its commands are carried out in order, and its numbers are those of the program."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from core.domain.access import Role
from core.storage import vault
from core.storage.vault.tries import FREE, LONGEST_S
from tests.arch.source import ROOT

PAGE = ROOT / "docs" / "keys-and-users.md"
TEXT = PAGE.read_text(encoding="utf-8")
COMMANDS = [line.partition("#")[0].strip() for line in TEXT.splitlines() if line.startswith("    investiq ")]
FIRST, SECOND, THIRD, SAMS = (f"{word} walnut ceiling grammar" for word in ("one", "two", "three", "four"))
RECOVERY = re.compile(r"^    (([0-9A-Z]{4}-){8}[0-9A-Z]{4})$", re.MULTILINE)
WITHIN_S = 60


class Reader:
    """Somebody who types what the page says, without a terminal: what is asked for lies in files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = os.environ | {"DBUS_SESSION_BUS_ADDRESS": "disabled:", "PYTHONPATH": str(ROOT)}
        self._passphrase = FIRST
        self._paper = ""

    def _private(self, name: str, text: str) -> str:
        path = self._folder / name
        path.touch(mode=0o600)
        path.write_text(text + "\n")
        return str(path)

    def _asked(self, command: str) -> list[str]:
        if " users add " in command:
            return ["--new-passphrase-file", self._private("new", SAMS)]
        if command.endswith("keys passphrase"):
            return ["--new-passphrase-file", self._private("new", SECOND)]
        if command.endswith("--use"):
            paper = self._private("paper", self._paper)
            return ["--from-file", paper, "--new-passphrase-file", self._private("new", THIRD)]
        return []

    def type(self, command: str) -> subprocess.CompletedProcess[str]:
        given = ["--data-dir", str(self._folder / "root")]
        given += ["--passphrase-file", self._private("passphrase", self._passphrase)]
        done = subprocess.run(
            [sys.executable, "-m", "app", *given, *shlex.split(command)[1:], *self._asked(command)],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        if done.returncode == 0:
            paper = RECOVERY.search(done.stdout)
            self._paper = self._paper if paper is None else paper[1]
            if command.endswith("keys passphrase"):
                self._passphrase = SECOND
            if command.endswith("--use"):
                self._passphrase = THIRD
        return done


def test_commands_of_the_page_do_what_it_says_in_its_order(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    made = reader.type("investiq profile create desk")
    assert made.returncode == 0, made.stderr

    told = {command: reader.type(command) for command in COMMANDS}

    # There is no keyring here, and the page says that none but a real one is taken.
    no_keyring = told.pop("investiq --profile desk keys keyring on")
    assert (no_keyring.returncode, "no keyring can open this profile" in no_keyring.stderr) == (1, True)
    assert {each.args[-1]: each.stderr for each in told.values() if each.returncode != 0} == {}
    assert "sam\ttrader" in told["investiq --profile desk users list"].stdout
    folder = tmp_path / "root" / "profiles" / "desk"
    assert vault.unlock(folder, THIRD).user == "owner"
    assert vault.users(folder) == ("owner",)
    assert vault.generation(folder) == 3


def test_numbers_and_roles_of_the_page_are_those_of_the_program() -> None:
    assert (
        f"{vault.COST.memory_kib // 1024} MiB, {vault.COST.passes} passes, {vault.COST.lanes} lanes" in TEXT
    )
    assert f"At least {vault.SHORTEST_PASSPHRASE} characters" in TEXT
    assert (FREE, LONGEST_S) == (3, 15 * 60)
    assert {word for word in ("viewer", "trader", "admin") if f"| {word} |" in TEXT} == set(Role)


def test_links_of_the_page_lead_somewhere() -> None:
    for page in (PAGE, PAGE.parent / "threat-model.md"):
        links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
        assert not [each for each in links if not (PAGE.parent / each).exists()]
