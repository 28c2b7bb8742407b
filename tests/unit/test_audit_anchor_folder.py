"""Heads in a folder that may be away: nobody waits for it, and nothing is begun anew in an empty place."""

import os
import stat
import threading
from pathlib import Path

import pytest

from core.errors import StorageUnwritable
from core.storage.anchor_folder import MARK, AnchorFolder, anchor_folder


@pytest.fixture
def share(tmp_path: Path) -> Path:
    made = tmp_path / "share"
    made.mkdir()
    return made


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    made = tmp_path / "profile"
    made.mkdir()
    return made


def test_folder_keeps_line_after_line_in_a_file_of_the_profile(share, profile):
    witness = anchor_folder(share, profile, "installation")
    assert witness.lines() == ()

    witness.keep("one")
    anchor_folder(share, profile, "installation").keep("two")
    anchor_folder(share, profile, "another").keep("three")

    assert witness.lines() == ("one", "two")
    assert sorted(path.name for path in share.iterdir()) == [
        "another.anchors.jsonl",
        "installation.anchors.jsonl",
    ]
    assert stat.S_IMODE((profile / MARK).stat().st_mode) == 0o600


def test_folder_that_is_away_is_told_and_goes_on_where_it_was(share, profile, tmp_path):
    witness = anchor_folder(share, profile, "installation")
    witness.keep("one")
    share.rename(tmp_path / "away")

    with pytest.raises(StorageUnwritable, match="is not there"):
        witness.keep("two")
    with pytest.raises(StorageUnwritable, match="is not there"):
        witness.lines()
    (tmp_path / "away").rename(share)
    witness.keep("three")

    assert witness.lines() == ("one", "three")


def test_empty_place_to_mount_is_no_folder_to_begin_in(share, profile, tmp_path):
    anchor_folder(share, profile, "installation").keep("one")
    share.rename(tmp_path / "away")
    share.mkdir()
    witness = anchor_folder(share, profile, "installation")

    with pytest.raises(StorageUnwritable, match="If that is not mounted, mount it"):
        witness.keep("two")
    with pytest.raises(StorageUnwritable, match="to begin anew"):
        witness.lines()

    assert list(share.iterdir()) == []


def test_file_that_is_lost_for_good_is_begun_anew_once_the_mark_is_removed(share, profile):
    witness = anchor_folder(share, profile, "installation")
    witness.keep("one")
    next(share.iterdir()).unlink()
    (profile / MARK).unlink()

    witness.keep("two")

    assert witness.lines() == ("two",)


def test_mark_of_another_folder_does_not_count(share, profile, tmp_path):
    anchor_folder(share, profile, "installation").keep("one")
    other = tmp_path / "other"
    other.mkdir()
    witness = anchor_folder(other, profile, "installation")

    assert witness.lines() == ()
    witness.keep("two")

    assert (profile / MARK).read_text() == f"{other / 'installation.anchors.jsonl'}\n"


def test_mark_that_cannot_be_read_is_none(share, profile):
    (profile / MARK).write_bytes(b"\xff\xfe")

    assert anchor_folder(share, profile, "installation").lines() == ()


def test_folder_that_gives_no_answer_holds_nobody_up(share, profile):
    path = share / "hangs.jsonl"
    os.mkfifo(path)  # whoever opens it waits until somebody writes
    witness = AnchorFolder(path, profile / MARK, within_s=0.05)

    with pytest.raises(StorageUnwritable, match="gives no answer"):
        witness.lines()
    with pytest.raises(StorageUnwritable, match="gives no answer"):
        witness.keep("one")

    with path.open("wb") as writer:
        writer.write(b"one\n")
    for thread in threading.enumerate():
        if thread.name == "anchor folder":
            thread.join(5)
    path.unlink()
    witness.keep("two")
    assert witness.lines() == ("two",)


def test_what_it_held_is_set_aside_once_and_kept(share, profile):
    witness = anchor_folder(share, profile, "installation")
    witness.keep("old")

    witness.set_aside("before.jsonl", "new")
    witness.keep("newer")
    witness.set_aside("again.jsonl", "new")

    assert witness.lines() == ("new", "newer")
    assert (share / "before.jsonl").read_text() == "old\n"
    assert not (share / "again.jsonl").exists()


def test_setting_aside_where_nothing_is_begins_with_the_line(share, profile):
    witness = anchor_folder(share, profile, "installation")

    witness.set_aside("before.jsonl", "new")

    assert witness.lines() == ("new",)
    assert len(list(share.iterdir())) == 1


def test_folder_that_refuses_a_rename_is_told(share, profile):
    witness = anchor_folder(share, profile, "installation")
    witness.keep("old")
    (share / "taken").mkdir()

    with pytest.raises(StorageUnwritable, match="cannot be used"):
        witness.set_aside("taken", "new")

    assert witness.lines() == ("old",)
