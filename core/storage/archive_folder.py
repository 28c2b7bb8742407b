"""Encrypted archives in a folder: one file each, written once and never changed.

Each has a key of its own, kept with its seal in the database: so a new key of the profile leaves the
archives as they were sealed, and their hash stays the one in the seal. Until the seal is durable a file ends
in `.partial`; whoever settles the folder next gives it its name, or removes it where no seal came.
"""

import hashlib
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from core.errors import DatabaseDamaged, DatabaseMissing, StorageUnwritable
from core.failpoints import failpoint
from core.storage import engine
from core.storage.faults import DRIVER_ERRORS, translate
from core.storage.private_file import sync_folder
from core.storage.vault import Key

T = TypeVar("T")

FOLDER = "archive"  # beside the database
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class Named:
    """An archive as its seal has it.

    Attributes:
        what: what is in it, for people.
    """

    file: str
    sha256: str
    key: str
    what: str


class ArchiveFolder:
    """The archives of one kind, beside those of others.

    Args:
        folder: the profile's `archive`, which is made with the first of them.
        kind: how their names begin.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder = folder
        self._kind = kind

    def write(self, name: str, key: str, fill: Callable[[Connection], None]) -> str:
        """Make an archive, not yet under its name, and return its SHA-256 once it is on the disk.

        Raises:
            StorageUnwritable: the folder takes nothing.
        """
        path = self._folder / (name + _PARTIAL)
        maker = engine.building_engine(path, Key(bytes.fromhex(key)))
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            with maker.connect() as connection, connection.begin():
                fill(connection)
            maker.dispose()
            found = _sha256(path)
            sync_folder(self._folder)
        except OSError as error:
            raise StorageUnwritable(
                f"{path} cannot be written: {error.strerror}. Nothing was archived; "
                "check the folder and its room"
            ) from error
        except DRIVER_ERRORS as error:
            raise translate(error, path) from error
        finally:
            maker.dispose()
        failpoint("retention.written")
        return found

    def read(self, archive: Named, query: Callable[[Connection], T]) -> T:
        """Answer a question from an archive.

        Raises:
            DatabaseMissing: it is not at hand.
            DatabaseDamaged: it is not, byte for byte, the one that was sealed, or its key does not open it.
            StorageUnwritable: it cannot be read now.
        """
        path = self._path(archive)
        if _hash_of(path, archive) != archive.sha256:
            raise DatabaseDamaged(
                f"archive {archive.file} is not the file that was sealed: put a copy of it back"
            )
        try:
            probe = engine.probing_engine(path, Key(bytes.fromhex(archive.key)))
            try:
                with probe.connect() as connection:
                    return query(connection)
            finally:
                probe.dispose()
        except (*DRIVER_ERRORS, ValueError) as error:
            raise DatabaseDamaged(f"archive {archive.file} is not opened by the key in its seal") from error

    def settle(self, known: Collection[str]) -> None:
        """Give each sealed archive its name, and remove those that were cut off before their seal.

        Args:
            known: the names in the seals.

        Raises:
            StorageUnwritable: a file could not be moved or removed; the next try goes on from there.
        """
        try:
            for path in sorted(self._folder.glob(f"{self._kind}-*{_PARTIAL}*")):
                name, _, end = path.name.partition(_PARTIAL)
                if name in known and not end:
                    path.replace(self._folder / name)
                else:
                    path.unlink()
                failpoint("retention.placed")
            if self._folder.is_dir():
                sync_folder(self._folder)
        except OSError as error:
            raise StorageUnwritable(
                f"{self._folder}: archives could not be put in their places: {error.strerror}. Try again; "
                "nothing is lost"
            ) from error

    def _path(self, archive: Named) -> Path:
        name = archive.file
        if Path(name).name != name:
            raise DatabaseDamaged(f"the seal of {archive.what} names no archive")
        path = self._folder / name
        partial = self._folder / (name + _PARTIAL)
        # Ended between the seal and the move, the file is whole under its first name.
        return partial if partial.exists() and not path.exists() else path


def _hash_of(path: Path, archive: Named) -> str:
    try:
        return _sha256(path)
    except FileNotFoundError as error:
        raise DatabaseMissing(f"archive {archive.file} with {archive.what} is not at hand") from error
    except (OSError, ValueError) as error:
        raise StorageUnwritable(f"archive {archive.file} cannot be read: {error}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
