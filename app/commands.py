"""The commands that need no window: each prints what it did and returns an exit code."""

import sys

from app import profile as profiles
from app.admission import held_alone
from app.opening import Invocation, let_in, new_passphrase, schema_of, used_profile
from app.secrets import command, needed
from core.domain.access import Mode
from core.errors import SettingInvalid
from core.settings import BrokerName


def create_profile(invocation: Invocation, name: str, mode: Mode, broker: BrokerName | None) -> int:
    """Make a profile with its first user."""
    passphrase = new_passphrase(invocation.passphrase_file, "a new profile", "--passphrase-file")
    made = profiles.create(invocation.data_dir, name, passphrase, mode=mode, broker=broker)
    profiles.note_used(invocation.data_dir, name)
    print(f"profile {name} ({made.settings.mode}, {made.settings.broker}) made in {made.folder}")
    print("There is no way back in without the passphrase: write it down and keep it apart,")
    print("or make a recovery key for paper: investiq keys recovery")
    for secret in needed(made.settings):
        print(f"It needs a key before it can be opened; run: {command(made, secret)}")
    return 0


def list_profiles(invocation: Invocation) -> int:
    """Print one profile a line: name, mode, broker, folder; a star stands beside the last one used.

    One whose settings cannot be read is told on standard error, and does not hide the others; then 1.
    """
    last = profiles.last_used(invocation.data_dir)
    code = 0
    for name in profiles.names(invocation.data_dir):
        try:
            found = profiles.load(invocation.data_dir, name)
        except SettingInvalid as error:
            print(f"investiq: {error}", file=sys.stderr)
            code = 1
            continue
        mark = "*" if name == last else " "
        print(f"{mark} {name}\t{found.settings.mode}\t{found.settings.broker}\t{found.folder}")
    return code


def show_schema(invocation: Invocation) -> int:
    """Print which schema a profile's database has."""
    profile = used_profile(invocation)
    with held_alone(profile):
        found = schema_of(profile.database, let_in(profile, invocation).key)
    print(f"schema {found.revision}, this program knows up to {found.known}")
    return 0


def upgrade_schema(invocation: Invocation) -> int:
    """Bring a profile's database to this program's schema, after a backup: all of it, or nothing."""
    from app.upgrading import upgrade

    profile = used_profile(invocation)
    with held_alone(profile):
        unlocked = let_in(profile, invocation)
        before = schema_of(profile.database, unlocked.key)
        if before.is_current:
            print(f"schema {before.revision} is current; nothing was done")
            return 0
        found = upgrade(profile, unlocked)
    print(f"schema {before.revision} upgraded to {before.known}; as it was before it is in {found.path}")
    return 0
