"""Files of one's own that are there whole, or as they were before."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from core.errors import StorageUnwritable


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a new file, mode 0600, which takes its name when the block ends; if it raises, nothing changes.

    Raises:
        StorageUnwritable: the disk or the folder took nothing; what was there is as it was.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        try:
            # Nobody else may read it, not even for the moment before a chmod.
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StorageUnwritable(f"{path} cannot be written: {error.strerror}; nothing was changed") from error


def sync_folder(folder: Path) -> None:
    """Put a folder's entries on stable storage, so that a new or renamed file in it survives a power cut."""
    if os.name == "nt":  # there a folder cannot be opened, and a rename is journalled
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a share that keeps its folders itself
            raise
    finally:
        os.close(handle)
