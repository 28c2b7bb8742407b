"""Ways in: a passphrase, the operating system's keyring, a recovery key."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from core.clock import Clock, SystemClock
from core.errors import WrongPassphrase
from core.storage.vault import recovery, tries
from core.storage.vault.key import Key
from core.storage.vault.key_file import FILE, KeyFile, check_seal, read
from core.storage.vault.slots import Slot, SlotKind, opened_by_passphrase, opened_by_secret


@dataclass(frozen=True, slots=True)
class Unlocked:
    """Who was let in, and the key behind the slot.

    Attributes:
        wrong_tries: how many were made in vain before.
        guess_s: how long one guess at the passphrase takes on this machine, seconds; 0 where there was none.
    """

    user: str
    key: Key
    wrong_tries: int = field(default=0, compare=False)
    guess_s: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class KeyAges:
    """When keys were made; None where it was not noted.

    Attributes:
        data_key: of the database.
        passphrases: of each user.
        recovery: of the recovery key; None also where there is none.
    """

    data_key: datetime | None
    passphrases: tuple[tuple[str, datetime | None], ...]
    recovery: datetime | None


def has_keys(folder: Path) -> bool:
    """Say whether a key file is there: then a database was made too, and its absence is a loss."""
    return (folder / FILE).exists()


def has_keyring(folder: Path) -> bool:
    """Say whether a slot of the keyring is there.

    Raises:
        DatabaseMissing, DatabaseDamaged, StorageUnwritable: the key file cannot be read.
    """
    return bool(read(folder).of(SlotKind.KEYRING))


def unlock(folder: Path, passphrase: str | None, clock: Clock | None = None) -> Unlocked:
    """Find the slot that a passphrase opens.

    Raises:
        WrongPassphrase: it opens none, or too many were wrong before and it is to wait.
        DatabaseMissing: there is no key file.
        DatabaseDamaged: the key file is not what was written.
    """
    found = read(folder)
    if passphrase is None:
        raise WrongPassphrase("this profile is locked: a passphrase is needed")
    clock = clock or SystemClock()
    wrong = tries.begin(folder, clock.now())
    for slot in found.of(SlotKind.PASSPHRASE):
        began = clock.monotonic()
        key = opened_by_passphrase(slot, passphrase)
        if key is not None:
            guess_s = clock.monotonic() - began
            return _let_in(folder, found, Unlocked(slot.user, key, wrong, guess_s))
    raise WrongPassphrase(
        "the passphrase opens no key slot of this profile; check capitals and layout and try again"
    )


def unlock_with_keyring(folder: Path, secret: bytes) -> Unlocked:
    """Open the slot of the keyring with what the keyring holds.

    Raises:
        WrongPassphrase: it opens none; nobody typed anything, so it is not counted as a try.
        DatabaseMissing, DatabaseDamaged: as `unlock`.
    """
    found = read(folder)
    opened = _opened(found.of(SlotKind.KEYRING), secret)
    if opened is None:
        raise WrongPassphrase("what the keyring holds opens no slot of this profile; give a passphrase")
    return _checked(folder, found, opened)


def unlock_with_recovery(folder: Path, text: str, clock: Clock | None = None) -> Unlocked:
    """Open the slot of the recovery key.

    Raises:
        Refused: it is no recovery key, or a letter was misread.
        WrongPassphrase: it is that of another profile, or an old one; or it is to wait as in `unlock`.
        DatabaseMissing, DatabaseDamaged: as `unlock`.
    """
    found = read(folder)
    secret = recovery.read(text)
    wrong = tries.begin(folder, (clock or SystemClock()).now())
    opened = _opened(found.of(SlotKind.RECOVERY), secret)
    if opened is None:
        raise WrongPassphrase(
            "this recovery key opens no slot of this profile: it is another's, or an old one"
        )
    return _let_in(folder, found, Unlocked(opened.user, opened.key, wrong))


def users(folder: Path) -> tuple[str, ...]:
    """List the users that have a passphrase, in the order in which they were added."""
    return tuple(slot.user for slot in read(folder).of(SlotKind.PASSPHRASE))


def generation(folder: Path) -> int:
    """Return how often the database got a raw key."""
    return read(folder).generation


def ages(folder: Path) -> KeyAges:
    """Return when the keys of a profile were made."""
    found = read(folder)
    passphrases = tuple((slot.user, slot.made_at) for slot in found.of(SlotKind.PASSPHRASE))
    paper = next((slot.made_at for slot in found.of(SlotKind.RECOVERY)), None)
    return KeyAges(found.key_made_at, passphrases, paper)


def _opened(slots: Iterable[Slot], secret: bytes) -> Unlocked | None:
    for slot in slots:
        key = opened_by_secret(slot, secret)
        if key is not None:
            return Unlocked(slot.user, key)
    return None


def _let_in(folder: Path, found: KeyFile, unlocked: Unlocked) -> Unlocked:
    checked = _checked(folder, found, unlocked)
    tries.succeed(folder)
    return checked


def _checked(folder: Path, found: KeyFile, unlocked: Unlocked) -> Unlocked:
    check_seal(folder, found, unlocked.key)
    return unlocked
