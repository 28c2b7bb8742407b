"""The real program as a child process: each failure its own message and exit code, nothing overwritten."""

import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlcipher3.dbapi2
from sqlalchemy import update

from app import profile as profiles
from app.instance import ProfileLock
from core.audit import ledger
from core.clock import ManualClock
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft
from core.storage import engine, vault
from core.storage import tables as t
from core.storage.store import open_store
from tests.arch.source import ROOT

PASSPHRASE = "correct horse battery"
CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
DESK = Actor("desk", "admin", Origin.DESK, "test")
NOW = ManualClock().now()

Run = Callable[..., subprocess.CompletedProcess[str]]


def _append(uow, count: int) -> None:
    for number in range(count):
        ledger.append(uow, AuditDraft(AuditAction.PROGRAM_STARTED, DESK, f"desk {number}"), NOW)


def _write(folder: Path, work) -> None:
    async def main() -> None:
        store = open_store(folder / "investiq.db", vault.unlock(folder, PASSPHRASE).key, create=False)
        await store.write(lambda uow: work(uow, store))
        await store.close_async()

    asyncio.run(main())


def _record(uow, store) -> None:
    ledger.append(uow, ledger.genesis(store.installation_id, store.created_at_us, DESK), NOW)
    _append(uow, 20)


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pattern")
    made = profiles.create(root, "desk", PASSPHRASE, cost=CHEAP)
    _write(made.folder, _record)
    return root


@pytest.fixture
def root(pattern: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pattern, tmp_path / "root"))


@pytest.fixture
def folder(root: Path) -> Path:
    return root / "profiles" / "desk"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.touch(mode=0o600)
    path.write_text(PASSPHRASE + "\n")
    return path


@pytest.fixture
def run(root: Path, secret: Path) -> Run:
    def run(*words: str, passphrase: Path | None = secret, largest: int | None = None, **variables: str):
        command = [sys.executable, "-m", "app", "--data-dir", str(root)]
        if passphrase is not None:
            command += ["--passphrase-file", str(passphrase)]
        usual = {name: value for name, value in os.environ.items() if not name.startswith("INVESTIQ_")}
        # A file that may not grow past a size fails like a full disk, also for root.
        limit = largest and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest)))
        done = subprocess.run(
            [*command, *words], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False,
            stdin=subprocess.DEVNULL, preexec_fn=limit or None,
            env={**usual, "QT_QPA_PLATFORM": "offscreen", "PYTHONDONTWRITEBYTECODE": "1", **variables},
        )  # fmt: skip
        assert "Traceback" not in done.stderr + done.stdout
        assert PASSPHRASE not in done.stderr + done.stdout
        return done

    return run


def _files(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name not in ("lock", "unlock.tries")
    }


def _fails(run: Run, root: Path, code: int, words: str, *command: str, **how) -> str:
    before = _files(root)

    done = run(*command, **how)

    assert (done.returncode, words in done.stderr) == (code, True), (
        done.returncode,
        done.stderr,
        done.stdout,
    )
    assert done.stderr.startswith("investiq: ")
    assert _files(root) == before
    return done.stderr


COMMANDS = [("audit", "verify"), ("db", "current"), ("db", "upgrade")]


@pytest.mark.parametrize("command", COMMANDS)
def test_sound_profile_is_done_and_nothing_is_changed(run: Run, root: Path, command):
    before = _files(root)

    done = run(*command)

    assert (done.returncode, done.stderr) == (0, "")
    assert _files(root) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_wrong_passphrase_ends_with_3(run: Run, root: Path, secret: Path, command):
    secret.write_text("another horse battery\n")

    _fails(run, root, 3, "opens no key slot", *command)


def test_locked_profile_with_nobody_to_ask_ends_with_3(run: Run, root: Path):
    _fails(run, root, 3, "passphrase is needed", "audit", "verify", passphrase=None)


def _flip(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def test_damaged_page_ends_with_4_and_is_named(run: Run, root: Path, folder: Path):
    _flip(folder / "investiq.db", 3 * engine.PAGE_BYTES + 17)

    _fails(run, root, 4, "page 4", "audit", "verify")


def test_damaged_first_page_ends_with_4(run: Run, root: Path, folder: Path):
    _flip(folder / "investiq.db", 100)

    for command in COMMANDS:
        _fails(run, root, 4, "first page is damaged", *command)


def test_plain_sqlite_in_the_databases_place_ends_with_4(run: Run, root: Path, folder: Path):
    (folder / "investiq.db").unlink()
    plain = sqlcipher3.dbapi2.connect(str(folder / "investiq.db"))
    plain.execute("CREATE TABLE a (b)")
    plain.close()

    _fails(run, root, 4, "plain SQLite", "audit", "verify")


@pytest.mark.parametrize("command", COMMANDS)
def test_lost_database_ends_with_4_and_is_not_made_anew(run: Run, root: Path, folder: Path, command):
    (folder / "investiq.db").unlink()

    _fails(run, root, 4, "nothing was made anew", *command)


def test_lost_keys_end_with_4(run: Run, root: Path, folder: Path):
    (folder / "keys.json").unlink()

    _fails(run, root, 4, "keys.json is not there", "audit", "verify")


def test_key_file_that_is_not_one_ends_with_4(run: Run, root: Path, folder: Path):
    (folder / "keys.json").write_text("{")

    _fails(run, root, 4, "not a key file", "audit", "verify")


def test_changed_record_ends_with_4_and_its_place_is_named(run: Run, root: Path, folder: Path):
    def forge(uow, _store) -> None:
        sealed = ledger.seal(uow.audit_head(), AuditDraft(AuditAction.RECONCILED, DESK, "true"), NOW)
        uow.append_audit(replace(sealed, entity="false"))

    _write(folder, forge)

    told = _fails(run, root, 4, "does not hold", "audit", "verify")
    assert "verified to 21" in told
    assert "record 22: a column is not what was recorded" in told
    done = run("audit", "verify", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"], found["faults"][0]["seq"]) == (4, False, 22)


def test_newer_database_ends_with_7(run: Run, root: Path, folder: Path):
    writer = engine.writing_engine(folder / "investiq.db", vault.unlock(folder, PASSPHRASE).key)
    with writer.begin() as connection:
        connection.execute(update(t.alembic_version).values(version_num="9999"))
    writer.dispose()

    for command in COMMANDS:
        _fails(run, root, 7, "schema 9999", *command)


@pytest.mark.parametrize("command", [*COMMANDS, (), ("desktop",)])
def test_second_instance_ends_with_5_and_says_who_has_it(run: Run, root: Path, folder: Path, command):
    with ProfileLock(folder / "lock"):
        told = _fails(run, root, 5, "open in another instance", "--profile", "desk", *command)

    assert str(os.getpid()) in told


def test_disk_without_room_ends_with_6_and_leaves_no_half_profile(run: Run, root: Path):
    _fails(run, root, 6, "cannot", "profile", "create", "other", largest=8192)


@pytest.mark.parametrize("largest", [10, 100])
def test_disk_without_room_for_settings_or_keys_ends_with_6(run: Run, root: Path, largest):
    _fails(run, root, 6, "cannot be written", "profile", "create", "other", largest=largest)


def test_data_folder_that_cannot_be_made_ends_with_6(run: Run, root: Path, secret: Path):
    _fails(run, root, 6, "cannot be", "--data-dir", str(secret / "sub"), "profile", "create", "other")


def test_demo_without_a_data_folder_ends_with_6_before_a_window_opens(run: Run, root: Path, secret: Path):
    _fails(run, root, 6, "cannot be written", "--data-dir", str(secret / "sub"), "--demo")


@pytest.mark.parametrize("words", [("bogus",), ("profile",), ("--speed", "2"), ("--demo", "doctor")])
def test_wrong_usage_ends_with_2(run: Run, root: Path, words):
    before = _files(root)

    done = run(*words)

    assert done.returncode == 2
    assert "error: " in done.stderr
    assert _files(root) == before


def test_profile_of_a_taken_name_ends_with_1(run: Run, root: Path):
    _fails(run, root, 1, "nothing was overwritten", "profile", "create", "desk")


def test_short_passphrase_ends_with_1(run: Run, root: Path, secret: Path):
    secret.write_text("short\n")

    _fails(run, root, 1, "15 characters", "profile", "create", "other")


@pytest.mark.parametrize("words", [("audit", "verify"), ()])
def test_absent_profile_ends_with_1(run: Run, root: Path, words):
    _fails(run, root, 1, "there are: desk", "--profile", "other", *words)


def test_open_passphrase_file_ends_with_1(run: Run, root: Path, secret: Path):
    secret.chmod(0o644)

    _fails(run, root, 1, "0600", "audit", "verify")
    _fails(run, root, 1, "0600", "audit", "verify", passphrase=None, INVESTIQ_PASSPHRASE_FILE=str(secret))


@pytest.mark.parametrize("words", [("audit", "verify"), ()])
def test_unknown_setting_ends_with_1_with_file_and_line(run: Run, root: Path, folder: Path, words):
    (folder / "profile.toml").write_text('[account]\nmood = "sim"\n')

    _fails(run, root, 1, "profile.toml:2: account.mood", "--profile", "desk", *words)


def test_live_profile_without_approval_ends_with_1(run: Run, root: Path, folder: Path):
    (folder / "profile.toml").write_text('[account]\nmode = "live"\nbroker = "alpaca"\n')

    _fails(run, root, 1, "LIVE_TRADING_APPROVED", "--profile", "desk")


def test_wrong_environment_ends_with_1(run: Run, root: Path):
    _fails(run, root, 1, "API_KEYS", "--profile", "desk", API_KEYS="k" * 40 + ":owner")
    _fails(run, root, 1, "INVESTIQ_LOG_LEVEL", "profile", "list", INVESTIQ_LOG_LEVEL="loud")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "empty"),
        (b"date,open,high,low,close\n2024-01-02,1,1,1,1\n", "volume"),
        (b"date,open,high,low,close,volume\n2024-01-02,x,1,1,1,1\n", "line 2"),
        (b"date,open,high,low,close,volume\n2024-01-02,-1,1,1,1,1\n", "line 2"),
        (b"\xff\xfed\x00a\x00", "UTF-8"),
    ],
)
def test_bad_recording_ends_with_1_before_a_window_opens(run: Run, root: Path, tmp_path: Path, text, words):
    (tmp_path / "X.csv").write_bytes(text)

    told = _fails(run, root, 1, words, "--replay", str(tmp_path / "X.csv"))

    assert "X.csv" in told


def test_doctor_of_a_sound_profile_passes(run: Run, root: Path):
    done = run("doctor", "--json")

    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"]) == (0, True), done.stdout
    assert {
        "python", "package PySide6-Essentials", "window", "fonts", "cipher", "disk space", "data folder",
        "settings", "permissions", "one instance", "passphrase", "database schema", "audit chain",
    } <= {check["name"] for check in found["checks"]}  # fmt: skip


def test_doctor_names_what_fails_and_what_to_do(run: Run, root: Path, folder: Path):
    (folder / "profile.toml").chmod(0o644)
    _flip(folder / "investiq.db", 100)
    before = _files(root)

    done = run("doctor")

    assert done.returncode == 1
    assert "FAIL  permissions: open to others: profile.toml" in done.stdout
    assert "FAIL  database schema: " in done.stdout
    assert "chmod -R go=" in done.stdout
    assert "2 failed" in done.stdout
    assert _files(root) == before


def test_doctor_of_a_profile_in_use_says_so(run: Run, folder: Path):
    with ProfileLock(folder / "lock"):
        done = run("doctor")

    assert done.returncode == 1
    assert "FAIL  one instance" in done.stdout


def test_created_profile_is_listed_and_is_the_one_used_from_then_on(run: Run, root: Path):
    done = run("profile", "create", "second")

    assert done.returncode == 0
    lines = run("profile", "list").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["  desk", "* second"]
    assert "verified to 0" in run("audit", "verify").stdout


def test_list_tells_a_broken_profile_and_still_lists_the_others(run: Run, root: Path, folder: Path):
    shutil.copytree(folder, folder.with_name("broken"))
    (folder.with_name("broken") / "profile.toml").write_text("mode = 1\n")

    done = run("profile", "list")

    assert done.returncode == 1
    assert done.stdout.split("\t")[0] == "  desk"
    assert "broken/profile.toml:1: mode" in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_nobody_reads_ends_quietly(root: Path, unbuffered):
    command = [sys.executable, "-m", "app", "--data-dir", str(root), "profile", "list"]
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        command,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )

    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")
