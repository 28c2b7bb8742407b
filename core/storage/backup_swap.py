"""A restored folder takes a profile's place: decided by one file, done by two renames.

Until the decision is written, the old profile stands and the new folder is removed at the next start. Once
it is written, the next start finishes what was cut off: the old folder moves aside, the new one takes its
name.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from core.errors import DatabaseDamaged, RefusalCode, Refused, StorageUnwritable
from core.failpoints import failpoint
from core.storage.private_file import replacing, sync_folder

STAGED = ".restore-"
REPLACED = ".replaced-"
MARK = "restored.json"
_LARGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of a restored folder.

    Attributes:
        target: the name that it takes.
        replaced: the name under which the one before is kept; empty where there is none.
        anchor: the signed head of the restored chain, for the keyring, which cannot be moved with a folder.
    """

    target: str
    replaced: str
    anchor: str


def is_unfinished(parent: Path) -> bool:
    """Say whether a restore was cut off in a folder of profiles."""
    return any(parent.glob(f"{STAGED}*")) or any(parent.glob(f"[!.]*/{MARK}"))


def decide(staged: Path, decision: Decision) -> None:
    """Write the decision: from here on a start finishes the restore.

    Raises:
        StorageUnwritable: nothing was decided.
    """
    with replacing(staged / MARK) as file:
        file.write(json.dumps(asdict(decision)).encode())
    failpoint("restore.decided")


def decision_of(folder: Path) -> Decision | None:
    """Return what was decided about a folder; None where nothing was.

    Raises:
        DatabaseDamaged: it is not what was written.
        StorageUnwritable: it cannot be read.
    """
    path = folder / MARK
    try:
        with path.open("rb") as file:
            return _parsed(file.read(_LARGEST))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageUnwritable(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise DatabaseDamaged(f"{path} is not what was written; restore the backup again") from error


def _parsed(content: bytes) -> Decision:
    found = Decision(**json.loads(content))
    if any(Path(name).name != name for name in (found.target, found.replaced)):
        raise ValueError("a path")
    return found


def move(staged: Path, decision: Decision) -> Path:
    """Give a folder that was decided about its name; return where it stands now.

    Nobody else has either folder.

    Raises:
        Refused: a profile took the name meanwhile; the restored folder is as it was.
        StorageUnwritable: a rename failed; what stood there stands there.
    """
    target, replaced = staged.parent / decision.target, staged.parent / decision.replaced
    try:
        if target.exists():
            if not decision.replaced or replaced.exists():
                raise Refused(RefusalCode.NAME_TAKEN, f"{target} exists; nothing was overwritten")
            target.rename(replaced)
            failpoint("restore.moved_away")
        try:
            staged.rename(target)
        except OSError:
            if decision.replaced and replaced.exists():
                replaced.rename(target)
            raise
        sync_folder(target.parent)
    except OSError as error:
        raise StorageUnwritable(
            f"{target} could not be exchanged: {error.strerror}; what stood there stands there"
        ) from error
    failpoint("restore.moved_in")
    return target


def finish(folder: Path) -> None:
    """Forget the decision, once all of it is done.

    Raises:
        StorageUnwritable: the next start tries again.
    """
    try:
        (folder / MARK).unlink(missing_ok=True)
        sync_folder(folder)
    except OSError as error:
        raise StorageUnwritable(f"{folder / MARK} cannot be removed: {error.strerror}") from error
    failpoint("restore.finished")
