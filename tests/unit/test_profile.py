"""Profiles on disk: made whole or not at all, found again, never overwritten."""

import asyncio
import os
import stat
from pathlib import Path

import pytest

from app import profile as profiles
from app.instance import ProfileLock
from app.sessions import ThrowawayFolder
from core.access.users import role_of
from core.domain.access import Mode, Role
from core.domain.messages import KeepProfile
from core.errors import (
    DatabaseMissing,
    ProfileInUse,
    RefusalCode,
    Refused,
    SettingInvalid,
    StorageUnwritable,
    WrongPassphrase,
)
from core.settings import BrokerName
from core.storage import engine, migration, vault
from core.storage.store import open_store
from tests.unit.test_vault import FIRST_FORMAT, FIRST_KEY

PASSPHRASE = "correct horse battery"
CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)


def _create(root: Path, name: str = "desk", **more) -> profiles.Profile:
    return profiles.create(root, name, PASSPHRASE, cost=CHEAP, **more)


def _files(root: Path) -> dict[str, bytes]:
    return {str(each.relative_to(root)): each.read_bytes() for each in root.rglob("*") if each.is_file()}


def test_created_profile_opens_with_its_passphrase(tmp_path: Path):
    made = _create(tmp_path)

    opened = profiles.open_profile(made.folder, PASSPHRASE)

    assert (opened.profile, opened.unlocked.user) == (made, profiles.OWNER)
    opened.store.close()
    opened.lock.release()


def test_created_profile_is_the_owners_alone(tmp_path: Path):
    made = _create(tmp_path / "root")

    modes = {stat.S_IMODE(each.stat().st_mode) for each in made.folder.iterdir()}
    assert modes == {0o600}
    for folder in (made.folder, made.folder.parent, tmp_path / "root"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {each.name for each in made.folder.iterdir()} == {"profile.toml", "keys.json", "investiq.db"}


def test_created_paper_profile_has_the_vendor_for_broker(tmp_path: Path):
    made = _create(tmp_path, mode=Mode.PAPER)

    assert (made.settings.mode, made.settings.broker) == (Mode.PAPER, BrokerName.ALPACA)


def test_profile_of_a_taken_name_is_refused_and_the_first_is_as_it_was(tmp_path: Path):
    _create(tmp_path)
    before = _files(tmp_path)

    with pytest.raises(Refused, match="nothing was overwritten") as refused:
        _create(tmp_path)

    assert refused.value.code is RefusalCode.NAME_TAKEN
    assert _files(tmp_path) == before


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".last", "-x", "x ", "x" * 33, "a\nb", "é"])
def test_name_that_cannot_be_a_folder_is_refused(tmp_path: Path, name):
    with pytest.raises(Refused):
        _create(tmp_path, name)
    with pytest.raises(Refused):
        profiles.load(tmp_path, name)

    assert not list(tmp_path.iterdir())


def test_creation_that_cannot_be_is_refused_and_leaves_nothing(tmp_path: Path):
    with pytest.raises(Refused, match="15 characters"):
        profiles.create(tmp_path, "desk", "short")
    with pytest.raises(SettingInvalid, match="does not go with"):
        _create(tmp_path, mode=Mode.LIVE, broker=BrokerName.SIMULATOR)

    assert not list(tmp_path.iterdir())


def test_creation_whose_database_fails_leaves_no_folder(tmp_path: Path, monkeypatch):
    def full(*_args: object, **_more: object) -> None:
        raise StorageUnwritable("full")

    monkeypatch.setattr("core.storage.store.open_store", full)
    with pytest.raises(StorageUnwritable):
        _create(tmp_path)

    assert not list((tmp_path / "profiles").iterdir())


def test_data_folder_that_is_a_file_is_unwritable(tmp_path: Path):
    (tmp_path / "root").write_text("x")

    with pytest.raises(StorageUnwritable):
        _create(tmp_path / "root")
    with pytest.raises(StorageUnwritable):
        profiles.names(tmp_path / "root")


def test_names_list_profiles_only(tmp_path: Path):
    assert profiles.names(tmp_path) == ()
    _create(tmp_path, "b")
    _create(tmp_path, "a b")
    (tmp_path / "profiles" / "empty").mkdir()
    (tmp_path / "profiles" / ".demo-x").mkdir()

    assert profiles.names(tmp_path) == ("a b", "b")


def test_last_used_profile_is_remembered_while_it_is_there(tmp_path: Path):
    assert profiles.last_used(tmp_path) is None
    made = _create(tmp_path)
    profiles.note_used(tmp_path, "desk")

    assert profiles.last_used(tmp_path) == "desk"
    (made.folder / "profile.toml").unlink()
    assert profiles.last_used(tmp_path) is None


def test_absent_profile_is_refused_with_those_that_are_there(tmp_path: Path):
    _create(tmp_path)

    with pytest.raises(Refused, match="desk") as refused:
        profiles.load(tmp_path, "other")

    assert refused.value.code is RefusalCode.NOT_FOUND


def test_folder_with_settings_only_is_a_new_profile_and_is_made(tmp_path: Path):
    (tmp_path / "profile.toml").write_text("")

    opened = profiles.open_profile(tmp_path, PASSPHRASE)
    opened.store.close()
    opened.lock.release()

    assert vault.unlock(tmp_path, PASSPHRASE).user == profiles.OWNER
    with pytest.raises(WrongPassphrase):
        profiles.open_profile(tmp_path, "another horse battery")


@pytest.mark.parametrize("trace", ["exchange.ledger", "emergency.jsonl"])
def test_missing_database_where_there_was_use_is_a_loss(tmp_path: Path, trace):
    (tmp_path / "profile.toml").write_text("")
    (tmp_path / trace).write_text("x")

    with pytest.raises(DatabaseMissing):
        profiles.open_profile(tmp_path, PASSPHRASE)

    assert not (tmp_path / "investiq.db").exists()


def test_missing_database_beside_its_keys_is_a_loss(tmp_path: Path):
    made = _create(tmp_path)
    made.database.unlink()

    with pytest.raises(DatabaseMissing):
        profiles.open_profile(made.folder, PASSPHRASE)

    assert not made.database.exists()


def test_new_profile_without_a_passphrase_is_locked(tmp_path: Path):
    (tmp_path / "profile.toml").write_text("")

    with pytest.raises(WrongPassphrase):
        profiles.open_profile(tmp_path, None)

    assert not (tmp_path / "keys.json").exists()


def test_open_profile_is_refused_to_a_second_until_the_first_lets_go(tmp_path: Path):
    made = _create(tmp_path)
    opened = profiles.open_profile(made.folder, PASSPHRASE)

    with pytest.raises(ProfileInUse, match=str(os.getpid())):
        profiles.open_profile(made.folder, PASSPHRASE)
    opened.store.close()
    opened.lock.release()
    again = profiles.open_profile(made.folder, PASSPHRASE)
    again.store.close()
    again.lock.release()


def test_failed_opening_lets_go_of_the_lock(tmp_path: Path):
    made = _create(tmp_path)

    with pytest.raises(WrongPassphrase):
        profiles.open_profile(made.folder, "another horse battery")

    ProfileLock(made.lock).release()


def test_lock_in_a_folder_that_is_gone_is_unwritable(tmp_path: Path):
    with pytest.raises(StorageUnwritable):
        ProfileLock(tmp_path / "absent" / "lock")


async def test_kept_demo_opens_as_a_profile_once_moved(tmp_path: Path):
    folder = tmp_path / "demo-1"
    folder.mkdir()
    key = vault.create(folder, None)
    store = open_store(folder / "investiq.db", key, create=True)
    await store.write(lambda uow: uow.save_setting("mine", "1"))

    target = profiles.keep_profile(tmp_path, folder, KeepProfile("mine", PASSPHRASE), key)
    await store.close_async()
    target.parent.mkdir()
    folder.rename(target)

    opened = await asyncio.to_thread(profiles.open_profile, target, PASSPHRASE)
    assert await opened.store.read(lambda reader: reader.settings()) == {"mine": "1"}
    await opened.store.close_async()
    opened.lock.release()
    assert profiles.names(tmp_path) == ("mine",)


async def test_kept_demo_has_its_owner_for_administrator(tmp_path: Path):
    folder = ThrowawayFolder(tmp_path)
    key = vault.create(folder.path, None)
    store = open_store(folder.path / "investiq.db", key, create=True, owner=profiles.OWNER)

    users = await store.read(lambda reader: reader.users())
    await store.close_async()
    folder.end()

    assert [(each.name, each.role) for each in users] == [("owner", "admin")]


@pytest.mark.parametrize("name", ["walnut", "ceiling walnut"])
def test_passphrase_made_of_the_profiles_name_is_refused(tmp_path: Path, name):
    with pytest.raises(Refused) as refused:
        profiles.create(tmp_path, name, f"{name} {name} {name} 123", cost=CHEAP)

    assert refused.value.code is RefusalCode.WEAK_PASSPHRASE
    assert not list(tmp_path.iterdir())


def test_demo_kept_under_a_taken_name_or_twice_is_refused(tmp_path: Path):
    _create(tmp_path)
    folder = tmp_path / "demo-1"
    folder.mkdir()
    key = vault.create(folder, None)

    with pytest.raises(Refused):
        profiles.keep_profile(tmp_path, folder, KeepProfile("desk", PASSPHRASE), key)
    with pytest.raises(Refused):
        profiles.keep_profile(tmp_path, folder, KeepProfile("mine", "short"), key)
    assert not list(folder.iterdir())
    profiles.keep_profile(tmp_path, folder, KeepProfile("mine", PASSPHRASE), key)
    with pytest.raises(Refused):
        profiles.keep_profile(tmp_path, folder, KeepProfile("other", PASSPHRASE), key)


def test_data_folder_is_the_option_then_the_variable_then_the_platforms(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    variables = {"INVESTIQ_DATA_DIR": str(tmp_path / "b")}

    assert profiles.data_dir(tmp_path / "a", variables) == tmp_path / "a"
    assert profiles.data_dir(None, variables) == tmp_path / "b"
    assert profiles.data_dir(None, {}).name == "InvestIQ"


def test_profile_of_the_first_version_opens_with_its_owner_for_administrator(tmp_path: Path):
    folder = tmp_path / "profiles" / "desk"
    folder.mkdir(parents=True)
    (folder / "profile.toml").write_text("")
    (folder / "keys.json").write_text(FIRST_FORMAT)
    maker = engine.building_engine(folder / "investiq.db", FIRST_KEY)
    with maker.connect() as connection:
        migration.upgrade(connection, "0001")
        with connection.begin():
            connection.exec_driver_sql("INSERT INTO meta VALUES (1, 'first', 0)")
    maker.dispose()

    opened = profiles.open_profile(folder, PASSPHRASE)
    users = asyncio.run(opened.store.read(lambda reader: reader.users()))
    opened.store.close()
    opened.lock.release()

    assert (opened.key, role_of(users, opened.unlocked.user)) == (FIRST_KEY, Role.ADMIN)
    assert vault.generation(folder) == 1
    assert vault.unlock(folder, PASSPHRASE).key == FIRST_KEY
    vault.add_slot(folder, FIRST_KEY, "sam", "staple of another user", cost=CHEAP)
