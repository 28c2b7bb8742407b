"""The signing key is sealed, and the side file keeps what it was given through cuts, losses and growth."""

import json
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from core.errors import DatabaseDamaged, StorageUnwritable
from core.storage.anchors import FILE, KEY_FILE, MOST_LINES, AnchorFile, find_signing_key, signing_key
from core.storage.private_file import replacing
from core.storage.vault import Key

KEY = Key(bytes(range(32)))


def test_key_is_made_once_and_its_signatures_fit_its_public_half(tmp_path):
    made = signing_key(tmp_path, KEY)
    found = signing_key(tmp_path, KEY)

    Ed25519PublicKey.from_public_bytes(made.public_key).verify(found.sign(b"head"), b"head")
    assert json.loads((tmp_path / KEY_FILE).read_text())["public"] == made.public_key.hex()
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_key_that_was_not_made_is_not_found_and_nothing_is_written(tmp_path):
    assert find_signing_key(tmp_path, KEY) is None
    assert list(tmp_path.iterdir()) == []


def test_private_half_stands_in_no_file(tmp_path):
    made = signing_key(tmp_path, KEY)

    raw = made._private.private_bytes_raw()
    text = (tmp_path / KEY_FILE).read_bytes()
    assert raw not in text
    assert raw.hex().encode() not in text
    assert raw.hex() not in repr(made)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda found: {**found, "public": "00" * 32},
        lambda found: {**found, "format": 2},
        lambda found: {**found, "sealed": "!"},
        lambda found: {**found, "nonce": found["nonce"][::-1]},
        lambda _found: {"format": 1},
        list,
    ],
)
def test_key_file_that_is_not_what_was_written_is_damaged(tmp_path, spoil):
    signing_key(tmp_path, KEY)
    path = tmp_path / KEY_FILE
    path.write_text(json.dumps(spoil(json.loads(path.read_text()))))

    with pytest.raises(DatabaseDamaged, match="not what was written"):
        find_signing_key(tmp_path, KEY)


def test_key_of_another_profile_opens_nothing(tmp_path):
    signing_key(tmp_path, KEY)

    with pytest.raises(DatabaseDamaged):
        signing_key(tmp_path, Key(bytes(32)))


def test_key_that_was_taken_away_is_not_made_anew(tmp_path):
    signing_key(tmp_path, KEY)
    AnchorFile(tmp_path / FILE).keep("a head")
    (tmp_path / KEY_FILE).unlink()

    with pytest.raises(DatabaseDamaged, match=r"anchor\.key is not there"):
        signing_key(tmp_path, KEY)


def test_crash_between_side_file_and_key_is_no_loss(tmp_path):
    (tmp_path / FILE).touch()

    signing_key(tmp_path, KEY)

    assert AnchorFile(tmp_path / FILE).lines() == ()


def test_key_that_cannot_be_read_or_made_is_told(tmp_path):
    (tmp_path / KEY_FILE).mkdir()
    with pytest.raises(StorageUnwritable, match="cannot be read"):
        find_signing_key(tmp_path, KEY)
    with pytest.raises(StorageUnwritable, match="cannot be written"):
        signing_key(tmp_path / "nowhere", KEY)


@pytest.fixture
def side(tmp_path):
    signing_key(tmp_path, KEY)
    return tmp_path / FILE


def test_side_file_keeps_line_after_line(side):
    witness = AnchorFile(side)

    witness.keep("one")
    witness.keep("two")

    assert AnchorFile(side).lines() == ("one", "two")
    assert side.read_text() == "one\ntwo\n"


def test_line_that_a_power_cut_has_torn_is_left_out_and_cut_off(side):
    side.write_text("one\ntw")
    witness = AnchorFile(side)
    assert witness.lines() == ("one",)

    witness.keep("three")

    assert side.read_text() == "one\nthree\n"
    assert stat.S_IMODE(side.stat().st_mode) == 0o600


def test_side_file_stays_small_and_keeps_the_newest_whole(side):
    witness = AnchorFile(side)

    for number in range(3 * MOST_LINES):
        witness.keep(str(number))
        assert len(witness.lines()) <= MOST_LINES

    kept = [int(line) for line in witness.lines()]
    assert kept == sorted(kept)
    assert kept[-200:] == list(range(3 * MOST_LINES - 200, 3 * MOST_LINES))
    assert kept[0] < MOST_LINES


def test_side_file_that_was_removed_is_a_loss_for_reader_and_writer(side):
    side.unlink()

    with pytest.raises(DatabaseDamaged, match="not there"):
        AnchorFile(side).lines()
    with pytest.raises(DatabaseDamaged, match="not there"):
        AnchorFile(side).keep("one")
    assert not side.exists()


def test_side_file_that_vanishes_under_way_is_noticed(side):
    witness = AnchorFile(side)
    witness.keep("one")
    side.unlink()

    with pytest.raises(StorageUnwritable):
        witness.keep("two")
    with pytest.raises(DatabaseDamaged):
        witness.keep("two")


def test_file_in_a_folder_of_ones_choice_is_made_when_it_is_first_needed(tmp_path):
    witness = AnchorFile(tmp_path / "heads.jsonl", "the share", is_expected=False)
    assert witness.lines() == ()

    witness.keep("one")

    assert witness.lines() == ("one",)


def test_folder_that_is_gone_is_unwritable(tmp_path):
    witness = AnchorFile(tmp_path / "gone" / "heads.jsonl", "the share", is_expected=False)

    with pytest.raises(StorageUnwritable, match="cannot be written"):
        witness.keep("one")


def test_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(StorageUnwritable, match="cannot be read"):
        AnchorFile(tmp_path).lines()


def test_file_that_is_not_finished_changes_nothing(tmp_path):
    path = tmp_path / "x"
    path.write_text("before")

    def half() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()

    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["x"]
