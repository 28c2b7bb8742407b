"""The commands about backups: make one, list them, check one, and put one in a profile's place."""

import sys
from contextlib import ExitStack
from pathlib import Path

from app.admission import admit, held_alone
from app.backing_up import backups_of, facts_of, make_backup
from app.opening import Invocation, chosen_profile, used_profile
from app.restoring import restore, unpacked
from core.access.policy import Duty
from core.clock import SystemClock
from core.errors import BadInput, ProfileInUse, StorageError
from core.orders.backups import backup_failed, backup_made
from core.storage.anchors import signing_key
from core.storage.backup_archive import opened
from core.storage.backup_rotation import backups

_WHILE_OPEN = (
    "While it is open it backs itself up once a day; for one now: Back up now (Ctrl+Shift+S) in its window, "
    "or POST /v1/backups on its local API"
)


def create(invocation: Invocation) -> int:
    """Back a profile up that is closed.

    Raises:
        ProfileInUse: it is open; says how it is backed up while it is.
    """
    profile = used_profile(invocation)
    with ExitStack() as held:
        try:
            held.enter_context(held_alone(profile))
        except ProfileInUse as error:
            raise ProfileInUse(f"{error}. {_WHILE_OPEN}") from error
        person = admit(profile, invocation, Duty.MANAGE_BACKUPS)
        signing_key(profile.folder, person.key)  # made before, so that the backup has it
        try:
            found = make_backup(profile.folder, person.key, SystemClock().now())
        except StorageError as error:
            person.record([backup_failed(profile.name, person.actor, error)])
            raise
        person.record([backup_made(facts_of(found), person.actor, "on demand")])
    print(f"backup {found.path} made and verified: {found.size:,} bytes, {found.manifest.head.seq} records")
    for path in found.removed:
        print(f"removed, as newer ones stand for it: {path.name}")
    return 0


def show(invocation: Invocation) -> int:
    """Print one backup a line: file, date, size, records, schema; what each says, which only verify proves.

    One that is none is told on standard error, and does not hide the others; then 1.
    """
    code = 0
    for path in backups(backups_of(chosen_profile(invocation).folder)):
        try:
            with opened(path) as archive:
                found = archive.manifest
        except BadInput as error:
            print(f"investiq: {error}", file=sys.stderr)
            code = 1
            continue
        size = path.stat().st_size
        print(f"{path}\t{found.made_at:%Y-%m-%d %H:%M:%S} UTC\t{size:,}\t{found.head.seq}\t{found.schema}")
    return code


def verify(invocation: Invocation, path: Path) -> int:
    """Check a backup as a restore would, and change nothing."""
    with unpacked(invocation, path) as found:
        manifest = found.manifest
    print(
        f"{path} holds: {len(manifest.members)} files, schema {manifest.schema}, {manifest.head.seq} records,"
    )
    print(f"of profile {manifest.profile}, made {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC")
    return 0


def put_back(invocation: Invocation, path: Path) -> int:
    """Put a backup in the place of a profile, and say what became of the one that stood there."""
    found = restore(invocation, path)
    head = found.manifest.head
    print(
        f"{found.folder} is as it was on {found.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC: {head.seq} records"
    )
    if found.set_aside.newest is not None:
        print(f"Record {found.set_aside.newest.seq} was anchored before; what is known of it is kept in")
        print(f"{found.folder / found.set_aside.file}")
    if found.replaced is not None:
        print(f"What stood there is kept in {found.replaced}; remove it when you are content")
    else:
        print("Credentials in a keyring are in no backup: investiq secrets list says what is to be set anew")
    return 0
