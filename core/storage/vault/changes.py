"""Changes to the slots. Each is given the key that came out of one, and writes the file whole or not."""

import secrets
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from core.clock import Clock, SystemClock
from core.errors import RefusalCode, Refused
from core.storage.vault import recovery
from core.storage.vault.cost import COST, Cost, raised
from core.storage.vault.key import KEY_BYTES, Key, random_key
from core.storage.vault.key_file import FILE, KeyFile, check_seal, read, write
from core.storage.vault.opening import Unlocked, has_keys
from core.storage.vault.passphrase import check_passphrase
from core.storage.vault.slots import (
    FORMAT,
    SlotKind,
    for_passphrase,
    for_secret,
    opened_by_passphrase,
    resealed,
)


def create(folder: Path, passphrase: str | None, user: str = "owner", *, cost: Cost = COST) -> Key:
    """Make the key of a new profile.

    Args:
        folder: the profile's folder; it exists.
        passphrase: opens the first slot; None for a throwaway profile, whose key is written nowhere.
        user: name of the first slot.
        cost: of one guess; lowered by tests only.

    Raises:
        Refused: the passphrase is none that is taken, or the folder has keys already; nothing was written.
        StorageUnwritable: the key file could not be written.
    """
    key = random_key()
    if passphrase is None:
        return key
    if has_keys(folder):
        raise Refused(RefusalCode.NAME_TAKEN, f"{folder / FILE} exists already; nothing was overwritten")
    add_slot(folder, key, user, passphrase, cost=cost)
    return key


def add_slot(
    folder: Path, key: Key, user: str, passphrase: str, *, cost: Cost = COST, replaces: bool = False
) -> None:
    """Let one more user open the profile; makes the key file if there is none.

    Args:
        replaces: whether a slot of that name is left over, and is written anew.

    Raises:
        Refused: the passphrase is none that is taken or another user's, or the name is empty or taken;
            nothing was written.
        DatabaseDamaged: the key file was changed by something else.
        StorageUnwritable: the key file could not be written; the one before is as it was.
    """
    if not user.strip():
        raise Refused(RefusalCode.MALFORMED, "a user needs a name")
    check_passphrase(passphrase, (user, folder.name))
    now = SystemClock().now()
    found = _sealable(folder, key) if has_keys(folder) else KeyFile(FORMAT, 1, now, ())
    if not replaces and any(slot.user == user for slot in found.of(SlotKind.PASSPHRASE)):
        raise Refused(RefusalCode.NAME_TAKEN, f"there is a user {user!r} already")
    _check_unused(found, passphrase)
    write(folder, found.with_slot(for_passphrase(user, passphrase, cost, key, now)), key)


def set_passphrase(folder: Path, unlocked: Unlocked, passphrase: str, *, cost: Cost = COST) -> None:
    """Give the user who was let in another passphrase.

    Raises:
        Refused, DatabaseDamaged, StorageUnwritable: as `add_slot`; the one before still opens.
    """
    check_passphrase(passphrase, (unlocked.user, folder.name))
    found = _read(folder, unlocked.key)
    _check_unused(found, passphrase)
    _put(folder, found, unlocked, passphrase, cost)


def refresh(folder: Path, unlocked: Unlocked, passphrase: str) -> bool:
    """Write the slot anew where its format or its cost is not today's; say whether it was.

    Args:
        unlocked: as the passphrase opened it just now, on a profile that nobody else has.

    Raises:
        DatabaseDamaged, StorageUnwritable: it is as it was.
    """
    found = _read(folder, unlocked.key)
    slot = next((each for each in found.of(SlotKind.PASSPHRASE) if each.user == unlocked.user), None)
    if slot is None or slot.cost is None:
        return False
    wanted = raised(slot.cost, unlocked.guess_s)
    if wanted == slot.cost and not slot.is_first_format:
        return False
    _put(folder, found, unlocked, passphrase, wanted, slot.made_at)
    return True


def add_recovery(folder: Path, unlocked: Unlocked) -> str:
    """Make a recovery key for the user who was let in, in the place of the one before; return it, once.

    Raises:
        DatabaseDamaged, StorageUnwritable: the one before still opens.
    """
    found, raw = _sealable(folder, unlocked.key), recovery.new_recovery()
    slot = for_secret(SlotKind.RECOVERY, unlocked.user, raw, unlocked.key, SystemClock().now())
    others = tuple(each for each in found.slots if each.kind is not SlotKind.RECOVERY)
    write(folder, replace(found, slots=(*others, slot)), unlocked.key)
    return recovery.printed(raw)


def add_keyring(folder: Path, unlocked: Unlocked) -> bytes:
    """Make the slot of the keyring, in the place of the one before; return what the keyring is to hold.

    Raises:
        DatabaseDamaged, StorageUnwritable: the slots are as they were.
    """
    found, secret = _sealable(folder, unlocked.key), secrets.token_bytes(KEY_BYTES)
    slot = for_secret(SlotKind.KEYRING, unlocked.user, secret, unlocked.key, SystemClock().now())
    others = tuple(each for each in found.slots if each.kind is not SlotKind.KEYRING)
    write(folder, replace(found, slots=(*others, slot)), unlocked.key)
    return secret


def drop_keyring(folder: Path, key: Key) -> bool:
    """Close the way in by the keyring; False where there was none.

    Raises:
        DatabaseDamaged, StorageUnwritable: the slots are as they were.
    """
    found = _read(folder, key)
    kept = tuple(each for each in found.slots if each.kind is not SlotKind.KEYRING)
    if len(kept) == len(found.slots):
        return False
    write(folder, replace(found, slots=kept), key)
    return True


def rotated(folder: Path, key: Key, new: Key, now: datetime, without: str | None = None) -> KeyFile:
    """Return the key file as it is to be when the database has another raw key.

    Args:
        without: a user whose slots are left out.

    Raises:
        Refused: the slot is of the first format; whoever it belongs to opens the profile once before.
        DatabaseDamaged: the key file was changed by something else.
    """
    found = _sealable(folder, key)
    kept = tuple(resealed(slot, new) for slot in found.slots if slot.user != without)
    return KeyFile(FORMAT, found.generation + 1, now, kept)


def _read(folder: Path, key: Key) -> KeyFile:
    found = read(folder)
    check_seal(folder, found, key)
    return found


def _sealable(folder: Path, key: Key) -> KeyFile:
    found = _read(folder, key)
    if any(slot.is_first_format for slot in found.slots):
        raise Refused(
            RefusalCode.NOT_READY,
            "this profile's keys have their first format; open the profile once, which brings them to "
            "today's, then try again",
        )
    return found


def _check_unused(found: KeyFile, passphrase: str) -> None:
    # A passphrase names its user, so no two may have the same.
    if any(opened_by_passphrase(slot, passphrase) is not None for slot in found.of(SlotKind.PASSPHRASE)):
        raise Refused(RefusalCode.WEAK_PASSPHRASE, "this passphrase is in use already; take another")


def _put(
    folder: Path,
    found: KeyFile,
    unlocked: Unlocked,
    passphrase: str,
    cost: Cost,
    made_at: datetime | None = None,
) -> None:
    clock: Clock = SystemClock()
    slot = for_passphrase(unlocked.user, passphrase, cost, unlocked.key, made_at or clock.now())
    if found.format == 1:
        found = KeyFile(FORMAT, found.generation, found.key_made_at, ())
    write(folder, found.with_slot(slot), unlocked.key)
