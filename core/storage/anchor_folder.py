"""Signed heads in a folder of the user's choice: another disk, a share, a folder that is synchronised.

It may be away at any time, and a share that is gone may give no answer for minutes: nobody waits for it.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from core.errors import StorageUnwritable
from core.storage.anchors import FILE, AnchorFile
from core.storage.jobs import Caught
from core.storage.private_file import replacing

T = TypeVar("T")

EXPORT_FOLDER = "export folder"
FOLDER_EVERY_S = 3_600.0  # what is synchronised for every head would be a burden on the line
ANSWERS_WITHIN_S = 3.0
MARK = "anchors.begun"  # beside the database: in which file heads are kept elsewhere


class AnchorFolder:
    """`ports.anchors.Witness` in a file of such a folder.

    Args:
        path: the file.
        mark: notes that it was begun. Then its absence means that the folder is away, and no new file is
            begun in what an empty place to mount is.
        within_s: seconds after which the folder counts as away.
    """

    place = EXPORT_FOLDER
    every_s = FOLDER_EVERY_S

    def __init__(self, path: Path, mark: Path, within_s: float = ANSWERS_WITHIN_S) -> None:
        self._path = path
        self._mark = mark
        self._within_s = within_s
        self._file = AnchorFile(path, self.place, is_expected=False)
        self._is_free = threading.Semaphore()

    def keep(self, line: str) -> None:
        """Append a line.

        Raises:
            StorageUnwritable: the folder is away or takes nothing; what was kept before is there still.
        """
        self._within(lambda: self._keep(line))

    def lines(self) -> tuple[str, ...]:
        """List what is kept.

        Raises:
            StorageUnwritable: the folder is away, or the file cannot be read.
        """
        return self._within(self._lines)

    def set_aside(self, name: str, line: str) -> None:
        """Begin the file anew with a line; what it held is kept beside it. Done once, however often called.

        Raises:
            StorageUnwritable: the folder is away or takes nothing.
        """
        self._within(lambda: self._set_aside(name, line))

    def _keep(self, line: str) -> None:
        self._look()
        self._write(line)

    def _write(self, line: str) -> None:
        self._file.keep(line)
        if self._begun() != str(self._path):
            with replacing(self._mark) as file:
                file.write(f"{self._path}\n".encode())

    def _lines(self) -> tuple[str, ...]:
        self._look()
        return self._file.lines()

    def _set_aside(self, name: str, line: str) -> None:
        if line in self._lines():
            return
        if self._path.exists():
            self._path.rename(self._path.with_name(name))
        self._write(line)

    def _look(self) -> None:
        if not self._path.parent.is_dir():
            raise StorageUnwritable(f"{self._path.parent} is not there")
        if self._begun() == str(self._path) and not self._path.exists():
            raise StorageUnwritable(
                f"{self._path.name} is not in {self._path.parent}, though heads were kept there. If that is "
                f"not mounted, mount it; if the file is lost for good, remove {self._mark} to begin anew"
            )

    def _begun(self) -> str:
        try:
            return self._mark.read_text(encoding="utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError):
            return ""

    def _within(self, work: Callable[[], T]) -> T:
        # A thread that the end of the program does not wait for: it may hang in the system for minutes.
        found: list[T] = []
        caught, is_done = Caught(), threading.Event()

        def run() -> None:
            with caught:
                found.append(work())
            self._is_free.release()
            is_done.set()

        if self._is_free.acquire(timeout=self._within_s):
            threading.Thread(target=run, name="anchor folder", daemon=True).start()
            is_done.wait(self._within_s)
        if found:
            return found[0]
        if is_done.is_set() and isinstance(caught.error, OSError):
            raise StorageUnwritable(f"{self._path} cannot be used: {caught.error.strerror}") from caught.error
        if is_done.is_set() and caught.error is not None:
            raise caught.error
        raise StorageUnwritable(f"{self._path.parent} gives no answer")


def anchor_folder(folder: Path, profile: Path, name: str) -> AnchorFolder:
    """Return the witness of a profile in a folder of the user's choice.

    Args:
        profile: the folder of the profile.
        name: what sets the profile apart from others that keep their heads there.
    """
    return AnchorFolder(folder / f"{name}.{FILE}", profile / MARK)
