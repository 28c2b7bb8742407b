"""What a start does so that memory with secrets in it never lies on a disk."""

import ctypes
import sys

import structlog

_PR_SET_DUMPABLE = 4

_log = structlog.get_logger("hardening")


def forbid_core_dumps() -> None:
    """Let no crash write the memory to a file; on Linux let no other process of the user read it either.

    A system that refuses this is told of in the log, and the program runs on.
    """
    if sys.platform == "win32":  # it writes none, unless an administrator switched that on
        return
    import resource

    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError) as error:
        _log.warning("core_dumps.not_forbidden", reason=str(error))
    if sys.platform == "linux" and ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        _log.warning("memory.not_closed", reason="prctl refused PR_SET_DUMPABLE")
