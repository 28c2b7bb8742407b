"""What can be wrong with a database file: each its own error, and nothing is ever overwritten."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import sqlcipher3.dbapi2

from core.audit import ledger
from core.clock import ManualClock
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft
from core.errors import (
    AuditUnwritable,
    DatabaseDamaged,
    DatabaseMissing,
    NotADatabase,
    Refused,
    StorageError,
    StorageUnwritable,
)
from core.storage import vault
from core.storage.engine import PAGE_BYTES
from core.storage.store import SqlStore, open_store

CANARY = "canary-7f3a91"
DESK = Actor(CANARY, "trader", Origin.DESK, CANARY)


@pytest.fixture
def key(tmp_path: Path) -> vault.Key:
    return vault.create(tmp_path, None)


@pytest.fixture
async def path(tmp_path: Path, key: vault.Key) -> Path:
    made = tmp_path / "profile" / "a.db"
    made.parent.mkdir()
    store = open_store(made, key, create=True)
    await store.write(_fill)
    await store.close_async()
    return made


def _fill(uow) -> None:
    for number in range(20):
        uow.save_setting(f"{CANARY}-{number}", '"' + CANARY * 100 + '"')
    ledger.append(uow, AuditDraft(AuditAction.PROGRAM_STARTED, DESK, CANARY), ManualClock().now())


def _bytes(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.iterdir()}


def _refused(path: Path, key: vault.Key, kind: type[StorageError], words: str) -> None:
    before = _bytes(path)

    with pytest.raises(StorageError, match=words) as refused:
        open_store(path, key, create=False)

    assert type(refused.value) is kind
    assert _bytes(path) == before


def test_missing_file_is_a_loss_and_is_not_made_anew(path: Path, key):
    path.unlink()

    _refused(path, key, DatabaseMissing, "not there")


def test_plain_sqlite_in_its_place_is_not_a_database_of_ours(path: Path, key):
    path.unlink()
    plain = sqlcipher3.dbapi2.connect(str(path))
    plain.execute("CREATE TABLE a (b)")
    plain.close()

    _refused(path, key, NotADatabase, "plain SQLite")


def test_text_in_its_place_is_not_a_database(path: Path, key):
    path.write_text("date,open,high\n" * 1000)

    _refused(path, key, NotADatabase, "text file")


def test_folder_in_its_place_is_not_a_database(path: Path, key):
    path.unlink()
    path.mkdir()

    with pytest.raises(NotADatabase, match="folder"):
        open_store(path, key, create=False)


def test_key_of_another_profile_and_a_damaged_first_page_are_told_together(path: Path, key, tmp_path):
    _refused(
        path, vault.create(tmp_path, None), DatabaseDamaged, "first page is damaged, or the file belongs to"
    )

    _flip(path, 100)
    _refused(path, key, DatabaseDamaged, "first page is damaged, or the file belongs to")


def _flip(path: Path, offset: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[offset] ^= 1
    path.write_bytes(raw)


def test_one_flipped_bit_is_found_and_its_page_is_named(path: Path, key):
    pages = path.stat().st_size // PAGE_BYTES
    whole = path.read_bytes()

    for page in range(2, pages + 1):
        _flip(path, (page - 1) * PAGE_BYTES + 17)
        _refused(path, key, DatabaseDamaged, rf"page {page}\b")
        path.write_bytes(whole)


def test_file_cut_within_a_page_is_damage(path: Path, key):
    os.truncate(path, path.stat().st_size - 100)

    _refused(path, key, DatabaseDamaged, "cut off")


def test_file_cut_between_pages_is_damage(path: Path, key):
    os.truncate(path, path.stat().st_size - 3 * PAGE_BYTES)

    _refused(path, key, DatabaseDamaged, "damaged")


def test_empty_file_is_damage(path: Path, key):
    os.truncate(path, 0)

    _refused(path, key, DatabaseDamaged, "cut off")


def _spoil_all_but_the_first_page(path: Path) -> None:
    with path.open("r+b") as file:
        for start in range(PAGE_BYTES, path.stat().st_size, PAGE_BYTES):
            file.seek(start + 17)
            file.write(b"\0\0")


async def test_page_that_is_damaged_while_open_is_named(path: Path, key):
    store = open_store(path, key, create=False)
    _spoil_all_but_the_first_page(path)

    with pytest.raises(DatabaseDamaged, match="page 2"):
        await store.read(lambda r: (r.settings(), r.positions()))
    await store.close_async()


def test_create_over_an_existing_file_is_refused(path: Path, key):
    before = _bytes(path)

    with pytest.raises(Refused, match="nothing was overwritten"):
        open_store(path, key, create=True)

    assert _bytes(path) == before


def test_create_in_a_folder_that_is_not_there_is_unwritable(tmp_path: Path, key):
    with pytest.raises(StorageUnwritable):
        open_store(tmp_path / "absent" / "a.db", key, create=True)


def test_create_after_an_interrupted_one_starts_anew(tmp_path: Path, key):
    (tmp_path / "a.db.partial").write_bytes(b"half")

    open_store(tmp_path / "a.db", key, create=True).close()

    assert {file.name for file in tmp_path.iterdir()} == {"a.db"}


async def _full(store: SqlStore, pages: int) -> None:
    await store.write(lambda u: u._connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}"))


async def test_full_disk_writes_nothing_and_the_next_write_finds_room(path: Path, key):
    store = open_store(path, key, create=False)
    await _full(store, 1)
    head = await store.read(lambda r: r.audit_head())

    with pytest.raises(StorageUnwritable, match="full"):
        await store.write(lambda u: (u.save_setting("first", "1"), u.save_setting("big", "x" * 200_000)))
    with pytest.raises(AuditUnwritable):
        await store.write(
            lambda u: ledger.append(
                u,
                AuditDraft(AuditAction.ORDER_PREPARED, DESK, "y", payload="x" * 200_000),
                ManualClock().now(),
            )
        )
    assert "first" not in await store.read(lambda r: r.settings())
    assert await store.read(lambda r: r.audit_head()) == head

    await _full(store, 100_000)
    await store.write(lambda u: u.save_setting("big", "x" * 200_000))
    await store.close_async()


CHILD = """
import asyncio, os, resource, sys
from pathlib import Path
from core.errors import StorageError
from core.storage.store import open_store
from core.storage.vault import Key

how, path, key = sys.argv[1], Path(sys.argv[2]), Key(bytes.fromhex(sys.argv[3]))
if how == "nobody":
    os.setgid(65534)
    os.setuid(65534)

async def main():
    if how == "create":
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
        open_store(path, key, create=True)
    store = open_store(path, key, create=False)
    if how == "fsize":
        # The log may not grow past this, nor may anything else: a write then fails with EFBIG.
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
    await store.write(lambda u: u.save_setting("first", "1"))
    await store.write(lambda u: u.save_setting("big", "x" * 500_000))

try:
    asyncio.run(main())
except StorageError as error:
    print(type(error).__name__, error)
"""


def _child(how: str, path: Path, key: vault.Key) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, how, str(path), key.reveal().hex()],
        capture_output=True, text=True, timeout=60, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    return done.stdout


async def test_write_that_the_system_cuts_short_is_unwritable_and_what_was_committed_stays(path: Path, key):
    assert _child("fsize", path, key).startswith("StorageUnwritable")

    store = open_store(path, key, create=False)
    settings = await store.read(lambda r: r.settings())
    await store.close_async()
    assert (settings["first"], "big" in settings, len(settings)) == ("1", False, 21)


def test_create_without_room_leaves_no_database(tmp_path: Path, key):
    assert _child("create", tmp_path / "new.db", key).startswith("StorageUnwritable")

    assert not (tmp_path / "new.db").exists()


def test_folder_without_write_permission_is_unwritable(key):
    # Root passes every permission, so the child becomes somebody else where it can.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        open_store(folder / "a.db", key, create=True).close()
        before = (folder / "a.db").read_bytes()
        (folder / "a.db").chmod(0o444)
        folder.chmod(0o555)

        said = _child("nobody" if os.geteuid() == 0 else "as-is", folder / "a.db", key)

        folder.chmod(0o755)
        assert said.startswith("StorageUnwritable")
        assert (folder / "a.db").read_bytes() == before
        assert {file.name for file in folder.iterdir()} == {"a.db"}


async def test_no_plain_text_reaches_the_disk(tmp_path: Path, key):
    store = open_store(tmp_path / "a.db", key, create=True)
    await store.write(_fill)
    while_open = _bytes(store.path)
    await store.close_async()

    for name, raw in {**{f"open {n}": r for n, r in while_open.items()}, **_bytes(store.path)}.items():
        assert CANARY.encode() not in raw, name
        assert key.reveal() not in raw, name
        assert b"CREATE TABLE" not in raw, name
    assert "a.db-wal" in while_open
