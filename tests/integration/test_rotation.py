"""Another raw key: everything that was sealed under the old one opens under the new; no more changed."""

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.audit import ledger
from core.audit.verify import Verifier
from core.clock import ManualClock
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft
from core.domain.credentials import SecretName, lines
from core.errors import DatabaseDamaged, Refused, StorageError, StorageUnwritable, WrongPassphrase
from core.storage import private_file, rotation, vault
from core.storage.anchors import find_signing_key, signing_key
from core.storage.secrets import SecretFile
from core.storage.store import open_store
from core.storage.vault import Key

CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
PASSPHRASE, OTHER = "correct horse battery", "staple of another user"
DESK = Actor("desk", "admin", Origin.DESK, "s1")
NOW = datetime(2026, 1, 5, tzinfo=UTC)
PAIR = lines("PKTESTKEYID0001", "aSecretOfSomeLength")
ROWS = 40


def _fill(path: Path, key: Key, count: int, word: str = "row") -> None:
    async def main() -> None:
        store = open_store(path, key, create=False)

        def work(uow) -> None:
            if uow.audit_head().seq == 0:
                ledger.append(uow, ledger.genesis(store.installation_id, store.created_at_us, DESK), NOW)
            for number in range(count):
                ledger.append(uow, AuditDraft(AuditAction.PROGRAM_STARTED, DESK, f"{word} {number}"), NOW)
            uow.save_setting("layout", '{"a": 1}')

        await store.write(work)
        await store.close_async()

    asyncio.run(main())


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pattern")
    key = vault.create(folder, PASSPHRASE, cost=CHEAP)
    vault.add_slot(folder, key, "bob", OTHER, cost=CHEAP)
    open_store(folder / "investiq.db", key, create=True).close()
    SecretFile(folder, key, ManualClock()).set(SecretName.ALPACA_PAPER, PAIR)
    signing_key(folder, key)
    _fill(folder / "investiq.db", key, ROWS)
    return folder


@pytest.fixture
def folder(pattern: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pattern, tmp_path / "desk"))


def _note(path: Path, key: Key) -> None:
    _fill(path, key, 1, "rotated")


def _rotate(folder: Path, key: Key, **more: object) -> Key:
    return rotation.rotate(folder, folder / "investiq.db", key, NOW, _note, **more)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def _report(folder: Path, key: Key):
    store = open_store(folder / "investiq.db", key, create=False)
    try:
        return await Verifier(store).verify(), await store.read(lambda reader: reader.settings())
    finally:
        await store.close_async()


def test_rotated_profile_opens_under_the_new_key_for_every_user(folder):
    old = vault.unlock(folder, PASSPHRASE).key
    public = find_signing_key(folder, old).public_key

    new = _rotate(folder, old)

    assert new != old
    assert vault.unlock(folder, PASSPHRASE) == vault.Unlocked("owner", new)
    assert vault.unlock(folder, OTHER) == vault.Unlocked("bob", new)
    assert SecretFile(folder, new, ManualClock()).get(SecretName.ALPACA_PAPER).text == PAIR
    assert find_signing_key(folder, new).public_key == public
    report, settings = asyncio.run(_report(folder, new))
    assert (report.faults, report.head.seq, settings) == ((), ROWS + 2, {"layout": '{"a": 1}'})
    assert {path.name for path in folder.iterdir()} == {
        "investiq.db", "keys.json", "secrets.enc", "anchor.key", "anchors.jsonl",
    }  # fmt: skip


def test_old_key_opens_nothing_any_more(folder):
    old = vault.unlock(folder, PASSPHRASE).key

    _rotate(folder, old)

    with pytest.raises(DatabaseDamaged):
        open_store(folder / "investiq.db", old, create=False)
    with pytest.raises(DatabaseDamaged):
        SecretFile(folder, old, ManualClock()).get(SecretName.ALPACA_PAPER)
    with pytest.raises(DatabaseDamaged):
        find_signing_key(folder, old)


def test_user_who_is_left_out_can_neither_open_with_the_passphrase_nor_with_an_old_key_file(folder, tmp_path):
    stolen = (folder / "keys.json").read_bytes()
    old = vault.unlock(folder, PASSPHRASE).key

    _rotate(folder, old, without="bob")

    with pytest.raises(WrongPassphrase):
        vault.unlock(folder, OTHER)
    (folder / "keys.json").write_bytes(stolen)
    with pytest.raises(DatabaseDamaged):
        open_store(folder / "investiq.db", vault.unlock(folder, OTHER).key, create=False)


def test_rotation_without_credentials_or_signing_key_makes_none(folder):
    old = vault.unlock(folder, PASSPHRASE).key
    for name in ("secrets.enc", "anchor.key", "anchors.jsonl"):
        (folder / name).unlink()

    _rotate(folder, old)

    assert {path.name for path in folder.iterdir()} == {"investiq.db", "keys.json"}


def test_rotation_twice_goes_on_from_the_first(folder):
    first = _rotate(folder, vault.unlock(folder, PASSPHRASE).key)

    second = _rotate(folder, first)

    assert vault.unlock(folder, PASSPHRASE).key == second
    assert vault.generation(folder) == 3
    assert vault.ages(folder).data_key == NOW


def _broken_note(path: Path, key: Key) -> None:
    raise StorageUnwritable("full")


def test_rotation_that_fails_leaves_every_byte_as_it_was(folder, monkeypatch):
    old = vault.unlock(folder, PASSPHRASE).key
    before = _files(folder)

    with pytest.raises(StorageUnwritable):
        rotation.rotate(folder, folder / "investiq.db", old, NOW, _broken_note)
    assert _files(folder) == before
    monkeypatch.setattr(
        "core.storage.rotation.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 9)
    )
    with pytest.raises(StorageUnwritable, match="MB free"):
        _rotate(folder, old)

    assert _files(folder) == before


def test_rotation_of_a_damaged_database_is_refused_and_changes_nothing(folder):
    old = vault.unlock(folder, PASSPHRASE).key
    path = folder / "investiq.db"
    with path.open("r+b") as file:
        file.seek(5 * 4096 + 100)
        file.write(b"\0" * 8)
    before = _files(folder)

    with pytest.raises(DatabaseDamaged):
        _rotate(folder, old)

    assert _files(folder) == before


def test_copy_with_a_row_less_is_found_before_anything_is_decided(folder, monkeypatch):
    old = vault.unlock(folder, PASSPHRASE).key
    before = _files(folder)
    export = rotation._export

    def lossy(database: Path, key: Key, staged: Path, new: Key) -> None:
        export(database, key, staged, new)
        connection = rotation.engine.raw_connection(staged, new)
        connection.execute("DELETE FROM settings")
        connection.close()

    monkeypatch.setattr(rotation, "_export", lossy)

    with pytest.raises(DatabaseDamaged, match="others"):
        _rotate(folder, old)

    assert _files(folder) == before


def test_disk_that_fails_right_after_the_decision_loses_nothing(folder, monkeypatch):
    old = vault.unlock(folder, PASSPHRASE).key
    real = private_file.sync_folder

    def failing(path: Path) -> None:
        if vault.generation(folder) == 2:
            raise OSError(5, "Input/output error")
        real(path)

    monkeypatch.setattr(private_file, "sync_folder", failing)
    with pytest.raises(StorageUnwritable):
        _rotate(folder, old)
    monkeypatch.setattr(private_file, "sync_folder", real)

    rotation.settle(folder, folder / "investiq.db")

    new = vault.unlock(folder, PASSPHRASE).key
    assert new != old
    assert asyncio.run(_report(folder, new))[0].faults == ()
    assert SecretFile(folder, new, ManualClock()).get(SecretName.ALPACA_PAPER).text == PAIR


def test_wrong_key_rotates_nothing(folder):
    before = _files(folder)

    with pytest.raises(StorageError):
        _rotate(folder, Key(bytes(32)))

    assert _files(folder) == before


def test_files_of_a_rotation_that_was_never_decided_are_cleared_away(folder):
    (folder / "investiq.db.g9").write_bytes(b"x")
    (folder / "secrets.enc.g9").write_bytes(b"x")
    (folder / "notes.g1").write_text("mine")
    key = vault.unlock(folder, PASSPHRASE).key

    rotation.settle(folder, folder / "investiq.db")

    assert not list(folder.glob("*.g9"))
    assert (folder / "notes.g1").read_text() == "mine"
    assert vault.unlock(folder, PASSPHRASE).key == key


def test_key_file_of_the_first_format_is_brought_to_todays_before(folder):
    (folder / "keys.json").write_text(
        '{"format": 1, "slots": [{"user": "owner", "kdf": "argon2id", "memory_kib": 8, "passes": 1, '
        '"lanes": 1, "salt": "trO9QLRlC+3x54Ad2i7gRw==", "nonce": "UcJaet49OBFSrTmU", '
        '"wrapped": "uuwReAd98mw7j+8I/pVUgdKhH/uDQ0eUzCz1pkbapcuzgt6rMwlSWW4Qz6uHrtoG"}]}'
    )

    with pytest.raises(Refused, match="open the profile once"):
        _rotate(folder, Key(bytes(range(32))))
