"""A place that keeps credentials: the operating system's keyring, or an encrypted file of the profile.

Every call may take long, since a keyring may ask a person to unlock it: never on an event loop.
"""

from typing import Protocol

from core.domain.credentials import Secret, SecretName, SecretPlace


class SecretStore(Protocol):
    """Credentials of one profile, by name.

    Attributes:
        place: what a person calls it.
    """

    place: str

    def get(self, name: SecretName) -> Secret | None:
        """Return a credential, or None where there is none.

        Raises:
            KeyringUnavailable: nobody knows whether it is there.
            StorageError: the file cannot be read, or is not what was written.
        """
        ...

    def set(self, name: SecretName, text: str) -> None:
        """Store a credential in the place of the one before; the text was checked.

        Raises:
            KeyringUnavailable: the one before may be as it was.
            StorageError: the one before is as it was.
        """
        ...

    def remove(self, name: SecretName) -> None:
        """Forget a credential; without one, nothing happens.

        Raises:
            KeyringUnavailable, StorageError: it may be there still.
        """
        ...

    def names(self) -> tuple[SecretPlace, ...]:
        """List what is stored, without values.

        Raises:
            KeyringUnavailable, StorageError: as `get`.
        """
        ...
