"""The raw key of a database, and the keys that are derived from it."""

import secrets

KEY_BYTES = 32


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

    def derived(self, label: bytes) -> bytes:
        """Return 32 bytes that follow from the key and a purpose, and tell nothing of either."""
        return expanded(self._raw, label)

    def __repr__(self) -> str:
        return "Key(***)"

    def __reduce__(self) -> str:
        raise TypeError("a key is not pickled")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and secrets.compare_digest(self._raw, other._raw)

    __hash__ = None  # type: ignore[assignment]


def random_key() -> Key:
    """Make a key that nobody has had before."""
    return Key(secrets.token_bytes(KEY_BYTES))


def expanded(secret: bytes, label: bytes, salt: bytes | None = None) -> bytes:
    """Make a key of a secret that is random already (HKDF with SHA-256, RFC 5869)."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), KEY_BYTES, salt=salt, info=label).derive(secret)
