"""The commands about users: who may open a profile, and in which role."""

from pathlib import Path

from app.admission import Admitted, admit, held_alone
from app.opening import Invocation, new_passphrase, used_profile
from app.rekeying import rekey
from core.access.policy import Duty
from core.access.users import check_change, check_new, present
from core.clock import SystemClock
from core.domain.access import Role
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.users import NO_ROLE, UserRecord
from core.ports.storage import UnitOfWork
from core.storage import vault
from core.storage.vault import COST, Cost


def show(invocation: Invocation) -> int:
    """Print one user a line: name, role, since when, and whether a passphrase is set."""
    profile = used_profile(invocation)
    with held_alone(profile):
        admitted = admit(profile, invocation, Duty.LIST_USERS)
        slots = vault.users(profile.folder)
    for each in present(admitted.users):
        way_in = "has a passphrase" if each.name in slots else "cannot open the profile: add them again"
        print(f"{each.name}\t{each.role}\tsince {each.changed_at:%Y-%m-%d %H:%M} UTC\t{way_in}")
    return 0


def add(
    invocation: Invocation, name: str, role: Role, passphrase_file: Path | None, *, cost: Cost = COST
) -> int:
    """Let one more person open a profile."""
    profile = used_profile(invocation)
    with held_alone(profile):
        admitted = admit(profile, invocation, Duty.MANAGE_USERS)
        check_new(admitted.users, name)
        passphrase = new_passphrase(passphrase_file, name, "--new-passphrase-file")
        draft = _draft(admitted, AuditAction.USER_ADDED, name, {"before": NO_ROLE, "after": role.value})

        record = _record(admitted, name, role)

        def let_in(uow: UnitOfWork) -> None:
            uow.insert_user(record)
            # A slot without a row lets nobody do anything; so it may be left over, and is then written anew.
            vault.add_slot(profile.folder, admitted.key, name, passphrase, cost=cost, replaces=True)

        admitted.record([draft], let_in)
    print(f"{name} is a user of profile {profile.name} now, in the role {role}")
    return 0


def set_role(invocation: Invocation, name: str, role: Role) -> int:
    """Give a user another role; it holds from the next time they unlock."""
    profile = used_profile(invocation)
    with held_alone(profile):
        admitted = admit(profile, invocation, Duty.MANAGE_USERS)
        check_change(admitted.users, name, role)
        before = next(each.role for each in present(admitted.users) if each.name == name)
        if before == role:
            print(f"{name} has the role {role} already; nothing was changed")
            return 0
        draft = _draft(admitted, AuditAction.USER_CHANGED, name, {"before": before, "after": role.value})
        record = _record(admitted, name, role)
        admitted.record([draft], lambda uow: uow.insert_user(record))
    print(f"{name} has the role {role} now, and had {before}")
    return 0


def remove(invocation: Invocation, name: str) -> int:
    """Shut a user out: their slot goes, and the profile gets a key that they never had."""
    profile = used_profile(invocation)
    with held_alone(profile):
        admitted = admit(profile, invocation, Duty.MANAGE_USERS)
        check_change(admitted.users, name, NO_ROLE)
        before = next(each.role for each in present(admitted.users) if each.name == name)
        draft = _draft(admitted, AuditAction.USER_REMOVED, name, {"before": before, "after": NO_ROLE})
        record = _record(admitted, name, NO_ROLE)
        rekey(admitted, [draft], lambda uow: uow.insert_user(record), without=name)
    print(f"{name} is no user of profile {profile.name} any more; the database has a new key")
    print("Backups of before still open with their passphrase: destroy those that they can reach.")
    return 0


def _record(admitted: Admitted, name: str, role: str) -> UserRecord:
    return UserRecord(name, str(role), admitted.actor.user, SystemClock().now())


def _draft(admitted: Admitted, action: AuditAction, name: str, facts: dict[str, object]) -> AuditDraft:
    return AuditDraft(action, admitted.actor, name, payload_of(facts))
