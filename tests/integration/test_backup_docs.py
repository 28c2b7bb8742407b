"""docs/backup.md: the drill and every other command are carried out in order; its numbers are ours."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from app import profile as profiles
from app.arguments import parse
from core.storage.backup_archive import ARCHIVES, MEMBERS
from core.storage.backup_rotation import ALL_FOR, DAYS, MONTHS, WEEKS
from tests.arch.source import ROOT
from tests.fakes.desk_files import PASSPHRASE, files_of, make

TEXT = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")
COMMANDS = [line.partition("#")[0].strip() for line in TEXT.splitlines() if line.startswith("    ")]
DRILL = "investiq --data-dir DRILL"
WITHIN_S = 60


class Operator:
    """Somebody who types what the page says, and the file that the page calls FILE."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self._folder = folder
        self._secret = folder / "passphrase"
        self._secret.touch(mode=0o600)
        self._secret.write_text(PASSPHRASE + "\n")
        usual = {name: text for name, text in os.environ.items() if not name.startswith("INVESTIQ_")}
        self._environment = usual | {"DBUS_SESSION_BUS_ADDRESS": "disabled:", "PYTHONPATH": str(ROOT)}

    def type(self, command: str) -> str:
        words = [str(self._file) if word == "FILE" else word for word in shlex.split(command)]
        given = ["--data-dir", str(self.root), "--passphrase-file", str(self._secret)]
        if words[0] == "investiq":
            words = [sys.executable, "-m", "app", *given, *words[1:]]
        done = subprocess.run(
            words,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    @property
    def _file(self) -> Path:
        return min((self.root / "backups" / "desk").glob("*.zip"))


def test_drill_of_the_page_followed_step_by_step_does_what_it_says(tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    desk = make(operator.root)
    told: dict[str, str] = {}
    before: dict[str, bytes] = {}

    for command in COMMANDS:
        if command.startswith(DRILL) and not before:
            before = files_of(desk.folder)
        told[command] = operator.type(command)
        if command.startswith("rm "):
            assert files_of(desk.folder) == before, "the drill changed the profile"

    assert told["investiq --profile desk backup list"].count("\n") == 1
    assert "holds: 8 files" in told["investiq --profile desk backup verify FILE"]
    assert "the audit chain holds" in told[f"{DRILL} --profile drill audit verify"]
    assert ".replaced-desk-" in told["investiq --profile desk backup restore FILE"]
    assert "the audit chain holds" in told["investiq --profile desk audit verify"]
    assert profiles.names(tmp_path / "OTHER") == ("desk",)
    assert not (tmp_path / "DRILL").exists()


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith("investiq ")])
def test_command_of_the_page_is_one_of_the_program(command: str) -> None:
    parse(shlex.split(command)[1:])


def test_numbers_and_parts_of_the_page_are_those_of_the_program() -> None:
    assert f"newest of {DAYS} days, of {WEEKS} weeks and of {MONTHS} months" in TEXT
    assert f"the last {ALL_FOR.total_seconds() / 3600:g} hours" in TEXT
    for name in (*MEMBERS, f"{ARCHIVES}/"):
        assert f"`{name}`" in TEXT, name
