"""A slot: a pair of X25519 keys whose private half somebody can open, and the key sealed to its public half.

Sealing needs the public half only. So the raw key can be replaced for every user while only one of them is
there, and a user can be left out of the next one.
"""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.storage.vault.cost import Cost, stretched
from core.storage.vault.key import KEY_BYTES, Key, expanded
from core.storage.vault.passphrase import coded

FORMAT = 2
SALT_BYTES = 16
NONCE_BYTES = 12
TAG_BYTES = 16
SEALED_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES
BOX_BYTES = KEY_BYTES + SEALED_BYTES
_BOX_LABEL = b"investiq keys.json box v2"
_SECRET_LABEL = b"investiq keys.json slot v2"


class SlotKind(StrEnum):
    """What opens a slot."""

    PASSPHRASE = "passphrase"  # noqa: S105 - a kind of slot
    KEYRING = "keyring"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class Slot:
    """One way in.

    Attributes:
        user: whom it lets in.
        made_at: when what opens it was set, UTC.
        cost: of one guess at a passphrase; None where nobody can guess.
        public: the public half; empty in a slot of format 1, which holds the raw key itself.
        sealed: the private half, under what opens the slot.
        box: the raw key, sealed to the public half.
    """

    kind: SlotKind
    user: str
    made_at: datetime | None
    cost: Cost | None
    salt: bytes
    public: bytes
    sealed: bytes
    box: bytes

    @property
    def is_first_format(self) -> bool:
        """Whether it was written before there were pairs of keys."""
        return not self.public


def for_passphrase(user: str, passphrase: str, cost: Cost, key: Key, now: datetime) -> Slot:
    """Make the slot of a passphrase; takes long on purpose."""
    salt = secrets.token_bytes(SALT_BYTES)
    opener = stretched(coded(passphrase), salt, cost)
    return _made(SlotKind.PASSPHRASE, user, now, cost, salt, opener, key)


def for_secret(kind: SlotKind, user: str, secret: bytes, key: Key, now: datetime) -> Slot:
    """Make the slot of a secret that is random, so that guessing at it needs no price."""
    salt = secrets.token_bytes(SALT_BYTES)
    return _made(kind, user, now, None, salt, expanded(secret, _SECRET_LABEL, salt), key)


def resealed(slot: Slot, key: Key) -> Slot:
    """Seal another raw key to a slot; what opens it stays."""
    return Slot(
        slot.kind,
        slot.user,
        slot.made_at,
        slot.cost,
        slot.salt,
        slot.public,
        slot.sealed,
        _boxed(slot, key),
    )


def opened_by_passphrase(slot: Slot, passphrase: str) -> Key | None:
    """Return the raw key; None if the passphrase is another's. Takes long on purpose."""
    if slot.cost is None:
        return None
    return _opened(slot, stretched(coded(passphrase), slot.salt, slot.cost))


def opened_by_secret(slot: Slot, secret: bytes) -> Key | None:
    """Return the raw key; None if the secret is not the slot's."""
    return _opened(slot, expanded(secret, _SECRET_LABEL, slot.salt))


def _made(
    kind: SlotKind, user: str, now: datetime, cost: Cost | None, salt: bytes, opener: bytes, key: Key
) -> Slot:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    private = X25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    bare = Slot(kind, user, now, cost, salt, public, b"", b"")
    sealed = _seal(opener, private.private_bytes_raw(), _bound(bare))
    return Slot(kind, user, now, cost, salt, public, sealed, _boxed(bare, key))


def _opened(slot: Slot, opener: bytes) -> Key | None:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    try:
        inner = _unseal(opener, slot.sealed, _bound(slot))
        if slot.is_first_format:
            return Key(inner)
        private = X25519PrivateKey.from_private_bytes(inner)
        once, sealed = slot.box[:KEY_BYTES], slot.box[KEY_BYTES:]
        shared = private.exchange(X25519PublicKey.from_public_bytes(once))
        return Key(_unseal(_box_key(shared, once, slot.public), sealed, _bound(slot)))
    except InvalidTag:
        return None


def _boxed(slot: Slot, key: Key) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    once = X25519PrivateKey.generate()
    public = once.public_key().public_bytes_raw()
    shared = once.exchange(X25519PublicKey.from_public_bytes(slot.public))
    return public + _seal(_box_key(shared, public, slot.public), key.reveal(), _bound(slot))


def _box_key(shared: bytes, once: bytes, public: bytes) -> bytes:
    return expanded(shared, _BOX_LABEL, once + public)


def _bound(slot: Slot) -> bytes:
    # What stands beside a sealed key is authenticated with it: a slot cannot be renamed, weakened or moved.
    cost = slot.cost
    facts = [] if cost is None else [cost.memory_kib, cost.passes, cost.lanes]
    if slot.is_first_format:
        return json.dumps([1, slot.user, *facts]).encode()
    return json.dumps([FORMAT, slot.kind.value, slot.user, *facts, slot.public.hex()]).encode()


def _seal(key: bytes, content: bytes, bound: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, bound)


def _unseal(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
