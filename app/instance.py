"""One running instance a profile: a lock that the operating system lets go of when the process ends."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from core.errors import ProfileInUse, StorageUnwritable

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        # Far behind the process number, which others may then still read.
        os.lseek(handle, 4096, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class ProfileLock:
    """A profile's lock, held from when it is made until it is released or the process ends.

    The file stays: only the lock on it counts.

    Raises:
        ProfileInUse: another process holds it; nothing was touched.
        StorageUnwritable: the lock file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._handle: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StorageUnwritable(
                f"{path} cannot be written: {error.strerror}. Check the folder and its permissions"
            ) from error
        try:
            _take(self._handle)
        except OSError as error:
            words = _told(path, self._handle)
            self.release()
            raise ProfileInUse(words) from error
        _sign(self._handle)

    def release(self) -> None:
        """Let another instance have the profile; twice is once."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.release()


def _sign(handle: int) -> None:
    # For the message of a second start only; on a full disk the lock holds without it.
    with suppress(OSError):
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, str(os.getpid()).encode())


def _told(path: Path, handle: int) -> str:
    os.lseek(handle, 0, os.SEEK_SET)
    found = os.read(handle, 16)
    by = f" (process {found.decode()})" if found.isdigit() else ""
    return f"profile {path.parent.name} is open in another instance{by}; close that one first, or use it"
