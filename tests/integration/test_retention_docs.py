"""docs/retention.md: its commands are carried out in order, and what it says is what they do."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app import profile as profiles
from app.arguments import parse
from core.adapters import keychain
from core.audit.sealing import MOST_RECORDS
from core.domain.audit import AuditAction
from core.portfolio.retiring import MOST_ROWS
from core.settings.profile import ProfileSettings
from core.storage.archive_folder import FOLDER
from core.storage.store import open_store
from tests.arch.source import ROOT
from tests.fakes.desk_files import PASSPHRASE, Run, key_of, runner
from tests.fakes.fill_history import FillHistory
from tests.fakes.old_desk import make_old

TEXT = (ROOT / "docs" / "retention.md").read_text(encoding="utf-8")
COMMANDS = [line.partition("#")[0].strip() for line in TEXT.splitlines() if line.startswith("    ")]
DRY, RUN, VERIFY = COMMANDS
WITHIN_S = 60


@pytest.fixture
def desk(tmp_path: Path, monkeypatch) -> profiles.Profile:
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(None, "none here"))
    return make_old(tmp_path / "root")


@pytest.fixture
def run(tmp_path: Path, monkeypatch, capsys) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


def type_in(folder: Path, command: str) -> str:
    """Type a command as the page has it, in a process of its own."""
    secret = folder / "typed"
    secret.touch(mode=0o600)
    secret.write_text(PASSPHRASE + "\n")
    words = ["--data-dir", str(folder / "root"), "--passphrase-file", str(secret), *shlex.split(command)[1:]]
    usual = {name: text for name, text in os.environ.items() if not name.startswith("INVESTIQ_")}
    done = subprocess.run(
        [sys.executable, "-m", "app", *words],
        env=usual | {"DBUS_SESSION_BUS_ADDRESS": "disabled:", "PYTHONPATH": str(ROOT)},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_commands_of_the_page_in_order_do_what_it_says(desk, tmp_path):
    bytes_before = desk.database.read_bytes()

    dry = type_in(tmp_path, DRY)
    assert desk.database.read_bytes() == bytes_before
    assert not (desk.folder / FOLDER).exists()
    wet = type_in(tmp_path, RUN)
    verified = type_in(tmp_path, VERIFY)

    lines = wet.splitlines()
    assert lines[:-1] == dry.splitlines()[:-1], "both forms print the same records and fills"
    assert lines[0] == "records 1 to 19: 19"
    assert lines[1].startswith("19 audit records from before ")
    assert lines[2:4] == ["AAPL: 4 fills, 2 closed pieces", "MSFT: 3 fills, 2 closed pieces"]
    assert lines[4].startswith("7 fills from before ")
    names = sorted(path.name for path in (desk.folder / FOLDER).iterdir())
    assert re.fullmatch(r"audit-000000001-000000019-[0-9a-f]{8}\.db", names[0])
    assert re.fullmatch(r"fills-000001-[0-9a-f]{8}\.db", names[1])
    assert len(names) == 2
    assert "the audit chain holds" in verified
    assert "archived fills hold: 7 in 1 archives, and positions add up" in verified


@pytest.mark.parametrize("command", COMMANDS)
def test_command_of_the_page_is_one_of_the_program(command: str) -> None:
    parse(shlex.split(command)[1:])


def test_numbers_names_and_actions_of_the_page_are_those_of_the_program() -> None:
    usual = ProfileSettings()
    for key, kept in (("audit_days", usual.keep_audit_days), ("fill_days", usual.keep_fill_days)):
        (row,) = [line for line in TEXT.splitlines() if line.startswith(f"| `{key}`")]
        assert "; 90 to 36500 |" in row
        assert row.endswith(f"| {kept} |")
    assert f"segments of at most {MOST_RECORDS:,}" in TEXT
    assert f"about {MOST_ROWS:,} rows" in TEXT
    for action in (AuditAction.SEGMENT_SEALED, AuditAction.FILLS_ARCHIVED):
        assert f"`{action}`" in TEXT
    assert f"`{FOLDER}/audit-" in TEXT
    assert f"`{FOLDER}/fills-" in TEXT


@pytest.mark.parametrize("key", ["audit_days", "fill_days"])
def test_policy_of_the_page_is_a_setting_of_the_profile(desk, run: Run, key) -> None:
    settings = desk.folder / "profile.toml"
    settings.write_text(settings.read_text() + f"\n[retention]\n{key} = 36500\n")
    lines = run(*shlex.split(DRY)[3:])[1].splitlines()
    kept = [line for line in lines if line.startswith("0 ")]
    assert [line.split(" from before ")[0] for line in kept] == [
        {"audit_days": "0 audit records", "fill_days": "0 fills"}[key]
    ]

    settings.write_text(settings.read_text().replace("36500", "89"))
    code, _, err = run(*shlex.split(DRY)[3:])

    assert code == 1
    assert f"retention.{key}" in err
    assert "from 90 to 36500" in err


def test_run_is_recorded_with_who_did_it_and_twice_does_nothing_more(desk, run: Run) -> None:
    run(*shlex.split(RUN)[3:])
    again = run(*shlex.split(RUN)[3:])[1].splitlines()

    assert [line.split(" from before ")[0] for line in again[:-1]] == ["0 audit records", "0 fills"]
    made = _told(run, desk)
    assert [(each["action"], each["actor"]) for each in made] == [
        ("segment.sealed", "owner"), ("fills.archived", "owner"),
    ]  # fmt: skip


def _told(run: Run, desk) -> list[dict[str, str]]:
    path = desk.folder.parent.parent / "e.jsonl"
    assert run("audit", "export", path)[0] == 0
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [each for each in lines if each.get("action") in ("segment.sealed", "fills.archived")]


def _change_a_byte(desk) -> None:
    (path,) = (desk.folder / FOLDER).glob("fills-*")
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def _tamper(*statements: str):
    def tamper(desk) -> None:
        store = open_store(desk.database, key_of(desk), create=False)
        history = FillHistory(store, key_of(desk))
        store.close()
        history.tamper(*statements)

    return tamper


DONE = {
    "a byte of an archive changed": (_change_a_byte, "is not the file that was sealed"),
    "a seal of fills, or what is carried forward, changed, added or taken out": (
        _tamper("UPDATE carried_forward SET realised = '1' WHERE symbol = 'AAPL'"),
        "what it carries forward, was changed",
    ),
    "fills or pieces deleted, added or changed": (
        _tamper("UPDATE fills SET last_qty = '11' WHERE exec_id = 'now'"),
        "AAPL: fills and what is carried forward do not add up to the position",
    ),
}


@pytest.mark.parametrize("what", DONE)
def test_what_was_done_to_archived_fills_is_told_as_the_page_says(desk, run: Run, what) -> None:
    assert f"| {what} |" in TEXT
    run(*shlex.split(RUN)[3:])
    do, told = DONE[what]
    do(desk)

    code, out, err = run(*shlex.split(VERIFY)[3:])
    doctor = run("doctor")

    assert code == 4
    assert told in err
    assert "archived fills hold" not in out
    assert told in "".join(doctor[1:])
    assert doctor[0] != 0


def test_archive_that_is_gone_is_told_and_its_seal_checked(desk, run: Run) -> None:
    run(*shlex.split(RUN)[3:])
    (path,) = (desk.folder / FOLDER).glob("fills-*")
    path.unlink()

    code, out, err = run(*shlex.split(VERIFY)[3:])

    assert code == 0
    assert f"{path.name} with 7 fills is not at hand" in err
    assert "archived fills hold: 7 in 1 archives" in out


def test_backup_holds_the_archives_and_a_new_key_leaves_them(desk, run: Run) -> None:
    run(*shlex.split(RUN)[3:])
    before = {path.name: path.read_bytes() for path in (desk.folder / FOLDER).iterdir()}

    assert run("backup", "create")[0] == 0
    (backup,) = (desk.folder.parent.parent / "backups" / "desk").glob("*.zip")
    shutil.rmtree(desk.folder)
    assert run("backup", "restore", backup)[0] == 0
    assert run("keys", "rotate")[0] == 0

    assert {path.name: path.read_bytes() for path in (desk.folder / FOLDER).iterdir()} == before
    code, out, _ = run("audit", "verify")
    assert (code, "archived fills hold: 7" in out) == (0, True)


def test_archive_of_fills_that_is_not_the_sealed_one_lets_no_backup_be_made(desk, run: Run) -> None:
    run(*shlex.split(RUN)[3:])
    _change_a_byte(desk)

    code, _, err = run("backup", "create")

    assert code == 4
    assert "archived fills do not hold" in err
