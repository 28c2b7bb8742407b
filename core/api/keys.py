"""Who sends a request: a key's text is compared in constant time, and never shown or stored."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from core.domain.access import Actor, Origin
from core.settings import ApiKey

KEY_HEADER = "X-API-Key"
_BEARER = "bearer "
_MARK = 8


class Keys:
    """The keys of one run of the program.

    Args:
        keys: as the environment has them.
        session: name of the run, for the record.
    """

    def __init__(self, keys: Sequence[ApiKey], session: str) -> None:
        self._known = {_digest(each.key): _actor(each, session) for each in keys}

    def actor(self, headers: Mapping[str, str]) -> Actor | None:
        """Return whoever a request's key belongs to; None for no key, a wrong one, or two different ones."""
        offered = _offered(headers)
        if len(offered) != 1:
            return None
        digest = _digest(offered.pop())
        found = None
        # Every key is looked at, so that the time taken says nothing about which one it was.
        for known, actor in self._known.items():
            if hmac.compare_digest(known, digest):
                found = actor
        return found


def is_offered(headers: Mapping[str, str]) -> bool:
    """Say whether a request carries a key at all, ours or not."""
    return bool(_offered(headers))


def _offered(headers: Mapping[str, str]) -> set[str]:
    return {text for text in (headers.get(KEY_HEADER), _bearer(headers)) if text is not None}


def _bearer(headers: Mapping[str, str]) -> str | None:
    text = headers.get("Authorization", "")
    return text[len(_BEARER) :].strip() if text.lower().startswith(_BEARER) else None


def _digest(text: str) -> bytes:
    # Digests have one length, so a comparison does not tell how long a key is.
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _actor(key: ApiKey, session: str) -> Actor:
    # The record tells keys apart without holding any.
    mark = _digest(key.key).hex()[:_MARK]
    return Actor(f"api-{mark}", key.role.value, Origin.API, session)
