"""`investiq retention run` on a real profile: what it says, does and leaves; backups aside."""

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import cli
from app import profile as profiles
from app.anchoring import begin_anchoring
from core.adapters import keychain
from core.audit import ledger
from core.clock import SystemClock
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft
from core.storage import vault
from core.storage.segments import FOLDER
from core.storage.store import open_store
from tests.arch.source import ROOT

PASSPHRASE = "correct horse battery"
CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
DESK = Actor("desk", "admin", Origin.DESK, "s1")
OLD = datetime(2024, 3, 5, tzinfo=UTC)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def desk(tmp_path, monkeypatch) -> profiles.Profile:
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(None, "there is none here"))
    made = profiles.create(tmp_path / "root", "desk", PASSPHRASE, cost=CHEAP)
    key = vault.unlock(made.folder, PASSPHRASE).key

    async def main() -> None:
        store = open_store(made.database, key, create=False)
        public_key = begin_anchoring(made.folder, key, store.installation_id, made.name).public_key

        def work(uow) -> None:
            first = ledger.genesis(store.installation_id, store.created_at_us, DESK, public_key)
            ledger.append(uow, first, OLD)
            for number in range(2, 30):
                ledger.append(uow, AuditDraft(AuditAction.ORDER_FILLED, DESK, f"AAPL {number}"), OLD)
            ledger.append(uow, AuditDraft(AuditAction.ORDER_FILLED, DESK, "AAPL 30"), SystemClock().now())

        await store.write(work)
        await store.close_async()

    asyncio.run(main())
    return made


@pytest.fixture
def run(tmp_path, monkeypatch, capsys) -> Run:
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text(PASSPHRASE + "\n")

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        first = ["--data-dir", str(tmp_path / "root"), "--passphrase-file", str(secret), "--profile", "desk"]
        code = cli.main([*first, *words])
        return code, *capsys.readouterr()

    return run


def test_dry_run_prints_what_the_run_prints_and_changes_nothing(desk, run):
    dry = run("retention", "run", "--dry-run")
    assert not (desk.folder / FOLDER).exists()

    wet = run("retention", "run")

    assert dry[0] == wet[0] == 0
    assert dry[1].splitlines()[:-1] == wet[1].splitlines()[:-1]
    assert dry[1].startswith("records 1 to 29: 29\n29 audit records from before ")
    assert dry[1].endswith("dry run: nothing was changed\n")
    assert len(list((desk.folder / FOLDER).iterdir())) == 1
    assert "\n0 audit records" in "\n" + run("retention", "run")[1]


def test_sealed_profile_verifies_exports_and_survives_a_new_key(desk, run, tmp_path):
    run("retention", "run")
    assert run("keys", "rotate")[0] == 0

    code, out, _ = run("audit", "verify", "--json")
    found = json.loads(out)
    assert (code, found["ok"], found["sealed_to"], found["absent"]) == (0, True, 29, [])
    run("audit", "export", str(tmp_path / "e.jsonl"))
    script = [
        sys.executable,
        "-I",
        "-S",
        str(ROOT / "resources" / "verify_audit.py"),
        str(tmp_path / "e.jsonl"),
    ]
    done = subprocess.run(script, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stdout


def test_archive_that_is_kept_elsewhere_is_told_by_verify_and_by_the_script(desk, run, tmp_path):
    run("retention", "run")
    (desk.folder / FOLDER).rename(tmp_path / "elsewhere")

    code, out, err = run("audit", "verify")
    exported = run("audit", "export", str(tmp_path / "e.jsonl"))
    script = [
        sys.executable,
        "-I",
        "-S",
        str(ROOT / "resources" / "verify_audit.py"),
        str(tmp_path / "e.jsonl"),
    ]
    done = subprocess.run(script, capture_output=True, text=True, timeout=60, check=False)

    assert (code, exported[0], done.returncode) == (0, 0, 0)
    assert "the audit chain holds" in out
    assert "sealed to 29" in err
    assert "is not at hand" in err
    assert "not in the export, sealed: records 1 to 29" in done.stdout
    assert run("doctor", "--json")[1].count("verified to") == 1


def test_policy_is_a_setting_of_the_profile(desk, run):
    settings = Path(desk.folder / "profile.toml")
    settings.write_text(settings.read_text() + "\n[retention]\naudit_days = 36500\n")
    assert run("retention", "run", "--dry-run")[1].startswith("0 audit records from before")

    settings.write_text(settings.read_text().replace("36500", "30"))
    code, _, err = run("retention", "run", "--dry-run")

    assert code == 1
    assert "retention.audit_days" in err
    assert "from 90 to 36500" in err
