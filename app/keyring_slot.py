"""The way in by the operating system's keyring: whoever is logged in there opens the profile unasked."""

from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path

from app.profile import Profile
from core.adapters import keychain
from core.adapters.keychain import KeychainOpener
from core.errors import KeyringUnavailable, WrongPassphrase
from core.storage import vault
from core.storage.vault import Key, Unlocked


def offer_keyring(profile: Profile, unlocked: Unlocked) -> str:
    """Make a slot that the keyring opens; return what to tell.

    Raises:
        KeyringUnavailable: there is none that encrypts, or it did not keep what it was given.
        StorageError: the slots are as they were.
    """
    opener = _opener(profile.folder, profile.name)
    secret = vault.add_keyring(profile.folder, unlocked)
    is_kept = False
    try:
        opener.keep(b64encode(secret).decode())
        is_kept = True
    finally:
        if not is_kept:
            vault.drop_keyring(profile.folder, unlocked.key)
    return (
        f"{opener.place} opens profile {profile.name} as {unlocked.user} from now on: whoever is logged in "
        "to this computer as you needs no passphrase"
    )


def forget_keyring(profile: Profile, key: Key) -> str:
    """Close the way in by the keyring; return what to tell.

    Raises:
        StorageError: the slots are as they were.
    """
    if not vault.drop_keyring(profile.folder, key):
        return f"no keyring opened profile {profile.name}; nothing was changed"
    found = keychain.find()
    if found.backend is not None:
        # What is left in it opens nothing; it goes all the same.
        KeychainOpener(found.backend, _account(profile.folder, profile.name)).forget()
    return f"profile {profile.name} opens with a passphrase only"


def unlock_by_keyring(folder: Path, name: str) -> Unlocked:
    """Open a profile with what the keyring holds. May wait for a person.

    Raises:
        WrongPassphrase: there is no such slot, no keyring, or what it holds opens nothing.
    """
    try:
        secret = _opener(folder, name).read()
    except KeyringUnavailable as error:
        raise WrongPassphrase(f"a passphrase is needed: {error}") from error
    if secret is None:
        raise WrongPassphrase("a passphrase is needed: the keyring holds nothing for this profile")
    try:
        raw = b64decode(secret, validate=True)
    except ValueError:
        # The cause would quote what the keyring holds.
        raise WrongPassphrase("a passphrase is needed: the keyring holds something else") from None
    return vault.unlock_with_keyring(folder, raw)


def _opener(folder: Path, name: str) -> KeychainOpener:
    found = keychain.find()
    if found.backend is None:
        raise KeyringUnavailable(f"no keyring can open this profile: {found.words}")
    return KeychainOpener(found.backend, _account(folder, name))


def _account(folder: Path, name: str) -> str:
    # Another data folder with a profile of this name is another profile.
    return f"{name} {sha256(str(folder.resolve()).encode()).hexdigest()[:8]}"
