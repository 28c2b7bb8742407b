"""The commands on a real profile: what is written, what is named, and what the script says of it."""

import ast
import asyncio
import io
import json
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app import audit_commands, cli
from app import profile as profiles
from app.anchoring import begin_anchoring, find_anchoring
from app.opening import Schema
from core import errors
from core.adapters import keychain
from core.audit import ledger, verify
from core.bus import Bus
from core.clock import ManualClock
from core.domain.access import Actor, Mode, Origin
from core.domain.audit import AuditAction, AuditDraft
from core.ids import CountedIds, mint_cl_ord_id
from core.storage import engine, vault
from core.storage import tables as t
from core.storage.anchors import FILE, KEY_FILE
from core.storage.store import open_store
from tests.arch.source import ROOT
from tests.fakes.keychain import MemoryKeyring, allow

PASSPHRASE = "correct horse battery"
CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
DESK = Actor("desk", "admin", Origin.DESK, "s1")
NOW = ManualClock().now()
SCRIPT = ROOT / "resources" / "verify_audit.py"
LENGTH = 25

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def ring(monkeypatch) -> MemoryKeyring:
    made = MemoryKeyring()
    allow(monkeypatch)
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(None, "there is none here"))
    return made


@pytest.fixture
def with_ring(ring, monkeypatch) -> MemoryKeyring:
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(ring, "the test's keyring"))
    return ring


@pytest.fixture
def desk(tmp_path) -> profiles.Profile:
    return profiles.create(tmp_path / "root", "desk", PASSPHRASE, cost=CHEAP)


def use(profile: profiles.Profile, count: int = LENGTH, elsewhere: Path | None = None) -> str:
    """Do what a session does: begin or go on with the chain, and anchor it; return the public key."""
    key = vault.unlock(profile.folder, PASSPHRASE).key
    ids = CountedIds()

    async def main() -> str:
        store = open_store(profile.database, key, create=False)
        made = begin_anchoring(profile.folder, key, store.installation_id, profile.name, elsewhere)

        def work(uow) -> None:
            if uow.audit_head().seq == 0:
                genesis = ledger.genesis(store.installation_id, store.created_at_us, DESK, made.public_key)
                ledger.append(uow, genesis, NOW)
            while uow.audit_head().seq < count:
                order = mint_cl_ord_id(ids, uow.audit_head().digest)
                draft = AuditDraft(AuditAction.ORDER_PREPARED, DESK, "AAPL — buy 20", cl_ord_id=order)
                ledger.append(uow, draft, NOW)

        await store.write(work)
        await made.writing(store, ManualClock(), Bus()).anchor()
        await store.close_async()
        return made.public_key

    return asyncio.run(main())


def tamper(profile: profiles.Profile, *statements) -> None:
    writer = engine.writing_engine(profile.database, vault.unlock(profile.folder, PASSPHRASE).key)
    with writer.connect() as connection, connection.begin():
        for table in ("audit_log", "audit_payload"):
            for event in ("UPDATE", "DELETE"):
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_no_{event}")
        for statement in statements:
            connection.execute(statement)
    writer.dispose()


def cut(profile: profiles.Profile, after: int) -> None:
    tamper(
        profile,
        t.audit_payload.delete().where(t.audit_payload.c.seq > after),
        t.audit_log.delete().where(t.audit_log.c.seq > after),
    )


@pytest.fixture
def run(tmp_path, monkeypatch, capsys) -> Run:
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text(PASSPHRASE + "\n")

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        first = ["--data-dir", str(tmp_path / "root"), "--passphrase-file", str(secret), "--profile", "desk"]
        code = cli.main([*first, *words])
        out, err = capsys.readouterr()
        assert PASSPHRASE not in out + err
        return code, out, err

    return run


def script(*words: str) -> subprocess.CompletedProcess[str]:
    """Run it as a stranger does, without this environment's packages."""
    command = [sys.executable, "-I", "-S", str(SCRIPT), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_script_imports_the_standard_library_only():
    tree = ast.parse(SCRIPT.read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    froms = [node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = {
        name.partition(".")[0] for name in (*froms, *(one.name for each in imports for one in each.names))
    }

    assert names <= sys.stdlib_module_names
    assert not names & {"socket", "urllib", "http", "subprocess"}
    ast.parse(SCRIPT.read_text(), feature_version=(3, 10))


def test_verify_names_what_it_held_the_chain_against_and_the_public_key(desk, run):
    public_key = use(desk)

    code, out, err = run("audit", "verify")

    assert (code, err) == (0, "")
    assert "held against: side file, cl_ord_id" in out
    assert f"public key: {public_key}" in out


def test_verify_as_json_is_for_programs(desk, run, with_ring):
    public_key = use(desk)

    code, out, _ = run("audit", "verify", "--json")

    found = json.loads(out)
    assert (code, found["ok"], found["verified_to"]) == (0, True, LENGTH)
    assert found["anchors"] == ["side file", "the test's keyring", "cl_ord_id"]
    assert found["public_key"] == public_key


def test_verify_of_a_profile_that_was_never_anchored_writes_nothing(desk, run):
    code, out, _ = run("audit", "verify")

    assert code == 0
    assert "nothing outside itself yet" in out
    assert not (desk.folder / KEY_FILE).exists()


def test_keyring_that_gives_no_answer_is_told_and_the_rest_is_checked(desk, run, with_ring):
    use(desk)
    with_ring.error = OSError("it is locked")

    code, out, err = run("audit", "verify")

    assert code == 0
    assert "could not be asked: the test's keyring" in err
    assert "held against: side file, cl_ord_id" in out


def test_cut_database_is_found_against_the_side_file(desk, run):
    use(desk)
    cut(desk, 10)

    code, _, err = run("audit", "verify")

    assert code == 4
    assert "record 11: records up to 25 are known to have existed and are missing (side file)" in err


def test_database_cut_with_its_side_file_is_found_against_the_keyring_or_the_folder(
    desk, run, with_ring, tmp_path
):
    share = tmp_path / "share"
    share.mkdir()
    use(desk, elsewhere=share)
    cut(desk, 10)
    (desk.folder / FILE).write_text("")

    code, _, err = run("audit", "verify")
    run("audit", "export", str(tmp_path / "e.jsonl"))
    kept = next(share.iterdir())
    done = script(str(tmp_path / "e.jsonl"), "--anchors", str(kept), "--json")

    assert code == 4
    assert "(the test's keyring)" in err
    assert kept.name.endswith(f".{FILE}")
    assert [(each["kind"], each["seq"]) for each in json.loads(done.stdout)["faults"]] == [
        ("rolled back", 11)
    ]


def test_lost_side_file_is_a_fault_and_says_what_to_do(desk, run):
    use(desk)
    (desk.folder / FILE).unlink()

    code, _, err = run("audit", "verify")

    assert code == 4
    assert "anchors: side file" in err
    assert "is not there" in err


def test_lost_key_is_damage_and_no_new_one_is_made(desk, run, tmp_path):
    use(desk)
    (desk.folder / KEY_FILE).unlink()

    for words in (("audit", "verify"), ("audit", "export", str(tmp_path / "e.jsonl"))):
        code, _, err = run(*words)
        assert code == 4
        assert "put it back" in err
    assert not (tmp_path / "e.jsonl").exists()


def test_doctor_names_the_anchors(desk, run):
    use(desk)

    _, out, _ = run("doctor", "--json")

    chain = next(each for each in json.loads(out)["checks"] if each["name"] == "audit chain")
    assert chain["found"] == f"verified to {LENGTH}; held against: side file, cl_ord_id"


def test_doctor_names_a_witness_that_is_lost(desk, run):
    use(desk)
    (desk.folder / FILE).unlink()

    _, out, _ = run("doctor", "--json")

    chain = next(each for each in json.loads(out)["checks"] if each["name"] == "audit chain")
    assert (chain["passed"], chain["found"].partition(":")[0]) == (False, "anchors")


def test_export_is_ones_own_file_and_good_for_the_script(desk, run, tmp_path):
    public_key = use(desk)
    path = tmp_path / "export.jsonl"

    code, out, _ = run("audit", "export", str(path))
    done = script(str(path), "--public-key", public_key)

    assert code == 0
    assert f"{LENGTH} records written to {path}, signed; public key: {public_key}" in out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (done.returncode, done.stderr) == (0, "")
    assert f"GOOD  {LENGTH} records" in done.stdout
    assert "held against: side file (1), order ids (24;" in done.stdout
    assert "records a second" in done.stdout


def test_export_holds_every_column_as_it_stands_and_the_key(desk, run, tmp_path):
    use(desk)
    run("audit", "export", str(tmp_path / "e.jsonl"))

    first, *records, last = map(json.loads, (tmp_path / "e.jsonl").read_text().splitlines())

    assert (first["type"], first["format"], first["version"]) == ("header", "investiq-audit-export", 2)
    assert set(records[0]) == {"type", "payload", *(column.name for column in t.audit_log.c)}
    assert [each["seq"] for each in records] == list(range(1, LENGTH + 1))
    assert records[5]["entity"] == "AAPL — buy 20"
    assert json.loads(records[0]["payload"])["public_key"] == first["public_key"]
    assert (last["type"], last["records"], last["seq"]) == ("trailer", LENGTH, LENGTH)


def test_export_of_a_profile_that_was_never_anchored_makes_its_key(desk, run, tmp_path):
    code, _, _ = run("audit", "export", str(tmp_path / "e.jsonl"))

    assert code == 0
    assert (desk.folder / KEY_FILE).exists()
    assert script(str(tmp_path / "e.jsonl")).returncode == 0


def test_export_overwrites_nothing(desk, run, tmp_path):
    use(desk)
    path = tmp_path / "e.jsonl"
    path.write_text("mine")

    code, _, err = run("audit", "export", str(path))

    assert code == 1
    assert "nothing was overwritten" in err
    assert path.read_text() == "mine"


def test_export_that_cannot_be_written_leaves_nothing_behind(desk, run, tmp_path, monkeypatch):
    use(desk)

    assert run("audit", "export", str(tmp_path / "nowhere" / "e.jsonl"))[0] == 6

    async def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.audit.export.export_chain", full)
    before = sorted(tmp_path.rglob("*"))
    code, _, err = run("audit", "export", str(tmp_path / "e.jsonl"))

    assert code == 6
    assert "No space left" in err
    assert sorted(tmp_path.rglob("*")) == before


def test_export_of_a_broken_chain_is_written_as_evidence_and_ends_with_4(desk, run, tmp_path):
    use(desk)
    tamper(desk, t.audit_log.update().where(t.audit_log.c.seq == 7).values(entity="AAPL — buy 2000"))
    path = tmp_path / "e.jsonl"

    code, _, err = run("audit", "export", str(path))
    done = script(str(path))

    assert code == 4
    assert "record 7: a column is not what was recorded" in err
    assert done.returncode == 1
    assert "BAD   record 7: edited" in done.stdout


def test_blob_in_a_text_column_breaks_neither_verifier_nor_export(desk, run, tmp_path):
    use(desk)
    writer = engine.writing_engine(desk.database, vault.unlock(desk.folder, PASSPHRASE).key)
    with writer.connect() as connection, connection.begin():
        connection.exec_driver_sql("DROP TRIGGER audit_log_no_UPDATE")
        connection.exec_driver_sql("UPDATE audit_log SET entity = x'ff00' WHERE seq = 7")
    writer.dispose()

    code, _, err = run("audit", "verify")
    assert (code, "record 7: a column holds what cannot have been recorded" in err) == (4, True)
    assert run("audit", "export", str(tmp_path / "e.jsonl"))[0] == 4
    assert "BAD   record 7: format" in script(str(tmp_path / "e.jsonl")).stdout


def test_progress_of_a_long_log_is_told_on_standard_error(desk, run, tmp_path, monkeypatch):
    use(desk)
    monkeypatch.setattr(verify, "BATCH", 5)
    monkeypatch.setattr("core.audit.export.BATCH", 5)
    monkeypatch.setattr(audit_commands, "_TOLD_EVERY", 10)

    _, _, checked = run("audit", "verify")
    _, _, written = run("audit", "export", str(tmp_path / "e.jsonl"))

    assert checked.splitlines() == ["checked: 10 of 25 records", "checked: 20 of 25 records"]
    assert written.splitlines() == ["written: 10 of 25 records", "written: 20 of 25 records"]


def test_old_database_is_not_checked_before_it_is_upgraded(desk, run, monkeypatch):
    use(desk)
    monkeypatch.setattr(audit_commands, "schema_of", lambda *_: Schema("0001", "0002"))

    code, _, err = run("audit", "verify")

    assert code == 1
    assert "run db upgrade first" in err


def test_genesis_of_another_key_is_found(desk, run):
    use(desk)
    (desk.folder / KEY_FILE).unlink()
    (desk.folder / FILE).unlink()
    use(desk, LENGTH + 1)

    code, _, err = run("audit", "verify")

    assert code == 4
    assert "record 1: the genesis was made for another signing key" in err


def test_chain_that_a_stored_key_begins_is_bound_to_the_signing_key(tmp_path, run, monkeypatch):
    made = profiles.create(tmp_path / "root", "desk", PASSPHRASE, mode=Mode.PAPER, cost=CHEAP)
    key = tmp_path / "polygon"
    key.touch(mode=0o600)
    key.write_text("aKeyOfSomeLength\n")
    assert run("secrets", "set", "polygon", "--from-file", str(key))[0] == 0

    run("audit", "export", str(tmp_path / "e.jsonl"))

    first, genesis = map(json.loads, (tmp_path / "e.jsonl").read_text().splitlines()[:2])
    assert json.loads(genesis["payload"])["public_key"] == first["public_key"]
    assert json.loads((made.folder / KEY_FILE).read_text())["public"] == first["public_key"]


def test_throwaway_profile_is_told_to_no_keyring(tmp_path, with_ring):
    key = vault.create(tmp_path, None)

    made = begin_anchoring(tmp_path, key, "installation", None)

    assert [each.place for each in made.witnesses] == ["side file"]
    assert find_anchoring(tmp_path, key, "installation", "desk", None) is not None


def test_script_that_is_used_wrongly_ends_with_2(tmp_path):
    assert script().returncode == 2
    assert script(str(tmp_path / "nowhere")).returncode == 2
    (tmp_path / "e").write_text("x")
    assert script(str(tmp_path / "e"), "--public-key", "zz").returncode == 2


def test_anchoring_needs_a_key_that_can_be_made(tmp_path):
    key = vault.create(tmp_path, None)

    with pytest.raises(errors.StorageUnwritable):
        begin_anchoring(tmp_path / "nowhere", key, "installation", None)
