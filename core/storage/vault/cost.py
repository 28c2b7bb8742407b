"""What a guess at a passphrase costs, and how it keeps up with the machine that unlocks."""

from dataclasses import dataclass, replace

from core.storage.vault.key import KEY_BYTES

# One guess takes about so long on the machine that unlocks: a person hardly waits, whoever guesses does.
AIM_S = 0.5
DEAREST_KIB = 512 * 1024
_MOST_MEMORY_KIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess at a passphrase costs (Argon2id).

    Attributes:
        memory_kib: memory in KiB.
        passes: how often it is gone through.
        lanes: how many threads can work on it.
    """

    memory_kib: int
    passes: int
    lanes: int

    @property
    def is_sane(self) -> bool:
        """Whether it may be tried: a key file from elsewhere must not be able to eat all memory."""
        return 8 <= self.memory_kib <= _MOST_MEMORY_KIB and 1 <= self.passes <= 32 and 1 <= self.lanes <= 16


COST = Cost(memory_kib=64 * 1024, passes=3, lanes=4)  # RFC 9106, second recommended option: the floor


def raised(cost: Cost, guess_s: float) -> Cost:
    """Return what a guess should cost from now on; never less than before, and never less than the floor.

    Args:
        cost: as it is.
        guess_s: how long one guess at it took just now, seconds.
    """
    if cost.memory_kib < COST.memory_kib or cost.passes < COST.passes:
        return Cost(
            max(cost.memory_kib, COST.memory_kib),
            max(cost.passes, COST.passes),
            max(cost.lanes, COST.lanes),
        )
    # Doubled only where even the doubled one stays within the aim, so that a busy machine changes nothing.
    while guess_s * 2 <= AIM_S and cost.memory_kib * 2 <= DEAREST_KIB:
        cost, guess_s = replace(cost, memory_kib=cost.memory_kib * 2), guess_s * 2
    return cost


def stretched(passphrase: bytes, salt: bytes, cost: Cost) -> bytes:
    """Make a key of a passphrase; takes long on purpose."""
    from argon2.low_level import Type, hash_secret_raw

    return hash_secret_raw(
        passphrase,
        salt,
        time_cost=cost.passes,
        memory_cost=cost.memory_kib,
        parallelism=cost.lanes,
        hash_len=KEY_BYTES,
        type=Type.ID,
    )
