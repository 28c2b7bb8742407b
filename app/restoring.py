"""A backup taken apart in a folder of its own, checked there, and only then put in a profile's place."""

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from app.admission import Admitted, admitted
from app.anchoring import folder_anchor, keyring_anchor
from app.backing_up import check_chain
from app.instance import ProfileLock
from app.opening import Invocation, passphrase
from app.profile import PROFILES, SETTINGS, Profile, folder_of, load_folder, make_data_dir, note_used
from app.swapping import put
from core.access.policy import Duty
from core.audit.anchors import anchor_line
from core.audit.witnessed import Witnesses
from core.clock import SystemClock
from core.domain.audit import AuditAction, AuditDraft, AuditHead, payload_of
from core.errors import (
    BadInput,
    KeyringUnavailable,
    RefusalCode,
    Refused,
    StorageUnwritable,
)
from core.failpoints import failpoint
from core.ports.anchors import Witness
from core.storage import backup, migration, vault
from core.storage.anchors import FILE, KEY_FILE, AnchorFile, SigningKey, find_signing_key, signing_key
from core.storage.backup_archive import Manifest, opened
from core.storage.backup_swap import MARK as DECIDED
from core.storage.backup_swap import (
    REPLACED,
    STAGED,
    Decision,
    decide,
)
from core.storage.private_file import replacing
from core.storage.secrets import SecretFile
from core.storage.store import migrate, open_store
from core.storage.vault import Unlocked

_UNUSED = {SETTINGS, "lock", "unlock.tries"}
_log = structlog.get_logger("restore")


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was in a backup, checked, in a folder that nobody else knows.

    Attributes:
        profile: in that folder; nothing has its name yet.
    """

    path: Path
    manifest: Manifest
    profile: Profile
    unlocked: Unlocked


@dataclass(frozen=True, slots=True)
class SetAside:
    """Signed heads that the restored chain knows nothing of.

    Attributes:
        newest: the last of them, if it is newer than the backup.
        file: where they are kept, in the restored folder; empty where there are none.
    """

    newest: AuditHead | None
    file: str


@dataclass(frozen=True, slots=True)
class Restored:
    """A profile as a backup had it.

    Attributes:
        replaced: the folder that stood there before; None where none did.
    """

    folder: Path
    manifest: Manifest
    set_aside: SetAside
    replaced: Path | None


@contextmanager
def unpacked(invocation: Invocation, path: Path) -> Iterator[Unpacked]:
    """Take a backup apart and check all of it; what was not put anywhere is removed again.

    Raises:
        BadInput: it is no backup, or not as it was made.
        WrongPassphrase: the passphrase does not open it.
        DatabaseTooNew: a newer program made it.
        DatabaseDamaged: what is in it does not hold.
        StorageUnwritable: the disk takes nothing.
    """
    parent = invocation.data_dir / PROFILES
    with opened(path) as archive, _staging(parent) as folder:
        archive.extract_keys(folder)
        secret = passphrase(invocation, "Passphrase, as it was when the backup was made: ")
        unlocked = vault.unlock(folder, secret)
        archive.check(unlocked.key)
        archive.extract(folder)
        failpoint("restore.extracted")
        found = backup.check(folder, unlocked.key, check_chain)
        manifest = archive.manifest
        said = (manifest.installation_id, manifest.schema, manifest.head)
        if (found.installation_id, found.schema, found.head) != said:
            raise BadInput(str(path), "its database is not the one that its manifest describes")
        find_signing_key(folder, unlocked.key)
        SecretFile(folder, unlocked.key, SystemClock()).names()
        failpoint("restore.checked")
        yield Unpacked(path, manifest, load_folder(folder), unlocked)


@contextmanager
def _staging(parent: Path) -> Iterator[Path]:
    make_data_dir(parent.parent)
    try:
        parent.mkdir(mode=0o700, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=STAGED, dir=parent))  # mode 0700
    except OSError as error:
        raise StorageUnwritable(f"{parent} takes no folder: {error.strerror}; nothing was changed") from error
    # Beside the folder, so that it can be moved while it is locked.
    lock = folder.with_name(f"{folder.name}.lock")
    try:
        with ProfileLock(lock):
            yield folder
    finally:
        # What was decided is finished by the next start, if not by now.
        if not (folder / DECIDED).exists():
            shutil.rmtree(folder, ignore_errors=True)
        lock.unlink(missing_ok=True)


def restore(invocation: Invocation, path: Path) -> Restored:
    """Put a backup in the place of a profile that does not run; the one before is kept beside it.

    The profile is the one that is named, else the one that the backup is of; it need not be there.

    Raises:
        BadInput: it is no backup, or not as it was made; nothing was changed.
        Refused: it is of another installation than the profile, or of one where the user may not restore.
        ProfileInUse: an instance has the profile.
        StorageError: as `unpacked`; nothing was changed.
    """
    with opened(path) as archive:
        name = invocation.profile or archive.manifest.profile
    target = folder_of(invocation.data_dir, name)
    with ExitStack() as held:
        lock = held.enter_context(ProfileLock(target / "lock")) if target.exists() else None
        found = held.enter_context(unpacked(invocation, path))
        _check_same(target, found)
        if lock is None:
            vault.drop_keyring(found.profile.folder, found.unlocked.key)
        decision, set_aside = _prepare(found, target)
        decide(found.profile.folder, decision)
        if sys.platform == "win32" and lock is not None:  # there a folder with an open file is not moved
            lock.release()
        put(found.profile.folder, decision)
    note_used(invocation.data_dir, name)
    replaced = target.with_name(decision.replaced) if decision.replaced else None
    return Restored(target, found.manifest, set_aside, replaced)


def _check_same(target: Path, found: Unpacked) -> None:
    if not target.exists() or {path.name for path in target.iterdir()} <= _UNUSED:
        return
    here = found.profile.folder
    there, own = _public_key(target), _public_key(here)
    if not there:
        there, own = _installation(target), found.manifest.installation_id
    if not there:
        raise Refused(
            RefusalCode.NOT_PERMITTED,
            f"nothing in {target} says which installation it was; nothing was changed. Move that folder "
            "away, then restore",
        )
    if there != own:
        raise Refused(
            RefusalCode.NOT_PERMITTED,
            f"{found.path} is of another installation than profile {target.name!r}; nothing was changed. "
            "Restore it under another name: --profile NAME",
        )


def _public_key(folder: Path) -> str:
    # Its public half stands open in the file, and outlives every change of the profile's own key.
    try:
        return str(json.loads((folder / KEY_FILE).read_bytes())["public"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _installation(folder: Path) -> str:
    for line in AnchorFile(folder / FILE, is_expected=False).lines():
        try:
            return str(json.loads(line)["installation_id"])
        except (ValueError, KeyError, TypeError):
            continue
    return ""


def _prepare(found: Unpacked, target: Path) -> tuple[Decision, SetAside]:
    profile, key = found.profile, found.unlocked.key
    if found.manifest.schema != migration.HEAD:
        migrate(profile.database, key)
    person = admitted(profile, found.unlocked, Duty.MANAGE_BACKUPS)
    signer = signing_key(profile.folder, key)
    now = SystemClock().now()
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    set_aside = _set_aside(found, target, signer, f"anchors.set-aside-{stamp}.jsonl")
    replaced = f"{REPLACED}{target.name}-{stamp}" if target.exists() else ""
    _record(person, found, set_aside, replaced)
    failpoint("restore.recorded")
    line = anchor_line(signer, found.manifest.installation_id, _head(profile, found), now)
    AnchorFile(profile.folder / FILE).keep(line)
    failpoint("restore.anchored")
    return Decision(target.name, replaced, line), set_aside


def _set_aside(found: Unpacked, target: Path, signer: SigningKey, name: str) -> SetAside:
    folder = found.profile.folder
    own = set(AnchorFile(folder / FILE).lines())
    others = [line for line in dict.fromkeys(_anchors_of(target, found)) if line not in own]
    if not others:
        return SetAside(None, "")
    with replacing(folder / name) as file:
        file.write("".join(f"{line}\n" for line in others).encode())
    asking = Witnesses(found.manifest.installation_id, signer.public_key, ())
    heads = [found.manifest.head]
    for line in others:
        try:
            heads.append(asking.check(line))
        except ValueError as error:
            _log.info("anchor.unreadable", reason=str(error))
    newest = max(heads, key=lambda head: head.seq)
    return SetAside(None if newest == found.manifest.head else newest, name)


def _anchors_of(target: Path, found: Unpacked) -> tuple[str, ...]:
    lines = AnchorFile(target / FILE, is_expected=False).lines()
    export_folder, installation_id = found.profile.settings.anchor_folder, found.manifest.installation_id
    places: list[Callable[[], Witness | None]] = [lambda: keyring_anchor(target, target.name)]
    if export_folder is not None:
        places.append(lambda: folder_anchor(target, installation_id, export_folder))
    for place in places:
        try:
            witness = place()
            lines += () if witness is None else witness.lines()
        except (KeyringUnavailable, StorageUnwritable) as error:
            print(f"investiq: what a witness knows could not be set aside: {error}", file=sys.stderr)
    return lines


def _record(person: Admitted, found: Unpacked, set_aside: SetAside, replaced: str) -> None:
    head, newest = found.manifest.head, set_aside.newest
    known = "no newer one was anchored" if newest is None else f"record {newest.seq} was anchored before"
    facts = {
        "reason": f"back to record {head.seq}; {known}",
        "file": found.path.name,
        "made_at": found.manifest.made_at.isoformat(),
        "head_seq": head.seq,
        "head_digest": head.digest,
        "anchor_seq": 0 if newest is None else newest.seq,
        "anchor_digest": "" if newest is None else newest.digest,
        "set_aside": set_aside.file,
        "replaced": replaced,
    }
    person.record([AuditDraft(AuditAction.RESTORED, person.actor, found.manifest.profile, payload_of(facts))])


def _head(profile: Profile, found: Unpacked) -> AuditHead:
    store = open_store(profile.database, found.unlocked.key, create=False)
    try:
        return asyncio.run(store.read(lambda reader: reader.audit_head()))
    finally:
        store.close()
