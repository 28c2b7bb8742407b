"""Who does something on the command line: let in by a passphrase, held against their role, and recorded."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.instance import ProfileLock
from app.opening import Invocation, let_in, schema_of
from app.profile import Profile
from core.access.policy import Duty, authorize_duty
from core.access.users import role_of
from core.audit import ledger
from core.clock import SystemClock
from core.domain.access import Actor, Origin, Role
from core.domain.audit import AuditDraft
from core.domain.users import UserRecord
from core.errors import RefusalCode, Refused
from core.ids import RandomIds
from core.ports.storage import UnitOfWork
from core.storage.anchors import signing_key
from core.storage.vault import Key, Unlocked

Work = Callable[[UnitOfWork], object]


@dataclass(frozen=True, slots=True)
class Admitted:
    """Somebody who may do what they are about to do.

    Attributes:
        users: everybody of the profile, as the database has them.
    """

    profile: Profile
    unlocked: Unlocked
    actor: Actor
    users: tuple[UserRecord, ...]

    @property
    def key(self) -> Key:
        """Of the profile's database."""
        return self.unlocked.key

    def record(self, drafts: Sequence[AuditDraft], work: Work = lambda _: None) -> None:
        """Write records, and do what they tell of, in one transaction."""
        record(self.profile.database, self.profile.folder, self.key, drafts, work)


@contextmanager
def held_alone(profile: Profile) -> Iterator[None]:
    """Keep a profile for this process alone, with whatever was cut off in it finished.

    Raises:
        ProfileInUse: another instance has it.
        StorageError: a rotation that was cut off cannot be finished.
    """
    from core.storage import rotation

    with ProfileLock(profile.lock):
        rotation.settle(profile.folder, profile.database)
        yield


def admit(profile: Profile, invocation: Invocation, duty: Duty) -> Admitted:
    """Unlock a profile and hold whoever did against their role. The profile is held meanwhile.

    Raises:
        WrongPassphrase: it opens no slot.
        Refused: the user's role does not allow it, or the database is older than this program.
    """
    return admitted(profile, let_in(profile, invocation), duty)


def admitted(profile: Profile, unlocked: Unlocked, duty: Duty) -> Admitted:
    """Hold whoever was let in against their role.

    Raises:
        Refused: as `admit`.
    """
    from core.storage.user_store import stored_users

    if not schema_of(profile.database, unlocked.key).is_current:
        raise Refused(RefusalCode.NOT_READY, "the database is older than this program: run db upgrade first")
    users = stored_users(profile.database, unlocked.key)
    role = role_of(users, unlocked.user)
    actor = Actor(unlocked.user, role.value, Origin.DESK, RandomIds().unique())
    authorize_duty(duty, actor)
    return Admitted(profile, unlocked, actor, users)


def record(
    database: Path,
    folder: Path,
    key: Key,
    drafts: Sequence[AuditDraft],
    work: Work = lambda _: None,
    signed_under: Key | None = None,
) -> None:
    """Write records into a closed database, and do what they tell of, in one transaction.

    Args:
        folder: the profile's, with the key that signs.
        work: what is recorded; where it raises, nothing is.
        signed_under: what the signing key is sealed under, if it is another than the database's.

    Raises:
        StorageError: nothing was recorded.
    """
    from core.storage.store import open_store

    public_key = signing_key(folder, signed_under or key).public_key.hex()
    store = open_store(database, key, create=False)
    now = SystemClock().now()

    def transaction(uow: UnitOfWork) -> None:
        if uow.audit_head().seq == 0:
            desk = Actor("desk", Role.ADMIN, Origin.DESK, drafts[0].actor.session)
            genesis = ledger.genesis(store.installation_id, store.created_at_us, desk, public_key)
            ledger.append(uow, genesis, now)
        for draft in drafts:
            ledger.append(uow, draft, now)
        # Inside the transaction, and last: where it fails, nothing is recorded.
        work(uow)

    try:
        asyncio.run(store.write(transaction))
    finally:
        store.close()
