"""Every schema that was released is upgraded with its rows, after a backup that brings it back."""

import json
from pathlib import Path

import pytest

from app import profile as profiles
from app.backing_up import backups_of
from core.adapters import keychain
from core.errors import DatabaseDamaged
from core.storage import engine, migration, vault
from core.storage.backup_archive import opened
from tests.fakes.desk_files import CHEAP, PASSPHRASE, Run, files_of, key_of, records_of, runner
from tests.fakes.old_schemas import RECORDS, REVISIONS, build, contents

OLD = REVISIONS[:-1]


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch) -> None:
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(None, "none here"))


@pytest.fixture
def run(tmp_path: Path, monkeypatch, capsys) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


def _desk(root: Path, revision: str):
    folder = root / "profiles" / "desk"
    folder.mkdir(parents=True)
    (folder / "profile.toml").write_text('[account]\nmode = "sim"\nbroker = "simulator"\n')
    key = vault.create(folder, PASSPHRASE, cost=CHEAP)
    rows = build(folder / "investiq.db", key, revision)
    return profiles.load(root, "desk"), rows


def _contents(path: Path, key: vault.Key):
    reading = engine.reading_engine(path, key)
    with reading.connect() as connection:
        found = contents(connection), migration.current(connection)
    reading.dispose()
    return found


def _is_in(old: dict[str, object], new: list[dict[str, object]]) -> bool:
    return any(old.items() <= row.items() for row in new)


def test_newest_revision_is_the_programs_own():
    assert REVISIONS[-1] == migration.HEAD


@pytest.mark.parametrize("revision", OLD)
def test_released_schema_is_upgraded_with_every_row_and_its_chain_holds(run: Run, tmp_path, revision):
    desk, before = _desk(tmp_path / "root", revision)
    assert all(before[name] for name in before if name not in ("users", "audit_segments"))

    code, out, _ = run("db", "upgrade")

    after, found = _contents(desk.database, key_of(desk))
    assert (code, found, f"schema {revision} upgraded" in out) == (0, migration.HEAD, True)
    for name, rows in before.items():
        assert all(_is_in(row, after[name]) for row in rows), name
    records = records_of(desk)
    assert [each.action for each in records[RECORDS:]] == ["backup.made", "schema.upgraded"]
    assert json.loads(records[-1].payload)["before"] == revision
    assert run("db", "current")[1].startswith(f"schema {migration.HEAD},")


@pytest.mark.parametrize("revision", OLD)
def test_backup_of_before_an_upgrade_has_the_old_schema_and_is_restored(run: Run, tmp_path, revision):
    desk, _ = _desk(tmp_path / "root", revision)
    assert run("db", "upgrade")[0] == 0
    (path,) = backups_of(desk.folder).glob("*.zip")
    with opened(path) as archive:
        assert archive.manifest.schema == revision

    code, _, err = run("backup", "restore", path)

    assert code == 0, err
    assert records_of(desk)[-1].action == "restored"
    assert run("audit", "verify")[0] == 0


def test_upgrade_of_a_schema_that_is_current_does_nothing(run: Run, tmp_path):
    profiles.create(tmp_path / "root", "desk", PASSPHRASE, cost=CHEAP)

    code, out, _ = run("db", "upgrade")

    assert (code, "nothing was done" in out) == (0, True)
    assert not (tmp_path / "root" / "backups").exists()


def test_profile_of_an_older_schema_is_backed_up_when_it_is_opened(tmp_path):
    desk, _ = _desk(tmp_path / "root", OLD[0])

    opened_one = profiles.open_profile(desk.folder, PASSPHRASE)
    opened_one.store.close()
    opened_one.lock.release()

    assert len(list(backups_of(desk.folder).glob("*.zip"))) == 1
    assert _contents(desk.database, key_of(desk))[1] == migration.HEAD


def test_upgrade_without_a_backup_is_none(run: Run, tmp_path):
    desk, _ = _desk(tmp_path / "root", OLD[0])
    backups_of(desk.folder).parent.mkdir()
    backups_of(desk.folder).write_text("in the way")
    before = files_of(desk.folder)

    assert run("db", "upgrade")[0] == 6

    after = files_of(desk.folder)
    assert {name: after[name] for name in before} == before


def test_upgrade_that_fails_fails_on_the_copy_and_touches_no_byte(run: Run, tmp_path, monkeypatch):
    desk, _ = _desk(tmp_path / "root", OLD[0])
    before = desk.database.read_bytes()

    def broken(connection, *_) -> None:
        raise DatabaseDamaged("rows would point nowhere")

    monkeypatch.setattr(migration, "upgrade", broken)

    assert run("db", "upgrade")[0] == 4
    assert desk.database.read_bytes() == before
    assert not list(backups_of(desk.folder).iterdir())


def test_newer_schema_is_refused_without_a_byte_touched_or_a_backup_made(run: Run, tmp_path):
    desk = profiles.create(tmp_path / "root", "desk", PASSPHRASE, cost=CHEAP)
    writer = engine.writing_engine(desk.database, key_of(desk))
    with writer.connect() as connection, connection.begin():
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    writer.dispose()
    before = desk.database.read_bytes()

    assert [run(*words.split())[0] for words in ("db upgrade", "db current", "backup create")] == [7, 7, 7]

    assert desk.database.read_bytes() == before
    assert not (tmp_path / "root" / "backups").exists()
