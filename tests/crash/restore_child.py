"""What runs in the processes that back up, restore or upgrade until they are killed."""

from datetime import UTC, datetime
from pathlib import Path

from app import profile as profiles
from app.backing_up import make_backup
from app.opening import Invocation
from app.restoring import restore
from app.upgrading import upgrade
from core.adapters import keychain
from core.storage import vault
from tests.crash.child import die_at
from tests.fakes.desk_files import PASSPHRASE, key_of

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def _no_keyring() -> None:
    keychain.find = lambda: keychain.Found(None, "none here")


def backing_up(folder: Path, place: str, passes: int) -> None:
    """Back up until killed at a named place."""
    _no_keyring()
    desk = profiles.load_folder(folder)
    key = key_of(desk)
    die_at(place, passes)
    make_backup(folder, key, NOW)


def restoring(root: Path, file: Path, secret: Path, place: str, passes: int) -> None:
    """Restore until killed at a named place."""
    _no_keyring()
    die_at(place, passes)
    restore(Invocation(root, "desk", secret, {}), file)


def upgrading(folder: Path, place: str, passes: int) -> None:
    """Upgrade until killed at a named place."""
    _no_keyring()
    desk = profiles.load_folder(folder)
    unlocked = vault.unlock(folder, PASSPHRASE)
    die_at(place, passes)
    upgrade(desk, unlocked)
