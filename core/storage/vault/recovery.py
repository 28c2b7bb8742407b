"""The recovery key as it stands on paper: 160 random bits, in groups, with a sum that finds a slip."""

import hashlib
import secrets

from core.errors import RefusalCode, Refused

_BYTES = 20
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_GROUP = 4
_GROUPS = 9  # eight of the key, one of its sum
_ALIKE = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None, "\t": None})
_LABEL = b"investiq recovery key v1"


def new_recovery() -> bytes:
    """Make the bytes of a recovery key."""
    return secrets.token_bytes(_BYTES)


def printed(raw: bytes) -> str:
    """Write a recovery key as nine groups of four."""
    text = _digits(raw, _BYTES * 8 // 5) + _digits(_sum(raw), _GROUP)
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def read(text: str) -> bytes:
    """Read a recovery key as somebody typed it from paper: in any case, with or without dashes.

    Raises:
        Refused: it is none, or something in it was misread; it is not quoted.
    """
    typed = text.upper().translate(_ALIKE).strip()
    if len(typed) != _GROUP * _GROUPS or not set(typed) <= set(_ALPHABET):
        raise Refused(
            RefusalCode.MALFORMED,
            f"a recovery key has {_GROUPS} groups of {_GROUP} letters and digits, without the letter U",
        )
    number = 0
    for letter in typed[:-_GROUP]:
        number = number * 32 + _ALPHABET.index(letter)
    raw = number.to_bytes(_BYTES, "big")
    if printed(raw).replace("-", "") != typed:
        raise Refused(
            RefusalCode.MALFORMED, "this recovery key does not add up: a letter was misread; look again"
        )
    return raw


def _sum(raw: bytes) -> bytes:
    # 20 bits of a digest: a slip goes unnoticed once in a million.
    number = int.from_bytes(hashlib.sha256(_LABEL + raw).digest()[:3], "big") >> 4
    return number.to_bytes(3, "big")


def _digits(raw: bytes, count: int) -> str:
    number = int.from_bytes(raw, "big")
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(count)))
