"""Backups as typed: what one holds, what it proves, what is recorded, and what is refused."""

import asyncio
import io
import json
import shutil
import sys
import threading
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import cli
from app import profile as profiles
from app.admission import record
from app.backing_up import backups_of, make_backup
from app.instance import ProfileLock
from core.adapters import keychain
from core.audit import ledger
from core.audit.anchors import anchor_line
from core.audit.journal import AuditJournal
from core.audit.sealing import Sealer
from core.bus import Bus
from core.clock import ManualClock
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft, AuditHead
from core.domain.credentials import SecretName, lines
from core.domain.records import AuditQuery
from core.errors import DatabaseDamaged, DatabaseMissing, StorageUnwritable
from core.storage import backup, vault
from core.storage.anchors import AnchorFile, signing_key
from core.storage.backup_archive import opened
from core.storage.migration import HEAD
from core.storage.secrets import SecretFile
from core.storage.segments import FOLDER, SegmentFiles
from core.storage.store import open_store
from tests.fakes.evil_backup import EVIL

CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
PASSPHRASE, OTHER = "correct horse battery", "staple of another user"
DESK = Actor("owner", "admin", Origin.DESK, "s1")
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
PAIR = lines("PKTESTKEYID0001", "aSecretOfSomeLength")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch) -> None:
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(None, "none here"))


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pattern") / "root"
    made = profiles.create(root, "desk", PASSPHRASE, cost=CHEAP)
    key = vault.unlock(made.folder, PASSPHRASE).key
    SecretFile(made.folder, key, ManualClock()).set(SecretName.ALPACA_PAPER, PAIR)
    record(made.database, made.folder, key, [AuditDraft(AuditAction.PROGRAM_STARTED, DESK, "desk")])
    made.ledger.write_text('{"n":1}\n')
    made.emergency.write_text('{"action":"x"}\n')
    return root


@pytest.fixture
def desk(pattern: Path, tmp_path: Path) -> profiles.Profile:
    return profiles.load(Path(shutil.copytree(pattern, tmp_path / "root")), "desk")


@pytest.fixture
def run(tmp_path: Path, monkeypatch, capsys) -> Run:
    """Run a command as whoever knows a passphrase."""

    def run(*words: object, by: str = PASSPHRASE) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        secret = tmp_path / "passphrase"
        secret.touch(mode=0o600)
        secret.write_text(by + "\n")
        first = ["--data-dir", str(tmp_path / "root"), "--passphrase-file", str(secret), "--profile", "desk"]
        code = cli.main([*first, *(str(word) for word in words)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def _key(desk: profiles.Profile) -> vault.Key:
    return vault.unlock(desk.folder, PASSPHRASE).key


def _page(desk: profiles.Profile) -> list[tuple[str, str, dict]]:
    async def read():
        store = open_store(desk.database, _key(desk), create=False)
        found = await store.read(lambda reader: reader.audit_page(AuditQuery(limit=50)))
        await store.close_async()
        return found

    page = sorted(asyncio.run(read()), key=lambda each: each.seq)
    return [(each.action, each.entity, json.loads(each.payload)) for each in page]


def _only(desk: profiles.Profile) -> Path:
    (path,) = backups_of(desk.folder).iterdir()
    return path


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_backup_holds_all_that_a_profile_is_and_is_closed_to_others(run: Run, desk):
    code, out, _ = run("backup", "create")

    path = _only(desk)
    with zipfile.ZipFile(path) as archive:
        assert set(archive.namelist()) == {
            "manifest.json", "manifest.mac", "investiq.db", "keys.json", "profile.toml", "secrets.enc",
            "anchor.key", "anchors.jsonl", "emergency.jsonl", "exchange.ledger",
        }  # fmt: skip
        for name in ("keys.json", "profile.toml", "secrets.enc", "emergency.jsonl", "exchange.ledger"):
            assert archive.read(name) == (desk.folder / name).read_bytes()
    assert (code, str(path) in out) == (0, True)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_backup_is_recorded_with_its_file_and_the_head_in_it(run: Run, desk):
    run("backup", "create")

    path = _only(desk)
    with opened(path) as archive:
        head = archive.manifest.head
    action, entity, facts = _page(desk)[-1]
    assert (action, entity) == ("backup.made", path.name)
    assert facts == {
        "reason": "on demand", "size": path.stat().st_size, "head_seq": head.seq,
        "head_digest": head.digest, "removed": [],
    }  # fmt: skip


def test_nothing_in_a_backup_can_be_read_without_the_passphrase(run: Run, desk):
    run("backup", "create")

    content = _only(desk).read_bytes()

    assert b"aSecretOfSomeLength" not in content
    assert b"SQLite format 3" not in content
    assert b"program.started" not in content


def test_backups_are_listed_with_what_they_say_and_one_that_is_none_is_told(run: Run, desk):
    run("backup", "create")
    path = _only(desk)
    broken = path.with_name("desk-20200101T000000Z.zip")
    broken.write_text("hello")
    (path.parent / "notes.zip").write_text("mine")

    code, out, err = run("backup", "list", by="nobody needs one here")

    assert code == 1
    assert [line.split("\t")[0] for line in out.splitlines()] == [str(path)]
    assert out.rstrip().endswith(f"\t2\t{HEAD}")
    assert broken.name in err
    assert "notes" not in out + err


def test_good_backup_is_verified_and_nothing_is_left_behind(run: Run, desk):
    run("backup", "create")
    before = _files(desk.folder.parent.parent)

    code, out, _ = run("backup", "verify", _only(desk))

    assert (code, f"holds: 8 files, schema {HEAD}, 2 records" in out) == (0, True)
    assert _files(desk.folder.parent.parent) == before


def test_backup_of_before_a_new_key_opens_as_it_did(run: Run, desk):
    run("backup", "create")
    path = _only(desk)
    assert run("keys", "rotate")[0] == 0

    code, _, _ = run("backup", "verify", path)

    assert code == 0


@pytest.mark.parametrize("case", sorted(EVIL))
def test_backup_that_was_meddled_with_is_refused_with_its_own_words(run: Run, desk, tmp_path, case):
    run("backup", "create")
    good, bad = _only(desk), tmp_path / "bad.zip"
    meddle, words = EVIL[case]
    meddle(good, bad)
    before = _files(tmp_path)

    code, out, err = run("backup", "verify", bad)

    assert (code, out, words in err) == (1, "", True), err
    assert _files(tmp_path) == before


def test_wrong_passphrase_opens_no_backup(run: Run, desk):
    run("backup", "create")

    assert run("backup", "verify", _only(desk), by=OTHER)[0] == 3
    assert run("backup", "verify", desk.folder / "absent.zip")[0] == 1


def test_backup_of_a_database_that_is_damaged_is_refused_recorded_and_leaves_the_good_one(run: Run, desk):
    run("backup", "create")
    good = _only(desk)
    with desk.database.open("r+b") as file:
        file.seek(9 * 4096 + 100)
        file.write(bytes(8))

    code, _, err = run("backup", "create")

    assert (code, "damaged" in err) == (4, True)
    assert _only(desk) == good


def test_backup_of_a_record_that_was_cut_is_refused_and_recorded(run: Run, desk):
    key = _key(desk)
    store = open_store(desk.database, key, create=False)
    line = anchor_line(signing_key(desk.folder, key), store.installation_id, AuditHead(9, "B" * 43), NOW)
    store.close()
    AnchorFile(desk.folder / "anchors.jsonl").keep(line)

    code, _, err = run("backup", "create")

    assert (code, "audit chain does not hold at record 3" in err) == (4, True)
    assert [path.name for path in backups_of(desk.folder).iterdir()] == []
    assert _page(desk)[-1][0] == "backup.failed"


@pytest.mark.parametrize("name", ["keys.json", "profile.toml"])
def test_backup_without_a_file_that_a_profile_needs_is_not_made(desk, name):
    key = _key(desk)
    (desk.folder / name).unlink()

    with pytest.raises(DatabaseMissing, match=name):
        make_backup(desk.folder, key, NOW)

    assert list(backups_of(desk.folder).iterdir()) == []


def test_backup_without_room_is_refused(desk, monkeypatch):
    monkeypatch.setattr("core.storage.backup.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 9))

    with pytest.raises(StorageUnwritable, match="MB free"):
        make_backup(desk.folder, _key(desk), NOW)

    assert list(backups_of(desk.folder).iterdir()) == []


def test_backup_into_a_folder_that_is_a_file_is_refused(desk):
    backups_of(desk.folder).parent.mkdir()
    backups_of(desk.folder).write_text("in the way")

    with pytest.raises(StorageUnwritable, match="no backup was made"):
        make_backup(desk.folder, _key(desk), NOW)


def test_copy_with_a_row_less_is_no_backup(desk, monkeypatch):
    contents = backup._contents
    monkeypatch.setattr(backup, "_contents", lambda each, schema: (schema, contents(each, schema)))

    with pytest.raises(DatabaseDamaged, match="other tables or rows"):
        make_backup(desk.folder, _key(desk), NOW)

    assert list(backups_of(desk.folder).iterdir()) == []


def test_viewer_makes_no_backup(run: Run, desk):
    key = _key(desk)
    vault.add_slot(desk.folder, key, "sam", OTHER, cost=CHEAP)

    code, _, err = run("backup", "create", by=OTHER)

    assert (code, backups_of(desk.folder).exists()) == (1, False), err


def test_backups_of_one_second_stand_beside_each_other_and_what_was_left_over_is_cleared(desk):
    key = _key(desk)
    where = backups_of(desk.folder)
    (where / ".making-dead").mkdir(parents=True)

    first, second = make_backup(desk.folder, key, NOW), make_backup(desk.folder, key, NOW)

    assert (first.path.name, second.path.name) == ("desk-20260105T120000Z.zip", "desk-20260105T120001Z.zip")
    assert set(where.iterdir()) == {first.path, second.path}


async def _hammer(desk: profiles.Profile, key: vault.Key, enough: threading.Event) -> int:
    store = open_store(desk.database, key, create=False)
    written = 0

    def work(number: int):
        def run(uow) -> None:
            ledger.append(uow, AuditDraft(AuditAction.SETTING_CHANGED, DESK, str(number)), NOW)
            uow.save_setting("number", str(number))

        return run

    while not enough.is_set():
        written += 1
        await store.write(work(written))
    await store.close_async()
    return written


@pytest.mark.parametrize("turn", range(3))
def test_backup_during_heavy_writes_equals_a_committed_state(run: Run, desk, tmp_path, turn):
    key = _key(desk)
    enough = threading.Event()
    counts: list[int] = []
    writer = threading.Thread(target=lambda: counts.append(asyncio.run(_hammer(desk, key, enough))))
    writer.start()
    try:
        made = [make_backup(desk.folder, key, NOW) for _ in range(2)]
    finally:
        enough.set()
        writer.join()

    for each in made:
        folder = tmp_path / each.path.stem
        folder.mkdir()
        with opened(each.path) as archive:
            archive.extract(folder)
        copy = profiles.load_folder(folder)
        newest = _page(copy)[-1]
        assert newest[1] in {"desk", _settings(copy).get("number")}
    assert counts[0] > made[1].manifest.head.seq - 2 >= made[0].manifest.head.seq - 2


def _settings(desk: profiles.Profile) -> dict[str, str]:
    async def read():
        store = open_store(desk.database, _key(desk), create=False)
        found = await store.read(lambda reader: dict(reader.settings()))
        await store.close_async()
        return found

    return asyncio.run(read())


def _seal(desk: profiles.Profile) -> Path:
    async def main() -> None:
        store = open_store(desk.database, _key(desk), create=False)
        journal = AuditJournal(store, ManualClock(), Bus(), desk.emergency)
        sealer = Sealer(store, journal, SegmentFiles(desk.folder / FOLDER))
        await sealer.run(datetime(2099, 1, 1, tzinfo=UTC), datetime(2099, 1, 2, tzinfo=UTC), DESK)
        await store.close_async()

    asyncio.run(main())
    (path,) = (desk.folder / FOLDER).iterdir()
    return path


def test_sealed_records_are_in_the_backup_with_their_archive(run: Run, desk, tmp_path):
    archived = _seal(desk)

    run("backup", "create")
    path = _only(desk)
    code, out, err = run("backup", "verify", path)

    with zipfile.ZipFile(path) as archive:
        assert archive.read(f"archive/{archived.name}") == archived.read_bytes()
    assert (code, "holds: 9 files" in out) == (0, True), err
    shutil.rmtree(desk.folder)
    assert run("backup", "restore", path)[0] == 0
    assert (desk.folder / FOLDER / archived.name).stat().st_mode & 0o777 == 0o600
    assert run("audit", "verify")[0] == 0


def test_archive_that_is_not_the_sealed_one_lets_no_backup_be_made(run: Run, desk):
    archived = _seal(desk)
    archived.write_bytes(archived.read_bytes()[:-1] + b"x")

    code, _, err = run("backup", "create")

    assert (code, archived.name in err) == (4, True)
    assert list(backups_of(desk.folder).iterdir()) == []


def test_profile_that_is_open_is_not_backed_up_and_it_says_how_to(run: Run, desk):
    with ProfileLock(desk.lock):
        code, _, err = run("backup", "create")

    assert code == 5
    assert "is open in another instance" in err
    assert "Back up now (Ctrl+Shift+S) in its window, or POST /v1/backups" in err
    assert not backups_of(desk.folder).exists()
