"""Where secrets rest outside the database."""

from typing import Protocol


class SecretStore(Protocol):
    """The operating system's keyring, or a stand-in of the profile's own."""

    def get(self, name: str) -> bytes | None:
        """Return a secret, or None if there is none."""
        ...

    def set(self, name: str, secret: bytes) -> None:
        """Store a secret."""
        ...

    def remove(self, name: str) -> None:
        """Forget a secret; unknown names are no error."""
        ...
