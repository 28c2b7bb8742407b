"""What signs the head of the audit chain, and who outside the database is shown it."""

from typing import Protocol


class Signer(Protocol):
    """The installation's Ed25519 key."""

    @property
    def public_key(self) -> bytes:
        """32 bytes (RFC 8032)."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of a signature."""
        ...


class Witness(Protocol):
    """Keeps signed heads, each a line of text. Every call may take long: never on an event loop.

    Attributes:
        place: what a person calls it.
        every_s: seconds between two looks at whether there is a newer head to show it.
    """

    place: str
    every_s: float

    def keep(self, line: str) -> None:
        """Take one more; it may forget older ones.

        Raises:
            StorageUnwritable, KeyringUnavailable: what it held may be as it was.
        """
        ...

    def lines(self) -> tuple[str, ...]:
        """List what is kept, in any order.

        Raises:
            StorageError, KeyringUnavailable: nobody knows what it holds.
        """
        ...
