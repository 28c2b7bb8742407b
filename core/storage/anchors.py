"""The key that signs the audit chain's head, and the files that signed heads are appended to.

The private half is sealed under a key of its own, derived from the profile's, as in `secrets`.
"""

import json
import os
import secrets
import threading
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import DatabaseDamaged, StorageUnwritable
from core.storage.private_file import replacing
from core.storage.vault import Key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_FILE = "anchor.key"
FILE = "anchors.jsonl"
SIDE_FILE = "side file"
EVERY_S = 0.5  # a head is anchored a second after it moved, at the latest
MOST_LINES = 1_024
_UNTOUCHED = 256
_FORMAT = 1
_NONCE_BYTES = 12
_LABEL = b"investiq anchor.key v1"
_LARGEST = 8 * 1024 * 1024


class SigningKey:
    """`ports.anchors.Signer`. Never shown, like the key that it is sealed under."""

    def __init__(self, private: "Ed25519PrivateKey") -> None:
        self._private = private
        self.public_key = private.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of a signature."""
        return self._private.sign(message)

    def sealed(self, key: Key) -> bytes:
        """Return what its file holds: the private half under a profile's key."""
        return _sealed(self._private, key)


def find_signing_key(folder: Path, key: Key) -> SigningKey | None:
    """Return a profile's key; None where none was made yet.

    Raises:
        DatabaseDamaged: the file is not what was written under this profile's key, or was taken away.
        StorageUnwritable: it cannot be read.
    """
    from cryptography.exceptions import InvalidTag

    path = folder / KEY_FILE
    try:
        return SigningKey(_opened(json.loads(path.read_bytes()), key))
    except FileNotFoundError:
        if not _whole_lines(folder / FILE):
            return None
        raise DatabaseDamaged(
            f"{path} is not there, though heads of the audit chain were signed with it; "
            "put it back, or restore a backup"
        ) from None
    except OSError as error:
        raise StorageUnwritable(f"{path} cannot be read: {error.strerror}") from error
    except (InvalidTag, ValueError, KeyError, TypeError):
        # The cause could quote what was decrypted.
        raise DatabaseDamaged(
            f"{path} is not what was written under this profile's key; restore it from a backup"
        ) from None


def signing_key(folder: Path, key: Key) -> SigningKey:
    """Return a profile's key, made now if there is none, with an empty side file beside it.

    Raises:
        DatabaseDamaged: as `find_signing_key`.
        StorageUnwritable: no key was made.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    found = find_signing_key(folder, key)
    if found is not None:
        return found
    private = Ed25519PrivateKey.generate()
    # The side file first: where there is a key, its absence is a loss, and a crash must not look like one.
    with replacing(folder / FILE):
        pass
    with replacing(folder / KEY_FILE) as file:
        file.write(_sealed(private, key))
    return SigningKey(private)


def reseal(folder: Path, key: Key, new: Key, name: str) -> None:
    """Write the signing key, sealed under another key, into a file of another name; without one, do nothing.

    Raises:
        DatabaseDamaged, StorageUnwritable: the file of that name is not there.
    """
    found = find_signing_key(folder, key)
    if found is not None:
        with replacing(folder / name) as file:
            file.write(found.sealed(new))


class AnchorFile:
    """`ports.anchors.Witness` in a file: one line a head, forced to the disk.

    It stays small: of older lines every other one is dropped now and then. One line proves all that stands
    before it; more of them only tell the place of a change closer.

    Args:
        path: the file; its folder exists.
        is_expected: whether a missing file is a loss, since it was made together with the key.
    """

    every_s = EVERY_S

    def __init__(self, path: Path, place: str = SIDE_FILE, *, is_expected: bool = True) -> None:
        self.place = place
        self._path = path
        self._is_expected = is_expected
        self._lock = threading.Lock()
        self._count: int | None = None

    def keep(self, line: str) -> None:
        """Append a line; once it returns, it is on stable storage.

        Raises:
            DatabaseDamaged, StorageUnwritable: what was kept before is there still.
        """
        with self._lock:
            try:
                is_begun = self._is_expected or self._path.exists()
                if self._count is None or self._count >= MOST_LINES or not is_begun:
                    self._count = self._tidy()
                _append(self._path, line.encode() + b"\n")
                self._count += 1
            except OSError as error:
                self._count = None
                raise StorageUnwritable(f"{self._path} cannot be written: {error.strerror}") from error

    def lines(self) -> tuple[str, ...]:
        """List what is kept; a last line that a power cut has torn is not.

        Raises:
            DatabaseDamaged: the file was made, and is gone.
            StorageUnwritable: it cannot be read.
        """
        if self._is_expected and not self._path.exists():
            raise DatabaseDamaged(
                f"{self._path} is not there, though it was made with the profile's key. Put it back; "
                "if it is lost for good, make an empty one, mode 0600, to begin anew"
            )
        return _whole_lines(self._path)

    def _tidy(self) -> int:
        lines = self.lines()
        if len(lines) >= MOST_LINES:
            lines = (*lines[:-_UNTOUCHED:2], *lines[-_UNTOUCHED:])
        kept = "".join(f"{each}\n" for each in lines).encode()
        if not self._path.exists() or self._path.stat().st_size != len(kept):
            with replacing(self._path) as file:
                file.write(kept)
        return len(lines)


def _whole_lines(path: Path) -> tuple[str, ...]:
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST).decode("utf-8", "replace")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StorageUnwritable(f"{path} cannot be read: {error.strerror}") from error
    return tuple(text.split("\n")[:-1])


def _append(path: Path, line: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_APPEND)
    with os.fdopen(handle, "ab") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _sealed(private: "Ed25519PrivateKey", key: Key) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE_BYTES)
    public = private.public_key().public_bytes_raw()
    # The public half stands open beside the private one, and is authenticated with it.
    sealed = AESGCM(key.derived(_LABEL)).encrypt(nonce, private.private_bytes_raw(), _LABEL + public)
    document = {
        "format": _FORMAT,
        "public": public.hex(),
        "nonce": b64encode(nonce).decode(),
        "sealed": b64encode(sealed).decode(),
    }
    return json.dumps(document, indent=1).encode()


def _opened(found: Mapping[str, Any], key: Key) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if found["format"] != _FORMAT:
        raise ValueError("format")
    nonce, sealed = (b64decode(str(found[name]), validate=True) for name in ("nonce", "sealed"))
    label = _LABEL + bytes.fromhex(str(found["public"]))
    return Ed25519PrivateKey.from_private_bytes(AESGCM(key.derived(_LABEL)).decrypt(nonce, sealed, label))
