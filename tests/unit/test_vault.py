"""The key: wrapped for each user, shown to nobody, written whole or not at all."""

import json
import pickle
import stat
from pathlib import Path

import pytest

from core.errors import (
    DatabaseDamaged,
    DatabaseMissing,
    RefusalCode,
    Refused,
    StorageUnwritable,
    WrongPassphrase,
)
from core.storage import vault

CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
PASSPHRASE = "correct horse battery"
OTHER = "staple of another user"


def test_created_key_comes_back_with_its_user(tmp_path: Path):
    key = vault.create(tmp_path, PASSPHRASE, "alice", cost=CHEAP)

    assert vault.unlock(tmp_path, PASSPHRASE) == vault.Unlocked("alice", key)


def test_each_user_opens_their_own_slot(tmp_path: Path):
    key = vault.create(tmp_path, PASSPHRASE, cost=CHEAP)
    vault.add_slot(tmp_path, key, "bob", OTHER, cost=CHEAP)

    assert vault.users(tmp_path) == ("owner", "bob")
    assert vault.unlock(tmp_path, OTHER) == vault.Unlocked("bob", key)
    assert vault.unlock(tmp_path, PASSPHRASE).user == "owner"


def test_throwaway_key_is_random_and_leaves_no_file(tmp_path: Path):
    first, second = vault.create(tmp_path, None), vault.create(tmp_path, None)

    assert first != second
    assert list(tmp_path.iterdir()) == []


def test_throwaway_key_can_be_kept_later(tmp_path: Path):
    key = vault.create(tmp_path, None)

    vault.add_slot(tmp_path, key, "owner", PASSPHRASE, cost=CHEAP)

    assert vault.unlock(tmp_path, PASSPHRASE).key == key


@pytest.mark.parametrize("given", [None, "", "correct horse battery ", "Correct horse battery"])
def test_wrong_passphrase_is_told_as_such(tmp_path: Path, given):
    vault.create(tmp_path, PASSPHRASE, cost=CHEAP)

    with pytest.raises(WrongPassphrase):
        vault.unlock(tmp_path, given)


def test_passphrase_of_composed_and_decomposed_letters_is_the_same(tmp_path: Path):
    vault.create(tmp_path, "caf\u00e9 au lait le matin", cost=CHEAP)

    assert vault.unlock(tmp_path, "cafe\u0301 au lait le matin").user == "owner"


def test_short_passphrase_is_refused_and_nothing_is_written(tmp_path: Path):
    with pytest.raises(Refused, match="15") as refused:
        vault.create(tmp_path, "fourteen chars", cost=CHEAP)

    assert refused.value.code is RefusalCode.MALFORMED
    assert list(tmp_path.iterdir()) == []


def test_existing_keys_are_never_overwritten(tmp_path: Path):
    vault.create(tmp_path, PASSPHRASE, cost=CHEAP)
    before = (tmp_path / "keys.json").read_bytes()

    with pytest.raises(Refused, match="exists"):
        vault.create(tmp_path, OTHER, cost=CHEAP)

    assert (tmp_path / "keys.json").read_bytes() == before


@pytest.mark.parametrize(("user", "words"), [("owner", "already"), (" ", "name")])
def test_name_that_is_taken_or_empty_is_refused(tmp_path: Path, user, words):
    key = vault.create(tmp_path, PASSPHRASE, cost=CHEAP)

    with pytest.raises(Refused, match=words):
        vault.add_slot(tmp_path, key, user, OTHER, cost=CHEAP)

    assert vault.users(tmp_path) == ("owner",)


def test_key_file_is_for_its_owner_only_and_leaves_no_temporary(tmp_path: Path):
    vault.create(tmp_path, PASSPHRASE, cost=CHEAP)

    assert [file.name for file in tmp_path.iterdir()] == ["keys.json"]
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600


def test_missing_key_file_is_a_loss(tmp_path: Path):
    assert not vault.has_keys(tmp_path)
    with pytest.raises(DatabaseMissing):
        vault.unlock(tmp_path, PASSPHRASE)


def test_folder_that_takes_no_file_is_told(tmp_path: Path):
    with pytest.raises(StorageUnwritable):
        vault.create(tmp_path / "absent", PASSPHRASE, cost=CHEAP)


def _edited(tmp_path: Path, **changes: object) -> None:
    path = tmp_path / "keys.json"
    found = json.loads(path.read_text())
    found["slots"][0].update(changes)
    path.write_text(json.dumps(found))


@pytest.mark.parametrize("changes", [{"user": "mallory"}, {"passes": 2}, {"memory_kib": 16}])
def test_slot_that_was_renamed_or_weakened_does_not_open(tmp_path: Path, changes):
    vault.create(tmp_path, PASSPHRASE, cost=CHEAP)
    _edited(tmp_path, **changes)

    with pytest.raises(WrongPassphrase):
        vault.unlock(tmp_path, PASSPHRASE)


@pytest.mark.parametrize(
    "changes",
    [
        {"memory_kib": 10**9},
        {"passes": 0},
        {"lanes": 99},
        {"salt": "!"},
        {"wrapped": "AAAA"},
        {"nonce": None},
    ],
)
def test_slot_out_of_range_is_damage_before_it_costs_anything(tmp_path: Path, changes):
    vault.create(tmp_path, PASSPHRASE, cost=CHEAP)
    _edited(tmp_path, **changes)

    with pytest.raises(DatabaseDamaged):
        vault.unlock(tmp_path, PASSPHRASE)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff\xfe", b'{"format": 2, "slots": []}'])
def test_key_file_of_another_kind_is_damage(tmp_path: Path, content):
    (tmp_path / "keys.json").write_bytes(content)

    with pytest.raises(DatabaseDamaged):
        vault.users(tmp_path)


def test_key_never_shows_itself(tmp_path: Path):
    key = vault.Key(bytes(range(32)))

    assert repr(key) == str(key) == "Key(***)"
    assert "Key(***)" in repr(vault.Unlocked("owner", key))
    with pytest.raises(TypeError):
        pickle.dumps(key)
    with pytest.raises(ValueError, match="32 bytes") as error:
        vault.Key(b"short secret")
    assert "short secret" not in str(error.value)


def test_usual_cost_is_the_second_recommendation_of_rfc_9106(tmp_path: Path):
    assert vault.Cost(64 * 1024, 3, 4) == vault.COST
    vault.create(tmp_path, PASSPHRASE)

    (slot,) = json.loads((tmp_path / "keys.json").read_text())["slots"]
    assert (slot["kdf"], slot["memory_kib"], slot["passes"], slot["lanes"]) == ("argon2id", 65536, 3, 4)
    assert vault.unlock(tmp_path, PASSPHRASE).user == "owner"
