"""Text files with something secret in them: read only where nobody else can."""

import os
import stat
import sys
from pathlib import Path

from core.errors import BadInput, RefusalCode, Refused

_MOST_CHARACTERS = 64 * 1024


def read_private(path: Path, what: str, modes: tuple[int, ...] = (0o600,)) -> str:
    """Read a text file that is closed to everybody but its owner.

    Args:
        what: what a person calls such a file.
        modes: those that it may have; the first one is advised.

    Raises:
        Refused: others than its owner could read it, or it belongs to somebody else.
        BadInput: it cannot be read.
    """
    try:
        # Opened first and looked at after, so that nobody can swap it in between.
        with path.open(encoding="utf-8") as file:
            _check_owner(path, os.fstat(file.fileno()), what, modes)
            return file.read(_MOST_CHARACTERS)
    except OSError as error:
        raise BadInput(str(path), f"this {what} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        # The cause would carry what stands in it.
        raise BadInput(str(path), f"this {what} is not UTF-8 text") from None


def _check_owner(path: Path, found: os.stat_result, what: str, modes: tuple[int, ...]) -> None:
    if sys.platform == "win32":  # there a file of one's own profile is closed to others by default
        return
    if found.st_uid != os.geteuid():
        raise Refused(RefusalCode.NOT_PERMITTED, f"{path} belongs to another user; a {what} must be your own")
    mode = stat.S_IMODE(found.st_mode)
    if mode not in modes:
        raise Refused(
            RefusalCode.NOT_PERMITTED,
            f"{path} has mode {mode:04o}, expected {modes[0]:04o} so that only you can read it; "
            f"run: chmod {modes[0]:o} {path}",
        )
