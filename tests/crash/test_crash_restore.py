"""SIGKILL at each step of a backup and of a restore: the profile is the old or the new one, never half."""

import shutil
import signal
from pathlib import Path

import pytest

from app import backing_up, restoring
from app import profile as profiles
from app.backing_up import backups_of, make_backup
from app.swapping import settle
from core.adapters import keychain
from core.storage import backup, backup_swap
from core.storage.backup_archive import opened
from core.storage.backup_rotation import backups
from tests.crash.restore_child import NOW
from tests.crash.restore_child import backing_up as backing
from tests.crash.restore_child import restoring as putting
from tests.crash.warm import LONGEST_S, begin
from tests.fakes.desk_files import PASSPHRASE, files_of, key_of, make, note, records_of

BACKUP_STEPS = ("backup.copied", "backup.exported", "backup.checked", "backup.packed")
RESTORE_STEPS = (
    ("restore.extracted", False),
    ("restore.checked", False),
    ("restore.recorded", False),
    ("restore.anchored", False),
    ("restore.decided", True),
    ("restore.moved_away", True),
    ("restore.moved_in", True),
    ("restore.finished", True),
)


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch) -> None:
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(None, "none here"))


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pattern") / "root"
    desk = make(root)
    make_backup(desk.folder, key_of(desk), NOW)
    note(desk, "after")
    return root


@pytest.fixture
def root(pattern: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pattern, tmp_path / "root"))


def _kill(target, *arguments: object) -> None:
    process = begin(target, *arguments)
    process.join(LONGEST_S)
    assert process.exitcode == -signal.SIGKILL


def _entities(root: Path) -> list[str]:
    return [each.entity for each in records_of(profiles.load(root, "desk"))[1:]]


def _restore_killed(root: Path, place: str) -> None:
    secret = root.parent / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text(PASSPHRASE)
    (file,) = backups(root / "backups" / "desk")
    _kill(putting, root, file, secret, place, 1)


@pytest.mark.parametrize("place", BACKUP_STEPS)
def test_backup_killed_at_a_step_leaves_the_profile_and_the_earlier_backup(root, place):
    desk = profiles.load(root, "desk")
    (earlier,) = backups(backups_of(desk.folder))
    before, content = files_of(desk.folder), earlier.read_bytes()

    _kill(backing, desk.folder, place, 1)
    after = files_of(desk.folder)
    again = make_backup(desk.folder, key_of(desk), NOW)

    assert earlier.read_bytes() == content
    assert after.keys() >= before.keys()
    assert not list(backups_of(desk.folder).glob(".*"))
    assert _entities(root) == ["before", "after"]
    for path in backups(backups_of(desk.folder)):
        with opened(path) as archive:
            archive.check(key_of(desk))
            archive.verify()
    assert again.path.exists()


@pytest.mark.parametrize(("place", "is_new"), RESTORE_STEPS)
def test_restore_killed_at_a_step_is_old_or_new_and_never_half(root, place, is_new):
    _restore_killed(root, place)

    settle(root)

    assert _entities(root) == (["before", "desk"] if is_new else ["before", "after"])
    assert not backup_swap.is_unfinished(root / "profiles")
    kept = list((root / "profiles").glob(".replaced-*"))
    assert [_words(folder) for folder in kept] == ([["before", "after"]] if is_new else [])


def _words(folder: Path) -> list[str]:
    return [each.entity for each in records_of(profiles.load_folder(folder))[1:]]


def test_restore_onto_an_empty_computer_killed_after_its_decision_is_there_at_the_next_start(root):
    shutil.rmtree(root / "profiles")

    _restore_killed(root, "restore.decided")
    settle(root)

    assert _entities(root) == ["before", "desk"]


def test_every_step_of_backup_and_restore_is_killed_at():
    named = set()
    for module in (backup, backup_swap, restoring, backing_up):
        lines = Path(module.__file__).read_text(encoding="utf-8").splitlines()
        named |= {line.split('"')[1] for line in lines if "failpoint(" in line and '"' in line}

    assert named == {*BACKUP_STEPS, *(place for place, _ in RESTORE_STEPS)}
