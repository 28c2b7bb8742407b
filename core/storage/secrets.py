"""Credentials in an encrypted file of the profile, for a computer without a keyring.

They are sealed under a key of their own, derived from the profile's: whoever can unlock the database
can read them, and nobody else.
"""

import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from core.clock import Clock, SystemClock
from core.domain.credentials import Secret, SecretName, SecretPlace
from core.errors import DatabaseDamaged, StorageUnwritable
from core.storage.private_file import replacing
from core.storage.vault import Key

FILE = "secrets.enc"
PLACE = "the profile's encrypted file"
_FORMAT = 1
_NONCE_BYTES = 12
_LABEL = b"investiq secrets.enc v1"
_LARGEST = 64 * 1024


class SecretFile:
    """`ports.secret_store.SecretStore` in `secrets.enc`. One process at a time, which has the profile.

    Args:
        folder: the profile's folder.
        key: the profile's.
    """

    place = PLACE

    def __init__(self, folder: Path, key: Key, clock: Clock) -> None:
        self._path = folder / FILE
        self._key = key
        self._clock = clock

    def get(self, name: SecretName) -> Secret | None:
        """Return a credential, or None where there is none.

        Raises:
            DatabaseDamaged: the file is not what was written under this profile's key.
            StorageUnwritable: it cannot be read.
        """
        return self._read().get(name)

    def set(self, name: SecretName, text: str) -> None:
        """Store a credential.

        Raises:
            DatabaseDamaged, StorageUnwritable: the file is as it was.
        """
        self._write({**self._read(), name: Secret(text, self._clock.now())})

    def remove(self, name: SecretName) -> None:
        """Forget a credential; without one, nothing happens.

        Raises:
            DatabaseDamaged, StorageUnwritable: the file is as it was.
        """
        held = self._read()
        if held.pop(name, None) is not None:
            self._write(held)

    def names(self) -> tuple[SecretPlace, ...]:
        """List what is stored.

        Raises:
            DatabaseDamaged, StorageUnwritable: as `get`.
        """
        held = self._read()
        return tuple(SecretPlace(name, self.place, held[name].set_at) for name in SecretName if name in held)

    def all(self) -> dict[SecretName, Secret]:
        """Return every credential.

        Raises:
            DatabaseDamaged, StorageUnwritable: as `get`.
        """
        return self._read()

    def _read(self) -> dict[SecretName, Secret]:
        from cryptography.exceptions import InvalidTag

        try:
            with self._path.open("rb") as file:
                found = json.loads(file.read(_LARGEST))
            return _opened(found, self._key)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StorageUnwritable(f"{self._path} cannot be read: {error.strerror}") from error
        except (InvalidTag, ValueError, KeyError, TypeError):
            # The cause could quote what was decrypted.
            raise DatabaseDamaged(
                f"{self._path} is not what was written under this profile's key; restore it from a backup, "
                "or remove it and set the credentials anew"
            ) from None

    def _write(self, held: Mapping[SecretName, Secret]) -> None:
        with replacing(self._path) as file:
            file.write(_sealed(held, self._key))


def reseal(folder: Path, key: Key, new: Key, name: str) -> None:
    """Write a profile's credentials under another key into a file of another name; without any, do nothing.

    Raises:
        DatabaseDamaged, StorageUnwritable: the file of that name is not there.
    """
    if not (folder / FILE).exists():
        return
    held = SecretFile(folder, key, SystemClock()).all()
    with replacing(folder / name) as file:
        file.write(_sealed(held, new))


def _sealed(held: Mapping[SecretName, Secret], key: Key) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    entries = {
        name.value: {"text": each.text, "set_at": each.set_at.isoformat()} for name, each in held.items()
    }
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = AESGCM(key.derived(_LABEL)).encrypt(nonce, json.dumps(entries).encode(), _LABEL)
    document = {
        "format": _FORMAT,
        "nonce": b64encode(nonce).decode(),
        "sealed": b64encode(sealed).decode(),
    }
    return json.dumps(document, indent=1).encode()


def _opened(found: Mapping[str, object], key: Key) -> dict[SecretName, Secret]:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if found["format"] != _FORMAT:
        raise ValueError("format")
    nonce, sealed = (b64decode(str(found[name]), validate=True) for name in ("nonce", "sealed"))
    entries = json.loads(AESGCM(key.derived(_LABEL)).decrypt(nonce, sealed, _LABEL))
    return {
        SecretName(name): Secret(str(each["text"]), datetime.fromisoformat(each["set_at"]))
        for name, each in entries.items()
    }
