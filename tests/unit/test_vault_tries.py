"""Wrong tries wait longer and longer: over restarts, and whichever way the clock is set."""

from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.errors import Refused, WrongPassphrase
from core.storage import vault
from core.storage.vault import tries

CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
PASSPHRASE = "correct horse battery"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    vault.create(tmp_path, PASSPHRASE, cost=CHEAP)
    return tmp_path


def _fail(folder: Path, clock: ManualClock, words: str) -> None:
    with pytest.raises(WrongPassphrase, match=words):
        vault.unlock(folder, "another horse battery", clock)


def test_first_wrong_tries_are_free_and_each_later_one_waits_twice_as_long(folder):
    clock = ManualClock()
    for _ in range(3):
        _fail(folder, clock, "opens no key slot")

    for wait_s in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900):
        clock.turn(wait_s - 0.5)
        _fail(folder, clock, "wait 1 s")
        clock.turn(0.5)
        _fail(folder, clock, "opens no key slot")


def test_right_passphrase_has_to_wait_too_and_then_ends_the_count(folder):
    clock = ManualClock()
    for _ in range(3):
        _fail(folder, clock, "opens no key slot")

    with pytest.raises(WrongPassphrase, match="a restart does not shorten it"):
        vault.unlock(folder, PASSPHRASE, clock)
    clock.turn(1)

    assert vault.unlock(folder, PASSPHRASE, clock).wrong_tries == 3
    assert vault.unlock(folder, PASSPHRASE, clock).wrong_tries == 0
    assert not (folder / tries.FILE).exists()


def test_count_stands_in_a_file_and_a_new_process_reads_it(folder):
    clock = ManualClock()
    for wait_s in (0, 0, 0, 1, 2):
        clock.turn(wait_s)
        _fail(folder, clock, "opens no key slot")

    later = ManualClock(clock.now() + timedelta(seconds=3.5))

    _fail(folder, later, "5 wrong passphrases in a row: wait 1 s")


def test_clock_that_goes_back_begins_the_wait_anew(folder):
    clock = ManualClock()
    for wait_s in (0, 0, 0, 1, 2):
        clock.turn(wait_s)
        _fail(folder, clock, "opens no key slot")
    clock.turn(3)

    past = ManualClock(clock.now() - timedelta(days=400))

    _fail(folder, past, "wait 4 s")
    past.turn(3)
    _fail(folder, past, "wait 1 s")
    past.turn(1)
    assert vault.unlock(folder, PASSPHRASE, past).wrong_tries == 5


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"count": "x", "at": ""}', b'{"count": 1}', b"\xff"])
def test_count_that_somebody_changed_is_many_tries_and_ends_by_itself(folder, content):
    clock = ManualClock()
    (folder / tries.FILE).write_bytes(content)

    _fail(folder, clock, "wait 15 min 00 s")
    clock.turn(900)

    assert vault.unlock(folder, PASSPHRASE, clock).user == "owner"


def test_try_is_counted_before_it_is_made(folder, monkeypatch):
    def die(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("core.storage.vault.opening.opened_by_passphrase", die)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            vault.unlock(folder, PASSPHRASE, ManualClock())

    with pytest.raises(WrongPassphrase, match="3 wrong"):
        vault.unlock(folder, PASSPHRASE, ManualClock())


def test_disk_that_takes_no_count_locks_nobody_out(folder, monkeypatch, expected_log):
    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.storage.private_file.os.open", full)
    expected_log("tries.unwritable")

    assert vault.unlock(folder, PASSPHRASE, ManualClock()).user == "owner"


def test_recovery_key_of_another_profile_counts_as_a_try_and_a_slip_does_not(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    vault.create(other, PASSPHRASE, cost=CHEAP)
    vault.add_recovery(folder, vault.unlock(folder, PASSPHRASE))
    foreign = vault.add_recovery(other, vault.unlock(other, PASSPHRASE))

    with pytest.raises(Refused, match="misread"):
        vault.unlock_with_recovery(folder, foreign[:-1] + ("0" if foreign[-1] != "0" else "1"))
    assert not (folder / tries.FILE).exists()
    with pytest.raises(WrongPassphrase, match="another's"):
        vault.unlock_with_recovery(folder, foreign)

    assert vault.unlock(folder, PASSPHRASE).wrong_tries == 1
