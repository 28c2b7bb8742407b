"""The profile's key: random, and kept only sealed to slots, one a user, a keyring or a sheet of paper.

A passphrase never reaches the cipher. It opens a slot of `keys.json`, and what is sealed to the slot is the
raw key; so a passphrase is changed without touching the database, and the database's key without knowing
anybody's passphrase.
"""

from core.storage.vault.changes import (
    add_keyring,
    add_recovery,
    add_slot,
    create,
    drop_keyring,
    refresh,
    rotated,
    set_passphrase,
)
from core.storage.vault.cost import COST, Cost
from core.storage.vault.key import KEY_BYTES, Key
from core.storage.vault.key_file import FILE
from core.storage.vault.opening import (
    KeyAges,
    Unlocked,
    ages,
    generation,
    has_keyring,
    has_keys,
    unlock,
    unlock_with_keyring,
    unlock_with_recovery,
    users,
)
from core.storage.vault.passphrase import SHORTEST_PASSPHRASE, check_passphrase

__all__ = [
    "COST",
    "FILE",
    "KEY_BYTES",
    "SHORTEST_PASSPHRASE",
    "Cost",
    "Key",
    "KeyAges",
    "Unlocked",
    "add_keyring",
    "add_recovery",
    "add_slot",
    "ages",
    "check_passphrase",
    "create",
    "drop_keyring",
    "generation",
    "has_keyring",
    "has_keys",
    "refresh",
    "rotated",
    "set_passphrase",
    "unlock",
    "unlock_with_keyring",
    "unlock_with_recovery",
    "users",
]
