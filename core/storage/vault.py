"""The profile's key: random, and kept only wrapped in one slot a user.

A passphrase never reaches the cipher. It opens a slot of `keys.json`, and in the slot lies
the raw key; so a passphrase is changed without touching the database.
"""

import json
import os
import secrets
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import (
    DatabaseDamaged,
    DatabaseMissing,
    RefusalCode,
    Refused,
    StorageUnwritable,
    WrongPassphrase,
)

KEY_BYTES = 32
SHORTEST_PASSPHRASE = 15  # NIST SP 800-63B-4, 3.1.1.2: a passphrase that is the only factor
_FILE = "keys.json"
_FORMAT = 1
_SALT_BYTES = 16
_NONCE_BYTES = 12
_MOST_MEMORY_KIB = 1024 * 1024


class Key:
    """The raw key of a database. Never shown: not in a repr, not in a traceback, not in a pickle."""

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        if len(raw) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(raw)}")
        self._raw = raw

    def reveal(self) -> bytes:
        """Return the 32 bytes, for the one call that needs them."""
        return self._raw

    def __repr__(self) -> str:
        return "Key(***)"

    def __reduce__(self) -> str:
        raise TypeError("a key is not pickled")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and secrets.compare_digest(self._raw, other._raw)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess at a passphrase costs (Argon2id).

    Attributes:
        memory_kib: memory in KiB.
        passes: how often it is gone through.
        lanes: how many threads can work on it.
    """

    memory_kib: int
    passes: int
    lanes: int


COST = Cost(memory_kib=64 * 1024, passes=3, lanes=4)  # RFC 9106, second recommended option


@dataclass(frozen=True, slots=True)
class Unlocked:
    """Whose passphrase it was, and the key behind it."""

    user: str
    key: Key


@dataclass(frozen=True, slots=True)
class _Slot:
    user: str
    cost: Cost
    salt: bytes
    nonce: bytes
    wrapped: bytes


def create(folder: Path, passphrase: str | None, user: str = "owner", *, cost: Cost = COST) -> Key:
    """Make the key of a new profile.

    Args:
        folder: the profile's folder; it exists.
        passphrase: opens the first slot; None for a throwaway profile, whose key is written nowhere.
        user: name of the first slot.
        cost: of one guess; lowered by tests only.

    Raises:
        Refused: the passphrase is too short, or the folder has keys already; nothing was written.
        StorageUnwritable: the key file could not be written.
    """
    key = Key(secrets.token_bytes(KEY_BYTES))
    if passphrase is None:
        return key
    if has_keys(folder):
        raise Refused(RefusalCode.NAME_TAKEN, f"{folder / _FILE} exists already; nothing was overwritten")
    add_slot(folder, key, user, passphrase, cost=cost)
    return key


def has_keys(folder: Path) -> bool:
    """Say whether a key file is there: then a database was made too, and its absence is a loss."""
    return (folder / _FILE).exists()


def unlock(folder: Path, passphrase: str | None) -> Unlocked:
    """Find the slot that a passphrase opens.

    Raises:
        WrongPassphrase: it opens none.
        DatabaseMissing: there is no key file.
        DatabaseDamaged: the key file is not what was written.
    """
    slots = _read(folder)
    if passphrase is None:
        raise WrongPassphrase("this profile is locked: a passphrase is needed")
    for slot in slots:
        raw = _unwrap(slot, passphrase)
        if raw is not None:
            return Unlocked(slot.user, Key(raw))
    raise WrongPassphrase(
        "the passphrase opens no key slot of this profile; check capitals and layout and try again"
    )


def users(folder: Path) -> tuple[str, ...]:
    """List the users that have a slot, in the order in which they were added."""
    return tuple(slot.user for slot in _read(folder))


def add_slot(folder: Path, key: Key, user: str, passphrase: str, *, cost: Cost = COST) -> None:
    """Let one more user open the profile; makes the key file if there is none.

    Raises:
        Refused: the passphrase is too short, the name is empty or taken; nothing was written.
        StorageUnwritable: the key file could not be written; the one before is as it was.
    """
    check_passphrase(passphrase)
    slots = _read(folder) if has_keys(folder) else ()
    if not user.strip():
        raise Refused(RefusalCode.MALFORMED, "a user needs a name")
    if any(slot.user == user for slot in slots):
        raise Refused(RefusalCode.NAME_TAKEN, f"there is a user {user!r} already")
    _write(folder / _FILE, (*slots, _wrap(key, user, passphrase, cost)))


def check_passphrase(passphrase: str) -> None:
    """Hold a new passphrase against the rule.

    Raises:
        Refused: it is shorter than 15 characters.
    """
    if len(_spelled(passphrase)) < SHORTEST_PASSPHRASE:
        raise Refused(
            RefusalCode.MALFORMED,
            f"a passphrase has at least {SHORTEST_PASSPHRASE} characters; four or five plain words do well",
        )


def _spelled(passphrase: str) -> str:
    # One spelling whatever the keyboard sends for an accented letter (NIST SP 800-63B-4, 3.1.1.2).
    return unicodedata.normalize("NFKC", passphrase)


def _kek(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    from argon2.low_level import Type, hash_secret_raw

    return hash_secret_raw(
        _spelled(passphrase).encode("utf-8", "surrogatepass"),
        salt,
        time_cost=cost.passes,
        memory_cost=cost.memory_kib,
        parallelism=cost.lanes,
        hash_len=KEY_BYTES,
        type=Type.ID,
    )


def _bound(user: str, cost: Cost) -> bytes:
    # What stands beside the wrapped key is authenticated with it: a slot cannot be renamed or weakened.
    return json.dumps([_FORMAT, user, cost.memory_kib, cost.passes, cost.lanes]).encode()


def _wrap(key: Key, user: str, passphrase: str, cost: Cost) -> _Slot:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    wrapped = AESGCM(_kek(passphrase, salt, cost)).encrypt(nonce, key.reveal(), _bound(user, cost))
    return _Slot(user, cost, salt, nonce, wrapped)


def _unwrap(slot: _Slot, passphrase: str) -> bytes | None:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    kek = _kek(passphrase, slot.salt, slot.cost)
    try:
        return AESGCM(kek).decrypt(slot.nonce, slot.wrapped, _bound(slot.user, slot.cost))
    except InvalidTag:
        return None


def _read(folder: Path) -> tuple[_Slot, ...]:
    path = folder / _FILE
    try:
        found = json.loads(path.read_bytes())
        return _slots(found)
    except FileNotFoundError as error:
        raise DatabaseMissing(f"{path} is not there: without it the profile cannot be opened") from error
    except OSError as error:
        raise StorageUnwritable(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DatabaseDamaged(
            f"{path} is not a key file of this program; restore it from a backup"
        ) from error


def _slots(found: Mapping[str, Any]) -> tuple[_Slot, ...]:
    if found["format"] != _FORMAT:
        raise ValueError(f"format {found['format']!r}")
    return tuple(_slot(entry) for entry in found["slots"])


def _slot(entry: Mapping[str, str | int]) -> _Slot:
    cost = Cost(int(entry["memory_kib"]), int(entry["passes"]), int(entry["lanes"]))
    # A key file from elsewhere must not be able to eat all memory before it is refused.
    if not (8 <= cost.memory_kib <= _MOST_MEMORY_KIB and 1 <= cost.passes <= 32 and 1 <= cost.lanes <= 16):
        raise ValueError(f"cost out of range: {cost}")
    salt, nonce, wrapped = (
        b64decode(str(entry[name]), validate=True) for name in ("salt", "nonce", "wrapped")
    )
    if (len(salt), len(nonce), len(wrapped)) != (_SALT_BYTES, _NONCE_BYTES, KEY_BYTES + 16):
        raise ValueError("lengths of a slot")
    return _Slot(str(entry["user"]), cost, salt, nonce, wrapped)


def _write(path: Path, slots: tuple[_Slot, ...]) -> None:
    entries = [
        {
            "user": slot.user,
            "kdf": "argon2id",
            "memory_kib": slot.cost.memory_kib,
            "passes": slot.cost.passes,
            "lanes": slot.cost.lanes,
            "salt": b64encode(slot.salt).decode(),
            "nonce": b64encode(slot.nonce).decode(),
            "wrapped": b64encode(slot.wrapped).decode(),
        }
        for slot in slots
    ]
    text = json.dumps({"format": _FORMAT, "slots": entries}, indent=1).encode()
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        try:
            # Nobody else may read it, not even for the moment before a chmod.
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StorageUnwritable(f"{path} cannot be written: {error.strerror}; nothing was changed") from error


def sync_folder(folder: Path) -> None:
    """Put a folder's entries on stable storage, so that a new or renamed file in it survives a power cut."""
    if os.name == "nt":  # there a folder cannot be opened, and a rename is journalled
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
