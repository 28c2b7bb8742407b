"""Profiles on disk: one account, one mode, one encrypted database, one settings file in a folder."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from app.instance import ProfileLock
from core.domain.access import Mode
from core.domain.messages import KeepProfile
from core.errors import DatabaseMissing, RefusalCode, Refused, StorageUnwritable, WrongPassphrase
from core.settings import BrokerName, FeedName, ProfileSettings, profile_text, read_profile
from core.storage import vault
from core.storage.private_file import sync_folder
from core.storage.secrets import FILE as SECRETS
from core.storage.vault import COST, Cost, Key, Unlocked

if TYPE_CHECKING:
    from core.storage.store import SqlStore

OWNER = "owner"
PROFILES = "profiles"
SETTINGS = "profile.toml"

_log = structlog.get_logger("profiles")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,31}(?<![ .])")
_LAST = ".last"


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile's place and settings.

    Attributes:
        folder: holds everything of it.
    """

    name: str
    folder: Path
    settings: ProfileSettings

    @property
    def database(self) -> Path:
        """The encrypted database."""
        return self.folder / "investiq.db"

    @property
    def ledger(self) -> Path:
        """What the embedded exchange remembers."""
        return self.folder / "exchange.ledger"

    @property
    def emergency(self) -> Path:
        """Records that the database would not take."""
        return self.folder / "emergency.jsonl"

    @property
    def secrets(self) -> Path:
        """Its credentials, where there is no keyring; encrypted."""
        return self.folder / SECRETS

    @property
    def lock(self) -> Path:
        """The file whose lock says that an instance runs."""
        return self.folder / "lock"

    @property
    def is_new(self) -> bool:
        """Whether it was never used: a settings file, and nothing that a use would leave."""
        traces = (self.database, self.ledger, self.emergency, self.secrets)
        return not vault.has_keys(self.folder) and not any(path.exists() for path in traces)


@dataclass(frozen=True, slots=True)
class OpenProfile:
    """A profile in use: close the store, then release the lock.

    Attributes:
        unlocked: whose passphrase opened it, and what opens its database and its stored credentials.
    """

    profile: Profile
    store: "SqlStore"
    unlocked: Unlocked
    lock: ProfileLock

    @property
    def key(self) -> Key:
        """What opens its database and its stored credentials."""
        return self.unlocked.key


def data_dir(given: Path | None, variables: Mapping[str, str]) -> Path:
    """Return where profiles, logs and crash files live: as asked, else as the platform has it."""
    asked = given or (Path(found) if (found := variables.get("INVESTIQ_DATA_DIR")) else None)
    if asked is not None:
        return asked.expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("InvestIQ", appauthor=False)


def make_data_dir(root: Path) -> None:
    """Make the data folder, its owner's alone, if it is not there.

    Raises:
        StorageUnwritable: it cannot be made.
    """
    with _writing(root):
        root.mkdir(mode=0o700, parents=True, exist_ok=True)


def names(root: Path) -> tuple[str, ...]:
    """List the profiles of a data folder by name."""
    try:
        found = list((root / PROFILES).iterdir())
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise _unwritable(root / PROFILES, error, "read") from error
    return tuple(
        sorted(each.name for each in found if _NAME.fullmatch(each.name) and (each / SETTINGS).exists())
    )


def last_used(root: Path) -> str | None:
    """Return the profile that was opened last; None if there is none or it is gone."""
    try:
        name = (root / PROFILES / _LAST).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return name if name in names(root) else None


def note_used(root: Path, name: str) -> None:
    """Remember which profile to open next time."""
    with _writing(root / PROFILES / _LAST) as path:
        _replace(path, name + "\n")


def load(root: Path, name: str) -> Profile:
    """Read a profile's settings.

    Raises:
        Refused: there is no profile of that name.
        SettingInvalid: its settings are not what this program knows.
    """
    folder = root / PROFILES / _checked(name)
    if not (folder / SETTINGS).exists():
        there = ", ".join(names(root)) or "none yet"
        raise Refused(RefusalCode.NOT_FOUND, f"there is no profile {name!r}; there are: {there}")
    return load_folder(folder)


def create(
    root: Path,
    name: str,
    passphrase: str,
    *,
    mode: Mode = Mode.SIM,
    broker: BrokerName | None = None,
    feed: FeedName | None = None,
    cost: Cost = COST,
) -> Profile:
    """Make a profile with its first user, keys and database: whole, or not at all.

    Raises:
        Refused: the name is taken or cannot be one, or the passphrase is too short; nothing was written.
        SettingInvalid: mode and broker do not go together; nothing was written.
        StorageUnwritable: the disk takes nothing; nothing was left behind.
    """
    folder = new_folder(root, name)
    usual = BrokerName.SIMULATOR if mode is Mode.SIM else BrokerName.ALPACA
    text = profile_text(mode, broker or usual, feed)
    vault.check_passphrase(passphrase, (OWNER, name))
    partial = _make_folder(root, f".{name}-")
    try:
        _begin(partial, text)
        build(load_folder(partial), passphrase, cost=cost)
        with _writing(folder):
            partial.rename(folder)
            sync_folder(folder.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return load(root, name)


def folder_of(root: Path, name: str) -> Path:
    """Return where a profile of a name stands, or would.

    Raises:
        Refused: it cannot be a name.
    """
    return root / PROFILES / _checked(name)


def new_folder(root: Path, name: str) -> Path:
    """Return where a new profile would stand.

    Raises:
        Refused: the name is taken or cannot be one.
    """
    folder = folder_of(root, name)
    if folder.exists():
        raise Refused(RefusalCode.NAME_TAKEN, f"{folder} exists already; nothing was overwritten")
    return folder


def build(profile: Profile, passphrase: str, *, cost: Cost = COST) -> Key:
    """Make keys and database of a profile that has neither; takes the keys back if the database fails."""
    from core.storage.store import open_store

    key = vault.create(profile.folder, passphrase, OWNER, cost=cost)
    is_built = False
    try:
        open_store(profile.database, key, create=True, owner=OWNER).close()
        is_built = True
    finally:
        if not is_built:
            (profile.folder / "keys.json").unlink(missing_ok=True)
    return key


def unlock(profile: Profile, passphrase: str | None, *, by_keyring: bool = False) -> Unlocked:
    """Let in whoever the passphrase belongs to. A profile that was never used is made with it.

    Args:
        by_keyring: whether the keyring may open it where no passphrase is given. May wait for a person.

    Raises:
        WrongPassphrase: it opens no slot, or none was given.
        DatabaseMissing: keys or other traces of use are there, the database is not.
        Refused: the profile is new and the passphrase too short.
    """
    if profile.is_new:
        if passphrase is None:
            raise WrongPassphrase("this profile is new: a passphrase is needed to make its keys")
        return Unlocked(OWNER, build(profile, passphrase))
    if not profile.database.exists():
        raise DatabaseMissing(
            f"{profile.database} is not there, though this profile has been used; nothing was made anew. "
            "Put it back, or restore a backup"
        )
    if passphrase is None and by_keyring and vault.has_keyring(profile.folder):
        from app.keyring_slot import unlock_by_keyring

        return unlock_by_keyring(profile.folder, profile.name)
    return vault.unlock(profile.folder, passphrase)


def opens_unasked(folder: Path) -> bool:
    """Say whether the keyring of this computer may open a profile, so that nobody is asked first.

    Raises:
        StorageError: its key file cannot be read.
    """
    return vault.has_keys(folder) and vault.has_keyring(folder)


def open_profile(folder: Path, passphrase: str | None) -> OpenProfile:
    """Open a profile for trading: locked against a second instance, unlocked, and its database current.

    A rotation that was cut off is finished, a slot below today's cost is raised to it, and a database of an
    older schema is backed up and upgraded.

    Raises:
        ProfileInUse: another instance has it.
        StorageError: keys or database are not as they should be; nothing was overwritten.
        Refused: the profile is new and the passphrase too short.
    """
    from core.storage import rotation
    from core.storage.store import open_store

    profile = load_folder(folder)
    with ExitStack() as undo:
        lock = undo.enter_context(ProfileLock(profile.lock))
        rotation.settle(profile.folder, profile.database)
        unlocked = unlock(profile, passphrase, by_keyring=True)
        if passphrase is not None:
            _refresh(profile, unlocked, passphrase)
        _bring_up(profile, unlocked)
        store = open_store(profile.database, unlocked.key, create=False)
        undo.pop_all()
        return OpenProfile(profile, store, unlocked, lock)


def _bring_up(profile: Profile, unlocked: Unlocked) -> None:
    from app.opening import schema_of

    if not schema_of(profile.database, unlocked.key).is_current:
        from app.upgrading import upgrade

        upgrade(profile, unlocked)


def _refresh(profile: Profile, unlocked: Unlocked, passphrase: str) -> None:
    try:
        vault.refresh(profile.folder, unlocked, passphrase)
    except StorageUnwritable as error:
        # The slot is as it was, and the next start tries again.
        _log.warning("slot.not_raised", reason=str(error))


def keep_profile(root: Path, folder: Path, command: KeepProfile, key: Key) -> Path:
    """Give a throwaway folder what a profile has; return where it is to be moved when the program ends.

    Raises:
        Refused: the name is taken or cannot be one, the passphrase is too short, or it is kept already.
        StorageUnwritable: nothing was written.
    """
    target = root / PROFILES / _checked(command.name)
    if target.exists() or vault.has_keys(folder):
        raise Refused(
            RefusalCode.NAME_TAKEN, f"there is a profile {command.name!r} already, or this one is kept"
        )
    vault.check_passphrase(command.passphrase, (OWNER, command.name))
    # The settings first: keys are what says that it is kept.
    _begin(folder, profile_text(Mode.SIM, BrokerName.SIMULATOR))
    vault.add_slot(folder, key, OWNER, command.passphrase)
    return target


def load_folder(folder: Path) -> Profile:
    """Read the settings of the profile in a folder.

    Raises:
        SettingInvalid: they are not what this program knows.
    """
    return Profile(folder.name, folder, read_profile(folder / SETTINGS))


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise Refused(
            RefusalCode.MALFORMED,
            f"{name!r} cannot be a profile's name: at most 32 letters, digits, spaces, dots or dashes",
        )
    return name


def _make_folder(root: Path, prefix: str) -> Path:
    parent = root / PROFILES
    make_data_dir(root)
    with _writing(parent):
        parent.mkdir(mode=0o700, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=prefix, dir=parent))  # mode 0700


def _begin(folder: Path, text: str) -> None:
    with _writing(folder / SETTINGS) as path:
        _replace(path, text)


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.new")
    try:
        with os.fdopen(
            os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[Path]:
    try:
        yield path
    except OSError as error:
        raise _unwritable(path, error, "written") from error


def _unwritable(path: Path, error: OSError, verb: str) -> StorageUnwritable:
    return StorageUnwritable(
        f"{path} cannot be {verb}: {error.strerror}. Check the disk, the folder and its permissions"
    )
