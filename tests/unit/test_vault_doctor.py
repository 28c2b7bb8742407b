"""What the start-up validation says of keys, users and the cipher."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import doctor
from app import profile as profiles
from app.opening import Invocation
from core.domain.users import NO_ROLE, UserRecord
from core.storage import engine, rotation, vault
from core.storage.user_store import insert_user

CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
PASSPHRASE, OTHER = "correct horse battery", "staple of another user"


@pytest.fixture
def made(tmp_path: Path) -> profiles.Profile:
    return profiles.create(tmp_path / "root", "desk", PASSPHRASE, cost=CHEAP)


def _checks(made: profiles.Profile, capsys, **variables: str) -> dict[str, tuple[bool, str, str]]:
    secret = made.folder.parents[2] / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text(PASSPHRASE)
    doctor.run(Invocation(made.folder.parents[1], "desk", secret, variables), as_json=True)
    found = json.loads(capsys.readouterr().out)["checks"]
    return {each["name"]: (each["passed"], each["found"], each["advice"]) for each in found}


def _insert(made: profiles.Profile, name: str, role: str) -> None:
    writer = engine.writing_engine(made.database, vault.unlock(made.folder, PASSPHRASE).key)
    with writer.connect() as connection, connection.begin():
        insert_user(connection, UserRecord(name, role, "owner", datetime(2026, 1, 5, tzinfo=UTC)))
    writer.dispose()


def test_sound_profile_passes_with_the_ages_of_its_keys_and_its_users(made, capsys):
    found = _checks(made, capsys)

    assert found["keys"] == (True, "database 0 days old; owner 0 days old; no recovery key", "")
    assert found["users"] == (True, "owner admin", "")
    assert found["cipher"][1].endswith(f"SQLCipher {engine.cipher_version()}")
    assert engine.cipher_version()


def test_ways_in_beside_the_passphrase_are_told(made, capsys):
    unlocked = vault.unlock(made.folder, PASSPHRASE)
    vault.add_recovery(made.folder, unlocked)
    vault.add_keyring(made.folder, unlocked)

    assert _checks(made, capsys)["keys"][1].endswith("recovery key 0 days old; the keyring opens it unasked")


def test_old_key_fails_with_the_command_that_makes_another(made, capsys):
    key = vault.unlock(made.folder, PASSPHRASE).key
    rotation.rotate(
        made.folder, made.database, key, datetime(2020, 1, 1, tzinfo=UTC), lambda _path, _key: None
    )

    passed, found, advice = _checks(made, capsys)["keys"]

    assert (passed, advice) == (False, "run: investiq keys rotate")
    assert found.startswith("database 2")


def test_slot_without_a_role_fails(made, capsys):
    key = vault.unlock(made.folder, PASSPHRASE).key
    vault.add_slot(made.folder, key, "sam", OTHER, cost=CHEAP)

    passed, found, advice = _checks(made, capsys)["users"]

    assert (passed, found) == (False, "without a role: sam")
    assert "users add sam" in advice


def test_profile_without_an_administrator_who_can_open_it_fails(made, capsys):
    _insert(made, "sam", "admin")
    _insert(made, "owner", "viewer")

    passed, found, _ = _checks(made, capsys)["users"]

    assert (passed, found) == (False, "sam admin, owner viewer")


def test_removed_users_are_not_told(made, capsys):
    _insert(made, "sam", "viewer")
    _insert(made, "sam", NO_ROLE)

    assert _checks(made, capsys)["users"] == (True, "owner admin", "")


def test_library_that_cannot_encrypt_fails(made, capsys, monkeypatch):
    monkeypatch.setattr(engine, "cipher_version", lambda: "")

    assert _checks(made, capsys)["cipher"][:2] == (False, "this Python's SQLite cannot encrypt")


def test_rotation_that_was_cut_off_is_finished_before_anything_is_checked(made, capsys):
    (made.folder / "investiq.db.g7").write_bytes(b"half")

    found = _checks(made, capsys)

    assert found["users"][0]
    assert not (made.folder / "investiq.db.g7").exists()


def test_demanded_authentication_without_a_user_fails(made, capsys, monkeypatch):
    monkeypatch.setattr(vault, "users", lambda _folder: ())

    passed, found, _ = _checks(made, capsys, REQUIRE_AUTH="true")["settings"]

    assert not passed
    assert "REQUIRE_AUTH" in found
