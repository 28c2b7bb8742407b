"""The key: wrapped for each user, shown to nobody, written whole or not at all."""

import dataclasses
import json
import pickle
import stat
from base64 import b64encode
from datetime import UTC, datetime
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
from core.storage.vault.cost import raised
from core.storage.vault.key_file import write

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

    assert refused.value.code is RefusalCode.WEAK_PASSPHRASE
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
        {"sealed": "AAAA"},
        {"box": None},
        {"kind": "backdoor"},
        {"made_at": "2026-01-01"},
    ],
)
def test_slot_out_of_range_is_damage_before_it_costs_anything(tmp_path: Path, changes):
    vault.create(tmp_path, PASSPHRASE, cost=CHEAP)
    _edited(tmp_path, **changes)

    with pytest.raises(DatabaseDamaged):
        vault.unlock(tmp_path, PASSPHRASE)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff\xfe", b'{"format": 3, "slots": []}', b"[" * 9999]
)
def test_key_file_of_another_kind_is_damage(tmp_path: Path, content):
    (tmp_path / "keys.json").write_bytes(content)

    with pytest.raises(DatabaseDamaged):
        vault.users(tmp_path)


def _two_users(folder: Path) -> vault.Key:
    key = vault.create(folder, PASSPHRASE, cost=CHEAP)
    vault.add_slot(folder, key, "bob", OTHER, cost=CHEAP)
    return key


def _reseal_slots(document: dict) -> None:
    document["slots"].reverse()


def _drop_slot(document: dict) -> None:
    document["slots"].pop()


def _swap_boxes(document: dict) -> None:
    first, second = document["slots"]
    first["box"], second["box"] = second["box"], first["box"]


def _swap_names(document: dict) -> None:
    first, second = document["slots"]
    first["user"], second["user"] = second["user"], first["user"]


def _older_generation(document: dict) -> None:
    document["generation"] = 7


def _other_public(document: dict) -> None:
    # Whoever plants a public half of their own would be sealed the next key.
    document["slots"][1]["public"] = b64encode(bytes(range(32))).decode()


@pytest.mark.parametrize("change", [_reseal_slots, _drop_slot, _older_generation, _other_public])
def test_key_file_that_was_edited_as_a_whole_is_damage_whoever_opens_it(tmp_path: Path, change):
    _two_users(tmp_path)
    path = tmp_path / "keys.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))

    with pytest.raises(DatabaseDamaged, match="changed by something else"):
        vault.unlock(tmp_path, PASSPHRASE)


@pytest.mark.parametrize("change", [_swap_boxes, _swap_names])
def test_slot_that_was_exchanged_between_users_opens_for_neither(tmp_path: Path, change):
    _two_users(tmp_path)
    path = tmp_path / "keys.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))

    for passphrase in (PASSPHRASE, OTHER):
        with pytest.raises(WrongPassphrase):
            vault.unlock(tmp_path, passphrase)


def test_passphrase_of_another_user_is_refused_for_it_names_them(tmp_path: Path):
    key = _two_users(tmp_path)

    with pytest.raises(Refused, match="in use"):
        vault.add_slot(tmp_path, key, "carol", OTHER, cost=CHEAP)
    with pytest.raises(Refused, match="in use"):
        vault.set_passphrase(tmp_path, vault.unlock(tmp_path, PASSPHRASE), OTHER, cost=CHEAP)

    assert vault.users(tmp_path) == ("owner", "bob")


def test_changed_passphrase_opens_and_the_one_before_does_not(tmp_path: Path):
    key = _two_users(tmp_path)

    vault.set_passphrase(tmp_path, vault.unlock(tmp_path, OTHER), "four plain words now", cost=CHEAP)

    assert vault.unlock(tmp_path, "four plain words now") == vault.Unlocked("bob", key)
    assert vault.unlock(tmp_path, PASSPHRASE).key == key
    with pytest.raises(WrongPassphrase):
        vault.unlock(tmp_path, OTHER)


def test_change_with_a_key_of_another_profile_is_damage_and_writes_nothing(tmp_path: Path):
    _two_users(tmp_path)
    before = (tmp_path / "keys.json").read_bytes()

    with pytest.raises(DatabaseDamaged):
        vault.add_slot(tmp_path, vault.Key(bytes(32)), "eve", "a passphrase of mine", cost=CHEAP)

    assert (tmp_path / "keys.json").read_bytes() == before


# As the first version wrote it, for the key of the bytes 0 to 31.
FIRST_FORMAT = """{"format": 1, "slots": [{"user": "owner", "kdf": "argon2id", "memory_kib": 8, "passes": 1,
"lanes": 1, "salt": "trO9QLRlC+3x54Ad2i7gRw==", "nonce": "UcJaet49OBFSrTmU",
"wrapped": "uuwReAd98mw7j+8I/pVUgdKhH/uDQ0eUzCz1pkbapcuzgt6rMwlSWW4Qz6uHrtoG"}]}"""
FIRST_KEY = vault.Key(bytes(range(32)))


def test_key_file_of_the_first_format_opens_and_is_brought_to_todays(tmp_path: Path):
    path = tmp_path / "keys.json"
    path.write_text(FIRST_FORMAT)

    unlocked = vault.unlock(tmp_path, PASSPHRASE)
    was_written = vault.refresh(tmp_path, unlocked, PASSPHRASE)

    assert unlocked == vault.Unlocked("owner", FIRST_KEY)
    assert was_written
    assert json.loads(path.read_text())["format"] == 2
    assert vault.unlock(tmp_path, PASSPHRASE) == unlocked
    with pytest.raises(WrongPassphrase):
        vault.unlock(tmp_path, OTHER)


def test_key_file_of_the_first_format_takes_a_second_user(tmp_path: Path):
    (tmp_path / "keys.json").write_text(FIRST_FORMAT)

    with pytest.raises(Refused, match="open the profile"):
        vault.add_slot(tmp_path, FIRST_KEY, "bob", OTHER, cost=CHEAP)
    vault.refresh(tmp_path, vault.unlock(tmp_path, PASSPHRASE), PASSPHRASE)
    vault.add_slot(tmp_path, FIRST_KEY, "bob", OTHER, cost=CHEAP)

    assert vault.users(tmp_path) == ("owner", "bob")


@pytest.mark.parametrize("change", [{"user": "eve"}, {"passes": 2}])
def test_slot_of_the_first_format_that_was_changed_does_not_open(tmp_path: Path, change):
    (tmp_path / "keys.json").write_text(FIRST_FORMAT)
    _edited(tmp_path, **change)

    with pytest.raises(WrongPassphrase):
        vault.unlock(tmp_path, PASSPHRASE)


def test_slot_below_the_floor_is_raised_to_it_and_one_of_today_is_left(tmp_path: Path):
    vault.create(tmp_path, PASSPHRASE, cost=CHEAP)
    made_at = vault.ages(tmp_path).passphrases

    assert vault.refresh(tmp_path, vault.unlock(tmp_path, PASSPHRASE), PASSPHRASE)
    slow = dataclasses.replace(vault.unlock(tmp_path, PASSPHRASE), guess_s=0.4)

    (slot,) = json.loads((tmp_path / "keys.json").read_text())["slots"]
    assert (slot["memory_kib"], slot["passes"], slot["lanes"]) == (65536, 3, 4)
    assert not vault.refresh(tmp_path, slow, PASSPHRASE)
    assert vault.ages(tmp_path).passphrases == made_at


@pytest.mark.parametrize(
    ("guess_s", "memory_kib"), [(1.0, 65536), (0.26, 65536), (0.25, 131072), (0.1, 262144), (0.001, 524288)]
)
def test_cost_follows_the_machine_and_never_falls(guess_s, memory_kib):
    assert raised(vault.COST, guess_s) == dataclasses.replace(vault.COST, memory_kib=memory_kib)


def test_cost_above_the_dearest_is_left():
    dear = vault.Cost(1024 * 1024, 4, 4)

    assert raised(dear, 0.001) == dear


def test_recovery_key_opens_as_its_user_until_another_is_made(tmp_path: Path):
    key = _two_users(tmp_path)
    first = vault.add_recovery(tmp_path, vault.unlock(tmp_path, PASSPHRASE))
    second = vault.add_recovery(tmp_path, vault.unlock(tmp_path, OTHER))

    assert vault.unlock_with_recovery(tmp_path, second.lower().replace("-", " ")) == vault.Unlocked(
        "bob", key
    )
    with pytest.raises(WrongPassphrase):
        vault.unlock_with_recovery(tmp_path, first)
    assert vault.ages(tmp_path).recovery is not None
    assert second not in (tmp_path / "keys.json").read_text()


def test_keyring_slot_opens_with_its_secret_only_and_can_be_dropped(tmp_path: Path):
    key = _two_users(tmp_path)
    first = vault.add_keyring(tmp_path, vault.unlock(tmp_path, PASSPHRASE))
    secret = vault.add_keyring(tmp_path, vault.unlock(tmp_path, OTHER))

    assert vault.unlock_with_keyring(tmp_path, secret) == vault.Unlocked("bob", key)
    for wrong in (first, bytes(32), b""):
        with pytest.raises(WrongPassphrase):
            vault.unlock_with_keyring(tmp_path, wrong)
    assert vault.drop_keyring(tmp_path, key)
    assert not vault.drop_keyring(tmp_path, key)
    with pytest.raises(WrongPassphrase):
        vault.unlock_with_keyring(tmp_path, secret)


def test_rotated_key_file_opens_the_new_key_in_every_slot_without_knowing_what_opens_it(tmp_path: Path):
    key = _two_users(tmp_path)
    paper = vault.add_recovery(tmp_path, vault.unlock(tmp_path, PASSPHRASE))
    ring = vault.add_keyring(tmp_path, vault.unlock(tmp_path, OTHER))
    new, now = vault.Key(bytes(range(32))), datetime(2026, 1, 2, tzinfo=UTC)

    wanted = vault.rotated(tmp_path, key, new, now)
    write(tmp_path, wanted, new)

    assert vault.unlock(tmp_path, PASSPHRASE) == vault.Unlocked("owner", new)
    assert vault.unlock(tmp_path, OTHER) == vault.Unlocked("bob", new)
    assert vault.unlock_with_recovery(tmp_path, paper).key == new
    assert vault.unlock_with_keyring(tmp_path, ring).key == new
    assert (vault.generation(tmp_path), vault.ages(tmp_path).data_key) == (2, now)


def test_user_who_is_left_out_of_the_next_key_file_opens_nothing(tmp_path: Path):
    key = _two_users(tmp_path)
    vault.add_recovery(tmp_path, vault.unlock(tmp_path, OTHER))
    new = vault.Key(bytes(range(32)))

    write(tmp_path, vault.rotated(tmp_path, key, new, datetime(2026, 1, 2, tzinfo=UTC), "bob"), new)

    assert vault.users(tmp_path) == ("owner",)
    assert vault.ages(tmp_path).recovery is None
    with pytest.raises(WrongPassphrase):
        vault.unlock(tmp_path, OTHER)


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
