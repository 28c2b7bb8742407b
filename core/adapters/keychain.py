"""The operating system's keyring behind `ports.secret_store`; only back ends that are known to encrypt."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Protocol

from core.clock import Clock
from core.domain.credentials import Secret, SecretName, SecretPlace
from core.errors import KeyringUnavailable

SERVICE = "InvestIQ"
# Class by class, never `keyring.get_keyring()`: that follows a variable, a file and whatever is installed,
# down to back ends that write plain text or nothing at all.
ALLOWED: dict[tuple[str, str], str] = {
    ("keyring.backends.macOS", "Keyring"): "the macOS keychain",
    ("keyring.backends.Windows", "WinVaultKeyring"): "the Windows credential vault",
    ("keyring.backends.SecretService", "Keyring"): "the Secret Service keyring",
    ("keyring.backends.kwallet", "DBusKeyring"): "KWallet",
}
_PROBE = "probe"
_ANCHOR_EVERY_S = 0.5  # a write takes some 30 ms, and only a head that has moved is written


class Backend(Protocol):
    """What is asked of a back end of the keyring library, which is slow to import."""

    def get_password(self, service: str, username: str) -> str | None: ...
    def set_password(self, service: str, username: str, password: str) -> None: ...
    def delete_password(self, service: str, username: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Found:
    """The keyring of this session.

    Attributes:
        backend: None where there is none that may be used.
        words: which one it is, or why there is none.
    """

    backend: Backend | None
    words: str


def find() -> Found:
    """Look for a keyring that encrypts and answers. A locked one may ask the person to unlock it."""
    reasons = []
    for module, name in ALLOWED:
        kind = getattr(import_module(module), name)
        if not kind.viable:
            continue
        backend: Backend = kind()
        try:
            # Present is not enough: without a screen, a locked one can be neither read nor unlocked.
            with _asking(backend):
                backend.get_password(SERVICE, _PROBE)
        except KeyringUnavailable as error:
            reasons.append(str(error))
            continue
        return Found(backend, place_of(backend))
    return Found(None, "; ".join(reasons) or "this session has no keyring that encrypts")


def place_of(backend: Backend) -> str:
    """Return what a person calls a keyring.

    Raises:
        KeyringUnavailable: it is none of those allowed, such as one that writes plain text.
    """
    kind = type(backend)
    place = ALLOWED.get((kind.__module__, kind.__qualname__))
    if place is None:
        words = f"{kind.__module__}.{kind.__qualname__} is not a keyring that is known to encrypt"
        raise KeyringUnavailable(f"{words}; nothing is stored in it")
    return place


class Keychain:
    """Credentials of one profile in the keyring: service InvestIQ, account PROFILE/NAME.

    Raises:
        KeyringUnavailable: the back end is none of those allowed.
    """

    def __init__(self, backend: Backend, profile: str, clock: Clock) -> None:
        self.place = place_of(backend)
        self._backend = backend
        self._profile = profile
        self._clock = clock

    def get(self, name: SecretName) -> Secret | None:
        """Return a credential, or None where there is none."""
        with _asking(self._backend):
            stored = self._backend.get_password(SERVICE, self._account(name))
        return None if stored is None else _read(stored, self._account(name))

    def set(self, name: SecretName, text: str) -> None:
        """Store a credential, and read it back: some keyrings drop what they cannot hold."""
        stored = json.dumps({"set_at": self._clock.now().isoformat(), "text": text})
        with _asking(self._backend):
            self._backend.set_password(SERVICE, self._account(name), stored)
            found = self._backend.get_password(SERVICE, self._account(name))
        if found != stored:
            raise KeyringUnavailable(f"{self.place} did not keep {self._account(name)} as it was given")

    def remove(self, name: SecretName) -> None:
        """Forget a credential; without one, nothing happens."""
        with _asking(self._backend):
            if self._backend.get_password(SERVICE, self._account(name)) is not None:
                self._backend.delete_password(SERVICE, self._account(name))

    def names(self) -> tuple[SecretPlace, ...]:
        """List what is stored: a keyring cannot be searched, so each known name is asked for."""
        held = ((name, self.get(name)) for name in SecretName)
        return tuple(SecretPlace(name, self.place, each.set_at) for name, each in held if each is not None)

    def _account(self, name: SecretName) -> str:
        return f"{self._profile}/{name}"


class KeychainAnchor:
    """`ports.anchors.Witness` in the keyring: the newest signed head of one profile, account PROFILE/anchor.

    Raises:
        KeyringUnavailable: the back end is none of those allowed.
    """

    every_s = _ANCHOR_EVERY_S

    def __init__(self, backend: Backend, profile: str) -> None:
        self.place = place_of(backend)
        self._backend = backend
        self._account = f"{profile}/anchor"

    def keep(self, line: str) -> None:
        """Keep a head in the place of the one before."""
        with _asking(self._backend):
            self._backend.set_password(SERVICE, self._account, line)

    def lines(self) -> tuple[str, ...]:
        """Return the one that is kept, if there is one."""
        with _asking(self._backend):
            found = self._backend.get_password(SERVICE, self._account)
        return () if found is None else (found,)


class KeychainOpener:
    """What opens one profile's slot of the keyring, account PROFILE/unlock.

    Raises:
        KeyringUnavailable: the back end is none of those allowed.
    """

    def __init__(self, backend: Backend, profile: str) -> None:
        self.place = place_of(backend)
        self._backend = backend
        self._account = f"{profile}/unlock"

    def keep(self, secret: str) -> None:
        """Store it, and read it back: some keyrings drop what they cannot hold."""
        with _asking(self._backend):
            self._backend.set_password(SERVICE, self._account, secret)
            found = self._backend.get_password(SERVICE, self._account)
        if found != secret:
            raise KeyringUnavailable(f"{self.place} did not keep {self._account} as it was given")

    def read(self) -> str | None:
        """Return it, or None where there is none."""
        with _asking(self._backend):
            return self._backend.get_password(SERVICE, self._account)

    def forget(self) -> None:
        """Remove it; without one, nothing happens."""
        with _asking(self._backend):
            if self._backend.get_password(SERVICE, self._account) is not None:
                self._backend.delete_password(SERVICE, self._account)


def _read(stored: str, account: str) -> Secret:
    try:
        found = json.loads(stored)
        return Secret(str(found["text"]), datetime.fromisoformat(found["set_at"]))
    except (ValueError, KeyError, TypeError):
        # The cause would quote the value.
        raise KeyringUnavailable(
            f"{SERVICE}, {account} in the keyring was not written by this program; remove it there"
        ) from None


@contextmanager
def _asking(backend: Backend) -> Iterator[None]:
    try:
        yield
    except _failures() as error:
        raise KeyringUnavailable(f"{place_of(backend)} gave no answer: {_words(error)}") from error


def _failures() -> tuple[type[Exception], ...]:
    from keyring.errors import KeyringError

    # What keyring 25.7 lets through from the libraries under it.
    kinds: list[type[Exception]] = [KeyringError, OSError]
    for module, name in (
        ("secretstorage.exceptions", "SecretStorageException"),
        ("jeepney.wrappers", "DBusErrorResponse"),
        ("dbus", "DBusException"),
        ("win32ctypes.pywin32.pywintypes", "error"),
    ):
        try:
            kinds.append(getattr(import_module(module), name))
        except ImportError:
            continue
    return tuple(kinds)


def _words(error: Exception) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__
