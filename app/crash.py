"""What happens when a bug gets away: a file with its traceback, and a reference to tell it by.

No local variables, no environment, no arguments; what looks like a secret is masked.
"""

import asyncio
import faulthandler
import os
import platform
import secrets
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog

from app.version import version
from core.clock import Clock, SystemClock

MOST_FILES = 50

Notify = Callable[[str, BaseException], None]

_log = structlog.get_logger("crash")


class CrashFiles:
    """Writes crash files into one folder. Called from any thread.

    Args:
        folder: made when it is first needed.
        notify: told of each crash that nobody else answers for: its reference and the error.
    """

    def __init__(self, folder: Path, notify: Notify, clock: Clock | None = None) -> None:
        self._folder = folder
        self._notify = notify
        self._clock = clock or SystemClock()
        self._faults: int | None = None

    def install(self) -> None:
        """Catch what nobody catches: in any thread, and when the interpreter itself falls."""
        sys.excepthook = self._on_main
        threading.excepthook = self._on_thread
        sys.unraisablehook = self._on_unraisable
        _installed.append(self)
        with suppress(OSError):
            self._faults = self._open(f"fault-{os.getpid()}.txt")
            faulthandler.enable(self._faults)

    def close(self) -> None:
        """Give the hooks back, and remove the file for falls of the interpreter: it had none."""
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__
        sys.unraisablehook = sys.__unraisablehook__
        if self in _installed:
            _installed.remove(self)
        if self._faults is not None:
            faulthandler.disable()
            os.close(self._faults)
            self._faults = None
            with suppress(OSError):
                (self._folder / f"fault-{os.getpid()}.txt").unlink()

    def record(self, error: BaseException, where: str = "main") -> str:
        """Write a crash file; return its reference, also where the disk does not take it.

        Args:
            error: with its traceback.
            where: the thread, loop or command it came from.
        """
        from core.logs import redact_text

        reference = secrets.token_hex(4).upper()
        now = self._clock.now()
        trace = "".join(traceback.TracebackException.from_exception(error, capture_locals=False).format())
        text = (
            f"reference {reference}\ntime {now.isoformat()}\nversion {version()}\n"
            f"python {platform.python_version()} on {platform.platform()}\n"
            f"where {where}\n\n{redact_text(trace)}"
        )
        with suppress(OSError):
            handle = self._open(f"{now:%Y%m%dT%H%M%S}-{reference}.txt")
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
            self._forget_old()
        return reference

    def answer_for(self, error: BaseException, where: str) -> None:
        """Record an error that nobody catches, and tell of it."""
        reference = self.record(error, where)
        _log.error("crash.recorded", reference=reference, where=where, kind=type(error).__name__)
        self._notify(reference, error)

    def told(self, reference: str) -> str:
        """Say in one sentence where the traceback is."""
        return (
            f"this is a defect of the program, not of what you did; reference {reference}, "
            f"details in {self._folder}"
        )

    def _on_main(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        self.answer_for(error.with_traceback(trace), "main")

    def _on_thread(self, caught: threading.ExceptHookArgs) -> None:
        error = caught.exc_value
        if error is None or issubclass(caught.exc_type, SystemExit):
            return
        name = caught.thread.name if caught.thread else "a thread that has ended"
        self.answer_for(error, f"thread {name}")

    def _on_unraisable(self, caught: "sys.UnraisableHookArgs") -> None:
        # Raised where nothing can catch it, as while an object is taken away.
        if caught.exc_value is not None:
            self.answer_for(caught.exc_value, "unraisable")

    def _open(self, name: str) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)

    def _forget_old(self) -> None:
        # Their names begin with the time, so the first are the oldest.
        for path in sorted(self._folder.glob("2*.txt"))[:-MOST_FILES]:
            path.unlink()


_installed: list[CrashFiles] = []


def handle_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Answer for what an event loop's callbacks and forgotten tasks raise (`loop.set_exception_handler`)."""
    error = context.get("exception")
    if not isinstance(error, BaseException):
        error = RuntimeError(str(context.get("message", "an event loop reported an error")))
    if not _installed:
        loop.default_exception_handler(context)
        return
    _installed[-1].answer_for(error, f"event loop of thread {threading.current_thread().name}")
