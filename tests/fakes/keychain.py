"""A keyring in memory, which a test must allow first: the program takes none that it does not know."""

import pytest
from keyring.backend import KeyringBackend

from core.adapters import keychain


class MemoryKeyring(KeyringBackend):
    """Keeps what it is given, and fails as it is told to."""

    priority = 0.1

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}
        self.error: Exception | None = None
        self.is_deaf = False

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error

    def get_password(self, service, username):
        self._fail()
        return self.held.get((service, username))

    def set_password(self, service, username, password):
        self._fail()
        if not self.is_deaf:
            self.held[service, username] = password

    def delete_password(self, service, username):
        self._fail()
        del self.held[service, username]


def allow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this keyring, and no other, pass for one that encrypts."""
    names = (MemoryKeyring.__module__, MemoryKeyring.__qualname__)
    monkeypatch.setattr(keychain, "ALLOWED", {names: "the test's keyring"})
