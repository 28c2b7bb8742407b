"""The commands about a profile's keys: passphrase, recovery key, keyring, and the key of the database."""

import sys
from getpass import getpass
from pathlib import Path

from app.admission import Admitted, admit, admitted, held_alone
from app.keyring_slot import forget_keyring, offer_keyring
from app.opening import Invocation, new_passphrase, used_profile
from app.rekeying import rekey
from core.access.policy import Duty
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.errors import RefusalCode, Refused
from core.settings import read_private
from core.storage import vault
from core.storage.anchors import signing_key
from core.storage.vault import COST, Cost


def change_passphrase(invocation: Invocation, file: Path | None, *, cost: Cost = COST) -> int:
    """Give whoever knows the old passphrase a new one."""
    profile = used_profile(invocation)
    with held_alone(profile):
        person = admit(profile, invocation, Duty.CHANGE_OWN_PASSPHRASE)
        wanted = new_passphrase(file, person.actor.user, "--new-passphrase-file")
        vault.set_passphrase(profile.folder, person.unlocked, wanted, cost=cost)
        person.record([AuditDraft(AuditAction.PASSPHRASE_CHANGED, person.actor, person.actor.user)])
    print(f"the passphrase of {person.actor.user} is changed; the database was not touched")
    print("If somebody may know the old one and has a copy of the files, run: investiq keys rotate")
    return 0


def rotate(invocation: Invocation) -> int:
    """Re-encrypt a profile under a new key."""
    profile = used_profile(invocation)
    with held_alone(profile):
        rekey(admit(profile, invocation, Duty.MANAGE_KEYS))
    print(f"profile {profile.name} is re-encrypted under key number {vault.generation(profile.folder)}")
    print("Every passphrase and the recovery key stay as they are. Backups of before open as they did.")
    return 0


def make_recovery(invocation: Invocation) -> int:
    """Make a recovery key and print it, once."""
    profile = used_profile(invocation)
    with held_alone(profile):
        person = admit(profile, invocation, Duty.MANAGE_KEYS)
        _print_recovery(person)
    return 0


def use_recovery(
    invocation: Invocation, key_file: Path | None, passphrase_file: Path | None, *, cost: Cost = COST
) -> int:
    """Set a new passphrase with the recovery key, and print another one in its place."""
    profile = used_profile(invocation)
    with held_alone(profile):
        unlocked = vault.unlock_with_recovery(profile.folder, _recovery_key(key_file))
        person = admitted(profile, unlocked, Duty.CHANGE_OWN_PASSPHRASE)
        wanted = new_passphrase(passphrase_file, person.actor.user, "--new-passphrase-file")
        vault.set_passphrase(profile.folder, unlocked, wanted, cost=cost)
        person.record([AuditDraft(AuditAction.RECOVERY_USED, person.actor, person.actor.user)])
        print(f"{person.actor.user} has a new passphrase; the recovery key that was used opens nothing now")
        _print_recovery(person)
    return 0


def switch_keyring(invocation: Invocation, *, is_on: bool) -> int:
    """Let this computer's keyring open the profile, or no longer."""
    profile = used_profile(invocation)
    with held_alone(profile):
        person = admit(profile, invocation, Duty.MANAGE_KEYS)
        words = offer_keyring(profile, person.unlocked) if is_on else forget_keyring(profile, person.key)
        facts = {"before": not is_on, "after": is_on}
        person.record(
            [AuditDraft(AuditAction.KEYRING_CHANGED, person.actor, profile.name, payload_of(facts))]
        )
    print(words)
    return 0


def _print_recovery(person: Admitted) -> None:
    profile = person.profile
    text = vault.add_recovery(profile.folder, person.unlocked)
    person.record([AuditDraft(AuditAction.RECOVERY_MADE, person.actor, person.actor.user)])
    print(f"Recovery key of profile {profile.name}, user {person.actor.user}:")
    print()
    print(f"    {text}")
    print()
    print("It is shown this once. Write it on paper and keep that apart from this computer:")
    print("whoever has it and the profile's files can open the profile. An older one opens nothing now.")
    print(f"Public key of the audit chain: {signing_key(profile.folder, person.key).public_key.hex()}")


def _recovery_key(file: Path | None) -> str:
    if file is not None:
        return read_private(file, "file with a recovery key").strip()
    if sys.stdin is None or not sys.stdin.isatty():
        raise Refused(
            RefusalCode.MALFORMED, "a recovery key is asked for in a terminal, or read with --from-file FILE"
        )
    return getpass("Recovery key: ")
