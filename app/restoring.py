"""A backup taken apart in a folder of its own, and checked there before anything is made of it."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.backing_up import check_chain
from app.instance import ProfileLock
from app.opening import Invocation, passphrase
from app.profile import PROFILES, Profile, load_folder, make_data_dir
from core.clock import SystemClock
from core.errors import BadInput, StorageUnwritable
from core.storage import backup, vault
from core.storage.anchors import find_signing_key
from core.storage.backup_archive import Manifest, opened
from core.storage.secrets import SecretFile
from core.storage.vault import Unlocked

STAGED = ".restore-"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was in a backup, checked, in a folder that nobody else knows.

    Attributes:
        profile: in that folder; nothing has its name yet.
    """

    manifest: Manifest
    profile: Profile
    unlocked: Unlocked


@contextmanager
def unpacked(invocation: Invocation, path: Path) -> Iterator[Unpacked]:
    """Take a backup apart and check all of it; what was taken out is removed again.

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
        found = backup.check(folder, unlocked.key, check_chain)
        manifest = archive.manifest
        said = (manifest.installation_id, manifest.schema, manifest.head)
        if (found.installation_id, found.schema, found.head) != said:
            raise BadInput(str(path), "its database is not the one that its manifest describes")
        find_signing_key(folder, unlocked.key)
        SecretFile(folder, unlocked.key, SystemClock()).names()
        yield Unpacked(manifest, load_folder(folder), unlocked)


@contextmanager
def _staging(parent: Path) -> Iterator[Path]:
    make_data_dir(parent.parent)
    try:
        parent.mkdir(mode=0o700, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=STAGED, dir=parent))  # mode 0700
    except OSError as error:
        raise StorageUnwritable(f"{parent} takes no folder: {error.strerror}; nothing was changed") from error
    # Beside the folder, so that it can be moved while it is locked.
    mark = folder.with_name(f"{folder.name}.lock")
    with ProfileLock(mark):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            mark.unlink(missing_ok=True)
