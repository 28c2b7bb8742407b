"""A profile is a folder: carried to another computer it opens with its passphrase, and with nothing else."""

import shutil

import pytest

from app import profile as profiles
from core.adapters import keychain
from core.errors import WrongPassphrase
from core.storage import vault
from tests.fakes.desk_files import CHEAP, PASSPHRASE, Run, runner


@pytest.fixture
def run(tmp_path, monkeypatch, capsys) -> Run:
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(None, "none here"))
    return runner(tmp_path, monkeypatch, capsys)


@pytest.fixture
def carried(tmp_path) -> profiles.Profile:
    """Make a profile on one computer, and copy its folder to the data folder of another."""
    made = profiles.create(tmp_path / "first", "desk", PASSPHRASE, cost=CHEAP)
    shutil.copytree(made.folder, tmp_path / "root" / "profiles" / "desk")
    shutil.rmtree(tmp_path / "first")
    return profiles.load(tmp_path / "root", "desk")


def test_carried_profile_opens_with_its_passphrase_where_there_is_no_keyring(run: Run, carried):
    opened = profiles.open_profile(carried.folder, PASSPHRASE)
    opened.store.close()
    opened.lock.release()

    assert run("audit", "verify")[0] == 0
    assert run("db", "current")[0] == 0


def test_carried_profile_does_not_open_with_another_or_with_none(carried):
    with pytest.raises(WrongPassphrase):
        profiles.open_profile(carried.folder, "not the passphrase of it")
    with pytest.raises(WrongPassphrase):
        profiles.open_profile(carried.folder, None)


def test_profile_that_a_keyring_opened_needs_the_passphrase_on_another_computer(carried):
    vault.add_keyring(carried.folder, vault.unlock(carried.folder, PASSPHRASE))

    with pytest.raises(WrongPassphrase):
        profiles.unlock(carried, None)
    assert profiles.unlock(carried, PASSPHRASE).user == profiles.OWNER
