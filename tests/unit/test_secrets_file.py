"""The encrypted file of credentials: sealed under the profile's key, replaced whole."""

import json
import os
import stat
from base64 import b64decode, b64encode
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.domain.credentials import SecretName, SecretPlace, lines
from core.errors import DatabaseDamaged, StorageUnwritable
from core.storage import anchors
from core.storage import secrets as store
from core.storage.secrets import SecretFile
from core.storage.vault import Key

KEY, OTHER = Key(bytes(range(32))), Key(bytes(range(1, 33)))
PAIR = lines("PKTESTKEYID0001", "aSecretOfSomeLength")
PAPER, POLYGON = SecretName.ALPACA_PAPER, SecretName.POLYGON


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def held(tmp_path: Path, clock: ManualClock) -> SecretFile:
    return SecretFile(tmp_path, KEY, clock)


def test_folder_without_a_file_holds_nothing(held: SecretFile, tmp_path: Path):
    assert held.get(PAPER) is None
    assert held.names() == ()
    held.remove(PAPER)
    assert not list(tmp_path.iterdir())


async def test_stored_credential_is_read_back_with_its_date(held: SecretFile, tmp_path: Path, clock):
    first = clock.now()
    held.set(PAPER, PAIR)
    await clock.advance(timedelta(days=1).total_seconds())
    held.set(POLYGON, "key")

    again = SecretFile(tmp_path, KEY, clock)

    assert again.get(PAPER).text == PAIR
    assert again.names() == (
        SecretPlace(PAPER, store.PLACE, first),
        SecretPlace(POLYGON, store.PLACE, clock.now()),
    )


def test_stored_credential_is_replaced_and_removed_and_the_others_stay(held: SecretFile):
    held.set(PAPER, PAIR)
    held.set(POLYGON, "key")

    held.set(PAPER, "other\npair")
    held.remove(POLYGON)

    assert held.get(PAPER).text == "other\npair"
    assert held.get(POLYGON) is None


def test_file_is_the_owners_alone_and_shows_nothing(held: SecretFile, tmp_path: Path):
    held.set(PAPER, PAIR)

    found = list(tmp_path.iterdir())

    assert [each.name for each in found] == [store.FILE]
    assert stat.S_IMODE(found[0].stat().st_mode) == 0o600
    text = found[0].read_text()
    assert "PKTEST" not in text
    assert "alpaca" not in text


def test_file_is_sealed_anew_each_time(held: SecretFile, tmp_path: Path):
    held.set(PAPER, PAIR)
    first = json.loads((tmp_path / store.FILE).read_bytes())

    held.set(PAPER, PAIR)
    second = json.loads((tmp_path / store.FILE).read_bytes())

    assert first["nonce"] != second["nonce"]
    assert first["sealed"] != second["sealed"]


def test_key_that_seals_is_not_the_databases():
    assert KEY.derived(store._LABEL) != KEY.reveal()
    assert KEY.derived(store._LABEL) != OTHER.derived(store._LABEL)
    assert KEY.derived(store._LABEL) != KEY.derived(anchors._LABEL)


def test_file_of_another_profile_is_refused(held: SecretFile, tmp_path: Path, clock):
    held.set(PAPER, PAIR)

    with pytest.raises(DatabaseDamaged) as refused:
        SecretFile(tmp_path, OTHER, clock).get(PAPER)

    assert refused.value.__cause__ is None


def _flipped(document: dict) -> dict:
    sealed = bytearray(b64decode(document["sealed"]))
    sealed[3] ^= 1
    return {**document, "sealed": b64encode(sealed).decode()}


@pytest.mark.parametrize(
    "change",
    [
        _flipped,
        lambda found: {**found, "format": 2},
        lambda found: {**found, "nonce": "!"},
        lambda found: {**found, "nonce": ""},
        lambda found: {key: found[key] for key in ("format", "nonce")},
        lambda _: [],
        lambda found: {**found, "more": "x" * store._LARGEST},
    ],
)
def test_file_that_was_changed_is_refused_and_left_as_it_is(held: SecretFile, tmp_path: Path, change):
    held.set(PAPER, PAIR)
    path = tmp_path / store.FILE
    path.write_text(json.dumps(change(json.loads(path.read_bytes()))))
    before = path.read_bytes()

    for act in (
        lambda: held.get(PAPER),
        lambda: held.set(PAPER, PAIR),
        lambda: held.remove(PAPER),
        held.names,
    ):
        with pytest.raises(DatabaseDamaged, match="is not what was written"):
            act()

    assert path.read_bytes() == before


def test_write_that_fails_leaves_what_was_there(held: SecretFile, tmp_path: Path, monkeypatch):
    held.set(PAPER, PAIR)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageUnwritable, match="nothing was changed"):
            held.set(PAPER, "other\npair")

    assert held.get(PAPER).text == PAIR
    assert [each.name for each in tmp_path.iterdir()] == [store.FILE]


def test_folder_in_place_of_the_file_is_unwritable(held: SecretFile, tmp_path: Path):
    (tmp_path / store.FILE).mkdir()

    with pytest.raises(StorageUnwritable):
        held.get(PAPER)
